"""What the ledger adds to a listing: days it has published, links that were folders, the clock."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from sparkify_dagster.lake.objects import NOT_FOLLOWED
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.pipeline.plan import clock_problem, loaded
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    song,
    warehouse_at,
)

NOON = datetime(2018, 11, 2, 12)


@pytest.fixture
def lake(tmp_path: Path) -> TinyLake:
    """Two days, the second of them below a folder `old`; one song below `A`."""
    made = TinyLake(tmp_path / "lake")
    made.put_song("A/a.json", song())
    made.put_log("2018-11-01.json", event())
    made.put_log("old/2018-11-02.json", event(sessionId=2))
    return made


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return warehouse_at(tmp_path / "warehouse.duckdb")


def on(day: date, lake: TinyLake) -> Lake:
    """The lake as it is opened on a day."""
    return replace(lake.open(), today=day)


def test_a_clock_that_goes_back_takes_nothing_out_and_days_go_on_loading(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    bring_up_to_date(on(date(2018, 11, 30), lake), warehouse)
    back = on(date(1970, 1, 1), lake)
    assert bring_up_to_date(back, warehouse).todo.is_nothing
    assert_equals_oracle(warehouse, lake.expected())
    lake.put_log("old/2018-11-02.json", event(sessionId=3))
    assert [part.name for part in bring_up_to_date(back, warehouse).todo.days] == ["2018-11-02"]
    assert_equals_oracle(warehouse, lake.expected())
    (lake.logs / "old/2018-11-02.json").unlink()
    bring_up_to_date(back, warehouse)
    assert_equals_oracle(warehouse, lake.expected())
    assert loaded(warehouse).latest_day == "2018-11-02"


def test_a_day_that_has_not_come_loads_by_itself_when_it_has(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    eve = bring_up_to_date(on(date(2018, 11, 1), lake), warehouse)
    assert [part.name for part in eve.todo.days] == ["2018-11-01"]
    assert [item.key for item in eve.seen.unroutable] == ["old/2018-11-02.json"]
    assert bring_up_to_date(on(date(2018, 11, 1), lake), warehouse).todo.is_nothing
    bring_up_to_date(on(date(2018, 11, 2), lake), warehouse)
    assert_equals_oracle(warehouse, lake.expected())


def test_a_link_that_was_a_folder_fails_its_days_and_one_that_was_none_fails_nothing(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    (lake.logs / "README").symlink_to("nowhere")
    mounted = lake.logs / ".mounted"
    (lake.logs / "old").rename(mounted)
    (lake.logs / "old").symlink_to(mounted)
    bring_up_to_date(lake.open(), warehouse)
    held = loaded(warehouse)
    assert set(held.days) == {"2018-11-01", "2018-11-02"}
    mounted.rename(lake.root / "away")
    lost = bring_up_to_date(lake.open(), warehouse)
    assert [day.entry.message for day in lost.days] == [f"old/: {NOT_FOLLOWED}"] * len(lost.days)
    assert lost.failed == {part.name for part in lost.todo.days} != set()
    (lake.root / "away").rename(mounted)
    assert not bring_up_to_date(lake.open(), warehouse).failed
    assert bring_up_to_date(lake.open(), warehouse).todo.is_nothing
    (lake.logs / "old").unlink()
    bring_up_to_date(lake.open(), warehouse)
    assert_equals_oracle(warehouse, lake.expected())


def test_a_dead_link_hides_objects_of_its_own_place_alone(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    bring_up_to_date(lake.open(), warehouse)
    (lake.logs / "A").symlink_to("nowhere")
    assert bring_up_to_date(lake.open(), warehouse).todo.is_nothing
    shutil.rmtree(lake.songs / "A")
    (lake.songs / "A").symlink_to("nowhere")
    assert bring_up_to_date(lake.open(), warehouse).failed == {"songs"}


def test_the_latest_day_was_published_and_the_newest_entry_is_of_now(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    assert (loaded(warehouse).latest_day, loaded(warehouse).newest) == ("", None)
    before = ledger.utc_now()
    lake.put_log("2018-11-03.json", b"broken")  # Failed: never published.
    bring_up_to_date(lake.open(), warehouse)
    held = loaded(warehouse)
    assert held.latest_day == "2018-11-02"
    assert held.newest is not None
    assert before <= held.newest <= ledger.utc_now()


@pytest.mark.parametrize(
    ("newest", "told"),
    [
        (None, False),
        (NOON - timedelta(days=400), False),
        (NOON + timedelta(hours=1), False),
        (NOON + timedelta(hours=1, seconds=1), True),
        (NOON + timedelta(days=400), True),
    ],
)
def test_a_clock_more_than_an_hour_behind_the_newest_entry_is_told(
    newest: datetime | None, told: bool
) -> None:
    assert bool(clock_problem(NOON, newest)) is told


def test_both_clocks_are_told() -> None:
    said = clock_problem(NOON, NOON + timedelta(days=28))
    assert "says 2018-11-02 12:00 UTC" in said
    assert "a load of 2018-11-30 12:00 UTC" in said
