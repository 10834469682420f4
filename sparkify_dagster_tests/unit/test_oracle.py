"""The oracle is held against tiny lakes made by hand, one rule of the contract at a time."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster_tests.oracle import (
    EVENT_COLUMNS,
    SONG_COLUMNS,
    SONG_FIELDS,
    BrokenJsonError,
    Event,
    Expected,
    LakePaths,
    Reason,
    SettingsError,
    Song,
    artist_rows,
    event_fields,
    expected_tables,
    in_order,
    log_day,
    parse_carefully,
    parse_json,
    read_log,
    read_record,
    read_songs,
    song_rows,
    songplay_rows,
    user_rows,
)
from sparkify_dagster_tests.record_cases import (
    EVENT,
    EVENT_CASES,
    EVENT_FIELDS,
    SONG,
    SONG_CASES,
    STREAMS,
    Outcome,
    RecordCase,
    StreamCase,
    ndjson,
)

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared" / "sample-lake"
SAMPLES = [SAMPLE] if SAMPLE.is_dir() else []
EVENTS = "staging_events_table"
SONGS = "staging_songs_table"
FIELDS = tuple(EVENT_FIELDS)
DAY_1, DAY_2 = date(2018, 11, 1), date(2018, 11, 2)
NOON = 1541073600000  # 2018-11-01 12:00:00 UTC


class Lake:
    """A lake in a folder, with a document of the usual JSONPaths."""

    def __init__(self, root: Path) -> None:
        self.paths = LakePaths(root / "song_data", root / "log_data", root / "paths.json")
        self.maps([f"$['{name}']" for name in FIELDS])

    def maps(self, paths: object) -> None:
        """Write the JSONPaths document."""
        self.paths.jsonpaths.write_text(json.dumps({"jsonpaths": paths}))

    def log(self, key: str, *records: dict[str, Any] | bytes) -> None:
        """Write a log object."""
        _write(self.paths.logs / key, records)

    def song(self, key: str, *records: dict[str, Any] | bytes) -> None:
        """Write a song object."""
        _write(self.paths.songs / key, records)

    def expected(self, **options: Any) -> Expected:
        """Return what the oracle says of the lake as it is now, whatever the order of rows."""
        expected = expected_tables(self.paths, **options)
        events = [Event(*row[:19]) for row in reversed(expected.staging_events)]
        songs = [Song(*row[:10]) for row in reversed(expected.staging_songs)]
        assert in_order(songplay_rows(events, songs)) == expected.songplay
        assert in_order(user_rows(events)) == expected.user
        assert in_order(song_rows(songs)) == expected.song
        assert in_order(artist_rows(songs)) == expected.artist
        return expected


def _write(path: Path, records: Iterable[dict[str, Any] | bytes]) -> None:
    lines = (r if isinstance(r, bytes) else json.dumps(r).encode() for r in records)
    content = b"\n".join(lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path)


def an_event(**changes: Any) -> dict[str, Any]:
    """Return a play by user 8 that matches `a_song`."""
    return {
        "artist": "The Box Tops",
        "auth": "Logged In",
        "firstName": "Kaylee",
        "gender": "F",
        "itemInSession": 1,
        "lastName": "Summers",
        "length": 148.0,
        "level": "free",
        "location": "Phoenix",
        "method": "PUT",
        "page": "NextSong",
        "registration": 1540344794796.0,
        "sessionId": 139,
        "song": "Soul Deep",
        "status": 200,
        "ts": NOON,
        "userAgent": "Mozilla",
        "userId": "8",
    } | changes


def a_song(**changes: Any) -> dict[str, Any]:
    """Return a song with every field."""
    return {
        "num_songs": 1,
        "artist_id": "AR1",
        "artist_latitude": 35.5,
        "artist_longitude": -90.5,
        "artist_location": "Memphis, TN",
        "artist_name": "The Box Tops",
        "song_id": "SO1",
        "title": "Soul Deep",
        "duration": 148.03546,
        "year": 1969,
    } | changes


def md5(text: str) -> str:
    """Return the MD5 of a text in lower-case hex."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def keys_staged(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return the objects that rows come from."""
    return [row[-2] for row in rows]


# Reading records ----------------------------------------------------------------------------------


def _by_name(case: RecordCase) -> str:
    return case.name


def _check(case: RecordCase, outcomes: list[tuple[int, Any]]) -> None:
    if case.outcome is Outcome.NOTHING:
        assert outcomes == []
    elif case.outcome is Outcome.ACCEPTED:
        assert outcomes == [(1, case.row)]
        assert [type(v) for v in outcomes[0][1]] == [type(v) for v in _plain(case.row)]
    else:
        [(line, reason)] = outcomes
        assert (line, reason.column) == (1, case.blamed), reason


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(v if isinstance(v, int | float | datetime | None) else str(v) for v in row)


@pytest.mark.parametrize("case", EVENT_CASES, ids=_by_name)
def test_the_oracle_reads_each_event_case_as_stated(case: RecordCase) -> None:
    _check(case, list(read_log(case.raw, FIELDS)))


@pytest.mark.parametrize("case", SONG_CASES, ids=_by_name)
def test_the_oracle_reads_each_song_case_as_stated(case: RecordCase) -> None:
    _check(case, list(read_songs(case.raw)))


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.name)
def test_the_oracle_parts_each_stream_as_stated(case: StreamCase) -> None:
    told = read_log(case.of(EVENT.line()), FIELDS), read_songs(case.of(SONG.line()))
    for outcomes in map(list, told):
        rejected = tuple(line for line, outcome in outcomes if isinstance(outcome, Reason))
        good = tuple(line for line, outcome in outcomes if not isinstance(outcome, Reason))
        assert (good, rejected) == (case.good, case.rejected)


