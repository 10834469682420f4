"""Taking the steps from a table as it stands to the table of the model, within a transaction.

What belongs here: statements. Which steps there are is decided in `evolution`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sparkify_dagster.core.text import count
from sparkify_dagster.model.ddl import (
    add_column,
    comments,
    drop_column,
    qualified,
    quoted,
    rename_column,
)
from sparkify_dagster.model.table import Table, Type
from sparkify_dagster.warehouse.engine import Columns, Session, WarehouseError, anew
from sparkify_dagster.warehouse.evolution import Change

_BYTES = {"duckdb": "STRLEN", "redshift": "OCTET_LENGTH"}
_BESIDE = "_beside"
_EXAMPLES = 3


def evolve(session: Session, table: Table, found: Columns, steps: Sequence[Change]) -> None:
    """Takes the steps, in place: rows, rights and what else hangs on the table stay.

    Raises:
        WarehouseError: Stored values do not fit; says how many, and which.
    """
    for step in steps:
        for statement in _statements(session, table, step):
            session.send(statement)
    fresh = dict.fromkeys((s.column for s in steps if s.how not in ("drop", "comment")), "")
    for statement in comments(table, session.schema, found.comments | fresh):
        session.send(statement)


def _statements(session: Session, table: Table, step: Change) -> Iterator[str]:
    schema, name = session.schema, step.column
    if step.how == "rename":
        yield rename_column(table.name, step.before, name, schema)
    if step.how == "retype":
        if step.narrows:
            _require_fit(session, table, name)
        column = table.column(name)
        beside = replace(column, name=f"{name}{_BESIDE}")
        yield add_column(table, beside, schema, session.engine)
        value = f"CAST({quoted(name)} AS {column.sql_type})"
        yield f"UPDATE {qualified(schema, table.name)} SET {quoted(beside.name)} = {value}"
    if step.how in ("drop", "replace", "retype"):
        _require_no_key(session, table, name)
        yield drop_column(table.name, name, schema)
    if step.how in ("add", "replace"):
        yield add_column(table, table.column(name), schema, session.engine)
    if step.how == "retype":
        yield rename_column(table.name, beside.name, name, schema)


def _require_no_key(session: Session, table: Table, name: str) -> None:
    """Redshift drops no column by which it sorts or distributes.

    Raises:
        WarehouseError: It is such a one.
    """
    if session.engine == "redshift" and name in (*table.physical.sortkey, table.physical.distkey):
        raise WarehouseError(
            f"{table.name}.{name} is a sort or distribution key, which Redshift cannot change in a "
            "table that is there. Make all tables from the lake with the new code: "
            f"{anew(session.environment)}."
        )


def _require_fit(session: Session, table: Table, name: str) -> None:
    """Counts the stored values that do not fit a column.

    Raises:
        WarehouseError: There are some.
    """
    column, value = table.column(name), f"s.{quoted(name)}"
    wrong = f"{_BYTES[session.engine]}({value}) > {column.length}"
    if column.type is not Type.VARCHAR:
        wrong = f"NOT {value} BETWEEN -2147483648 AND 2147483647"
    rows = f"FROM {qualified(session.schema, table.name)} AS s WHERE {wrong}"
    ((number,),) = session.query(f"SELECT COUNT(*) {rows}")
    if number:
        few = session.query(f"SELECT DISTINCT {value} {rows} ORDER BY 1 LIMIT {_EXAMPLES}")
        shown = ", ".join("hidden" if column.personal else str(v)[:60] for (v,) in few)
        misfits = count(number, "stored value does", "stored values do")
        raise WarehouseError(
            f"{table.name}.{name} is to be {column.sql_type}, and {misfits} not fit ({shown}). "
            "Nothing was changed. Mend them where they come from and load them with the code "
            "before this one, or declare the column as wide as it was."
        )
