"""The careful path, from what the parser saw to values or a reason, without any parser."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from sparkify_dagster.lake.reader.record_rules import Parsed, Rejected, validate
from sparkify_dagster.model.table import Column, Type

TEXT = Column("song", Type.VARCHAR, "A text.", length=8)
WANTED = Column("page", Type.VARCHAR, "A text that is wanted.", length=8, required=True)
INTEGER = Column("status", Type.INTEGER, "An integer.")
BIGINT = Column("user_id", Type.BIGINT, "A big integer.")
DOUBLE = Column("length", Type.DOUBLE, "A double.")
MOMENT = Column("ts", Type.TIMESTAMP, "A time.", required=True)


def judged(column: Column, kind: str | None, text: str | None) -> Any:
    """The value of a record's only field."""
    (value,) = validate(Parsed("OBJECT", ["f"], [kind], [text]), "{…}", [column])
    return value


def refusal(column: Column, kind: str | None, text: str | None) -> str:
    """Why it is refused; the column is to blame."""
    with pytest.raises(Rejected) as caught:
        judged(column, kind, text)
    assert caught.value.column == column.name
    return caught.value.reason


@pytest.mark.parametrize(
    ("column", "kind", "text", "value"),
    [
        (TEXT, "VARCHAR", "Intro", "Intro"),
        (TEXT, "VARCHAR", "", ""),
        (TEXT, "VARCHAR", " a ", " a "),
        (TEXT, "VARCHAR", "éééé", "éééé"),
        (TEXT, "UBIGINT", "311", "311"),
        (TEXT, "BIGINT", "-5", "-5"),
        (TEXT, "DOUBLE", "1e3", "1e3"),
        (TEXT, "BOOLEAN", "true", "true"),
        (TEXT, "NULL", None, None),
        (TEXT, None, None, None),
        (WANTED, "VARCHAR", "", ""),
        (WANTED, "UBIGINT", "0", "0"),
        (INTEGER, "UBIGINT", "200", 200),
        (INTEGER, "VARCHAR", "-7", -7),
        (INTEGER, "VARCHAR", "-0", 0),
        (INTEGER, "VARCHAR", "0" * 5000 + "7", 7),
        (BIGINT, "VARCHAR", "-" + "0" * 5000 + "7", -7),
        (MOMENT, "VARCHAR", "0" * 5000, datetime(1970, 1, 1)),
        (INTEGER, "VARCHAR", "", None),
        (INTEGER, "NULL", None, None),
        (INTEGER, "UBIGINT", "2147483647", 2**31 - 1),
        (INTEGER, "BIGINT", "-2147483648", -(2**31)),
        (BIGINT, "VARCHAR", "9223372036854775807", 2**63 - 1),
        (BIGINT, "BIGINT", "-9223372036854775808", -(2**63)),
        (DOUBLE, "DOUBLE", "1.5", 1.5),
        (DOUBLE, "UBIGINT", "2", 2.0),
        (DOUBLE, "VARCHAR", "2465E-1", 246.5),
        (DOUBLE, "VARCHAR", "", None),
        (DOUBLE, "DOUBLE", "1e-999", 0.0),
        (MOMENT, "UBIGINT", "1541106106796", datetime(2018, 11, 1, 21, 1, 46, 796000)),
        (MOMENT, "VARCHAR", "-1", datetime(1969, 12, 31, 23, 59, 59, 999000)),
        (MOMENT, "BIGINT", "-62135596800000", datetime(1, 1, 1)),
        (MOMENT, "UBIGINT", "253402300799999", datetime(9999, 12, 31, 23, 59, 59, 999000)),
    ],
)
def test_a_value_that_fits_its_column_is_taken_as_it_is(
    column: Column, kind: str | None, text: str | None, value: object
) -> None:
    told = judged(column, kind, text)
    assert told == value
    assert type(told) is type(value)


