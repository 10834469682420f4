"""Reading COPY, and making rows of what it finds, without any server."""

from __future__ import annotations

from typing import Any

import pytest

from sparkify_dagster_tests.redshift_double.copy_statement import CopyStatement, parse_copy
from sparkify_dagster_tests.redshift_double.copy_values import (
    Column,
    Misfit,
    RowMaker,
    column_of,
    converter,
)
from sparkify_dagster_tests.redshift_double.json_records import (
    BadPaths,
    BadRecord,
    Number,
    json_text,
    parse_path,
    pick_by_name,
    pick_by_paths,
    records,
)
from sparkify_dagster_tests.redshift_double.wire import SqlError
from sparkify_dagster_tests.redshift_language.tokens import tokens_of

_HEAD = 'COPY s."user" (a, "B") FROM \'s3://b/k\' '


def parsed(options: str, head: str = _HEAD) -> CopyStatement:
    return parse_copy(tokens_of(head + options))


# --------------------------------------------------------------------------------------------------
# The statement
# --------------------------------------------------------------------------------------------------


def test_a_copy_is_read() -> None:
    found = parsed(
        "MAXERROR 5 JSON AS 's3://b/paths' region as 'eu-west-1' MANIFEST IAM_ROLE 'x,y' gzip "
        "TIMEFORMAT AS 'epochmillisecs' COMPUPDATE OFF STATUPDATE TRUNCATECOLUMNS"
    )
    assert found == CopyStatement(
        's."user"', ["a", "b"], "s3://b/k", ["x", "y"], "s3://b/paths", manifest=True, gzip=True,
        region="eu-west-1", time_format="epochmillisecs", max_errors=5, truncate=True,
    )  # fmt: skip
    assert found.table_name == "user"


@pytest.mark.parametrize(
    "options",
    [
        "IAM_ROLE default",
        "JSON 'auto'",
        "IAM_ROLE default JSON",
        "IAM_ROLE default JSON 'auto' NOLOAD",
        "IAM_ROLE default JSON 'auto' DELIMITER ','",
        "IAM_ROLE default JSON 'auto' JSON 'auto'",
        "IAM_ROLE default JSON 'auto' TIMEFORMAT 'EPOCHSECS'",
        "IAM_ROLE default JSON 'auto' MAXERROR -1",
        "IAM_ROLE default JSON 'noshred'",
        "CREDENTIALS 'aws_iam_role=x' JSON 'auto'",
    ],
)
def test_other_copies_are_errors(options: str) -> None:
    with pytest.raises(SqlError):
        parsed(options)


# --------------------------------------------------------------------------------------------------
# Records
# --------------------------------------------------------------------------------------------------


def kinds(data: bytes) -> list[tuple[object, int]]:
    """Of each record: its fields, or the code of its error, and its line."""
    return [(r.fields if r.error is None else r.error.code, r.line) for r in records(data)]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", []),
        (b" \n\t\r\n", []),
        (b'{"a":1}{"a":"2"}', [({"a": "1"}, 1), ({"a": "2"}, 1)]),
        (b'\n{"a":\n1\n}\n\n{}', [({"a": "1"}, 4), ({}, 6)]),
        (b'x y\n{"a":null}', [(1216, 1), (1216, 1), ({"a": None}, 2)]),
        (b'{"a":}\n{"a":1}', [(1216, 1), ({"a": "1"}, 2)]),
        (b'[{"a":1}]', [(1216, 1), ({"a": "1"}, 1), (1216, 1)]),
        (b'{"a":1,"a":2} {}', [(1216, 1), ({}, 1)]),
        (b'{"a":NaN} {}', [(1216, 1), ({}, 1)]),
        (b'{"a":"\xc3"}\n{}', [(1220, 1), ({}, 2)]),
        (b'\xef\xbb\xbf{"a":1}', [(1216, 1), ({"a": "1"}, 1)]),
        (b'{"a":' + b"[" * 100_000, [(1216, 1)]),
    ],
)
def test_files_are_parted_into_records(data: bytes, wanted: list[tuple[object, int]]) -> None:
    assert kinds(data) == wanted


