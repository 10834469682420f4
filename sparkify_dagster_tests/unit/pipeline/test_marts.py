"""Marts beside the star: which way each is brought up to date, and what happens if one fails."""

from __future__ import annotations

import json
import math
import string
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from sparkify_dagster.model.catalog import TABLES, model_version
from sparkify_dagster.model.checks import audits_of
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.pipeline import marts as publishing
from sparkify_dagster.pipeline.audit import Stored, examine, examine_at_once
from sparkify_dagster.pipeline.marts import StarChange, are_behind, way_to
from sparkify_dagster.pipeline.plan import loaded
from sparkify_dagster.pipeline.refresh import Mode
from sparkify_dagster.pipeline.star import StarResult, publish_star
from sparkify_dagster.warehouse.duckdb.session import DuckDBSession
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Session, Transient, WarehouseError
from sparkify_dagster.warehouse.standing import StarPosition
from sparkify_dagster_tests.lakes import (
    STAR_NAMES,
    TinyLake,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    log_key,
    rows_of,
    song,
    warehouse_at,
)

DAY, NEXT_DAY = "2018-11-02", "2018-11-03"
NEXT_TS = 1541203200000
DAY_MS = 86_400_000


def at(load_id: int | None, name: str) -> StarPosition:
    return StarPosition(load_id, model_version(name))


@pytest.mark.parametrize(
    ("name", "taken", "star", "moved", "way"),
    [
        ("sessions", 5, "refresh", {"staging_events_table"}, "refresh"),
        ("sessions", 5, "rebuild", set(), "rebuild"),
        ("sessions", 4, "refresh", set(), "rebuild"),
        ("sessions", None, "nothing", set(), "rebuild"),
        ("sessions", 5, "nothing", set(), "nothing"),
        ("plays_by_hour", 5, "refresh", {"song"}, "nothing"),
        ("most_played", 5, "refresh", {"songplay"}, "nothing"),
        ("most_played", 5, "refresh", {"plays_by_song"}, "rebuild"),
        ("most_played", 5, "nothing", {"plays_by_song"}, "rebuild"),
    ],
)
def test_a_mart_is_built_where_what_it_reads_has_moved_and_whole_where_it_must_be(
    name: str, taken: int | None, star: Mode, moved: set[str], way: Mode
) -> None:
    assert way_to(TABLES[name], at(taken, name), StarChange(star, 5), moved) == way


def test_a_mart_of_another_model_is_built_whole() -> None:
    older = StarPosition(5, "older")
    assert way_to(TABLES["sessions"], older, StarChange("nothing", 5), ()) == "rebuild"


def test_marts_are_behind_when_one_has_taken_in_less_or_has_another_model() -> None:
    positions = {table.name: at(7, table.name) for table in MARTS}
    assert not are_behind(positions, 7)
    assert are_behind(positions, 8)
    assert are_behind(positions | {"sessions": StarPosition(7, "older")}, 7)


@pytest.fixture
def lake(tmp_path: Path) -> TinyLake:
    made = TinyLake(tmp_path / "lake")
    made.put_song("a.json", song())
    made.put_log(log_key(DAY), event(), event(itemInSession=1, song="Hysteria"))
    made.put_log(log_key(NEXT_DAY), event(sessionId=2, ts=NEXT_TS), event(userId="2", ts=NEXT_TS))
    return made


@pytest.fixture
def warehouse(tmp_path: Path, lake: TinyLake) -> DuckDBWarehouse:
    made = warehouse_at(tmp_path / "warehouse.duckdb")
    bring_up_to_date(lake.open(), made)
    return made


def refreshed(lake: TinyLake, warehouse: DuckDBWarehouse) -> StarResult:
    """Loads what changed without ever rebuilding the star, and holds it against the oracle."""
    star = bring_up_to_date(lake.open(), warehouse, rebuild_from=math.inf).star
    assert star is not None
    assert_equals_oracle(warehouse, lake.expected())
    return star


