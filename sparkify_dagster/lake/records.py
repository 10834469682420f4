"""Cutting the bytes of objects into what may be records, many at a time.

A table of candidates holds one row per slice of an object (a line, as a rule) or per object: which
object, where it begins there, on which line, the text. No Python object per record: the texts are
slices of the bytes that were read. Rules: data contract, "Reading records".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sparkify_dagster.lake.stream import WHITE_SPACE, Piece, Torn, pieces_of
from sparkify_dagster.model.table import Type

ARROW_TYPES = {
    Type.VARCHAR: pa.string(),
    Type.INTEGER: pa.int32(),
    Type.BIGINT: pa.int64(),
    Type.DOUBLE: pa.float64(),
    Type.TIMESTAMP: pa.timestamp("us"),
    Type.DATE: pa.date32(),
    Type.BOOLEAN: pa.bool_(),
}
"""The model's column types as Arrow keeps them in memory."""

_CHUNK_ROWS = 16_384
_SAMPLE = 65_536
"""Bytes of an object that tell whether records meet in it without a line break between them."""
SCHEMA = pa.schema(
    [
        ("object", pa.int32()),
        ("start", pa.int64()),
        ("line", pa.int32()),
        ("text", pa.large_string()),
    ]
)
Found = tuple[int, Piece]
"""A piece, and the index of its object."""


class Candidates(NamedTuple):
    """Texts that may be records.

    Attributes:
        rows: Columns `object` (index of the object), `start` (of the text there), `line` (from 1),
            `text`.
        uncut: Objects that are not UTF-8, or whose records begin elsewhere, left out of `rows`.
    """

    rows: pa.Table
    uncut: list[int]


def slices_of(objects: Mapping[int, bytes], pool: Executor | None = None) -> Candidates:
    """A candidate for each line of each object, or for less where records meet within it.

    A text may have a newline at its end that does not stand there.

    Args:
        objects: The bytes of each object by its index.
        pool: Cuts several objects at once.
    """
    batches: list[pa.RecordBatch] = []
    uncut: list[int] = []
    cut = (pool.map if pool else map)(_cut, objects, objects.values())
    for index, batch in zip(objects, cut, strict=True):
        if batch is None:
            uncut.append(index)
        else:
            batches.append(batch)
    return Candidates(_in_chunks(pa.Table.from_batches(batches, SCHEMA)), uncut)


def whole(objects: Mapping[int, bytes]) -> Candidates:
    """One candidate per object that is not empty: its whole text."""
    try:
        return Candidates(_wholes(objects), [])
    except pa.ArrowInvalid:
        text = {index: data for index, data in objects.items() if is_text(data)}
        return Candidates(_wholes(text), [index for index in objects if index not in text])


def resolved(
    objects: Mapping[int, bytes], broken: pa.Table, uncut: Sequence[int]
) -> tuple[list[Found], list[int]]:
    """What stands where slices are no records; see `stream`.

    Args:
        broken: Columns `object` and `start` of those slices.
        uncut: Objects that were not cut into slices.

    Returns:
        The pieces, and the objects in which one takes in slices that are records by themselves:
        all their pieces are told.
    """
    found = [(index, piece) for index in uncut for piece in pieces_of(objects[index])]
    torn: list[int] = []
    for index, starts in _by_object(broken):
        data = objects[index]
        try:
            own = list(pieces_of(data, _regions(data, starts)))
        except Torn:
            torn.append(index)
            own = list(pieces_of(data))
        found += [(index, piece) for piece in own]
    return found, torn


def pieces(objects: Mapping[int, bytes], found: Sequence[Found]) -> pa.Table:
    """Pieces of objects as candidates; they must be UTF-8."""
    texts = [objects[index][piece.start : piece.end] + b"\n" for index, piece in found]
    index = np.fromiter((index for index, _ in found), np.int32, len(found))
    start = np.fromiter((piece.start for _, piece in found), np.int64, len(found))
    line = np.fromiter((piece.line for _, piece in found), np.int32, len(found))
    batch = _batch(index, start, line, _offsets(map(len, texts)), b"".join(texts))
    return _in_chunks(pa.Table.from_batches([batch], SCHEMA))


def is_blank(data: bytes) -> bool:
    """Whether it is nothing: white space only."""
    return not data.strip(WHITE_SPACE)


