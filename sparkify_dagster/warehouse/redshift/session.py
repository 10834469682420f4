"""A session on Redshift: statements, bulk rows, COPY.

What belongs here: what the `Session` protocol asks, said to Redshift. What does not: opening
connections (`connection`), transactions (`warehouse`).
"""

from __future__ import annotations

import hashlib
import re
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
from psycopg2 import errorcodes
from psycopg2.extensions import connection as Connection

from sparkify_dagster.core.meter import ROUND_TRIPS, Meter
from sparkify_dagster.core.text import in_a_line
from sparkify_dagster.lake.store.staging_area import StagingArea
from sparkify_dagster.model.ddl import Engine, column_list
from sparkify_dagster.model.table import Table, Type
from sparkify_dagster.settings.sections import BESIDE
from sparkify_dagster.warehouse.engine import (
    Columns,
    CopyRefused,
    Cost,
    Design,
    LakeObjects,
    Result,
    Rows,
    Transient,
    Values,
    WarehouseError,
)
from sparkify_dagster.warehouse.redshift import stored
from sparkify_dagster.warehouse.redshift.arrow import Chunk, reader_of
from sparkify_dagster.warehouse.redshift.copy import (
    LAST_COPY_QUERY,
    LOAD_ERRORS,
    copy_text,
    jsonpaths,
    manifest,
    named,
)
from sparkify_dagster.warehouse.redshift.errors import told
from sparkify_dagster.warehouse.redshift.pack import write_packs
from sparkify_dagster.warehouse.redshift.statements import (
    admitted,
    as_psycopg,
    is_select,
    typed,
)
from sparkify_dagster.warehouse.redshift.unload import UNLOADED_QUERY, unload_text, unloaded

_FETCHED = 1000
"""Rows that a single-node cluster gives at once from a cursor."""
FEW_ROWS = 500
"""Rows up to which an INSERT costs less than writing a file and copying it."""
_FEW_BYTES = 1_000_000
_MOST_QUEUED = 2_000_000
"""Characters of statements that wait to be sent together; Redshift takes 16 MB at once."""
_TEMPORARY = re.compile(r"\ACREATE TEMP TABLE (\S+)")
_TYPES = {
    Type.VARCHAR: "character varying",
    Type.TIMESTAMP: "timestamp without time zone",
    Type.DOUBLE: "double precision",
}


class BatchFailed(Transient):
    """One of several statements that were sent together failed; which one, nobody says."""


class StaleConnection(Transient):
    """A connection that was kept turned out to be gone; nothing was done on it."""


