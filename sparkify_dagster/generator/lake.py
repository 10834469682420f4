"""Putting a lake on disk: songs, logs and the JSONPaths document.

The order of work and the layout of the lake's folders. What the songs and events are is decided
by the modules this one calls.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import numpy as np

from sparkify_dagster.generator.events import make_events
from sparkify_dagster.generator.lines import LineEncoder
from sparkify_dagster.generator.listeners import (
    MILLISECONDS_A_DAY,
    epoch_milliseconds,
    make_listeners,
)
from sparkify_dagster.generator.mess import (
    MessyLogs,
    messy_songs,
    stray_log_files,
    stray_song_files,
)
from sparkify_dagster.generator.records import LOG_FIELDS
from sparkify_dagster.generator.rng import Ints
from sparkify_dagster.generator.songs import Catalogue, make_catalogue, song_key
from sparkify_dagster.generator.spec import GeneratedLake, LakeSpec
from sparkify_dagster.generator.tracks import make_tracks
from sparkify_dagster.generator.writer import LakeWriter

Progress = Callable[[str, int, int], None]

_SONGS_PER_REPORT = 1_000
# Lines put together at a time: enough to be fast, few enough (about 45 MB) for a small machine.
_LINES_AT_A_TIME = 100_000


def generate_lake(
    target: Path, spec: LakeSpec, on_progress: Progress | None = None
) -> GeneratedLake:
    """Write a lake of invented songs and logs into a folder.

    Writes `song_data/A/B/C/TRABC....json`, `log_data/YYYY/MM/YYYY-MM-DD-events.json` and
    `log_json_path.json`. Every file appears whole; one that was there before is never touched.
    The same spec writes the same bytes on every machine.

    Args:
        target: The folder, made if need be.
        spec: What to generate.
        on_progress: Called with ("songs" or "events", done, total) as the work goes on, last
            with done equal to total for each of the two.

    Returns:
        What was written.

    Raises:
        FileExistsError: `target` holds a lake already; the message says what to do.
        NotADirectoryError: `target` is a file.
        OSError: A file cannot be written. Those written before it stay.
    """
    report = on_progress or (lambda *_: None)
    target = Path(target)
    writer = LakeWriter(target)
    writer.write("log_json_path.json", [json_paths()])
    catalogue = make_catalogue(spec.songs, spec.seed)
    song_objects = _write_songs(writer, catalogue, spec, report)
    log_objects, events = _write_logs(writer, catalogue, spec, report)
    return GeneratedLake(target, song_objects, log_objects, events, writer.bytes)


def json_paths() -> bytes:
    """The Redshift JSONPaths document that maps log fields to staging columns."""
    paths = [f"$['{name}']" for name in LOG_FIELDS]
    return json.dumps({"jsonpaths": paths}, indent=2).encode() + b"\n"


def log_key(day: date, suffix: str = ".json") -> str:
    """The path of a day's log below the lake's root."""
    return f"log_data/{day:%Y/%m}/{day:%Y-%m-%d}-events{suffix}"


def _write_songs(writer: LakeWriter, catalogue: Catalogue, spec: LakeSpec, report: Progress) -> int:
    objects = zip(map(song_key, catalogue.track_ids), catalogue.records(), strict=True)
    extra = messy_songs(catalogue, spec.seed) if spec.mess else iter(())
    written = 0
    for key, content in chain(objects, extra):
        writer.write(key, (content,))
        written += 1
        if written % _SONGS_PER_REPORT == 0 and written < spec.songs:
            report("songs", written, spec.songs)
    for key, content in stray_song_files(catalogue) if spec.mess else ():
        writer.write(key, (content,))
    report("songs", spec.songs, spec.songs)
    return written


def _write_logs(
    writer: LakeWriter, catalogue: Catalogue, spec: LakeSpec, report: Progress
) -> tuple[int, int]:
    """Write the logs and return the numbers of day objects and of records in them."""
    listeners = make_listeners(spec.events, spec.days, spec.start, spec.seed)
    tracks = make_tracks(catalogue, spec.seed)
    table = make_events(spec, listeners, tracks)
    encoder = LineEncoder(table, listeners, tracks)
    days = list(_days(table.times, spec))
    messy = MessyLogs(spec.seed) if spec.mess else None
    for day, first, after in days:
        chunks = _chunks(encoder, first, after, spec.events, report)
        files: Iterable[tuple[str, Iterable[bytes]]] = [(log_key(day), chunks)]
        if messy:
            files = messy.day(log_key(day), day, chunks, last=day == days[-1][0])
        for key, content in files:
            writer.write(key, content)
    for key, stray in stray_log_files() if spec.mess else ():
        writer.write(key, (stray,))
    report("events", spec.events, spec.events)
    return len(days), messy.records if messy else spec.events


def _days(times: Ints, spec: LakeSpec) -> Iterator[tuple[date, int, int]]:
    """The days on which something happened: day, first row, row after the last."""
    midnights = epoch_milliseconds(spec.start) + np.arange(spec.days + 1) * MILLISECONDS_A_DAY
    edges = np.searchsorted(times, midnights).tolist()
    for number in range(spec.days):
        if edges[number] < edges[number + 1]:
            yield spec.start + timedelta(days=number), edges[number], edges[number + 1]


def _chunks(
    encoder: LineEncoder, first: int, after: int, total: int, report: Progress
) -> Iterator[bytes]:
    for at in range(first, after, _LINES_AT_A_TIME):
        end = min(at + _LINES_AT_A_TIME, after)
        yield encoder.encode(at, end)
        if end < total:
            report("events", end, total)