@pytest.mark.parametrize("cases", [EVENT_CASES, SONG_CASES], ids=["events", "songs"])
def test_case_names_are_unique(cases: list[RecordCase]) -> None:
    assert [name for name, n in Counter(case.name for case in cases).items() if n > 1] == []


def test_the_cases_hold_one_line_each() -> None:
    assert not any(b"\n" in case.raw for case in EVENT_CASES + SONG_CASES)


def test_there_are_at_least_eighty_cases() -> None:
    assert len(EVENT_CASES) + len(SONG_CASES) >= 80


def test_all_event_cases_in_one_object_keep_their_lines() -> None:
    outcomes = dict(read_log(ndjson(EVENT_CASES), FIELDS))
    for line, case in enumerate(EVENT_CASES, start=1):
        assert (line in outcomes) == (case.outcome is not Outcome.NOTHING)
        if line in outcomes:
            refused = isinstance(outcomes[line], Reason)
            assert refused == (case.outcome is Outcome.REJECTED), case.name


def test_all_song_cases_in_one_object_come_to_the_same_as_alone() -> None:
    outcomes = dict(read_songs(ndjson(SONG_CASES)))
    for line, case in enumerate(SONG_CASES, start=1):
        alone = [outcome for _, outcome in read_songs(case.raw)]
        assert alone == ([outcomes[line]] if line in outcomes else []), case.name


@pytest.mark.parametrize("case", EVENT_CASES + SONG_CASES, ids=_by_name)
def test_the_careful_parser_agrees_with_the_fast_one(case: RecordCase) -> None:
    try:
        text = case.raw.decode()
        fast = parse_json(text)
    except UnicodeDecodeError:
        return
    except BrokenJsonError:
        with pytest.raises(BrokenJsonError):
            parse_carefully(text)
        return
    careful = parse_carefully(text)
    assert type(careful) is type(fast)
    assert _scalars(careful) == _scalars(fast)


def _scalars(value: Any) -> Any:
    """Return the pairs of an object with every nested value as the same sign."""
    if not isinstance(value, list):
        return value
    if type(value) is list:
        return "nested"
    return [(key, "nested" if isinstance(v, list) else v) for key, v in value]


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "{", "}", "[", "]", ",", ":", '"', "{,}", "1 2", "[1:2]", "[1 2]", "[}", "{]"),
        *('{"a"}', '{"a":}', '{"a"::1}', '{"a":1:2}', '{"a",1}', '{"a":1 "b":2}', "{1:2}", "1:2"),
    ],
)
def test_fragments_are_broken_for_both_parsers(text: str) -> None:
    for parse in (parse_json, parse_carefully):
        with pytest.raises(BrokenJsonError):
            parse(text)


def test_the_first_column_at_fault_is_blamed() -> None:
    raw = json.dumps(an_event(artist=["x"], status=1.5, ts=None)).encode()
    assert read_record(raw, EVENT_COLUMNS, FIELDS) == Reason("artist", "not a text")


# Objects ------------------------------------------------------------------------------------------


def test_a_log_line_is_numbered_as_lf_splits_them(lake: Lake) -> None:
    lake.log("2018-11-01.json", b"", an_event(), b" \t\r", b"oops", an_event(), b"")
    expected = lake.expected(reject_limit=0.5)
    assert [row[-1] for row in expected.staging_events] == [2, 5]
    assert expected.rejects == [(EVENTS, "2018-11-01.json", 4)]
    assert expected.reasons[EVENTS, "2018-11-01.json", 4].column is None


def test_a_staged_event_ends_with_its_day_its_object_and_its_line(lake: Lake) -> None:
    lake.log("2018/11/2018-11-01-events.json", an_event())
    assert lake.expected().staging_events == [
        (
            *("The Box Tops", "Logged In", "Kaylee", "F", 1, "Summers", 148.0, "free", "Phoenix"),
            *("PUT", "NextSong", 1540344794796.0, 139, "Soul Deep", 200),
            *(datetime(2018, 11, 1, 12), "Mozilla", 8),
            *(DAY_1, "2018/11/2018-11-01-events.json", 1),
        )
    ]


def test_a_staged_song_ends_with_its_object_and_its_line(lake: Lake) -> None:
    lake.song("A/B/x.json", a_song())
    assert lake.expected().staging_songs == [
        (
            *(1, "AR1", 35.5, -90.5, "Memphis, TN", "The Box Tops"),
            *("SO1", "Soul Deep", 148.03546, 1969),
            *("A/B/x.json", 1),
        )
    ]


def test_only_json_objects_outside_hidden_folders_count(lake: Lake) -> None:
    good = ["A/a.json", "A/a.json.gz", "A/b_c.json", "A/d.e/f.json", "A/a.JSON", "A/a.jsonl"]
    good += ["A/b.NDJSON"]
    hidden = ["_SUCCESS", ".x.json", "_x.json", ".ipynb_checkpoints/x.json", "A/_tmp/x.json"]
    other = ["A/a.txt", "A/json", "A/a.json.bz2", "A/a.jsonx", "A/a.json.gz.bak", "A/a.gz"]
    for key in good + hidden + other:
        lake.song(key, a_song())
    (lake.paths.songs / "A" / "folder.json").mkdir()
    assert sorted(keys_staged(lake.expected().staging_songs)) == sorted(good)


