"""Making the tables, and noticing when what is there is not what the model says.

What belongs here: creating, dropping, comparing tables. The DDL itself is `model.ddl`'s.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from sparkify_dagster.model.access import ACCESS_RIGHTS
from sparkify_dagster.model.catalog import STAGING, TABLES, model_version
from sparkify_dagster.model.ddl import (
    comments,
    create_schema,
    create_table,
    drop_table,
    grants,
)
from sparkify_dagster.model.ledger import LEDGER
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.star import SONGPLAY
from sparkify_dagster.model.table import Layer, Table
from sparkify_dagster.warehouse import ledger, rights
from sparkify_dagster.warehouse.engine import Columns, Session, WarehouseError

_OF_THE_LAKE = (*STAGING, *LEDGER)
"""What they hold comes from the lake or tells of it; the rest can be made from them."""


def create_tables(session: Session, *, drop: bool = False) -> list[str]:
    """Makes every table that is not there.

    The staging tables and the ledger speak of each other. Where one of them was lost, the others
    tell half a story: all of them are made anew, and the next load takes everything from the lake.

    Args:
        drop: Drop them all first, with all they hold.

    Returns:
        The names of the tables that were made.

    Raises:
        WarehouseError: A table is there with other columns than the model's and was not made by an
            earlier version of it.
    """
    made = []
    there = session.tables()
    if not there and not session.has_schema():  # Asking for it takes a right that many lack.
        session.send(create_schema(session.schema))
    lost = _is_incomplete(there)
    for table in TABLES.values():
        if drop or (lost and table in _OF_THE_LAKE):
            session.send(drop_table(table.name, session.schema))
            there.pop(table.name, None)
        if _ensure(session, table, there):
            made.append(table.name)
    if made and ACCESS_RIGHTS.name in there:
        rights.restore(session)
    return made


def grant_reading(session: Session, tables: Iterable[Table]) -> None:
    """Lets the reader read tables, where the settings name one; granting twice does no harm."""
    for table in tables:
        for statement in grants(session.schema, table.name, session.reader):
            session.send(statement)


def _is_incomplete(there: Container[str]) -> bool:
    """Whether some, not all, of the staging tables and the ledger are there."""
    found = [table.name in there for table in _OF_THE_LAKE]
    return any(found) and not all(found)


def difference(found: Mapping[str, str], declared: Mapping[str, str]) -> list[str]:
    """What distinguishes a table's columns from the declared ones, a sentence each."""
    said = [f"column {name} is missing" for name in declared if name not in found]
    said += [f"column {name} is not in the model" for name in found if name not in declared]
    said += [
        f"column {name} is {found[name]}, the model says {kind}"
        for name, kind in declared.items()
        if name in found and found[name] != kind
    ]
    if not said and list(found) != list(declared):
        said.append("the columns stand in another order")
    return said


def _ensure(session: Session, table: Table, there: Mapping[str, Columns]) -> bool:
    if found := there.get(table.name):
        differs = difference(found, session.declared(table))
        if not differs:
            for statement in comments(table, session.schema, found.comments):
                session.send(statement)
            return False
        if not _made_by_older_model(session, table):
            raise WarehouseError(
                f"table {session.schema}.{table.name} differs from the model: "
                f"{'; '.join(differs)}. Somebody altered it. Put it back, or make all "
                "tables anew from the lake with `sparkify create-tables --drop` and `sparkify etl`."
            )
        session.send(drop_table(table.name, session.schema))
    session.send(create_table(table, session.schema, session.engine))
    for statement in comments(table, session.schema):
        session.send(statement)
    grant_reading(session, [table])
    _forget(session, table, there)
    return True


def _made_by_older_model(session: Session, table: Table) -> bool:
    """Whether the table's rows were loaded under other columns or SQL than today's."""
    if table.layer is Layer.LEDGER or "load_history" not in session.tables():
        return False
    version = ledger.made_by(session, table.name)
    return version is not None and version != model_version(table.name)


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
