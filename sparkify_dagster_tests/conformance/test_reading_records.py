"""The product's reader does with every case of "Reading records" what the contract says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sparkify_dagster.lake.reader.reader import Batch, Reader
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster_tests.record_cases import (
    EVENT,
    EVENT_CASES,
    EVENT_FIELDS,
    EVENT_VALUES,
    SONG,
    SONG_CASES,
    SONG_FIELDS,
    SONG_VALUES,
    STREAMS,
    Outcome,
    RecordCase,
    StreamCase,
    ndjson,
)


@pytest.fixture(scope="module")
def logs() -> Iterator[Reader]:
    """A reader of log records, as a load makes it."""
    reader = Reader(loaded_columns(STAGING_EVENTS), tuple(EVENT_FIELDS), threads=1)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def songs() -> Iterator[Reader]:
    """A reader of song records, as a load makes it."""
    reader = Reader(loaded_columns(STAGING_SONGS), tuple(SONG_FIELDS), threads=1)
    yield reader
    reader.close()


Outcomes = dict[tuple[int, int], dict[str, Any] | list[str | None]]


def read(batch: Batch) -> Outcomes:
    """By object and line the accepted row, or in a list the column to blame; none comes twice."""
    rows = batch.rows.to_pylist()
    outcomes: Outcomes = {(row.pop("object"), row.pop("line")): row for row in rows}
    outcomes |= {(item.object, item.line): [item.column] for item in batch.rejects}
    assert len(outcomes) == len(rows) + len(batch.rejects)
    return outcomes


def check(case: RecordCase, told: object, columns: Sequence[str]) -> None:
    """Hold what was read of a line (None: nothing) against its case."""
    if case.outcome is Outcome.ACCEPTED:
        assert case.values == told
    elif case.outcome is Outcome.REJECTED:
        blamed = columns if case.any_blame else [case.blamed]
        assert told in [[column] for column in blamed]
    else:
        assert told is None


def name(value: RecordCase | int) -> str:
    """The case's own words."""
    return value.name if isinstance(value, RecordCase) else str(value)


@pytest.mark.parametrize("case", EVENT_CASES, ids=name)
def test_each_event_is_read_as_its_case_says(logs: Reader, case: RecordCase) -> None:
    outcomes = read(logs.read_lines([case.raw]))
    check(case, outcomes.pop((0, 1), None), tuple(EVENT_VALUES))
    assert outcomes == {}


@pytest.mark.parametrize("case", SONG_CASES, ids=name)
def test_each_song_that_is_an_object_by_itself_is_read_as_its_case_says(
    songs: Reader, case: RecordCase
) -> None:
    outcomes = read(songs.read_wholes([case.raw]))
    check(case, outcomes.pop((0, 1), None), tuple(SONG_VALUES))
    assert outcomes == {}


@pytest.fixture(scope="module")
def packed_logs(logs: Reader) -> Batch:
    """All event cases in one object."""
    return logs.read_lines([ndjson(EVENT_CASES)])


@pytest.fixture(scope="module")
def packed_songs(songs: Reader) -> Batch:
    """All song cases in one object."""
    return songs.read_wholes([ndjson(SONG_CASES)])


@pytest.fixture(scope="module")
def song_lines(packed_songs: Batch) -> Outcomes:
    """What was read of the song cases in one object."""
    return read(packed_songs)


@pytest.fixture(scope="module")
def log_lines(packed_logs: Batch) -> Outcomes:
    """What was read of the event cases in one object."""
    return read(packed_logs)


@pytest.fixture(scope="module")
def many_songs(songs: Reader) -> Outcomes:
    """What was read of all song cases, each an object of its own, at once."""
    return read(songs.read_wholes([case.raw for case in SONG_CASES]))


@pytest.mark.parametrize(("line", "case"), list(enumerate(EVENT_CASES, 1)), ids=name)
def test_each_event_is_read_the_same_among_all_others(
    log_lines: Outcomes, line: int, case: RecordCase
) -> None:
    check(case, log_lines.get((0, line)), tuple(EVENT_VALUES))


@pytest.mark.parametrize(("line", "case"), list(enumerate(SONG_CASES, 1)), ids=name)
def test_each_song_is_read_the_same_on_a_line_among_all_others(
    song_lines: Outcomes, line: int, case: RecordCase
) -> None:
    check(case, song_lines.get((0, line)), tuple(SONG_VALUES))


@pytest.mark.parametrize(("index", "case"), list(enumerate(SONG_CASES)), ids=name)
def test_each_song_is_read_the_same_beside_all_other_objects(
    many_songs: Outcomes, index: int, case: RecordCase
) -> None:
    check(case, many_songs.get((index, 1)), tuple(SONG_VALUES))


def test_every_case_that_is_something_is_a_row_or_a_reject(
    packed_logs: Batch, packed_songs: Batch
) -> None:
    for batch, cases in ((packed_logs, EVENT_CASES), (packed_songs, SONG_CASES)):
        counted = [sum(case.outcome is outcome for case in cases) for outcome in Outcome]
        assert [batch.rows.num_rows, len(batch.rejects)] == counted[:2]


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.name)
def test_each_object_is_parted_into_records_as_its_case_says(
    logs: Reader, songs: Reader, case: StreamCase
) -> None:
    read_logs, read_songs = (logs.read_lines, EVENT), (songs.read_wholes, SONG)
    for reads, record in (read_logs, read_songs):
        batch = reads([record.line(), case.of(record.line()), record.line()])
        good = [row["line"] for row in batch.rows.to_pylist() if row["object"] == 1]
        assert tuple(sorted(good)) == case.good
        assert {item.object for item in batch.rejects} <= {1}
        assert tuple(sorted(item.line for item in batch.rejects)) == case.rejected


def test_every_reject_says_why_in_words_and_shows_the_record_as_it_stands(
    packed_logs: Batch,
) -> None:
    for item in packed_logs.rejects:
        case = EVENT_CASES[item.line - 1]
        assert item.reason
        text = case.raw.lstrip(b" \t").decode("utf-8", "backslashreplace")
        assert item.raw_text.lstrip(" \t") == text[:16_000]
