"""What the reader makes of whole objects: origins, rejects, unknown fields, packed songs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import pytest

from sparkify_dagster.lake.reader.reader import Batch, Reader
from sparkify_dagster.lake.reader.rejects import Reject, TooMuch
from sparkify_dagster.lake.reader.stream import LONGEST
from sparkify_dagster.model.table import Column, Type

COLUMNS = (
    Column("song_id", Type.VARCHAR, "A text that is wanted.", length=8, required=True),
    Column("status", Type.INTEGER, "An integer."),
    Column("user_id", Type.BIGINT, "A big integer."),
    Column("length", Type.DOUBLE, "A double."),
    Column("ts", Type.TIMESTAMP, "A time."),
)
FIELDS = ("songId", "status", "userId", "length", "ts")
GOOD = b'{"songId":"SO1","status":200,"userId":"8","length":1.5,"ts":0}'
VALUES = ("SO1", 200, 8, 1.5, datetime(1970, 1, 1))


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A reader of records of five fields."""
    reader = Reader(COLUMNS, FIELDS, threads=1)
    yield reader
    reader.close()


def rows(batch: Batch) -> list[tuple[object, ...]]:
    """The accepted rows by origin."""
    told = [tuple(row.values()) for row in batch.rows.to_pylist()]
    return sorted(told, key=lambda row: (row[-2], row[-1]))


def song(song_id: object, **more: object) -> bytes:
    """A record of its required field and what else is given."""
    return json.dumps({"songId": song_id, **more}).encode()


def test_every_row_has_the_types_of_its_columns_and_its_origin(reader: Reader) -> None:
    batch = reader.read_lines([GOOD])
    assert batch.rows.schema == pa.schema(
        [
            ("song_id", pa.string()),
            ("status", pa.int32()),
            ("user_id", pa.int64()),
            ("length", pa.float64()),
            ("ts", pa.timestamp("us")),
            ("object", pa.int32()),
            ("line", pa.int32()),
        ]
    )
    assert rows(batch) == [(*VALUES, 0, 1)]


def test_the_careful_path_gives_the_same_types(reader: Reader) -> None:
    odd = GOOD.replace(b"200", b'"200"').replace(b'"SO1"', b"311")
    batch = reader.read_lines([odd])
    assert batch.rows.schema == reader.read_lines([GOOD]).rows.schema
    assert rows(batch) == [("311", *VALUES[1:], 0, 1)]


def test_no_objects_and_empty_objects_give_empty_tables_of_the_same_types(reader: Reader) -> None:
    schema = reader.read_lines([GOOD]).rows.schema
    for batch in (
        reader.read_lines([]),
        reader.read_lines([b"", b"\n \n"]),
        reader.read_wholes([]),
        reader.read_wholes([b"", b" \r\n"]),
    ):
        assert batch.rows.schema == schema
        assert (batch.rows.num_rows, len(batch.rejects), dict(batch.unknown)) == (0, 0, {})


def test_lines_count_the_blank_ones_and_objects_start_where_told(reader: Reader) -> None:
    batch = reader.read_lines([b"\n" + GOOD + b"\r\n\n" + GOOD, b"", GOOD + b"\n"], first=4)
    assert [row[-2:] for row in rows(batch)] == [(4, 2), (4, 4), (6, 1)]


def test_a_broken_line_leaves_its_neighbours_and_is_told_with_its_text(reader: Reader) -> None:
    batch = reader.read_lines([GOOD + b'\n{"songId":\n' + GOOD + b"\n"])
    assert [row[-1] for row in rows(batch)] == [1, 3]
    assert batch.rejects == [
        Reject(0, 2, "not valid JSON: Expecting value at character 11", None, '{"songId":')
    ]


def test_a_value_that_does_not_fit_blames_its_column(reader: Reader) -> None:
    raw = song("SO1", status=1.5)
    assert reader.read_lines([raw], first=3).rejects == [
        Reject(3, 1, "status is not a whole number", "status", raw.decode())
    ]


def test_bytes_outside_utf8_are_shown_escaped(reader: Reader) -> None:
    batch = reader.read_lines([GOOD + b'\n{"songId":"caf\xe9"}\n' + GOOD])
    assert [row[-1] for row in rows(batch)] == [1, 3]
    assert batch.rejects == [Reject(0, 2, "not valid UTF-8", None, '{"songId":"caf\\xe9"}')]


