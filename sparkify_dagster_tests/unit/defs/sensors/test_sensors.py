"""Single ticks of the lake's sensor when what it meets is bad: its cursor, the lake, the warehouse.

No daemon runs: a tick is evaluated in this process, and what it asks for is looked at, not run.
What a tick decides stands in `test_triggers`, the real daemon's work in `integration/test_sensor`.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sparkify_dagster import factory
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.defs.resources import BoundsResource, WarehouseResource
from sparkify_dagster.defs.sensors import lake as sensors
from sparkify_dagster.defs.sensors.triggers import CURSOR_VERSION, OBSERVED_AT_ONCE
from sparkify_dagster.lake.changes import make_parts
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.notifications import Notified
from sparkify_dagster.lake.objects import LakeObject
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.settings import (
    DuckDBSettings,
    LoadSettings,
    SensorSettings,
    Settings,
    load_settings,
)
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseBusy
from sparkify_dagster_tests.lakes import (
    HastyLakeResource,
    TinyLake,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)

FIRST = date(1990, 1, 1)
MANY = 10_000


@dataclass
class Place:
    """A small lake, and the sensor that looks at it tick by tick."""

    folder: Path
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    cursor: str | None = None
    replaced: dict[str, Any] = field(default_factory=dict)
    last_day: str = "2018-11-30"

    def __post_init__(self) -> None:
        self.lake = TinyLake(self.folder / "lake")
        self.lake.put_song("a.json", song())
        self.lake.put_log(log_key("2018-11-01"), event())
        self.path = self.folder / "warehouse.duckdb"

    def tick(self) -> Any:
        """One tick. Its cursor is kept, as the daemon keeps it, unless it raises."""
        repository = self.definitions.get_repository_def()
        usual = {"lake": self.lake.resource(self.last_day), "warehouse": at(self.path)}
        resources = {**(self.definitions.resources or {}), **usual, **self.replaced}
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=repository,
            resources=resources,
        ) as context:
            told = repository.get_sensor_def(sensors.SENSOR).evaluate_tick(context)
        self.cursor = told.cursor
        return told


def at(path: Path) -> WarehouseResource:
    """A DuckDB file as Dagster's assets are given it."""
    return WarehouseResource(Settings(duckdb=DuckDBSettings(path=path)))


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """Made once, as in a code server; a test's lake and warehouse take the place of theirs."""
    environ = {"SPARKIFY_DAYS__FIRST": FIRST.isoformat(), "SPARKIFY_DAYS__LAST": "2018-11-30"}
    return build_definitions(load_settings(environ=environ, cwd=tmp_path_factory.mktemp("none")))


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, instance: dg.DagsterInstance, definitions: dg.Definitions) -> Place:
    return Place(tmp_path, instance, definitions)


# --------------------------------------------------------------------------------------------------
# The cursor
# --------------------------------------------------------------------------------------------------

GARBAGE = {
    "nothing": "",
    "no JSON": "once upon a time",
    "cut short": '{"version": 1, "state": "ab',
    "a list": "[]",
    "a number": "17",
    "null": "null",
    "another version": json.dumps({"version": CURSOR_VERSION + 1, "state": "x", "days": {}}),
    "no version": json.dumps({"state": "x"}),
    "unknown fields": json.dumps({"version": CURSOR_VERSION, "colour": "red"}),
    "days that are a list": json.dumps({"version": CURSOR_VERSION, "days": ["2018-11-01"]}),
    "days that are null": json.dumps({"version": CURSOR_VERSION, "days": None}),
    "digests that are numbers": json.dumps({"version": CURSOR_VERSION, "days": {"d": 1}}),
    "a request that is a list": json.dumps({"version": CURSOR_VERSION, "request": ["r"]}),
    "a time that is a text": json.dumps({"version": CURSOR_VERSION, "listed": "now"}),
    "a time that is none": '{"version": 1, "listed": NaN}',
    "receipts that are numbers": json.dumps({"version": CURSOR_VERSION, "receipts": [1]}),
    "very deep": "[" * 100_000,
    "NUL and surrogates": "\x00\ud800",
}


@pytest.mark.parametrize("cursor", GARBAGE.values(), ids=list(GARBAGE))
def test_with_a_cursor_that_says_nothing_the_lake_is_compared_as_on_the_first_day(
    place: Place, cursor: str
) -> None:
    place.cursor = cursor
    told = place.tick()
    assert len(told.run_requests) == 1
    assert json.loads(told.cursor)["version"] == CURSOR_VERSION
    assert {event.partition for event in told.asset_events} == {"2018-11-01", None}


# --------------------------------------------------------------------------------------------------
# The lake
# --------------------------------------------------------------------------------------------------