def test_a_hidden_segment_above_the_prefix_does_not_matter(tmp_path: Path) -> None:
    root = tmp_path / ".hidden" / "_lake"
    root.mkdir(parents=True)
    lake = Lake(root)
    lake.song("a.json", a_song())
    assert keys_staged(lake.expected().staging_songs) == ["a.json"]


def test_hidden_logs_are_not_even_unroutable(lake: Lake) -> None:
    lake.log(".ipynb_checkpoints/2018-11-01.json", an_event())
    lake.log("_tmp/nothing.json", an_event())
    assert lake.expected().unroutable == {}


def test_a_gzip_of_several_members_is_read_whole(lake: Lake) -> None:
    lake.log("2018-11-01.json.gz")
    members = [
        gzip.compress(json.dumps(an_event(itemInSession=i)).encode() + b"\n") for i in (1, 2)
    ]
    (lake.paths.logs / "2018-11-01.json.gz").write_bytes(b"".join(members))
    assert [row[4] for row in lake.expected().staging_events] == [1, 2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed + b"garbage",
        lambda packed: packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:],
        lambda packed: b"plain text",
        lambda packed: packed + packed[:12],
    ],
    ids=["cut", "halved", "garbage after", "wrong checksum", "no gzip", "second member cut"],
)
def test_a_spoilt_gzip_fails_its_day_alone_and_rejects_nothing(lake: Lake, spoil: Any) -> None:
    lake.log("2018-11-01.json", an_event())
    lake.log("2018-11-01.json.gz", an_event(itemInSession=2))
    lake.log("2018-11-02.json", an_event(itemInSession=3))
    spoilt = lake.paths.logs / "2018-11-01.json.gz"
    spoilt.write_bytes(spoil(spoilt.read_bytes()))
    expected = lake.expected()
    assert expected.failed_days == {DAY_1}
    assert keys_staged(expected.staging_events) == ["2018-11-02.json"]
    assert expected.rejects == []
    assert list(expected.unreadable) == [(EVENTS, "2018-11-01.json.gz")]


def test_a_spoilt_gzip_fails_the_song_load(lake: Lake) -> None:
    lake.song("a.json", a_song())
    lake.song("b.json.gz", a_song())
    (lake.paths.songs / "b.json.gz").write_bytes(b"oops")
    expected = lake.expected()
    assert expected.songs_failed
    assert expected.staging_songs == []


def test_an_object_and_its_gzip_are_two_objects(lake: Lake) -> None:
    lake.log("2018-11-01.json", an_event(itemInSession=1))
    lake.log("2018-11-01.json.gz", an_event(itemInSession=2))
    assert keys_staged(lake.expected().staging_events) == ["2018-11-01.json", "2018-11-01.json.gz"]


# The shape of a song object -----------------------------------------------------------------------

SONG_A, SONG_B = (json.dumps(a_song(song_id=song_id)).encode() for song_id in ("SOA", "SOB"))


@pytest.mark.parametrize(
    ("content", "accepted", "rejected"),
    [
        (SONG_A, [1], []),
        (b"\n\n" + SONG_A + b"\n", [3], []),
        (json.dumps(a_song(), indent=1).encode(), [1], []),
        (json.dumps(a_song(), indent=1).replace("\n", "\r\n").encode(), [1], []),
        (SONG_A + b"\n" + SONG_B, [1, 2], []),
        (SONG_A + b"\r\n\r\n" + SONG_B + b"\r\n", [1, 3], []),
        (b"oops\n" + SONG_B, [2], [1]),
        (SONG_A + b"\noops\nnull", [1], [2, 3]),
        (b"oops\n{}\nnull", [], [1, 2, 3]),
        (b"oops\n{}", [], [1, 2]),
        (b"oops\nnull\n[]", [], [1]),
        (b"\n\noops", [], [1]),
        (json.dumps(a_song(), indent=1).encode()[:-2], [], [1]),
        (json.dumps(a_song(title=1), indent=1).encode()[:-2] + b",\n}", [1], []),
        (b"[\n" + SONG_A + b"\n]", [2], [1, 3]),
        (b"[\n" + SONG_A + b",\n" + SONG_B + b"\n", [2, 3], [1, 2]),
        (b"\xff" + SONG_A + b"\n" + SONG_B, [2], [1]),
        (b"\xef\xbb\xbf" + SONG_A, [], [1]),
        (b"\xef\xbb\xbf" + SONG_A + b"\n" + SONG_B, [2], [1]),
        (b"", [], []),
        (b" \n\r\n\t", [], []),
        (b"null", [], [1]),
        (b"\n\nnull\n", [], [1]),
        (SONG_A + b"\n\x0b", [1], [2]),
    ],
    ids=[
        "one line",
        "one line after blank ones",
        "pretty-printed",
        "pretty-printed with CRLF",
        "two lines",
        "two lines with CRLF and a blank one",
        "a bad line before a good one",
        "bad lines after a good one",
        "an empty object among bad lines is a record",
        "an empty object after a bad line is a record",
        "no line that is an object",
        "a bad line after blank ones",
        "pretty-printed and cut",
        "pretty-printed with a trailing comma",
        "an array over lines",
        "an array cut before its end",
        "bad UTF-8 on one line of two",
        "a byte-order mark",
        "a byte-order mark on one line of two",
        "empty",
        "white space",
        "null",
        "null after blank lines",
        "one line and a vertical tab",
    ],
)
def test_a_song_object_is_a_stream_or_one_reject(
    content: bytes, accepted: list[int], rejected: list[int]
) -> None:
    outcomes = list(read_songs(content))
    assert [line for line, outcome in outcomes if not isinstance(outcome, Reason)] == accepted
    assert [line for line, outcome in outcomes if isinstance(outcome, Reason)] == rejected


