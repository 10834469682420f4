"""Statements on their way to PostgreSQL. That it takes them is an integration test's business."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sparkify_dagster_tests.redshift_double.masking import as_seen
from sparkify_dagster_tests.redshift_double.translate import Kind, translate
from sparkify_dagster_tests.redshift_double.wire import SqlError
from sparkify_dagster_tests.redshift_language.tokens import tokens_of


def translated(sql: str) -> str:
    """The text for PostgreSQL, without the white space that taking words out leaves."""
    text = ";".join(s.sql for s in translate(sql))
    return re.sub(r"\s+(?=[,)])", "", re.sub(r"\s+", " ", text)).strip()


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ"),
        ("begin read only", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        (
            "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
        ),
        ("START TRANSACTION", "BEGIN ISOLATION LEVEL REPEATABLE READ"),
        ("SET query_group TO 'query_group'", "SET double.query_group TO 'query_group'"),
        ("RESET query_group", "RESET double.query_group"),
        ("GRANT USAGE ON SCHEMA s TO ROLE a, ROLE b", "GRANT USAGE ON SCHEMA s TO a, b"),
        ("GRANT ROLE a TO ROLE b", "GRANT a TO b"),
        ("REVOKE ALL ON t FROM ROLE role", "REVOKE ALL ON t FROM role"),
        ('SELECT "A", \'"B"\'', 'SELECT "a", \'"B"\''),
        ("VACUUM FULL s.t TO 75 PERCENT", "VACUUM s.t"),
        ("ANALYZE t PREDICATE COLUMNS", "ANALYZE t"),
        ("CREATE TABLE t (a INT PRIMARY KEY)", "CREATE TABLE t (a INT NOT NULL)"),
        ("CREATE TABLE t (a INT UNIQUE DISTKEY SORTKEY)", "CREATE TABLE t (a INT)"),
        ("CREATE TABLE t (a INT ENCODE az64 NOT NULL)", "CREATE TABLE t (a INT NOT NULL)"),
        (
            "CREATE TABLE t (a DECIMAL(4, 2) DEFAULT (1) REFERENCES p (a), b DATE)",
            "CREATE TABLE t (a DECIMAL(4, 2) DEFAULT (1), b DATE)",
        ),
        (
            "CREATE TABLE t (a INT, UNIQUE (a), CONSTRAINT c FOREIGN KEY (a) REFERENCES p (a))",
            "CREATE TABLE t (a INT)",
        ),
        ("CREATE TABLE t (a TEXT, b VARCHAR)", "CREATE TABLE t (a VARCHAR(256), b VARCHAR(256))"),
        ("CREATE TABLE t (a VARCHAR(max))", "CREATE TABLE t (a VARCHAR(65535))"),
        ("CREATE TABLE t (distkey INT) DISTKEY(distkey)", "CREATE TABLE t (distkey INT)"),
        (
            "CREATE TEMP TABLE t BACKUP NO DISTSTYLE ALL SORTKEY (a) AS SELECT 1 AS sortkey",
            "CREATE TEMP TABLE t AS SELECT 1 AS sortkey",
        ),
        ("CREATE TABLE t (LIKE s.u)", "CREATE TABLE t (LIKE s.u)"),
        ("ALTER TABLE t ADD COLUMN a INT ENCODE zstd", "ALTER TABLE t ADD COLUMN a INT"),
        ("ALTER TABLE s.t ALTER DISTKEY a", "ALTER TABLE s.t SET WITHOUT CLUSTER"),
        ("ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a)", "ALTER TABLE t SET WITHOUT CLUSTER"),
    ],
)
def test_redshifts_words_become_postgresqls(sql: str, wanted: str) -> None:
    assert translated(sql) == wanted


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 /* ENCODE */ -- x",
        "CREATE TABLE t (a INT, b VARCHAR(5) DEFAULT 'ENCODE, x')",
        "INSERT INTO t VALUES (1), (2)",
        "COMMENT ON TABLE t IS 'SORTKEY(a)'",
        "SELECT EXTRACT(dow FROM a) FROM t AS x",
    ],
)
def test_what_both_have_is_passed_on_as_written(sql: str) -> None:
    (statement,) = translate(sql)
    assert statement.as_written
    assert statement.sql == sql.partition(" --")[0].removesuffix(" /* ENCODE */")


def test_kinds_and_designs_are_told() -> None:
    copy, truncate, plain, made = translate(
        "COPY t FROM 's3://x' IAM_ROLE default; TRUNCATE t; SELECT pg_last_copy_id();"
        "CREATE TABLE s.t (a INT) DISTKEY (a) COMPOUND SORTKEY (a, b)"
    )
    assert (copy.kind, truncate.kind, plain.kind) == (Kind.COPY, Kind.TRUNCATE, Kind.PLAIN)
    assert plain.asks_for_copies
    assert not copy.asks_for_copies
    assert made.design is not None
    assert (made.design.table, made.design.style, made.design.distkey) == ("s.t", "KEY", "a")
    assert made.design.sort == ["a", "b"]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a INT) DISTSTYLE",
        "CREATE TABLE t (a INT) DISTSTYLE FOO",
        "CREATE TABLE t (a INT) COMPOUND (a)",
        "CREATE TABLE t (a INT ENCODE zip)",
        "CREATE TABLE t (a INT) BACKUP MAYBE",
        "CREATE TABLE t (a INT) SORTKEY",
        "CREATE TABLE t (a VARCHAR(0))",
        "CREATE TABLE t (a BYTEA)",
        "CREATE TABLE t (a INT) DISTKEY",
    ],
)
def test_misspelt_tables_are_errors(sql: str) -> None:
    with pytest.raises(SqlError):
        translate(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'ON CONFLICT RETURNING' FROM t",
        "SELECT 1 -- RETURNING",
        'SELECT "tag", t."user" FROM t',
        'SELECT a AS "tag" FROM t',
        "SELECT COUNT(DISTINCT a) FROM t",
        "INSERT INTO t (a) VALUES (1), (2)",
        "SELECT generate_series(1, 3)",
        "SELECT a IS NOT NULL FROM t",
        "CREATE TABLE t (a INT ENCODE delta)",
        "GRANT SELECT ON t TO GROUP g",
        "CREATE TABLE t AS SELECT a AS check_ FROM u",
    ],
)
def test_what_only_looks_forbidden_passes(sql: str) -> None:
    assert translate(sql)


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("SELECT string_agg (a, ',') FROM t", "42883"),
        ("SELECT a::jsonb FROM t", "42704"),
        ("WITH x AS (VALUES (1)) SELECT * FROM x", "42601"),
        ("VALUES (1)", "42601"),
        ("INSERT INTO t SELECT generate_series(1, 3)", "0A000"),
        ("CREATE UNIQUE INDEX i ON t (a)", "0A000"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1)", "0A000"),
        ("SELECT new FROM t", "42601"),
        ("SELECT a AS tag FROM t", "42601"),
        ("RELEASE SAVEPOINT a", "0A000"),
        ("MERGE INTO t USING (SELECT 1 AS a) AS s ON t.a = s.a WHEN MATCHED THEN DELETE", "42601"),
    ],
)
def test_refusals_have_their_sqlstate(sql: str, sqlstate: str) -> None:
    with pytest.raises(SqlError) as refused:
        translate(sql)
    assert refused.value.sqlstate == sqlstate


_REFUSED = Path(__file__).parents[1] / "redshift_language" / "refused.sql"


def test_whatever_the_guard_refuses_the_double_refuses() -> None:
    listed = [line for line in _REFUSED.read_text(encoding="utf-8").splitlines() if line]
    refused = [line for line in listed if not line.startswith("-- ")]
    assert len(refused) > 300
    for sql in refused:
        with pytest.raises(SqlError):
            translate(sql)


def test_refusals_name_the_token() -> None:
    with pytest.raises(SqlError) as refused:
        translate("SELECT * FROM s.user")
    assert refused.value.message == 'syntax error at or near "user"'
    assert tokens_of("user")[0].key == "USER"


MASKS = {("s", "song"): "SELECT 'x' AS title FROM s.song AS t"}
HIDDEN = "(SELECT 'x' AS title FROM s.song AS t)"


@pytest.mark.parametrize(
    ("sql", "seen"),
    [
        ("SELECT title FROM s.song", f'SELECT title FROM {HIDDEN} AS "song"'),
        ("SELECT 1 FROM a, Song AS b", f'SELECT 1 FROM a, {HIDDEN} AS "b"'),
        (
            "WITH song AS (SELECT 1) SELECT * FROM song",
            "WITH song AS (SELECT 1) SELECT * FROM song",
        ),
        ("SELECT song FROM other.song", "SELECT song FROM other.song"),
        (
            "DECLARE c CURSOR FOR SELECT * FROM a JOIN s.song AS b ON TRUE",
            f'DECLARE c CURSOR FOR SELECT * FROM a JOIN {HIDDEN} AS "b" ON TRUE',
        ),
        ("INSERT INTO song VALUES (1)", "INSERT INTO song VALUES (1)"),
    ],
)
def test_a_masked_table_is_read_through_its_mask(sql: str, seen: str) -> None:
    assert as_seen(sql, list(tokens_of(sql)), MASKS) == seen


@pytest.mark.parametrize(
    ("sql", "called"),
    [
        (
            "CREATE MASKING POLICY \"P\" WITH (v VARCHAR(9)) USING (REGEXP_REPLACE(v, 'a)', ''))",
            "create_policy('p', 'v', 'VARCHAR(9)', '(pg_catalog.double_replace(v, ''a)'', ''''))')",
        ),
        (
            'ATTACH MASKING POLICY p ON s."t" (a) TO ROLE "o""neil" PRIORITY 7',
            "attach('p', 's.\"t\"', 'a', 'role', 'o\"neil', 7)",
        ),
        ("ATTACH MASKING POLICY p ON t (a) TO u", "attach('p', 't', 'a', 'user', 'u', 0)"),
        (
            "DETACH MASKING POLICY p ON t (a) FROM PUBLIC",
            "detach('p', 't', 'a', 'public', 'public')",
        ),
        ("DROP MASKING POLICY p", "drop_policy('p')"),
    ],
)
def test_masking_policies_are_calls_of_the_doubles_own(sql: str, called: str) -> None:
    assert translated(sql) == f"CALL pg_catalog.double_{called}"
