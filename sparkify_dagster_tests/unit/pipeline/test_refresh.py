"""How much of what is stored a refresh of the star looks at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sparkify_dagster.model.star import USER
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.plan import held_against, pending
from sparkify_dagster.pipeline.refresh import Refresh
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Row, Session
from sparkify_dagster_tests.lakes import (
    STAR_NAMES,
    TinyLake,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)

DAYS = ("2018-11-02", "2018-11-03", "2018-11-04")
DAY_MS = 86_400_000
FIRST_MS = 1_541_116_800_000


@pytest.fixture
def lake(tmp_path: Path) -> TinyLake:
    """Two users on two days, one of whom pays from the second day on."""
    lake = TinyLake(tmp_path / "lake")
    for number, day in enumerate(DAYS[:2]):
        lake.put_log(log_key(day), said("8", number, "free"), said("9", number, "paid"))
    return lake


@pytest.fixture
def warehouse(lake: TinyLake, tmp_path: Path) -> DuckDBWarehouse:
    """A warehouse that holds the lake."""
    warehouse = warehouse_at(tmp_path / "warehouse.duckdb")
    bring_up_to_date(lake.open(), warehouse)
    return warehouse


def said(user: str, day: int, level: str) -> dict[str, object]:
    """An event of a user on a day, told by its number."""
    ts = FIRST_MS + day * DAY_MS
    return event(userId=user, ts=ts, sessionId=day, itemInSession=int(user), level=level)


@contextmanager
def users_refreshed(lake: TinyLake, warehouse: DuckDBWarehouse) -> Iterator[Session]:
    """The table of users refreshed after the lake's days were loaded; nothing of it is kept."""
    with warehouse.reading() as session:
        since = session.query("SELECT MAX(h.load_id) FROM sparkify.load_history AS h")[0][0]
    changed = [part.name for part in pending(*held_against(lake.open().snapshot(), warehouse)).days]
    bring_up_to_date(lake.open(), warehouse, days=changed, star=False)
    with warehouse.transaction() as session:
        Refresh(session, since, USER.reads).build(USER)
        yield session


def looked_at(session: Session) -> list[Row]:
    """The events that were looked at to make users anew: user and log day."""
    return session.query(
        'SELECT s.user_id, CAST(s.log_date AS VARCHAR) FROM "scope_user" AS s ORDER BY 1, 2'
    )


def levels(session: Session) -> list[Row]:
    """What the table of users says."""
    return session.query('SELECT u.user_id, u.level FROM sparkify."user" AS u ORDER BY 1')


def test_for_a_new_day_only_its_own_events_say_who_its_users_are(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_log(log_key(DAYS[2]), said("8", 2, "paid"))
    with users_refreshed(lake, warehouse) as session:
        assert looked_at(session) == [(8, DAYS[2])]
        assert levels(session) == [(8, "paid"), (9, "paid")]


def test_for_a_late_day_what_came_after_it_is_looked_at_too(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_log(log_key("2018-11-01"), said("8", -1, "paid"))
    with users_refreshed(lake, warehouse) as session:
        assert looked_at(session) == [(8, "2018-11-01"), (8, DAYS[0]), (8, DAYS[1])]
        assert levels(session) == [(8, "free"), (9, "paid")]


def test_where_an_event_went_all_that_is_left_of_its_user_is_looked_at(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.put_log(log_key(DAYS[1]), said("9", 1, "free"))
    with users_refreshed(lake, warehouse) as session:
        assert looked_at(session) == [(8, DAYS[0]), (9, DAYS[0]), (9, DAYS[1])]
        assert levels(session) == [(8, "free"), (9, "free")]


def touched(
    lake: TinyLake, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> set[str]:
    """The star tables whose keys were looked for when the lake was loaded; all of them checked."""
    asked: set[str] = set()
    find = Refresh._touched

    def noted(refresh: Refresh, table: Table) -> str:
        asked.add(table.name)
        return find(refresh, table)

    monkeypatch.setattr(Refresh, "_touched", noted)
    star = bring_up_to_date(lake.open(), warehouse, rebuild_from=math.inf).star
    assert star is not None
    assert star.mode == "refresh"
    assert set(STAR_NAMES) <= star.findings.keys()
    assert_equals_oracle(warehouse, lake.expected())
    return asked


def test_a_new_day_leaves_songs_and_artists_alone(
    lake: TinyLake, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put_log(log_key(DAYS[2]), said("8", 2, "paid"))
    assert touched(lake, warehouse, monkeypatch) == {"songplay", "time", "user"}


def test_a_song_that_nobody_plays_leaves_users_and_times_alone(
    lake: TinyLake, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put_song("a.json", song(title="Nobody plays it"))
    assert touched(lake, warehouse, monkeypatch) == {"songplay", "song", "artist"}


def test_a_day_without_records_is_taken_in_like_any_other(
    lake: TinyLake, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put_log(log_key(DAYS[2]))
    assert touched(lake, warehouse, monkeypatch) == {"songplay"}


def test_stored_plays_with_blanks_around_their_names_are_matched_when_their_song_comes(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    names = ("Starlight", "Muse"), (" Starlight", "Muse"), ("Starlight", "Muse "), ("Map", "Muse")
    plays = (event(song=s, artist=a, itemInSession=n) for n, (s, a) in enumerate(names))
    lake.put_log(log_key(DAYS[2]), *plays)
    bring_up_to_date(lake.open(), warehouse)
    lake.put_song("a.json", song(title="Starlight", artist_name="Muse"))
    done = bring_up_to_date(lake.open(), warehouse, rebuild_from=math.inf).star
    assert done is not None
    assert (done.mode, done.matched, done.tables["songplay"].added) == ("refresh", 3, 3)
    assert_equals_oracle(warehouse, lake.expected())