def test_a_lake_that_cannot_be_listed_fails_the_tick_and_is_never_nothing_new(
    place: Place,
) -> None:
    first = place.tick()
    place.lake.put_log(log_key("2018-11-02"), event())
    place.lake.logs.rename(place.folder / "elsewhere")
    for _ in range(2):
        with pytest.raises(LakeError, match="LOG_DATA"):
            place.tick()
        assert place.cursor == first.cursor
    (place.folder / "elsewhere").rename(place.lake.logs)
    # The first run was asked for and never begun here; what is loaded is what is there by then.
    assert len(place.tick().run_requests) == 1
    assert json.loads(place.cursor or "")["state"] != json.loads(first.cursor)["state"]


class SlowLakeResource(HastyLakeResource):
    """A lake whose listing waits until it may end."""

    def open(self) -> Lake:
        SLOW.begun += 1
        assert SLOW.may_end.wait(30)
        return super().open()

    def queue(self) -> Any:
        return SLOW if SLOW.has_queue else None


class _Slow:
    """How slow listings go on, and a queue that tells of an event when it is said to."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.begun = 0
        self.has_queue = False
        self.ours = False

    def told(self, _watched: object, _receipts: object) -> Notified:
        return Notified(self.ours, (), 0)


SLOW = _Slow()


@pytest.fixture
def slow(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Slow]:
    monkeypatch.setattr(sensors, "_LISTING_SECONDS", 0.05)
    monkeypatch.setattr(f"{__name__}.SLOW", _Slow())
    place.replaced = {"lake": SlowLakeResource(place.lake.resource().settings)}
    yield SLOW
    SLOW.may_end.set()


@pytest.mark.parametrize("told_at", [1, 2, 3])
def test_an_event_told_while_a_listing_runs_is_a_reason_to_list_again(
    place: Place, slow: _Slow, monkeypatch: pytest.MonkeyPatch, told_at: int
) -> None:
    slow.has_queue = True
    for number in (1, 2):
        slow.ours = number == told_at
        assert place.tick().skip_message == "the lake is still being listed"
    slow.may_end.set()
    monkeypatch.setattr(sensors, "_LISTING_SECONDS", 30)
    slow.ours = told_at == 3
    assert len(place.tick().run_requests) == 1
    assert slow.begun == 1
    missed = told_at > 1  # What was told before the first listing began, it shows.
    assert json.loads(place.cursor or "")["dirty"] == missed
    bring_up_to_date(place.lake.open(), warehouse_at(place.path))
    slow.ours = False
    place.tick()
    assert slow.begun == 2 or not missed


def test_a_listing_that_takes_longer_than_a_tick_has_is_taken_over_by_a_later_one(
    place: Place, slow: _Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        told = place.tick()
        assert told.skip_message == "the lake is still being listed"
        assert not told.run_requests
        assert not told.asset_events
    slow.may_end.set()
    monkeypatch.setattr(sensors, "_LISTING_SECONDS", 30)
    assert len(place.tick().run_requests) == 1
    assert slow.begun == 1


class WideLakeResource(HastyLakeResource):
    """A lake of ten thousand days."""

    def open(self) -> Lake:
        return WideLake()  # type: ignore[return-value]


class WideLake:
    def snapshot(self) -> Snapshot:
        return _wide()


@cache
def _wide() -> Snapshot:
    days = (str(FIRST + timedelta(days=number)) for number in range(MANY))
    objects = {day: [LakeObject(log_key(day), 100, f"token of {day}")] for day in days}
    return Snapshot({}, make_parts(objects, "context"), [], ("artist",))


def test_ten_thousand_new_days_are_one_run_and_are_told_bit_by_bit(place: Place) -> None:
    place.replaced = {"lake": WideLakeResource(place.lake.resource().settings)}
    told: Counter[str] = Counter()
    requests = []
    slowest = 0.0
    for _ in range(MANY // OBSERVED_AT_ONCE):
        began = time.monotonic()
        tick = place.tick()
        slowest = max(slowest, time.monotonic() - began)
        assert len(tick.asset_events) <= OBSERVED_AT_ONCE + 1  # The catalogue.
        assert len(tick.cursor) < 1_000_000
        told.update(event.partition for event in tick.asset_events if event.partition)
        requests += [request.run_key for request in tick.run_requests]
    assert slowest < 10
    assert len(told) == MANY
    assert set(told.values()) == {1}
    assert len(set(requests)) == 1, "the daemon begins a run once for each key"
    assert place.tick().asset_events == []


# --------------------------------------------------------------------------------------------------
# The warehouse
# --------------------------------------------------------------------------------------------------


class BusyWarehouse(DuckDBWarehouse):
    """A file that somebody else writes to."""

    @contextmanager
    def reading(self) -> Iterator[Session]:
        raise WarehouseBusy("held by process 1")
        yield


class BusyResource(WarehouseResource):
    """Opens it."""

    def open(self, run_id: str = "", lock_wait: float | None = None) -> Warehouse:
        return BusyWarehouse(self.settings.duckdb, "sparkify")


def test_what_is_observed_of_the_lake_tells_how_much_there_is(place: Place) -> None:
    def extent(told: Any) -> dict[str | None, tuple[object, object]]:
        return {
            seen.partition: (seen.metadata["objects"].value, seen.metadata["bytes"].value)
            for seen in told.asset_events
        }

    key = log_key("2018-11-01")
    log, catalogue = (place.lake.logs / key).stat(), (place.lake.songs / "a.json").stat()
    first = extent(place.tick())
    assert first == {"2018-11-01": (1, log.st_size), None: (1, catalogue.st_size)}
    (place.lake.logs / key).unlink()
    assert extent(place.tick()) == {"2018-11-01": (0, 0)}


def test_a_change_is_not_forgotten_when_the_warehouse_is_busy(place: Place) -> None:
    place.replaced = {"warehouse": BusyResource(at(place.path).settings)}
    for _ in range(3):
        told = place.tick()
        assert not told.run_requests
        assert "another process writes to the warehouse" in told.skip_message
    place.replaced = {}
    assert len(place.tick().run_requests) == 1


def test_a_change_soon_after_a_load_is_gathered_without_a_look_at_the_warehouse(
    place: Place,
) -> None:
    patient = sensors.lake_sensor(SensorSettings(load_every=3_600))
    place.replaced = {"warehouse": ClosedResource(at(place.path).settings)}
    with dg.instance_for_test() as instance:
        run = instance.add_run(dg.DagsterRun(LOAD_JOB, status=dg.DagsterRunStatus.STARTED))
        instance.report_run_failed(run)
        resources = {
            "lake": place.lake.resource(),
            **place.replaced,
            "bounds": BoundsResource(LoadSettings(), 3),
        }
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            told = patient.evaluate_tick(context)
    assert not told.run_requests
    assert "the lake has changed; the next load is not before" in told.skip_message
    place.cursor, place.replaced = told.cursor, {}
    assert len(place.tick().run_requests) == 1, "it is not forgotten"


def test_a_day_that_others_tried_too_often_is_not_asked_for_and_stays_named(place: Place) -> None:
    place.lake.put_log(log_key("2018-11-02"), b"broken")
    (request,) = place.tick().run_requests
    assert request.tags[sensors.LOADS_TAG] == "songs, 2018-11-01 to 2018-11-02 (2 log days)"
    for _ in range(3):  # That run never begins; a person tries instead.
        bring_up_to_date(place.lake.open(), warehouse_at(place.path))
    told = place.tick()
    assert not told.run_requests
    assert told.skip_message.startswith("nothing to load but 1 that failed too often")
    again = place.tick().skip_message
    assert again.startswith("nothing new in the lake but 1 that failed too often")


def test_no_warehouse_is_opened_when_nothing_changed(place: Place) -> None:
    assert len(place.tick().run_requests) == 1
    bring_up_to_date(place.lake.open(), warehouse_at(place.path))
    place.cursor = None
    assert place.tick().skip_message == "the warehouse holds what the lake holds"
    place.replaced = {"warehouse": ClosedResource(at(place.path).settings)}
    assert place.tick().skip_message == "nothing new in the lake"


def test_a_clock_that_goes_back_changes_nothing_and_asks_no_warehouse(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.last_day = ""
    place.lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    bring_up_to_date(place.lake.open(), warehouse_at(place.path))
    assert place.tick().skip_message == "the warehouse holds what the lake holds"
    monkeypatch.setattr(factory, "utc_today", lambda: date(2018, 11, 1))
    place.replaced = {"warehouse": ClosedResource(at(place.path).settings)}
    told = place.tick()
    assert (told.skip_message, told.asset_events) == ("nothing new in the lake", [])
    place.replaced, place.cursor = {}, None  # A sensor that remembers nothing asks the ledger.
    assert place.tick().skip_message == "the warehouse holds what the lake holds"


def test_a_day_that_comes_is_asked_for_by_itself(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.last_day = ""
    bring_up_to_date(place.lake.open(), warehouse_at(place.path))
    place.lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    monkeypatch.setattr(factory, "utc_today", lambda: date(2018, 11, 1))
    assert place.tick().skip_message == "the warehouse holds what the lake holds"
    monkeypatch.setattr(factory, "utc_today", lambda: date(2018, 11, 2))
    (request,) = place.tick().run_requests
    assert request.tags[sensors.LOADS_TAG] == "2018-11-02"


def test_a_lake_that_is_empty_but_for_other_endings_says_so(place: Place) -> None:
    (place.lake.songs / "a.json").rename(place.lake.songs / "a.csv")
    (place.lake.logs / log_key("2018-11-01")).unlink()
    assert place.tick().skip_message == (
        "the lake is empty. Not read in [S3] SONG_DATA: 1 object that [S3] ENDINGS does not name, "
        "such as a.csv."
    )


class ClosedResource(WarehouseResource):
    """A warehouse that nobody may open."""

    def open(self, run_id: str = "", lock_wait: float | None = None) -> Warehouse:
        raise AssertionError("the warehouse was opened")
