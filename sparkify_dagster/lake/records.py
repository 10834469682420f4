"""Cutting the bytes of objects into records, many at a time.

A table of candidates holds one row per line (logs) or per object (songs): which object, which line,
the text. No Python object per record: the texts are slices of the bytes that were read.
Rules: data contract, "Reading records".
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

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
_WHITE_SPACE = b" \t\r\n\x0b\x0c"
SCHEMA = pa.schema([("object", pa.int32()), ("line", pa.int32()), ("text", pa.large_string())])


@dataclass(frozen=True, slots=True)
class NotText:
    """A line that is not UTF-8: rejected before anything else is asked of it."""

    object: int
    line: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Candidates:
    """Texts that may be records.

    Attributes:
        rows: Columns `object` (index of the object), `line` (from 1), `text`.
        not_text: Lines that are not UTF-8, left out of `rows`.
    """

    rows: pa.Table
    not_text: list[NotText]


def lines_of(objects: Sequence[bytes], first: int = 0, pool: Executor | None = None) -> Candidates:
    """One candidate per line of each object.

    Args:
        objects: The bytes of each object.
        first: Index of the first of them.
        pool: Cuts several objects at once.
    """
    each = pool.map if pool else map
    batches: list[pa.RecordBatch] = []
    not_text: list[NotText] = []
    for batch, bad in each(_cut, range(first, first + len(objects)), objects):
        batches.append(batch)
        not_text += bad
    return Candidates(_in_chunks(pa.Table.from_batches(batches, SCHEMA)), not_text)


def whole(objects: Sequence[bytes], first: int = 0) -> Candidates:
    """One candidate per object that is not empty: its whole text.

    Objects that are not UTF-8 are left out of `rows` and named in `not_text` with all their bytes,
    as line 1.
    """
    try:
        return Candidates(_wholes(objects, range(first, first + len(objects))), [])
    except pa.ArrowInvalid:
        text = [(i, data) for i, data in enumerate(objects, first) if _is_text(data)]
        rest = [NotText(i, 1, d) for i, d in enumerate(objects, first) if not _is_text(d)]
        return Candidates(_wholes([data for _, data in text], [i for i, _ in text]), rest)


def is_blank(text: str | bytes) -> bool:
    """Whether a line is nothing: white space only."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return not data.strip(_WHITE_SPACE)


def _cut(index: int, data: bytes) -> tuple[pa.RecordBatch, list[NotText]]:
    try:
        return _lines(index, data), []
    except pa.ArrowInvalid:
        return _lines_one_by_one(index, data)


def _lines(index: int, data: bytes) -> pa.RecordBatch:
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
    unfinished = 1 if data and not data.endswith(b"\n") else 0
    offsets = np.zeros(len(ends) + 1 + unfinished, dtype=np.int64)
    offsets[1 : len(ends) + 1] = ends + 1
    if unfinished:
        offsets[-1] = len(data)
    return _batch(np.full(len(offsets) - 1, index, dtype=np.int32), None, offsets, data)


def _wholes(objects: Sequence[bytes], indices: Sequence[int]) -> pa.Table:
    offsets = np.zeros(len(objects) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, objects), dtype=np.int64, count=len(objects)), out=offsets[1:])
    index = np.asarray(indices, dtype=np.int32)
    batch = _batch(index, np.ones(len(objects), dtype=np.int32), offsets, b"".join(objects))
    table = _in_chunks(pa.Table.from_batches([batch], SCHEMA))
    sizes = np.diff(offsets)
    return table if sizes.all() else table.filter(pa.array(sizes > 0))


def _in_chunks(table: pa.Table) -> pa.Table:
    """The same rows in chunks that several threads can share; nothing is copied."""
    return pa.Table.from_batches(table.to_batches(max_chunksize=_CHUNK_ROWS), SCHEMA)


def _batch(
    index: np.ndarray, line: np.ndarray | None, offsets: np.ndarray, data: bytes
) -> pa.RecordBatch:
    """A batch whose texts are slices of `data`; raises ArrowInvalid when one is not UTF-8."""
    count = len(offsets) - 1
    text = pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
    text.validate(full=True)
    if line is None:
        line = np.arange(1, count + 1, dtype=np.int32)
    return pa.record_batch([pa.array(index), pa.array(line), text], schema=SCHEMA)


def _lines_one_by_one(index: int, data: bytes) -> tuple[pa.RecordBatch, list[NotText]]:
    good: list[tuple[int, str]] = []
    bad: list[NotText] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            good.append((number, line.decode()))
        except UnicodeDecodeError:
            bad.append(NotText(index, number, line))
    numbers = pa.array([number for number, _ in good], pa.int32())
    texts = pa.array([text for _, text in good], pa.large_string())
    indices = pa.array(np.full(len(good), index, dtype=np.int32))
    return pa.record_batch([indices, numbers, texts], schema=SCHEMA), bad


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