# Log days -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("2018-11-01-events.json", DAY_1),
        ("2018/11/2018-11-01-events.json", DAY_1),
        ("2018/11/02/2018-11-01-events.json", DAY_1),
        ("x2018-11-01x2018-11-02.json", DAY_1),
        ("12018-11-011.json.gz", DAY_1),
        ("2018/11/01/part-0.json", DAY_1),
        ("a/2018/11/01/b/part-0.json", DAY_1),
        ("2018/11/01/02/part-0.json", DAY_1),
        ("2018/12018/11/2018/11/01/part-0.json", DAY_1),
    ],
)
def test_the_day_comes_from_the_name_and_else_from_the_path(key: str, day: date) -> None:
    assert log_day(key) == day


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("events.json", "no day"),
        ("2018-11-01/events.json", "no day"),
        ("2018/11/events.json", "no day"),
        ("2018/11/01.json", "no day"),
        ("x2018/11/01/events.json", "no day"),
        ("2018/11/01x/events.json", "no day"),
        ("2018/11/a/01/events.json", "no day"),
        ("20181101.json", "no day"),
        ("2018-1-1.json", "no day"),
        ("\uff12\uff10\uff11\uff18-11-01.json", "no day"),
        ("2018-02-30.json", "2018-02-30 is no calendar date"),
        ("0000-01-01.json", "0000-01-01 is no calendar date"),
        ("2018-13-01-2018-11-01.json", "2018-13-01 is no calendar date"),
        ("2018/11/01/2018-11-31.json", "2018-11-31 is no calendar date"),
        ("2018/02/30/events.json", "2018/02/30 is no calendar date"),
        ("2018-10-31.json", "before the first day"),
        ("2018-11-04.json", "after the last day"),
    ],
)
def test_an_object_without_a_good_day_is_unroutable_and_fails_nothing(
    lake: Lake, key: str, why: str
) -> None:
    lake.log(key, an_event())
    lake.log("2018-11-03.json", an_event())
    expected = lake.expected(last_day=date(2018, 11, 3))
    assert list(expected.unroutable) == [key]
    assert why in expected.unroutable[key]
    assert keys_staged(expected.staging_events) == ["2018-11-03.json"]
    assert expected.failed_days == set()


def test_without_a_last_day_every_later_day_loads(lake: Lake) -> None:
    lake.log("9999-12-31.json", an_event())
    assert [row[18] for row in lake.expected().staging_events] == [date(9999, 12, 31)]


def test_the_log_day_is_the_object_s_and_not_the_event_s(lake: Lake) -> None:
    lake.log("2018-11-05.json", an_event(ts=NOON))
    assert lake.expected().songplay[0][-1] == date(2018, 11, 5)


# JSONPaths ----------------------------------------------------------------------------------------


def test_the_jsonpaths_document_maps_fields_to_columns_in_order(lake: Lake) -> None:
    names = list(FIELDS)
    names[0], names[13] = "song", "artist"
    names[7] = "a.b c"
    lake.maps([f"$['{n}']" if n == "a.b c" else f"$.{n}" for n in names])
    lake.log("2018-11-01.json", an_event(**{"a.b c": "paid"}))
    row = lake.expected().staging_events[0]
    assert (row[0], row[13], row[7]) == ("Soul Deep", "The Box Tops", "paid")


def test_one_field_may_feed_two_columns(lake: Lake) -> None:
    lake.maps([f"$['{'song' if name == 'artist' else name}']" for name in FIELDS])
    assert event_fields(lake.paths.jsonpaths).count("song") == 2


@pytest.mark.parametrize(
    "paths",
    [
        [f"$.{name}" for name in FIELDS[:-1]],
        [f"$.{name}" for name in (*FIELDS, "extra")],
        [f"$['a']['{name}']" for name in FIELDS],
        [f"$.a.{name}" for name in FIELDS],
        [f"$[{i}]" for i in range(18)],
        [*(f"$.{name}" for name in FIELDS[:-1]), "$"],
        [*(f"$.{name}" for name in FIELDS[:-1]), "$.*"],
        [*(f"$.{name}" for name in FIELDS[:-1]), "$['']"],
        [*(f"$.{name}" for name in FIELDS[:-1]), "userId"],
        [*(f"$.{name}" for name in FIELDS[:-1]), None],
        [*(f"$.{name}" for name in FIELDS[:-1]), '$["userId"]'],
        "$.artist",
    ],
)
def test_other_jsonpaths_are_a_settings_error(lake: Lake, paths: object) -> None:
    lake.maps(paths)
    with pytest.raises(SettingsError):
        lake.expected()


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"paths":[]}', "oops"])
def test_another_document_is_a_settings_error(lake: Lake, document: str) -> None:
    lake.paths.jsonpaths.write_text(document)
    with pytest.raises(SettingsError):
        lake.expected()


# The limit, and what stays published --------------------------------------------------------------


def _records(good: int, bad: int) -> list[dict[str, Any] | bytes]:
    return [an_event(itemInSession=i) for i in range(good)] + [b"oops"] * bad


