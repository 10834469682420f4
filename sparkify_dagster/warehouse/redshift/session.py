"""A session on Redshift: statements, bulk rows, COPY.

What belongs here: what the `Session` protocol asks, said to Redshift. What does not: opening
connections (`connection`), transactions (`warehouse`).
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from sparkify_dagster.core.text import in_a_line
from sparkify_dagster.lake.store.staging_area import StagingArea
from sparkify_dagster.model.ddl import Engine, column_list
from sparkify_dagster.model.table import Table, Type
from sparkify_dagster.warehouse.engine import (
    NOTHING_TO_ASK,
    CopyRefused,
    Cost,
    LakeObjects,
    Result,
    Row,
    Values,
    WarehouseError,
)
from sparkify_dagster.warehouse.redshift.arrow import Chunk, reader_of
from sparkify_dagster.warehouse.redshift.copy import Copy, copy_text, jsonpaths, manifest, named
from sparkify_dagster.warehouse.redshift.errors import told
from sparkify_dagster.warehouse.redshift.pack import write_packs
from sparkify_dagster.warehouse.redshift.statements import (
    as_psycopg,
    is_select,
    only_reading,
    typed,
)

TABLES_QUERY = (
    "SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length "
    "FROM information_schema.columns AS c WHERE c.table_schema = $schema "
    "ORDER BY c.table_name, c.ordinal_position"
)
LAST_COPY_QUERY = "SELECT pg_last_copy_count(), pg_last_copy_id()"
_FETCHED = 1000
"""Rows that a single-node cluster gives at once from a cursor."""
FEW_ROWS = 500
"""Rows up to which an INSERT costs less than writing a file and copying it."""
_FEW_BYTES = 1_000_000
_TYPES = {
    Type.VARCHAR: "character varying",
    Type.TIMESTAMP: "timestamp without time zone",
    Type.DOUBLE: "double precision",
}


class RedshiftSession:
    """One open connection.

    Args:
        connection: In autocommit; `begin` and `commit` are statements like others.
        staging: Where files for COPY go.
        role: With which COPY reads S3.
        where: The warehouse, for messages.
        hidden: The password, to be kept out of them.
    """

    engine: Engine = "redshift"

    def __init__(
        self,
        connection: Connection,
        schema: str,
        staging: StagingArea,
        role: str,
        *,
        reader: str = "",
        where: str = "",
        hidden: str = "",
    ) -> None:
        self.schema = schema
        self.reader = reader
        self.cost = Cost()
        self.staged: dict[str, str] = {}
        # A folder of its own: nobody else removes its files while they are read.
        self._folder = uuid.uuid4().hex[:12]
        self._connection = connection
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="redshift")
        self._staging = staging
        self._role = role
        self._where = where
        self._hidden = hidden

    def close(self) -> None:
        """Ends the connection; what it has not committed is gone."""
        self._sender.shutdown(wait=False, cancel_futures=True)
        self._connection.close()

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        """Runs a SELECT and gives its rows."""
        return self.query_named(sql, values)[1]

    def query_named(self, sql: str, values: Values | None = None) -> tuple[list[str], list[Row]]:
        """Runs a SELECT and gives its column names and rows."""
        with self._sent(sql, values) as cursor:
            return _named(cursor), cursor.fetchall()

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Runs a statement and gives the number of rows it changed, -1 where there is none."""
        with self._sent(sql, values) as cursor:
            return int(cursor.rowcount)

    def stream(
        self, sql: str, values: Values | None, take: Callable[[pa.RecordBatchReader], Result]
    ) -> Result:
        """Runs a person's statement, and gives what is made of its rows as they come.

        Raises:
            WarehouseError: It is not one statement that reads, or the engine refuses it.
        """
        try:
            return take(reader_of(self._chunks(sql, values)))
        except pa.ArrowException as error:
            raise WarehouseError(
                f"{self._where}: the answer holds what Arrow cannot ({in_a_line(error)}). CAST "
                "that column to a type of the tables."
            ) from None

    def _chunks(self, sql: str, values: Values | None) -> Iterator[Chunk]:
        """What a person's statement gives, from a cursor on the server: unseen rows stay there."""
        statement = only_reading(sql)
        if statement is None:
            raise WarehouseError(
                "only one statement that reads is possible here (SELECT, SHOW, EXPLAIN); "
                "nothing was done"
            )
        if not statement.strip():
            raise WarehouseError(NOTHING_TO_ASK)
        if not is_select(statement):
            with self._sent(statement, values) as cursor:
                yield cursor.description or (), cursor.fetchall()
            return
        self.execute(f"DECLARE looked_at CURSOR FOR\n{statement}", values)
        count = _FETCHED
        while count == _FETCHED:
            with self._sent(f"FETCH FORWARD {_FETCHED:d} FROM looked_at", None) as cursor:
                rows = cursor.fetchall()
                yield cursor.description or (), rows
            count = len(rows)
        self.execute("CLOSE looked_at")

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        """Adds rows in bulk: a few in one INSERT, more as packed files by COPY."""
        if rows.num_rows <= FEW_ROWS and rows.nbytes <= _FEW_BYTES:
            self._insert(relation, columns, rows)
            return
        uris = list(self._put_packs(rows.rename_columns(list(columns))))
        copy = Copy(
            relation=relation,
            columns=tuple(columns),
            manifest=self._put(manifest(uris), "manifest"),
            role=self._role,
            region=self._staging.region(),
            packed=True,
        )
        try:
            copied = self._copy(copy)
        except CopyRefused as error:
            raise WarehouseError(
                f"{self._where}: COPY refused what we wrote to {self._staging.location} for it, as "
                f"{self._role} ({error}). Nothing was kept. Let that role read the staging area "
                "(`sparkify doctor`, line staging); if it may, tell us."
            ) from None
        if copied != rows.num_rows:
            raise WarehouseError(
                f"{self._where}: COPY counted {copied:,} of {rows.num_rows:,} rows for {relation}; "
                "nothing was kept."
            )

    def copy(self, relation: str, columns: Sequence[str], objects: LakeObjects) -> int:
        """Lets Redshift read objects of the lake by itself; gives the number of rows.

        Raises:
            CopyRefused: A record does not fit, or an object cannot be read.
        """
        return self._copy(
            Copy(
                relation=relation,
                columns=tuple(columns),
                manifest=self._put(manifest(objects.uris), "manifest"),
                role=self._role,
                region=objects.region,
                paths=self._put(jsonpaths(objects.fields), "jsonpaths"),
                times="epochmillisecs",
                packed=objects.packed,
            )
        )

    def has_schema(self) -> bool:
        """Whether the schema is there."""
        found = self.query(
            "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $schema", {"schema": self.schema}
        )
        return bool(found)

    def tables(self) -> dict[str, dict[str, str]]:
        """The columns of every table that is there right now, by table; one question for all."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind, length in self.query(TABLES_QUERY, {"schema": self.schema}):
            found.setdefault(str(table), {})[str(column)] = f"{kind}({length})" if length else kind
        return found

    def declared(self, table: Table) -> dict[str, str]:
        """The columns a table of the model has here, in the words of `tables`."""
        return {
            c.name: _TYPES.get(c.type, str(c.type).lower()) + (f"({c.length})" if c.length else "")
            for c in table.columns
        }

    def load_error(self, since: datetime) -> str:
        """What Redshift noted about the COPY that failed last; blank when it says nothing.

        Names object, line and column, never a value.
        """
        rows = self.query(
            "SELECT TRIM(BOTH ' ' FROM e.file_name), e.line_number, "
            "TRIM(BOTH ' ' FROM e.column_name), TRIM(BOTH ' ' FROM e.error_message) "
            "FROM sys_load_error_detail AS e WHERE e.session_id = pg_backend_pid() "
            "AND e.start_time >= $since ORDER BY e.start_time DESC LIMIT 1",
            {"since": since},
        )
        if not rows:
            return ""
        name, line, column, message = rows[0]
        place = f"{name}, line {line}" + (f", column {column}" if column else "")
        return f"{place}: {message}"

    def _insert(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        cells = (map(typed, column.to_pylist()) for column in rows.columns)
        values = list(zip(*cells, strict=True))
        sql = f"INSERT INTO {relation} ({column_list(columns)}) VALUES %s"
        with told(self._where, sql, self._hidden), self._connection.cursor() as cursor:
            self._do(execute_values, cursor, sql, values, None, len(values))

    def _copy(self, copy: Copy) -> int:
        self.execute(copy_text(copy))
        rows = self.query(LAST_COPY_QUERY)
        copied, query_id = (int(value) for value in rows[0])
        self.cost.copied += copied
        self.cost.query_ids.append(query_id)
        return copied

    def _put(self, data: bytes, ending: str) -> str:
        """Writes a file for COPY, once per session; it is removed when the session ends."""
        name = f"{self._folder}/{named(data, ending)}"
        if name not in self.staged:
            self.staged[name] = self._staging.put(name, data)
        return self.staged[name]

    def _put_packs(self, rows: pa.Table) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="sparkify-") as folder:
            for path in write_packs(rows, Path(folder)):
                with path.open("rb") as file:
                    name = hashlib.file_digest(file, "sha256").hexdigest()
                uri = self._staging.put_file(f"{self._folder}/{name[:32]}.json.gz", path)
                self.staged[uri] = uri
                path.unlink()
                yield uri

    @contextmanager
    def _sent(self, sql: str, values: Values | None) -> Iterator[Any]:
        with told(self._where, sql, self._hidden), self._connection.cursor() as cursor:
            typed_values = {name: typed(value) for name, value in (values or {}).items()}
            self._do(cursor.execute, as_psycopg(sql, values), typed_values or None)
            yield cursor

    def _do(self, send: Callable[..., object], *words: object) -> None:
        """Sends in a thread: inside the driver Ctrl-C would wait until the answer is there."""
        answer = self._sender.submit(send, *words)
        try:
            answer.result()
        except psycopg2.Error:
            raise
        except BaseException:
            with suppress(psycopg2.Error):
                self._connection.cancel()
            raise


def _named(cursor: Any) -> list[str]:
    return [column[0] for column in cursor.description or ()]
