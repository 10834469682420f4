"""Carrying an UNLOAD out: rows of PostgreSQL become Parquet objects of S3, and a manifest of them.

What belongs here: parsing the statement, the order of things, the names of the objects and what the
manifest says. As Redshift does, it writes nothing at all, no manifest either, where there is no
row, and refuses to write where something is already. Of formats the double knows Parquet alone.
https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from sparkify_dagster_tests.redshift_double.copy_statement import OptionReader
from sparkify_dagster_tests.redshift_double.link import Link
from sparkify_dagster_tests.redshift_double.objects import S3, S3Failed, check_roles
from sparkify_dagster_tests.redshift_double.wire import Described, SqlError
from sparkify_dagster_tests.redshift_language.tokens import Token

_SLICES = 2
_NUMERIC = 1700
_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int32(),
    23: pa.int32(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
}
"""By PostgreSQL's number of a type; others are texts."""


@dataclass
class UnloadStatement:
    """What an UNLOAD says."""

    select: str
    target: str
    roles: list[str] = field(default_factory=list)
    region: str | None = None
    parquet: bool = False
    manifest: bool = False
    parallel: bool = True
    overwrite: bool = False


def parse_unload(tokens: Sequence[Token]) -> UnloadStatement:
    """Reads the tokens of an UNLOAD.

    Raises:
        SqlError: It is not one Redshift (or the double) takes.
    """
    reader = OptionReader(tokens)
    reader.word("(")
    select = reader.string()
    reader.word(")")
    reader.word("TO")
    statement = UnloadStatement(select, reader.string())
    seen: set[str] = set()
    while not reader.at_end:
        word = reader.option()
        if word in seen or word not in _OPTIONS:
            raise reader.error(-1)
        seen.add(word)
        _OPTIONS[word](reader, statement)
    if not statement.roles:
        raise SqlError("42601", "UNLOAD needs IAM_ROLE")
    if not statement.parquet:
        raise SqlError("0A000", "the double of Redshift unloads Parquet only")
    return statement


def _role(reader: OptionReader, statement: UnloadStatement) -> None:
    statement.roles = ["default"] if reader.maybe("DEFAULT") else reader.string().split(",")


def _region(reader: OptionReader, statement: UnloadStatement) -> None:
    reader.maybe("AS")
    statement.region = reader.string()


def _parallel(reader: OptionReader, statement: UnloadStatement) -> None:
    statement.parallel = reader.maybe("ON", "OFF", "TRUE", "FALSE") not in ("OFF", "FALSE")


def _flag(name: str) -> Callable[[OptionReader, UnloadStatement], None]:
    return lambda _reader, statement: setattr(statement, name, True)


_OPTIONS: dict[str, Callable[[OptionReader, UnloadStatement], None]] = {
    "IAM_ROLE": _role,
    "REGION": _region,
    "PARQUET": _flag("parquet"),
    "MANIFEST": _flag("manifest"),
    "PARALLEL": _parallel,
    "ALLOWOVERWRITE": _flag("overwrite"),
}


def unload(
    statement: UnloadStatement,
    select: str,
    link: Link,
    s3: S3,
    user: str,
    check: Callable[[], None],
) -> int:
    """Unloads; gives the number of rows.

    Args:
        select: The statement's, as PostgreSQL is to be told it.
        check: Called every now and then; raises SqlError when the statement is to end.

    Raises:
        SqlError: It failed; PostgreSQL may not know yet.
    """
    try:
        check_roles(statement.roles, user)
        s3.check_region(statement.target, statement.region)
        if not statement.overwrite and (there := s3.under(statement.target)):
            text = "Specified unload destination on S3 is not empty. Consider using a different "
            text += "bucket / prefix, manually removing the target files in S3, or using the "
            raise SqlError("XX000", f"{text}ALLOWOVERWRITE option. ({there[0]})")
        table = _table(*link.ask_described(select))
        check()
        if table.num_rows:
            _write(statement, table, s3, check)
    except S3Failed as error:
        raise SqlError("XX000", str(error)) from error
    return table.num_rows


def _write(statement: UnloadStatement, table: pa.Table, s3: S3, check: Callable[[], None]) -> None:
    entries = []
    for name, rows in _files(table, parallel=statement.parallel):
        check()
        data = io.BytesIO()
        parquet.write_table(rows, data, compression="snappy", use_deprecated_int96_timestamps=True)
        uri = f"{statement.target}{name}.parquet"
        s3.write(uri, data.getvalue())
        meta = {"content_length": len(data.getvalue()), "record_count": rows.num_rows}
        entries.append({"url": uri, "meta": meta})
    if statement.manifest:
        s3.write(f"{statement.target}manifest", json.dumps({"entries": entries}).encode())


def _files(table: pa.Table, *, parallel: bool) -> list[tuple[str, pa.Table]]:
    """The rows of each file: one after the other, or each slice's own."""
    if not parallel:
        # Redshift begins another at 6.2 GB; the double at half of what there is.
        half = (table.num_rows + 1) // 2
        parts = [table.slice(0, half), table.slice(half)]
        return [(f"{n:03}", part) for n, part in enumerate(parts) if part.num_rows]
    of_slices = [table.take(list(range(n, table.num_rows, _SLICES))) for n in range(_SLICES)]
    return [(f"{n:04}_part_00", part) for n, part in enumerate(of_slices) if part.num_rows]


def _table(columns: list[Described], rows: list[tuple[str | None, ...]]) -> pa.Table:
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = [_array(c, list(of)) for c, of in zip(columns, values, strict=True)]
    return pa.table(arrays, names=[column.name for column in columns])


def _array(column: Described, texts: list[str | None]) -> pa.Array:
    """PostgreSQL's texts as the Parquet type that Redshift writes for theirs."""
    found = pa.array(texts, pa.string())
    if column.type == _NUMERIC and column.modifier >= 0:
        digits, scale = divmod(column.modifier - 4, 1 << 16)
        return found.cast(pa.decimal128(digits, scale))
    kind = _TYPES.get(column.type, pa.string())
    return pc.equal(found, "t") if kind == pa.bool_() else found.cast(kind)