def test_four_megabytes_are_the_limit_in_bytes() -> None:
    most = 4 * 1024 * 1024
    frame = len(b'{"a":""}')
    whole = b'{"a":"' + "é".encode() * ((most - frame) // 2) + b'"}'
    assert kinds(whole)[0][0] != 1224
    assert kinds(whole.replace(b'":', b'": ', 1)) == [(1224, 1)]


def test_numbers_keep_their_text() -> None:
    (record,) = records(b'{"a": [1.50, -0, 1e3, {"b": "1\\""}]}')
    assert record.fields is not None
    assert json_text(record.fields["a"]) == '[1.50,-0,1e3,{"b":"1\\""}]'


def test_names_match_exactly_or_in_any_case() -> None:
    assert pick_by_name(["a", "b"])({"A": 1, "b": 2}) == [None, 2]
    assert pick_by_name(["a", "b"], ignore_case=True)({"A": 1, "b": 2}) == [1, 2]
    with pytest.raises(BadRecord):
        pick_by_name(["a"], ignore_case=True)({"A": 1, "a": 2})


def test_paths_walk_into_objects_and_arrays() -> None:
    paths = b"{\"jsonpaths\": [\"$['a']['b c'][1]\", \"$['x']\"]}"
    pick = pick_by_paths(paths, ["one", "two"])
    assert pick({"a": {"b c": [1, 2]}, "x": None}) == [2, None]
    assert pick({"a": [], "x": 5}) == [None, 5]
    assert pick_by_paths(b'{"paths": []}', ["a"])({"a": 3}) == [3]
    assert parse_path("$.a.b[0]") == ["a", "b", 0]


@pytest.mark.parametrize("path", ["a", "$", "$a", "$['a'].b", "$.*", "$['a'][*]", "$.a['b']", 5])
def test_other_paths_are_errors(path: object) -> None:
    with pytest.raises(BadPaths):
        parse_path(path)


# --------------------------------------------------------------------------------------------------
# Values
# --------------------------------------------------------------------------------------------------

_COPY = parsed("IAM_ROLE default JSON 'auto'")
_EPOCH = parsed("IAM_ROLE default JSON 'auto' TIMEFORMAT 'epochsecs'")


def converted(declared: str, value: Any, copy: CopyStatement = _COPY) -> str | None:
    return converter(column_of("a", declared, False), copy)(value)


def test_types_are_read_as_postgresql_writes_them() -> None:
    assert column_of("a", "character varying(7)", True) == Column("a", "character varying", True, 7)
    assert column_of("a", "numeric(6,2)", False) == Column("a", "numeric", False, 6, 2)
    assert column_of("a", "timestamp without time zone", False).kind == (
        "timestamp without time zone"
    )


@pytest.mark.parametrize(
    ("declared", "value", "wanted"),
    [
        ("integer", Number("007"), "007"),
        ("bigint", "-9223372036854775808", "-9223372036854775808"),
        ("double precision", "-inf", "-inf"),
        ("double precision", Number("0.0e5"), "0.0e5"),
        ("real", Number("1.5"), "1.5"),
        ("numeric(4,1)", Number("-999.99"), "-999.9"),
        ("boolean", False, "f"),
        ("boolean", "YES", "t"),
        ("timestamp without time zone", "2018-11-01 02:03:04", "2018-11-01 02:03:04"),
        ("character varying(4)", True, "true"),
        ("character(3)", "ab", "ab"),
    ],
)
def test_values_are_converted(declared: str, value: object, wanted: str) -> None:
    assert converted(declared, value) == wanted
    assert converted("integer", "") is None


@pytest.mark.parametrize(
    ("declared", "value", "code"),
    [
        ("integer", "1\n", 1207),
        ("integer", "\u0661", 1207),
        ("integer", "9" * 5000, 1204),
        ("integer", False, 1207),
        ("double precision", "+1", 1208),
        ("double precision", " 1", 1208),
        ("double precision", "1_0", 1208),
        ("real", Number("1e39"), 1204),
        ("real", Number("1e-60"), 1204),
        ("numeric(4,1)", Number("1000"), 1204),
        ("numeric(4,1)", "1e999999999", 1204),
        ("boolean", Number("1"), 1210),
        ("date", "2018-11-01 00:00:00", 1205),
        ("timestamp without time zone", "2018-11-01T02:03:04", 1206),
        ("timestamp without time zone", Number("1541016707"), 1206),
        ("character varying(1)", "é", 1204),
    ],
)
def test_values_that_do_not_fit_have_a_code(declared: str, value: object, code: int) -> None:
    with pytest.raises(Misfit) as found:
        converted(declared, value)
    assert found.value.code == code


def test_epochs_are_whole_and_of_known_years() -> None:
    kind = "timestamp without time zone"
    assert converted(kind, Number("-1"), _EPOCH) == "1969-12-31 23:59:59"
    for value in ("1.5", "x", "253402300800", "9" * 30):
        with pytest.raises(Misfit):
            converted(kind, value, _EPOCH)


def test_long_texts_are_cut_between_characters_when_asked() -> None:
    copy = parsed("IAM_ROLE default JSON 'auto' TRUNCATECOLUMNS")
    assert converted("character varying(3)", "éé", copy) == "é"


def test_rows_are_escaped_for_postgresql() -> None:
    maker = RowMaker([column_of("a", "character varying(20)", False)] * 2, _COPY)
    assert maker.row(["a\tb\\N\n\r", None]) == "a\\tb\\\\N\\n\\r\t\\N\n"


@pytest.mark.parametrize(("value", "code"), [("\0", 1220), ("\ud800", 1220), (None, 1213)])
def test_a_bad_value_names_its_column(value: object, code: int) -> None:
    maker = RowMaker([column_of("a", "character varying(20)", True)], _COPY)
    with pytest.raises(BadRecord) as found:
        maker.row([value])
    assert (found.value.code, found.value.column) == (code, "a")
