"""What stands in for Redshift behaves as Redshift does, as far as our loads need it.

Against a real Redshift nothing here was checked: the claims are those of its documentation.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors
from pyarrow import parquet

from sparkify_dagster_tests.redshift_double import Double, postgres, redshift_double
from sparkify_dagster_tests.s3_server import S3Server, split

pytestmark = pytest.mark.integration
BUCKET = "double-lake"
ROOT = Path(__file__).resolve().parents[2]
_numbers = count()


def connect(double: Double, **options: Any) -> Any:
    wanted = {
        "host": double.host, "port": double.port, "user": double.user,
        "password": double.password, "dbname": double.database,
        "sslmode": "verify-full", "sslrootcert": str(double.ca_file),
    } | options  # fmt: skip
    return psycopg2.connect(**wanted)


@contextmanager
def connected(double: Double, **options: Any) -> Iterator[Any]:
    connection = connect(double, **options)
    try:
        yield connection
    finally:
        connection.close()


@dataclass
class Bench:
    """A connection and a schema and a folder of the lake, for one test."""

    double: Double
    s3: S3Server
    connection: Any
    schema: str

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return run(self.connection, sql.replace("{s}", self.schema))

    def behind(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.double.behind()
        try:
            return run(connection, sql.replace("{s}", self.schema))
        finally:
            connection.close()

    def put(self, key: str, *records: object) -> str:
        data = b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() for r in records)
        uri = f"s3://{BUCKET}/{self.schema}/{key}"
        self.s3.put(uri, data)
        return uri

    def manifest(self, *uris: str, mandatory: bool = True, key: str = "manifest") -> str:
        return self.put(key, {"entries": [{"url": u, "mandatory": mandatory} for u in uris]})

    def copy(self, uri: str, options: str = "JSON 'auto'", into: str = "t") -> None:
        self.run(f"COPY {{s}}.{into} FROM '{uri}' IAM_ROLE '{self.double.role}' {options}")

    def table(self, columns: str = "a INTEGER, b VARCHAR(10)", name: str = "t") -> None:
        self.run(f"CREATE TABLE {{s}}.{name} ({columns})")
        self.connection.commit()

    def rows(self, name: str = "t") -> list[tuple[Any, ...]]:
        return self.run(f"SELECT * FROM {{s}}.{name} ORDER BY 1")

    def load(self, *records: object, options: str = "JSON 'auto'") -> list[tuple[Any, ...]]:
        self.copy(self.put(f"data-{next(_numbers)}.json", *records), options)
        return self.rows()


def run(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module", autouse=True)
def _bucket(s3: S3Server) -> None:
    s3.make_bucket(BUCKET)
    s3.make_bucket(f"{BUCKET}-far", "eu-west-1")


@pytest.fixture
def bench(double: Double, s3: S3Server) -> Iterator[Bench]:
    schema = f"double_test_{next(_numbers)}"
    with connected(double) as connection:
        run(connection, f"CREATE SCHEMA {schema}")
        connection.commit()
        double.forget()
        yield Bench(double, s3, connection, schema)
        double.faults.clear()
    behind = double.behind()
    run(behind, f"DROP SCHEMA {schema} CASCADE")
    behind.close()


# --------------------------------------------------------------------------------------------------
# Connecting
# --------------------------------------------------------------------------------------------------


def test_the_certificate_is_verified_and_the_connection_encrypted(double: Double) -> None:
    with connected(double, application_name="a name") as connection:
        assert connection.info.ssl_in_use
        assert run(connection, "SHOW application_name") == [("a name",)]
        assert connection.server_version == 80002
    with pytest.raises(psycopg2.OperationalError, match="certificate"):
        connect(double, sslrootcert=ssl.get_default_verify_paths().openssl_cafile or "system")


def test_a_certificate_for_another_name_is_not_accepted(double: Double) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"does not match host name"):
        connect(double, host="redshift.example", hostaddr="127.0.0.1")


def test_plain_text_is_taken_unless_told_otherwise(
    double: Double, s3: S3Server, tmp_path: Path
) -> None:
    with connected(double, sslmode="disable") as connection:
        assert not connection.info.ssl_in_use
    with redshift_double(s3.endpoint, tmp_path, require_tls=True) as strict:
        connect(strict).close()
        with pytest.raises(psycopg2.OperationalError, match="SSL off"):
            connect(strict, sslmode="disable")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"password": "wrong"}, 'password authentication failed for user "sparkify"'),
        ({"user": "nobody"}, 'password authentication failed for user "nobody"'),
        ({"dbname": "prod"}, 'database "prod" does not exist'),
    ],
)
def test_strangers_are_turned_away(double: Double, options: dict[str, str], said: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match=said):
        connect(double, **options)


def test_further_logins_have_their_role_and_their_time(double: Double) -> None:
    double.allow_login("IAMA:sparkify", "token", seconds=0.5)
    double.allow_login("IAM:reader", "token", as_role="double_reader")
    with connected(double, user="IAMA:sparkify", password="token") as connection:
        assert run(connection, "SELECT current_user") == [("sparkify",)]
        time.sleep(0.6)
        assert run(connection, "SELECT 1") == [(1,)]
    with connected(double, user="IAM:reader", password="token") as connection:
        assert run(connection, "SELECT current_user") == [("double_reader",)]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(double, user="IAMA:sparkify", password="token")


def test_what_the_platform_sends_and_redshift_refuses_is_kept_for_the_end(double: Double) -> None:
    wrong, asked = "SELECT 1 AS tag", "DECLARE looked_at CURSOR FOR SELECT 1 AS tag"
    for name in ("sparkify_dagster", "psql"):
        with connected(double, application_name=name) as connection:
            for sql in (wrong, asked):
                with pytest.raises(errors.SyntaxError):
                    run(connection, sql)
                connection.rollback()
    assert double.refused() == [f'syntax error at or near "tag": {wrong}']
    assert double.refused() == []


def test_the_user_is_no_superuser(bench: Bench) -> None:
    assert bench.run("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]


def test_a_running_statement_can_be_cancelled(bench: Bench) -> None:
    threading.Timer(0.2, bench.connection.cancel).start()
    with pytest.raises(errors.QueryCanceled):
        bench.run("SELECT pg_sleep(20)")
    bench.connection.rollback()
    assert bench.run("SELECT 1") == [(1,)]


def test_a_copy_can_be_cancelled(bench: Bench) -> None:
    bench.table()
    uri = bench.put("a.json", {"a": 1})
    bench.double.faults.delay("^COPY", 20)
    threading.Timer(0.2, bench.connection.cancel).start()
    with pytest.raises(errors.QueryCanceled):
        bench.copy(uri)


def test_statements_are_kept_as_they_were_sent(bench: Bench) -> None:
    bench.run("SELECT 1 /* one */")
    bench.connection.commit()
    assert bench.double.statements() == ["BEGIN", "SELECT 1 /* one */", "COMMIT"]
    bench.double.forget()
    assert bench.double.statements() == []


# --------------------------------------------------------------------------------------------------
# Transactions
# --------------------------------------------------------------------------------------------------


def test_a_transaction_sees_one_snapshot(bench: Bench) -> None:
    bench.table()
    assert bench.rows() == []
    bench.behind("INSERT INTO {s}.t VALUES (1, 'x')")
    assert bench.rows() == []
    bench.connection.commit()
    assert bench.rows() == [(1, "x")]


@pytest.mark.parametrize("level", ["SERIALIZABLE", "READ COMMITTED", "REPEATABLE READ"])
def test_every_level_is_the_same(bench: Bench, level: str) -> None:
    bench.connection.set_session(isolation_level=level)
    assert bench.run("SHOW transaction_isolation") == [("repeatable read",)]


def test_a_read_only_transaction_writes_nothing(bench: Bench) -> None:
    bench.table()
    bench.connection.autocommit = True
    bench.run("BEGIN READ ONLY")
    with pytest.raises(errors.ReadOnlySqlTransaction):
        bench.run("INSERT INTO {s}.t VALUES (1, 'x')")


def test_a_conflict_is_1023(bench: Bench) -> None:
    bench.table()
    bench.run("INSERT INTO {s}.t VALUES (1, 'x')")
    bench.connection.commit()
    bench.rows()
    bench.behind("UPDATE {s}.t SET b = 'y'")
    with pytest.raises(errors.InternalError_, match=r"1023\nDETAIL:  Serializable isolation"):
        bench.run("UPDATE {s}.t SET b = 'z'")


def test_lock_waits_in_a_block_and_fails_outside(bench: Bench) -> None:
    bench.table()
    bench.run('LOCK "{s}"."t"')
    with connected(bench.double) as other:
        run(other, "SET statement_timeout TO 200")
        with pytest.raises(errors.QueryCanceled):
            run(other, f'LOCK "{bench.schema}"."t"')
    bench.connection.rollback()
    bench.connection.autocommit = True
    with pytest.raises(errors.NoActiveSqlTransaction):
        bench.run('LOCK "{s}"."t"')


def test_after_a_lock_the_snapshot_is_new(bench: Bench) -> None:
    bench.table()
    with connected(bench.double) as other:
        run(other, f"LOCK {bench.schema}.t")
        run(other, f"INSERT INTO {bench.schema}.t VALUES (1, 'x')")
        threading.Timer(0.3, other.commit).start()
        bench.double.faults.delay("LOCK", 0.05)
        bench.run("LOCK {s}.t")
        assert bench.rows() == [(1, "x")]


def test_truncate_commits(bench: Bench) -> None:
    bench.table()
    bench.run("INSERT INTO {s}.t VALUES (1, 'x')")
    bench.connection.commit()
    bench.table("a INTEGER", "kept")
    bench.run("INSERT INTO {s}.kept VALUES (7)")
    bench.run("TRUNCATE {s}.t")
    bench.connection.rollback()
    assert bench.rows() == []
    assert bench.rows("kept") == [(7,)]


def test_vacuum_and_append_may_not_stand_in_a_block(bench: Bench) -> None:
    bench.table()
    for sql in ("VACUUM {s}.t", "ALTER TABLE {s}.t APPEND FROM {s}.u"):
        with pytest.raises(errors.ActiveSqlTransaction, match="cannot run inside a transaction"):
            bench.run(sql)
        bench.connection.rollback()


def test_settings_of_redshift_are_taken(bench: Bench) -> None:
    bench.run("SET query_group TO 'sparkify:load:1'")
    assert bench.run("SHOW query_group") == [("sparkify:load:1",)]
    bench.run("RESET query_group")
    bench.run("SET statement_timeout TO 150")
    with pytest.raises(errors.QueryCanceled):
        bench.run("SELECT pg_sleep(10)")


def test_several_statements_in_one_text_are_one_transaction(bench: Bench) -> None:
    bench.table()
    bench.connection.autocommit = True
    with pytest.raises(errors.DivisionByZero):
        bench.run("INSERT INTO {s}.t VALUES (1, 'x;'); SELECT 1 / 0")
    assert bench.rows() == []


def test_a_backslash_escapes_in_any_string(bench: Bench) -> None:
    assert bench.run(r"SELECT 'a\'b', 'a\\b'") == [("a'b", "a\\b")]
    with bench.connection.cursor() as cursor:
        cursor.execute("SELECT %s", ["it's a \\ here"])
        assert cursor.fetchone() == ("it's a \\ here",)


# --------------------------------------------------------------------------------------------------
# Tables
# --------------------------------------------------------------------------------------------------


def test_words_about_the_cluster_are_understood(bench: Bench) -> None:
    bench.run(
        """CREATE TABLE IF NOT EXISTS {s}."user" (
            user_id BIGINT NOT NULL ENCODE az64 DISTKEY, -- the key, of course
            name VARCHAR(3) ENCODE zstd DEFAULT 'no' SORTKEY
        ) BACKUP NO ENCODE AUTO;"""
    )
    bench.run("CREATE TABLE {s}.e (a INT) DISTSTYLE EVEN SORTKEY AUTO")
    bench.run("CREATE TABLE {s}.k (a INT, b INT) DISTSTYLE KEY DISTKEY(b) COMPOUND SORTKEY(a, b)")
    bench.run("CREATE TABLE {s}.l DISTSTYLE ALL INTERLEAVED SORTKEY (a) AS SELECT 1 AS a")
    bench.run('INSERT INTO {s}."user" VALUES (1), (2)')
    with bench.double.table_info_granted():
        told = bench.run(
            """SELECT "table", diststyle, sortkey1, tbl_rows, size, skew_rows > 0, unsorted
            FROM svv_table_info WHERE "schema" = '{s}' ORDER BY 1"""
        )
    assert told == [
        ("e", "EVEN", "AUTO(SORTKEY)", 0, 0, True, 0),
        ("k", "KEY(b)", "a", 0, 0, True, 0),
        ("l", "ALL", "INTERLEAVED", 1, 1, True, 0),
        ("user", "KEY(user_id)", "name", 2, 1, True, 0),
    ]


def design_of(bench: Bench, table: str = "t") -> list[tuple[Any, ...]]:
    style = "SELECT c.reldiststyle FROM pg_class_info AS c WHERE c.reloid = '{s}.%s'::regclass"
    columns = (
        "SELECT column_name, encoding, distkey, sortkey FROM svv_redshift_columns "
        "WHERE schema_name = '{s}' AND table_name = '%s' ORDER BY ordinal_position"
    )
    return [*bench.run(style % table), *bench.run(columns % table)]


def test_where_rows_lie_and_how_they_are_encoded_can_be_altered(bench: Bench) -> None:
    bench.connection.autocommit = True
    bench.table("a INT ENCODE AZ64, b VARCHAR(9)")
    assert design_of(bench) == [(9,), ("a", "az64", False, 0), ("b", "lzo", False, 0)]
    bench.run("ALTER TABLE {s}.t ALTER DISTKEY a, ALTER SORTKEY (b, a)")
    assert design_of(bench) == [(1,), ("a", "none", True, 2), ("b", "none", False, 1)]
    bench.run("ALTER TABLE {s}.t ALTER COLUMN a ENCODE AZ64, ALTER COLUMN b ENCODE ZSTD")
    bench.run("ALTER TABLE {s}.t RENAME COLUMN a TO c")
    bench.run("ALTER TABLE {s}.t RENAME TO r")
    assert design_of(bench, "r")[1:] == [("c", "az64", True, 2), ("b", "zstd", False, 1)]
    for column, kind in (("c", "distkey"), ("b", "sortkey")):
        with pytest.raises(
            errors.FeatureNotSupported, match=f'cannot drop {kind} column "{column}"'
        ):
            bench.run(f"ALTER TABLE {{s}}.r DROP COLUMN {column}")
    with pytest.raises(errors.FeatureNotSupported, match="has that encoding already"):
        bench.run("ALTER TABLE {s}.r ALTER COLUMN c ENCODE AZ64")
    bench.run("ALTER TABLE {s}.r ALTER SORTKEY NONE")
    bench.run("ALTER TABLE {s}.r ALTER DISTSTYLE EVEN")
    bench.run("ALTER TABLE {s}.r DROP COLUMN c")
    assert design_of(bench, "r") == [(0,), ("b", "zstd", False, 0)]
    bench.run("CREATE TABLE IF NOT EXISTS {s}.r (b INT) DISTSTYLE ALL")
    assert design_of(bench, "r")[0] == (0,)
    bench.run("DROP TABLE {s}.r")


@pytest.mark.parametrize(
    "change", ["SORTKEY (a)", "DISTKEY a", "DISTSTYLE ALL", "COLUMN a ENCODE ZSTD"]
)
def test_that_is_refused_in_a_transaction_and_with_an_interleaved_key(
    bench: Bench, change: str
) -> None:
    bench.table("a INT, b INT")
    bench.run("CREATE TABLE {s}.i (a INT, b INT) INTERLEAVED SORTKEY (a, b)")
    with pytest.raises(errors.ActiveSqlTransaction, match="cannot run inside a transaction block"):
        bench.run(f"ALTER TABLE {{s}}.t ALTER {change}")
    bench.connection.rollback()
    bench.connection.autocommit = True
    bench.run("CREATE TABLE {s}.i (a INT, b INT) INTERLEAVED SORTKEY (a, b)")
    if "SORTKEY" not in change:
        with pytest.raises(errors.FeatureNotSupported, match="interleaved"):
            bench.run(f"ALTER TABLE {{s}}.i ALTER {change}")
    bench.run("ALTER TABLE {s}.i ALTER COMPOUND SORTKEY (a)")
    if "ENCODE" not in change:
        bench.run(f"ALTER TABLE {{s}}.i ALTER {change}")


def test_keys_are_declared_and_not_enforced(bench: Bench) -> None:
    bench.run("CREATE TABLE {s}.p (a INT PRIMARY KEY, b INT UNIQUE, UNIQUE (a, b))")
    bench.run(
        """CREATE TABLE {s}.c (a INT REFERENCES {s}.p (a), b INT,
            CONSTRAINT one PRIMARY KEY (a), FOREIGN KEY (b) REFERENCES {s}.p (b))"""
    )
    bench.run("INSERT INTO {s}.p VALUES (1, 1), (1, 1)")
    bench.run("INSERT INTO {s}.c VALUES (5, 5), (5, 5)")
    bench.run("ALTER TABLE {s}.c ADD PRIMARY KEY (b)")
    bench.connection.commit()
    with pytest.raises(errors.NotNullViolation):
        bench.run("INSERT INTO {s}.p VALUES (NULL, 1)")


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO {s}.t VALUES (1, 'éééééé')",
        "UPDATE {s}.t SET b = 'éééééé'",
        "INSERT INTO {s}.t VALUES (1, 'abcdefghijk')",
        "INSERT INTO {s}.made VALUES (1, 'éééééé')",
        "INSERT INTO {s}.likewise VALUES (1, 'éééééé')",
        "INSERT INTO mine VALUES (1, 'éééééé')",
        "INSERT INTO {s}.t (c) VALUES ('éé')",
        "ALTER TABLE {s}.t ADD COLUMN d VARCHAR(3) DEFAULT 'éé'",
    ],
)
def test_a_varchar_counts_bytes(bench: Bench, change: str) -> None:
    bench.table()
    bench.run("INSERT INTO {s}.t VALUES (0, 'ééééé')")
    bench.run("CREATE TABLE {s}.made AS SELECT * FROM {s}.t")
    bench.run("CREATE TEMP TABLE mine (a INT, b VARCHAR(10))")
    bench.run("CREATE TABLE {s}.likewise (LIKE {s}.t)")
    bench.run("ALTER TABLE {s}.t ADD COLUMN c VARCHAR(3)")
    with pytest.raises(errors.StringDataRightTruncation, match="value too long for type") as said:
        bench.run(change)
    assert "double" not in str(said.value)


def test_a_longer_column_takes_longer_values(bench: Bench) -> None:
    bench.table("a INT, b VARCHAR(2)")
    bench.connection.autocommit = True
    bench.run("ALTER TABLE {s}.t ALTER COLUMN b TYPE VARCHAR(4)")
    bench.run("INSERT INTO {s}.t VALUES (1, 'éé'), (2, NULL)")
    with pytest.raises(errors.StringDataRightTruncation):
        bench.run("INSERT INTO {s}.t VALUES (3, 'ééé')")


def test_information_schema_shows_the_types_as_declared(bench: Bench) -> None:
    bench.table('a BIGINT PRIMARY KEY, b VARCHAR(7), c TEXT, d VARCHAR, e VARCHAR(MAX), "F" DATE')
    assert bench.run(
        """SELECT column_name, data_type, character_maximum_length, is_nullable
        FROM information_schema.columns WHERE table_schema = '{s}' ORDER BY ordinal_position"""
    ) == [
        ("a", "bigint", None, "NO"),
        ("b", "character varying", 7, "YES"),
        ("c", "character varying", 256, "YES"),
        ("d", "character varying", 256, "YES"),
        ("e", "character varying", 65535, "YES"),
        ("f", "date", None, "YES"),
    ]


def test_what_both_have_passes(bench: Bench) -> None:
    bench.table()
    for sql in (
        "CREATE SCHEMA IF NOT EXISTS {s}",
        "COMMENT ON TABLE {s}.t IS 'a table; with -- words'",
        "COMMENT ON COLUMN {s}.t.a IS 'a column'",
        "CREATE ROLE analysts_{s}",
        'GRANT USAGE ON SCHEMA {s} TO ROLE "analysts_{s}"',
        "GRANT SELECT ON ALL TABLES IN SCHEMA {s} TO ROLE analysts_{s}",
        "REVOKE SELECT ON {s}.t FROM ROLE analysts_{s}",
        "CREATE TEMP TABLE mine (LIKE {s}.t)",
        'CREATE TEMP TABLE yours AS SELECT t.a AS "tag" FROM {s}.t AS t',
        "EXPLAIN SELECT * FROM {s}.t",
        "ALTER TABLE {s}.t ADD COLUMN c INT",
        "ANALYZE {s}.t PREDICATE COLUMNS",
        "MERGE INTO {s}.t USING mine AS m ON t.a = m.a "
        "WHEN MATCHED THEN UPDATE SET b = m.b WHEN NOT MATCHED THEN INSERT (a) VALUES (m.a)",
        "DELETE FROM {s}.t USING mine WHERE t.a = mine.a",
        "INSERT INTO {s}.t (a) WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "SELECT a, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM {s}.t",
        'SELECT "user" FROM (SELECT CAST(\'ON CONFLICT\' AS VARCHAR(11)) AS "user") AS returning_'
        " -- QUALIFY",
        "SELECT generate_series(1, 3)",
        "SELECT GETDATE() IS NOT NULL",
        "DROP VIEW IF EXISTS {s}.v",
        "DROP TABLE IF EXISTS {s}.t",
        "REVOKE ALL ON SCHEMA {s} FROM ROLE analysts_{s}; DROP ROLE analysts_{s}",
    ):
        bench.run(sql)
    bench.connection.commit()
    bench.connection.autocommit = True
    bench.table()
    bench.run("VACUUM DELETE ONLY {s}.t TO 99 PERCENT")


@pytest.mark.parametrize(
    "sql",
    [
        "SAVEPOINT a",
        "ROLLBACK TO SAVEPOINT a",
        "INSERT INTO {s}.t VALUES (1) RETURNING a",
        "INSERT INTO {s}.t VALUES (1) ON CONFLICT DO NOTHING",
        "SELECT DISTINCT ON (a) a FROM {s}.t",
        "SELECT COUNT(*) FILTER (WHERE a > 1) FROM {s}.t",
        "SELECT * FROM {s}.t, LATERAL (SELECT 1) AS x",
        "SELECT ARRAY[1, 2]",
        "CREATE TABLE {s}.x (a INT[])",
        "CREATE TABLE {s}.x (a SERIAL)",
        "CREATE TABLE {s}.x (a JSONB)",
        "SELECT * FROM generate_series(1, 3)",
        "SELECT generate_series(1, 3), a FROM {s}.t",
        "SELECT STRING_AGG(b, ',') FROM {s}.t",
        "SELECT array_agg(a) FROM {s}.t",
        "SELECT * FROM (VALUES (1)) AS x",
        "CREATE INDEX i ON {s}.t (a)",
        "CREATE TABLE {s}.x (a INT CHECK (a > 1))",
        "SELECT 1 WHERE 1 IS NOT DISTINCT FROM 1",
        "CREATE TABLE IF NOT EXISTS {s}.x AS SELECT 1 AS a",
        "CREATE OR REPLACE TABLE {s}.x (a INT)",
        "ALTER TABLE {s}.t ADD COLUMN IF NOT EXISTS c INT",
        "ALTER TABLE {s}.t ADD COLUMN c INT, ADD COLUMN d INT",
        "SELECT * FROM {s}.user",
        "SELECT t.tag FROM {s}.t AS t",
        "SELECT a AS tag FROM {s}.t",
        "SELECT 1 FROM {s}.t WHERE a < 1.7976931348623157E308",
        "SELECT SUM(a) OVER (ORDER BY b) FROM {s}.t",
        "SELECT 1 FROM {s}.t" + " UNION ALL SELECT 1 FROM {s}.t" * 32,
        "SELECT t.a FROM {s}.t JOIN pg_catalog.pg_class AS c ON c.relname = t.b",
        "SELECT c.x FROM (SELECT 'x' AS x) AS c",
        "SELECT tag FROM {s}.t",
        "SELECT a FROM {s}.t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
        "ALTER TABLE {s}.t APPEND FROM {s}.x",
        "VACUUM {s}.t",
        "CREATE TABLE {s}.x (a INT) DISTSTYLE FOO",
        "CREATE TABLE {s}.x (a VARCHAR(65536))",
        "MERGE INTO {s}.t AS x USING {s}.t ON x.a = 1 WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED THEN INSERT VALUES (1)",
        "MERGE INTO {s}.t USING {s}.t AS x ON t.a = x.a WHEN MATCHED THEN DELETE",
        "COPY {s}.t FROM STDIN",
        "COPY {s}.t TO STDOUT",
        "UNLOAD ('SELECT 1') TO 's3://x/' IAM_ROLE default",
    ],
)
def test_what_redshift_refuses_is_refused_and_aborts(bench: Bench, sql: str) -> None:
    bench.table()
    bench.run("INSERT INTO {s}.t VALUES (1, 'x')")
    with pytest.raises(psycopg2.Error):
        bench.run(sql)
    with pytest.raises(errors.InFailedSqlTransaction):
        bench.run("SELECT 1")
    bench.connection.rollback()
    assert bench.rows() == []


# --------------------------------------------------------------------------------------------------
# UNLOAD
# --------------------------------------------------------------------------------------------------


def content(bench: Bench, uri: str) -> bytes:
    bucket, key = split(uri)
    return bytes(bench.s3.client().get_object(Bucket=bucket, Key=key)["Body"].read())


def unload(bench: Bench, select: str, to: str, options: str = "MANIFEST PARALLEL OFF") -> int:
    """Unloads as Parquet below a prefix of the test; gives the number of rows."""
    bench.run(
        f"UNLOAD ($${select}$$) TO 's3://{BUCKET}/{bench.schema}/{to}' "
        f"IAM_ROLE '{bench.double.role}' FORMAT AS PARQUET {options}"
    )
    return int(bench.run("SELECT pg_last_unload_count()")[0][0])


def test_unload_writes_parquet_in_the_order_of_the_select_and_its_manifest(bench: Bench) -> None:
    bench.table("a BIGINT, b VARCHAR(10), c TIMESTAMP, d DATE, e BOOLEAN, f DECIMAL(5, 2)")
    bench.run(
        "INSERT INTO {s}.t VALUES (1, 'ü', '1950-01-02 03:04:05.678', '2018-11-01', true, 1.25),"
        "(2, '', '9999-12-31', '1700-01-01', false, -1), (3, NULL, NULL, NULL, NULL, NULL)"
    )
    assert unload(bench, "SELECT * FROM {s}.t ORDER BY a DESC", "x/a.") == 3
    base = f"s3://{BUCKET}/{bench.schema}/x"
    manifest = json.loads(content(bench, f"{base}/a.manifest"))
    files = [entry["url"] for entry in manifest["entries"]]
    assert files == [f"{base}/a.000.parquet", f"{base}/a.001.parquet"]
    rows = []
    for entry in manifest["entries"]:
        data = content(bench, entry["url"])
        found = parquet.ParquetFile(io.BytesIO(data), coerce_int96_timestamp_unit="us").read()
        said = {"content_length": len(data), "record_count": found.num_rows}
        assert entry["meta"] == said
        rows += [tuple(row.values()) for row in found.to_pylist()]
    assert rows == bench.run("SELECT * FROM {s}.t ORDER BY a DESC")
    with pytest.raises(errors.InternalError_, match="is not empty"):
        unload(bench, "SELECT * FROM {s}.t", "x/a.")


def test_unload_writes_nothing_without_rows_and_nowhere_where_it_may_not(bench: Bench) -> None:
    bench.table()
    assert unload(bench, "SELECT * FROM {s}.t", "none.") == 0
    assert bench.s3.keys(f"s3://{BUCKET}/{bench.schema}/none") == []
    bench.run("INSERT INTO {s}.t VALUES (1, 'x')")
    bench.connection.commit()
    bench.double.deny_object(f"s3://{BUCKET}/{bench.schema}/denied")
    with pytest.raises(errors.InternalError_, match="Access Denied"):
        unload(bench, "SELECT * FROM {s}.t", "denied.")
    with pytest.raises(errors.InFailedSqlTransaction):
        bench.run("SELECT 1")


# --------------------------------------------------------------------------------------------------
# COPY: what is loaded
# --------------------------------------------------------------------------------------------------


def test_copy_loads_objects_one_after_the_other(bench: Bench) -> None:
    bench.table()
    found = bench.load({"a": 1, "b": "x"}, b' {"a":\n\n 2}\n', {"b": "unknown", "more": 1})
    assert found == [(1, "x"), (2, None), (None, "unknown")]
    assert "3 record(s) loaded successfully" in bench.connection.notices[-1]


def test_copy_tells_its_count_and_its_number(bench: Bench) -> None:
    bench.table()
    assert bench.run("SELECT pg_last_copy_count(), pg_last_copy_id()") == [(0, -1)]
    bench.load({"a": 1}, {"a": 2})
    ((rows, number),) = bench.run("SELECT pg_last_copy_count(), pg_last_copy_id()")
    assert (rows, number > 0) == (2, True)
    bench.connection.rollback()
    assert bench.run("SELECT pg_last_copy_count(), pg_last_copy_id()") == [(2, number)]
    with pytest.raises(errors.InternalError_):
        bench.load({"a": "x"})
    bench.connection.rollback()
    assert bench.run("SELECT pg_last_copy_count()") == [(0,)]
    bench.copy(bench.put("again.json", {"a": 1}))
    copied = bench.run("SELECT pg_last_query_id()")
    assert copied == bench.run("SELECT pg_last_copy_id()")


def test_copy_rolls_back_with_its_transaction(bench: Bench) -> None:
    bench.table()
    assert bench.load({"a": 1}) == [(1, None)]
    bench.connection.rollback()
    assert bench.rows() == []


def test_copy_outside_a_block_commits_itself(bench: Bench) -> None:
    bench.table()
    bench.connection.autocommit = True
    bench.load({"a": 1})
    assert bench.behind("SELECT a FROM {s}.t") == [(1,)]


def test_copy_takes_its_options_in_any_order(bench: Bench) -> None:
    bench.table("a INTEGER, b VARCHAR(10), c TIMESTAMP, d VARCHAR(4) DEFAULT 'new'")
    data = {"A": 1, "B": "0123456789abc", "C": 1541016707796}
    uri = bench.put("x.json.gz", gzip.compress(json.dumps(data).encode()))
    bench.run(
        f"""COPY {{s}}.t (a, b, c) FROM '{bench.manifest(uri)}'
        STATUPDATE OFF TRUNCATECOLUMNS TIMEFORMAT AS 'epochmillisecs' MAXERROR AS 2 GZIP MANIFEST
        REGION AS 'us-west-2' COMPUPDATE OFF BLANKSASNULL EMPTYASNULL DATEFORMAT 'auto'
        FORMAT AS JSON 'auto ignorecase' IAM_ROLE '{bench.double.role}'"""
    )
    assert bench.rows() == [(1, "0123456789", datetime(2018, 10, 31, 20, 11, 47, 796000), "new")]


@pytest.mark.parametrize(
    "options",
    [
        "JSON 'auto' SPEEDY",
        "JSON 'auto' CSV",
        "JSON 'auto' MAXERROR 'ten'",
        "JSON 'auto' MAXERROR 100001",
        "JSON 'auto' GZIP GZIP",
        "JSON 'AUTO'",
        "CSV",
        "",
    ],
)
def test_copy_knows_no_other_options(bench: Bench, options: str) -> None:
    bench.table()
    with pytest.raises(psycopg2.Error):
        bench.copy(bench.put("x.json", {"a": 1}), options)
    with pytest.raises(errors.InFailedSqlTransaction):
        bench.rows()


def test_jsonpaths_go_by_the_column_list(bench: Bench) -> None:
    bench.table("a INTEGER, b VARCHAR(20), c VARCHAR(20)")
    paths = bench.put("paths", {"jsonpaths": ["$['x']['y'][1]", "$['Id']", "$['x']['no']"]})
    uri = bench.put("x.json", {"Id": 5, "x": {"y": [1, {"k": [1.50, True]}]}})
    bench.run(f"COPY {{s}}.t (c, a, b) FROM '{uri}' JSON '{paths}' IAM_ROLE '{bench.double.role}'")
    assert bench.rows() == [(5, None, '{"k":[1.5,true]}')]


@pytest.mark.parametrize(
    "document",
    [
        {"jsonpaths": ["$['a']"]},
        {"jsonpaths": ["$['a']", "$.b", "$.c"]},
        {"jsonpaths": ["$['a'].b", "$.c"]},
        {"jsonpaths": ["$[*]", "$.c"]},
        b"not json",
    ],
)
def test_jsonpaths_that_do_not_fit_fail(bench: Bench, document: object) -> None:
    bench.table()
    paths = bench.put("paths", document)
    with pytest.raises(errors.InternalError_, match=r"(?i)jsonpath"):
        bench.copy(bench.put("x.json", {"a": 1}), f"JSON '{paths}'")


def test_copy_by_prefix_takes_what_begins_so(bench: Bench) -> None:
    bench.table()
    uri = bench.put("data.json", {"a": 1})
    bench.put("data.json.bak", {"a": 2})
    bench.copy(uri)
    assert bench.rows() == [(1, None), (2, None)]
    with pytest.raises(errors.InternalError_, match=r"prefix .*nothing.* does not exist"):
        bench.copy(f"s3://{BUCKET}/nothing")


def test_a_manifest_names_just_what_is_loaded(bench: Bench) -> None:
    bench.table()
    one = bench.put("data.json", {"a": 1})
    bench.put("data.json.bak", {"a": 2})
    bench.copy(bench.manifest(one, one), "MANIFEST JSON 'auto'")
    assert bench.rows() == [(1, None), (1, None)]


def test_a_mandatory_object_that_is_missing_fails_the_copy(bench: Bench) -> None:
    bench.table()
    there, missing = bench.put("a.json", {"a": 1}), f"s3://{BUCKET}/{bench.schema}/missing.json"
    bench.copy(bench.manifest(there, missing, mandatory=False), "MANIFEST JSON 'auto'")
    assert bench.rows() == [(1, None)]
    with pytest.raises(errors.InternalError_, match=missing):
        bench.copy(bench.manifest(there, missing), "MANIFEST JSON 'auto'")
    bench.connection.rollback()
    with pytest.raises(errors.InternalError_, match="manifest"):
        bench.copy(bench.manifest(missing, mandatory=False), "MANIFEST JSON 'auto'")


def test_a_manifest_without_the_word_is_data(bench: Bench) -> None:
    bench.table()
    bench.copy(bench.manifest(bench.put("a.json", {"a": 1})))
    assert bench.rows() == [(None, None)]


def test_gzip_is_read_to_the_end_of_its_last_member(bench: Bench) -> None:
    bench.table()
    members = gzip.compress(b'{"a": 1}\n') + gzip.compress(b'{"a": 2}\n')
    bench.copy(bench.put("x.json.gz", members), "GZIP JSON 'auto'")
    assert bench.rows() == [(1, None), (2, None)]
    for name, broken in (("cut", members[:-4]), ("plain", b'{"a": 3}')):
        bench.connection.commit()
        with pytest.raises(errors.InternalError_, match=name):
            bench.copy(bench.put(name, broken), "GZIP JSON 'auto'")
        bench.connection.rollback()


def test_the_region_of_a_bucket_must_be_named(bench: Bench) -> None:
    bench.table()
    far = f"s3://{BUCKET}-far/{bench.schema}.json"
    bench.s3.put(far, b'{"a": 1}')
    with pytest.raises(errors.InternalError_, match="the bucket is in this region: eu-west-1"):
        bench.copy(far)
    bench.connection.rollback()
    bench.copy(far, "JSON 'auto' REGION 'eu-west-1'")
    assert bench.rows() == [(1, None)]


@pytest.mark.parametrize("role", ["'arn:aws:iam::1:role/other'", "'{role},arn:aws:iam::1:role/x'"])
def test_only_the_one_role_may_be_assumed(bench: Bench, role: str) -> None:
    bench.table()
    uri = bench.put("a.json", {"a": 1})
    bench.run(f"COPY {{s}}.t FROM '{uri}' IAM_ROLE DEFAULT JSON 'auto'")
    chain = role.format(role=bench.double.role)
    with pytest.raises(errors.InternalError_, match="not authorized to assume IAM Role"):
        bench.run(f"COPY {{s}}.t FROM '{uri}' IAM_ROLE {chain} JSON 'auto'")


def test_s3_failures_name_the_object(bench: Bench) -> None:
    bench.table()
    uri, paths = bench.put("a.json", {"a": 1}), f"s3://{BUCKET}/{bench.schema}/no-paths"
    bench.double.deny_object(uri)
    with pytest.raises(errors.InternalError_, match=rf"Access Denied,Status 403.*{uri}"):
        bench.copy(uri)
    bench.connection.rollback()
    bench.double.allow_object(uri)
    with pytest.raises(errors.InternalError_, match=rf"Status 404.*{paths}"):
        bench.copy(uri, f"JSON '{paths}'")
    bench.connection.rollback()
    with pytest.raises(errors.InternalError_, match="NoSuchBucket"):
        bench.copy("s3://no-such-bucket/x")


def test_an_s3_that_is_out_of_order_fails_the_copy(tmp_path: Path) -> None:
    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(503)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    asked: list[str] = []
    said = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    with redshift_double(endpoint, tmp_path) as lonely, connected(lonely) as connection:
        run(connection, "CREATE TABLE t (a INT)")
        with pytest.raises(errors.InternalError_, match=r"Status 503.*s3://lake/x"):
            run(connection, "COPY t FROM 's3://lake/x' IAM_ROLE DEFAULT JSON 'auto'")
    server.shutdown()
    server.server_close()
    assert len(asked) == 3


def test_copy_needs_a_table_and_its_columns(bench: Bench) -> None:
    bench.table()
    uri = bench.put("a.json", {"a": 1})
    with pytest.raises(errors.UndefinedTable, match="Cannot COPY into nonexistent table nowhere"):
        bench.copy(uri, into="nowhere")
    bench.connection.rollback()
    with pytest.raises(errors.UndefinedColumn):
        bench.copy(uri, into="t (a, z)".replace(" (", "("))


# --------------------------------------------------------------------------------------------------
# COPY: values
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "written", "loaded"),
    [
        ("INTEGER", '"-12"', -12),
        ("INTEGER", '""', None),
        ("BIGINT", "9223372036854775807", 9223372036854775807),
        ("DOUBLE PRECISION", '"1.5e3"', 1500.0),
        ("DOUBLE PRECISION", '"Infinity"', float("inf")),
        ("DOUBLE PRECISION", "1541016707796.0", 1541016707796.0),
        ("DECIMAL(6,2)", "1.999", 1.99),
        ("BOOLEAN", "true", True),
        ("DATE", '"2018-11-01"', datetime(2018, 11, 1).date()),
        ("TIMESTAMP", '"2018-11-01T02:03:04.123456"', datetime(2018, 11, 1, 2, 3, 4, 123456)),
        ("VARCHAR(9)", '""', ""),
        ("VARCHAR(9)", "1.50", "1.50"),
        ("VARCHAR(9)", "1e3", "1e3"),
        ("VARCHAR(9)", "true", "true"),
        ("VARCHAR(9)", "null", None),
        ("VARCHAR(9)", '"\\t\\\\N\\n"', "\t\\N\n"),
        ("VARCHAR(11)", '[1, "é", {}]', '[1,"é",{}]'),
    ],
)
def test_values_are_loaded(bench: Bench, kind: str, written: str, loaded: object) -> None:
    bench.table(f"a {kind}")
    options = "JSON 'auto' TIMEFORMAT 'auto'"
    (row,) = bench.load(f'{{"a": {written}}}'.encode(), options=options)
    assert (float(row[0]) if kind.startswith("DECIMAL") else row[0]) == loaded


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("INTEGER", '"x"'),
        ("INTEGER", "1.0"),
        ("INTEGER", "1e3"),
        ("INTEGER", "true"),
        ("INTEGER", '" 1"'),
        ("INTEGER", '"+1"'),
        ("INTEGER", "2147483648"),
        ("SMALLINT", "40000"),
        ("INTEGER", "[1]"),
        ("INTEGER NOT NULL", "null"),
        ("INTEGER NOT NULL", '""'),
        ("DOUBLE PRECISION", "1e999"),
        ("DOUBLE PRECISION", "1e-999"),
        ("DOUBLE PRECISION", "NaN"),
        ("DOUBLE PRECISION", '"one"'),
        ("DECIMAL(4,2)", "123.4"),
        ("BOOLEAN", '"maybe"'),
        ("DATE", '"2018-02-30"'),
        ("TIMESTAMP", '"yesterday"'),
        ("VARCHAR(3)", '"éé"'),
        ("VARCHAR(3)", '"abc "'),
        ("VARCHAR(3)", '"a\\u0000"'),
        ("VARCHAR(9)", '"\\ud800"'),
        ("CHAR(3)", '"é"'),
        ("VARCHAR(9)", '1, "a": 2'),
        ("VARCHAR(9)", '"no end'),
    ],
)
def test_values_that_do_not_fit_are_errors(bench: Bench, kind: str, written: str) -> None:
    bench.table(f"a {kind}")
    with pytest.raises(errors.InternalError_, match="Load into table 't' failed"):
        bench.load(f'{{"a": {written}}}'.encode())
    with pytest.raises(errors.InFailedSqlTransaction):
        bench.rows()


@pytest.mark.parametrize(
    ("milliseconds", "when"),
    [
        (-62135596800000, datetime(1, 1, 1)),
        (253402300799999, datetime(9999, 12, 31, 23, 59, 59, 999000)),
        (1541016707796, datetime(2018, 10, 31, 20, 11, 47, 796000)),
    ],
)
def test_epochs_are_loaded_to_the_millisecond(
    bench: Bench, milliseconds: int, when: datetime
) -> None:
    bench.table("a TIMESTAMP")
    options = "JSON 'auto' TIMEFORMAT 'epochmillisecs'"
    assert bench.load({"a": milliseconds}, options=options) == [(when,)]
    for other in (-62135596800001, 253402300800000):
        bench.connection.commit()
        with pytest.raises(errors.InternalError_):
            bench.load({"a": other}, options=options)
        bench.connection.rollback()


def test_blanks_and_empty_texts_become_null_when_asked(bench: Bench) -> None:
    bench.table()
    records = [{"a": 1, "b": ""}, {"a": 2, "b": "  "}, {"a": 3, "b": " x"}]
    found = bench.load(*records, options="JSON 'auto' EMPTYASNULL BLANKSASNULL")
    assert found == [(1, None), (2, None), (3, " x")]


# --------------------------------------------------------------------------------------------------
# COPY: errors
# --------------------------------------------------------------------------------------------------

_SIX = (
    b'{"a": 1, "b": "ok"}\n'
    b'{"a": "x"}\n'
    b'{"a": 2, "b": "01234567890"}\n'
    b"{broken\n"
    b'{"a": 3, "b": "\xff"}\n'
    b'{"a": 4, "b": "fine"}\n'
)


def test_errors_below_the_limit_are_passed_over_and_shown(bench: Bench) -> None:
    bench.table()
    ((before,),) = bench.run("SELECT GETDATE()")
    assert bench.load(_SIX, options="JSON 'auto' MAXERROR 5") == [(1, "ok"), (4, "fine")]
    assert "4 record(s) could not be loaded" in bench.connection.notices[-1]
    # Within the transaction, whose snapshot is older than the errors.
    assert bench.run(
        f"""SELECT line_number, TRIM(column_name), error_code FROM sys_load_error_detail
        WHERE query_id = pg_last_copy_id() AND session_id = pg_backend_pid()
        AND start_time >= '{before}' ORDER BY 1"""
    ) == [(2, "a", 1207), (3, "b", 1204), (4, "", 1216), (5, "", 1220)]
    assert bench.run(
        """SELECT TRIM(raw_field_value), TRIM(raw_line), TRIM(filename) LIKE 's3://%.json'
        FROM stl_load_errors WHERE query = pg_last_copy_id() ORDER BY line_number LIMIT 1"""
    ) == [("x", '{"a": "x"}', True)]


@pytest.mark.parametrize("limit", ["", "MAXERROR 0", "MAXERROR 1", "MAXERROR 4"])
def test_errors_at_the_limit_fail_and_outlive_the_rollback(bench: Bench, limit: str) -> None:
    bench.table()
    bench.run("INSERT INTO {s}.t VALUES (9, 'gone')")
    with pytest.raises(errors.InternalError_, match=r"failed\.  Check 'sys_load_error_detail'"):
        bench.load(_SIX, options=f"JSON 'auto' {limit}")
    bench.connection.rollback()
    assert bench.rows() == []
    found = bench.run(
        "SELECT COUNT(*) FROM sys_load_error_detail WHERE query_id = pg_last_copy_id()"
    )
    assert found == [(4 if limit.endswith("4") else 1,)]


def test_errors_may_be_seen_late(bench: Bench) -> None:
    bench.table()
    asked = "SELECT COUNT(*) FROM {view} WHERE {query} = pg_last_copy_id()"
    views = [asked.format(view="sys_load_error_detail", query="query_id")]
    views += [asked.format(view="stl_load_errors", query="query")]
    bench.double.show_errors_late(0.5)
    try:
        bench.load(_SIX, options="JSON 'auto' MAXERROR 5")
    finally:
        bench.double.show_errors_late(0)
    assert [bench.run(view) for view in views] == [[(0,)], [(0,)]]
    time.sleep(0.6)
    assert [bench.run(view) for view in views] == [[(4,)], [(4,)]]


def test_the_history_of_loads_is_kept(bench: Bench) -> None:
    bench.table()
    uri = bench.put("a.json", {"a": 1}, {"a": 2})
    bench.copy(uri)
    bench.connection.rollback()
    assert bench.run(
        """SELECT TRIM(table_name), status, loaded_rows, source_file_count, error_count
        FROM sys_load_history WHERE query_id = pg_last_copy_id()"""
    ) == [("t", "completed", 2, 1, 0)]
    for view, column, query in (
        ("sys_load_detail", "file_name", "query_id"),
        ("stl_load_commits", "filename", "query"),
    ):
        assert bench.run(
            f"SELECT {column}, lines_scanned FROM {view} WHERE {query} = pg_last_copy_id()"
        ) == [(uri, 2)]


def test_an_object_above_four_megabytes_is_an_error(bench: Bench) -> None:
    bench.table("a INTEGER, b VARCHAR(65535)")
    room = 4 * 1024 * 1024 - len('{"a":1,"x":""}')
    assert bench.load(b'{"a":1,"x":"' + b"y" * room + b'"}') == [(1, None)]
    with pytest.raises(errors.InternalError_):
        bench.load(b'{"a":1,"x":"' + b"y" * (room + 1) + b'"}')


def test_arrays_and_commas_around_objects_are_errors(bench: Bench) -> None:
    bench.table()
    assert bench.load(b'{"a": 1} , {"a": 2}', options="JSON 'auto' MAXERROR 9") == [
        (1, None),
        (2, None),
    ]
    assert bench.run("SELECT COUNT(*) FROM stl_load_errors WHERE query = pg_last_copy_id()") == [
        (1,)
    ]
    with pytest.raises(errors.InternalError_):
        bench.load(b'[{"a": 1}]')


def test_statement_timeout_ends_a_copy(bench: Bench) -> None:
    bench.table()
    uri = bench.put("a.json", {"a": 1})
    bench.run("SET statement_timeout TO '200ms'")
    bench.double.faults.delay("^COPY", 20)
    started = time.monotonic()
    with pytest.raises(errors.QueryCanceled):
        bench.copy(uri)
    assert time.monotonic() - started < 5


def test_copy_is_fast_enough_for_big_lakes(bench: Bench) -> None:
    bench.table("a INTEGER, b VARCHAR(100), c VARCHAR(100), d DOUBLE PRECISION, e BIGINT")
    line = b'{"a": 1, "b": "some text of a log", "c": "and more of it", "d": 1.5, "e": "12"}\n'
    uri = bench.put("big.json", line * 20_000)
    started = time.monotonic()
    bench.copy(uri)
    assert time.monotonic() - started < 4
    assert bench.run("SELECT COUNT(*) FROM {s}.t") == [(20_000,)]


# --------------------------------------------------------------------------------------------------
# Faults
# --------------------------------------------------------------------------------------------------


def _insert(bench: Bench) -> None:
    bench.run("INSERT INTO {s}.t VALUES (2, 'two')")


def _copy(bench: Bench) -> None:
    bench.load({"a": 2, "b": "two"})


@pytest.mark.parametrize("fault", ["cut_before", "cut_during", "cut_after"])
@pytest.mark.parametrize(("pattern", "change"), [("insert into", _insert), ("^copy", _copy)])
def test_a_connection_cut_in_a_transaction_loses_it(
    bench: Bench, fault: str, pattern: str, change: Callable[[Bench], None]
) -> None:
    bench.table()
    bench.run("INSERT INTO {s}.t VALUES (1, 'one')")
    getattr(bench.double.faults, fault)(pattern)
    with pytest.raises(psycopg2.OperationalError):
        change(bench)
    assert bench.connection.closed
    bench.connection = connect(bench.double)
    bench.run("LOCK {s}.t")
    assert bench.rows() == []
    change(bench)
    assert bench.rows() == [(2, "two")]
    bench.connection.close()


@pytest.mark.parametrize(
    ("fault", "kept"), [("cut_before", 0), ("cut_during", 0), ("cut_after", 1)]
)
def test_a_connection_cut_at_commit(bench: Bench, fault: str, kept: int) -> None:
    bench.table()
    _insert(bench)
    getattr(bench.double.faults, fault)("^commit")
    with pytest.raises(psycopg2.OperationalError):
        bench.connection.commit()
    bench.connection = connect(bench.double)
    bench.run("LOCK {s}.t")
    assert len(bench.rows()) == kept
    bench.connection.close()


def test_a_statement_cut_outside_a_block_is_lost_unless_it_was_done(bench: Bench) -> None:
    bench.table()
    for fault in ("cut_before", "cut_during", "cut_after"):
        getattr(bench.double.faults, fault)("^INSERT")
        with connected(bench.double) as other:
            other.autocommit = True
            with pytest.raises(psycopg2.OperationalError):
                run(other, f"INSERT INTO {bench.schema}.t VALUES (1, '{fault}')")
    assert bench.rows() == [(1, "cut_after")]


def test_a_fault_may_fail_a_statement_some_times(bench: Bench) -> None:
    bench.table()
    text = "1023 DETAIL: Serializable isolation violation on table - 1"
    bench.double.faults.fail("INSERT .*two", "XX000", text, times=2)
    for _ in range(2):
        with pytest.raises(errors.InternalError_, match=text):
            _insert(bench)
        with pytest.raises(errors.InFailedSqlTransaction):
            bench.rows()
        bench.connection.rollback()
    _insert(bench)
    assert bench.rows() == [(2, "two")]


def test_faults_can_be_taken_back_and_delays_delay(bench: Bench) -> None:
    bench.double.faults.cut_before("SELECT")
    bench.double.faults.clear()
    bench.double.faults.delay("SELECT", 0.3)
    started = time.monotonic()
    bench.run("SELECT 1")
    assert 0.3 < time.monotonic() - started < 2


def test_a_client_that_is_gone_leaves_nothing(bench: Bench) -> None:
    bench.table()
    other = connect(bench.double)
    run(other, f"INSERT INTO {bench.schema}.t VALUES (1, 'x')")
    os.close(os.dup2(os.open(os.devnull, os.O_RDONLY), other.fileno()))
    bench.run("SET statement_timeout TO 5000")
    bench.run("LOCK {s}.t")
    assert bench.rows() == []


def test_a_copy_outside_a_block_goes_on_without_its_client(bench: Bench) -> None:
    bench.table()
    uri = bench.put("a.json", {"a": 1})
    bench.connection.autocommit = True
    bench.double.faults.delay("^COPY", 0.5)
    line = socket.socket(fileno=os.dup(bench.connection.fileno()))
    threading.Timer(0.2, line.shutdown, [socket.SHUT_RDWR]).start()
    with pytest.raises(psycopg2.OperationalError):
        bench.copy(uri)
    line.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not bench.behind("SELECT a FROM {s}.t"):
        time.sleep(0.05)
    assert bench.behind("SELECT a FROM {s}.t") == [(1,)]


# --------------------------------------------------------------------------------------------------
# The process
# --------------------------------------------------------------------------------------------------

_HOLDER = """
import sys, time
from sparkify_dagster_tests.redshift_double import redshift_double
with redshift_double("http://127.0.0.1:9") as double:
    behind = double.behind()
    cursor = behind.cursor()
    cursor.execute("SHOW data_directory")
    data = cursor.fetchone()[0]
    print(double.port, double.postgres_port, data, double.ca_file, sep="|", flush=True)
    {then}