def test_the_text_of_a_reject_is_cut_when_it_is_very_long(reader: Reader) -> None:
    long = b"x" * 1_000_000
    told = reader.read_lines([long, b"\xff" + long]).rejects + reader.read_wholes([long]).rejects
    assert [len(item.raw_text) for item in told] == [16_000] * 3
    assert all(len(item.raw_text.encode()) <= 65_535 for item in told)


def test_the_longest_text_of_a_reject_fits_its_column_in_bytes(reader: Reader) -> None:
    (item,) = reader.read_lines(["🎵".encode() * 20_000]).rejects
    assert len(item.raw_text.encode()) == 64_000


def test_unknown_fields_are_counted_by_object_and_name(reader: Reader) -> None:
    one = song("SO1", colour="red", tags=[1], songid="x")
    batch = reader.read_lines([one + b"\n" + song("SO2", colour=None), GOOD, song("3", a={})], 5)
    assert dict(batch.unknown) == {
        (5, "colour"): 2,
        (5, "tags"): 1,
        (5, "songid"): 1,
        (7, "a"): 1,
    }
    assert batch.rows.num_rows == 4


def test_unknown_fields_of_rejected_records_are_counted_too(reader: Reader) -> None:
    batch = reader.read_lines([song("SO1", status="bad", colour=1)])
    assert (batch.rows.num_rows, len(batch.rejects)) == (0, 1)
    assert dict(batch.unknown) == {(0, "colour"): 1}


def test_a_missing_field_is_no_unknown_one(reader: Reader) -> None:
    batch = reader.read_lines([song("SO1")])
    assert rows(batch) == [("SO1", None, None, None, None, 0, 1)]
    assert dict(batch.unknown) == {}


def test_leading_zeros_do_not_count_however_many_there_are(reader: Reader) -> None:
    zeros = "0" * 5000 + "7"
    batch = reader.read_lines([song("SO1", userId=zeros) + b"\n" + song(1, userId=zeros)])
    assert [row[:3] for row in rows(batch)] == [("SO1", None, 7), ("1", None, 7)]


def test_one_field_may_feed_two_columns() -> None:
    reader = Reader(COLUMNS[:2], ("n", "n"), threads=1)
    try:
        batch = reader.read_lines([b'{"n":"7"}\n{"n":"x"}\n{"n":"7","m":1}'])
    finally:
        reader.close()
    assert rows(batch) == [("7", 7, 0, 1), ("7", 7, 0, 3)]
    assert [(item.line, item.column) for item in batch.rejects] == [(2, "status")]
    assert dict(batch.unknown) == {(0, "m"): 1}


# --------------------------------------------------------------------------------------------------
# Song objects
# --------------------------------------------------------------------------------------------------


def test_a_song_object_is_one_record_on_however_many_lines(reader: Reader) -> None:
    spread = json.dumps({"songId": "SO1", "status": 1}, indent=2).encode()
    batch = reader.read_wholes([spread, b"\n\n" + GOOD + b"\n", GOOD], first=2)
    assert [(row[0], *row[-2:]) for row in rows(batch)] == [
        ("SO1", 2, 1),
        ("SO1", 3, 3),
        ("SO1", 4, 1),
    ]


def test_a_song_object_that_is_another_value_is_one_reject_that_says_which(reader: Reader) -> None:
    batch = reader.read_wholes([b"[" + GOOD + b"]", b"null", b'"SO1"', b"7", b"[\n\n1]\n"])
    assert batch.rows.num_rows == 0
    assert [(item.object, item.line, item.reason) for item in batch.rejects] == [
        (0, 1, "not a JSON object but an array"),
        (1, 1, "not a JSON object but null"),
        (2, 1, "not a JSON object but a string"),
        (3, 1, "not a JSON object but a number"),
        (4, 1, "not a JSON object but an array"),
    ]


def test_a_song_object_may_be_a_stream(reader: Reader) -> None:
    packed = b"oops\n\n" + song("SO1") + b"\r\n[]\n" + song("SO2", status="x", extra=1) + b"\n"
    batch = reader.read_wholes([GOOD, packed, GOOD + GOOD], first=1)
    assert [(row[0], *row[-2:]) for row in rows(batch)] == [
        ("SO1", 1, 1),
        ("SO1", 2, 3),
        ("SO1", 3, 1),
        ("SO1", 3, 1),
    ]
    assert sorted((item.object, item.line, item.column or "") for item in batch.rejects) == [
        (2, 1, ""),
        (2, 4, ""),
        (2, 5, "status"),
    ]
    assert dict(batch.unknown) == {(2, "extra"): 1}