def test_a_day_with_just_the_limit_of_rejects_loads(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(9, 1))
    expected = lake.expected()
    assert expected.failed_days == set()
    assert (len(expected.staging_events), len(expected.rejects)) == (9, 1)


def test_a_day_above_the_limit_fails_alone(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(8, 1))
    lake.log("2018-11-02.json", *_records(8, 0))
    expected = lake.expected()
    assert expected.failed_days == {DAY_1}
    assert set(keys_staged(expected.staging_events)) == {"2018-11-02.json"}
    assert expected.rejects == []
    assert expected.failed_rejects == [(EVENTS, "2018-11-01.json", 9)]


def test_the_limit_is_of_the_day_and_not_of_an_object(lake: Lake) -> None:
    lake.log("2018-11-01-a.json", *_records(0, 1))
    lake.log("2018-11-01-b.json", *_records(9, 0))
    assert lake.expected().failed_days == set()


def test_a_limit_of_zero_lets_a_clean_day_and_an_empty_one_pass(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(1, 0))
    lake.log("2018-11-02.json", b"")
    expected = lake.expected(reject_limit=0.0)
    assert (expected.failed_days, expected.songs_failed) == (set(), False)


def test_a_single_record_that_is_rejected_fails_its_load(lake: Lake) -> None:
    lake.log("2018-11-01.json", b"oops")
    lake.song("a.json", b"oops")
    expected = lake.expected()
    assert (expected.failed_days, expected.songs_failed) == ({DAY_1}, True)


def test_a_limit_of_one_lets_a_day_of_rejects_pass(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(0, 3))
    expected = lake.expected(reject_limit=1.0)
    assert expected.failed_days == set()
    assert len(expected.rejects) == 3


def test_a_failed_day_keeps_the_rows_and_rejects_it_last_published(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(9, 1))
    lake.log("2018-11-02.json", an_event(sessionId=2, userId="9"))
    first = lake.expected()
    lake.log("2018-11-01.json", *_records(1, 9))
    lake.log("2018-11-02.json", an_event(sessionId=3, userId="10"))
    second = lake.expected(published=first)
    assert second.failed_days == {DAY_1}
    assert second.rejects == [(EVENTS, "2018-11-01.json", 10)]
    assert second.failed_rejects == [(EVENTS, "2018-11-01.json", line) for line in range(2, 11)]
    assert Counter(row[18] for row in second.staging_events) == {DAY_1: 9, DAY_2: 1}
    assert [row[0] for row in second.user] == [8, 10]
    assert len(second.songplay) == 10


def test_a_failed_day_keeps_its_own_rejects_and_no_others(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(9, 1))
    lake.log("2018-11-02.json", *_records(9, 1))
    lake.song("songs.json", *[a_song()] * 9, b"oops")
    first = lake.expected()
    lake.log("2018-11-01.json", b"oops")
    second = lake.expected(published=first)
    assert second.failed_days == {DAY_1}
    assert second.rejects == first.rejects
    assert len(second.rejects) == 3


def test_a_failed_day_stays_kept_over_several_failures_and_then_heals(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(2, 0))
    first = lake.expected()
    lake.log("2018-11-01.json", *_records(3, 3))
    third = lake.expected(published=lake.expected(published=first))
    assert third.staging_events == first.staging_events
    lake.log("2018-11-01.json", *_records(3, 0))
    healed = lake.expected(published=third)
    assert healed == lake.expected()
    assert len(healed.staging_events) == 3


def test_a_day_that_vanished_leaves_nothing(lake: Lake) -> None:
    lake.log("2018-11-01.json", *_records(20, 1))
    first = lake.expected()
    (lake.paths.logs / "2018-11-01.json").unlink()
    assert lake.expected(published=first) == Expected()


def test_failed_songs_stay_as_published_and_events_match_them(lake: Lake) -> None:
    lake.song("a.json", a_song())
    lake.song("b.json", *(a_song(song_id=f"SO{i}") for i in range(2, 12)), b"oops")
    first = lake.expected()
    lake.song("a.json", b"oops")
    lake.song("b.json", b"oops")
    lake.log("2018-11-01.json", an_event())
    second = lake.expected(published=first)
    assert second.songs_failed
    assert second.staging_songs == first.staging_songs
    assert (second.song, second.artist) == (first.song, first.artist)
    assert second.rejects == [(SONGS, "b.json", 11)]
    assert second.failed_rejects == [(SONGS, "a.json", 1), (SONGS, "b.json", 1)]
    assert second.songplay[0][4] == "SO1"


def test_the_limit_of_songs_is_of_the_whole_catalogue(lake: Lake) -> None:
    lake.song("bad.json", b"oops")
    for i in range(9):
        lake.song(f"{i}.json", a_song(song_id=f"SO{i}"))
    assert not lake.expected().songs_failed
    (lake.paths.songs / "0.json").unlink()
    assert lake.expected().songs_failed


# songplay -----------------------------------------------------------------------------------------


def test_a_play_has_exactly_these_columns(lake: Lake) -> None:
    lake.song("a.json", a_song())
    lake.log("2018-11-01.json", an_event())
    assert lake.expected().songplay == [
        (
            *("1e6614ae429d4e15a87271d8511bc454", datetime(2018, 11, 1, 12), 8, "free", "SO1"),
            *("AR1", 139, "Phoenix", "Mozilla", DAY_1),
        )
    ]


