"""Taking the steps from a table as it stands to the table of the model, within a transaction.

What belongs here: statements. Which steps there are is decided in `evolution`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from sparkify_dagster.core.text import count
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import (
    add_column,
    column_list,
    comments,
    create_table,
    drop_column,
    drop_table,
    qualified,
    quoted,
    rename_column,
)
from sparkify_dagster.model.table import Table, Type
from sparkify_dagster.warehouse.engine import Columns, Session, WarehouseError
from sparkify_dagster.warehouse.evolution import Change

# By what AWS's page on DROP TABLE looks for views on a table, here by column. Late-binding ones are
# bound to none.
_BOUND = (
    "SELECT DISTINCT t.relname, a.attname, n.nspname, v.relname, u.usename "
    "FROM pg_catalog.pg_class AS t "
    "JOIN pg_catalog.pg_namespace AS s ON s.oid = t.relnamespace "
    "JOIN pg_catalog.pg_depend AS d ON d.refobjid = t.oid "
    "JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid "
    "JOIN pg_catalog.pg_depend AS r ON r.objid = d.objid AND r.deptype = 'i' "
    "JOIN pg_catalog.pg_class AS v ON v.oid = r.refobjid AND v.oid <> t.oid "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = v.relnamespace "
    "JOIN pg_catalog.pg_user AS u ON u.usesysid = v.relowner "
    "WHERE s.nspname = $schema ORDER BY t.relname, a.attname, n.nspname, v.relname"
)
# An index, or a key that somebody declared, keeps DuckDB from altering a table.
_INDEXES = (
    "SELECT i.sql, i.expressions FROM duckdb_indexes() AS i WHERE i.schema_name = $schema "
    "AND i.table_name = $table AND i.database_name = current_database()"
)
_KEYS = (
    "SELECT 1 FROM duckdb_constraints() AS k WHERE k.schema_name = $schema "
    "AND k.table_name = $table AND k.database_name = current_database() "
    "AND k.constraint_type <> 'NOT NULL'"
)
_BYTES = {"duckdb": "STRLEN", "redshift": "OCTET_LENGTH"}
_BESIDE = "_beside"
_EXAMPLES = 3


def evolve(session: Session, table: Table, found: Columns, steps: Sequence[Change]) -> None:
    """Takes the steps, in place: rows, rights and what else hangs on the table stay.

    Raises:
        WarehouseError: Stored values do not fit; says how many, and which.
    """
    stored = {step.column: step.before for step in steps if step.how == "rename"}
    for name in (step.column for step in steps if step.narrows):
        _require_fit(session, table, name, stored.get(name, name))
    fresh = dict.fromkeys((s.column for s in steps if s.how not in ("drop", "comment")), "")
    said: Mapping[str, str] | None = found.comments | fresh
    if session.engine == "duckdb" and _is_tied(session, table, steps):
        _rebuild_beside(session, table, found, steps, stored)
        said = None
    else:
        for step in steps:
            for statement in _statements(session, table, step):
                session.send(statement)
    for statement in comments(table, session.schema, said):
        session.send(statement)


def _is_tied(session: Session, table: Table, steps: Sequence[Change]) -> bool:
    """Whether DuckDB would not alter a table, as somebody has an index or a key on it."""
    asked = {"schema": session.schema, "table": table.name}
    alters = any(step.how not in ("add", "comment") for step in steps)
    return alters and any(session.query(sql, asked) for sql in (_INDEXES, _KEYS))


def _rebuild_beside(
    session: Session,
    table: Table,
    found: Columns,
    steps: Sequence[Change],
    stored: Mapping[str, str],
) -> None:
    """Makes the table anew and gives it the old one's name; the transaction is all that shows.

    Indexes come again, but for those of columns that are gone; keys, which the model has none of,
    do not.
    """
    schema, beside = session.schema, f"{table.name}{_BESIDE}"
    empty = {step.column for step in steps if step.how in ("add", "replace")}
    kept = {c.name: stored.get(c.name, c.name) for c in table.columns if c.name not in empty}
    columns = tuple(
        replace(c, required=c.required and kept.get(c.name) in found.required)
        for c in table.columns
    )
    values = (f"CAST({quoted(old)} AS {table.column(name).sql_type})" for name, old in kept.items())
    indexes = session.query(_INDEXES, {"schema": schema, "table": table.name})
    made = replace(table, name=beside, columns=columns)
    session.send(create_table(made, schema, session.engine, anew=True))
    session.send(
        f"INSERT INTO {qualified(schema, beside)} ({column_list(kept)}) "
        f"SELECT {', '.join(values)} FROM {qualified(schema, table.name)}"
    )
    session.send(drop_table(table.name, schema))
    session.send(f"ALTER TABLE {qualified(schema, beside)} RENAME TO {quoted(table.name)}")
    gone = {step.column for step in steps if step.how == "drop"} | set(stored.values())
    for sql, expressions in indexes:
        if gone.isdisjoint(re.findall(r"\w+", str(expressions))):
            session.send(str(sql))


def _statements(session: Session, table: Table, step: Change) -> Iterator[str]:
    schema, name = session.schema, step.column
    if step.how == "rename":
        yield rename_column(table.name, step.before, name, schema)
    if step.how == "retype":
        column = table.column(name)
        beside = replace(column, name=f"{name}{_BESIDE}")
        yield add_column(table, beside, schema, session.engine)
        value = f"CAST({quoted(name)} AS {column.sql_type})"
        yield f"UPDATE {qualified(schema, table.name)} SET {quoted(beside.name)} = {value}"
    if step.moves:
        yield drop_column(table.name, name, schema)
    if step.how in ("add", "replace"):
        yield add_column(table, table.column(name), schema, session.engine)
    if step.how == "retype":
        yield rename_column(table.name, beside.name, name, schema)


def require_unbound(session: Session, moved: Mapping[str, Collection[str]]) -> None:
    """Looks for views that Redshift has bound to columns that are to go.

    Args:
        moved: The columns, by table.

    Raises:
        WarehouseError: There are some; each is named, with its owner.
    """
    bound = [
        f"view {schema}.{view} of {owner} reads {table}.{column}"
        for table, column, schema, view, owner in session.query(_BOUND, {"schema": session.schema})
        if column in moved.get(table, ())
    ]
    if bound:
        raise WarehouseError(
            "a column cannot go or become another while a view is bound to it: "
            f"{'; '.join(bound)}. Nothing was changed. Let the owner drop the view, or make it "
            "late-binding (WITH NO SCHEMA BINDING), and load again."
        )


def require_lengths(session: Session, rows: Mapping[str, str]) -> None:
    """Refuses texts that are longer than declared, where the engine does not: DuckDB.

    Args:
        rows: By table the relation that has the rows to look at.

    Raises:
        WarehouseError: There are some; says how many, and which.
    """
    texts = {name: [c for c in TABLES[name].columns if c.length] for name in rows}
    asked: list[str] = []
    for name in filter(texts.get, texts):
        longest = ", ".join(f"MAX(STRLEN(s.{quoted(column.name)}))" for column in texts[name])
        asked.append(f"(SELECT {longest} FROM {rows[name]} AS s) AS t{len(asked)}")
    if session.engine != "duckdb" or not asked:
        return
    (found,) = session.query(f"SELECT * FROM {' CROSS JOIN '.join(asked)}")
    columns = [(name, column) for name in texts for column in texts[name]]
    for (name, column), most in zip(columns, found, strict=True):
        if (most or 0) > (column.length or 0):
            _require_fit(session, TABLES[name], column.name, column.name, rows[name])


def _require_fit(session: Session, table: Table, name: str, stored: str, among: str = "") -> None:
    """Counts the values that do not fit a column.

    Args:
        stored: What it is called where they stand.
        among: The relation that has them; blank: the table.

    Raises:
        WarehouseError: There are some.
    """
    column, value = table.column(name), f"s.{quoted(stored)}"
    wrong = f"{_BYTES[session.engine]}({value}) > {column.length}"
    if column.type is not Type.VARCHAR:
        wrong = f"NOT {value} BETWEEN -2147483648 AND 2147483647"
    rows = f"FROM {among or qualified(session.schema, table.name)} AS s WHERE {wrong}"
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
