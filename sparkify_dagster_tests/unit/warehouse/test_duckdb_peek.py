"""A person's statement reads the warehouse, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify_dagster.analysis.answers import fetch
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import warehouse_at


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    made = warehouse_at(tmp_path / "warehouse.duckdb")
    with made.transaction() as session:
        create_tables(session)
        session.execute('INSERT INTO "sparkify"."user" (user_id) VALUES (1), (2), (3)')
    return made


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT user_id FROM sparkify."user" ORDER BY user_id',
        'FROM sparkify."user" SELECT user_id ORDER BY user_id -- the people',
        'WITH u AS (SELECT user_id FROM sparkify."user") SELECT * FROM u ORDER BY user_id;',
    ],
)
def test_a_statement_that_reads_is_answered(warehouse: DuckDBWarehouse, statement: str) -> None:
    with warehouse.reading() as session:
        found = fetch(session, statement, None)
        assert (found.names, found) == (["user_id"], [(1,), (2,), (3,)])


def test_no_more_rows_are_fetched_than_asked_for(warehouse: DuckDBWarehouse) -> None:
    with warehouse.reading() as session:
        assert fetch(session, "SELECT range FROM range(100)", 1) == [(0,)]
        assert fetch(session, "SELECT range FROM range(100)", 2) == [(0,), (1,)]


@pytest.mark.parametrize("statement", ["DESCRIBE sparkify.song", "SHOW TABLES", "EXPLAIN SELECT 1"])
def test_the_tables_can_be_looked_at(warehouse: DuckDBWarehouse, statement: str) -> None:
    with warehouse.reading() as session:
        assert fetch(session, statement, None).names


@pytest.mark.parametrize(
    "statement",
    [
        'DELETE FROM sparkify."user"',
        "COPY (SELECT 1) TO 'FILE'",
        "ATTACH 'FILE' AS other",
        "EXPORT DATABASE 'FILE'",
        "INSTALL httpfs",
        "CREATE TABLE x AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SET threads = 1",
    ],
)
def test_nothing_but_one_reading_statement_is_run(
    warehouse: DuckDBWarehouse, tmp_path: Path, statement: str
) -> None:
    file = tmp_path / "other"
    with (
        warehouse.reading() as session,
        pytest.raises(WarehouseError, match="only one statement that reads"),
    ):
        fetch(session, statement.replace("FILE", str(file)), None)
    assert not file.exists()


def test_files_outside_the_warehouse_cannot_be_read(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with (
        warehouse.reading() as session,
        pytest.raises(WarehouseError, match="only the warehouse's own tables"),
    ):
        fetch(session, f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')", None)


def test_an_answer_that_finds_no_room_in_memory_has_a_folder_of_its_own_which_goes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "warehouse.duckdb"
    made = warehouse_at(path, memory_limit="60MB", threads=1)
    with made.transaction() as session:
        create_tables(session)
    rows = "SELECT repeat(i::VARCHAR, 20) AS x FROM range(1000000) AS r(i) ORDER BY hash(i)"
    with made.reading() as session:
        answer = fetch(session, f"SELECT COUNT(*), MAX(x) FROM ({rows} LIMIT 999999)", None)
        (spill,) = tmp_path.glob("warehouse.duckdb.spill-*")
    assert answer[0][0] == 999_999
    assert (spill.exists(), list(tmp_path.iterdir())) == (False, [path])
