"""Which parts share a transaction, and what is told of the records that were read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.objects import LakeObject, Objects
from sparkify_dagster.lake.reader import Batch
from sparkify_dagster.lake.rejects import Reject, Rejects
from sparkify_dagster.warehouse.prepare import Counts, Prepared, in_groups


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


@given(st.lists(st.integers(0, 3), max_size=7), st.integers(1, 8))
def test_pieces_hold_the_same_objects_with_their_rows_and_rejects(
    records: list[int], most: int
) -> None:
    whole = prepared(records)
    pieces = list(whole.pieces(most))
    assert all(len(piece.objects) <= most for _, piece in pieces)
    found = [told for first, piece in pieces for told in said(piece, first)]
    assert found == said(whole, 0)


def prepared(records: list[int]) -> Prepared:
    """Objects with so many records each; the first of an object's three is rejected."""
    told = [(n, line) for n, number in enumerate(records) for line in range(number)]
    good = [(n, line) for n, line in told if line or records[n] < 3]
    rows = pa.table(
        {
            "object": pa.array([n for n, _ in good], pa.int32()),
            "line": pa.array([line for _, line in good], pa.int32()),
        }
    )
    rejects = [Reject(n, line, "why", None, "{") for n, line in told if (n, line) not in good]
    objects = Objects.of(LakeObject(f"{n}.json", n, f"t{n}") for n in range(len(records)))
    parts = [f"{n % 2}" for n in range(len(records))]
    return Prepared(objects, parts, Batch(rows, Rejects.of(rejects)))


def said(piece: Prepared, first: int) -> list[tuple[object, ...]]:
    """What is told of each object, by its number in the whole."""
    keys, sizes, tokens = (column.to_pylist() for column in piece.columns())
    held = piece.batch.rows.to_pylist()
    return [
        (
            first + n,
            (keys[n], int(sizes[n]), tokens[n], piece.parts[n]),
            [row["line"] for row in held if row["object"] == n],
            [reject.line for reject in piece.batch.rejects if reject.object == n],
        )
        for n in range(len(piece.objects))
    ]
