"""Cutting the bytes of objects into what may be records, many at a time.

A table of candidates holds one row per slice of an object (a line, as a rule) or per object: which
object, where it begins there, on which line, the text. No Python object per record: the texts are
slices of the bytes that were read. Rules: data contract, "Reading records".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sparkify_dagster.lake.reader.stream import (
    GOES_ON,
    LONGEST,
    WHITE_SPACE,
    Piece,
    Torn,
    pieces_of,
)
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
_UNIT_BYTES = 32_000_000
"""What is worked on at once: enough to keep all threads busy, whatever it holds."""
_UNIT_SLICES = 262_144
"""Likewise."""
_STEP = 1 << 20
_SMALL = 1 << 20
"""Bytes of an object from which it is worth while to cut it alone, without a copy."""
_JOIN = 0xFF
"""Stands in no text of UTF-8: marks where records meet, till they have been cut there."""
KEY_BITS = 40
"""Of a place within an object."""
_IS_SPACE = np.isin(np.arange(256), np.frombuffer(WHITE_SPACE, np.uint8))
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


class Span(NamedTuple):
    """An object, or whole lines of a large one: from where to where, and its first line."""

    object: int
    start: int
    end: int
    line: int


class Candidates(NamedTuple):
    """Texts that may be records.

    Attributes:
        rows: Columns `object` (index of the object), `start` (of the text there), `line` (from 1),
            `text`.
        uncut: Objects that are not UTF-8, or whose records begin elsewhere or are very long, left
            out of `rows`.
    """

    rows: pa.Table
    uncut: list[int]


def units_of(objects: Mapping[int, bytes]) -> Iterator[list[Span]]:
    """Objects by so many as take no more than a bounded amount of memory at once.

    One that takes more is told piece by piece, each alone.
    """
    unit: list[Span] = []
    size = slices = 0
    for index, data in objects.items():
        more = _slices_in(data, 0, len(data))
        if len(data) > _UNIT_BYTES or more > _UNIT_SLICES:
            yield from ([span] for span in _spans(index, data))
            continue
        if unit and (size + len(data) > _UNIT_BYTES or slices + more > _UNIT_SLICES):
            yield unit
            unit, size, slices = [], 0, 0
        unit.append(Span(index, 0, len(data), 1))
        size, slices = size + len(data), slices + more
    if unit:
        yield unit


def slices_of(
    objects: Mapping[int, bytes], unit: Sequence[Span], pool: Executor | None = None
) -> Candidates:
    """A candidate for each line of each object, or for less where records meet within it.

    Lines of white space alone are none. A text may have a newline at its end that does not stand
    there.

    Args:
        objects: The bytes of each object by its index.
        unit: What of them is to be cut.
        pool: Cuts several objects at once.
    """
    small: list[tuple[Span, bytes]] = []
    groups = [small]
    uncut: list[int] = []
    for span in unit:
        data = objects[span.object]
        text = data if span.end - span.start == len(data) else data[span.start : span.end]
        if not text:
            continue
        if len(text) > _UNIT_BYTES + _STEP + LONGEST:  # It has a line that is longer.
            uncut.append(span.object)
            continue
        marked = _marked(text)
        if marked is None or (span.start == 0 and _begins_over_lines(text)):
            uncut.append(span.object)
        elif len(text) < _SMALL:
            small.append((span, marked))
        else:
            groups.append([(span, marked)])
    batches: list[pa.RecordBatch] = []
    for group, batch in zip(groups, (pool.map if pool else map)(_cut, groups), strict=True):
        if batch is not None:
            batches.append(batch)
            continue
        for span, text in group:
            if (alone := _cut([(span, text)]) if len(group) > 1 else None) is None:
                uncut.append(span.object)
            else:
                batches.append(alone)
    return Candidates(_in_chunks(pa.Table.from_batches(batches, SCHEMA)), uncut)


def whole(objects: Mapping[int, bytes]) -> Candidates:
    """One candidate per object that is not empty: its whole text."""
    fit = {index: data for index, data in objects.items() if 0 < len(data) <= LONGEST}
    try:
        rows = _wholes(fit)
    except pa.ArrowInvalid:
        fit = {index: data for index, data in fit.items() if is_text(data)}
        rows = _wholes(fit)
    return Candidates(rows, [i for i, data in objects.items() if data and i not in fit])


def resolved(
    objects: Mapping[int, bytes], unit: Sequence[Span], rows: pa.Table, broken: pa.Table
) -> tuple[list[Found], list[int]]:
    """What stands where slices are no records; see `stream`.

    Args:
        rows: Columns `object` and `start` of all slices.
        broken: The same of those that are no records.

    Returns:
        The pieces, and the objects in which one takes in slices that are records by themselves:
        of these nothing is told.
    """
    found: list[Found] = []
    torn: list[int] = []
    spans = {span.object: span for span in unit}
    for index, regions in _regions(rows, broken, spans).items():
        first = spans[index].start, spans[index].line
        try:
            own = list(pieces_of(objects[index], regions, first))
        except Torn:
            torn.append(index)
        else:
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


def by_units(found: Iterable[Found]) -> Iterator[list[Found]]:
    """Pieces by so many as take no more than a bounded amount of memory at once."""
    some: list[Found] = []
    size = 0
    for item in found:
        some.append(item)
        size += min(item[1].end - item[1].start, LONGEST)
        if len(some) == _CHUNK_ROWS or size > _UNIT_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


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


def picked(rows: pa.Table, wanted: pa.Table) -> pa.Table:
    """The candidates that stand in `wanted`, by object and place."""
    if wanted.num_rows == rows.num_rows:
        return rows
    return rows.filter(pa.array(np.isin(keys_of(rows), keys_of(wanted))))


def keys_of(rows: pa.Table) -> np.ndarray:
    """Object and start of each slice as one number."""
    held = rows["object"].to_numpy().astype(np.int64)
    keys: np.ndarray = (held << KEY_BITS) | rows["start"].to_numpy()
    return keys


def _regions(
    rows: pa.Table, broken: pa.Table, spans: Mapping[int, Span]
) -> dict[int, list[tuple[int, int]]]:
    """By object: from where to where slices that are no records stand next to each other."""
    found: dict[int, list[tuple[int, int]]] = {}
    if not broken.num_rows:
        return found
    keys = np.sort(keys_of(rows))
    at = np.searchsorted(keys, np.sort(keys_of(broken)))
    owners = keys[at] >> KEY_BITS
    edges = np.flatnonzero((np.diff(at) != 1) | (np.diff(owners) != 0)) + 1
    firsts, lasts = at[np.append(0, edges)], at[np.append(edges, len(at)) - 1]
    following = np.append(keys[1:], -1)[lasts]
    for first, after in zip(keys[firsts].tolist(), following.tolist(), strict=True):
        index, start = divmod(first, 1 << KEY_BITS)
        owner, end = divmod(after, 1 << KEY_BITS)
        end = end if owner == index else spans[index].end
        found.setdefault(index, []).append((start, end))
    return found


def _slices_in(data: bytes, start: int, end: int) -> int:
    """About how many slices there are."""
    joins = data.count(b"}{", start, end) if data.find(b"}{", 0, _SAMPLE) >= 0 else 0
    return data.count(b"\n", start, end) + joins


def _spans(index: int, data: bytes) -> Iterator[Span]:
    """A large object in spans."""
    start, line = 0, 1
    while start < len(data):
        end, slices = start, 0
        while end < len(data) and end - start < _UNIT_BYTES and slices < _UNIT_SLICES:
            slices += _slices_in(data, end, end + _STEP)
            end += _STEP
        end = _end_of_slice(data, end)
        yield Span(index, start, end, line)
        line += data.count(b"\n", start, end)
        start = end


def _end_of_slice(data: bytes, at: int) -> int:
    """Where the slice ends that holds what stands before a place."""
    join = data.find(b"}{", at - 1) if data.find(b"}{", 0, _SAMPLE) >= 0 else -1
    end = len(data) if join < 0 else join + 1
    line = data.find(b"\n", at - 1, end)
    return end if line < 0 else line + 1


def _begins_over_lines(text: bytes) -> bool:
    """Whether its first record seems to take more than a line."""
    end = text.find(b"\n", 0, _SAMPLE) + 1
    first = text[:end].strip(WHITE_SPACE)
    if not first.startswith(b"{") or first.endswith(b"}"):
        return False
    then = text[end : end + _SAMPLE].lstrip(WHITE_SPACE)
    return bool(then and GOES_ON[first[-1], then[0]])


def _marked(text: bytes) -> bytes | None:
    """A text that is marked where records meet within a line; None where it is not UTF-8.

    A text in quotes that holds `}{` breaks there, which is seen.
    """
    if _JOIN in text:
        return None
    if text.find(b"}{", 0, _SAMPLE) < 0:
        return text
    return text.replace(b"}{", b"}%c{" % _JOIN)


def _cut(group: Sequence[tuple[Span, bytes]]) -> pa.RecordBatch | None:
    """The slices of marked texts; None where one is not UTF-8, or a slice is too long.

    They are cut as one text: what an object costs must not be more than what a line costs.
    """
    texts = [text for _, text in group]
    if len(texts) > 1:
        texts = [text if text.endswith(b"\n") else text + b"\n" for text in texts]
    bases = _offsets(map(len, texts))[:-1]
    data = b"".join(texts) if len(texts) > 1 else texts[0] if texts else b""
    held = np.frombuffer(data, dtype=np.uint8)
    is_break, joined = held == ord("\n"), _JOIN in data
    marks = np.flatnonzero(is_break | (held == _JOIN) if joined else is_break)
    starts = np.append(0, marks + 1)
    starts = starts[starts < len(data)]
    offsets = np.append(starts, len(data))
    if (np.diff(offsets) > LONGEST).any():
        return None
    number = np.arange(len(starts))
    lines = np.append(0, np.cumsum(is_break[marks]))[: len(starts)] if joined else number
    firsts = np.searchsorted(starts, bases)
    owner = np.repeat(np.arange(len(texts)), np.diff(np.append(firsts, len(starts))))
    spans = np.fromiter(chain.from_iterable(span for span, _ in group), np.int64)
    index, begins, _, line = spans.reshape(-1, 4).T
    # What was put in as a mark is no byte of the object.
    moved = begins - bases + (number - lines)[firsts]
    buffer = bytearray(data) if joined else data
    if joined:
        np.frombuffer(buffer, dtype=np.uint8)[marks] = ord("\n")
    try:
        batch = _batch(
            index[owner].astype(np.int32),
            starts + moved[owner] - (number - lines),
            (lines + (line - lines[firsts])[owner]).astype(np.int32),
            offsets,
            buffer,
        )
    except pa.ArrowInvalid:
        return None
    if not _IS_SPACE[held[starts]].any():
        return batch
    return batch.filter(pa.array(np.logical_or.reduceat(~_IS_SPACE[held], starts)))


def _wholes(objects: Mapping[int, bytes]) -> pa.Table:
    texts = list(objects.values())
    offsets, data = _offsets(map(len, texts)), b"".join(texts)
    index = np.fromiter(objects, dtype=np.int32, count=len(objects))
    line, start = np.ones(len(texts), dtype=np.int32), np.zeros(len(texts), dtype=np.int64)
    firsts = np.frombuffer(data, dtype=np.uint8)[offsets[:-1]]
    for at in np.flatnonzero(_IS_SPACE[firsts]).tolist():
        line[at] += texts[at].count(b"\n", 0, len(texts[at]) - len(texts[at].lstrip(WHITE_SPACE)))
    batch = _batch(index, start, line, offsets, data)
    return _in_chunks(pa.Table.from_batches([batch], SCHEMA))


def _offsets(sizes: Iterable[int]) -> np.ndarray:
    return np.fromiter(accumulate(sizes, initial=0), dtype=np.int64)


def _in_chunks(table: pa.Table) -> pa.Table:
    """The same rows in chunks that several threads can share; nothing is copied."""
    return pa.Table.from_batches(table.to_batches(max_chunksize=_CHUNK_ROWS), SCHEMA)


def _batch(
    index: np.ndarray,
    start: np.ndarray,
    line: np.ndarray,
    offsets: np.ndarray,
    data: bytes | bytearray,
) -> pa.RecordBatch:
    """A batch whose texts are slices of `data`; raises ArrowInvalid when one is not UTF-8."""
    text = pa.LargeStringArray.from_buffers(len(index), pa.py_buffer(offsets), pa.py_buffer(data))
    text.validate(full=True)
    return pa.record_batch([pa.array(index), pa.array(start), pa.array(line), text], schema=SCHEMA)
