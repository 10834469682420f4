"""What a load says of itself, in which order, and what becomes of what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify_dagster.lake.reader.reader import Reader
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline import load as module
from sparkify_dagster.pipeline.events import Ended, Event, FailedPart, Noticed, Omitted, PartResult
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.plan import Request
from sparkify_dagster.pipeline.star import StarResult
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, song, warehouse_at

CHANGES = Request()
TABLES = frozenset(table.name for table in (*STAR, *MARTS))


@pytest.fixture
def lake(tmp_path: Path) -> TinyLake:
    """A song and two days, the second of which cannot be published."""
    lake = TinyLake(tmp_path / "lake")
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-01"), event())
    lake.put_log(log_key("2018-11-02"), b"broken", b"broken")
    return lake


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return warehouse_at(tmp_path / "warehouse.duckdb")


def loaded(lake: TinyLake, warehouse: DuckDBWarehouse, request: Request = CHANGES) -> list[Event]:
    return list(load(request, warehouse, lake.open(), Limits(attempts=2)))


def end_of(events: list[Event]) -> Ended:
    assert isinstance(events[-1], Ended)
    return events[-1]


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def failing(*_: object, **__: object) -> None:
    raise WarehouseError("the warehouse is away.")


def test_a_load_says_what_it_planned_then_each_part_the_star_the_checks_and_its_end(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    events = loaded(lake, warehouse)
    assert kinds(events) == [
        "Planned", "PartResult", "PartResult", "PartResult", "DaysLoaded", "Checked",
        "StarResult", "Checked", "Ended",
    ]  # fmt: skip
    parts = [event for event in events if isinstance(event, PartResult)]
    assert [(part.entry.target, part.entry.part, part.published) for part in parts] == [
        (STAGING_SONGS.name, "all", True),
        (STAGING_EVENTS.name, "2018-11-01", True),
        (STAGING_EVENTS.name, "2018-11-02", False),
    ]
    assert all(part.phases for part in parts if part.published)


def test_its_end_says_what_failed_how_often_what_is_given_up_and_what_is_up_to_date(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    first, second = (end_of(loaded(lake, warehouse)) for _ in range(2))
    (part,) = first.failed
    assert part.reason.startswith("2018-11-02 was not published: 2 of 2 records")
    assert [(p.name, p.tried, p.given_up) for p in (*first.failed, *second.failed)] == [
        ("2018-11-02", 1, False),
        ("2018-11-02", 2, True),
    ]
    assert (first.error, second.error) == (None, None)
    assert second.up_to_date == {STAGING_SONGS.name, *TABLES}
    third = loaded(lake, warehouse, Request("due"))
    assert kinds(third) == ["Noticed", "Planned", "Ended"]
    assert end_of(third) == Ended()


def test_tables_that_alone_are_asked_for_are_built_whole(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    loaded(lake, warehouse)
    for tables in (TABLES, frozenset({"songplay"})):
        events = loaded(lake, warehouse, Request("asked", tables=tables))
        (star,) = [event for event in events if isinstance(event, StarResult)]
        assert star.mode == "rebuild"
        assert star.tables.keys() == TABLES
        assert not any(isinstance(event, PartResult) for event in events)


def test_a_load_says_that_people_come_back_who_are_on_the_list_no_more(
    lake: TinyLake, warehouse: DuckDBWarehouse
) -> None:
    lake.forgotten.write_text(f"{event()['userId']}\n")
    loaded(lake, warehouse)
    lake.forgotten.write_text("")
    (said,) = [e.text for e in loaded(lake, warehouse) if isinstance(e, Noticed)]
    assert "has lost ids: 1 log day of which records were left out is read again" in said


def test_an_error_ends_a_load_and_what_it_had_published_is_said_all_the_same(
    lake: TinyLake, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "publish_star", failing)
    events = loaded(lake, warehouse)
    assert [e.entry.part for e in events if isinstance(e, PartResult) and e.published] == [
        "all",
        "2018-11-01",
    ]
    ended = end_of(events)
    assert str(ended.error) == "the warehouse is away."
    assert ended.failed[-1] == FailedPart("the star", "the warehouse is away.")
    assert ended.up_to_date == {STAGING_SONGS.name}


def test_what_fails_beside_a_load_is_omitted_with_a_word_each(
    lake: TinyLake, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lake.logs / log_key("2018-11-02")).unlink()
    for owner, name in (
        (module, "examine_stored"), (ledger, "prune"),
        (DuckDBWarehouse, "clean_up"), (Reader, "close"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, failing)
    events = loaded(lake, warehouse)
    said = [event.text for event in events if isinstance(event, Omitted)]
    assert {text.removesuffix(": the warehouse is away.") for text in said} == {
        "A reader was not closed",
        "Checks were not made",
        "Old history was not removed",
        "Files of dead loads were not removed",
    }
    assert end_of(events).failed == ()
    assert end_of(events).up_to_date == {STAGING_SONGS.name, *TABLES}


def test_a_lake_that_is_empty_before_anything_was_loaded_ends_a_load_at_once(
    tmp_path: Path, warehouse: DuckDBWarehouse
) -> None:
    (ended,) = loaded(TinyLake(tmp_path / "nothing"), warehouse)
    assert isinstance(ended, Ended)
    assert [part.name for part in ended.failed] == [""]
    assert ended.failed[0].reason.startswith("The lake is empty")


def test_no_word_of_a_load_is_dagsters() -> None:
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert "dagster" not in text.replace("sparkify_dagster", "").lower()
