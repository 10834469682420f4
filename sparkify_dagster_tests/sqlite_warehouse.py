"""SQLite as a warehouse whose texts compare as Redshift's do: trailing blanks do not count.

Its collation RTRIM compares so, and takes the place of BINARY, too, to which whatever is computed
falls back. The platform's own code loads it: staging, star, refresh, marts, audits. What belongs
here: the few words of SQL that SQLite spells otherwise, and the functions it lacks. What it cannot
show is anything else of Redshift.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from typing import Any

import pyarrow as pa

from sparkify_dagster.core.meter import Meter
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import Engine
from sparkify_dagster.model.table import Table
from sparkify_dagster.warehouse.engine import (
    Columns,
    Cost,
    Design,
    LakeObjects,
    Result,
    Rows,
    Session,
    TableSize,
    Values,
    WarehouseError,
)

_NAME = r'([\w."]+)'
_SPELT = [
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"TRIM\(BOTH ' ' FROM ", "TRIM("),
        (r"EXTRACT\((\w+) FROM ", r"PART('\1', "),
        (rf"CAST\({_NAME} AS DATE\)", r"DAY_OF(\1)"),
        (rf"CAST\({_NAME} AS VARCHAR\(\d+\)\)", r"TEXT_OF(\1)"),
        (rf"(DAY_OF\([^)]*\)) - (DAY_OF\([^)]*\)|{_NAME})", r"DAYS(\1, \2)"),
        (r"(?s)^DELETE FROM (\S+) USING (\S+) AS k WHERE (.*)",
         r"DELETE FROM \1 WHERE EXISTS (SELECT 1 FROM \2 AS k WHERE \3)"),
        (r"(?m)^(    \S+ VARCHAR\(\d+\))", r"\1 COLLATE RTRIM"),
        (r"\bLOWER\(", "LOWERED("),
    )
]  # fmt: skip
_TIME = "%Y-%m-%d %H:%M:%S.%f"
_STORED = re.compile(r"[DT]\d{4}-\d\d-\d\d")
_NOT_THERE = re.compile(r"COMMENT ON|CREATE SCHEMA")


class SqliteSession:
    """The one connection, as the loads want it."""

    engine: Engine = "duckdb"
    reader = ""
    environment = ""

    def __init__(self, connection: sqlite3.Connection, schema: str) -> None:
        self.schema = schema
        self.cost = Cost()
        self._connection = connection

    def has_schema(self) -> bool:
        return True

    def query(self, sql: str, values: Values | None = None) -> Rows:
        cursor = self._run(sql, values)
        rows = [tuple(map(_read, row)) for row in cursor.fetchall()]
        return Rows([column[0] for column in cursor.description], rows)

    def send(self, sql: str, values: Values | None = None) -> None:
        self.execute(sql, values)

    def execute(self, sql: str, values: Values | None = None) -> int:
        return -1 if _NOT_THERE.match(sql) else self._run(sql, values).rowcount

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        named, marks = ", ".join(f'"{c}"' for c in columns), ", ".join("?" for _ in columns)
        cells = [map(_stored, column.to_pylist()) for column in rows.columns]
        self._connection.executemany(
            f"INSERT INTO {relation} ({named}) VALUES ({marks})", zip(*cells, strict=True)
        )

    def copy(self, relation: str, columns: Sequence[str], objects: LakeObjects) -> int:
        raise WarehouseError("SQLite copies nothing by itself")

    def tables(self) -> dict[str, Columns]:
        there = {name for (name,) in self._run(f"SELECT name FROM {self.schema}.sqlite_master")}
        return {n: Columns(self.declared(t)) for n, t in TABLES.items() if n in there}

    def designs(self) -> dict[str, Design]:
        return {}

    def declared(self, table: Table) -> dict[str, str]:
        return {column.name: column.sql_type for column in table.columns}

    def drop_temporary(self) -> None:
        """Ends what ends with a session."""
        for (name,) in self._run("SELECT name FROM sqlite_temp_master").fetchall():
            self._connection.execute(f'DROP TABLE temp."{name}"')

    def _run(self, sql: str, values: Values | None = None) -> sqlite3.Cursor:
        for pattern, instead in _SPELT:
            sql = pattern.sub(instead, sql)
        bound = {name: _stored(value) for name, value in (values or {}).items()}
        try:
            return self._connection.execute(sql, bound)
        except sqlite3.Error as error:
            raise WarehouseError(f"{error} in: {sql}") from error


class SqliteWarehouse:
    """A database in memory."""

    engine: Engine = "duckdb"
    location = "memory"
    production = ""

    def __init__(self, schema: str = "sparkify") -> None:
        self.schema = schema
        self.meter = Meter()
        self.connection = ignoring_trailing_blanks(schema)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        session = SqliteSession(self.connection, self.schema)
        self.connection.execute("BEGIN")
        try:
            yield session
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        session.drop_temporary()

    reading = transaction

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        with self.transaction() as session:
            return work(session)

    def read_only(self, work: Callable[[Session], Result]) -> Result:
        return self.transact(work)

    def alone(self, work: Callable[[Session], Result]) -> Result:
        return self.transact(work)

    def sizes(self) -> dict[str, TableSize]:
        return {}

    def clean_up(self) -> str:
        return ""

    def rewrite(self) -> None:
        return None


def ignoring_trailing_blanks(schema: str) -> sqlite3.Connection:
    """A database in memory with an empty schema, the collation, and Redshift's functions."""
    lite = sqlite3.connect(":memory:", isolation_level=None)
    lite.execute(f"ATTACH ':memory:' AS {schema}")
    lite.create_collation("BINARY", lambda a, b: _order(a.rstrip(" "), b.rstrip(" ")))
    functions: dict[str, Callable[..., Any]] = {
        "CHR": chr,
        "SPLIT_PART": _split_part,
        "MD5": lambda text: hashlib.md5(text.encode()).hexdigest(),
        "LOWERED": lambda text: text.lower(),
        "TRANSLATE": lambda text, old, new: text.translate(_table(old, new)),
        "DATE_TRUNC": lambda _, moment: moment.partition(".")[0] + ".000000",
        "PART": _part,
        "DAY_OF": lambda moment: f"D{moment[1:11]}",
        "DAYS": lambda a, b: (date.fromisoformat(a[1:]) - date.fromisoformat(b[1:])).days,
        "STRLEN": lambda value: len(value.encode()),
        "TEXT_OF": lambda value: value[1:] if _is_time(value) else str(value),
    }
    for name, function in functions.items():
        lite.create_function(name, -1, partial(_or_null, function), deterministic=True)
    return lite