def is_text(data: bytes) -> bool:
    """Whether it is UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _by_object(broken: pa.Table) -> Iterator[tuple[int, np.ndarray]]:
    """Each object that has such slices, and where they begin."""
    held, starts = broken["object"].to_numpy(), broken["start"].to_numpy()
    order = np.argsort(held, kind="stable")
    objects, firsts = np.unique(held[order], return_index=True)
    yield from zip(objects.tolist(), np.split(starts[order], firsts[1:]), strict=False)


def _regions(data: bytes, broken: np.ndarray) -> list[tuple[int, int]]:
    """From where to where slices that are no records stand next to each other.

    Args:
        broken: Where such slices begin.
    """
    starts = _slices(data)[0]
    held = np.zeros(len(starts) + 2, dtype=np.int8)
    held[np.searchsorted(starts, broken) + 1] = 1
    edges = np.append(starts, len(data))[np.flatnonzero(np.diff(held))].tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _cut(index: int, data: bytes) -> pa.RecordBatch | None:
    """The slices of an object; None where it is not UTF-8, or a record is longer than a line."""
    first = data[: data.find(b"\n", 0, _SAMPLE) + 1].strip(WHITE_SPACE)
    if first.startswith(b"{") and not first.endswith(b"}"):
        return None
    starts, joins, lines = _slices(data)
    if joins.size:
        # As if they stood on lines of their own: a text that holds `}{` breaks, which is seen.
        data = data.replace(b"}{", b"}\n{")
    offsets = np.append(starts + np.searchsorted(joins, starts, "right"), len(data))
    try:
        return _batch(np.full(len(starts), index, dtype=np.int32), starts, lines, offsets, data)
    except pa.ArrowInvalid:
        return None


def _slices(data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where slices begin, which of these places are between `}` and `{`, and the line of each."""
    held = np.frombuffer(data, dtype=np.uint8)
    breaks = np.flatnonzero(held == ord("\n")) + 1
    starts = np.append(np.zeros(min(len(data), 1), dtype=np.int64), breaks[breaks < len(data)])
    if b"}{" not in data[:_SAMPLE]:
        return starts, breaks[:0], np.arange(1, len(starts) + 1, dtype=np.int32)
    joins = np.flatnonzero((held[:-1] == ord("}")) & (held[1:] == ord("{"))) + 1
    starts = np.union1d(starts, joins)
    return starts, joins, (np.searchsorted(breaks, starts, "right") + 1).astype(np.int32)


def _wholes(objects: Mapping[int, bytes]) -> pa.Table:
    held = {index: data for index, data in objects.items() if data}
    index = np.fromiter(held, dtype=np.int32, count=len(held))
    line = np.fromiter(map(_first_line, held.values()), dtype=np.int32, count=len(held))
    start = np.zeros(len(held), dtype=np.int64)
    batch = _batch(index, start, line, _offsets(map(len, held.values())), b"".join(held.values()))
    return _in_chunks(pa.Table.from_batches([batch], SCHEMA))


def _first_line(data: bytes) -> int:
    """The line on which an object's text begins, white space aside."""
    if data[0] not in WHITE_SPACE:
        return 1
    return 1 + data.count(b"\n", 0, len(data) - len(data.lstrip(WHITE_SPACE)))


def _offsets(sizes: Iterable[int]) -> np.ndarray:
    return np.fromiter(accumulate(sizes, initial=0), dtype=np.int64)


def _in_chunks(table: pa.Table) -> pa.Table:
    """The same rows in chunks that several threads can share; nothing is copied."""
    return pa.Table.from_batches(table.to_batches(max_chunksize=_CHUNK_ROWS), SCHEMA)


def _batch(
    index: np.ndarray, start: np.ndarray, line: np.ndarray, offsets: np.ndarray, data: bytes
) -> pa.RecordBatch:
    """A batch whose texts are slices of `data`; raises ArrowInvalid when one is not UTF-8."""
    text = pa.LargeStringArray.from_buffers(len(index), pa.py_buffer(offsets), pa.py_buffer(data))
    text.validate(full=True)
    return pa.record_batch([pa.array(index), pa.array(start), pa.array(line), text], schema=SCHEMA)
