"""What Redshift's cursor gives, as Arrow: chunks of rows in, record batches out.

What belongs here: which Arrow type holds a column, by what the driver says of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import pyarrow as pa

from sparkify_dagster.warehouse.engine import Row

Chunk = tuple[Sequence[Any], list[Row]]
"""The driver's description of the columns, and some rows."""
_NUMERIC, _MOST_DIGITS = 1700, 38
_TYPES = {
    **dict.fromkeys((20, 21, 23, 26), pa.int64()),
    **dict.fromkeys((700, 701), pa.float64()),
    16: pa.bool_(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", "UTC"),
}
"""By the number that PostgreSQL's catalog gives a type; others are texts."""


def reader_of(chunks: Iterator[Chunk]) -> pa.RecordBatchReader:
    """The rows of an answer; there is at least one chunk, though it may have no rows."""
    first = next(chunks)
    columns, rows = first
    schema = pa.schema(
        [pa.field(c.name, _type(c, [row[at] for row in rows])) for at, c in enumerate(columns)]
    )
    return pa.RecordBatchReader.from_batches(
        schema, (_batch(some, schema) for _, some in chain([first], chunks))
    )


def _type(column: Any, values: Sequence[object]) -> pa.DataType:
    if column.type_code != _NUMERIC:
        return _TYPES.get(column.type_code, pa.string())
    if column.scale is not None and column.scale < _MOST_DIGITS:
        return pa.decimal128(_MOST_DIGITS, column.scale)
    # Without a scale, as PostgreSQL may give it: what the values are.
    whole = all(isinstance(v, Decimal) and v == v.to_integral() for v in values if v is not None)
    return pa.decimal128(_MOST_DIGITS, 0) if whole else pa.float64()


def _batch(rows: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.RecordBatch.from_arrays(
        [pa.array(_cells(c, f.type), f.type) for c, f in zip(columns, schema, strict=True)],
        schema=schema,
    )


def _cells(values: Sequence[object], kind: pa.DataType) -> list[object]:
    if pa.types.is_string(kind):
        return [v if v is None or isinstance(v, str) else str(v) for v in values]
    if pa.types.is_float64(kind):
        return [v if v is None else float(v) for v in values]  # type: ignore[arg-type]
    return list(values)
