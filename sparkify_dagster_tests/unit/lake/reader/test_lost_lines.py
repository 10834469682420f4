"""Lines that are told to be lost are what `stream` makes of them, one by one."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sparkify_dagster.lake.reader.lost_lines import lost_among
from sparkify_dagster.lake.reader.records import Span, resolved, slices_of
from sparkify_dagster.lake.reader.stream import WHITE_SPACE, pieces_of

Told = list[tuple[int, str]]


def is_object(text: str) -> bool:
    """Whether a text is one JSON object."""
    pieces = list(pieces_of(text.encode()))
    return [piece.is_record for piece in pieces] == [True]


def lost_in(data: bytes, end: int | None = None) -> tuple[Told, Told | None]:
    """Line and text of each lost line of an object, or of its bytes up to an end; and of what else
    is made of it; None where it is read apart.
    """
    unit = [Span(0, 0, len(data) if end is None else end, 1)]
    rows, uncut = slices_of({0: data}, unit)
    good = pa.array([is_object(text) for text in rows["text"].to_pylist()], pa.bool_())
    lost, others = lost_among({0: data}, unit, rows, rows.filter(pc.invert(good)))
    found, torn = resolved({0: data}, unit, rows, others)
    rest = [(p.line, data[p.start : p.end].decode()) for _, p in found]
    return told(lost), None if uncut or torn else rest + told(rows.filter(good))


def told(rows: pa.Table) -> Told:
    """Line and text of each slice."""
    return [(row["line"], row["text"].removesuffix("\n")) for row in rows.to_pylist()]


tokens = st.sampled_from(
    [*"{}[]:,\n\n\n 1x", '"a"', '{"a":1}\n', '{"a":\n', '"a"\n:1', "}{", '{"a":1', "\n}\n"]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(tokens, max_size=12).map("".join))
def test_a_lost_line_is_one_piece_and_no_record(text: str) -> None:
    data = text.encode()
    lost, rest = lost_in(data)
    assume(rest is not None)
    pieces = [(p.line, data[p.start : p.end].decode(), p.is_record) for p in pieces_of(data)]
    assert set(lost) <= {(line, text) for line, text, is_record in pieces if not is_record}
    assert stripped(lost + rest) == stripped([piece[:2] for piece in pieces])


def stripped(lines: Told) -> Told:
    """The same in order, without white space around."""
    return sorted((line, text.strip()) for line, text in lines)


@pytest.mark.parametrize(
    "text",
    [
        '{"oops": 123456\n' * 3,
        "x\n[]\nnull\n5\n",
        "{'a': 1}\n" * 3,
        '{"a":1]}\n',
        '"a",\n"b",\n"c"\n',
        "{\n{\n",
        ' \t{"a" \r\n x\r',
    ],
)
def test_what_is_plainly_no_record_is_lost_whatever_stands_around_it(text: str) -> None:
    good = '{"a":1}\n'
    lines = [line.lstrip(WHITE_SPACE.decode()) for line in text.removesuffix("\n").split("\n")]
    for before, after in (("", ""), (good, ""), ("", "\n" + good), (good, "\n" + good)):
        first = 1 + before.count("\n")
        made = before + text.removesuffix("\n") + after
        assert lost_in(made.encode())[0] == list(enumerate(lines, first))


@pytest.mark.parametrize(
    "record", ['{"a"\n:1}', '{"a":\n1}', '{\n"a":1}', '{"a":1\n}', '{"a":[\n1\n]\n,"b":2}']
)
def test_the_lines_of_a_record_are_not_lost(record: str) -> None:
    assert lost_in(f"x\n{record}\ny".encode())[0] == [(1, "x"), (record.count("\n") + 3, "y")]


def test_a_line_that_holds_a_record_and_more_is_not_lost() -> None:
    assert lost_in(b'{"a":1} x\n{"a":{}\nx')[0] == [(2, '{"a":{}'), (3, "x")]


@pytest.mark.parametrize(("rest", "lost"), [(b'"b":1}', []), (b"", [(1, '{"a":1,')])])
def test_the_last_line_is_lost_unless_the_object_goes_on(
    rest: bytes, lost: list[tuple[int, str]]
) -> None:
    line = b'{"a":1,\n'
    assert lost_in(line + rest, len(line))[0] == lost
