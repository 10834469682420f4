"""The reader is held against the oracle on records nobody would write by hand."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sparkify_dagster.lake.reader import reader as reading
from sparkify_dagster.lake.reader import records as cutting
from sparkify_dagster.lake.reader.reader import Batch, Reader
from sparkify_dagster.lake.reader.record_rules import Parsed, Rejected, validate
from sparkify_dagster.lake.reader.records import slices_of, units_of, whole
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Column, Type
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.record_cases import (
    EVENT_CASES,
    EVENT_FIELDS,
    EVENT_VALUES,
    SONG_CASES,
    SONG_FIELDS,
)

LOG_FIELDS = tuple(EVENT_FIELDS)
LOG_COLUMNS = tuple(EVENT_VALUES)
THOROUGH = settings(max_examples=60, deadline=None, derandomize=True, database=None)
QUICK = settings(THOROUGH, max_examples=25)

Where = tuple[int, int]
Outcomes = dict[Where, list[Any]]


@pytest.fixture(scope="module", autouse=True)
def in_small_pieces() -> Iterator[None]:
    """A few records are proven at once, and a few bytes tell how records are parted: bounds that
    large objects have stand within small ones.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "_CHUNK_ROWS", 3)
        patch.setattr(cutting, "_SAMPLE", 1200)
        yield


@pytest.fixture(scope="module")
def logs() -> Iterator[Reader]:
    """A reader of log records."""
    reader = Reader(loaded_columns(STAGING_EVENTS), LOG_FIELDS, threads=1)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def songs() -> Iterator[Reader]:
    """A reader of song records."""
    reader = Reader(loaded_columns(STAGING_SONGS), oracle.SONG_FIELDS, threads=1)
    yield reader
    reader.close()


# --------------------------------------------------------------------------------------------------
# What may stand in a lake
# --------------------------------------------------------------------------------------------------