@pytest.mark.parametrize("broken", [b"oops\n[1]\nnull", b'{"songId":\n"SO1"', b"\n\noops", b"\x00"])
def test_a_song_object_without_a_record_is_one_reject_on_line_one_with_all_its_text(
    reader: Reader, broken: bytes
) -> None:
    batch = reader.read_wholes([GOOD, broken, GOOD])
    assert [row[-2:] for row in rows(batch)] == [(0, 1), (2, 1)]
    assert [(item.object, item.line, item.column, item.raw_text) for item in batch.rejects] == [
        (1, 1, None, broken.decode())
    ]
    assert batch.rejects[0].reason.startswith("not valid JSON: ")


def test_a_song_object_whose_only_record_does_not_fit_keeps_its_other_rejects(
    reader: Reader,
) -> None:
    batch = reader.read_wholes([b'{"songId":null}\noops'])
    assert [(item.line, item.column) for item in batch.rejects] == [(1, "song_id"), (2, None)]


def test_bytes_outside_utf8_on_one_line_of_a_song_object_leave_its_other_lines(
    reader: Reader,
) -> None:
    batch = reader.read_wholes([GOOD + b"\n\xff\n" + GOOD, b"\xff\n\xfe", b"\xff\n[]"])
    assert [row[-2:] for row in rows(batch)] == [(0, 1), (0, 3)]
    assert [(item.object, item.line, item.reason) for item in batch.rejects] == [
        (0, 2, "not valid UTF-8"),
        (1, 1, "not valid UTF-8"),
        (2, 1, "not valid UTF-8"),
    ]


# --------------------------------------------------------------------------------------------------
# Streams
# --------------------------------------------------------------------------------------------------


def test_what_a_record_over_lines_takes_in_is_no_record_besides(reader: Reader) -> None:
    around = b'{"songId":"SO9","x":\n' + song("SO1", colour=1) + b'\n,"more":1}'
    batch = reader.read_lines([song("SO0", colour=1) + b"\n" + around + b"\n" + GOOD, GOOD])
    assert [(row[0], *row[-2:]) for row in rows(batch)] == [
        ("SO0", 0, 1),
        ("SO9", 0, 2),
        ("SO1", 0, 5),
        ("SO1", 1, 1),
    ]
    assert batch.rejects == []
    assert dict(batch.unknown) == {(0, "colour"): 1, (0, "x"): 1, (0, "more"): 1}


def test_a_reject_begins_behind_the_record_on_its_line(reader: Reader) -> None:
    batch = reader.read_lines([GOOD + b' {"songId": oops} ' + GOOD + b"\n" + GOOD])
    assert [row[-1] for row in rows(batch)] == [1, 2]
    assert batch.rejects == [
        Reject(
            0,
            1,
            "not valid JSON: Expecting value at character 12",
            None,
            '{"songId": oops} ' + GOOD.decode(),
        )
    ]


def test_records_of_very_many_lines_are_found_among_very_many_others(reader: Reader) -> None:
    lines = [GOOD] * 50_000
    lines[20_000] = b'{"x":{\n"y":[\n' + GOOD + b'\n]},\n"songId":"SO2"}'
    lines[40_000] = GOOD + GOOD
    batch = reader.read_lines([b"\n".join(lines), b"".join(lines)])
    assert (batch.rows.num_rows, len(batch.rejects)) == (2 * 50_001, 0)
    told = [row for row in rows(batch) if row[0] == "SO2"]
    assert told == [("SO2", None, None, None, None, 0, 20_001), ("SO2", *[None] * 4, 1, 1)]


@pytest.mark.parametrize(
    ("data", "what"),
    [(gzip.compress(GOOD, mtime=0), "is gzip"), (b"[\n" + GOOD + b"\n]\n", "is one JSON array")],
)
def test_an_object_with_rejects_that_is_no_stream_is_named(
    reader: Reader, data: bytes, what: str
) -> None:
    for read in (reader.read_lines, reader.read_wholes):
        batch = read([GOOD, data, GOOD + b"x"], 3)
        assert [(index, said.split(":")[0]) for index, said in batch.formats.items()] == [(4, what)]


