"""The files of SQL say what they expect, and are filled with just that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparkify_dagster
from sparkify_dagster.model.catalog import TABLES, tables_in
from sparkify_dagster.model.ddl import Names, relations
from sparkify_dagster.model.statements import VIEWS, placeholders, sql_text, statement

PACKAGE = Path(sparkify_dagster.__file__).parent
FILES = [
    (package, path.relative_to(PACKAGE / package / "sql").as_posix())
    for package in ("model", "report")
    for path in sorted((PACKAGE / package / "sql").rglob("*.sql"))
]
every_file = pytest.mark.parametrize(("package", "file"), FILES, ids="/".join)


@every_file
def test_a_file_says_first_what_it_expects_besides_tables(package: str, file: str) -> None:
    first = sql_text(file, package).splitlines()[0]
    said = first.removeprefix("-- Expects: ") if first.startswith("-- Expects: ") else ""
    named = {name for name in re.sub(r"\([^)]*\)", "", said).replace(" ", "").split(",") if name}
    besides = set(placeholders(file, package)) - TABLES.keys() - VIEWS.keys()
    assert named == besides, f"write `-- Expects: {', '.join(sorted(besides))}` on its first line"


@every_file
def test_a_file_holds_one_statement(package: str, file: str) -> None:
    without = re.sub(r"'[^']*'|--[^\n]*", "", sql_text(file, package))
    assert ";" not in without


def test_what_is_missing_or_has_no_place_is_said_with_the_file() -> None:
    with pytest.raises(KeyError, match=r"model/sql/load/insert\.sql: no value for columns, no val"):
        statement("load/insert.sql", target="t")
    given = {"target": "t", "columns": Names(("a",)), "select": "SELECT 1"}
    with pytest.raises(KeyError, match=r"load/insert\.sql: no place for more"):
        statement("load/insert.sql", **given, more="x")
    assert statement("load/insert.sql", **given) == 'INSERT INTO t ("a")\nSELECT 1'


def test_a_view_reads_what_stands_for_its_tables() -> None:
    names = relations("s", {"load_history": "(SELECT 1)"})
    assert "FROM (SELECT 1) AS l" in statement("ledger/standing.sql", names)
    assert tables_in("ledger/standing.sql") == {"load_history"}
    assert tables_in("check/no_failed_loads.sql") == {"load_history"}


OF_STATEMENTS = ("model", "pipeline", "report", "warehouse/ledger.py", "warehouse/schema.py")


def texts(path: Path) -> Iterator[str]:
    """The texts of a module, what stands in braces left out; no docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield " ".join(p.value for p in node.values if isinstance(p, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield "" if "\n" in node.value else node.value


@pytest.mark.parametrize("place", OF_STATEMENTS)
def test_a_statement_that_joins_groups_or_orders_stands_in_a_file(place: str) -> None:
    root = PACKAGE / place
    found = [
        f"{path.name}: {text}"
        for path in (sorted(root.rglob("*.py")) if root.is_dir() else [root])
        for text in texts(path)
        if re.search(r"\bFROM\b.*\b(JOIN|UNION|GROUP BY|ORDER BY)\b", text)
    ]
    assert found == [], "move it to a file below `sql`"
