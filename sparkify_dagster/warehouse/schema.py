"""Making the tables, and noticing when what is there is not what the model says.

What belongs here: creating, dropping, comparing tables. The DDL itself is `model.ddl`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from sparkify_dagster.model.access import ACCESS_RIGHTS
from sparkify_dagster.model.catalog import GENERATION, STAGING, TABLES, model_version
from sparkify_dagster.model.ddl import (
    comments,
    create_schema,
    create_table,
    drop_table,
    grants,
)
from sparkify_dagster.model.ledger import LEDGER, LOAD_HISTORY
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.star import SONGPLAY
from sparkify_dagster.model.table import Table
from sparkify_dagster.warehouse import ledger, rights
from sparkify_dagster.warehouse.design import design_changes, is_due
from sparkify_dagster.warehouse.engine import Columns, Session, WarehouseError, anew
from sparkify_dagster.warehouse.evolution import Change, changes, narrows
from sparkify_dagster.warehouse.evolving import evolve
from sparkify_dagster.warehouse.standing import Standing, standing

OF_THE_LAKE = (*STAGING, *LEDGER)
"""What they hold comes from the lake or tells of it; the rest can be made from them."""


def create_tables(
    session: Session, *, drop: bool = False, evolves: Collection[Table] = ()
) -> list[str]:
    """Makes every table that is not there.

    The staging tables and the ledger speak of each other. Where one of them was lost, the others
    tell half a story: all of them are made anew, and the next load takes everything from the lake.

    Args:
        drop: Drop them all first, with all they hold.
        evolves: The tables that become those of the model, where an older version of it made them.
            Others wait: their turn is in the transaction that fills what changes of them.

    Returns:
        The names of the tables that were made.

    Raises:
        WarehouseError: A table is there with other columns than the model's and was not made by an
            earlier version of it, or it was made by a later one.
    """
    made = []
    there = session.tables()
    if not there and not session.has_schema():  # Asking for it takes a right that many lack.
        session.send(create_schema(session.schema))
    lost = _is_incomplete(there) and not _is_older(session, there)
    for table in TABLES.values():
        if drop or (lost and table in OF_THE_LAKE):
            session.send(drop_table(table.name, session.schema))
            there.pop(table.name, None)
    asks = session.engine == "duckdb" and evolves and "load_history" in there
    now = standing(session) if asks else None
    differing = {
        name: steps
        for name, table in TABLES.items()
        if _is_table(name, there)
        and (steps := _steps(session, table, there[name], now if table in evolves else None))
    }
    if any(step.how != "comment" for steps in differing.values() for step in steps):
        _require_older(session, there, differing)
    for name, table in TABLES.items():
        if name not in there:
            _make(session, table, there)
            made.append(name)
        elif name in differing and (
            table in evolves or all(step.how == "comment" for step in differing[name])
        ):
            evolve(session, table, there[name], differing[name])
    evolved = any(table.name in differing for table in evolves)
    if "load_history" in made or evolved:
        ledger.record_model(session)
    if len(made) == len(TABLES) and session.engine == "redshift":
        ledger.record_design(session)
    if ACCESS_RIGHTS.name in there and (
        made or evolved or (evolves and rights.are_due(session, there))
    ):
        rights.restore(session)
    return made


def pending_changes(
    session: Session, there: Mapping[str, Columns], now: Standing
) -> dict[str, list[Change]]:
    """The steps that each table must take to be that of the model, where an older one made it.

    Args:
        there: The tables that are.
    """
    if now.generation > GENERATION:  # Who must not write has no steps to take, nor to ask about.
        return {}
    found = {
        name: steps
        for name, table in TABLES.items()
        if _is_table(name, there)
        and (steps := _steps(session, table, there[name], now))
        and (steps[0].how == "comment" or _made_by_older_model(table, now))
    }
    borrows = any(columns.is_view for columns in there.values())
    designs = session.designs() if is_due(session, now.design) and not borrows else {}
    for name in designs.keys() & TABLES.keys():
        if differs := design_changes(TABLES[name], designs[name]):
            found[name] = [*found.get(name, ()), *differs]
    return found


def _steps(session: Session, table: Table, found: Columns, now: Standing | None) -> list[Change]:
    """The steps of a table, with those that only the history tells of: DuckDB keeps no lengths."""
    steps = changes(table, found, session.declared(table))
    noted = {c.name: c.sql_type for c in now.declared(table.name)} if now else {}
    known = {step.column for step in steps if step.how != "comment"}
    narrowed = [
        Change(
            "retype",
            c.name,
            f"column {c.name} is {before}, the model says {c.sql_type}",
            narrows=True,
        )
        for c in table.columns
        if (before := noted.get(c.name)) and c.name not in known and narrows(before, c.sql_type)
    ]
    return [*narrowed, *steps]


def _is_table(name: str, there: Mapping[str, Columns]) -> bool:
    """Whether it is there, and not production's, which an environment only looks at."""
    return name in there and not there[name].is_view


