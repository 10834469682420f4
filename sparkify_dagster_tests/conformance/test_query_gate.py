"""What an analyst may ask: two hundred statements are refused, and change nothing; others are not.

On every engine. On DuckDB once more with the gate open: what its second wall holds by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from sparkify_dagster.analysis.answers import fetch
from sparkify_dagster.warehouse.duckdb import session as engine
from sparkify_dagster.warehouse.duckdb.gate import REFUSED_FUNCTIONS, TABLE_FUNCTIONS
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.hostile_statements import ANSWERED, ANSWERED_BY_DUCKDB, REFUSED
from sparkify_dagster_tests.lakes import warehouse_at
from sparkify_dagster_tests.pairs import Pair

_HARMLESS = {
    *("current_connection_id", "current_query", "current_query_id", "current_transaction_id"),
    *("error", "gen_random_uuid", "random", "stats", "uuid", "uuidv4", "uuidv7", "vector_type"),
}
_NO_STATEMENTS = {
    *("ANALYZE", "COPY_DATABASE", "CREATE_FUNC", "EXTENSION", "INVALID", "LOGICAL_PLAN"),
    *("RELATION", "VARIABLE_SET"),
}
"""Types that no text is parsed as."""

ENGINES = pytest.mark.parametrize("pair", ["duckdb-folder", "redshift-s3"], indirect=True)


def fill(warehouse: Warehouse) -> None:
    with warehouse.transaction() as session:
        create_tables(session)
        if session.engine == "duckdb":
            session.execute("CREATE SEQUENCE sparkify.q")
        session.execute(
            f'INSERT INTO "{session.schema}"."user" (user_id, first_name, "level") '
            "VALUES (1, 'Ada', 'free'), (2, 'Bo', 'paid')"
        )


def written(statement: str, warehouse: Warehouse, folder: Path) -> str:
    """The statement with the names of this place."""
    names = {
        "FILE": str(folder / "warehouse.duckdb"), "OUT": str(folder / "out"),
        "T": f'{warehouse.schema}."user"', "S": warehouse.schema,
    }  # fmt: skip
    return re.sub(r"\b(FILE|OUT|T|S)\b", lambda found: names[found[1]], statement)


@contextlib.contextmanager
def watched(warehouse: Warehouse, folder: Path) -> Iterator[Callable[[], object]]:
    """Tells what a statement might change: the folder's files, or what is stored elsewhere."""
    if isinstance(warehouse, RedshiftWarehouse):
        with warehouse.looking() as session:
            catalogue = (
                "SELECT (SELECT COUNT(*) FROM pg_class), (SELECT COUNT(*) FROM pg_namespace), "
                "(SELECT COUNT(*) FROM pg_user)"
            )
            people = (
                'SELECT user_id, first_name, "level" '
                f'FROM "{warehouse.schema}"."user" ORDER BY user_id'
            )
            yield lambda: [session.query(sql) for sql in (catalogue, people)]
    else:
        yield lambda: {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }


def ask(warehouse: Warehouse, statement: str) -> bool:
    """Whether it was answered."""
    with warehouse.reading() as session:
        session.tables()
        try:
            fetch(session, statement, 10)
        except WarehouseError:
            return False
    return True


@pytest.fixture
def place(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Warehouse, Path]:
    """A warehouse with two people in it; on DuckDB its file lies in the current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    on_duckdb = pair.warehouse.engine == "duckdb"
    warehouse = warehouse_at(folder / "warehouse.duckdb") if on_duckdb else pair.warehouse
    fill(warehouse)
    return warehouse, folder


@ENGINES
def test_what_does_more_than_read_tables_is_refused_and_changes_nothing(
    place: tuple[Warehouse, Path],
) -> None:
    warehouse, folder = place
    answered, changed = [], []
    with watched(warehouse, folder) as state:
        before = state()
        for statement in REFUSED:
            if ask(warehouse, written(statement, warehouse, folder)):
                answered.append(statement)
            if state() != before:
                changed.append(statement)
    assert (answered, changed) == ([], [])


@ENGINES
def test_whatever_reads_tables_is_answered(place: tuple[Warehouse, Path]) -> None:
    warehouse, folder = place
    more = ANSWERED_BY_DUCKDB if warehouse.engine == "duckdb" else []
    asked = [written(statement, warehouse, folder) for statement in (*ANSWERED, *more)]
    assert [statement for statement in asked if not ask(warehouse, statement)] == []


def test_with_the_gate_open_the_file_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "admitted", lambda _connection, sql, _file: sql)
    warehouse = warehouse_at(tmp_path / "warehouse.duckdb")
    fill(warehouse)
    changed = []
    with watched(warehouse, tmp_path) as state:
        before = state()
        for statement in REFUSED:
            ask(warehouse, written(statement, warehouse, tmp_path))
            if state() != before:
                changed.append(statement)
    assert changed == []


def test_every_type_of_statement_that_duckdb_knows_is_tried() -> None:
    tried = set()
    with duckdb.connect() as connection:
        for statement in REFUSED:
            try:
                tried |= {found.type.name for found in connection.extract_statements(statement)}
            except (duckdb.Error, ValueError):  # No DuckDB's, or of a type without a name.
                continue
    known = {name for name in dir(duckdb.StatementType) if name.isupper()}
    assert known - tried - _NO_STATEMENTS == set()


def test_every_function_of_duckdb_that_does_more_than_compute_was_judged() -> None:
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT function_name, function_type, has_side_effects FROM duckdb_functions()"
        ).fetchall()
    acting = {name for name, kind, acts in found if acts and kind in ("scalar", "aggregate")}
    assert acting - REFUSED_FUNCTIONS == _HARMLESS
    assert {name for name, kind, _ in found if "table" in kind} >= TABLE_FUNCTIONS