@pytest.mark.parametrize(
    ("column", "kind", "text", "reason"),
    [
        (TEXT, "ARRAY", "[1]", "song is an array, not a value"),
        (TEXT, "OBJECT", "{}", "song is an object, not a value"),
        (TEXT, "VARCHAR", "a\x00", "song holds a NUL character"),
        (TEXT, "VARCHAR", "x" * 9, "song is 9 bytes long, the longest allowed is 8"),
        (TEXT, "VARCHAR", "ééééé", "song is 10 bytes long, the longest allowed is 8"),
        (TEXT, "UBIGINT", "1" * 9, "song is 9 bytes long, the longest allowed is 8"),
        (TEXT, "DOUBLE", "nan", "song is no finite number and no text"),
        (TEXT, "DOUBLE", "-Infinity", "song is no finite number and no text"),
        (WANTED, None, None, "page is missing"),
        (WANTED, "NULL", None, "page is missing"),
        (INTEGER, "DOUBLE", "1.0", "status is not a whole number"),
        (INTEGER, "VARCHAR", " 8", "status is not a whole number"),
        (INTEGER, "VARCHAR", "8\n", "status is not a whole number"),
        (INTEGER, "VARCHAR", "+8", "status is not a whole number"),
        (INTEGER, "VARCHAR", "-", "status is not a whole number"),
        (INTEGER, "VARCHAR", "\u0668", "status is not a whole number"),
        (INTEGER, "BOOLEAN", "true", "status is true or false, not a number"),
        (INTEGER, "ARRAY", "[]", "status is an array, not a value"),
        (INTEGER, "UBIGINT", "2147483648", "status is out of range for INTEGER"),
        (BIGINT, "VARCHAR", "-" + "9" * 5000, "user_id is out of range for BIGINT"),
        (INTEGER, "VARCHAR", "9" * 5000, "status is out of range for INTEGER"),
        (BIGINT, "UBIGINT", "9223372036854775808", "user_id is out of range for BIGINT"),
        (DOUBLE, "VARCHAR", "1e999", "length is not a finite number"),
        (DOUBLE, "DOUBLE", "inf", "length is not a finite number"),
        (DOUBLE, "VARCHAR", "1.5 ", "length is not a finite number"),
        (DOUBLE, "VARCHAR", "007", "length is not a finite number"),
        (DOUBLE, "BOOLEAN", "false", "length is true or false, not a number"),
        (MOMENT, "VARCHAR", "", "ts is missing"),
        (MOMENT, "DOUBLE", "1.5", "ts is not a whole number"),
        (MOMENT, "UBIGINT", "253402300800000", "ts is not a time in the years 1 to 9999"),
        (MOMENT, "BIGINT", "-62135596800001", "ts is not a time in the years 1 to 9999"),
        (MOMENT, "VARCHAR", "9" * 5000, "ts is not a time in the years 1 to 9999"),
    ],
)
def test_a_value_that_does_not_fit_names_its_column_and_why(
    column: Column, kind: str | None, text: str | None, reason: str
) -> None:
    assert refusal(column, kind, text) == reason


def test_the_first_column_at_fault_is_blamed() -> None:
    parsed = Parsed("OBJECT", ["a", "b"], ["VARCHAR", "VARCHAR"], ["x", "y"])
    with pytest.raises(Rejected) as caught:
        validate(parsed, "{…}", [INTEGER, DOUBLE])
    assert caught.value.column == "status"


def test_the_values_come_in_the_order_of_the_columns() -> None:
    parsed = Parsed("OBJECT", ["a", "b"], ["VARCHAR", "UBIGINT"], ["x", "1"])
    assert validate(parsed, "{…}", [TEXT, INTEGER]) == ("x", 1)


@pytest.mark.parametrize("keys", [["a", "a"], ["a", "b", "a"], ["", ""]])
def test_a_field_that_stands_there_twice_rejects_whatever_its_values(keys: list[str]) -> None:
    with pytest.raises(Rejected) as caught:
        validate(Parsed("OBJECT", keys, ["VARCHAR"], ["x"]), "{…}", [INTEGER])
    assert (caught.value.reason, caught.value.column) == ("a field stands in it twice", None)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("ARRAY", "an array"),
        ("VARCHAR", "a string"),
        ("NULL", "null"),
        ("BOOLEAN", "true or false"),
        ("UBIGINT", "a number"),
        ("BIGINT", "a number"),
        ("HUGEINT", "a number"),
        ("DOUBLE", "a number"),
    ],
)
def test_a_record_of_another_kind_is_named(kind: str, named: str) -> None:
    with pytest.raises(Rejected) as caught:
        validate(Parsed(kind, (), [None], [None]), "…", [TEXT])
    assert (caught.value.reason, caught.value.column) == (f"not a JSON object but {named}", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":}', "Expecting value at character 6"),
        ("oops", "Expecting value at character 1"),
        ('{"a":1} x', "Extra data at character 9"),
        ('{"a":"\\ud83d"}', "it holds characters or escapes that JSON does not allow"),
        ('{"a":' + "1" * 5000 + "}", "it cannot be parsed"),
        ("[" * 200_000, "it cannot be parsed"),
    ],
)
def test_what_is_no_json_is_told_where_it_breaks(text: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        validate(Parsed(None, (), [None], [None]), text, [TEXT])
    assert (caught.value.reason, caught.value.column) == (f"not valid JSON: {reason}", None)
