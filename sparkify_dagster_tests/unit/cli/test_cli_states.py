"""In which state a log day is, from what lake and ledger say; and how it is told."""

import pytest

from sparkify_dagster.cli.status import (
    LakeStatus,
    PartStatus,
    State,
    Status,
    WarehouseStatus,
    state_of,
)
from sparkify_dagster.cli.status_view import show_status
from sparkify_dagster.lake.changes import NOTHING, Part
from sparkify_dagster.warehouse.ledger import Entry
from sparkify_dagster.warehouse.ledger import Status as Ended


def entry(digest: str, load_id: int, status: Ended = "published") -> Entry:
    return Entry("staging_events_table", "2018-11-01", status, digest, load_id=load_id)


LAKE, GONE = Part("2018-11-01", (), "now"), Part("2018-11-01", (), NOTHING)


@pytest.mark.parametrize(
    ("part", "published", "failed", "state"),
    [
        (LAKE, None, None, "new"),
        (LAKE, entry(NOTHING, 1), None, "new"),
        (LAKE, entry("now", 1), None, "loaded"),
        (LAKE, entry("before", 1), None, "changed"),
        (GONE, entry("before", 1), None, "gone"),
        (GONE, entry(NOTHING, 1), None, "loaded"),
        (LAKE, None, entry("now", 1, "failed"), "failed"),
        (LAKE, entry("before", 1), entry("now", 2, "failed"), "failed"),
        (LAKE, entry("now", 3), entry("now", 2, "failed"), "loaded"),
        (None, entry("before", 1), None, "not known"),
        (None, entry("before", 1), entry("now", 2, "failed"), "failed"),
    ],
)
def test_states(
    part: Part | None, published: Entry | None, failed: Entry | None, state: State
) -> None:
    assert state_of(part, published, failed) == state


def day(name: str, state: State, loaded_at: str | None) -> PartStatus:
    failed_at = "2018-11-09T00:00:00Z" if state == "failed" else None
    return PartStatus(name, state, 1, 9_000, 600, 588, 12, loaded_at, failed_at, "why", "run")


def test_numbers_of_a_day_that_failed_are_said_to_be_those_of_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = "2018-11-08T00:00:00Z"
    days = [
        day("2018-11-01", "loaded", before),
        day("2018-11-02", "failed", before),
        day("2018-11-03", "failed", None),
    ]
    lake = LakeStatus("songs", "logs", "paths.json", "2018-11-01", "2018-11-30")
    show_status(Status(False, lake, WarehouseStatus("duckdb", "w", "s"), None, days))
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "last good load" in line]
    assert "rows, rejected and loaded of 2018-11-02 are of the last good load" in said


def test_where_nothing_failed_nothing_is_said_of_before(capsys: pytest.CaptureFixture[str]) -> None:
    lake = LakeStatus("songs", "logs", "paths.json", "2018-11-01", "2018-11-30")
    days = [day("2018-11-01", "changed", "2018-11-08T00:00:00Z")]
    show_status(Status(False, lake, WarehouseStatus("duckdb", "w", "s"), None, days))
    assert "last good load" not in capsys.readouterr().out