ODD_TEXTS = (
    *("null", "true", "false", "NaN", "Infinity", "-Infinity", "[]", "{}", "[1,]", "{,}", "nul"),
    *(
        "0",
        "-0",
        "-",
        "1.0",
        "1e3",
        "1E-2",
        "1e999",
        "-1e999",
        "5e-324",
        "1e-999",
        ".5",
        "5.",
        "00",
    ),
    *("+1", "1_0", "0x1", "9" * 30, "9" * 400, "-" + "9" * 19, str(2**31), str(2**31 - 1)),
    *(str(-(2**31)), str(-(2**31) - 1), str(2**63), str(2**63 - 1), str(-(2**63)), str(2**64)),
    *(str(2**53 + 1), "0." + "1" * 40, "1" * 25 + ".5", "253402300799999", "253402300800000"),
    *("-62135596800000", "-62135596800001", '""', '" "', '"8"', '" 8"', '"8 "', '"+8"', '"007"'),
    *('"-0"', '"1.0"', '"1e3"', '"1.5"', '"NaN"', '"inf"', '"8\\n"', '"\\u0038"', '"٨"', '"1e999"'),
    *(
        '"\\ud83d"',
        '"\\ude00\\ud83d"',
        '"\\ud83d\\ude00"',
        '"\\\\ud83d"',
        '"\\u0000"',
        '"a\\u0000"',
    ),
    *('"\\\\u0000"', '"\ufeff"', '"\ud7ff\ue000"', '"\\x"', '"\\u12"', '"\t"', '"\r"', '"\x00"'),
    *('"' + "x" * 256 + '"', '"' + "x" * 257 + '"', '"' + "é" * 129 + '"', '"' + "x" * 1025 + '"'),
    *("[" * 200 + "]" * 200, '{"a":' * 60 + "1" + "}" * 60, "[" * 90, '{"a":1,"a":2}', "[1}", ""),
)
"""JSON values and what pretends to be one: every kind, every edge of a type."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
).map(lambda value: json.dumps(value, ensure_ascii=False))
escaped = st.text(st.characters(codec=None), max_size=8).map(json.dumps)
decimals = st.from_regex(
    r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
integers = st.integers(-(2**65), 2**65).map(str)
json_texts = st.one_of(
    st.sampled_from(ODD_TEXTS),
    json_values,
    escaped,
    decimals,
    integers,
    decimals.map('"{}"'.format),
    integers.map('"{}"'.format),
)
white_space = st.sampled_from(["", "", "", " ", "\t", "\r", "  ", "\r\r"])


@st.composite
def records(draw: st.DrawFn, fields: dict[str, str]) -> bytes:
    """A good record with a field or two changed; now and then left out, added, spelt otherwise."""
    names = st.sampled_from(tuple(fields))
    pairs = dict(fields) | draw(st.dictionaries(names, json_texts, min_size=1, max_size=3))
    oddity = draw(st.sampled_from(ODDITIES))
    if oddity == "left out":
        pairs.pop(draw(names), None)
    said = list(pairs.items())
    if oddity == "added":
        said.append((draw(st.text(max_size=3)), draw(json_texts)))
    if oddity == "repeated":
        said.append((draw(names), draw(json_texts)))
    spelt = _with_escapes if oddity == "escaped" else json.dumps
    blank = draw(white_space) if oddity == "spaced" else ""
    end = draw(st.sampled_from(ENDS)) if oddity == "ended" else "}"
    members = (f"{spelt(name)}{blank}:{text}" for name, text in said)
    return (blank + "{" + f",{blank}".join(members) + end).encode("utf-8", "surrogatepass")


ODDITIES = (*("none",) * 4, "left out", "added", "repeated", "escaped", "spaced", "ended")
ENDS = (",}", ", }", ",,}", "", "}\r", "} ", "}}", "},", "}{}", "}\x00", "}\x0c", "]")


@st.composite
def damaged(draw: st.DrawFn, lines: st.SearchStrategy[bytes]) -> bytes:
    """A line with a few bytes cut out or put in."""
    line = draw(lines)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(line)))
        cut = draw(st.sampled_from([0, 0, 1, 1, 2, 30]))
        put = draw(st.binary(max_size=3) | st.sampled_from(JUNK))
        line = line[:start] + put + line[start + cut :]
    return line


JUNK = (
    *(bytes([byte]) for byte in b'{}[],:"\\\r\n\t 0\xc3\xff\x00'),
    b"\xed\xa0\xbd",
    b"\xef\xbb\xbf",
)


def _with_escapes(name: str) -> str:
    """A name in quotes whose every letter is an escape, as JSON allows."""
    return '"' + "".join(map(_escape, name)) + '"'


def _escape(letter: str) -> str:
    return json.dumps(letter)[1:-1] if ord(letter) > 126 else f"\\u{ord(letter):04x}"


def objects(fields: dict[str, str], cases: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Objects of a few lines: good, odd, damaged, blank, or any bytes."""
    good = "{{{}}}".format(",".join(f'"{k}":{v}' for k, v in fields.items())).encode()
    odd = records(fields)
    bare = json_texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
    few = st.sampled_from([b"", b" ", b"\r", b"\t \x0b\x0c", b"null", b"{}", b"[]", b"\xc2\xa0"])
    strange = few | st.binary(max_size=12) | bare
    line = _weighted(
        (1, st.just(good)),
        (6, odd),
        (2, damaged(odd)),
        (1, damaged(st.just(good))),
        (2, st.sampled_from(cases)),
        (1, strange),
    )
    ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n"])
    return st.builds(lambda lines, end: end.join(lines), st.lists(line, max_size=6), ends)


def _weighted(*choices: tuple[int, st.SearchStrategy[bytes]]) -> st.SearchStrategy[bytes]:
    """Draw from strategies by weight (`one_of` would give each branch of a branch a share)."""
    spread = [number for number, (weight, _) in enumerate(choices) for _ in range(weight)]
    return st.sampled_from(spread).flatmap(lambda number: choices[number][1])


