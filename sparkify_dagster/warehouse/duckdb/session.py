"""A session on DuckDB: statements, bulk rows, a person's questions.

What belongs here: what the `Session` protocol asks, said to DuckDB. What does not: opening the file
and transactions (`warehouse`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from pathlib import Path

import duckdb
import pyarrow as pa

from sparkify_dagster.model.ddl import Engine, column_list, qualified
from sparkify_dagster.model.table import Table, Type
from sparkify_dagster.warehouse.duckdb.errors import first_words, told
from sparkify_dagster.warehouse.duckdb.gate import admitted
from sparkify_dagster.warehouse.engine import (
    Columns,
    Cost,
    Design,
    LakeObjects,
    Result,
    Rows,
    Values,
    WarehouseError,
)

_HOLLOW_FROM = 500_000
"""Rows that were removed and still take room, as part of a group of rows that has others."""
_CHUNK = 100_000
"""Rows of an answer that are handed over at once."""
_TYPES = {Type.DOUBLE: "DOUBLE"}
_DIALECT = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'",
)


def prepare_dialect(connection: duckdb.DuckDBPyConnection) -> None:
    """Lets DuckDB read the common SQL text as Redshift does."""
    for statement in _DIALECT:
        connection.execute(statement)


class DuckDBSession:
    """One open connection to the file.

    Args:
        where: The file, for messages.
        environment: The environment that it is of; blank: production.
        writes: It is open for a transaction that may change something.
    """

    engine: Engine = "duckdb"
    reader = ""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        schema: str,
        where: str = "DuckDB",
        *,
        environment: str = "",
        writes: bool = True,
    ) -> None:
        self.schema = schema
        self.environment = environment
        self.cost = Cost()
        self._connection = connection
        self._where = where
        self._writes = writes
        self.is_guarded = False

    def query(self, sql: str, values: Values | None = None) -> Rows:
        """Runs a SELECT and gives its rows."""
        with self._told():
            cursor = self._connection.execute(sql, values or None)
            return Rows([column[0] for column in cursor.description or ()], cursor.fetchall())

    def send(self, sql: str, values: Values | None = None) -> None:
        """Runs a statement: here nothing is gained by waiting."""
        self.execute(sql, values)

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Runs a statement and gives the number of rows it changed, -1 where there is none."""
        with self._told():
            row = self._connection.execute(sql, values or None).fetchone()
        return int(row[0]) if row and isinstance(row[0], int) else -1

    def stream(
        self, sql: str, values: Values | None, take: Callable[[pa.RecordBatchReader], Result]
    ) -> Result:
        """Runs a person's statement, and gives what is made of its rows as they come.

        Only one statement that reads is run, and it sees the warehouse alone: no files, no other
        databases, no settings.

        Raises:
            WarehouseError: It is no such statement, or the engine refuses it.
        """

        def taken() -> Result:
            statement = admitted(self._connection, sql, Path(self._where).name)
            if not self.is_guarded:
                self._guard()
            self._connection.complete()  # Whatever was executed last.
            return take(
                self._connection.sql(statement, params=values or None).to_arrow_reader(_CHUNK)
            )

        with ThreadPoolExecutor(1) as pool:
            # In a thread, as Ctrl-C does not reach Python while this one is inside the engine.
            answer = pool.submit(copy_context().run, taken)
            try:
                return answer.result()
            except KeyboardInterrupt:
                self._connection.interrupt()
                raise
            except (duckdb.Error, pa.ArrowException) as error:
                raise WarehouseError(first_words(error)) from None

    def unload(self, sql: str, take: Callable[[pa.RecordBatchReader], Result]) -> Result:
        """The same: there is no quicker way."""
        return self.stream(sql, None, take)

    def _guard(self) -> None:
        """The second wall, for what the gate may let through; the file is open to be read alone.

        DuckDB lets its folder for temporary files be written, so this is one that nobody else uses.
        """
        spill = f"{self._where}.spill-{uuid.uuid4().hex}".replace("'", "''")
        for guard in (
            f"SET temp_directory = '{spill}'",
            "SET python_enable_replacements = false",  # No variables of this program as tables.
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._connection.execute(guard)
        self.is_guarded = True

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        """Adds rows in bulk, straight from Arrow's memory."""
        # As a stream, which is empty afterwards: until COMMIT the engine keeps what it was given.
        stream = pa.RecordBatchReader.from_batches(rows.schema, iter(rows.to_batches()))
        self._connection.register("incoming_rows", stream)
        try:
            self.execute(
                f"INSERT INTO {relation} ({column_list(columns)}) SELECT * FROM incoming_rows"
            )
        finally:
            self._connection.unregister("incoming_rows")

    def copy(self, relation: str, columns: Sequence[str], objects: LakeObjects) -> int:
        """DuckDB shares our memory: our reader's rows are appended instead."""
        raise WarehouseError("DuckDB copies no objects by itself; the reader does it.")

    def is_hollow(self) -> bool:
        """Whether a table has more removed rows than others, and many."""
        held = self.query(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name = $schema "
            f"AND database_name = current_database() AND estimated_size > {_HOLLOW_FROM}",
            {"schema": self.schema},
        )
        for table, rows in held:
            ((left,),) = self.query(f"SELECT COUNT(*) FROM {qualified(self.schema, table)} AS t")
            if rows - left > max(left, _HOLLOW_FROM):
                return True
        return False

    def names(self) -> set[str]:
        """The names of all that somebody has made in the file, whoever it was."""
        there = " UNION ALL ".join(
            f"SELECT schema_name, {kind}_name FROM duckdb_{kind}s() "
            "WHERE database_name = current_database()"
            + ("" if kind == "sequence" else " AND NOT internal")
            for kind in ("table", "view", "function", "sequence", "type")
        )
        return {
            name if schema == self.schema else f"{schema}.{name}"
            for schema, name in self.query(there)
        }

    def has_schema(self) -> bool:
        """Whether the schema is there."""
        found = self.query(
            "SELECT 1 FROM duckdb_schemas() WHERE schema_name = $schema "
            "AND database_name = current_database()",
            {"schema": self.schema},
        )
        return bool(found)

    def tables(self) -> dict[str, Columns]:
        """The columns of every table that is there right now, by table; one question for all."""
        found: dict[str, Columns] = {}
        for table, name, kind, comment, of_table, nullable, is_view in self.query(
            "SELECT c.table_name, c.column_name, c.data_type, c.comment, t.comment, "
            "c.is_nullable, t.table_oid IS NULL "
            "FROM duckdb_columns() AS c LEFT JOIN duckdb_tables() AS t "
            "ON t.table_oid = c.table_oid AND t.database_oid = c.database_oid "
            "WHERE c.schema_name = $schema AND c.database_name = current_database() "
            "ORDER BY c.table_name, c.column_index",
            {"schema": self.schema},
        ):
            columns = found.setdefault(table, Columns())
            columns.add(name, kind, comment, of_table, required=not nullable)
            columns.is_view = is_view
        return found

    def designs(self) -> dict[str, Design]:
        """None: a file is no cluster."""
        return {}

    def declared(self, table: Table) -> dict[str, str]:
        """The columns a table of the model has here; DuckDB keeps no lengths."""
        return {c.name: _TYPES.get(c.type, str(c.type)) for c in table.columns}

    def _told(self) -> AbstractContextManager[None]:
        return told(self._where, writes=self._writes)