def test_a_changed_day_touches_its_slices_alone(lake: TinyLake, warehouse: DuckDBWarehouse) -> None:
    lake.put_log(log_key(NEXT_DAY), event(sessionId=2, ts=NEXT_TS), event(userId="3", ts=NEXT_TS))
    done = refreshed(lake, warehouse).tables
    assert done["plays_by_hour"].how == "refresh"
    assert (done["plays_by_hour"].removed, done["plays_by_hour"].rows) == (1, 2)
    # The session of user 2 is gone, that of user 3 is new, session 2 of user 1 was loaded again.
    assert (done["sessions"].removed, done["sessions"].added, done["sessions"].rows) == (2, 2, 3)


def test_marts_that_read_nothing_that_changed_stay_as_they_are(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_song("b.json", song(song_id="SO2", title="Nobody plays it"))
    done = refreshed(lake, warehouse).tables
    assert {name for name, told in done.items() if told.how != "nothing"} == {
        *STAR_NAMES,
        "unmatched_plays",
    }
    assert all(told.rows > 0 for told in done.values())


def test_a_name_of_punctuation_only_and_every_mark_of_ascii_are_compared(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    marks = "".join(f"a{mark}" for mark in string.punctuation)
    lake.put_song("b.json", song(song_id="SO2", artist_id="AR2", artist_name="!!!", title="Yadnus"))
    lake.put_song("c.json", song(song_id="SO3", title="a" * 32))
    unmatched = [
        {"song": "Heart of Hearts", "artist": "!!!"},
        {"song": marks, "artist": "M-U S E"},
        {"song": "???", "artist": "??"},
    ]
    lake.put_log(
        log_key(NEXT_DAY), *(event(sessionId=n, **names) for n, names in enumerate(unmatched, 20))
    )
    refreshed(lake, warehouse)
    told = {row[1]: (row[5], row[6]) for row in rows_of(warehouse, "unmatched_plays")}
    assert told["Heart of Hearts"] == ("the catalogue has the artist with other titles", "SO2")
    assert told[marks] == ("title and artist differ only in spelling", "SO3")
    assert told["???"] == ("neither title nor artist is in the catalogue", None)
    lines = {row[1]: row[9] for row in rows_of(warehouse, "unmatched_plays")}
    assert json.loads(lines.pop(marks)) == {"song": marks, "artist": "M-U S E", "song_id": "SO3"}
    assert set(lines.values()) == {None}


def test_a_touched_day_counts_from_its_first_moment_to_its_last(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    ends = [event(sessionId=7, itemInSession=n, ts=NEXT_TS + n) for n in (0, DAY_MS - 1)]
    lake.put_log(log_key(NEXT_DAY), *ends)
    refreshed(lake, warehouse)
    lake.put_log(log_key(NEXT_DAY, "late.json"), event(sessionId=9, ts=NEXT_TS + 60_000))
    refreshed(lake, warehouse)
    plays = {(str(day), hour): n for day, hour, n, *_ in rows_of(warehouse, "plays_by_hour")}
    assert (plays[NEXT_DAY, 0], plays[NEXT_DAY, 23]) == (2, 1)


def test_a_title_that_changes_while_the_play_stays_is_told_by_its_day(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_log(log_key(DAY), event(), event(itemInSession=1, song="Hysteria II"))
    star = refreshed(lake, warehouse)
    assert star.tables["songplay"].added == 0
    assert "Hysteria II" in {row[1] for row in rows_of(warehouse, "plays_by_song")}


def test_a_play_whose_first_delivery_goes_moves_to_the_day_of_the_next(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_log(log_key("2018-11-01"), event(itemInSession=5, ts=NEXT_TS - 2 * DAY_MS))
    lake.put_log(log_key(NEXT_DAY), event(itemInSession=5, ts=NEXT_TS + DAY_MS))
    refreshed(lake, warehouse)
    (lake.logs / log_key("2018-11-01")).unlink()
    before = {row[0] for row in rows_of(warehouse, "plays_by_hour")}
    refreshed(lake, warehouse)
    after = {row[0] for row in rows_of(warehouse, "plays_by_hour")}
    assert (before - after, after - before) == ({date(2018, 11, 1)}, {date(2018, 11, 4)})


LATER = log_key("2018-11-04")
LATER_TS = NEXT_TS + DAY_MS


@pytest.mark.parametrize("page", ["NextSong", "Home", "Submit Upgrade"])
def test_new_events_at_the_level_a_person_has_leave_the_history_of_levels_alone(
    lake: TinyLake, warehouse: DuckDBWarehouse, page: str
) -> None:
    lake.put_log(LATER, event(ts=LATER_TS, sessionId=8, page=page), event(ts=LATER_TS, level=None))
    assert refreshed(lake, warehouse).tables["user_level_history"].how == "nothing"


@pytest.mark.parametrize(
    ("values", "periods"),
    [
        ({"level": "paid"}, 2),
        ({"page": "Cancellation Confirmation"}, 1),
        ({"ts": 1541116700000}, 1),
        ({"level": "paid", "ts": 1541116700000}, 2),
        ({"userId": "9"}, 1),
    ],
    ids=["another level", "cancelled", "earlier", "another level before", "a new person"],
)
def test_new_events_that_tell_more_than_the_level_a_person_has_change_the_history(
    lake: TinyLake, warehouse: DuckDBWarehouse, values: dict[str, object], periods: int
) -> None:
    before = rows_of(warehouse, "user_level_history")
    lake.put_log(LATER, event(**{"ts": LATER_TS, "sessionId": 8} | values))
    told = refreshed(lake, warehouse).tables["user_level_history"]
    assert (told.how, told.added) == ("refresh", periods)
    assert rows_of(warehouse, "user_level_history") != before


def test_a_return_after_a_cancellation_is_a_period_of_its_own(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_log(LATER, event(ts=LATER_TS, sessionId=8, page="Cancellation Confirmation"))
    refreshed(lake, warehouse)
    lake.put_log(log_key("2018-11-05"), event(ts=LATER_TS + 86_400_000, sessionId=9))
    refreshed(lake, warehouse)
    assert "return" in {row[4] for row in rows_of(warehouse, "user_level_history")}


def test_an_event_that_is_taken_back_takes_back_the_period_it_began(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_log(LATER, event(ts=LATER_TS, sessionId=8, level="paid"))
    refreshed(lake, warehouse)
    lake.put_log(LATER, event(ts=LATER_TS, sessionId=8))
    told = refreshed(lake, warehouse).tables["user_level_history"]
    assert (told.added, told.removed) == (1, 2)


def failing(name: str, error: Callable[[], Exception]) -> Callable[..., int]:
    """In place of a session's `execute`: the mart of that name cannot be written."""
    plain = DuckDBSession.execute

    def execute(self: DuckDBSession, sql: str, values: object = None) -> int:
        if sql.startswith("INSERT INTO") and f'"{name}" (' in sql:
            raise error()
        return plain(self, sql, values)  # type: ignore[arg-type]

    return execute


def test_a_mart_that_cannot_be_written_does_not_hold_up_the_star(
    lake: TinyLake,
    warehouse: DuckDBWarehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = rows_of(warehouse, "plays_by_hour")
    lake.put_log(log_key(NEXT_DAY), event(sessionId=9, ts=NEXT_TS))
    with monkeypatch.context() as patched:
        failed = failing("sessions", lambda: WarehouseError("no"))
        patched.setattr(DuckDBSession, "execute", failed)
        with pytest.raises(AssertionError, match=r"^no$"):
            bring_up_to_date(lake.open(), warehouse, rebuild_from=math.inf)
    assert rows_of(warehouse, "songplay") == lake.expected().songplay
    assert rows_of(warehouse, "plays_by_hour") == before
    assert loaded(warehouse).star_behind

    star = refreshed(lake, warehouse)
    assert star.mode == "nothing"
    assert {told.how for told in star.tables.values()} == {"rebuild"}
    assert set(star.tables) == {table.name for table in MARTS}
    assert not loaded(warehouse).star_behind


def test_a_mart_whose_check_fails_is_not_published_and_the_finding_is_told(
    lake: TinyLake, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put_log(log_key(NEXT_DAY), event(sessionId=9, ts=NEXT_TS))
    plain = publishing.statement
    monkeypatch.setattr(
        publishing,
        "statement",
        lambda path, names: plain(path, names) + ("\nLIMIT 0" if "by_place" in path else ""),
    )
    with pytest.raises(AssertionError, match="plays of plays_by_place add up"):
        bring_up_to_date(lake.open(), warehouse)
    failed = publish_star(warehouse, "again").marts_failed
    assert failed is not None
    assert [f.check.table for f in failed.findings if f.stops] == ["plays_by_place"]
    assert rows_of(warehouse, "songplay") == lake.expected().songplay


def test_checks_that_are_asked_at_once_find_what_each_finds_by_itself(
    warehouse: DuckDBWarehouse,
) -> None:
    with warehouse.transaction() as session:
        session.execute("DELETE FROM sparkify.plays_by_hour WHERE matched = 0")
        session.execute("INSERT INTO sparkify.sessions SELECT * FROM sparkify.sessions")
        checks = [check for table in MARTS for check in audits_of(table.name)]
        rows = Stored(session.schema)
        by_table = examine_at_once(session, [(check, rows) for check in checks])
        assert list(by_table) == [table.name for table in MARTS]
        found = [finding for of_table in by_table.values() for finding in of_table]
        assert found == examine(session, checks, rows)
        assert examine_at_once(session, []) == {}
    assert {f.check.name for f in found if f.stops} == {"unique_key", "adds_up"}
    assert [f.sample for f in found if f.check.name == "unique_key" and f.stops] != [()]


def test_what_may_be_gone_the_next_time_is_left_to_who_tries_again() -> None:
    class Lost:
        schema = "s"

        def query(self, sql: str) -> list[object]:
            raise Transient("lost")

    positions = {table.name: StarPosition(None, None) for table in MARTS}
    session: Session = Lost()  # type: ignore[assignment]
    with pytest.raises(Transient):
        publishing.publish_marts(session, positions, StarChange("rebuild", 0))


def test_an_older_warehouse_gets_its_marts_with_the_next_load(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    with warehouse.transaction() as session:
        for table in MARTS:
            session.execute(f"DROP TABLE sparkify.{table.name}")
        session.execute("DELETE FROM sparkify.load_history WHERE target LIKE 'plays_by%'")
    star = refreshed(lake, warehouse)
    assert star.mode == "nothing"
    assert bring_up_to_date(lake.open(), warehouse).todo.is_nothing


def test_another_model_of_a_mart_rebuilds_it_and_what_reads_it_and_nothing_else(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    with warehouse.transaction() as session:
        session.execute(
            "UPDATE sparkify.load_history SET model_version = 'older' "
            "WHERE target = 'listening_days'"
        )
        session.execute("DELETE FROM sparkify.listening_days")
    star = refreshed(lake, warehouse)
    assert star.mode == "nothing"
    assert set(star.tables) == {"listening_days", "listeners_by_day"}


def test_a_rebuild_tells_how_many_plays_found_another_song(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_song("b.json", song(song_id="SO2", title="Hysteria"))
    lake.put_log(log_key("2018-11-04"), event(sessionId=7, song="Hysteria"))
    star = bring_up_to_date(lake.open(), warehouse, everything=True).star
    assert star is not None
    assert star.mode == "rebuild"
    assert star.rematched == 1
    assert publish_star(warehouse, "again", rebuild=True).rematched == 0


def test_the_first_build_finds_no_play_that_was_there_before(
    lake: TinyLake, tmp_path: Path
) -> None:
    star = bring_up_to_date(lake.open(), warehouse_at(tmp_path / "other.duckdb")).star
    assert star is not None
    assert star.rematched == 0


def test_a_thousand_songs_that_miss_the_same_large_artist_cost_no_more_than_their_sum(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_song("a.json", *(song(song_id=f"SO{at}", title=f"T{at}") for at in range(30_000)))
    plays = (event(itemInSession=at, song=f"U{at}") for at in range(1_000))
    lake.put_log(log_key(DAY), *plays)
    began = time.process_time()
    bring_up_to_date(lake.open(), warehouse)
    assert time.process_time() - began < 15  # A row for each pair: a minute, and gigabytes.
    closest = {row[6] for row in rows_of(warehouse, "unmatched_plays")}
    assert closest == {"SO0"}