@st.composite
def streams(draw: st.DrawFn, fields: dict[str, str]) -> bytes:
    """Records and what is none, parted in any way, spread over lines, then damaged or not."""
    good = "{{{}}}".format(",".join(f'"{k}":{v}' for k, v in fields.items())).encode()
    spread = good.replace(b",", b",\n").replace(b"{", b"{\n")
    within = b'{"a":[\n' + good + b"\n,{}" + good[:-1] + b',"b":{"c":1}}\n]}'
    piece = _weighted(
        (6, st.just(good)),
        (2, st.sampled_from([spread, within, good[:-1] + b',"x":"}{\\"{}"}'])),
        (1, records(fields)),
        (1, damaged(st.sampled_from([good, spread, within]))),
        (1, st.sampled_from(FRAGMENTS)),
    )
    parts = draw(st.lists(st.tuples(piece, st.sampled_from(PARTINGS)), max_size=12))
    whole = b"".join(map(b"".join, parts))
    return draw(damaged(st.just(whole))) if draw(st.integers(0, 3)) == 0 else whole


PARTINGS = (
    *(b"",) * 4,
    *(b"\n",) * 6,
    b" ",
    b"\r\n",
    b"\n\n",
    b",",
    b",\n",
    b"\r",
    b"\n \n",
    b"\x00",
)
FRAGMENTS = (
    *(b"{", b"}", b"[", b"]", b"{}", b"[]", b'"', b'{"a":', b'{"a":[', b'{"a":{}', b"1", b"null"),
    *(
        b'{"a":"}{"}',
        b'{"a":"}{',
        b'{"a":"\\ud83d","b":\n',
        b"\xff",
        b"\xef\xbb\xbf",
        b'{"a":nan,}',
    ),
)


log_objects = objects(EVENT_FIELDS, [case.raw for case in EVENT_CASES])
song_objects = objects(SONG_FIELDS, [case.raw for case in SONG_CASES])
several_logs = st.lists(log_objects, max_size=4)
several_songs = st.lists(song_objects, max_size=4)


# --------------------------------------------------------------------------------------------------
# What was read, in a form that can be compared
# --------------------------------------------------------------------------------------------------