"""


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(("then", "code"), [("time.sleep(60)", -signal.SIGKILL), ("pass", 0)])
def test_the_double_ends_with_its_test_run(then: str, code: int) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER.format(then=then)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert holder.stdout is not None
    port, postgres_port, data, ca_file = holder.stdout.readline().rstrip("\n").split("|")
    if code:
        holder.kill()
    assert holder.wait(20) == code
    holder.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and Path(data).parent.exists():
        time.sleep(0.05)
    assert not Path(data).parent.exists()
    while time.monotonic() < deadline and not _refuses(int(port)):
        time.sleep(0.05)
    assert _refuses(int(port))
    assert _refuses(int(postgres_port))
    assert not Path(ca_file).exists()


def test_postgresql_looks_for_another_port_when_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports = iter([0])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        free = postgres._free_port
        monkeypatch.setattr(
            postgres, "_free_port", lambda: number if next(ports, None) == 0 else free()
        )
        server = postgres.Postgres()
        try:
            server.start()
            assert server.port != number
            connection = server.connect("postgres")
            # Byte order, as Redshift sorts; in UTC.
            assert run(connection, "SELECT 'a' > 'B', 'é' > 'z'") == [(True, True)]
            assert run(connection, "SHOW timezone") == [("UTC",)]
            connection.close()
        finally:
            server.stop()
    assert not server.folder.exists()
    assert _refuses(server.port)


def test_a_double_goes_with_its_proxy_even_when_that_is_killed(
    s3: S3Server, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a process that its parent is gone")
    with redshift_double(s3.endpoint, tmp_path) as doomed:
        proxy = _listener(doomed.port)
        os.kill(proxy, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not _refuses(doomed.postgres_port):
            time.sleep(0.05)
        assert _refuses(doomed.postgres_port)


def _listener(port: int) -> int:
    """The process that listens on a port, by the files it has open."""
    wanted = f":{port:04X}"
    inodes = {
        f"socket:[{line.split()[9]}]"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(wanted) and line.split()[3] == "0A"
    }
    for process in Path("/proc").glob("[0-9]*"):
        try:
            files = {os.readlink(file) for file in (process / "fd").iterdir()}
        except OSError:
            continue
        if files & inodes:
            return int(process.name)
    raise AssertionError(f"nobody listens on {port}")
