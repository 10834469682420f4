"""A person's statement and its answer, as Arrow.

What belongs here: binding values, asking, and which columns of the answer are personal or have
listed values: `lineage` says which columns of the model each is made of. pandas is not imported.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.core import progress
from sparkify_dagster.core.masking import mask_value
from sparkify_dagster.core.text import cited, in_a_line, unique
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import Engine
from sparkify_dagster.model.table import Column
from sparkify_dagster.warehouse.engine import Rows, Session, Values, WarehouseError
from sparkify_dagster.warehouse.schema import by_bare_name

_BOUND = (bool, int, float, str, date, datetime, Decimal, type(None))
_ABOUT_TABLES = {"DESC", "DESCRIBE", "EXPLAIN", "SHOW"}
"""How statements begin whose answer holds no value of a row."""


def ask(
    session: Session,
    sql: str,
    values: Values | None = None,
    *,
    clear: bool,
    kept: Callable[[pa.RecordBatchReader], pa.Table],
) -> pa.Table:
    """The answer to a statement that reads, in which tables may go without their schema.

    Args:
        values: Stand for `$name` in the statement; with None the engine says of those what it does.
        clear: Show personal columns as they are.
        kept: Where the rows are kept: `in_memory` or `on_disk`.

    Raises:
        WarehouseError: There is nothing to ask, the engine refuses it, a value is missing or
            unknown, or nobody can say which columns are personal.
    """
    bound = None if values is None else _values(sql, values)
    by_bare_name(session)
    return _plain(session.stream(sql, bound, lambda r: kept(_shown(r, sql, session, clear))))


def fetch(session: Session, sql: str, most: int | None = None) -> Rows:
    """The same as Python's own values, all of them clear.

    Args:
        most: Rows to give at most; None: all.
    """
    table = ask(session, sql, clear=True, kept=partial(in_memory, most=most))
    columns = [column.to_pylist(maps_as_pydicts="lossy") for column in table.columns]
    return Rows(table.column_names, zip(*columns, strict=True))


def in_memory(reader: pa.RecordBatchReader, most: int | None = None) -> pa.Table:
    """Keeps the rows in memory, or the first of them."""
    if most is None:
        return reader.read_all()
    batches, rows = [], 0
    for batch in reader:
        batches.append(batch)
        rows += batch.num_rows
        if rows >= most:
            break
    return pa.Table.from_batches(batches, reader.schema).slice(0, most)


def on_disk(reader: pa.RecordBatchReader) -> pa.Table:
    """Keeps the rows in a file that no one else can open and that goes with them."""
    rows = 0
    with tempfile.NamedTemporaryFile(prefix="sparkify-") as file:
        with pa.ipc.new_file(file, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
                progress.report(f"reading: {rows:,} rows")
        file.flush()
        return pa.ipc.open_file(pa.memory_map(file.name)).read_all()


def _shown(
    reader: pa.RecordBatchReader, sql: str, session: Session, clear: bool
) -> pa.RecordBatchReader:
    """The rows with what is personal masked, unless all are to be shown clear."""
    if clear:
        return reader
    made_of = columns_read(sql, session.engine, len(reader.schema))
    if isinstance(made_of, str):
        raise WarehouseError(
            f"which columns of the answer are personal data cannot be told ({made_of}). Write "
            "it as a plain SELECT, or ask with clear=True to see all of it."
        )
    return _masked(reader, [any(c.personal for c in columns) for columns in made_of])


def columns_read(sql: str, engine: Engine, wanted: int) -> list[list[Column]] | str:
    """The columns of the model that give each column of the answer its value; or why not known.

    A COUNT says nothing of any one value, so it is made of none.
    """
    from sqlglot import exp, parse_one, tokenize

    from sparkify_dagster.lineage.select import origins

    counts = (exp.Count, exp.CountIf, exp.ApproxDistinct)
    dialect = "duckdb" if engine == "duckdb" else "redshift"
    try:
        if tokenize(sql, read=dialect)[0].text.upper() in _ABOUT_TABLES:
            return [[] for _ in range(wanted)]
        tree = parse_one(sql, dialect=dialect)
        for table in tree.find_all(exp.Table):
            table.set("db", None)
        for number, node in enumerate(list(tree.find_all(*counts))):
            counted = node.parent if isinstance(node.parent, exp.Window) else node
            counted.replace(exp.Literal.string(f"count {number}"))
        found = origins(tree.sql(dialect=dialect), TABLES, dialect)
    except Exception as error:  # Whatever it is: what cannot be judged is not shown.
        return in_a_line(error) or "lineage does not know this kind of statement"
    if len(found) != wanted:
        return "two of them have the same name"
    return [[TABLES[r.table].column(r.column) for r in o.values] for o in found.values()]


def categories(sql: str, engine: Engine, rows: pa.Table, *, clear: bool) -> dict[str, list[str]]:
    """For columns whose values the model lists, shown under their own name: these, then others."""
    made_of = columns_read(sql, engine, rows.num_columns)
    if isinstance(made_of, str):
        return {}
    found = {}
    for field, columns in zip(rows.schema, made_of, strict=True):
        if len(columns) != 1 or (columns[0].personal and not clear):
            continue
        if columns[0].name == field.name and (listed := columns[0].accepted):
            others = set(pc.unique(rows[field.name]).to_pylist()) - {*listed, None}
            found[field.name] = [*listed, *sorted(others)]
    return found


def _masked(reader: pa.RecordBatchReader, personal: list[bool]) -> pa.RecordBatchReader:
    """The same rows; what is personal shows how it is built and not what it says."""
    fields = [
        pa.field(field.name, pa.string()) if hidden else field
        for field, hidden in zip(reader.schema, personal, strict=True)
    ]

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            columns = zip(batch.columns, personal, strict=True)
            hidden = [masked(column) if hide else column for column, hide in columns]
            yield pa.RecordBatch.from_arrays(hidden, schema=pa.schema(fields))

    return pa.RecordBatchReader.from_batches(pa.schema(fields), batches())


def masked(column: pa.Array) -> pa.Array:
    """`mask_value` of each value, all at once."""
    is_text = pa.types.is_string(column.type)
    try:
        texts = column if is_text else column.cast(pa.string())
    except pa.ArrowNotImplementedError:  # Lists and structs have no cast: value by value.
        return pa.array(
            [v if v is None else mask_value(v) for v in column.to_pylist()], pa.string()
        )
    each = texts.dictionary_encode()  # Few are distinct, and patterns take their time.
    hidden = pc.replace_substring_regex(each.dictionary, "[0-9]", "9" if is_text else "x")
    hidden = pc.replace_substring_regex(hidden, r"[A-Za-z]|[^\x00-\x7f]", "x")
    return hidden.take(each.indices)


def _plain(rows: pa.Table) -> pa.Table:
    """An answer with a name for each column, sums of whole numbers as such, and spans of time."""
    rows = rows.rename_columns(unique(rows.column_names))
    for at, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            with suppress(pa.ArrowInvalid):  # More than 64 bits hold.
                rows = rows.set_column(at, field.name, rows.column(at).cast(pa.int64()))
        elif pa.types.is_interval(field.type):
            spans = pa.array(map(_span, rows.column(at).to_pylist()), pa.duration("us"))
            rows = rows.set_column(at, field.name, spans)
    return rows


def _span(interval: Any) -> timedelta | None:
    """An interval, its months of thirty days, as DuckDB's own Python takes them."""
    if interval is None:
        return None
    months, days, nanoseconds = interval
    return timedelta(days=30 * months + days, microseconds=nanoseconds // 1000)


def _values(sql: str, given: Values) -> dict[str, object]:
    """The values a statement is to be given, as both engines take them.

    Raises:
        WarehouseError: One is missing, unknown or of a kind that cannot be bound.
    """
    named = _named(sql)
    for name in sorted(named ^ given.keys()):
        if name in named:
            raise WarehouseError(f"the statement names ${name}, which has no value: pass {name}=…")
        raise WarehouseError(
            f"{name}=… was passed, and the statement names no ${name}"
            + (f"; it names {', '.join(f'${n}' for n in sorted(named))}." if named else ".")
        )
    return {name: _bound(name, value) for name, value in given.items()}


def _named(sql: str) -> set[str]:
    """The names behind `$` in a statement, comments and texts aside."""
    from sqlglot import tokenize
    from sqlglot.errors import SqlglotError

    try:
        tokens = tokenize(sql, read="duckdb")
    except SqlglotError:
        return set()  # The engine says what is wrong with it.
    return {
        word.text
        for sign, word in pairwise(tokens)
        if sign.text == "$" and word.start == sign.end + 1 and word.text.isidentifier()
    }


def _bound(name: str, value: object) -> object:
    """A value as it is bound: of times the moment in UTC, as the tables keep them."""
    if hasattr(value, "item") and not isinstance(value, _BOUND):
        value = value.item()  # A number of numpy.
    if not isinstance(value, _BOUND) or (isinstance(value, float) and not math.isfinite(value)):
        raise WarehouseError(
            f"{name}={cited(value)[:60]}: a {type(value).__name__} that no column is compared "
            "with. Pass a number, a text, a date, a datetime or None."
        )
    if isinstance(value, datetime) and value.tzinfo:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value
