"""However deep it stands in a statement, what does more than read is found."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkify_dagster.warehouse.duckdb.gate import admitted
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.statements import only_reading
from sparkify_dagster_tests.hostile_statements import ANSWERED, REFUSED

QUICK = settings(max_examples=200, deadline=None, derandomize=True, database=None)
_AROUND_BOTH = [
    "SELECT * FROM (Q) AS a",
    "SELECT (Q) AS n",
    "WITH c AS (Q) SELECT * FROM c",
    "WITH RECURSIVE c AS (Q) SELECT * FROM c",
    "SELECT 1 AS n WHERE EXISTS (Q)",
    "SELECT 1 AS n UNION ALL (Q)",
    "SELECT CASE WHEN 1 IN (Q) THEN 1 END AS n",
    "SELECT COALESCE((Q), 1) AS n",
    "SELECT 1 AS n ORDER BY (Q)",
    "SELECT 1 AS n FROM (SELECT 1) AS a JOIN (Q) AS b ON 1 = (Q)",
    "SELECT SUM(1) OVER (ORDER BY (Q)) AS n",
    "SELECT 1 AS n GROUP BY 1 HAVING 1 = ANY (Q)",
    "/* a; */ SELECT * FROM (Q) AS a -- b;",
]
_AROUND_DUCKDB = [
    *("FROM (Q)", "FROM (DESCRIBE (Q))", "FROM (SUMMARIZE (Q))", "SELECT 1 AS n LIMIT (Q)"),
    *("SELECT [x FOR x IN [1] IF x IN (Q)] AS n", "FROM (VALUES ((Q))) AS v(n)"),
    *("SELECT {'a': (Q)}.a AS n", "SELECT COUNT(*) FILTER (WHERE 1 IN (Q)) AS n"),
    *("FROM (PIVOT (Q) ON n IN (1) USING COUNT(*))", "FROM range((Q)), LATERAL (Q)"),
    *("SELECT 1 AS n QUALIFY 1 IN (Q)", "SELECT unnest([(Q)]) AS n", "FROM (SHOW TABLES), (Q)"),
]
_HOSTILE = [
    "WITH x AS (DELETE FROM t RETURNING n) SELECT n FROM x",
    "SELECT nextval('q') AS n",
    "SELECT setval('q', 1) AS n",
]
_HOSTILE_ON_DUCKDB = [
    "SELECT size AS n FROM read_blob('warehouse.duckdb')",
    "SELECT 1 AS n FROM 'warehouse.duckdb'",
    "SELECT 1 AS n FROM warehouse.duckdb",
    "SELECT 1 AS n FROM query('SELECT 1')",
    "WITH x AS (COPY (SELECT 1) TO 'out') SELECT 1 AS n",
    "SELECT write_log('x') AS n",
]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def nested(core: str, around: list[str]) -> str:
    for outer in around:
        core = outer.replace("(Q)", f"({core})")
    return core


def is_admitted(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        return admitted(connection, sql, "warehouse.duckdb") != ""
    except (WarehouseError, duckdb.Error):
        return False


def around(*outer: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(outer), max_size=3)


@settings(QUICK)
@given(
    around(*_AROUND_BOTH[:-1], *_AROUND_DUCKDB),
    st.sampled_from(_HOSTILE + _HOSTILE_ON_DUCKDB),
    st.sampled_from(["", "EXPLAIN ", "EXPLAIN ANALYZE ", "EXPLAIN (FORMAT json) ", "DESCRIBE "]),
)
def test_duckdb_is_given_no_statement_with_something_else_in_it(
    connection: duckdb.DuckDBPyConnection, outer: list[str], hostile: str, before: str
) -> None:
    assert is_admitted(connection, before + nested("SELECT 1 AS n", outer))
    assert not is_admitted(connection, before + nested(hostile, outer))


@settings(QUICK)
@given(around(*_AROUND_BOTH), st.sampled_from(_HOSTILE), st.sampled_from(["", "EXPLAIN "]))
def test_redshift_is_given_no_statement_with_something_else_in_it(
    outer: list[str], hostile: str, before: str
) -> None:
    assert only_reading(before + nested("SELECT 1 AS n", outer))
    assert only_reading(before + nested(hostile, outer)) is None


@settings(QUICK)
@given(
    st.sampled_from(REFUSED + ANSWERED),
    st.integers(0, 80),
    st.integers(0, 20),
    st.text(alphabet="()'\"$;-/*\\\x00\n aE1", max_size=6),
)
def test_a_text_in_disorder_is_refused_in_words_if_it_is_refused(
    connection: duckdb.DuckDBPyConnection, statement: str, at: int, cut: int, put: str
) -> None:
    sql = statement[:at] + put + statement[at + cut :]
    is_admitted(connection, sql)
    only_reading(sql)