def test_only_next_song_events_of_a_user_are_plays(lake: Lake) -> None:
    lake.log(
        "2018-11-01.json",
        an_event(itemInSession=1),
        an_event(itemInSession=2, page="Home"),
        an_event(itemInSession=3, page="nextsong"),
        an_event(itemInSession=4, userId=""),
        an_event(itemInSession=5, userId=None),
        an_event(itemInSession=6, userId="0"),
    )
    assert sorted(row[2] for row in lake.expected().songplay) == [0, 8]


def test_the_identity_is_of_numbers_and_not_of_their_spelling(lake: Lake) -> None:
    lake.log("2018-11-01.json", an_event(userId="008"), an_event(sessionId="0139"))
    assert [row[0] for row in lake.expected().songplay] == [md5("8|139|1")]


def test_the_earliest_delivery_of_a_play_wins(lake: Lake) -> None:
    lake.log("2018-11-02.json", an_event(ts=NOON - 5, location="later day"))
    lake.log("2018-11-01-a.json", an_event(ts=NOON + 1, location="later time"))
    lake.log("2018-11-01-b.json", an_event(ts=NOON, location="winner"))
    [play] = lake.expected().songplay
    assert (play[7], play[-1], play[1]) == ("winner", DAY_1, datetime(2018, 11, 1, 12))


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        ({"song": "a", "artist": "z"}, {"song": "b", "artist": "a"}),
        ({"song": "Z"}, {"song": "a"}),
        ({"song": "z"}, {"song": "é"}),
        ({"song": "\uffff"}, {"song": "🎵"}),
        ({"song": "z"}, {"song": None}),
        ({"song": ""}, {"song": " "}),
        ({"artist": "a", "length": 9}, {"artist": "b", "length": 1}),
        ({"length": 9.5, "level": "z"}, {"length": 10, "level": "a"}),
        ({"length": 9.5}, {"length": None}),
        ({"level": "a", "location": "z"}, {"level": "b", "location": "a"}),
        ({"location": "a", "userAgent": "z"}, {"location": "b", "userAgent": "a"}),
        ({"userAgent": "a"}, {"userAgent": None}),
    ],
)
def test_of_deliveries_alike_the_smallest_in_bytes_wins_with_nulls_last(
    lake: Lake, winner: dict[str, Any], loser: dict[str, Any]
) -> None:
    base = {"location": "m", "userAgent": "m", "level": "m"}
    names = {"title": winner.get("song", "Soul Deep")}
    names["artist_name"] = winner.get("artist", "The Box Tops")
    lake.song("won.json", a_song(song_id="WON", **names))
    lake.log("2018-11-01-b.json", an_event(**{**base, **winner}))
    alone = lake.expected().songplay
    lake.log("2018-11-01-a.json", an_event(**{**base, **loser}))
    lake.log("2018-11-01-c.json", an_event(**{**base, **loser}))
    assert lake.expected().songplay == alone


def _match(lake: Lake, event: dict[str, Any], *songs: dict[str, Any]) -> tuple[Any, Any]:
    lake.song("songs.json", *songs)
    lake.log("2018-11-01.json", event)
    [play] = lake.expected().songplay
    return play[4], play[5]


@pytest.mark.parametrize(
    "changes",
    [
        {"song": "soul deep"},
        {"song": "Soul  Deep"},
        {"song": "Soul Deep\t"},
        {"song": "Soul Deep\u00a0"},
        {"artist": "Box Tops"},
        {"artist": None},
        {"song": None},
    ],
)
def test_a_play_without_its_song_is_there_with_nulls(lake: Lake, changes: dict[str, Any]) -> None:
    assert _match(lake, an_event(**changes), a_song()) == (None, None)


def test_blanks_around_names_do_not_matter_for_the_match(lake: Lake) -> None:
    event = an_event(song="  Soul Deep ", artist="The Box Tops  ")
    assert _match(lake, event, a_song(title="Soul Deep ", artist_name=" The Box Tops")) == (
        "SO1",
        "AR1",
    )


def test_empty_names_are_names_but_null_ones_match_nothing(lake: Lake) -> None:
    blank = a_song(title=" ", artist_name="")
    assert _match(lake, an_event(song="", artist="  "), blank) == ("SO1", "AR1")
    nameless = a_song(title="x", artist_name=None)
    assert _match(lake, an_event(song="x", artist=None), nameless) == (None, None)


@pytest.mark.parametrize(
    ("length", "songs", "found"),
    [
        (148.0, [("SO1", "AR1", 149.5), ("SO2", "AR1", 147.0)], ("SO2", "AR1")),
        (148.0, [("SO2", "AR1", 149.0), ("SO1", "AR1", 147.0)], ("SO1", "AR1")),
        (148.0, [("SO1", "AR2", 148.0), ("SO1", "AR1", 148.0)], ("SO1", "AR1")),
        (148.0, [("so1", "AR1", 148.0), ("SO1", "AR1", 148.0)], ("SO1", "AR1")),
        (None, [("SO2", "AR1", 148.0), ("SO1", "AR1", 999.0)], ("SO1", "AR1")),
        (0.1 + 0.2, [("SO1", "AR1", 0.3), ("SO2", "AR1", 0.1 + 0.2)], ("SO2", "AR1")),
    ],
    ids=[
        "the closest duration",
        "the same distance on both sides: the smallest song_id",
        "the same song: the smallest artist_id",
        "the smallest by bytes",
        "no length: the smallest song_id",
        "doubles are not rounded",
    ],
)
def test_of_several_songs_one_is_chosen(
    lake: Lake, length: float | None, songs: list[tuple[str, str, float]], found: tuple[str, str]
) -> None:
    staged = [a_song(song_id=s, artist_id=a, duration=d) for s, a, d in songs]
    assert _match(lake, an_event(length=length), *staged) == found