def _or_null(function: Callable[..., Any], *values: Any) -> Any:
    return None if None in values else function(*values)


def _order(a: str, b: str) -> int:
    return (a > b) - (a < b)


def _split_part(text: str, mark: str, number: int) -> str:
    return [*text.split(mark), "", "", "", "", "", ""][number - 1]


def _table(old: str, new: str) -> dict[int, str | None]:
    given = {ord(char): (new[at] if at < len(new) else None) for at, char in enumerate(old)}
    return dict(given)


def _part(unit: str, moment: str) -> float | int:
    at = datetime.strptime(moment[1:], _TIME)
    if unit == "WEEK":
        return at.isocalendar().week
    if unit == "DOW":
        return at.isoweekday() % 7
    if unit == "SECOND":
        return at.second + at.microsecond / 1e6
    return int(getattr(at, unit.lower()))


def _is_time(value: object) -> bool:
    return isinstance(value, str) and bool(_STORED.match(value))


def _stored(value: object) -> object:
    """A value as SQLite keeps it: moments with a mark, so that no text is taken for one."""
    if isinstance(value, datetime):
        return f"T{value.strftime(_TIME)}"
    return f"D{value.isoformat()}" if isinstance(value, date) else value


def _read(value: Any) -> Any:
    if not _is_time(value):
        return value
    moment = value[0] == "T"
    return datetime.strptime(value[1:], _TIME) if moment else date.fromisoformat(value[1:])
