"""Checks find the same on an engine that ignores trailing blanks, as Redshift does, and on DuckDB.

SQLite stands in for Redshift: its collation RTRIM compares so. What it cannot show is anything
else of Redshift.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import duckdb
import pytest

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.check import Question
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.model.ddl import create_schema, create_table
from sparkify_dagster.model.table import Column, Table, Type
from sparkify_dagster.pipeline.audit import Stored
from sparkify_dagster_tests.sqlite_warehouse import ignoring_trailing_blanks

ALL = Stored("s")
QUESTIONS: dict[str, Question] = {
    f"{check.table}.{check.name}": check.question for check in all_checks() if check.question
}
SAMPLES: dict[str, Question] = {
    f"{check.table}.{check.name}": check.sample for check in all_checks() if check.sample
}
TEXTS = ("x", "x ", "x  ", "", " ", "free", "free ", "paid", "F", "F ", "M  ")
TARGETS = ("staging_songs_table", "staging_events_table")
OURS = {  # What no lake says: our own words, and days.
    "target": TARGETS,
    "target_table": TARGETS,
    "part": ("2018-11-01", "2018-11-02"),
    "reason": ("not a record", "too long"),
    "status": ("published", "failed"),
    "page": ("NextSong", "NextSong ", "Home"),
    "unknown_fields": (None, '{" ": 1, "a": 2}', '{"a ": 1, "": 3}'),
}
SEEDS = range(3)


@pytest.fixture(params=SEEDS, ids=lambda seed: f"lake {seed}", scope="module")
def engines(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, sqlite3.Connection]]:
    """DuckDB and SQLite with the same rows in every table."""
    dice = random.Random(request.param)
    with duckdb.connect(":memory:") as duck, closing(ignoring_trailing_blanks("s")) as lite:
        duck.execute(create_schema("s"))
        for table in TABLES.values():
            duck.execute(create_table(table, "s", "duckdb"))
            columns = ", ".join(f'"{c.name}" {_lite_type(c)}' for c in table.columns)
            lite.execute(f'CREATE TABLE s."{table.name}" ({columns})')
            marks = ", ".join("?" for _ in table.columns)
            rows = [_row(table, dice) for _ in range(12)]
            for engine in (duck, lite):
                engine.executemany(f'INSERT INTO s."{table.name}" VALUES ({marks})', rows)
        yield duck, lite


def _lite_type(column: Column) -> str:
    if column.type is Type.VARCHAR:
        return "TEXT COLLATE RTRIM"
    return {"TIMESTAMP": "TEXT", "DATE": "TEXT", "DOUBLE": "REAL"}.get(column.type.name, "INTEGER")


def _row(table: Table, dice: random.Random) -> list[Any]:
    return [_value(column, dice) for column in table.columns]


def _value(column: Column, dice: random.Random) -> object:
    if column.name in OURS and column.type is Type.VARCHAR:
        return dice.choice(OURS[column.name])
    if not column.required and dice.random() < 0.2:
        return None
    values: dict[str, tuple[object, ...]] = {
        "VARCHAR": TEXTS,
        "TIMESTAMP": ("2018-11-01 12:00:00", "2018-11-01 13:00:00"),
        "DATE": ("2018-11-01",),
        "DOUBLE": (0.5, 1.5),
        "BOOLEAN": (True, False),
    }
    return dice.choice(values.get(column.type.name, (0, 1, 2)))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_check_counts_the_same_where_trailing_blanks_are_ignored(
    engines: tuple[duckdb.DuckDBPyConnection, sqlite3.Connection], name: str
) -> None:
    duck, lite = engines
    sql = QUESTIONS[name](ALL)
    assert lite.execute(sql).fetchall() == duck.execute(sql).fetchall()


@pytest.mark.parametrize("name", [name for name in SAMPLES if "times_near" not in name])
def test_a_check_names_as_many_there(
    engines: tuple[duckdb.DuckDBPyConnection, sqlite3.Connection], name: str
) -> None:
    duck, lite = engines
    sql = SAMPLES[name](ALL)
    assert len(lite.execute(sql).fetchall()) == len(duck.execute(sql).fetchall())


def test_the_stand_in_ignores_trailing_blanks() -> None:
    with closing(ignoring_trailing_blanks("s")) as lite:
        lite.execute('CREATE TABLE s."t" ("a" TEXT COLLATE RTRIM)')
        lite.execute("INSERT INTO s.t VALUES ('x'), ('x '), ('y')")
        asked = {
            "SELECT COUNT(*) FROM s.t WHERE a = 'x'": 2,
            "SELECT COUNT(*) FROM s.t WHERE a NOT IN ('x', 'z')": 1,
            "SELECT COUNT(*) FROM (SELECT DISTINCT a FROM s.t)": 2,
            "SELECT COUNT(*) FROM (SELECT 1 FROM s.t GROUP BY COALESCE(a, ''))": 2,
            "SELECT COUNT(*) FROM s.t WHERE a || CHR(1) = 'x' || CHR(1)": 1,
        }
        assert {sql: lite.execute(sql).fetchone()[0] for sql in asked} == asked