def test_a_song_that_lost_its_id_s_place_in_the_star_still_matches(lake: Lake) -> None:
    old = a_song(year=1, title="Old", artist_id="AR0")
    new = a_song(year=2, title="New", artist_id="AR2")
    assert _match(lake, an_event(song="Old"), old, new) == ("SO1", "AR0")


# user ---------------------------------------------------------------------------------------------


def test_everyone_identified_on_any_page_is_a_user(lake: Lake) -> None:
    lake.log(
        "2018-11-01.json",
        an_event(userId="8"),
        an_event(userId="21", page="Home", firstName=None, gender=""),
        an_event(userId="", page="Home"),
    )
    assert lake.expected().user == [
        (8, "Kaylee", "Summers", "F", "free"),
        (21, None, "Summers", "", "free"),
    ]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"ts": NOON, "sessionId": 9}, {"ts": NOON + 1, "sessionId": 1}),
        ({"sessionId": 9, "itemInSession": 9}, {"sessionId": 10, "itemInSession": 1}),
        ({"itemInSession": 9}, {"itemInSession": 10}),
    ],
)
def test_a_user_is_as_the_latest_event_says(
    lake: Lake, earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    lake.log("2018-11-02.json", an_event(level="free", **earlier))
    lake.log("2018-11-01.json", an_event(level="paid", **later))
    assert lake.expected().user == [(8, "Kaylee", "Summers", "F", "paid")]


def test_of_one_event_on_two_days_the_later_day_describes_the_user(lake: Lake) -> None:
    lake.log("2018-11-01.json", an_event(level="a"))
    lake.log("2018-11-02.json", an_event(level="z"))
    assert lake.expected().user == [(8, "Kaylee", "Summers", "F", "z")]


def test_of_latest_events_alike_the_smallest_attributes_win_together(lake: Lake) -> None:
    lake.log(
        "2018-11-01.json",
        an_event(firstName=None, lastName="A", gender="A", level="A"),
        an_event(firstName="B", lastName="Z", gender=None, level="A"),
        an_event(firstName="B", lastName="Z", gender="Z", level="Z"),
        an_event(firstName="C", lastName="A", gender="A", level="A"),
    )
    assert lake.expected().user == [(8, "B", "Z", "Z", "Z")]


def test_the_nulls_of_the_latest_event_are_taken(lake: Lake) -> None:
    lake.log(
        "2018-11-01.json",
        an_event(),
        an_event(ts=NOON + 1, firstName=None, lastName=None, gender=None, level=None),
    )
    assert lake.expected().user == [(8, None, None, None, None)]


# song ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        ({"year": 2001, "title": "z"}, {"year": 2000, "title": "a"}),
        ({"year": -1, "title": "z"}, {"year": None, "title": "a"}),
        ({"title": "Z", "artist_id": "z"}, {"title": "a", "artist_id": "a"}),
        ({"artist_id": "A", "duration": 9}, {"artist_id": "B", "duration": 1}),
        ({"duration": 1}, {"duration": 2}),
    ],
)
def test_one_row_of_a_song_is_chosen(
    lake: Lake, winner: dict[str, Any], loser: dict[str, Any]
) -> None:
    lake.song("a.json", a_song(**loser))
    lake.song("b.json", a_song(**winner))
    best = a_song(**winner)
    columns = ("song_id", "title", "artist_id", "year", "duration")
    assert lake.expected().song == [tuple(best[column] for column in columns)]


def test_year_0_is_null_in_the_star_but_beats_null_when_staged(lake: Lake) -> None:
    lake.song("a.json", a_song(year=0, title="z"))
    lake.song("b.json", a_song(year=None, title="a"))
    assert lake.expected().song == [("SO1", "z", "AR1", None, 148.03546)]


def test_a_title_keeps_its_blanks(lake: Lake) -> None:
    lake.song("a.json", a_song(title=" Soul Deep "))
    assert lake.expected().song == [("SO1", " Soul Deep ", "AR1", 1969, 148.03546)]


# artist -------------------------------------------------------------------------------------------


def _artist(lake: Lake, *songs: dict[str, Any]) -> tuple[Any, ...]:
    lake.song("songs.json", *(a_song(**{"song_id": f"SO{i}"} | s) for i, s in enumerate(songs)))
    [artist] = lake.expected().artist
    return artist


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["A", "B", "B"], "B"),
        (["B", "A"], "A"),
        (["a", "Z"], "Z"),
        ([" B", "B ", "A"], "B"),
        ([None, None, "B"], "B"),
        ([None], None),
        (["", "", "B"], ""),
        (["B\t", "B"], "B"),
    ],
)
def test_an_artist_s_name_is_the_commonest(
    lake: Lake, names: list[str | None], name: str | None
) -> None:
    assert _artist(lake, *({"artist_name": n} for n in names))[:2] == ("AR1", name)


def _at(
    location: str | None, latitude: float | None, longitude: float | None, song_id: str = "SO"
) -> dict[str, Any]:
    return {
        "artist_location": location,
        "artist_latitude": latitude,
        "artist_longitude": longitude,
        "song_id": song_id,
    }


