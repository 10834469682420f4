"""Data frames hold what the oracle says, in the same types on every pair."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from sparkify_dagster.analysis.reader import WarehouseReader
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Column, Type
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.lakes import (
    COLUMNS,
    assert_same_tables,
    bring_up_to_date,
    event,
    log_key,
    song,
    tables_expected,
    without_origin,
)
from sparkify_dagster_tests.pairs import Pair

SCRIPTS = "Ünï ❤ Ωμέγα Привет עברית العربية हिन्दी 中文 日本語 한국어 ไทย 𐍈🜚 👩‍🚀 e\u0301"
ENGINES = pytest.mark.parametrize("pair", ["duckdb-folder", "redshift-s3"], indirect=True)
DTYPES = {
    Type.VARCHAR: "str",
    Type.INTEGER: "Int64",
    Type.BIGINT: "Int64",
    Type.DOUBLE: "float64",
    Type.TIMESTAMP: "datetime64[us, UTC]",
    Type.DATE: "datetime64[us]",
    Type.BOOLEAN: "boolean",
}


def dtype_of(column: Column) -> str:
    return "category" if column.accepted else DTYPES[column.type]


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def quoted(table: str) -> str:
    return f'"{table}"'


def rows_of(frame: pd.DataFrame, table: str) -> list[oracle.Row]:
    """The rows of a frame as the oracle writes them: plain values, NULL as None."""
    columns = [TABLES[table].column(name) for name in COLUMNS[table]]
    cells = [[plain(v, column.type) for v in frame[column.name]] for column in columns]
    return oracle.in_order(zip(*cells, strict=True))


def plain(value: Any, kind: Type) -> object:
    if pd.isna(value):
        return None
    if kind is Type.TIMESTAMP:
        # Of years that Timestamp has and datetime, too.
        return value.to_pydatetime().astimezone(UTC).replace(tzinfo=None)
    if kind is Type.DATE:
        return value.to_pydatetime().date()
    return value.item() if hasattr(value, "item") else value


def fill(pair: Pair) -> None:
    """Extremes, NULLs, moments before 1970 and all scripts."""
    most, first, last = sys.float_info.max, -62_135_596_800_000, 253_402_300_799_999
    lake = pair.lake
    lake.put_song(
        "songs.json",
        song(duration=most, artist_latitude=most, artist_longitude=-most, year=2**31 - 1),
        song(song_id="SO0", title=SCRIPTS, artist_name=SCRIPTS, duration=5e-324, year=-(2**31)),
        song(song_id="SO2", artist_id="AR2", artist_name=None, year=0),
    )
    bare = dict.fromkeys(("artist", "firstName", "gender", "lastName", "location", "userAgent"))
    lake.put_log(
        log_key("2018-11-01"),
        event(song=SCRIPTS, artist=SCRIPTS, firstName=SCRIPTS, location=SCRIPTS, level="odd"),
        event(itemInSession=1, ts=-1),
        event(itemInSession=2, ts=first, length=-most),
        event(itemInSession=3, ts=last, length=5e-324, level="paid", page="Upgrade"),
        event(itemInSession=2**31 - 1, sessionId=2**63 - 1, userId=2**63 - 1),
        event(itemInSession=-(2**31), sessionId=-(2**63), userId=-(2**63), ts=last),
        event(sessionId=2, level=None, song=None, length=None, registration=None, **bare),
    )
    lake.put_log(log_key("2018-11-02"), event(sessionId=3), event(userId="", page="Home"))


def test_a_frame_of_every_table_holds_the_rows_and_types_of_the_contract(pair: Pair) -> None:
    fill(pair)
    assert not bring_up_to_date(pair.lake.open(), pair.warehouse).failed
    reader = WarehouseReader(pair.warehouse)
    frames = {name: reader.frame(f"SELECT * FROM {quoted(name)}", clear=True) for name in TABLES}
    for name, frame in frames.items():
        assert dtypes(frame) == {c.name: dtype_of(c) for c in TABLES[name].columns}, name
    found = {name: rows_of(frames[name], name) for name in COLUMNS}
    wanted = tables_expected(pair.lake.expected())
    if pair.warehouse.engine == "redshift":
        found, wanted = without_origin(found), without_origin(wanted)
    assert_same_tables(found, wanted)
    levels = frames["songplay"].level
    assert list(levels.cat.categories) == ["free", "paid", "odd"]
    for name in ("songplay", "staging_events_table"):
        sql = f"SELECT * FROM {quoted(name)} ORDER BY start_time, session_id, user_id"
        sql = sql if name == "songplay" else sql.replace("start_time", "ts")
        few = list(reader.frames(sql, rows=3, clear=True))
        assert [len(frame) for frame in few[:-1]] == [3] * (len(few) - 1)
        pd.testing.assert_frame_equal(
            pd.concat(few, ignore_index=True), reader.frame(sql, clear=True)
        )


@ENGINES
def test_empty_tables_and_rows_of_nulls_have_the_same_types(pair: Pair) -> None:
    with pair.warehouse.transaction() as session:
        create_tables(session)
        # It begins with how the tables are declared.
        session.execute(f"DELETE FROM {session.schema}.load_history")
    reader = WarehouseReader(pair.warehouse)
    for name, table in TABLES.items():
        wanted = {c.name: dtype_of(c) for c in table.columns}
        empty = reader.frame(f"SELECT * FROM {quoted(name)}", clear=True)
        assert (dtypes(empty), len(empty)) == (wanted, 0), name
        nulls = reader.frame(
            f"SELECT t.* FROM (SELECT 1 AS one) AS o LEFT JOIN {quoted(name)} AS t ON 1 = 0",
            clear=True,
        )
        assert (dtypes(nulls), len(nulls)) == (wanted, 1), name
        assert bool(nulls.isna().all(axis=None)), name
    assert [len(f) for f in reader.frames("SELECT * FROM song", rows=5)] == [0]


VALUES = {
    "whole": 2**63 - 1,
    "small": -(2**63),
    "double": 1.7976931348623157e308,
    "text": SCRIPTS + " ' \\ % $whole {} \n",
    "moment": datetime(1, 1, 1),
    "aware": datetime(1969, 12, 31, 23, 59, 59, 999999, timezone(timedelta(hours=2))),
    "day": date(9999, 12, 31),
    "truth": True,
}


@ENGINES
def test_values_are_bound_by_name_and_come_back_as_they_were(pair: Pair) -> None:
    with pair.warehouse.transaction() as session:
        create_tables(session)
    reader = WarehouseReader(pair.warehouse)
    types = {
        "whole": "BIGINT", "small": "BIGINT", "double": "DOUBLE PRECISION", "text": "VARCHAR(999)",
        "moment": "TIMESTAMP", "aware": "TIMESTAMP", "day": "DATE", "truth": "BOOLEAN",
    }  # fmt: skip
    asked = ", ".join(f"CAST(${name} AS {types[name]}) AS {name}" for name in VALUES)
    frame = reader.frame(f"SELECT {asked}, '$whole' AS said -- $nothing", **VALUES)
    assert dtypes(frame) == {
        "whole": "Int64", "small": "Int64", "double": "float64", "text": "str",
        "moment": "datetime64[us, UTC]", "aware": "datetime64[us, UTC]",
        "day": "datetime64[us]", "truth": "boolean", "said": "str",
    }  # fmt: skip
    row = frame.iloc[0]
    assert (row.whole, row.small, row.double) == (2**63 - 1, -(2**63), VALUES["double"])
    assert (row.text, row.said, row.truth) == (VALUES["text"], "$whole", True)
    assert row.moment.to_pydatetime() == datetime(1, 1, 1, tzinfo=UTC)
    assert row.aware.to_pydatetime() == VALUES["aware"]
    assert row.day.to_pydatetime().date() == date(9999, 12, 31)
    again = reader.frame("SELECT 1 AS one WHERE CAST($at AS TIMESTAMP) = $at", at=row.aware)
    assert len(again) == 1
    nothing = reader.frame(
        "SELECT CAST($x AS INTEGER) AS x, NULL AS y, 1 AS z, 2 AS z", x=None, clear=True
    )
    assert dtypes(nothing) == {"x": "Int64", "y": "str", "z": "Int64", "z_2": "Int64"}
    sums = reader.frame(
        "SELECT SUM(x) AS whole, CAST(1.25 AS DECIMAL(9, 2)) AS parts "
        "FROM (SELECT CAST(5 AS BIGINT) AS x) AS t"
    )
    assert dtypes(sums) == {"whole": "Int64", "parts": "float64"}
    with pytest.raises(WarehouseError, match=r"column big: a value is too large for pandas' Int64"):
        reader.frame("SELECT CAST(9223372036854775808 AS DECIMAL(38, 0)) AS big")


PERSONAL = {
    'SELECT first_name FROM "user"': [True],
    'SELECT * FROM "user"': [True] * 5,
    'SELECT UPPER(u.last_name) AS x, COUNT(*) AS n FROM "user" AS u GROUP BY 1': [True, False],
    "SELECT COUNT(DISTINCT p.user_id) AS people, MAX(p.start_time) AS t FROM songplay AS p":
        [False, False],
    'WITH w AS (SELECT user_id AS who, 1 AS one FROM "user") SELECT one, who FROM w':
        [False, True],
    "SELECT s.title, p.location FROM songplay p LEFT JOIN song s ON s.song_id = p.song_id":
        [False, True],
    'SELECT (SELECT MIN(first_name) FROM "user") AS first': [True],
    "SELECT 1 AS one": [False],
}  # fmt: skip


@ENGINES
def test_personal_columns_are_masked_unless_they_are_asked_for(pair: Pair) -> None:
    with pair.warehouse.transaction() as session:
        create_tables(session)
        session.execute(
            f'INSERT INTO {session.schema}."user" (user_id, first_name, last_name, gender, "level")'
            " VALUES (17, 'Ada', 'King-Noël 2', 'F', 'paid')"
        )
    reader = WarehouseReader(pair.warehouse)
    (row,) = reader.frame('SELECT * FROM "user"').to_dict("records")
    assert row == {
        "user_id": "xx", "first_name": "xxx", "last_name": "xxxx-xxxx 9", "gender": "x",
        "level": "xxxx",
    }  # fmt: skip
    clear = reader.frame(
        f'SELECT * FROM {pair.warehouse.schema}."user"', clear=True, index="user_id"
    )
    assert clear.loc[17].to_dict() == {
        "first_name": "Ada", "last_name": "King-Noël 2", "gender": "F", "level": "paid",
    }  # fmt: skip
    for sql, masked in PERSONAL.items():
        found, plainly = reader.frame(sql), reader.frame(sql, clear=True)
        hidden = [
            str(found[name].dtype) == "str" and list(found[name]) != list(plainly[name])
            for name in found
        ]
        wanted = [m and bool(plainly.iloc[:, at].notna().any()) for at, m in enumerate(masked)]
        assert hidden == wanted, sql
    for sql in (
        'SELECT u.* FROM song AS s FULL JOIN "user" AS u ON s.title = u.first_name',
        'SELECT u.gender, v.gender FROM "user" AS u, "user" AS v',
        "SELECT UNIQUE_VALUES FROM (SELECT 1 AS unique_values) AS t RIGHT JOIN song ON 1 = 1",
    ):
        with pytest.raises(WarehouseError, match=r"personal data cannot be told .*clear=True"):
            reader.frame(sql)


@ENGINES
def test_what_is_wrong_with_a_question_is_said_with_what_to_do(pair: Pair) -> None:
    reader = WarehouseReader(pair.warehouse)
    if pair.warehouse.engine == "duckdb":
        with pytest.raises(WarehouseError, match="Load one with `sparkify etl`"):
            reader.frame("SELECT 1 AS one")
    with pair.warehouse.transaction() as session:
        create_tables(session)
    for sql, values, words in (
        ("", {}, "nothing to ask"),
        ("SELECT nope FROM song", {}, "nope"),
        ("SELEC 1", {}, "statement|syntax"),
        ("DELETE FROM song", {}, "only one statement that reads"),
        ("SELECT 1; SELECT 2", {}, "only one statement that reads"),
        ("SELECT $until AS x", {}, r"names \$until, which has no value: pass until=…"),
        ("SELECT 1 AS x", {"since": 1}, r"names no \$since"),
        ("SELECT $a AS x", {"a": [1]}, "a list that no column is compared with"),
        ("SELECT $a AS x", {"a": float("nan")}, "a float that no column is compared with"),
        ("SELECT 1 AS x", {"index": "y"}, "index=y: the answer has no such column; it has x"),
    ):
        with pytest.raises(WarehouseError, match=words):
            reader.frame(sql, **values)
    with pytest.raises(WarehouseError, match="a frame has one row at least"):
        reader.frames("SELECT 1 AS x", rows=0)
    with (
        reader,
        pytest.raises(WarehouseError, match="Did you mean songplay"),
    ):
        reader.describe("songplays")
    with pytest.raises(WarehouseError, match="was closed"):
        reader.frame("SELECT 1 AS x")
