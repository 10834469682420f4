"""What the report says is what plain SQL says, and what the oracle says, of the same lake."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.generator import LakeSpec
from sparkify_dagster.report.facts import Facts, gather, typed
from sparkify_dagster.report.words import number
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster_tests.lakes import TinyLake, bring_up_to_date, warehouse_at
from sparkify_dagster_tests.unit.report.pages import Page, written

PLAY = "page = 'NextSong' AND user_id IS NOT NULL"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> TinyLake:
    spec = LakeSpec(songs=40, events=1500, days=6, mess=True)
    return TinyLake.generated(tmp_path_factory.mktemp("lake"), spec)


@pytest.fixture(scope="module")
def warehouse(lake: TinyLake, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = warehouse_at(tmp_path_factory.mktemp("warehouse") / "w.duckdb")
    bring_up_to_date(lake.open(), made)
    return made


@pytest.fixture(scope="module")
def facts(warehouse: Warehouse) -> Facts:
    return warehouse.read_only(gather)


def asked(warehouse: Warehouse, sql: str) -> list[Any]:
    with warehouse.reading() as session:
        session.execute("SET search_path = 'sparkify'")
        return session.query(sql)


def test_the_headline_is_what_staging_and_star_say(warehouse: Warehouse, facts: Facts) -> None:
    ((plays, people, sessions, until),) = asked(
        warehouse,
        f"""SELECT (SELECT COUNT(*) FROM (SELECT DISTINCT user_id, session_id, item_in_session
                FROM staging_events_table WHERE {PLAY})),
            COUNT(DISTINCT user_id), COUNT(DISTINCT CASE WHEN user_id IS NOT NULL
            THEN user_id || '|' || session_id END), MAX(ts) FROM staging_events_table""",
    )
    ((matched, listeners, days, first, last),) = asked(
        warehouse,
        """SELECT COUNT(song_id), COUNT(DISTINCT user_id), COUNT(DISTINCT CAST(start_time AS DATE)),
            MIN(CAST(start_time AS DATE)), MAX(CAST(start_time AS DATE)) FROM songplay""",
    )
    head = facts.headline
    assert (head.plays, head.people, head.sessions, head.data_until) == (
        plays, people, sessions, until,
    )  # fmt: skip
    assert (head.matched, head.listeners, head.days) == (matched, listeners, days)
    assert (head.first_day, head.last_day) == (first, last)
    assert head.match_rate == matched / plays
    assert 0 < matched < plays


def test_the_headline_is_what_the_oracle_says(lake: TinyLake, facts: Facts) -> None:
    expected = lake.expected()
    assert facts.headline.plays == len(expected.songplay)
    assert facts.headline.songs == len(expected.song)
    assert facts.headline.artists == len(expected.artist)
    assert facts.headline.people == len(expected.user)
    assert facts.headline.rejects == len(expected.rejects) > 0


def test_plays_by_day_and_by_hour_of_the_week_are_the_fact_table_counted(
    warehouse: Warehouse, facts: Facts
) -> None:
    starts = [start for (start,) in asked(warehouse, "SELECT start_time FROM songplay")]
    by_day = Counter(start.date() for start in starts)
    assert {row["period"]: row["plays"] for row in facts.answers["plays"]} == by_day
    assert [row["period"] for row in facts.answers["plays"]] == sorted(by_day)
    by_hour = Counter((start.isoweekday() % 7, start.hour) for start in starts)
    assert {(r["weekday"], r["hour"]): r["plays"] for r in facts.answers["week"]} == by_hour


def test_people_are_new_on_the_day_of_their_first_play(warehouse: Warehouse, facts: Facts) -> None:
    plays = asked(warehouse, "SELECT user_id, CAST(start_time AS DATE) FROM songplay")
    firsts: dict[int, date] = {}
    for user, day in plays:
        firsts[user] = min(day, firsts.get(user, day))
    for row in facts.answers["listeners"]:
        active = {user for user, day in plays if day == row["period"]}
        new = {user for user in active if firsts[user] == row["period"]}
        assert row["active_a_day"] == len(active)
        assert row["new_listeners"] == len(new)
        assert row["returning_a_day"] == len(active - new)


def test_the_levels_add_up_over_time(facts: Facts) -> None:
    (now,), last = facts.answers["levels"], facts.answers["subscriptions"][-1]
    assert (now["free"], now["paid"]) == (last["free"], last["paid"])
    for change in ("upgrades", "downgrades", "cancellations"):
        assert now[change] == sum(row[change] for row in facts.answers["subscriptions"])


def test_every_session_is_in_one_bucket_of_each_kind(warehouse: Warehouse, facts: Facts) -> None:
    for name in ("session_minutes", "session_songs"):
        counted = {row["bucket"]: row["sessions"] for row in facts.answers[name]}
        assert sum(counted.values()) == facts.headline.sessions
    lone = asked(
        warehouse,
        f"""SELECT COUNT(*) FROM (SELECT user_id, session_id FROM staging_events_table
            WHERE {PLAY} GROUP BY user_id, session_id HAVING COUNT(DISTINCT item_in_session) = 1)
        """,
    )
    assert {r["bucket"]: r["sessions"] for r in facts.answers["session_songs"]}[1] == lone[0][0]


def test_plays_without_a_song_are_listed_once_and_explained(
    warehouse: Warehouse, facts: Facts
) -> None:
    ((left,),) = asked(warehouse, "SELECT COUNT(*) FROM songplay WHERE song_id IS NULL")
    assert sum(row["plays"] for row in facts.answers["unmatched_reasons"]) == left > 0
    close, missing = facts.answers["unmatched_close"], facts.answers["unmatched_missing"]
    assert close
    assert missing
    songs = {song for (song,) in asked(warehouse, "SELECT song_id FROM song")}
    assert {row["closest_song_id"] for row in close} <= songs


def test_the_page_shows_the_same_numbers(
    warehouse: Warehouse, facts: Facts, tmp_path: Path
) -> None:
    page = Page(written(warehouse, tmp_path / "r.html"))
    head = facts.headline
    assert page.cards["Plays"] == number(head.plays)
    assert page.cards["Sessions"] == number(head.sessions)
    assert page.cards["Rejected records"] == number(head.rejects)
    shown = page.tables["Plays by day"][1:]
    assert [int(row[1].replace(",", "")) for row in shown] == [
        row["plays"] for row in facts.answers["plays"]
    ]
    grid = page.tables["Plays by weekday and hour"][1:]
    assert grid[0][0] == "Monday"
    assert sum(int(cell.replace(",", "")) for row in grid for cell in row[1:]) == head.plays


def test_the_sql_under_the_numbers_gives_the_numbers(
    warehouse: Warehouse, facts: Facts, tmp_path: Path
) -> None:
    page = Page(written(warehouse, tmp_path / "r.html"))
    shown = set(page.code)
    assert {typed(question) for question in facts.questions.values()} <= shown
    with warehouse.reading() as session:
        session.execute("SET search_path = 'sparkify'")
        for name, answer in facts.answers.items():
            rows = session.query(typed(facts.questions[name]))
            told = [tuple(row.values()) for row in answer]
            assert sorted(map(repr, rows)) == sorted(map(repr, told)), name
        checks = [sql for sql in shown if "AS offenders" in sql]
        assert len(checks) == len(facts.warnings) > 5
        for sql in checks:
            assert len(session.query(sql)) == 1


def test_the_time_of_the_last_load_is_the_ledgers(warehouse: Warehouse, facts: Facts) -> None:
    ((last,),) = asked(warehouse, "SELECT MAX(loaded_at) FROM load_history")
    assert isinstance(last, datetime)
    assert facts.headline.last_load == last
