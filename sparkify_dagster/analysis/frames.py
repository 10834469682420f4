"""Answers as pandas data frames: which pandas type holds which column.

What belongs here: types. Whole numbers are `Int64` (NULL is `<NA>`), doubles and decimals
`float64`, truths `boolean`, times `datetime64[us, UTC]`, dates `datetime64[us]` of no zone, texts
pandas' own `str`, and a category where the model lists the values of a column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from sparkify_dagster.warehouse.engine import WarehouseError

_TIME = pa.timestamp("us", "UTC")
_PANDAS = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def frame_of(
    rows: pa.Table,
    categories: Mapping[str, Sequence[str]],
    index: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """A data frame of an answer.

    Args:
        categories: The categories of a column, by its name.
        index: Columns that become the index.

    Raises:
        WarehouseError: A value does not fit its pandas type, or a column of the index is not there.
    """
    wanted = [index] if isinstance(index, str) else list(index or ())
    if missing := [name for name in wanted if name not in rows.column_names]:
        raise WarehouseError(
            f"index={missing[0]}: the answer has no such column; it has "
            f"{', '.join(rows.column_names)}."
        )
    columns = [
        _fitting(name, column, listed=name in categories)
        for name, column in zip(rows.column_names, rows.columns, strict=True)
    ]
    table = pa.table(columns, names=rows.column_names)
    del columns, rows
    # Each column is given up once it is converted, so that no two copies of all of them meet.
    frame: pd.DataFrame = table.to_pandas(
        types_mapper=_PANDAS.get, split_blocks=True, self_destruct=True
    )
    for name, every in categories.items():
        frame[name] = frame[name].cat.set_categories(every)
    return frame.set_index(wanted) if wanted else frame


def _fitting(name: str, column: pa.ChunkedArray, *, listed: bool) -> pa.ChunkedArray:
    """A column as the Arrow type from which pandas makes the one it is to have."""
    kind = column.type
    if listed:
        return column.dictionary_encode()
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        wanted = pa.int64()
    elif pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        wanted = pa.float64()
    elif pa.types.is_timestamp(kind):
        wanted = _TIME
    elif pa.types.is_date(kind):
        wanted = pa.timestamp("us")
    else:
        wanted = pa.string() if pa.types.is_null(kind) else kind
    try:
        return column.cast(wanted, safe=wanted != _TIME)
    except pa.ArrowInvalid:
        whole = wanted == pa.int64()
        fits, remedy = ("Int64", "DOUBLE PRECISION") if whole else ("datetime64[us]", "VARCHAR")
        raise WarehouseError(
            f"column {name}: a value is too large for pandas' {fits}; CAST it to {remedy}."
        ) from None
