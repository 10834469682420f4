"""In which state a log day is, from what the lake holds and what the ledger says."""

import pytest

from sparkify_dagster.cli.status import State, state_of
from sparkify_dagster.lake.changes import NOTHING, Part
from sparkify_dagster.warehouse.ledger import Entry, Status


def entry(digest: str, load_id: int, status: Status = "published") -> Entry:
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