@pytest.mark.parametrize(
    ("places", "place"),
    [
        ([_at("A", None, 1.0), _at(None, 5.0, None)], (None, 5.0, None)),
        ([_at(None, 1.0, 1.0), _at("B", 5.0, 5.0)], ("B", 5.0, 5.0)),
        ([_at("B", 1.0, 1.0), _at("A", 5.0, 5.0)], ("A", 5.0, 5.0)),
        ([_at("a", 1.0, 1.0), _at("B", 5.0, 5.0)], ("B", 5.0, 5.0)),
        ([_at("A", 5.0, 1.0), _at("A", -5.0, 9.0)], ("A", -5.0, 9.0)),
        ([_at("A", 5.0, None), _at("A", 5.0, 9.0)], ("A", 5.0, 9.0)),
        ([_at("", 5.0, 5.0), _at("B", 9.0, 9.0)], ("B", 9.0, 9.0)),
        ([_at("   ", None, None), _at("B", None, None)], ("B", None, None)),
        ([_at("  ", None, None)], (None, None, None)),
        ([_at("\t", None, None)], ("\t", None, None)),
        ([_at(" A ", None, None)], (" A ", None, None)),
        ([_at(None, 0.0, None), _at("A", None, None)], (None, 0.0, None)),
    ],
)
def test_an_artist_s_place_comes_from_one_row(
    lake: Lake, places: list[dict[str, Any]], place: tuple[Any, ...]
) -> None:
    assert _artist(lake, *places)[2:] == place


# time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "row"),
    [
        (datetime(2018, 11, 1, 12, 30), (12, 1, 44, 11, 2018, 4)),
        (datetime(2018, 11, 4, 0), (0, 4, 44, 11, 2018, 0)),
        (datetime(2018, 11, 5, 23), (23, 5, 45, 11, 2018, 1)),
        (datetime(2018, 11, 10), (0, 10, 45, 11, 2018, 6)),
        (datetime(2021, 1, 3), (0, 3, 53, 1, 2021, 0)),
        (datetime(2018, 12, 31), (0, 31, 1, 12, 2018, 1)),
        (datetime(1, 1, 1), (0, 1, 1, 1, 1, 1)),
        (datetime(9999, 12, 31, 23, 59, 59, 999000), (23, 31, 52, 12, 9999, 5)),
    ],
)
def test_a_start_time_is_taken_apart(lake: Lake, start: datetime, row: tuple[int, ...]) -> None:
    ms = round((start - datetime(1970, 1, 1)).total_seconds() * 1000)
    lake.log("2018-11-01.json", an_event(ts=ms))
    assert lake.expected().time == [(start, *row)]


def test_start_times_are_distinct_keep_milliseconds_and_come_from_plays_only(lake: Lake) -> None:
    lake.log(
        "2018-11-01.json",
        an_event(itemInSession=1),
        an_event(itemInSession=2),
        an_event(itemInSession=3, ts=NOON + 1),
        an_event(itemInSession=4, ts=NOON + 2, page="Home"),
        an_event(itemInSession=1, ts=NOON + 3),
    )
    assert [row[0].microsecond for row in lake.expected().time] == [0, 1000]


# Order, and the real sample -----------------------------------------------------------------------


def test_rows_are_sorted_by_bytes_with_nulls_last(lake: Lake) -> None:
    lake.song("a.json", *(a_song(song_id=s, year=None) for s in ("é", "z", "Z", "🎵", "\uffff")))
    assert [row[0] for row in lake.expected().song] == ["Z", "z", "é", "\uffff", "🎵"]


def test_an_empty_lake_gives_empty_tables(lake: Lake) -> None:
    assert lake.expected() == Expected()


def test_the_columns_are_those_of_the_contract() -> None:
    assert " ".join(column.name for column in EVENT_COLUMNS) == (
        "artist auth first_name gender item_in_session last_name length level location method page "
        "registration session_id song status ts user_agent user_id"
    )
    assert " ".join(column.name for column in SONG_COLUMNS) == " ".join(SONG_FIELDS)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_first_ten_days_of_the_sample_give_the_known_figures(sample: Path) -> None:
    paths = LakePaths(sample / "song_data", sample / "log_data", sample / "log_json_path.json")
    expected = expected_tables(paths)
    events = Counter(row[18].day for row in expected.staging_events)
    plays = Counter(row[-1].day for row in expected.songplay)
    assert [events[day] for day in range(1, 11)] == [15, 171, 111, 189, 408, 184, 202, 223, 283, 96]
    assert [plays[day] for day in range(1, 11)] == [11, 155, 100, 144, 356, 154, 174, 161, 252, 87]
    assert len(expected.time) <= len(expected.songplay) == sum(plays.values())
    assert (expected.rejects, expected.unroutable, expected.failed_days) == ([], {}, set())
    assert not expected.songs_failed


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_sample_s_dimensions_are_keyed_and_referenced(sample: Path) -> None:
    paths = LakePaths(sample / "song_data", sample / "log_data", sample / "log_json_path.json")
    expected = expected_tables(paths)
    for table in (expected.songplay, expected.user, expected.song, expected.artist, expected.time):
        assert table
        assert len({row[0] for row in table}) == len(table)
    assert len(expected.song) == len(expected.staging_songs)
    assert {row[2] for row in expected.songplay} <= {row[0] for row in expected.user}
    assert {row[2] for row in expected.song} == {row[0] for row in expected.artist}
    assert not any("checkpoint" in row[-2] for row in expected.staging_songs)
