"""A DuckDB file as a warehouse: transactions and looks.

DuckDB lets one process hold the file: while it writes, nobody else may even read. So the file is
opened for one transaction or one look and let go at once; whoever comes meanwhile waits in line.
The engine itself, without the file, is kept from one to the next. What a session can do is
`session`'s.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from sparkify_dagster.core.local_files import identity_of, made_for, require_trusted
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.model.ddl import Engine, quoted
from sparkify_dagster.settings import DuckDBSettings
from sparkify_dagster.settings.sections import BESIDE
from sparkify_dagster.warehouse.duckdb import stored
from sparkify_dagster.warehouse.duckdb.errors import holder, is_held, opening_failed
from sparkify_dagster.warehouse.duckdb.session import DuckDBSession, prepare_dialect
from sparkify_dagster.warehouse.engine import (
    Result,
    Session,
    TableSize,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
    close_all,
    no_environment,
)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
_SAYS_AFTER = 1.0
_VACUUM_TASKS = 100
"""DuckDB's own default, with which each transaction puts together what others have left of tables:
half a second for a new day on 10 M events. Here it waits until a table is hollow."""
_CATALOG, _PRODUCTION, _COPY = "_warehouse_file", "_production_file", "_warehouse_copy"


class DuckDBWarehouse:
    """A DuckDB file as a warehouse.

    Args:
        settings: The file, which the first transaction makes with its folder, and how it is used.
        schema: Schema of all tables.
        on_wait: Told once, in a sentence, when the wait is noticeable.
        beside: The file of production, if this is one of an environment: to be read alone.
        makes: Whether an environment that is not there yet is to be made.
    """

    engine: Engine = "duckdb"

    def __init__(
        self,
        settings: DuckDBSettings,
        schema: str,
        on_wait: Callable[[str], None] = lambda _: None,
        beside: Path | None = None,
        *,
        makes: bool = False,
    ) -> None:
        self.schema = schema
        self.production = f'"{_PRODUCTION}".{quoted(schema)}' if beside else ""
        self._beside = beside
        stem = settings.path.stem
        self._environment = stem.removeprefix(f"{beside.stem}{BESIDE}") if beside else ""
        self._makes = makes
        self.meter = Meter()
        self._settings = settings
        self._path = self._attaching = settings.path
        self._on_wait = on_wait
        # Beside the warehouse, where there is room for its like; not in the current folder.
        self._spill = f"{settings.path}.spill"
        self._kept: list[duckdb.DuckDBPyConnection] = []
        weakref.finalize(self, close_all, self._kept)  # Before Python goes, which it would deplore.
        self._config: dict[str, Any] = {
            "preserve_insertion_order": False,
            "temp_directory": self._spill,
        }
        if settings.memory_limit:
            self._config["memory_limit"] = settings.memory_limit
        if settings.threads:
            self._config["threads"] = settings.threads

    @property
    def location(self) -> str:
        """The file."""
        return str(self._path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        if self._beside and not self._makes:
            self._require_made()
        try:
            with made_for(all_users=self._settings.shared):
                self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseError(
                f"{self._path.parent}: cannot be made ({error.strerror})."
            ) from None
        with self._connected(read_only=False) as session:
            self._require_ours()
            session.execute("BEGIN TRANSACTION")
            try:
                yield session
                tasks = _VACUUM_TASKS if session.is_hollow() else 0
                session.execute(f"SET GLOBAL max_vacuum_tasks = {tasks}")
                session.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(WarehouseError):
                    session.execute("ROLLBACK")
                raise

    def _require_made(self) -> None:
        if self._beside and not self._path.exists():
            raise no_environment(str(self._path))

    def _require_ours(self) -> None:
        """Asked of files that are open: until then another user may put theirs there."""
        if self._settings.shared:
            return
        try:
            require_trusted(*(Path(f"{self._path}{end}") for end in ("", ".wal", ".spill")))
        except OSError as error:
            raise WarehouseError(
                f"{error.filename}: {error.strerror}, who could read what is loaded. Remove it, "
                "or set [DUCKDB] SHARED if that is meant."
            ) from None

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        """Does work in one transaction; holding the file, nobody can interfere."""
        with self.transaction() as session:
            return work(session)

    def read_only(self, work: Callable[[Session], Result]) -> Result:
        """Does work that only reads."""
        with self.reading() as session:
            return work(session)

    def alone(self, work: Callable[[Session], Result]) -> Result:
        """In one transaction: DuckDB does all it can do in one."""
        return self.transact(work)

    def sizes(self) -> dict[str, TableSize]:
        """What the tables take of the file, in its blocks, by name; nothing while it is held."""
        try:
            return self.read_only(stored.sizes)
        except WarehouseError:
            return {}

    def clean_up(self) -> str:
        """Removes what killed processes had no memory for: rows, in clear.

        While the file is held nobody else puts any there.
        """

        def left() -> list[Path]:
            return sorted(self._path.parent.glob(f"{glob.escape(self._path.name)}.spill*"))

        if found := left():
            with self._connected(read_only=False):
                for path in found:
                    shutil.rmtree(path, ignore_errors=True)
        return ", ".join(map(str, left()))

    def rewrite(self) -> None:
        """Puts a copy of what the file holds in its place: nothing else clears its freed blocks.

        Raises:
            WarehouseError: It could not be copied, and is as it was.
        """
        file = os.path.realpath(self._path)
        copy, log = f"{file}.copy", Path(f"{self._path}.wal")
        with self._connected(read_only=False) as session:
            try:
                _remove(copy)
                session.execute(f"CHECKPOINT {_CATALOG}")
                session.execute(f"ATTACH {_quoted(copy)} AS {_COPY}")
                session.execute(f"COPY FROM DATABASE {_CATALOG} TO {_COPY}")
                session.execute(f"DETACH {_COPY}")
                if log.exists():
                    raise WarehouseError(f"{log}: not empty, so {file} was not made anew.")
                shutil.copymode(file, copy)
                owner = os.stat(file)
                os.chown(copy, owner.st_uid, owner.st_gid)  # Whoever does it, as root, say.
                os.replace(copy, file)
            except OSError as error:
                raise WarehouseError(
                    f"{file}: could not be made anew ({error.strerror}); it is as it was."
                ) from None
            finally:
                _remove(copy)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A short look at what is committed."""
        self._require_made()
        if not self._path.exists():
            raise WarehouseMissing(f"{self._path}: no warehouse yet. Load one with `sparkify etl`.")
        with self._connected(read_only=True) as session:
            yield session

    @contextlib.contextmanager
    def _connected(self, *, read_only: bool) -> Iterator[DuckDBSession]:
        # DuckDB makes more files than the one: a log beside it, and what memory does not hold.
        with made_for(all_users=self._settings.shared), self._session(read_only) as session:
            yield session

    @contextlib.contextmanager
    def _session(self, read_only: bool) -> Iterator[DuckDBSession]:
        instance = self._open(read_only)
        connection = instance.cursor()  # Closing it drops the temporary tables.
        session = DuckDBSession(
            connection,
            self.schema,
            self.location,
            environment=self._environment,
            writes=not read_only,
        )
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
        try:
            self._attach(instance, self._path, _CATALOG, read_only=read_only)
            if self._beside:
                self._attach(instance, self._beside, _PRODUCTION, read_only=True)
            return instance
        except BaseException:
            instance.close()
            raise

    def _attach(
        self, instance: duckdb.DuckDBPyConnection, path: Path, name: str, *, read_only: bool
    ) -> None:
        self._attaching = path
        option = " (READ_ONLY)" if read_only else ""
        while True:
            before = identity_of(path)
            instance.execute(f"ATTACH {_quoted(path)} AS {name}{option}")
            if before in (None, identity_of(path)):
                return
            # `rewrite` has put another one there after this one was opened, before it was held.
            instance.execute(f"DETACH {name}")

    def _detach(self, instance: duckdb.DuckDBPyConnection, session: DuckDBSession) -> None:
        """Lets go of the file; keeps the engine, whose start would take 0.03 s the next time."""
        try:
            instance.execute(f"DETACH {_CATALOG}")
            if self._beside:
                instance.execute(f"DETACH {_PRODUCTION}")
        except duckdb.Error:
            # The changes are in its log, where they are found by whoever opens it next.
            instance.close()
            return
        if session.is_guarded or os.path.exists(self._spill) or self._kept:
            instance.close()
        else:
            self._kept.append(instance)

    def _open(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline, pause, said = time.monotonic() + self._settings.lock_wait, _FIRST_PAUSE, False
        started = time.monotonic()
        while True:
            try:
                return self._attached(read_only)
            except duckdb.Error as error:
                if not is_held(error):
                    raise opening_failed(self._attaching, error) from None
                if time.monotonic() >= deadline:
                    raise WarehouseBusy(
                        f"{self._attaching}: still held by {holder(error)} after "
                        f"{self._settings.lock_wait:g} s. Wait for it or end it, then try again; "
                        "[DUCKDB] LOCK_WAIT says how long to wait."
                    ) from None
                if not said and time.monotonic() - started > _SAYS_AFTER:
                    said = True
                    self._on_wait(f"waiting for {holder(error)} to let go of {self._attaching}")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)


def _quoted(path: str | Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _remove(copy: str) -> None:
    for path in (copy, f"{copy}.wal"):
        Path(path).unlink(missing_ok=True)
