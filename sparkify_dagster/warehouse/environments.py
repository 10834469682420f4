"""Environments: a schema, or a file, beside production's, whose staging is production's.

An environment is a warehouse like any other, in which some tables are views. It notes what was made
in it (`model.environment`), and nothing else is ever dropped. What belongs here: making, following
production, listing, dropping. Loads in one are `pipeline.load`'s, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from sparkify_dagster.core.text import cited, count
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.model.access import ACCESS_RIGHTS
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import (
    LOAD_LOCK,
    Names,
    create_schema,
    create_table,
    create_view,
    drop_schema,
    drop_table,
    drop_view,
    literal,
    qualified,
    quoted,
    relations,
    relations_of,
)
from sparkify_dagster.model.environment import BORROWED, DERIVED, ENVIRONMENT
from sparkify_dagster.model.ledger import LEDGER, LOAD_HISTORY
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Column, Table, Type
from sparkify_dagster.settings.sections import BESIDE
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import (
    Session,
    Warehouse,
    WarehouseError,
    no_environment,
)
from sparkify_dagster.warehouse.rights import withdraw
from sparkify_dagster.warehouse.standing import Standing, standing

_SCHEMAS = (
    "SELECT n.nspname FROM pg_catalog.pg_namespace AS n "
    "JOIN pg_catalog.pg_class AS r ON r.relnamespace = n.oid WHERE r.relname = $marker"
)
_NAMED = 3
"""Tables of others that a message names."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What an environment tells of itself.

    Attributes:
        made: What was made for it, with whether it is a view of what production has.
    """

    made: Mapping[str, bool]
    made_at: datetime
    used_at: datetime

    @property
    def shares_staging(self) -> bool:
        """Whether its staging is production's."""
        return any(self.made.values())


def create(warehouse: Warehouse, production: Warehouse, days: DayRange | None = None) -> bool:
    """Makes an environment with production's staging; gives whether it was not there yet.

    Args:
        warehouse: Where it is to be.
        days: Only what happened on these days is to be seen in it; None: everything.

    Raises:
        WarehouseMissing: Production holds nothing yet.
        WarehouseError: There is something of its name that is no environment.
    """
    # Before anything is made that would have to go again.
    production.read_only(ledger.ready_tables)

    def work(session: Session) -> bool:
        there = session.names()
        if ENVIRONMENT.name in there:
            return False
        if others := there - {LOAD_LOCK}:
            raise WarehouseError(
                f"{place(warehouse)} is no environment: it holds {_shown(others)}. Nothing was "
                "changed; take another name."
            )
        if not session.has_schema():
            session.send(create_schema(session.schema))
        session.send(create_table(ENVIRONMENT, session.schema, session.engine))
        borrowed: set[str] = set()
        if _has_our_columns(session, names := relations_of(warehouse.production)):
            for table in (table for table in LEDGER if table not in BORROWED):
                session.send(create_table(table, session.schema, session.engine))
            now = standing(session, names)
            for table in BORROWED:
                _borrow(session, table, names, now, days)
            borrowed = {table.name for table in BORROWED}
            _note(session, borrowed, is_view=True)
        _note(session, {ENVIRONMENT.name, ACCESS_RIGHTS.name, *TABLES} - borrowed)
        return True

    return warehouse.transact(work)


def follow(
    session: Session,
    warehouse: Warehouse,
    is_alike: Callable[[Session, Mapping[str, str]], bool],
) -> bool:
    """Makes an environment ready for a load: its ledger says what production has loaded by now.

    Where this code, or its JSONPaths document, makes other rows of the lake than production's, or
    production has no columns for what it notes, the views go, and the load makes a staging of its
    own.

    Args:
        is_alike: Whether production's rows, by what its tables are called, are those of this code.

    Returns:
        Whether staging is production's.

    Raises:
        WarehouseMissing: There is no such environment.
        WarehouseError: Newer code has loaded it.
    """
    found = _described(session, warehouse)
    session.send(_sql(session, "used"), {"now": ledger.utc_now()})
    _note(session, TABLES.keys() - found.made.keys())
    if not found.shares_staging:
        return False
    names = relations_of(warehouse.production)
    if not (_has_our_columns(session, names) and is_alike(session, names)):
        standing(session).require_older()
        _drop(session, session.names() - {ENVIRONMENT.name, LOAD_LOCK}, found)
        session.send(_sql(session, "own_staging"))
        return False
    there = session.tables()
    for table in BORROWED:  # DuckDB's views keep the columns that production had.
        if not session.declared(table).items() <= there[table.name].items():
            session.send(drop_view(table.name, session.schema))
            _borrow(session, table, names, standing(session, names))
    _take_history(session, names, there[LOAD_HISTORY.name])
    return True


def _has_our_columns(session: Session, production: Mapping[str, str]) -> bool:
    """Whether production has every column that this code reads there."""
    for table in (*BORROWED, LOAD_HISTORY):
        rows = session.query(statement("environment/columns.sql", shown=production[table.name]))
        if not set(table.column_names) <= set(rows.names):
            return False
    return True


def _borrow(
    session: Session,
    table: Table,
    production: Mapping[str, str],
    now: Standing,
    days: DayRange | None = None,
) -> None:
    """Shows a table of production's by a view, with the columns and types of this code.

    Args:
        now: How things stand in production.
    """
    shown = production[table.name]
    if days and table is STAGING_EVENTS:  # What happened then, whenever it was delivered.
        shown = of_days(shown, "ts", days)
    stored = {column.name: column.sql_type for column in now.declared(table.name)}
    columns = ", ".join(_as_here(c, stored.get(c.name, c.sql_type)) for c in table.columns)
    select = statement("environment/borrowed.sql", columns=columns, of_production=shown)
    session.send(create_view(table.name, session.schema, select, session.engine))