class Respelt:
    """A bare number in a character column: any text of the same number will do."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        if self.text == other or not isinstance(other, str):
            return self.text == other
        with contextlib.suppress(ValueError):
            return float(self.text) == float(other)
        return False

    def __repr__(self) -> str:
        return f"Respelt({self.text!r})"


def read(batch: Batch) -> Outcomes:
    """By object and line: each row, and the column to blame for each reject in a list."""
    outcomes: Outcomes = {}
    for row in batch.rows.to_pylist():
        *values, index, line = row.values()
        outcomes.setdefault((index, line), []).append(tuple(values))
    for item in batch.rejects:
        outcomes.setdefault((item.object, item.line), []).append([item.column])
    return outcomes


def assert_same(found: Outcomes, wanted: Outcomes) -> None:
    """The same outcomes; those of one line in any order."""
    assert found.keys() == wanted.keys()
    for where, outcomes in wanted.items():
        left = list(found[where])
        for outcome in outcomes:
            assert outcome in left, where
            left.remove(outcome)
        assert left == [], where


def expected(
    contents: Iterable[bytes],
    reads: Callable[[bytes], Iterable[tuple[int, Any]]],
    columns: Sequence[oracle.Column],
    fields: Sequence[str],
) -> Outcomes:
    """The same from the oracle; bare numbers in character columns may be spelt in any way."""
    outcomes: Outcomes = {}
    for index, content in enumerate(contents):
        for (line, outcome), (_, text, _) in zip(
            reads(content), oracle.stream(content), strict=False
        ):
            here = outcomes.setdefault((index, line), [])
            if isinstance(outcome, oracle.Reason):
                here.append([outcome.column])
            else:
                record = dict(oracle.parse_json(text.decode()))
                here.append(_loosened(outcome, record, columns, fields))
    return outcomes


def _loosened(
    row: oracle.Row, values: dict[str, Any], columns: Sequence[oracle.Column], fields: Sequence[str]
) -> tuple[Any, ...]:
    return tuple(
        Respelt(value)
        if column.kind == "text"
        and not isinstance(values.get(name), bool)
        and value is not None
        and type(values[name]) is not str
        else value
        for value, column, name in zip(row, columns, fields, strict=True)
    )


def expected_logs(contents: Iterable[bytes]) -> Outcomes:
    """What the oracle reads in log objects."""

    def reads(content: bytes) -> Iterator[oracle.Outcome]:
        return oracle.read_log(content, LOG_FIELDS)

    return expected(contents, reads, oracle.EVENT_COLUMNS, LOG_FIELDS)


def expected_songs(contents: Iterable[bytes]) -> Outcomes:
    """What the oracle reads in song objects."""
    return expected(contents, oracle.read_songs, oracle.SONG_COLUMNS, oracle.SONG_FIELDS)


# --------------------------------------------------------------------------------------------------
# The properties
# --------------------------------------------------------------------------------------------------


@THOROUGH
@given(contents=several_logs)
def test_log_objects_are_read_as_the_oracle_reads_them(logs: Reader, contents: list[bytes]) -> None:
    assert_same(read(logs.read_lines(contents)), expected_logs(contents))


@THOROUGH
@given(contents=several_songs)
@example(contents=[b"null\n{}"])
@example(contents=[b"[\n{}\n]"])
@example(contents=[b"\xc3", b"\xa9"])
@example(contents=[SONG_CASES[0].raw + b"\n\x0b"])
def test_song_objects_are_read_as_the_oracle_reads_them(
    songs: Reader, contents: list[bytes]
) -> None:
    assert_same(read(songs.read_wholes(contents)), expected_songs(contents))


@THOROUGH
@given(contents=st.lists(streams(EVENT_FIELDS), max_size=3))
def test_streams_of_log_records_are_read_as_the_oracle_reads_them(
    logs: Reader, contents: list[bytes]
) -> None:
    assert_same(read(logs.read_lines(contents)), expected_logs(contents))


@THOROUGH
@given(contents=st.lists(streams(SONG_FIELDS), max_size=3))
def test_streams_of_song_records_are_read_as_the_oracle_reads_them(
    songs: Reader, contents: list[bytes]
) -> None:
    assert_same(read(songs.read_wholes(contents)), expected_songs(contents))


@THOROUGH
@given(contents=st.lists(log_objects | streams(EVENT_FIELDS), max_size=3))
def test_objects_read_in_small_pieces_are_read_as_the_oracle_reads_them(
    logs: Reader, contents: list[bytes]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, small in (("_UNIT_BYTES", 200), ("_UNIT_SLICES", 2), ("_STEP", 7), ("_SMALL", 9)):
            patch.setattr(cutting, name, small)
        patch.setattr(reading, "_JUDGED_AT_ONCE", 2)
        together = read(logs.read_lines(contents))
    assert_same(together, expected_logs(contents))


@QUICK
@given(contents=several_logs | st.lists(streams(EVENT_FIELDS), max_size=2))
def test_what_the_fast_path_accepts_is_what_judge_gives(
    logs: Reader, contents: list[bytes]
) -> None:
    held = dict(enumerate(contents))
    for unit in units_of(held):
        candidates = slices_of(held, unit).rows
        _hold_against_judge(logs, candidates, loaded_columns(STAGING_EVENTS))


@QUICK
@given(contents=several_songs)
def test_what_the_fast_path_accepts_of_songs_is_what_judge_gives(
    songs: Reader, contents: list[bytes]
) -> None:
    candidates = whole(dict(enumerate(contents))).rows
    _hold_against_judge(songs, candidates, loaded_columns(STAGING_SONGS))


def _hold_against_judge(reader: Reader, candidates: Any, columns: Sequence[Column]) -> None:
    # Alone, too: a chunk is proven as a whole or not at all.
    alone = [candidates.slice(number, 1) for number in range(candidates.num_rows)]
    for some in (candidates, *alone):
        judged: Outcomes = {}
        seen = reader._ask(reader._parse, some).to_pylist()
        for at, line, text, *parsed in map(dict.values, seen):
            with contextlib.suppress(Rejected):
                values = validate(Parsed(*parsed), text, columns)
                judged.setdefault((at, line), []).append(values)
        for where, rows in read(reader._fast_path(some).batch).items():
            for row in rows:
                assert row in judged.get(where, []), "the fast path accepts what judge does not"
                judged[where].remove(row)


@QUICK
@given(contents=st.lists(st.binary(max_size=60), max_size=5))
def test_all_pieces_of_any_bytes_are_a_row_or_a_reject(logs: Reader, contents: list[bytes]) -> None:
    batch = logs.read_lines(contents)
    pieces = [piece for content in contents for piece in oracle.stream(content)]
    assert batch.rows.num_rows + len(batch.rejects) == len(pieces)


@QUICK
@given(contents=several_logs, first=st.integers(0, 10_000))
def test_log_objects_read_together_come_to_the_same_as_alone(
    logs: Reader, contents: list[bytes], first: int
) -> None:
    together = logs.read_lines(contents, first)
    alone = [logs.read_lines([content], first + i) for i, content in enumerate(contents)]
    assert_same(read(together), {w: o for batch in alone for w, o in read(batch).items()})
    assert together.unknown == sum(
        (batch.unknown for batch in alone), start=type(together.unknown)()
    )


@QUICK
@given(contents=several_songs, first=st.integers(0, 10_000))
def test_song_objects_read_together_come_to_the_same_as_alone(
    songs: Reader, contents: list[bytes], first: int
) -> None:
    together = songs.read_wholes(contents, first)
    alone = [songs.read_wholes([content], first + i) for i, content in enumerate(contents)]
    assert_same(read(together), {w: o for batch in alone for w, o in read(batch).items()})
    assert together.unknown == sum(
        (batch.unknown for batch in alone), start=type(together.unknown)()
    )


@QUICK
@given(content=log_objects)
def test_a_reason_never_tells_the_value(logs: Reader, content: bytes) -> None:
    secret = b'"Zanzibar-4711"'
    for field in EVENT_FIELDS:
        content = content.replace(EVENT_FIELDS[field].encode(), secret)
    reasons = [item.reason for item in logs.read_lines([content]).rejects]
    assert not [reason for reason in reasons if "Zanzibar" in reason]


field_names = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6
)


@settings(QUICK, max_examples=40)
@given(
    names=st.lists(
        field_names | st.sampled_from(["/", "~1", "'", "$", "*", "0", "#"]), min_size=3, max_size=3
    )
)
def test_a_field_may_have_any_name_and_feed_several_columns(names: list[str]) -> None:
    columns = [Column(f"c{number}", Type.VARCHAR, "Any.", length=256) for number in range(3)]
    wanted = [oracle.Column(column.name, "text", 256) for column in columns]
    reader = Reader(columns, names, threads=1)
    record = {name: f"value {index}" for index, name in enumerate(names)} | {"unknown": 1}
    raw = json.dumps(record).encode()
    try:
        batch = reader.read_lines([raw])
    finally:
        reader.close()
    assert read(batch) == {(0, 1): [oracle.read_record(raw, wanted, names)]}
    known = set(names)
    assert dict(batch.unknown) == ({} if "unknown" in known else {(0, "unknown"): 1})


def test_the_values_that_are_equal_but_not_the_same_are_known_to_the_tests() -> None:
    assert Respelt("1e3") == "1000.0"
    assert Respelt("1" * 30) == "1" * 30
    assert not math.isfinite(float("1e999"))
