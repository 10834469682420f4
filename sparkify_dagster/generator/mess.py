"""What goes wrong in real lakes, in doses: broken lines, repeats, strays, odd line ends.

Everything here is added to a clean lake, none of whose songs and events is lost. Broken records
stay at or below 5 % of a day's lines and 3 % of the catalogue, so a messy lake still loads.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

import numpy as np

from sparkify_dagster.generator.dice import Dice
from sparkify_dagster.generator.songs import Catalogue, make_track_ids, song_key
from sparkify_dagster.generator.writer import stored_gzip

Record = dict[str, Any]

# One broken line in so many; a day with fewer than _LEAST_LINES gets none.
_BROKEN_IN = 50
_LEAST_LINES = 20
_REPEATED_IN = 100
_BLANK_IN = 200
_BROKEN_SONGS_IN = 40
_MOST_BROKEN_SONGS = 200
_REPEATED_SONGS_IN = 50
_TOO_LONG = "Ü" * 600  # 600 characters, but 1,200 bytes of UTF-8


def _encode(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def _with(**values: object) -> Callable[[Record], bytes]:
    return lambda record: _encode({**record, **values})


def _without(name: str) -> Callable[[Record], bytes]:
    return lambda record: _encode({key: record[key] for key in record if key != name})


def _cut(record: Record) -> bytes:
    whole = _encode(record)
    return whole[: len(whole) * 3 // 5]


def _literally(text: bytes) -> Callable[[Record], bytes]:
    return lambda _: text


def _not_utf8(record: Record) -> bytes:
    return _encode({**record, "lastName": "@"}).replace(b'"@"', b'"Caf\xe9"')


_BROKEN_LINES: tuple[Callable[[Record], bytes], ...] = (
    _cut,
    _literally(b'["NextSong",42]'),
    _with(itemInSession=1.5),
    _with(userAgent=_TOO_LONG),
    _without("page"),
    _with(ts="yesterday"),
    _literally(b"null"),
    _with(sessionId=""),
    _not_utf8,
    _with(status=[200]),
    _with(level="free" * 65),
    _with(ts=None),
    _literally(b"Traceback (most recent call last):"),
    _with(length="4:31"),
    _with(userId="u-17"),
    _with(itemInSession=99_999_999_999),
    _without("auth"),
    _with(registration=True),
)

# How the second copy of an event comes: as it was, in raw UTF-8, as it was, with a field more.
_COPIES: tuple[Callable[[bytes], bytes], ...] = (
    lambda line: line,
    lambda line: json.dumps(json.loads(line), ensure_ascii=False).encode(),
    lambda line: line,
    lambda line: line[:-1] + b',"appVersion":"2.1"}',
)

_BROKEN_SONGS: tuple[Callable[[Record], bytes], ...] = (
    _cut,
    _without("title"),
    _with(duration="long"),
    _with(title=_TOO_LONG),
    _with(song_id=None),
    _literally(b"[]"),
    _with(year=1999.5),
    _with(artist_id={"id": "AR"}),
)


def messy_songs(catalogue: Catalogue, seed: int) -> Iterator[tuple[str, bytes]]:
    """Song objects on top of the catalogue, as (key, content); nothing for an empty one.

    Broken ones; songs delivered again under another track id with other values; objects of two
    lines (NDJSON) with new songs of known artists under other names; an empty object.
    """
    songs = len(catalogue)
    if not songs:
        return
    dice = Dice(seed, "messy songs")
    broken = min(songs // _BROKEN_SONGS_IN, _MOST_BROKEN_SONGS)
    repeated = max(1, songs // _REPEATED_SONGS_IN)
    sources = dice.below(broken + 3 * repeated, songs).tolist()
    names = iter(make_track_ids(songs, broken + 2 * repeated + 1, seed))
    records = (json.loads(catalogue.record(song)) for song in sources)
    for at in range(broken):
        yield song_key(next(names)), _BROKEN_SONGS[at % len(_BROKEN_SONGS)](next(records))
    for at in range(repeated):
        yield song_key(next(names)), _spaced(_changed(next(records), at))
    for _ in range(repeated):
        pair = (_new_song(next(records)), _new_song(next(records)))
        yield song_key(next(names)), b"\n".join(map(_spaced, pair)) + b"\n"
    yield song_key(next(names)), b""


def stray_song_files(catalogue: Catalogue) -> Iterator[tuple[str, bytes]]:
    """Files among the songs that no load may read, as (key, content)."""
    yield "song_data/_SUCCESS", b""
    for song in range(min(3, len(catalogue))):
        folder, _, name = song_key(catalogue.track_ids[song], "-checkpoint.json").rpartition("/")
        yield f"{folder}/.ipynb_checkpoints/{name}", catalogue.record(song)


def stray_log_files() -> Iterator[tuple[str, bytes]]:
    """Files among the logs that belong to no day, as (key, content)."""
    yield "log_data/_SUCCESS", b""
    yield "log_data/notes.json", b'{"note": "logs of the test tenant, ask ops before deleting"}\n'


class MessyLogs:
    """Makes a mess of day after day of log lines; remembers what to deliver late."""

    def __init__(self, seed: int) -> None:
        """Start before the first day of the lake with this seed."""
        self.records = 0
        self._dice = Dice(seed, "messy logs")
        self._days = 0
        self._broken = 0
        self._late: list[bytes] = []

    def day(
        self, key: str, day: date, chunks: Iterable[bytes], last: bool
    ) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The files of one day, as (key, chunks); consume each before asking for the next.

        Args:
            key: The key of the day's clean object.
            day: The log day.
            chunks: Its clean lines, each ended by a line feed.
            last: Whether the lake ends with this day.
        """
        number = self._days
        self._days += 1
        specimen: list[bytes] = []
        lines = self._lines(chunks, specimen)
        content = _end_lines(lines, crlf=number % 5 == 1, final=not (last or number % 4 == 3))
        if number % 7 == 2:
            yield f"{key}.gz", stored_gzip(_halved(content))
        else:
            yield key, content
        if number % 6 == 0:
            folder = key.rpartition("/")[0]
            copy = f"{folder}/.ipynb_checkpoints/{day}-events-checkpoint.json"
            yield copy, [b"\n".join(specimen)]

    def _lines(self, chunks: Iterable[bytes], specimen: list[bytes]) -> Iterator[list[bytes]]:
        arriving, self._late = self._late, []
        for chunk in chunks:
            clean = chunk.split(b"\n")[:-1]
            if not specimen:
                specimen.extend(clean[:5])
            extra = [*arriving, *self._extras(clean)]
            arriving = []
            self.records += len(clean) + sum(1 for line in extra if line.strip())
            yield self._shuffled_in(clean, extra)

    def _extras(self, clean: list[bytes]) -> Iterator[bytes]:
        count = len(clean)
        for line in self._some(clean, count // _BROKEN_IN or int(count >= _LEAST_LINES)):
            yield _BROKEN_LINES[self._broken % len(_BROKEN_LINES)](json.loads(line))
            self._broken += 1
        for at, line in enumerate(self._some(clean, count // _REPEATED_IN or 1)):
            yield _COPIES[at % len(_COPIES)](line)
        for at in range(count // _BLANK_IN or 1):
            yield b"   " if at % 2 else b""
        late = self._some(clean, count // _REPEATED_IN * 2 or 2)
        self._late.extend(line for line in late if b'"page":"NextSong"' in line)

    def _some(self, lines: list[bytes], count: int) -> list[bytes]:
        return [lines[at] for at in self._dice.below(count, len(lines)).tolist()]

    def _shuffled_in(self, clean: list[bytes], extra: list[bytes]) -> list[bytes]:
        """The clean lines in their order, the extra ones anywhere between or after them."""
        places = self._dice.below(len(extra), len(clean)) + 1
        order = np.argsort(np.concatenate([np.arange(len(clean)), places]), kind="stable")
        lines = [*clean, *extra]
        return [lines[at] for at in order.tolist()]


def _end_lines(chunks: Iterable[list[bytes]], crlf: bool, final: bool) -> Iterator[bytes]:
    """Join lines with LF or CRLF; `final`: also after the last line."""
    end = b"\r\n" if crlf else b"\n"
    before = b""
    for lines in chunks:
        yield before + end.join(lines)
        before = end
    if final:
        yield before


def _halved(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Two pieces of each, cut wherever it falls: gzip members need not end with a line."""
    for chunk in chunks:
        yield chunk[: len(chunk) // 2]
        yield chunk[len(chunk) // 2 :]


def _spaced(record: Record) -> bytes:
    """A song record as the sample has it: blanks after `:` and `,`, but here in raw UTF-8."""
    return json.dumps(record, ensure_ascii=False).encode()


def _changed(record: Record, number: int) -> Record:
    """The same song id again, with a later year or another title."""
    if number % 2:
        return {**record, "title": f"{record['title']} (Remastered)"}
    return {**record, "year": 2011 + number % 5}


def _new_song(record: Record) -> Record:
    """Another song of the same artist, under another name."""
    return {
        **record,
        "song_id": f"SX{record['song_id'][2:]}",
        "title": f"{record['title']} (Radio Edit)",
        "artist_name": f"{record['artist_name'].strip().lower()} (band)",
    }
