"""DDL from the model, for each engine, and the quoting of identifiers.

What belongs here: text made from declarations. What does not: sending it anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from sparkify_dagster.model.catalog import TABLES, sql_text
from sparkify_dagster.model.table import Column, Table

Engine = Literal["duckdb", "redshift"]


def quoted(identifier: str) -> str:
    """An identifier as it may stand in SQL. The only place where identifiers are quoted.

    Raises:
        ValueError: It is blank, longer than Redshift takes, or holds a NUL.
    """
    if not identifier or len(identifier.encode()) > 127 or "\x00" in identifier:
        raise ValueError(f"not an identifier: {identifier!r}")
    return '"' + identifier.replace('"', '""') + '"'


def qualified(schema: str, table: str) -> str:
    """`"schema"."table"`."""
    return f"{quoted(schema)}.{quoted(table)}"


def column_list(names: Iterable[str], alias: str = "") -> str:
    """Quoted column names, each behind `alias.` if one is given, joined by commas."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + quoted(name) for name in names)


def relations(schema: str, replaced: Mapping[str, str] | None = None) -> dict[str, str]:
    """What each table name stands for in a statement: its qualified name, or what replaces it."""
    return {name: qualified(schema, name) for name in TABLES} | dict(replaced or {})


def statement(path: str, names: Mapping[str, str]) -> str:
    """The statement of a file below `model/sql`, its `{names}` filled in.

    Raises:
        KeyError: The text has a name that is not given.
    """
    return sql_text(path).format_map(names)


def create_schema(schema: str) -> str:
    """CREATE SCHEMA, harmless when it is there."""
    return f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}"


def create_table(table: Table, schema: str, engine: Engine) -> str:
    """CREATE TABLE IF NOT EXISTS of one table.

    Keys are not declared: Redshift does not enforce them, its planner would trust them, and DuckDB
    would hide what Redshift lets pass. The asset checks are what holds them.
    """
    lines = ",\n".join(f"    {_column(c)}" for c in table.columns)
    physical = _physical(table) if engine == "redshift" else ""
    return f"CREATE TABLE IF NOT EXISTS {qualified(schema, table.name)} (\n{lines}\n){physical}"


def drop_table(name: str, schema: str) -> str:
    """DROP TABLE, harmless when it is not there."""
    return f"DROP TABLE IF EXISTS {qualified(schema, name)}"


def comments(table: Table, schema: str) -> list[str]:
    """COMMENT ON statements: what the table and each column mean, for any SQL client."""
    name = qualified(schema, table.name)
    said = [f"COMMENT ON TABLE {name} IS {_literal(table.meaning)}"]
    said += [
        f"COMMENT ON COLUMN {name}.{quoted(c.name)} IS {_literal(c.meaning)}" for c in table.columns
    ]
    return said


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


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