def _as_here(column: Column, stored: str) -> str:
    """A stored column in the type of this code; texts are read alike whatever their lengths."""
    name = quoted(column.name)
    if column.type is Type.VARCHAR or column.sql_type == stored:
        return f"b.{name}"
    return f"CAST(b.{name} AS {column.sql_type}) AS {name}"


def look(warehouse: Warehouse) -> Environment:
    """What an environment tells of itself.

    Raises:
        WarehouseMissing: It is none.
    """
    return warehouse.read_only(lambda session: _described(session, warehouse))


def _described(session: Session, warehouse: Warehouse) -> Environment:
    if ENVIRONMENT.name not in session.names():
        raise no_environment(place(warehouse))
    rows = session.query(_sql(session, "known"))
    return Environment(
        {str(name): bool(is_view) for name, is_view, *_ in rows},
        min(row[2] for row in rows),
        max(row[3] for row in rows),
    )


def drop(warehouse: Warehouse) -> None:
    """Drops what was made for an environment, and its schema or file.

    Raises:
        WarehouseMissing: There is no such environment.
        WarehouseError: There is something in it that is not its own; nothing was dropped.
    """

    def work(session: Session) -> None:
        found = _described(session, warehouse)
        if ACCESS_RIGHTS.name in session.names():
            withdraw(session)
        there = session.names()
        if others := there - found.made.keys() - {LOAD_LOCK}:
            raise WarehouseError(
                f"{place(warehouse)} holds {_shown(others)}, which the environment did not make. "
                "Nothing was dropped: move it elsewhere or drop it yourself, then try again."
            )
        _drop(session, there, found)
        session.execute(drop_schema(session.schema))

    warehouse.transact(work)
    if warehouse.engine == "duckdb":
        warehouse.clean_up()
        for ending in ("", ".wal"):
            Path(f"{warehouse.location}{ending}").unlink(missing_ok=True)


def names_of(production: Warehouse) -> list[str]:
    """The names of the environments beside production."""
    if production.engine == "duckdb":
        path = Path(production.location)
        start, end = f"{path.stem}{BESIDE}", path.suffix
        there = (file.name for file in path.parent.glob(f"*{end}"))
        found = [name.removesuffix(end) for name in there]
    else:
        start, marker = f"{production.schema}{BESIDE}", {"marker": ENVIRONMENT.name}
        rows = production.read_only(lambda session: session.query(_SCHEMAS, marker))
        found = [str(name) for (name,) in rows]
    return sorted(name.removeprefix(start) for name in found if name.startswith(start))


def of_days(rows: str, moment: str, days: DayRange) -> str:
    """A relation's rows of some days, as it can stand in its place.

    Args:
        moment: The column that says when.
        days: With an end.
    """
    first, last = (literal(day.isoformat()) for day in (days.first, days.last or days.first))
    file, column = "environment/of_days.sql", quoted(moment)
    return f"({statement(file, rows=rows, moment=column, first=first, last=last)})"


def place(warehouse: Warehouse) -> str:
    """Where an environment is: its schema, or its file."""
    return warehouse.location if warehouse.engine == "duckdb" else warehouse.schema


def _take_history(session: Session, production: Mapping[str, str], own: Collection[str]) -> None:
    """The history of what comes from the lake is production's; that of star and marts our own.

    Args:
        own: The columns of our history, which may not have all of the model's yet.
    """
    derived = ", ".join(map(literal, DERIVED))
    session.send(_sql(session, "leave_history", derived=derived))
    columns = Names(name for name in LOAD_HISTORY.column_names if name in own)
    of_production = production[LOAD_HISTORY.name]
    session.send(
        _sql(session, "take_history", columns=columns, of_production=of_production, derived=derived)
    )


def _drop(session: Session, names: set[str], found: Environment) -> None:
    for name in sorted(names & found.made.keys() | names & {LOAD_LOCK}):
        dropped = drop_view if found.made.get(name) else drop_table
        session.send(dropped(name, session.schema))


def _note(session: Session, names: Collection[str], *, is_view: bool = False) -> None:
    """Notes what the environment has made, or is about to."""
    if names:
        now = ledger.utc_now()
        rows = pa.table(
            {
                "name": pa.array(sorted(names), pa.string()),
                "is_view": pa.array([is_view] * len(names), pa.bool_()),
                "made_at": pa.array([now] * len(names), pa.timestamp("us")),
                "used_at": pa.array([now] * len(names), pa.timestamp("us")),
            }
        )
        session.append(_marker(session), ENVIRONMENT.column_names, rows)


def _sql(session: Session, file: str, **given: Any) -> str:
    names = relations(session.schema) | {ENVIRONMENT.name: _marker(session)}
    return statement(f"environment/{file}.sql", names, **given)


def _marker(session: Session) -> str:
    return qualified(session.schema, ENVIRONMENT.name)


def _shown(names: Collection[str]) -> str:
    shown = ", ".join(map(cited, sorted(names)[:_NAMED]))
    more = len(names) - _NAMED
    return shown + (f" and {count(more, 'more table')}" if more > 0 else "")
