"""What is sent to Redshift as text: statements, COPY, manifests, packs."""

from __future__ import annotations

import datetime
import gzip
import json
import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import adapt

from sparkify_dagster.lake.jsonpaths import parse_jsonpaths
from sparkify_dagster.warehouse.redshift import pack
from sparkify_dagster.warehouse.redshift.copy import copy_text, jsonpaths, manifest, named
from sparkify_dagster.warehouse.redshift.pack import write_packs
from sparkify_dagster.warehouse.redshift.statements import (
    as_psycopg,
    is_select,
    only_reading,
    typed,
)
from sparkify_dagster.warehouse.redshift.unload import unload_text
from sparkify_dagster_tests.redshift_language import findings

COPY = copy_text(
    relation='"s"."t"',
    columns=("a", "order"),
    manifest="s3://b/it's/m.manifest",
    role="arn:aws:iam::123456789012:role/a,arn:aws:iam::210987654321:role/b",
    region="us-west-2",
    paths="s3://b/p.jsonpaths",
    times="epochmillisecs",
    packed=True,
)


def test_a_copy_reads_like_this() -> None:
    assert COPY == (
        'COPY "s"."t" ("a", "order")\n'
        "FROM 's3://b/it''s/m.manifest'\n"
        "IAM_ROLE 'arn:aws:iam::123456789012:role/a,arn:aws:iam::210987654321:role/b'\n"
        "FORMAT AS JSON 's3://b/p.jsonpaths'\n"
        "MANIFEST\n"
        "GZIP\n"
        "REGION 'us-west-2'\n"
        "TIMEFORMAT 'epochmillisecs'\n"
        "MAXERROR 0\n"
        "COMPUPDATE OFF\n"
        "STATUPDATE OFF"
    )


def test_an_unload_reads_like_this_and_is_redshifts() -> None:
    select = 'SELECT "a" FROM "s"."t" WHERE d IN (DATE \'2018-11-01\') ORDER BY "a"'
    text = unload_text(select, "s3://b/it's/1.", "default", "us-west-2")
    assert text == (
        'UNLOAD (\'SELECT "a" FROM "s"."t" WHERE d IN (DATE \'\'2018-11-01\'\') ORDER BY "a"\')\n'
        "TO 's3://b/it''s/1.'\n"
        "IAM_ROLE default\n"
        "FORMAT AS PARQUET\n"
        "MANIFEST\n"
        "PARALLEL OFF\n"
        "REGION 'us-west-2'"
    )
    assert findings(text) == []


def test_the_default_role_is_a_word_and_no_text_and_a_region_may_be_left_out() -> None:
    text = copy_text('"t"', ("a",), "s3://b/m", "default", "")
    assert "IAM_ROLE default\n" in text
    assert "REGION" not in text
    assert "GZIP" not in text


def test_every_object_of_a_manifest_must_be_there() -> None:
    uris = ["s3://b/ü +'\".json", "s3://b/\\.json"]
    entries = json.loads(manifest(uris))["entries"]
    assert entries == [{"url": uri, "mandatory": True} for uri in uris]


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.lists(names, min_size=1))
def test_a_jsonpaths_document_of_ours_names_the_same_fields(fields: list[str]) -> None:
    assert parse_jsonpaths(jsonpaths(fields), len(fields), "here").fields == tuple(fields)


def test_a_name_is_made_of_what_it_names() -> None:
    assert named(b"a", "manifest") == named(b"a", "manifest")
    assert named(b"a", "manifest") != named(b"b", "manifest")
    assert named(b"a", "json.gz").endswith(".json.gz")


ROWS = pa.table(
    {
        "text": pa.array(["", 'q"\\\n\t\u2028❤', None]),
        "double": pa.array([0.1 + 0.2, math.nextafter(1, 2), -1.7976931348623157e308]),
        "whole": pa.array([2**63 - 1, -(2**63), None], pa.int64()),
        "time": pa.array([datetime.datetime(1, 1, 1, 0, 0, 0, 1000), None, None]),
        "day": pa.array([datetime.date(2018, 11, 1), None, None]),
        "flag": pa.array([True, False, None]),
        'o"dd': pa.DictionaryArray.from_arrays(pa.array([0, 0, 0]), pa.array(["key"])),
    }
)


def test_a_pack_holds_one_object_a_line_with_doubles_as_texts(tmp_path: Path) -> None:
    (path,) = write_packs(ROWS, tmp_path)
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [line["text"] for line in lines] == ["", 'q"\\\n\t\u2028❤', None]
    assert [float(line["double"]) for line in lines] == ROWS["double"].to_pylist()
    assert all(isinstance(line["double"], str) for line in lines)
    assert [line["whole"] for line in lines] == [2**63 - 1, -(2**63), None]
    assert lines[0]["time"] == "0001-01-01 00:00:00.001"
    assert lines[0]["day"] == "2018-11-01"
    assert [line["flag"] for line in lines] == [True, False, None]
    assert [line['o"dd'] for line in lines] == ["key"] * 3


def test_rows_too_large_for_one_pack_are_spread_over_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "PACK_BYTES", 1000)
    rows = pa.table({"number": pa.array(range(1000), pa.int64())})
    paths = list(write_packs(rows, tmp_path))
    read = [
        json.loads(line)["number"]
        for path in paths
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert len(paths) == 8
    assert sorted(read) == list(range(1000))


def test_values_are_bound_by_name_and_a_percent_sign_stays_one() -> None:
    sql = "SELECT '10%' FROM t WHERE a = $day AND b = $other"
    assert as_psycopg(sql, {"day": 1}) == "SELECT '10%%' FROM t WHERE a = %(day)s AND b = $other"
    assert as_psycopg(sql, None) == sql


@given(st.floats())
def test_a_number_with_a_fraction_is_sent_with_its_type_and_comes_back_whole(value: float) -> None:
    sent = adapt(typed(value)).getquoted().decode()
    assert findings(f"INSERT INTO t (a) VALUES ({sent})") == []
    text, _, kind = sent.strip().partition("::")
    assert kind in ("double precision", "float")
    assert repr(float(text.strip("'"))) == repr(value)


def test_other_values_are_sent_as_they_are() -> None:
    assert [typed(value) for value in (1, True, "1e308", None)] == [1, True, "1e308", None]


@pytest.mark.parametrize(
    ("sql", "kept"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  (select 1) ; ; ", "  (select 1) ; "),
        ("-- a note\nWITH x AS (SELECT 1) SELECT ';' FROM x;", None),
        ("SHOW search_path", "SHOW search_path"),
        ("EXPLAIN SELECT 1", "EXPLAIN SELECT 1"),
    ],
)
def test_one_statement_that_reads_is_let_through(sql: str, kept: str | None) -> None:
    assert only_reading(sql) == (kept if kept is not None else sql.rstrip(";"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "SELECT 1; COMMIT; DROP TABLE t",
        "DELETE FROM t",
        "COMMIT",
        "BEGIN",
        "SET x TO 1",
        "COPY t FROM 's3://x'",
        "UNLOAD ('SELECT 1') TO 's3://x'",
        "CALL p()",
        "SELECT 'unfinished",
    ],
)
def test_everything_else_is_not(sql: str) -> None:
    assert only_reading(sql) is None


def test_a_cursor_is_declared_for_selects_alone() -> None:
    assert is_select("SELECT 1")
    assert is_select("with x as (select 1) select * from x")
    assert not is_select("SHOW search_path")
