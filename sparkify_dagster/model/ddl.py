"""DDL from the model, for each engine, and the quoting of identifiers.

What belongs here: text made from declarations. What does not: sending it anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Column, Table, Type

Engine = Literal["duckdb", "redshift"]

LOAD_LOCK = "load_lock"
"""No table of the model: it never holds a row, and DuckDB, whose file has a lock, has none."""


@lru_cache(4096)
def quoted(identifier: str) -> str:
    """An identifier as it may stand in SQL. The only place where identifiers are quoted.

    Raises:
        ValueError: It is blank, longer than Redshift takes, or holds a NUL.
    """
    if not identifier or len(identifier.encode()) > 127 or "\x00" in identifier:
        raise ValueError(f"not an identifier: {identifier!r}")
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as it may stand in SQL where no value can be bound (DDL, COPY).

    Raises:
        ValueError: It holds a NUL or a backslash, which engines read differently.
    """
    if "\x00" in text or "\\" in text:
        raise ValueError(f"not a text for SQL: {text!r}")
    return "'" + text.replace("'", "''") + "'"


def qualified(schema: str, table: str) -> str:
    """`"schema"."table"`."""
    return f"{quoted(schema)}.{quoted(table)}"


def column_list(names: Iterable[str], alias: str = "") -> str:
    """Quoted column names, each behind `alias.` if one is given, joined by commas."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + quoted(name) for name in names)


class Names(tuple[str, ...]):
    """Columns in a statement: `{key}` lists them quoted, `{key:r}` each behind `r.`."""

    __slots__ = ()

    def __format__(self, alias: str) -> str:
        return column_list(self, alias)


def exact(table: Table, name: str, alias: str) -> str:
    """A column as it must be compared: Redshift ignores trailing blanks of texts otherwise."""
    bare = f"{alias}.{quoted(name)}"
    return f"{bare} || CHR(1)" if table.column(name).type is Type.VARCHAR else bare


def exact_key(table: Table, alias: str) -> str:
    """The key of a row in the form in which it compares."""
    return ", ".join(f"{exact(table, key, alias)} AS {quoted(key)}" for key in table.key)


def same_key(table: Table, left: str, right: str) -> str:
    """Condition that two relations hold rows of the same key of a table."""
    return " AND ".join(
        f"{exact(table, key, left)} = {exact(table, key, right)}" for key in table.key
    )


def relations(schema: str, replaced: Mapping[str, str] | None = None) -> dict[str, str]:
    """What each table name stands for in a statement: its qualified name, or what replaces it."""
    return {name: qualified(schema, name) for name in TABLES} | dict(replaced or {})


def relations_of(qualifier: str) -> dict[str, str]:
    """The same for a schema that is given as SQL, such as one of another database."""
    return {name: f"{qualifier}.{quoted(name)}" for name in TABLES}


def create_schema(schema: str) -> str:
    """CREATE SCHEMA, harmless when it is there."""
    return f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"


def create_table(table: Table, schema: str, engine: Engine, *, anew: bool = False) -> str:
    """CREATE TABLE IF NOT EXISTS of one table.

    Keys are not declared: Redshift does not enforce them, its planner would trust them, and DuckDB
    would hide what Redshift lets pass. The asset checks are what holds them.

    Args:
        anew: One that is there is an error.
    """
    redshift = engine == "redshift"
    encoded = {c.name: f" ENCODE {table.encoding(c)}" if redshift else "" for c in table.columns}
    lines = ",\n".join(f"    {_column(c)}{encoded[c.name]}" for c in table.columns)
    physical = _physical(table) if redshift else ""
    unless = "" if anew else "IF NOT EXISTS "
    return f"CREATE TABLE {unless}{qualified(schema, table.name)} (\n{lines}\n){physical}"


def create_incoming(name: str, columns: Iterable[Column]) -> str:
    """CREATE TEMP TABLE for records on their way to a staging table.

    From the model, as a CREATE TABLE AS would drop what must hold: NOT NULL and lengths.
    """
    lines = ",\n".join(f"    {_column(c)}" for c in columns)
    return f"CREATE TEMP TABLE {quoted(name)} (\n{lines}\n)"


def grants(schema: str, table: str, reader: str) -> list[str]:
    """What lets a database role of Redshift read a table; nothing where no role is named."""
    if not reader:
        return []
    role = f"ROLE {quoted(reader)}"
    return [
        f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {role}",
        f"GRANT SELECT ON TABLE {qualified(schema, table)} TO {role}",
    ]


def create_lock(schema: str) -> str:
    """The empty table that writers lock one after the other on Redshift."""
    return f"CREATE TABLE IF NOT EXISTS {qualified(schema, LOAD_LOCK)} (locked INTEGER)"


def take_lock(schema: str) -> str:
    """First statement of every writing transaction on Redshift."""
    return f"LOCK {qualified(schema, LOAD_LOCK)}"


def add_column(table: Table, column: Column, schema: str, engine: Engine) -> str:
    """ALTER TABLE … ADD COLUMN. It refuses no NULL, as the rows that are there have no value."""
    encoded = f" ENCODE {table.encoding(column)}" if engine == "redshift" else ""
    words = f"{quoted(column.name)} {column.sql_type}{encoded}"
    return f"ALTER TABLE {qualified(schema, table.name)} ADD COLUMN {words}"


def drop_column(table: str, column: str, schema: str) -> str:
    """ALTER TABLE … DROP COLUMN."""
    return f"ALTER TABLE {qualified(schema, table)} DROP COLUMN {quoted(column)}"


def rename_column(table: str, before: str, now: str, schema: str) -> str:
    """ALTER TABLE … RENAME COLUMN."""
    name = qualified(schema, table)
    return f"ALTER TABLE {name} RENAME COLUMN {quoted(before)} TO {quoted(now)}"


def alter_sort_key(table: str, schema: str, columns: Sequence[str]) -> str:
    """ALTER TABLE … ALTER SORTKEY; of no columns: none."""
    key = f"COMPOUND SORTKEY ({column_list(columns)})" if columns else "SORTKEY NONE"
    return f"ALTER TABLE {qualified(schema, table)} ALTER {key}"


def alter_distribution(table: str, schema: str, style: str, distkey: str | None = None) -> str:
    """ALTER TABLE … ALTER DISTSTYLE, or by a key DISTKEY."""
    how = f"DISTKEY {quoted(distkey)}" if distkey else f"DISTSTYLE {style}"
    return f"ALTER TABLE {qualified(schema, table)} ALTER {how}"


def alter_encodings(table: str, schema: str, encodings: Mapping[str, str]) -> str:
    """ALTER TABLE … ALTER COLUMN … ENCODE of some columns."""
    each = ", ".join(f"ALTER COLUMN {quoted(c)} ENCODE {how}" for c, how in encodings.items())
    return f"ALTER TABLE {qualified(schema, table)} {each}"


def drop_table(name: str, schema: str) -> str:
    """DROP TABLE, harmless when it is not there."""
    return f"DROP TABLE IF EXISTS {qualified(schema, name)}"


def create_view(name: str, schema: str, select: str, engine: Engine) -> str:
    """CREATE VIEW; on Redshift one that does not keep what it reads from being dropped."""
    late = " WITH NO SCHEMA BINDING" if engine == "redshift" else ""
    return f"CREATE VIEW {qualified(schema, name)} AS\n{select}{late}"


def drop_view(name: str, schema: str) -> str:
    """DROP VIEW, harmless when it is not there."""
    return f"DROP VIEW IF EXISTS {qualified(schema, name)}"


def drop_schema(schema: str) -> str:
    """DROP SCHEMA of one that holds nothing; with anything in it the engine refuses."""
    return f"DROP SCHEMA {quoted(schema)}"


def comments(table: Table, schema: str, said: Mapping[str, str] | None = None) -> list[str]:
    """COMMENT ON statements: what the table and each column mean, for any SQL client.

    Args:
        said: What is said now, by column and of the table under a blank name: only where that is
            something else is it said again. None: the table is new.
    """
    name = qualified(schema, table.name)
    places = {"": f"TABLE {name}"}
    places |= {c.name: f"COLUMN {name}.{quoted(c.name)}" for c in table.columns}
    meanings = {"": table.meaning} | {c.name: c.meaning for c in table.columns}
    return [
        f"COMMENT ON {place} IS {literal(meanings[what])}"
        for what, place in places.items()
        if said is None or said.get(what, meanings[what]) != meanings[what]
    ]


def _column(column: Column) -> str:
    null = " NOT NULL" if column.required else ""
    return f"{quoted(column.name)} {column.sql_type}{null}"


def _physical(table: Table) -> str:
    physical = table.physical
    text = f"\nDISTSTYLE {physical.style}"
    if physical.distkey:
        text += f"\nDISTKEY ({quoted(physical.distkey)})"
    if physical.sortkey:
        text += f"\nSORTKEY ({column_list(physical.sortkey)})"
    return text
