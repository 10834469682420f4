"""DuckDB: the warehouse on a laptop, one file.

DuckDB lets one process hold the file: while it writes, nobody else may even read. So the file is
opened for one transaction or one look and let go at once; whoever comes meanwhile waits in line.
The engine itself, without the file, is kept from one to the next.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sparkify_dagster.lake.meter import Meter
from sparkify_dagster.model.ddl import Engine, column_list, qualified
from sparkify_dagster.model.table import Table, Type
from sparkify_dagster.warehouse.engine import (
    Cost,
    LakeObjects,
    Result,
    Row,
    Session,
    TableSize,
    Values,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
)

_HOLDER = re.compile(r"\(PID (\d+)\)")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
_SAYS_AFTER = 1.0
_VACUUM_TASKS = 100
"""DuckDB's own default, with which each transaction puts together what others have left of tables:
half a second for a new day on 10 M events. Here it waits until a table is hollow."""
_HOLLOW_FROM = 500_000
"""Rows that were removed and still take room, as part of a group of rows that has others."""
_CATALOG = "_warehouse_file"
_TYPES = {Type.DOUBLE: "DOUBLE"}
_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_NOTHING_ELSE = ("SET enable_external_access = false", "SET lock_configuration = true")
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
    """One open connection to the file."""

    engine: Engine = "duckdb"
    reader = ""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str) -> None:
        self.schema = schema
        self.cost = Cost()
        self._connection = connection
        self.is_guarded = False

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        """Runs a SELECT and gives its rows."""
        return self.query_named(sql, values)[1]

    def query_named(self, sql: str, values: Values | None = None) -> tuple[list[str], list[Row]]:
        """Runs a SELECT and gives its column names and rows."""
        cursor = self._connection.execute(sql, _bound(values))
        return [column[0] for column in cursor.description or ()], cursor.fetchall()

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Runs a statement and gives the number of rows it changed, -1 where there is none."""
        row = self._connection.execute(sql, _bound(values)).fetchone()
        return int(row[0]) if row and isinstance(row[0], int) else -1

    def peek(self, sql: str, most: int | None) -> tuple[list[str], list[Row]]:
        """Runs a person's statement; gives column names and at most so many rows (None: all).

        Only one statement that reads is run, and it sees the warehouse alone: no files, no other
        databases, no settings.

        Raises:
            WarehouseError: It is no such statement, or the engine refuses it.
        """
        with ThreadPoolExecutor(1) as pool:
            # In a thread, as Ctrl-C does not reach Python while this one is inside the engine.
            answer = pool.submit(self._peek, sql, most)
            try:
                return answer.result()
            except KeyboardInterrupt:
                self._connection.interrupt()
                raise
            except duckdb.Error as error:
                raise WarehouseError(_first_words(error)) from None

    def _peek(self, sql: str, most: int | None) -> tuple[list[str], list[Row]]:
        statements = self._connection.extract_statements(sql)
        if not statements:  # Nothing but comments.
            return [], []
        if len(statements) > 1 or statements[0].type not in _READING:
            raise WarehouseError(
                "only one statement that reads is possible here (SELECT, DESCRIBE, SHOW, EXPLAIN); "
                "nothing was done"
            )
        if not self.is_guarded:
            for guard in _NOTHING_ELSE:
                self._connection.execute(guard)
            self.is_guarded = True
        cursor = self._connection.execute(statements[0])
        rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
        return [column[0] for column in cursor.description or ()], rows

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        """Adds rows in bulk, straight from Arrow's memory."""
        # As a stream, which is empty afterwards: until COMMIT the engine keeps what it was given.
        stream = pa.RecordBatchReader.from_batches(rows.schema, iter(rows.to_batches()))
        self._connection.register("incoming_rows", stream)
        try:
            self._connection.execute(
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

    def has_schema(self) -> bool:
        """Whether the schema is there."""
        found = self.query(
            "SELECT 1 FROM duckdb_schemas() WHERE schema_name = $schema "
            "AND database_name = current_database()",
            {"schema": self.schema},
        )
        return bool(found)

    def tables(self) -> dict[str, dict[str, str]]:
        """The columns of every table that is there right now, by table; one question for all."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in self.query(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = "
            "$schema AND database_name = current_database() ORDER BY table_name, column_index",
            {"schema": self.schema},
        ):
            found.setdefault(table, {})[column] = kind
        return found

    def declared(self, table: Table) -> dict[str, str]:
        """The columns a table of the model has here; DuckDB keeps no lengths."""
        return {c.name: _TYPES.get(c.type, str(c.type)) for c in table.columns}


class DuckDBWarehouse:
    """A DuckDB file as a warehouse.

    Args:
        path: The file; made with its folder by the first transaction.
        schema: Schema of all tables.
        lock_wait: Seconds to wait for another process to let go of the file.
        memory_limit: As DuckDB writes it (`2GB`); blank for DuckDB's own default.
        threads: Threads to use; 0 for all cores.
        on_wait: Told once, in a sentence, when the wait is noticeable.
    """

    engine: Engine = "duckdb"

    def __init__(
        self,
        path: Path,
        schema: str,
        *,
        lock_wait: float = 60,
        memory_limit: str = "",
        threads: int = 0,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self.schema = schema
        self.meter = Meter()
        self._path = path
        self._lock_wait = lock_wait
        # Beside the warehouse, where there is room for its like; not in the current folder.
        self._spill = f"{path}.spill"
        self._kept: list[duckdb.DuckDBPyConnection] = []
        weakref.finalize(self, _end, self._kept)  # Before Python goes, which it would deplore.
        self._config: dict[str, Any] = {
            "preserve_insertion_order": False,
            "temp_directory": self._spill,
        }
        if memory_limit:
            self._config["memory_limit"] = memory_limit
        if threads:
            self._config["threads"] = threads
        self._on_wait = on_wait or (lambda _: None)

    @property
    def location(self) -> str:
        """The file."""
        return str(self._path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(
                f"{self._path.parent}: cannot be made ({error.strerror})."
            ) from None
        with self._connected(read_only=False) as session, _said_plainly(self._path):
            session.execute("BEGIN TRANSACTION")
            try:
                yield session
                tasks = _VACUUM_TASKS if session.is_hollow() else 0
                session.execute(f"SET GLOBAL max_vacuum_tasks = {tasks}")
                session.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    session.execute("ROLLBACK")
                raise

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        """Does work in one transaction; holding the file, nobody can interfere."""
        with self.transaction() as session:
            return work(session)

    def look(self, work: Callable[[Session], Result]) -> Result:
        """Does work that only reads."""
        with self.reading() as session:
            return work(session)

    def sizes(self) -> dict[str, TableSize]:
        """DuckDB keeps all tables in one file and does not tell them apart."""
        return {}

    def tidy(self) -> str:
        """Nothing is ever left outside the file."""
        return ""

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A short look at what is committed."""
        if not self._path.exists():
            raise WarehouseMissing(f"{self._path}: no warehouse yet. Load one with `sparkify etl`.")
        with self._connected(read_only=True) as session, _said_plainly(self._path):
            yield session

    @contextlib.contextmanager
    def _connected(self, *, read_only: bool) -> Iterator[DuckDBSession]:
        instance = self._open(read_only)
        connection = instance.cursor()  # Closing it drops the temporary tables.
        session = DuckDBSession(connection, self.schema)
        try:
            connection.execute(f"USE {_CATALOG}")
            prepare_dialect(connection)
            yield session
        except BaseException:
            connection.close()
            instance.close()
            raise
        connection.close()
        self._detach(instance, session)

    def _attached(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        """The file under a name of our own: named after itself it may clash with the schema."""
        try:
            instance = self._kept.pop()
        except IndexError:
            instance = duckdb.connect(":memory:", config=self._config)
        with _closed_on_error(instance):
            path = str(self._path).replace("'", "''")
            option = " (READ_ONLY)" if read_only else ""
            instance.execute(f"ATTACH '{path}' AS {_CATALOG}{option}")
        return instance

    def _detach(self, instance: duckdb.DuckDBPyConnection, session: DuckDBSession) -> None:
        """Lets go of the file; keeps the engine, whose start would take 0.03 s the next time."""
        try:
            instance.execute(f"DETACH {_CATALOG}")
        except duckdb.Error:
            # The changes are in its log, where they are found by whoever opens it next.
            instance.close()
            return
        if session.is_guarded or os.path.exists(self._spill) or self._kept:
            instance.close()
        else:
            self._kept.append(instance)

    def _open(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline, pause, said = time.monotonic() + self._lock_wait, _FIRST_PAUSE, False
        started = time.monotonic()
        while True:
            try:
                return self._attached(read_only)
            except duckdb.Error as error:
                if not _is_held(error):
                    raise _opening_failed(self._path, error) from None
                if time.monotonic() >= deadline:
                    raise WarehouseBusy(
                        f"{self._path}: still held by {_holder(error)} after "
                        f"{self._lock_wait:g} s. Wait for it or end it, then try again; "
                        "[DUCKDB] LOCK_WAIT says how long to wait."
                    ) from None
                if not said and time.monotonic() - started > _SAYS_AFTER:
                    said = True
                    self._on_wait(f"waiting for {_holder(error)} to let go of {self._path}")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)


@contextlib.contextmanager
def _closed_on_error(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _end(kept: list[duckdb.DuckDBPyConnection]) -> None:
    while kept:
        kept.pop().close()


def _bound(values: Values | None) -> Mapping[str, object] | None:
    return values or None


def _first_words(error: duckdb.Error) -> str:
    """What the engine says, on one line, without the statement repeated."""
    said = str(error).partition("\n\nLINE ")[0]
    if "file system operations are disabled" in said:
        return "only the warehouse's own tables can be asked here, no files and no other databases"
    return " ".join(said.split())


def _is_held(error: duckdb.Error) -> bool:
    text = str(error)
    # The last two: this same process has it open the other way, in another thread.
    return (
        "Could not set lock" in text
        or "different configuration" in text
        or "already open" in text
        or "already attached" in text
    )


def _holder(error: duckdb.Error) -> str:
    found = _HOLDER.search(str(error))
    if not found:
        return "another connection of this process"
    pid = found.group(1)
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    command = " ".join(b" ".join(words[:4]).decode(errors="replace").split())
    return f"process {pid} ({command})"


def _opening_failed(path: Path, error: duckdb.Error) -> WarehouseError:
    text = str(error).splitlines()[0]
    if "Permission denied" in text or "read-only" in text.lower():
        return WarehouseError(
            f"{path}: cannot be opened for writing. Let this account write the file and its "
            "folder, or point [DUCKDB] PATH elsewhere."
        )
    if "replaying WAL" in text and "does not match" in text:
        return WarehouseError(
            f"{path}: its log {path}.wal belongs to another file or to another "
            "version of this one. Put back the file and the log that were together; "
            "or delete the log, if nothing that was written with it is wanted."
        )
    return WarehouseError(
        f"{path}: cannot be opened as a DuckDB file ({text}). Check [DUCKDB] PATH."
    )


@contextlib.contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    """Turns what DuckDB says about disk and memory into what a person can act on."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise WarehouseError(
            f"{path}: out of memory ({str(error).splitlines()[0]}). Raise [DUCKDB] MEMORY_LIMIT "
            "or lower [LOAD] BATCH_MB. Nothing of this load was kept."
        ) from error
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        # A COMMIT on a full disk is a TransactionException, a broken file a FatalException.
        raise WarehouseError(
            f"{path}: could not be written or read ({str(error).splitlines()[0]}). Is the disk "
            "full or the file read-only? Nothing of this load was kept."
        ) from error
