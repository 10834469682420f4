"""Answers as files: CSV, Parquet, JSON or Excel, by the ending.

What belongs here: how a value stands in each. A text that a spreadsheet would take for a formula
cannot run: in CSV it gets an apostrophe before it, in Excel it is written as a text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.core import progress
from sparkify_dagster.core.local_files import OutputError, output, require_absent
from sparkify_dagster.core.text import count, json_ready

_FORMULA = r"^\s*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n]"
"""Behind spaces and in full width, too: some spreadsheets pass over the one and read the other."""
_AT_ONCE = 20_000
_EXCEL_ROWS, _EXCEL_COLUMNS, _EXCEL_TEXT = 1_048_575, 16_384, 32_767
_EXACT = 2**53
"""Above it Excel's numbers, which are doubles, are no longer exact."""


def writer_for(path: Path, *, force: bool) -> Callable[[pa.Table], None]:
    """What writes an answer to a file, whole or not at all; refuses before anything is asked.

    Args:
        force: Replace the file, if it is there.

    Raises:
        OutputError: The ending is unknown, the file is there, or Excel's library is not.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise OutputError(f"{path}: the ending says how to write; take {', '.join(_WRITERS)}.")
    if write is _excel:
        try:
            import xlsxwriter  # noqa: F401
        except ImportError:
            raise OutputError(
                f"{path}: Excel files take a library that is not installed. Install it with "
                "`pip install 'sparkify-dagster[excel]'`, or write .csv."
            ) from None

    require_absent(path, force=force)

    def written(rows: pa.Table) -> None:
        with output(path, force=force) as beside:
            try:
                write(rows, beside)
            except pa.ArrowException as error:
                raise OutputError(f"{path}: cannot be written ({error}).") from None

    return written


def _csv(rows: pa.Table, path: Path) -> None:
    from pyarrow import csv

    def safe(texts: pa.Array) -> pa.Array:
        return pc.replace_substring_regex(texts, _FORMULA, r"'\0")

    names = safe(pa.array(rows.column_names, pa.string())).to_pylist()
    rows = pa.table([_flat(column) for column in rows.columns], names=names)
    with csv.CSVWriter(path, rows.schema) as writer:
        for part in _parts(rows, path):
            columns = [safe(c) if pa.types.is_string(c.type) else c for c in part.columns]
            writer.write_table(pa.table(columns, schema=rows.schema))


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column that CSV has words for; lists and structs as JSON."""
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_binary(kind):
        texts = (None if v is None else _json_text(v) for v in column.to_pylist())
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string()) if pa.types.is_dictionary(kind) else column


def _parquet(rows: pa.Table, path: Path) -> None:
    from pyarrow import parquet

    with parquet.ParquetWriter(path, rows.schema, compression="zstd") as writer:
        for part in _parts(rows, path):
            writer.write_table(part)


def _json(rows: pa.Table, path: Path) -> None:
    """A list of records, each on a line of its own."""
    with path.open("w", encoding="utf-8") as file:
        before = "[\n"
        for part in _parts(rows, path):
            for record in part.to_pylist():
                file.write(before + _json_text(record))
                before = ",\n"
        file.write("\n]\n" if rows.num_rows else "[]\n")


def _json_text(value: object) -> str:
    return json.dumps(json_ready(value), ensure_ascii=False, default=str, allow_nan=False)


def _excel(rows: pa.Table, path: Path) -> None:
    import xlsxwriter

    if rows.num_rows > _EXCEL_ROWS or rows.num_columns > _EXCEL_COLUMNS:
        raise OutputError(
            f"{count(rows.num_rows, 'row')} of {count(rows.num_columns, 'column')}: an Excel sheet "
            f"holds {_EXCEL_ROWS:,} of {_EXCEL_COLUMNS:,}. Write .csv or .parquet, or ask for less."
        )
    texts = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    options = texts | {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
    with xlsxwriter.Workbook(path, options) as book:
        sheet, bold = book.add_worksheet("answer"), book.add_format({"bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, rows.column_names, bold)
        at = 0
        for part in _parts(rows, path):
            for values in zip(*(column.to_pylist() for column in part.columns), strict=True):
                at += 1
                for column, value in enumerate(values):
                    cell = _cell(value, rows.column_names[column], at)
                    is_day = isinstance(cell, date) and not isinstance(cell, datetime)
                    sheet.write(at, column, cell, *([day] if is_day else []))


def _cell(value: Any, name: str, row: int) -> Any:
    """A value as Excel holds it; as a text what would be cut, rounded or refused."""
    if isinstance(value, datetime | date) and value.year < 1900:
        return str(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if value is None or isinstance(value, bool | date | time):
        return value
    if isinstance(value, int | float) and abs(value) <= _EXACT:
        return value
    text = value if isinstance(value, str) else str(value)
    if len(text) > _EXCEL_TEXT:
        raise OutputError(
            f"column {name}, row {row:,}: a text of {len(text):,} characters; a cell of Excel "
            f"holds {_EXCEL_TEXT:,}. Write .csv or .parquet."
        )
    return text


def _parts(rows: pa.Table, path: Path) -> Iterator[pa.Table]:
    for at in range(0, rows.num_rows, _AT_ONCE):
        yield rows.slice(at, _AT_ONCE)
        done = min(at + _AT_ONCE, rows.num_rows)
        progress.report(f"writing rows: {done:,}", done, rows.num_rows)


_WRITERS = {".csv": _csv, ".parquet": _parquet, ".json": _json, ".xlsx": _excel}
