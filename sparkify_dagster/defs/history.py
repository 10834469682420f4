"""Dagster's history in SQLite, written through connections that stay open.

Dagster opens a database file anew for each statement, which takes longer than what is said in it.
What belongs here: how a process that runs loads reaches the files. What stands in them and how they
are laid out is Dagster's: `dagster dev` reads and writes the same ones with its own storage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import dagster as dg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from sparkify_dagster.core.local_files import identity_of
from sparkify_dagster.defs.internals import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    SqliteEventLogStorage,
    create_engine,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_UNSET = re.compile(r'environment variable "(\w+)" which is not set')
_TABLES = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
_VERSION = "SELECT version_num FROM alembic_version"
_INDEX = "index"
"""The file in which all runs stand together; each run has one of its own besides."""


def held_open(instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """The same instance, with connections that stay open where its history is kept in SQLite."""
    events = instance.event_log_storage
    if type(events) is SqliteEventLogStorage:
        held = HeldEvents(str(Path(events.path_for_shard(_INDEX)).parent))
        held.register_instance(instance)
        instance._event_storage = held
    return instance


def gather(instance: dg.DagsterInstance) -> None:
    """Keeps what is told from here on in one transaction, until `tell`.

    A commit takes longer than an event. Nobody else can write meanwhile: no work between the two.
    """
    if isinstance(events := instance.event_log_storage, HeldEvents):
        events.gathers = True


def tell(instance: dg.DagsterInstance) -> None:
    """Commits what was gathered: from here on everybody sees it."""
    if isinstance(events := instance.event_log_storage, HeldEvents):
        events.tell()


@contextmanager
def told_together(instance: dg.DagsterInstance) -> Iterator[None]:
    """Commits what is told inside the block at its end."""
    gather(instance)
    try:
        yield
    finally:
        tell(instance)


def is_gone(instance: dg.DagsterInstance) -> bool:
    """Whether files of its history that stay open were removed, or others put in their place."""
    events = instance.event_log_storage
    return isinstance(events, HeldEvents) and events.is_gone


@contextmanager
def going_on_without(instance: dg.DagsterInstance, lost: list[str]) -> Iterator[None]:
    """Lets a run in the block go on when its events cannot be stored, as on a full disk.

    A load must not stop between two transactions because of what only tells of it. After the first
    event that is lost only those are tried that say how the run stands.

    Args:
        lost: Gets why an event was not stored, for each of them.
    """
    store = instance.handle_new_event

    def tolerant(event: dg.EventLogEntry, **batch: Any) -> None:
        told = event.dagster_event
        if lost and not (told is not None and told.is_job_event):
            return
        try:
            store(event, **batch)
        except Exception as error:  # Dagster's storage may be anybody's.
            lost.append(in_words(error))

    instance.handle_new_event = tolerant  # type: ignore[method-assign]
    if isinstance(events := instance.event_log_storage, HeldEvents):
        events.lost = lost
    try:
        yield
    finally:
        del instance.handle_new_event
        if isinstance(events, HeldEvents):
            events.lost = None


def in_words(error: Exception) -> str:
    """What a database says, without the statement it could not do."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def refusal(error: BaseException | None) -> str | None:
    """Why Dagster's storage cannot be opened; None where something else went wrong.

    What could quote a password, as an address that cannot be read, is not repeated.
    """
    if unset := _UNSET.findall(str(error)):
        return f"dagster.yaml takes {', '.join(unset)} from the environment, where it is not set"
    while error is not None:
        if isinstance(error, DBAPIError | OSError | ImportError):
            return in_words(error)
        if isinstance(error, SQLAlchemyError):
            return type(error).__name__
        error = error.__cause__
    return None


class HeldEvents(SqliteEventLogStorage):
    """Dagster's events in SQLite; holds the file of all runs open, and that of the last one.

    Attributes:
        gathers: What is stored is committed by `tell`, and not by itself.
        lost: Gets why what was gathered cannot be committed; without it that is an error.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.gathers = False
        self.lost: list[str] | None = None
        self._engines: dict[str, Engine] = {}
        self._gathered: dict[str, Connection] = {}
        self._there: set[str] = set()
        self._turn = RLock()
        super().__init__(base_dir, inst_data)
        self._index_file = identity_of(self.path_for_shard(_INDEX))

    @property
    def is_gone(self) -> bool:
        """Whether the file of all runs is not the one that was opened."""
        return self._index_file != identity_of(self.path_for_shard(_INDEX))

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        """A transaction in the file of a run."""
        assert run_id is not None, "the file of a run has its name"
        return self._transaction(run_id)

    def index_connection(self) -> AbstractContextManager[Connection]:
        """A transaction in the file of all runs."""
        return self._transaction(_INDEX)

    def has_table(self, table_name: str) -> bool:
        """Whether there is such a table; one that was there stays."""
        return self._stays(table_name, lambda: super(HeldEvents, self).has_table(table_name))

    def tell(self) -> None:
        """Commits what was gathered, and gathers no more."""
        with self._turn, ExitStack() as closed:
            self.gathers = False
            gathered, self._gathered = self._gathered, {}
            for connection in gathered.values():
                closed.enter_context(connection)
            try:
                for connection in gathered.values():
                    connection.commit()
            except SQLAlchemyError as error:
                if self.lost is None:
                    raise
                self.lost.append(in_words(error))

    def dispose(self) -> None:
        """Closes the files."""
        self.tell()
        for shard in list(self._engines):
            self._engines.pop(shard).dispose()
        super().dispose()

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Connection]:
        with self._turn:
            engine = self._engine(shard)
            if not self.gathers:
                with engine.begin() as connection:
                    yield connection
                return
            if shard not in self._gathered:
                self._gathered[shard] = engine.connect()
                self._gathered[shard].begin()
            yield self._gathered[shard]

    def _engine(self, shard: str) -> Engine:
        """What holds a file open; makes the file where there is none."""
        if shard not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            self._initdb(engine)
            for other in self._engines.keys() - {_INDEX}:
                self._engines.pop(other).dispose()
            self._engines[shard] = engine
        return self._engines[shard]

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Makes the tables of a file that has none, those of a run as they are in that of all runs.

        Dagster reads all its migrations to know whether it must: longer than a small load takes.
        """
        is_index = for_index_shard or engine.url.database == self.path_for_shard(_INDEX)
        with suppress(OperationalError):  # There is something in it, or nothing in that of all.
            if is_index:
                with engine.connect() as index:
                    if index.scalar(text(_VERSION)):
                        return
            else:
                self._copy_tables(engine)
                return
        super()._initdb(engine, for_index_shard)

    def _copy_tables(self, engine: Engine) -> None:
        with self.index_connection() as index:
            tables = [*index.scalars(text(_TABLES))]
            version = index.scalar(text(_VERSION))
        with engine.connect() as made:
            made.exec_driver_sql("PRAGMA journal_mode=WAL")
            made.exec_driver_sql("BEGIN IMMEDIATE")
            for table in tables:
                made.exec_driver_sql(table)
            made.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (version,))
            made.commit()

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Whether there is such a column; one that was there stays."""
        there = partial(super()._has_asset_key_col_on_connection, conn, column_name)
        return self._stays(f"asset_keys.{column_name}", there)

    def _stays(self, name: str, is_there: Callable[[], bool]) -> bool:
        """Whether something is there; asked until it is."""
        if name not in self._there and is_there():
            self._there.add(name)
        return name in self._there