# --------------------------------------------------------------------------------------------------
# What is too long, or too much
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [b"", b"}{", b"\xff"])
@pytest.mark.parametrize("before", [b"", b"\n"])
def test_a_record_that_is_too_long_is_rejected_without_a_look(
    reader: Reader, before: bytes, more: bytes
) -> None:
    long = b'{"songId":"SO2","x":"' + more + b"x" * LONGEST + b'"}'
    data = GOOD + b"\n" + before + long + b"\n" + GOOD
    for batch in (reader.read_lines([data, GOOD]), reader.read_wholes([data, GOOD])):
        line = 2 + len(before)
        assert [row[-2:] for row in rows(batch)] == [(0, 1), (0, line + 1), (1, 1)]
        ((index, at, reason, column, raw),) = batch.rejects
        assert (index, at, reason, column) == (0, line, "longer than 16,777,216 bytes", None)
        assert (len(raw), raw[:10]) == (16_000, long[:10].decode())


def test_a_record_may_be_as_long_as_that(reader: Reader) -> None:
    start = b'{"songId":"SO2","x":"'
    longest = start + b"x" * (LONGEST - len(start) - 2) + b'"}'
    batch = reader.read_lines([longest, longest + b" ", longest.replace(b"{", b"{ ", 1)])
    assert [row[-2:] for row in rows(batch)] == [(0, 1), (1, 1)]
    assert [(item.object, item.line) for item in batch.rejects] == [(2, 1)]


def test_brackets_that_never_end_are_looked_at_as_far_as_a_record_may_go(reader: Reader) -> None:
    data = b'{"a":\n' * 2_900_000  # 17 MB.
    with pytest.raises(TooMuch):
        reader.read_lines([data], most_rejects=10)


@pytest.mark.parametrize("most", [3, 4])
def test_rejects_are_held_up_to_a_number(reader: Reader, most: int) -> None:
    data = b"x\n" + GOOD + b"\n[]\n" + song("SO1", status="x") + b"\n\xff"
    for read in (reader.read_lines, reader.read_wholes):
        if most == 4:
            assert len(read([data], 0, most).rejects) == 4
            continue
        with pytest.raises(TooMuch, match=r"more than 3 records are rejected; .* MOST_REJECTS"):
            read([data], 0, most)


def test_a_song_object_without_a_record_is_one_reject_however_many_lines_it_has(
    reader: Reader,
) -> None:
    assert len(reader.read_wholes([b"x\n" * 50], 0, 1).rejects) == 1
    assert len(reader.read_wholes([b"{\n" * 50], 0, 60).rejects) == 1


# --------------------------------------------------------------------------------------------------
# Many at once
# --------------------------------------------------------------------------------------------------


def test_rejects_among_very_many_records_are_found(reader: Reader) -> None:
    lines = [GOOD] * 50_000
    for number in (0, 16_383, 16_384, 49_999):
        lines[number] = b"{}"
    batch = reader.read_lines([b"\n".join(lines), b"\n".join(lines)])
    assert batch.rows.num_rows == 2 * 49_996
    assert sorted((item.object, item.line) for item in batch.rejects) == [
        (index, line) for index in (0, 1) for line in (1, 16_384, 16_385, 50_000)
    ]
    assert {item.reason for item in batch.rejects} == {"song_id is missing"}


def test_very_many_objects_at_once_keep_their_origins(reader: Reader) -> None:
    batch = reader.read_wholes([song(f"S{n}", status=n) for n in range(20_000)], first=100)
    told = batch.rows.select(["status", "object", "line"]).sort_by("object")
    assert told["status"].to_pylist() == list(range(20_000))
    assert told["object"].to_pylist() == list(range(100, 20_100))
    assert set(told["line"].to_pylist()) == {1}


def test_a_nest_of_any_depth_is_read_around(reader: Reader) -> None:
    deep = b'{"songId":"SO1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    batch = reader.read_lines([deep])
    assert rows(batch) == [("SO1", None, None, None, None, 0, 1)]
    assert dict(batch.unknown) == {(0, "x"): 1}


def test_a_reader_may_be_used_again_after_anything(reader: Reader) -> None:
    for odd in (b"\xff", b"\x00", b"{" * 10_000, b'{"a":1,"a":1}', b'"\\ud800"'):
        reader.read_lines([odd])
        reader.read_wholes([odd])
    assert rows(reader.read_lines([GOOD])) == [(*VALUES, 0, 1)]
