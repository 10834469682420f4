"""Which statements a person may have DuckDB run: those that read the warehouse's tables alone.

What belongs here: judging a statement by DuckDB's own parse of it. What is not known to read is
refused, so that what a later DuckDB learns stays outside until somebody lets it in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from sparkify_dagster.warehouse.duckdb.errors import OWN_TABLES_ONLY
from sparkify_dagster.warehouse.engine import NOTHING_TO_ASK, WarehouseError

_ONLY_READING = (
    "only one statement that reads is possible here (SELECT, DESCRIBE, SHOW, EXPLAIN); "
    "nothing was done"
)
_GAP = r"(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)*"
_OPTION = r"(?:ANALY[ZS]E|FORMAT)(?:\s+(?:\w+|'\w+'))?"
_EXPLAIN = re.compile(
    rf"{_GAP}(EXPLAIN\b(?:\s+ANALY[ZS]E\b)?(?:\s*\(\s*{_OPTION}(?:\s*,\s*{_OPTION})*\s*\))?)(.*)",
    re.IGNORECASE | re.DOTALL,
)
_NODES = {
    *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
    *("BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY"),
    *("TABLE_FUNCTION", "ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"),
    *("DISTINCT_MODIFIER", "ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
}
"""What a SELECT is made of, expressions aside: queries, relations, modifiers, orders."""
TABLE_FUNCTIONS = {
    *("generate_series", "range", "repeat", "repeat_row", "summary", "unnest"),
    *("histogram", "histogram_values", "json_each", "json_tree", "pg_timezone_names"),
    *("duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_dependencies"),
    *("duckdb_functions", "duckdb_indexes", "duckdb_keywords", "duckdb_schemas"),
    *("duckdb_sequences", "duckdb_settings", "duckdb_tables", "duckdb_types", "duckdb_views"),
    *("pragma_collations", "pragma_database_size", "pragma_show", "pragma_storage_info"),
    *("pragma_table_info", "pragma_version", "icu_calendar_names"),
}
"""Those that make rows of their arguments or of the catalog; all others are refused."""
REFUSED_FUNCTIONS = {
    *("nextval", "currval", "setval", "setseed", "write_log", "sleep_ms", "pg_sleep", "getenv"),
    *("json_execute_serialized_sql", "json_serialize_plan"),
}
"""Scalar functions that change something, hold the file up or take a text as SQL."""
_OF_PATHS = re.compile(r"[/\\:*?\[~]")
_SUFFIXES = ("", ".wal", ".wal.checkpoint", ".wal.recovery")


def admitted(connection: duckdb.DuckDBPyConnection, sql: str, file: str) -> str:
    """The one statement of a text, if it reads tables and nothing else.

    Args:
        file: The warehouse's own, by its name: DuckDB would read it as a table.

    Raises:
        WarehouseError: It does something else, or there are several or none.
        duckdb.Error: It is no SQL.
    """
    statements = connection.extract_statements(sql)
    if not statements:  # Nothing but comments.
        raise WarehouseError(NOTHING_TO_ASK)
    if len(statements) > 1:
        raise WarehouseError(_ONLY_READING)
    text, explained = statements[0].query, ""
    if found := _EXPLAIN.match(text):
        explained, text = found.groups()
    for node in _nodes(_parsed(connection, text)):
        _require_reading(node, {file + suffix for suffix in _SUFFIXES})
    return f"{explained} {text}" if explained else text


def _parsed(connection: duckdb.DuckDBPyConnection, text: str) -> Any:
    """A SELECT as DuckDB writes it down; it does so with no other statement."""
    row = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [text]).fetchone()
    try:
        parsed = json.loads(row[0]) if row else {"error": True}
    except RecursionError:
        raise WarehouseError("the statement is nested too deeply; nothing was done") from None
    if parsed["error"]:
        raise WarehouseError(_ONLY_READING)
    return parsed["statements"]


def _nodes(parsed: Any) -> Iterator[dict[str, Any]]:
    left = [parsed]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)


def _require_reading(node: dict[str, Any], files: set[str]) -> None:
    kind, function = node.get("type"), str(node.get("function_name", "")).lower()
    if isinstance(kind, str) and "class" not in node and kind not in _NODES:
        raise WarehouseError(_ONLY_READING)
    if function in REFUSED_FUNCTIONS:
        raise WarehouseError(f"{function} does more than read tables; nothing was done")
    if kind == "TABLE_FUNCTION":
        called = str(node["function"].get("function_name", "")).lower()
        if called not in TABLE_FUNCTIONS:
            raise WarehouseError(f"{OWN_TABLES_ONLY}: not {called}")
    if "table_name" in node:
        # Without such a table DuckDB takes the name as a path, in parts, too: `lake.duckdb`.
        name = ".".join(node["qualified_name"]["path"])
        if _OF_PATHS.search(name) or name in files:
            raise WarehouseError(OWN_TABLES_ONLY)
