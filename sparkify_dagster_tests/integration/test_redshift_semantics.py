"""What Redshift computes, shows and limits otherwise than PostgreSQL: the double does, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors

from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster_tests.pairs import cloud_lake, redshift_at
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.redshift_language import MOST_BYTES
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cursor(double: Double) -> Iterator[Any]:
    """A session of a client, with two small temporary tables."""
    with closing(
        psycopg2.connect(
            host=double.host, port=double.port, user=double.user, password=double.password,
            dbname=double.database, sslmode="verify-full", sslrootcert=str(double.ca_file),
        )
    ) as connection:  # fmt: skip
        connection.autocommit = True
        with connection.cursor() as opened:
            opened.execute("CREATE TEMP TABLE t (a VARCHAR(9), n BIGINT, i INTEGER, s SMALLINT)")
            opened.execute(
                "INSERT INTO t VALUES ('x', 1, 1, 1), ('x ', 2, 2, 2), ('x  ', NULL, NULL, 2), "
                "('y', -7, -7, -7)"
            )
            opened.execute("CREATE TEMP TABLE u (a VARCHAR(9))")
            opened.execute("INSERT INTO u VALUES ('x   '), ('z')")
            yield opened


TRAILING_BLANKS = {
    "=": ("SELECT COUNT(*) FROM t WHERE t.a = 'x'", 3),
    "<>": ("SELECT COUNT(*) FROM t WHERE t.a <> 'x'", 1),
    "an order": ("SELECT COUNT(*) FROM t WHERE t.a <= 'x'", 3),
    "BETWEEN": ("SELECT COUNT(*) FROM t WHERE t.a BETWEEN 'x ' AND 'x '", 3),
    "IN": ("SELECT COUNT(*) FROM t WHERE t.a IN ('x', 'z')", 3),
    "NOT IN": ("SELECT COUNT(*) FROM t WHERE t.a NOT IN ('x', 'z')", 1),
    "a long IN": ("SELECT COUNT(*) FROM t WHERE t.a IN ('x'" + ", 'z'" * 20 + ")", 3),
    "the greater of two": ("SELECT COUNT(*) FROM t WHERE GREATEST(t.a, 'x') = t.a", 4),
    "IN of a query": ("SELECT COUNT(*) FROM t WHERE t.a IN (SELECT u.a FROM u)", 3),
    "a join": ("SELECT COUNT(*) FROM t JOIN u ON u.a = t.a", 3),
    "a LEFT JOIN": ("SELECT COUNT(*) FROM t LEFT JOIN u ON u.a = t.a WHERE u.a IS NULL", 1),
    "DISTINCT": ("SELECT COUNT(*) FROM (SELECT DISTINCT t.a FROM t) AS d", 2),
    "COUNT(DISTINCT)": ("SELECT COUNT(DISTINCT t.a) FROM t", 2),
    "GROUP BY": ("SELECT MAX(g.c) FROM (SELECT COUNT(*) AS c FROM t GROUP BY t.a) AS g", 3),
    "UNION": ("SELECT COUNT(*) FROM (SELECT t.a FROM t UNION SELECT u.a FROM u) AS d", 3),
    "EXCEPT": ("SELECT COUNT(*) FROM (SELECT u.a FROM u EXCEPT SELECT t.a FROM t) AS d", 1),
    "a window": (
        "SELECT MAX(w.n) FROM (SELECT ROW_NUMBER() OVER (PARTITION BY t.a ORDER BY t.n) AS n "
        "FROM t) AS w",
        3,
    ),
    "NULLIF": ("SELECT COUNT(NULLIF(t.a, 'x')) FROM t", 1),
    "CASE": ("SELECT SUM(CASE t.a WHEN 'x' THEN 1 ELSE 0 END) FROM t", 3),
    "what is computed": ("SELECT COUNT(*) FROM t WHERE COALESCE(t.a, '') || ' ' = 'x'", 3),
    "the exact form": ("SELECT COUNT(*) FROM t WHERE t.a || CHR(1) = 'x' || CHR(1)", 1),
    "LENGTH, which counts them": ("SELECT MAX(LENGTH(t.a)) FROM t", 3),
    "LIKE, which sees them": ("SELECT COUNT(*) FROM t WHERE t.a LIKE 'x'", 1),
}


@pytest.mark.parametrize("where", TRAILING_BLANKS)
@pytest.mark.parametrize("without", ["", "hashjoin hashagg", "hashjoin hashagg mergejoin sort"])
def test_trailing_blanks_do_not_count_whatever_plan_is_taken(
    cursor: Any, where: str, without: str
) -> None:
    sql, wanted = TRAILING_BLANKS[where]
    for plan in ("hashjoin", "hashagg", "mergejoin", "sort"):
        cursor.execute(f"SET enable_{plan} TO {'off' if plan in without else 'on'}")
    cursor.execute(sql)
    assert cursor.fetchall() == [(wanted,)]


def test_the_mean_of_integers_is_cut_off_and_that_of_others_is_not(cursor: Any) -> None:
    cursor.execute(
        "SELECT AVG(t.n), AVG(t.i), AVG(t.s), AVG(t.n + 0.0) < -1.3, AVG(CAST(t.i AS REAL)) < -1.3 "
        "FROM t WHERE t.n IS NOT NULL"
    )
    assert cursor.fetchall() == [(-1, -1, -1, True, True)]
    cursor.execute("SELECT AVG(t.n), AVG(t.i) FROM t WHERE t.n > 99")
    assert cursor.fetchall() == [(None, None)]
    cursor.execute(
        "SELECT AVG(t.n) OVER (ORDER BY t.n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t "
        "WHERE t.n IS NOT NULL ORDER BY t.n"
    )
    assert cursor.fetchall() == [(-7,), (-3,), (1,)]


@pytest.mark.parametrize("most", ["1001", "FORWARD 1001", "ALL", "FORWARD ALL"])
def test_a_cursor_gives_a_thousand_rows_at_once(cursor: Any, most: str) -> None:
    cursor.execute("BEGIN")
    cursor.execute("DECLARE c CURSOR FOR SELECT t.a FROM t")
    cursor.execute("FETCH FORWARD 1000 FROM c")
    assert len(cursor.fetchall()) == 4
    with pytest.raises(errors.InternalError_, match="exceeds the limit of 1000"):
        cursor.execute(f"FETCH {most} FROM c")
    cursor.execute("ROLLBACK")


def test_a_statement_of_more_than_sixteen_megabytes_is_too_large(cursor: Any) -> None:
    cursor.execute("SELECT 1 -- ".ljust(MOST_BYTES, "x"))
    with pytest.raises(psycopg2.OperationalError, match="Statement is too large"):
        cursor.execute("SELECT 1 -- ".ljust(MOST_BYTES - 1, "x") + "é")


def test_sizes_are_told_to_whoever_was_granted_the_view_and_to_nobody_else(
    double: Double, s3: S3Server, cursor: Any, tmp_path: Any
) -> None:
    warehouse = redshift_at(double, s3, cloud_lake(s3, tmp_path / "lake"))
    assert isinstance(warehouse, RedshiftWarehouse)
    with warehouse.transaction() as session:
        session.execute(f"CREATE TABLE {warehouse.schema}.t (a INTEGER)")
    with pytest.raises(errors.InsufficientPrivilege):
        cursor.execute("SELECT i.size FROM svv_table_info AS i")
    assert warehouse.sizes() == {}, "no load fails for it"
    with double.table_info_granted():
        assert "t" in warehouse.sizes()
    assert warehouse.sizes() == {}
