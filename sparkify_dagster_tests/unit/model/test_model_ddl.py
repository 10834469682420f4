"""DDL and quoting, held against a real DuckDB and the grammar of Redshift."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import (
    column_list,
    comments,
    create_schema,
    create_table,
    drop_table,
    qualified,
    quoted,
    relations,
)
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Column, Layer, Physical, Table, Type

every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
ODD = Table(
    name='ta"ble; --',
    layer=Layer.STAR,
    meaning='It\'s "odd"; DROP TABLE x; --',
    columns=(
        Column('a"b', Type.VARCHAR, "It's a text.", length=10, required=True),
        Column("select", Type.BIGINT, "A reserved word."),
        Column("ü ?", Type.TIMESTAMP, "A time."),
    ),
    key=('a"b',),
    physical=Physical("KEY", 'a"b', ("select", 'a"b'), "To be odd."),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty DuckDB of its own."""
    with duckdb.connect(":memory:") as connection:
        yield connection


def test_the_ddl_of_a_table_reads_like_this_on_redshift() -> None:
    assert create_table(ODD, "s", "redshift") == (
        'CREATE TABLE IF NOT EXISTS "s"."ta""ble; --" (\n'
        '    "a""b" VARCHAR(10) NOT NULL ENCODE ZSTD,\n'
        '    "select" BIGINT ENCODE RAW,\n'
        '    "ü ?" TIMESTAMP ENCODE AZ64\n'
        ")\n"
        "DISTSTYLE KEY\n"
        'DISTKEY ("a""b")\n'
        'SORTKEY ("select", "a""b")'
    )


@every_table
def test_duckdb_gets_the_same_columns_and_no_physical_design(table: Table) -> None:
    redshift, plain = (create_table(table, "s", engine) for engine in ("redshift", "duckdb"))
    bare = re.sub(r" ENCODE (RAW|AZ64|ZSTD)(?=,?\n)", "", redshift)
    assert len(redshift) - len(bare) >= len(table.columns) * len(" ENCODE RAW")
    assert bare.startswith(plain)
    assert plain.endswith(")")
    assert re.fullmatch(r"\nDISTSTYLE .*", bare.removeprefix(plain), re.DOTALL)


@every_table
@pytest.mark.parametrize("engine", ["duckdb", "redshift"])
def test_no_key_is_declared_as_redshift_would_trust_it_unchecked(table: Table, engine: str) -> None:
    assert not re.search("PRIMARY|UNIQUE|REFERENCES|FOREIGN", create_table(table, "s", engine))  # type: ignore[arg-type]


