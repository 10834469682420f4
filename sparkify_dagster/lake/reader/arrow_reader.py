"""The fastest path: many records at once, by Arrow's JSON parser, proven right as a whole.

A chunk of texts is parsed into columns of the types its records seem to have; a record of another
shape ends that. What comes out is what `validate` would give, or nothing: the chunk is then left to
the reader's other paths. What belongs here: proving a chunk, never a single record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from sparkify_dagster.lake.reader.record_rules import FIRST_MS, LAST_MS
from sparkify_dagster.lake.reader.records import ARROW_TYPES
from sparkify_dagster.model.table import Column, Type

_PARSED_AS = {Type.TIMESTAMP: pa.int64()}
"""Arrow would take a text for a time; `ts` is a number."""
_SMALLEST_BLOCK, _LARGEST_BLOCK = 1 << 16, 2**31 - 1


@dataclass(frozen=True, slots=True)
class Proven:
    """A chunk that is proven right.

    Attributes:
        rows: One column per column to fill, then `object` and `line`.
        drifted: Some record has a field that no column takes. Whether one stands twice in a
            record was not looked at.
    """

    rows: pa.Table
    drifted: bool


class _NotProven(Exception):
    """A value that may have to be judged."""


class Bulk:
    """Parses chunks of records into the columns of one table; may be used by many threads.

    Args:
        columns: The columns to fill, in order.
        fields: The JSON field that feeds each of them.
        schema: Columns of the result, `object` and `line` included.
    """

    def __init__(self, columns: Sequence[Column], fields: Sequence[str], schema: pa.Schema) -> None:
        self._columns = tuple(columns)
        self._fields = tuple(fields)
        self._schema = schema

    def read(self, chunk: pa.RecordBatch) -> Proven | None:
        """The rows of a chunk of candidates (`object`, `line`, `text`); None where not proven."""
        text = chunk.column("text")
        data, bounds = _contiguous(text)
        if not _are_braced(data, bounds):
            return None  # What is no object from the first to the last byte, Arrow's parser may
            # take for part of a neighbour; a `null` alone it does not survive.
        shape = self._shape([text[at].as_py() for at in {0, len(text) // 2, len(text) - 1}])
        if shape is None:
            return None
        try:
            parsed, drifted = _parsed(data, shape)
            # Each text holds one record or more, as `}` and `{` never meet inside of one.
            if parsed.num_rows != len(text):
                return None
            values = [
                _values(column, parsed.column(field))
                for column, field in zip(self._columns, self._fields, strict=True)
            ]
        except (pa.ArrowException, _NotProven):
            return None
        rows = [*values, chunk.column("object"), chunk.column("line")]
        return Proven(pa.Table.from_arrays(rows, schema=self._schema), drifted)

    def _shape(self, examples: Sequence[str]) -> pa.Schema | None:
        """The type of each field, as far as a few records tell; None where they cannot be told."""
        try:
            records = [json.loads(text) for text in examples]
        except (ValueError, RecursionError):
            return None
        types: dict[str, pa.DataType] = {}
        for column, field in zip(self._columns, self._fields, strict=True):
            quoted = any(isinstance(record.get(field), str) for record in records)
            plain = _PARSED_AS.get(column.type, ARROW_TYPES[column.type])
            wanted = pa.string() if quoted else plain
            if types.setdefault(field, wanted) != wanted:
                return None
        return pa.schema(list(types.items()))


def _contiguous(text: pa.LargeStringArray) -> tuple[pa.Buffer, np.ndarray]:
    """The bytes of all texts, and where each begins and the last ends."""
    _, offsets, data = text.buffers()
    bounds = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    first, end = int(bounds[0]), int(bounds[-1])
    return data.slice(first, end - first), bounds - first


def _are_braced(data: pa.Buffer, bounds: np.ndarray) -> bool:
    """Whether each text is `{…}`, with one newline after it or none, and they fit into a block."""
    held = np.frombuffer(data, np.uint8)
    if not 0 < len(held) < _LARGEST_BLOCK or not np.diff(bounds).all():
        return False
    last = held[bounds[1:] - 1]
    last = np.where(last == ord("\n"), held[bounds[1:] - 2], last)
    return bool((held[bounds[:-1]] == ord("{")).all() and (last == ord("}")).all())


def _parsed(data: pa.Buffer, shape: pa.Schema) -> tuple[pa.Table, bool]:
    """The fields as columns, and whether there are others.

    Raises:
        pa.ArrowInvalid: A text is no JSON, or a value is of another type.
    """
    # One block: as many texts are parsed at once as there are chunks under way. The system's own
    # memory: Arrow's pools take and give back more of it, a third of the time that parsing takes.
    options = pj.ReadOptions(use_threads=False, block_size=max(data.size + 1, _SMALLEST_BLOCK))
    for others in ("error", "ignore"):
        wanted = pj.ParseOptions(explicit_schema=shape, unexpected_field_behavior=others)
        try:
            table = pj.read_json(pa.BufferReader(data), options, wanted, pa.system_memory_pool())
        except pa.ArrowInvalid as error:
            if "unexpected field" not in str(error):
                raise
        else:
            return table, others == "ignore"
    raise _NotProven


def _values(column: Column, found: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values of a column from those of its field.

    Raises:
        _NotProven: One may be wrong.
        pa.ArrowInvalid: Likewise.
    """
    if column.type is Type.VARCHAR:
        _require(_is_short(found, column.length) and not _has_nul(found))
    elif column.type is Type.DOUBLE:
        _require(pa.types.is_floating(found.type))
        _require(pc.all(pc.is_finite(found)).as_py() is not False)
    else:
        if pa.types.is_string(found.type):
            found = _from_text(found)
        found = _moments(found) if column.type is Type.TIMESTAMP else found
        found = found.cast(ARROW_TYPES[column.type])
    _require(not (column.required and found.null_count))
    return found


def _require(proven: bool) -> None:
    if not proven:
        raise _NotProven


def _is_short(texts: pa.ChunkedArray, most: int | None) -> bool:
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    return most is None or longest <= most


def _has_nul(texts: pa.ChunkedArray) -> bool:
    buffers = (chunk.buffers()[2] for chunk in texts.chunks)
    return any(b is not None and b.size and not np.frombuffer(b, np.uint8).min() for b in buffers)


def _from_text(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers in quotes; an empty text is none."""
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    numbers = texts.cast(pa.int64())
    # Arrow reads more than a person would write: `0x1F`.
    _require(pc.all(pc.equal(numbers.cast(pa.string()), texts)).as_py() is not False)
    return numbers


def _moments(found: pa.ChunkedArray) -> pa.ChunkedArray:
    span = pc.min_max(found)
    first, last = span["min"].as_py(), span["max"].as_py()
    _require(first is None or (first >= FIRST_MS and last <= LAST_MS))
    return found.cast(pa.timestamp("ms"))
