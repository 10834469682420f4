"""What an engine must do, and what may go wrong with it.

The protocol is small on purpose: the SQL is the same text everywhere, so an engine only has to
connect, run statements with bound values, take rows in bulk and keep its transactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pyarrow as pa

from sparkify_dagster.model.ddl import Engine
from sparkify_dagster.model.table import Table

Row = tuple[Any, ...]
Values = Mapping[str, object]


class WarehouseError(Exception):
    """The warehouse cannot do what was asked; says which, why, and the next step."""


class WarehouseBusy(WarehouseError):
    """Another process holds the warehouse, and waiting for it took too long."""


class WarehouseMissing(WarehouseError):
    """There is no warehouse yet where the settings point."""


class Session(Protocol):
    """An open connection. Values are bound by name: `$name` in the statement."""

    schema: str
    engine: Engine

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        """Runs a SELECT and gives its rows."""
        ...

    def query_named(self, sql: str, values: Values | None = None) -> tuple[list[str], list[Row]]:
        """Runs a SELECT and gives its column names and rows."""
        ...

    def peek(self, sql: str, most: int | None) -> tuple[list[str], list[Row]]:
        """Runs a person's statement; gives column names and at most so many rows (None: all).

        Raises:
            WarehouseError: The engine refuses the statement; its first words say why.
        """
        ...

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Runs a statement and gives the number of rows it changed, -1 where there is none."""
        ...

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        """Adds rows in bulk to a relation named as in SQL. `rows` has its columns in order."""
        ...

    def tables(self) -> dict[str, dict[str, str]]:
        """The columns of every table that is there right now, by table; one question for all."""
        ...

    def declared(self, table: Table) -> dict[str, str]:
        """The columns a table of the model would have here, in the words of `tables`."""
        ...


class Warehouse(Protocol):
    """A place to keep the tables."""

    engine: Engine
    schema: str

    @property
    def location(self) -> str:
        """Where it is, as a person would write it; no secrets."""
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            WarehouseError: It cannot be opened, written or committed.
        """
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """A short look at what is committed; nothing can be written.

        Raises:
            WarehouseMissing: Nothing was ever loaded here.
            WarehouseError: It cannot be opened.
        """
        ...