def test_every_table_can_be_made_commented_and_dropped_twice_in_duckdb(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    schema = 'odd "schema"'
    everything = [*TABLES.values(), ODD]
    for _ in range(2):
        engine.execute(create_schema(schema))
        for table in everything:
            engine.execute(create_table(table, schema, "duckdb"))
            for comment in comments(table, schema):
                engine.execute(comment)
    for table in everything:
        described = engine.execute(
            "SELECT column_name, data_type, is_nullable = false, comment FROM duckdb_columns() "
            "WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
            [schema, table.name],
        ).fetchall()
        wanted = [
            (c.name, DUCKDB_TYPES.get(c.type, str(c.type)), c.required, c.meaning)
            for c in table.columns
        ]
        assert described == wanted
        told = engine.execute(
            "SELECT comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
            [schema, table.name],
        ).fetchone()
        assert told == (table.meaning,)
    for _ in range(2):
        for table in everything:
            engine.execute(drop_table(table.name, schema))
    left = engine.execute("SELECT COUNT(*) FROM duckdb_tables() WHERE schema_name = ?", [schema])
    assert left.fetchone() == (0,)


DUCKDB_TYPES = {Type.DOUBLE: "DOUBLE"}


def test_every_statement_runs_on_the_tables_and_gives_their_columns(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    engine.execute(create_schema("star"))
    for table in TABLES.values():
        engine.execute(create_table(table, "star", "duckdb"))
    for table in (*STAR, *MARTS):
        assert table.sql is not None
        answer = engine.sql(statement(table.sql, relations("star")))
        assert answer.columns == list(table.column_names), (
            f"{table.sql} must select what {table.name} declares, in that order"
        )
        assert answer.fetchall() == []


def test_a_play_of_a_song_without_a_length_and_one_of_minus_one_are_two_rows() -> None:
    """A stand-in for NULL in a join must not be a value that may occur."""
    with duckdb.connect(":memory:") as engine:
        engine.execute(create_schema("s"))
        for table in TABLES.values():
            engine.execute(create_table(table, "s", "duckdb"))
        engine.execute(
            "INSERT INTO s.staging_songs_table BY NAME SELECT 'AR1' AS artist_id, 'Muse' AS "
            "artist_name, 'SO1' AS song_id, 'Uno' AS title, 1.0 AS duration, 1 AS load_id"
        )
        for user, length in enumerate(["-1.0", "NULL", "0.0", "-0.0"]):
            engine.execute(
                "INSERT INTO s.staging_events_table BY NAME SELECT 'Uno' AS song, 'Muse' AS "
                f"artist, {length}::DOUBLE AS length, {user} AS user_id, 1 AS session_id, 1 AS "
                "item_in_session, 'NextSong' AS page, 'Logged In' AS auth, 1 AS load_id, "
                "TIMESTAMP '2018-11-01' AS ts, DATE '2018-11-01' AS log_date"
            )
        plays = engine.sql(statement("star/songplay.sql", relations("s")))
        assert sorted(plays.project("user_id, song_id").fetchall()) == [
            (user, "SO1") for user in range(4)
        ]


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("user", '"user"'),
        ("a b", '"a b"'),
        ('"', '""""'),
        ('x"; DROP TABLE y; --', '"x""; DROP TABLE y; --"'),
        ("ü", '"ü"'),
        ("x" * 127, '"' + "x" * 127 + '"'),
    ],
)
def test_an_identifier_is_quoted_whole(identifier: str, text: str) -> None:
    assert quoted(identifier) == text


@pytest.mark.parametrize("identifier", ["", "a\x00b", "x" * 128, "é" * 64])
def test_what_redshift_takes_for_no_identifier_is_refused(identifier: str) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        quoted(identifier)


identifiers = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=31
)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(identifier=identifiers)
def test_any_text_comes_back_from_duckdb_as_the_same_identifier(identifier: str) -> None:
    answer = duckdb.sql(f"SELECT 1 AS {quoted(identifier)}")
    assert answer.columns == [identifier]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00\\"), max_size=40))
def test_any_meaning_comes_back_from_duckdb_as_the_same_comment(
    engine: duckdb.DuckDBPyConnection, text: str
) -> None:
    table = Table("t", Layer.STAR, text, (Column("c", Type.DATE, text),), ("c",))
    engine.execute(create_schema("said"))
    engine.execute(create_table(table, "said", "duckdb"))
    for comment in comments(table, "said"):
        engine.execute(comment)
    told = engine.execute(
        "SELECT t.comment, c.comment FROM duckdb_tables() AS t, duckdb_columns() AS c "
        "WHERE t.schema_name = 'said' AND c.schema_name = 'said'"
    ).fetchone()
    assert told == (text, text)


def test_names_are_qualified_listed_and_replaced() -> None:
    assert qualified("s", "user") == '"s"."user"'
    assert column_list(["a", "b c"]) == '"a", "b c"'
    assert column_list(["a", "b c"], "r") == 'r."a", r."b c"'
    names = relations("s", {"songplay": "(SELECT 1)"})
    assert names["songplay"] == "(SELECT 1)"
    assert names["user"] == '"s"."user"'
    assert set(names) == set(TABLES)


def test_a_statement_with_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="songplay"):
        statement("star/time.sql", {})
