"""Which parts share a transaction, and what is told of the records that were read."""

from __future__ import annotations

import numpy as np
import pytest

from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.objects import LakeObject, Objects
from sparkify_dagster.warehouse.prepare import Counts, in_groups


def part(name: str, *sizes: int, ending: str = ".json") -> Part:
    """A part of objects of these sizes."""
    objects = (LakeObject(f"{name}-{n}{ending}", size, "t") for n, size in enumerate(sizes))
    return Part(name, Objects.of(objects), "digest")


def grouped(*parts: Part) -> list[list[str]]:
    """Names of the parts in each group of a hundred bytes."""
    return [[item.name for item in group] for group in in_groups(parts, 100)]


def test_parts_share_a_group_as_long_as_they_fit() -> None:
    assert grouped(part("a", 40), part("b", 30, 30), part("c", 1)) == [["a", "b"], ["c"]]


def test_a_part_larger_than_a_group_has_one_of_its_own() -> None:
    assert grouped(part("a", 1), part("b", 1_000), part("c", 1)) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("ending", [".json.gz", "-events.json.gz"])
def test_packed_objects_count_as_much_as_they_hold(ending: str) -> None:
    packed = [part(name, 4, ending=ending) for name in "abc"]
    assert grouped(*packed) == [["a", "b"], ["c"]]


def test_records_are_added_up_by_part() -> None:
    counts = Counts(rows=np.array([2, 0, 5]), rejects=np.array([1, 3, 0]))
    assert counts.records.tolist() == [3, 3, 5]
    assert counts.by_part(["a", "b", "a"]) == {"a": (8, 1), "b": (3, 3)}
