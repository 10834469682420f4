"""Which parts share a transaction, and what is told of the records that were read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject, Objects
from sparkify_dagster.lake.reader.reader import Batch, Reader
from sparkify_dagster.lake.reader.rejects import Reject, Rejects
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds
from sparkify_dagster.model.table import Column, Type
from sparkify_dagster.pipeline.prepare import (
    LEFT_OUT,
    Counts,
    Overfull,
    Prepared,
    first_of,
    in_groups,
    kept_of,
    prepare,
)


def part(name: str, *sizes: int, ending: str = ".json") -> Part:
    """A part of objects of these sizes."""
    objects = (LakeObject(f"{name}-{n}{ending}", size, "t") for n, size in enumerate(sizes))
    return Part(name, Objects.of(objects), "digest")


def grouped(*parts: Part) -> list[list[str]]:
    """Names of the parts in each group of a hundred bytes."""
    return [[item.name for item in group] for group in in_groups(parts, 100)]


def test_of_many_objects_that_cannot_be_read_the_first_are_named_and_the_others_counted() -> None:
    errors = [ObjectError(f"{number}.json", "denied") for number in range(200_000)]
    assert first_of(errors[:1]) == "0.json: denied"
    named = "; ".join(f"{number}.json: denied" for number in range(5))
    assert first_of(errors[:5]) == named
    assert first_of(errors[:6]) == f"{named}; and 1 more object"
    assert first_of(errors) == f"{named}; and 199,995 more objects"


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


@settings(deadline=None)
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


# --------------------------------------------------------------------------------------------------
# What is too much
# --------------------------------------------------------------------------------------------------


class Shelf:
    """A store of a few objects."""

    location = "a shelf"

    def __init__(self, *texts: bytes) -> None:
        self._texts = {f"{number}.json": text for number, text in enumerate(texts)}

    def list_objects(self) -> Objects:
        """All of them."""
        return Objects.of(LakeObject(key, len(text), "t") for key, text in self._texts.items())

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """As they stand."""
        for item in objects:
            yield item, self._texts[item.key]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A reader of records of one field."""
    reader = Reader([Column("n", Type.INTEGER, "A number.", required=True)], ["n"], threads=1)
    yield reader
    reader.close()


def read_from(shelf: Shelf, reader: Reader, **bounds: int) -> Prepared:
    """All that is on a shelf; each object is a day of its own."""
    lines = [(line, line[0]) for line in shelf.list_objects().lines]
    return prepare(shelf, reader.read_lines, lines, **bounds)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [MemoryError(), duckdb.OutOfMemoryException("no room\nat all")])
def test_an_object_for_which_memory_does_not_suffice_is_an_error_and_the_others_are_read(
    reader: Reader, error: Exception
) -> None:
    shelf = Shelf(*(b'{"n":%d}' % number for number in range(9)))

    def read(texts: Sequence[bytes], first: int, most: int) -> Batch:
        if b'{"n":6}' in texts:
            raise error
        return reader.read_lines(texts, first, most)

    made = prepare(shelf, read, [(line, line[0]) for line in shelf.list_objects().lines])
    ((part, said),) = made.errors
    assert part == "6"
    assert str(said).startswith("6.json: there is not enough memory for it (")
    held = {(row["n"], row["object"]) for row in made.batch.rows.to_pylist()}
    assert held == {(number, number) for number in range(9) if number != 6}


def test_an_object_with_too_many_rejects_is_an_error_that_tells_the_first(reader: Reader) -> None:
    made = read_from(Shelf(b'{"n":1}', b"x\n" * 7, b"x\n" * 3), reader, most_rejects=10)
    assert (made.errors, len(made.batch.rejects)) == ([], 10)
    made = read_from(Shelf(b'{"n":1}', b"x\n" * 5_000, b"x"), reader, most_rejects=3_000)
    assert first_of([error for _, error in made.errors]) == (
        "1.json: more than 3,000 records are rejected; mend the objects, or raise "
        "[LOAD] MOST_REJECTS"
    )
    assert made.counts().rejects.tolist() == [0, 1_000, 1]


def test_objects_with_too_many_rejects_together_are_too_much(reader: Reader) -> None:
    with pytest.raises(Overfull, match="more than 10 records are rejected") as caught:
        read_from(Shelf(b'x\n{"n":1}', b"x\n" * 6, b"x\n" * 6), reader, most_rejects=10)
    kept = kept_of(caught.value, reader.read_lines)
    assert kept.counts().rejects.tolist() == [1, 6, 6]
    assert kept.counts().rows.tolist() == [0, 0, 0]
    assert len(kept_of(MemoryError(), reader.read_lines).objects) == 0


def test_records_may_take_so_much_memory(reader: Reader) -> None:
    shelf = Shelf(b'{"n":1}\n' * 1_000)
    assert read_from(shelf, reader, held_bytes=20_000).batch.rows.num_rows == 1_000
    with pytest.raises(Overfull, match="HELD_MB"):
        read_from(shelf, reader, held_bytes=2_000)


def test_the_most_frequent_unknown_fields_of_a_part_are_told(reader: Reader) -> None:
    records = [{"n": 1, "often": 1, f"rare_{number}": 1} for number in range(300)]
    shelf = Shelf(*("\n".join(map(json.dumps, some)).encode() for some in (records, records[:2])))
    made = read_from(shelf, reader)
    told = made.unknown_of("0")
    assert (len(told), told["often"], told[LEFT_OUT]) == (101, 300, 201)
    assert made.unknown_of("1") == {"often": 2, "rare_0": 1, "rare_1": 1}
    assert made.unknown_of("2") == {}
