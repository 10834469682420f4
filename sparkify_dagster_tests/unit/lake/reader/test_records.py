"""Cutting bytes into lines and whole texts."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkify_dagster.lake.reader.records import (
    SCHEMA,
    Candidates,
    Span,
    is_blank,
    pieces,
    resolved,
    slices_of,
    units_of,
    whole,
)
from sparkify_dagster.lake.reader.stream import LONGEST, Piece


def cut(*objects: bytes, first: int = 0) -> Candidates:
    """The slices of a few objects."""
    held = dict(enumerate(objects, first))
    parts = [slices_of(held, unit) for unit in units_of(held)]
    rows = pa.concat_tables([SCHEMA.empty_table(), *(part.rows for part in parts)])
    return Candidates(rows, [index for part in parts for index in part.uncut])


def whole_units(*objects: bytes) -> list[Span]:
    """Objects as a unit."""
    return [Span(index, 0, len(data), 1) for index, data in enumerate(objects)]


def wholes(*objects: bytes, first: int = 0) -> Candidates:
    """A few objects, each as one text."""
    return whole(dict(enumerate(objects, first)))


def shown(candidates: Candidates) -> list[tuple[int, int, str]]:
    """Object, line and text of each line that holds something; a LF at its end is left off."""
    assert candidates.rows.schema == SCHEMA
    rows = [
        (r["object"], r["line"], r["text"].removesuffix("\n")) for r in candidates.rows.to_pylist()
    ]
    return [row for row in rows if row[2]]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", [(0, 1, "a")]),
        (b"a\n", [(0, 1, "a")]),
        (b"a\nb", [(0, 1, "a"), (0, 2, "b")]),
        (b"a\nb\n", [(0, 1, "a"), (0, 2, "b")]),
        (b"\n", []),
        (b"\n\na", [(0, 3, "a")]),
        (b"a\r\nb\r", [(0, 1, "a\r"), (0, 2, "b\r")]),
        (b"a\rb", [(0, 1, "a\rb")]),
        ("a\u2028\u0085b".encode(), [(0, 1, "a\u2028\u0085b")]),
        ("é\n🎵\n".encode(), [(0, 1, "é"), (0, 2, "🎵")]),
        (b"a\x00b", [(0, 1, "a\x00b")]),
        (b"\xef\xbb\xbfa", [(0, 1, "\ufeffa")]),
    ],
)
def test_lines_end_at_a_line_feed_and_nowhere_else(
    data: bytes, lines: list[tuple[int, int, str]]
) -> None:
    candidates = cut(data)
    assert shown(candidates) == lines
    assert candidates.uncut == []


def test_lines_are_numbered_in_each_object_from_the_first_index_on() -> None:
    candidates = cut(b"a\nb\n", b"", b"c", first=7)
    assert shown(candidates) == [(7, 1, "a"), (7, 2, "b"), (9, 1, "c")]


def test_no_objects_give_no_lines() -> None:
    assert shown(cut()) == shown(cut(b"", b"")) == shown(wholes()) == []


@pytest.mark.parametrize(
    "bad",
    [b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\xbd", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xf8\x88"],
)
def test_an_object_outside_utf8_is_not_cut(bad: bytes) -> None:
    candidates = cut(b"good", b"a\n" + bad + b"\nb\n" + bad, b"c", first=1)
    assert shown(candidates) == [(1, 1, "good"), (3, 1, "c")]
    assert candidates.uncut == [2]


def test_an_object_whose_first_record_takes_more_than_a_line_is_not_cut() -> None:
    assert cut(b'\n{"a":1}\n', b'{\n"a": 1\n}\n', b'{"a":\n1}', b'{"a":').uncut == [1, 2]


def test_records_without_a_line_break_are_cut_where_they_meet() -> None:
    candidates = cut(b'{"a":1}{"a":2}\n\n{"a":"}{"}')
    assert [tuple(row.values()) for row in candidates.rows.to_pylist()] == [
        (0, 0, 1, '{"a":1}\n'),
        (0, 7, 1, '{"a":2}\n'),
        (0, 16, 3, '{"a":"}\n'),
        (0, 23, 3, '{"}'),
    ]


def test_many_lines_keep_their_order_and_numbers() -> None:
    data = b"".join(b"%d\n" % number for number in range(40_000))
    rows = shown(cut(data, data))
    assert rows[:2] == [(0, 1, "0"), (0, 2, "1")]
    assert rows[39_999:40_001] == [(0, 40_000, "39999"), (1, 1, "0")]
    assert len(rows) == 80_000


def test_a_whole_object_is_line_one_and_an_empty_one_is_nothing() -> None:
    candidates = wholes(b"a\nb", b"", b"c", first=5)
    assert shown(candidates) == [(5, 1, "a\nb"), (7, 1, "c")]
    assert candidates.uncut == []


def test_a_whole_object_begins_where_its_text_begins() -> None:
    assert shown(wholes(b"\r\n \n{}", b" {}", b"\n")) == [(0, 3, "\r\n \n{}"), (1, 1, " {}")]


def test_whole_objects_outside_utf8_are_set_apart() -> None:
    candidates = wholes(b"a", b"b\n\xff", b"", b"c", first=5)
    assert shown(candidates) == [(5, 1, "a"), (8, 1, "c")]
    assert candidates.uncut == [6]


def test_two_objects_that_are_utf8_only_together_are_not() -> None:
    assert wholes(b"\xc3", b"\xa9").uncut == [0, 1]
    assert wholes(b"\xc3", b"\xa9").rows.num_rows == 0


@pytest.mark.parametrize(
    ("data", "broken", "found", "torn"),
    [
        (b"{}\nx\n{}", [3], [Piece(3, 4, 2, False)], []),
        (b"{}\n{} {}\n{}", [3], [Piece(3, 5, 2, True), Piece(6, 8, 2, True)], []),
        (b"{}\n\n{}", [], [], []),
        (
            b"x\n{}\nx\nx",
            [0, 5, 7],
            [Piece(n, n + 1, line, False) for n, line in ((0, 1), (5, 3), (7, 4))],
            [],
        ),
        (
            b'{}\n{"a":\n{}\n}\n{}',
            [3, 12],
            [],
            [0],
        ),
    ],
)
def test_pieces_are_looked_for_where_slices_are_broken_unless_they_reach_further(
    data: bytes, broken: list[int], found: list[Piece], torn: list[int]
) -> None:
    rows = cut(data).rows
    wrong = rows.filter(pc.is_in(rows["start"], pa.array(broken)))
    pieces_found, pieces_torn = resolved({0: data}, whole_units(data), rows, wrong)
    assert pieces_found == [(0, piece) for piece in found]
    assert pieces_torn == torn


def test_pieces_are_candidates_like_others() -> None:
    data = b'x {"a":1} {"b":2}'
    found = [(4, Piece(2, 9, 1, True)), (4, Piece(10, 17, 3, True))]
    rows = pieces({4: data}, found)
    assert rows.schema == SCHEMA
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        (4, 2, 1, '{"a":1}\n'),
        (4, 10, 3, '{"b":2}\n'),
    ]


@pytest.mark.parametrize("text", [b"", b" ", b"\t", b"\r", b" \t\r\n", b"\n"])
def test_white_space_alone_is_blank(text: bytes) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", [b"x", b" x ", b"\xc2\xa0", b"\x0b", b"\x0c", b"\xff", b"\x00"])
def test_anything_else_is_not_blank(text: bytes) -> None:
    assert not is_blank(text)


# --------------------------------------------------------------------------------------------------
# In bounded pieces
# --------------------------------------------------------------------------------------------------

RECORD = b'{"a":1}'


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([b"", b" ", b"\t\r", b"x", RECORD, RECORD * 2]), max_size=6))
)
def test_objects_cut_together_give_what_each_gives_alone(objects: list[list[bytes]]) -> None:
    held = [b"\n".join(lines) for lines in objects]
    alone = [
        row for index, data in enumerate(held) for row in cut(data, first=index).rows.to_pylist()
    ]
    together = cut(*held).rows.to_pylist()
    assert [told(row) for row in together] == [told(row) for row in alone]
    for row in together:
        text = row["text"].removesuffix("\n").encode()
        assert held[row["object"]][row["start"] :].startswith(text)
        assert row["line"] == 1 + held[row["object"]][: row["start"]].count(b"\n")
        assert text.strip(b" \t\r\n")


def told(row: dict[str, Any]) -> tuple[object, ...]:
    """A slice without the line break that may stand at its end."""
    return row["object"], row["start"], row["line"], row["text"].removesuffix("\n")


@pytest.mark.parametrize("join", [b"", b"\n", b"\n\n  \n"])
def test_a_large_object_is_told_in_spans_that_hold_whole_slices(join: bytes) -> None:
    data = join.join([RECORD] * 1_000_000)
    units = list(units_of({3: b"", 7: data, 8: b"x"}))
    spans = [unit[0] for unit in units if unit[0].object == 7]
    assert len(spans) > 2
    assert [unit for unit in units if len(unit) > 1] == [[Span(3, 0, 0, 1), Span(8, 0, 1, 1)]]
    assert [span.start for span in spans] == [0, *(span.end for span in spans[:-1])]
    assert spans[-1].end == len(data)
    assert [span.line for span in spans] == [1 + data.count(b"\n", 0, s.start) for s in spans]
    assert all(data[span.start :].lstrip().startswith(RECORD) for span in spans)
    rows = cut(data).rows
    assert rows.num_rows == 1_000_000
    assert pc.all(pc.equal(pc.utf8_rtrim_whitespace(rows["text"]), RECORD.decode())).as_py()


def test_very_many_blank_lines_are_no_candidates() -> None:
    data = b"\n" * 3_000_000 + b"x" + b" \n\t\r\n" * 1_000_000
    assert shown(cut(data)) == [(0, 3_000_001, "x ")]


def test_an_object_with_a_line_longer_than_a_record_may_be_is_not_cut() -> None:
    longest = b"x" * LONGEST
    assert cut(longest).uncut == []
    assert cut(RECORD, b"{}\n" + longest + b"\n{}", b"x" + longest).uncut == [1, 2]
    assert wholes(longest, b"x" + longest).uncut == [1]