def grant_reading(session: Session, tables: Iterable[Table]) -> None:
    """Lets the reader read tables, where the settings name one; granting twice does no harm."""
    for table in tables:
        for statement in grants(session.schema, table.name, session.reader):
            session.send(statement)


def _is_incomplete(there: Container[str]) -> bool:
    """Whether some, not all, of the staging tables and the ledger are there."""
    found = [table.name in there for table in OF_THE_LAKE]
    return any(found) and not all(found)


def _is_older(session: Session, there: Container[str]) -> bool:
    """Whether a table of the ledger may be missing because older code did not have it."""
    if any(table.name not in there for table in (*STAGING, LOAD_HISTORY)):
        return False
    return 0 < standing(session).generation < GENERATION


def difference(found: Mapping[str, str], declared: Mapping[str, str]) -> list[str]:
    """What distinguishes a table's columns from the declared ones, a sentence each.

    Not the order they stand in: a column that was added to a table stands last.
    """
    said = [f"column {name} is missing" for name in declared if name not in found]
    said += [f"column {name} is not in the model" for name in found if name not in declared]
    said += [
        f"column {name} is {found[name]}, the model says {kind}"
        for name, kind in declared.items()
        if name in found and found[name] != kind
    ]
    return said


def _make(session: Session, table: Table, there: Container[str]) -> None:
    session.send(create_table(table, session.schema, session.engine))
    for statement in comments(table, session.schema):
        session.send(statement)
    grant_reading(session, [table])
    _forget(session, table, there)


def _require_older(
    session: Session, there: Mapping[str, Columns], differing: Mapping[str, Sequence[Change]]
) -> None:
    """Sees to it that tables differ because the model has changed since.

    Raises:
        WarehouseError: Somebody altered one, or newer code did.
    """
    now = standing(session) if "load_history" in there else Standing([])
    now.require_older()
    for name, steps in differing.items():
        table = TABLES[name]
        if steps[0].how == "comment" or _made_by_older_model(table, now):
            continue
        differs = difference(there[name], session.declared(table)) or [s.why for s in steps]
        raise WarehouseError(
            f"table {session.schema}.{name} differs from the model: "
            f"{'; '.join(differs)}. Somebody altered it. Put it back, or make all "
            f"tables anew from the lake with {anew(session.environment)}."
        )


def _made_by_older_model(table: Table, now: Standing) -> bool:
    """Whether a table was made, or last filled, under other columns or SQL than today's."""
    if table in LEDGER or table in MATCHING:
        return now.generation < GENERATION
    versions = {now.made_by(table.name), now.loaded_by(table.name)} - {None}
    if not versions:  # Never filled: nothing is lost with it.
        return table not in STAGING
    return versions != {model_version(table.name)}


def _forget(session: Session, table: Table, there: Container[str]) -> None:
    """A table that had to be made is empty: the ledger must not say that it was loaded.

    Args:
        there: Tables that were there before.
    """
    of_objects = ("load_objects", "load_rejects") if table in STAGING else ()
    for name in () if table in LEDGER else ("load_history", *of_objects):
        if name in there:
            ledger.remove(session, name, SONGPLAY.name if table in MATCHING else table.name)


def by_bare_name(session: Session) -> None:
    """Lets tables go without their schema."""
    if "load_history" in session.tables():
        session.execute(f"SET search_path = '{session.schema}'")
