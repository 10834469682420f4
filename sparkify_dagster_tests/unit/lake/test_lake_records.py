"""Cutting bytes into lines and whole texts."""

import pytest

from sparkify_dagster.lake.records import SCHEMA, Candidates, NotText, is_blank, lines_of, whole


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
    candidates = lines_of([data])
    assert shown(candidates) == lines
    assert candidates.not_text == []


def test_lines_are_numbered_in_each_object_from_the_first_index_on() -> None:
    candidates = lines_of([b"a\nb\n", b"", b"c"], first=7)
    assert shown(candidates) == [(7, 1, "a"), (7, 2, "b"), (9, 1, "c")]


def test_no_objects_give_no_lines() -> None:
    assert shown(lines_of([])) == shown(lines_of([b"", b""])) == shown(whole([])) == []


@pytest.mark.parametrize(
    "bad",
    [b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\xbd", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xf8\x88"],
)
def test_a_line_outside_utf8_leaves_its_neighbours(bad: bytes) -> None:
    candidates = lines_of([b"good", b"a\n" + bad + b"\nb\n" + bad], first=1)
    assert shown(candidates) == [
        (1, 1, "good"),
        (2, 1, "a"),
        (2, 3, "b"),
    ]
    assert candidates.not_text == [NotText(2, 2, bad), NotText(2, 4, bad)]


def test_many_lines_keep_their_order_and_numbers() -> None:
    data = b"".join(b"%d\n" % number for number in range(40_000))
    rows = shown(lines_of([data, data]))
    assert rows[:2] == [(0, 1, "0"), (0, 2, "1")]
    assert rows[39_999:40_001] == [(0, 40_000, "39999"), (1, 1, "0")]
    assert len(rows) == 80_000


def test_a_whole_object_is_line_one_and_an_empty_one_is_nothing() -> None:
    candidates = whole([b"a\nb", b"", b"c"], first=5)
    assert shown(candidates) == [(5, 1, "a\nb"), (7, 1, "c")]
    assert candidates.not_text == []


def test_whole_objects_outside_utf8_are_set_apart_with_all_their_bytes() -> None:
    candidates = whole([b"a", b"b\n\xff", b"", b"c"], first=5)
    assert shown(candidates) == [(5, 1, "a"), (8, 1, "c")]
    assert candidates.not_text == [NotText(6, 1, b"b\n\xff")]


def test_two_objects_that_are_utf8_only_together_are_not() -> None:
    assert whole([b"\xc3", b"\xa9"]).not_text == [NotText(0, 1, b"\xc3"), NotText(1, 1, b"\xa9")]
    assert whole([b"\xc3", b"\xa9"]).rows.num_rows == 0


@pytest.mark.parametrize("text", [b"", b" ", b"\t", b"\r", b" \t\r\x0b\x0c\n", "", " \r", "\n"])
def test_white_space_alone_is_blank(text: str | bytes) -> None:
    assert is_blank(text)


@pytest.mark.parametrize(
    "text", ["x", " x ", "\u00a0", "\u2003", "\ufeff", "\x00", "\x1f", "\u0085", b"\xff", b"\x00"]
)
def test_anything_else_is_not_blank(text: str | bytes) -> None:
    assert not is_blank(text)
