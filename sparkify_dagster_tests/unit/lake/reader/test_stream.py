"""Where records begin and end; that any bytes are parted as the contract says is a property's."""

from __future__ import annotations

import time
from collections.abc import Callable

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkify_dagster.lake.reader.stream import Piece, Torn, pieces_of
from sparkify_dagster_tests.record_cases import STREAMS, StreamCase


def by_name(case: StreamCase) -> str:
    """The case's own words."""
    return case.name


@pytest.mark.parametrize("case", STREAMS, ids=by_name)
def test_an_object_is_parted_as_its_case_says(case: StreamCase) -> None:
    pieces = list(pieces_of(case.of(b'{"good":1}')))
    assert len(pieces) == len(case.good) + len(case.rejected)
    assert sorted(piece.line for piece in pieces) == sorted(case.good + case.rejected)


def test_nothing_is_left_out_but_white_space() -> None:
    data = b' {"a":1}{}x y\r\n\n{"b":\n\t2} \xff'
    pieces = list(pieces_of(data))
    assert pieces == [
        Piece(1, 8, 1, True),
        Piece(8, 10, 1, True),
        Piece(10, 14, 1, False),
        Piece(16, 25, 3, True),
        Piece(26, 27, 4, False),
    ]


def test_only_regions_are_looked_at_and_none_may_be_left_in_the_midst_of_a_piece() -> None:
    data = b'{}\nx\n{}\n{"a":\n1}\n{}'
    assert list(pieces_of(data, [(3, 5)])) == [Piece(3, 4, 2, False)]
    assert list(pieces_of(data, [(3, 5), (8, 17)])) == [
        Piece(3, 4, 2, False),
        Piece(8, 16, 4, True),
    ]
    with pytest.raises(Torn):
        list(pieces_of(data, [(8, 14)]))


# --------------------------------------------------------------------------------------------------
# The grammar is DuckDB's
# --------------------------------------------------------------------------------------------------

TOKENS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"a"',
        '"b":',
        "{}",
        "[]",
        '{"a":1}',
        " ",
        "\n",
        "\r\t",
        "\x0b",
    ),
    *(
        "0",
        "-0",
        "01",
        "1.5",
        "1.",
        ".5",
        "1e5",
        "1E+",
        "-",
        "+1",
        "9" * 400,
        "1e999",
        "0x1",
        "1_0",
    ),
    *("true", "false", "null", "True", "nul", "nan", "-NaN", "inf", "-INF", "infinity", "infini"),
    *('"', '"\\n"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\udE00\\uD83d"', '"\\x"'),
    *(
        '"\\u12"',
        '"\t"',
        '"\x00"',
        '"\x7f"',
        '"é🎵"',
        '"\\"}{"',
        "\\",
        "\x00",
        "\ufeff",
        "//",
        "'a'",
    ),
)
values = st.recursive(
    st.sampled_from(["1", "-0.5e3", "nan", "-inf", '"x"', '"\\u00e9é"', "null", "true"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: f"[{','.join(v)}]")
        | st.lists(inner, max_size=3).map(lambda v: "{" + ",".join(f'"k":{i}' for i in v) + "}")
        | st.lists(inner, min_size=1, max_size=3).map(lambda v: f"[{' , '.join(v)},\n]")
    ),
    max_leaves=8,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An object, nearly."""
    text = '{"a":' + draw(values) + draw(st.sampled_from(["}", ",}", " }", "\n,\n}", ""]))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(1, len(text)))
        cut = draw(st.sampled_from([0, 0, 1, 2]))
        text = text[:at] + draw(st.sampled_from(TOKENS)) + text[at + cut :]
    return text


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.lists(texts(), min_size=1, max_size=60))
def test_an_object_can_be_read_where_duckdb_reads_one(tried: list[str]) -> None:
    asked = "SELECT json_valid(t) FROM (SELECT unnest($texts) AS t)"
    valid = [bool(v) for (v,) in duckdb.execute(asked, {"texts": tried}).fetchall()]
    pieces = [list(pieces_of(text.encode())) for text in tried]
    alone = [len(found) == 1 and found[0].is_record for found in pieces]
    assert dict(zip(tried, alone, strict=True)) == dict(zip(tried, valid, strict=True))


# --------------------------------------------------------------------------------------------------
# No input takes more than its share of time
# --------------------------------------------------------------------------------------------------

HARD: dict[str, Callable[[int], bytes]] = {
    "a bracket opened on each line": lambda n: b'{"a":\n' * n,
    "two brackets opened on each line": lambda n: b'{"a":[\n' * n,
    "brackets opened on one line": lambda n: b'{"a":' * n,
    "brackets opened and closed": lambda n: b'{"a":\n' * n + b"1" + b"}" * n,
    "brackets opened, the last one broken": lambda n: b'{"a":\n' * n + b"1" + b"}" * (n - 1) + b"]",
    "broken lines": lambda n: b'{"a":oops\n' * n,
    "texts that do not end": lambda n: b'{"a":"oops\n' * n,
    "lone surrogates within each other": lambda n: b'{"x":"\\ud800","a":\n' * n,
    "bad bytes at the end of what is open": lambda n: b'{"a":[\n' + b"{},\n" * n + b'"\xff"]}\n',
    "records within a broken one": lambda n: b'{"a":[\n' + b'{"x":{}},\n' * n,
    "records on a line": lambda n: b'{"a":1} ' * n,
    "garbage on a line": lambda n: b"{]x" * n,
    "white space within a broken one": lambda n: b'{"a"' + b" \n" * n + b":{" + b" \n" * n + b"{}",
}


@pytest.mark.parametrize("name", HARD)
def test_four_times_the_input_takes_about_four_times_as_long(name: str) -> None:
    def took(size: int) -> float:
        data = HARD[name](size)
        started = time.process_time()
        for _ in pieces_of(data):
            pass
        return time.process_time() - started

    small = max(min(took(8_000) for _ in range(2)), 0.01)
    assert min(took(32_000) for _ in range(2)) < 10 * small
