"""Dagster's history in SQLite, written through connections that stay open.

Dagster opens a database file anew for each statement, which takes longer than what is said in it.
What belongs here: how a process that runs loads reaches the files. What stands in them and how they
are laid out is Dagster's: `dagster dev` reads and writes the same ones with its own storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import dagster as dg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sparkify_dagster.core.local_files import identity_of
from sparkify_dagster.defs.internals import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    DagsterSqliteStorage,
    EventLogStorage,
    InstanceRef,
    SqliteEventLogStorage,
    create_engine,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_UNSET = re.compile(r'environment variable "(\w+)" which is not set')
_INDEX = "index"
"""The file in which all runs stand together; each run has one of its own besides."""


def held_open(reference: InstanceRef) -> InstanceRef:
    """The same instance, with connections that stay open where its history is kept in SQLite."""
    storage = reference.storage_data
    if storage is None or storage.class_name != DagsterSqliteStorage.__name__:
        return reference
    held = ConfigurableClassData(__name__, HeldStorage.__name__, storage.config_yaml)
    return reference._replace(storage_data=held)


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
    try:
        yield
    finally:
        del instance.handle_new_event


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


class HeldStorage(DagsterSqliteStorage):
    """Dagster's storage in SQLite, with another way to its events."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        events = super().event_log_storage
        assert isinstance(events, SqliteEventLogStorage)
        self._held = HeldEvents(str(Path(events.path_for_shard(_INDEX)).parent))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> HeldStorage:
        """As Dagster makes it from its settings."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @property
    def event_log_storage(self) -> EventLogStorage[Any]:
        """The events."""
        return self._held


class HeldEvents(SqliteEventLogStorage):
    """Dagster's events in SQLite; holds the file of all runs open, and that of the last one."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        self._turn = RLock()
        super().__init__(base_dir, inst_data)
        self._index_file = identity_of(self.path_for_shard(_INDEX))

    @property
    def is_gone(self) -> bool:
        """Whether the file of all runs is not the one that was opened."""
        return self._index_file != identity_of(self.path_for_shard(_INDEX))

    @contextmanager
    def run_connection(self, run_id: str | None = None) -> Iterator[Connection]:
        """A transaction in the file of a run."""
        assert run_id is not None, "the file of a run has its name"
        with self._turn, self._engine(run_id).begin() as connection:
            yield connection

    @contextmanager
    def index_connection(self) -> Iterator[Connection]:
        """A transaction in the file of all runs."""
        with self._turn, self._engine(_INDEX).begin() as connection:
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether there is such a table; one that was there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Closes the files."""
        for shard in list(self._engines):
            self._engines.pop(shard).dispose()
        super().dispose()

    def _engine(self, shard: str) -> Engine:
        """What holds a file open; makes the file where there is none."""
        if shard not in self._engines:
            with super().run_connection(shard):
                pass  # Dagster makes the tables when it opens a file for the first time.
            for other in self._engines.keys() - {_INDEX}:
                self._engines.pop(other).dispose()
            self._engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
        return self._engines[shard]
