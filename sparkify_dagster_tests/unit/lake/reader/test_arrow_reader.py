"""Chunks are proven as a whole or left alone; that what is proven is right is a property's."""

from __future__ import annotations

import json
from datetime import datetime

import pyarrow as pa
import pytest

from sparkify_dagster.lake.reader.arrow_reader import Bulk, Proven
from sparkify_dagster.lake.reader.records import ARROW_TYPES
from sparkify_dagster.lake.reader.records import SCHEMA as CANDIDATES
from sparkify_dagster.model.table import Column, Type

COLUMNS = (
    Column("song", Type.VARCHAR, "A text that is wanted.", length=8, required=True),
    Column("status", Type.INTEGER, "An integer."),
    Column("user_id", Type.BIGINT, "A big integer."),
    Column("length", Type.DOUBLE, "A double."),
    Column("ts", Type.TIMESTAMP, "A time."),
)
FIELDS = ("song", "status", "userId", "length", "ts")
SCHEMA = pa.schema(
    [
        *((c.name, ARROW_TYPES[c.type]) for c in COLUMNS),
        ("object", pa.int32()),
        ("line", pa.int32()),
    ]
)
GOOD = '{"song":"So","status":200,"userId":"8","length":1.5,"ts":1000}'


def proven(text: str, columns: tuple[Column, ...] = COLUMNS) -> Proven | None:
    """What comes of one object of a few lines."""
    return Bulk(columns, FIELDS, SCHEMA).read(chunk(text))


def chunk(text: str) -> pa.RecordBatch:
    """A candidate for each line."""
    lines = text.split("\n")
    texts = [line + "\n" for line in lines[:-1]] + lines[-1:]
    numbers = range(1, len(texts) + 1)
    values = [[0] * len(texts), list(numbers), list(numbers), texts]
    arrays = [pa.array(v, f.type) for v, f in zip(values, CANDIDATES, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=CANDIDATES)


def rows(text: str) -> list[tuple[object, ...]]:
    """The proven rows of an object, object and line last."""
    found = proven(text)
    assert found is not None
    return [tuple(row.values()) for row in found.rows.to_pylist()]


def record(**fields: object) -> str:
    """A record of its required field and what else is given."""
    return json.dumps({"song": "So", **fields})


def test_each_line_is_a_row_with_its_number() -> None:
    values = ("So", 200, 8, 1.5, datetime(1970, 1, 1, 0, 0, 1), 0)
    assert rows(f"{GOOD}\n{GOOD}\n{GOOD}") == [(*values, line) for line in (1, 2, 3)]


def test_what_is_missing_or_null_is_null() -> None:
    assert rows(record() + "\n" + record(status=None)) == [
        ("So", None, None, None, None, 0, 1),
        ("So", None, None, None, None, 0, 2),
    ]


def test_whole_numbers_may_stand_in_quotes_and_be_left_blank() -> None:
    text = "\n".join(record(userId=value) for value in ("8", "", "-9"))
    assert [row[2] for row in rows(text)] == [8, None, -9]


def test_other_fields_are_passed_over_and_told() -> None:
    found = proven(GOOD + "\n" + record(more={"a": [1, None]}))
    assert found is not None
    assert found.drifted
    assert found.rows.num_rows == 2


def test_records_without_other_fields_have_not_drifted() -> None:
    found = proven(GOOD)
    assert found is not None
    assert not found.drifted


@pytest.mark.parametrize(
    "line",
    [
        "null",
        "{} null {}",
        "1",
        "[]",
        "",
        " ",
        "{",
        "}",
        GOOD + GOOD,
        GOOD + " null " + GOOD,
        GOOD + "\r",
        " " + GOOD,
        GOOD + " ",
        GOOD + "\x00",
        GOOD[:-1] + ",}",
        GOOD[:-1],
        '{"song":"So","song":"So"}',
        '{"song":"\\u0000"}',
        '{"song":"\\ud800"}',
        '{"song":"far too long"}',
        '{"song":null}',
        '{"song":1}',
        '{"status":1}',
        '{"song":"So","status":1.0}',
        '{"song":"So","status":2147483648}',
        '{"song":"So","status":true}',
        '{"song":"So","userId":"0x1F"}',
        '{"song":"So","userId":" 8"}',
        '{"song":"So","userId":"8.0"}',
        '{"song":"So","userId":9223372036854775808}',
        '{"song":"So","length":NaN}',
        '{"song":"So","length":1e999}',
        '{"song":"So","length":"1.5"}',
        '{"song":"So","ts":253402300800000}',
        '{"song":"So","ts":1.5}',
    ],
)
@pytest.mark.parametrize("beside", ["", GOOD + "\n"])
def test_a_line_that_may_have_to_be_judged_leaves_its_chunk_unproven(
    line: str, beside: str
) -> None:
    assert proven(f"{beside}{line}\n{GOOD}") is None


def test_a_record_over_two_lines_does_not_make_up_for_two_on_one() -> None:
    assert proven('{"song":\n"So"}' + GOOD) is None
    assert proven('{"song":"}\n{"}\n' + f"{GOOD} {GOOD}") is None
    assert proven('{"song":"}{"}\n' + GOOD) is not None


def test_one_field_may_feed_two_columns_of_a_kind() -> None:
    columns = (COLUMNS[0], COLUMNS[0])
    schema = pa.schema([("a", pa.string()), ("b", pa.string()), *list(SCHEMA)[-2:]])
    found = Bulk(columns, ("song", "song"), schema).read(chunk(GOOD))
    assert found is not None
    assert found.rows.to_pylist() == [{"a": "So", "b": "So", "object": 0, "line": 1}]