class RedshiftSession:
    """One open connection.

    Statements whose outcome nobody asks for (`send`) wait, and go with the next one that has an
    answer as one message: psycopg2 gives the answer of the last.

    Args:
        connection: In autocommit; `begin` and `commit` are statements like others.
        staging: Where files for COPY go.
        role: With which COPY reads S3.
        where: The warehouse, for messages.
        hidden: The password, to be kept out of them.
        production: The schema that views of this one show; blank: there are none.
        meter: Counts the messages.

    Attributes:
        alone: Each statement is sent by itself, so that an error is known to be its own.
        is_kept: The connection was used before, and nothing has come over it since.
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
        production: str = "",
        meter: Meter | None = None,
    ) -> None:
        self.schema = schema
        self.reader = reader
        self.cost = Cost()
        self.alone = self.is_kept = False
        self._waiting: list[str] = []
        self._temporary: dict[str, None] = {}  # In their order, each once.
        self._staged: dict[str, str] = {}
        # A folder of its own: nobody else removes its files while they are read.
        self._folder = uuid.uuid4().hex[:12]
        self._meter = meter or Meter()
        self._connection = connection
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="redshift")
        self._staging = staging
        self._role = role
        self._where = where
        self._hidden = hidden
        self._production = production
        self.environment = schema.removeprefix(f"{production}{BESIDE}") if production else ""

    def close(self) -> None:
        """Ends the connection; what it has not committed is gone."""
        self._sender.shutdown(wait=False, cancel_futures=True)
        self._connection.close()

    def begin(self, statement: str) -> None:
        """Makes ready for another transaction; its beginning goes with the first statement."""
        self.cost = Cost()
        self._waiting, self._temporary = [], {}
        self.send(statement)

    def commit(self) -> None:
        """Ends a transaction; temporary tables must be gone before the next one makes its own."""
        if self._temporary:
            self.send(f"DROP TABLE {', '.join(self._temporary)}")
        self.execute("COMMIT")

    def roll_back(self) -> None:
        """Ends a transaction of which nothing is to stay; what still waits is not sent."""
        waiting, self._waiting = self._waiting, []
        if not any(statement.startswith("BEGIN") for statement in waiting):
            self.execute("ROLLBACK")

    def clean_up(self) -> None:
        """Removes what was written for the COPYs of a transaction."""
        staged, self._staged = self._staged, {}
        self._staging.delete(staged.values())

    @property
    def is_open(self) -> bool:
        """Whether the connection may be used again: it is there, and in no transaction."""
        idle = psycopg2.extensions.TRANSACTION_STATUS_IDLE
        return not self._connection.closed and self._connection.info.transaction_status == idle

    def query(self, sql: str, values: Values | None = None) -> Rows:
        """Runs a SELECT and gives its rows."""
        with self._sent(sql, values) as cursor:
            return Rows([column[0] for column in cursor.description or ()], cursor.fetchall())

    def send(self, sql: str, values: Values | None = None) -> None:
        """Has a statement run before the next one; how many rows it changed is not asked."""
        self._temporary |= dict.fromkeys(_TEMPORARY.findall(sql))
        with told(self._where, sql, self._hidden):
            self._waiting.append(self._bound(sql, values))
        if self.alone or sum(map(len, self._waiting)) > _MOST_QUEUED:
            self._send_waiting()

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Runs a statement and gives the number of rows it changed, -1 where there is none."""
        with self._sent(sql, values) as cursor:
            return int(cursor.rowcount)

    def stream(
        self, sql: str, values: Values | None, take: Callable[[pa.RecordBatchReader], Result]
    ) -> Result:
        """Runs a person's statement, and gives what is made of its rows as they come."""
        try:
            return take(reader_of(self._chunks(sql, values)))
        except pa.ArrowException as error:
            raise WarehouseError(
                f"{self._where}: the answer holds what Arrow cannot ({in_a_line(error)}). CAST "
                "that column to a type of the tables."
            ) from None

    def _chunks(self, sql: str, values: Values | None) -> Iterator[Chunk]:
        """What a person's statement gives, from a cursor on the server: unseen rows stay there."""
        statement = admitted(sql)
        self._send_waiting()  # What people ask is sent with nothing of ours.
        if not is_select(statement):
            with self._sent(statement, values) as cursor:
                columns, rows = cursor.description or (), cursor.fetchall()
            yield columns, rows
            return
        self.execute(f"DECLARE looked_at CURSOR FOR\n{statement}", values)
        count = _FETCHED
        while count == _FETCHED:
            with self._sent(f"FETCH FORWARD {_FETCHED:d} FROM looked_at", None) as cursor:
                columns, rows = cursor.description or (), cursor.fetchall()
            yield columns, rows
            count = len(rows)
        self.send("CLOSE looked_at")

    def unload(self, sql: str, take: Callable[[pa.RecordBatchReader], Result]) -> Result:
        """The rows of a SELECT of ours as Redshift writes them below the staging area."""
        prefix = self._staging.uri_of(f"{self._folder}/{uuid.uuid4().hex}.")
        text = unload_text(sql, prefix, self._role, self._staging.region())
        rows = self.query(f"{text};\n{UNLOADED_QUERY}")[0][0]
        with unloaded(self._staging, prefix if rows else "", self._staged) as reader:
            return take(reader)

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        """Adds rows in bulk: a few in one INSERT, more as packed files by COPY."""
        if rows.num_rows <= FEW_ROWS and rows.nbytes <= _FEW_BYTES:
            self._insert(relation, columns, rows)
            return
        uris = list(self._put_packs(rows.rename_columns(list(columns))))
        listed, region = self._put(manifest(uris), "manifest"), self._staging.region()
        text = copy_text(relation, columns, listed, self._role, region, packed=True)
        try:
            copied = self._copy(text)
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
            copy_text(
                relation,
                columns,
                manifest=self._put(manifest(objects.uris), "manifest"),
                role=self._role,
                region=objects.region,
                paths=self._put(jsonpaths(objects.fields), "jsonpaths"),
                times="epochmillisecs",
                packed=objects.packed,
            )
        )

    def names(self) -> set[str]:
        """The names of all tables and views that are there, whoever made them."""
        return stored.names(self)

    def has_schema(self) -> bool:
        """Whether the schema is there."""
        found = self.query(
            "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $schema", {"schema": self.schema}
        )
        return bool(found)

    def tables(self) -> dict[str, Columns]:
        """The columns of every table that is there right now, by table; one question for all."""
        return stored.tables(self, self._production)

    def designs(self) -> dict[str, Design]:
        """How each table lies in the cluster; takes two questions."""
        return stored.designs(self)

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
        rows = self.query(LOAD_ERRORS, {"since": since})
        if not rows:
            return ""
        name, line, column, message = rows[0]
        place = f"{name}, line {line}" + (f", column {column}" if column else "")
        return f"{place}: {message}"

    def _insert(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        names = {f"v{number}": column for number, column in enumerate(rows.columns)}
        sql = f"({', '.join(f'${name}' for name in names)})"
        cells = zip(*(column.to_pylist() for column in names.values()), strict=True)
        with told(self._where, hidden=self._hidden):
            texts = [self._bound(sql, dict(zip(names, row, strict=True))) for row in cells]
        self.send(f"INSERT INTO {relation} ({column_list(columns)}) VALUES {','.join(texts)}")

    def _copy(self, text: str) -> int:
        rows = self.query(f"{text};\n{LAST_COPY_QUERY}")
        copied, query_id = (int(value) for value in rows[0])
        self.cost.copied += copied
        self.cost.query_ids.append(query_id)
        return copied

    def _put(self, data: bytes, ending: str) -> str:
        """Writes a file for COPY, once per session; it is removed when the session ends."""
        name = f"{self._folder}/{named(data, ending)}"
        if name not in self._staged:
            self._staged[name] = self._staging.put(name, data)
        return self._staged[name]

    def _put_packs(self, rows: pa.Table) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="sparkify-") as folder:
            for path in write_packs(rows, Path(folder)):
                with path.open("rb") as file:
                    name = hashlib.file_digest(file, "sha256").hexdigest()
                uri = self._staging.put_file(f"{self._folder}/{name[:32]}.json.gz", path)
                self._staged[uri] = uri
                path.unlink()
                yield uri

    def _bound(self, sql: str, values: Values | None) -> str:
        """The statement with its values in place."""
        if not values:
            return sql
        typed_values = {name: typed(value) for name, value in values.items()}
        with self._connection.cursor() as cursor:
            bound: bytes = cursor.mogrify(as_psycopg(sql, values), typed_values)
        return bound.decode()

    def _send_waiting(self) -> None:
        if self._waiting:
            last = self._waiting.pop()
            with self._sent(last, None):
                return

    @contextmanager
    def _sent(self, sql: str, values: Values | None) -> Iterator[Any]:
        """Sends a statement behind those that wait; the answer is its own.

        Raises:
            BatchFailed: It was not alone, so the error may be another's.
        """
        before, self._waiting = self._waiting, []
        self._temporary |= dict.fromkeys(_TEMPORARY.findall(sql))
        try:
            with told(self._where, sql, self._hidden), self._connection.cursor() as cursor:
                # Below each other, as a statement may end with a comment.
                self._do(cursor.execute, "\n;\n".join([*before, self._bound(sql, values)]))
                self.is_kept = False
                yield cursor
        except CopyRefused:  # Whatever was sent before it.
            raise
        except Transient as error:
            if self.is_kept and self._connection.closed:
                raise StaleConnection(str(error)) from None
            raise
        except WarehouseError as error:
            others = any(not statement.startswith("BEGIN") for statement in before)
            if others and error.sqlstate != errorcodes.QUERY_CANCELED:
                failed = BatchFailed(str(error))
                failed.sqlstate = error.sqlstate
                raise failed from None
            raise

    def _do(self, send: Callable[..., object], *words: object) -> None:
        """Sends in a thread: inside the driver Ctrl-C would wait until the answer is there."""
        self._meter.add(ROUND_TRIPS)
        answer = self._sender.submit(send, *words)
        try:
            answer.result()
        except psycopg2.Error:
            raise
        except BaseException:
            with suppress(psycopg2.Error):
                self._connection.cancel()
            raise
