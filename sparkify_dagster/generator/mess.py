"""What goes wrong in real lakes, in doses: broken lines, repeats, strays, odd line ends.

Everything here is added to a clean lake, none of whose songs and events is lost. Broken records
stay at or below 5 % of a day's lines and 3 % of the catalogue, so a messy lake still loads.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

import numpy as np

from sparkify_dagster.generator.rng import stream
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
_NOT_UTF8 = "Caf@"  # the @ becomes an é of Latin-1

# How a record breaks: fields that get another value or are gone, a text in place of the record, or
# (None) the record cut off.
_GONE = object()
_Break = dict[str, object] | bytes | None

_BROKEN_LINES: tuple[_Break, ...] = (
    None, b'["NextSong",42]', {"itemInSession": 1.5}, {"userAgent": _TOO_LONG}, {"page": _GONE},
    {"ts": "yesterday"}, b"null", {"sessionId": ""}, {"lastName": _NOT_UTF8}, {"status": [200]},
    {"level": "free" * 65}, {"ts": None}, b"Traceback (most recent call last):",
    {"length": "4:31"}, {"userId": "u-17"}, {"itemInSession": 99_999_999_999}, {"auth": _GONE},
    {"registration": True},
)  # fmt: skip
_BROKEN_SONGS: tuple[_Break, ...] = (
    None, {"title": _GONE}, {"duration": "long"}, {"title": _TOO_LONG}, {"song_id": None}, b"[]",
    {"year": 1999.5}, {"artist_id": {"id": "AR"}},
)  # fmt: skip

# How the second copy of an event comes: as it was, in raw UTF-8, as it was, with a field more.
_COPIES: tuple[Callable[[bytes], bytes], ...] = (
    lambda line: line,
    lambda line: json.dumps(json.loads(line), ensure_ascii=False).encode(),
    lambda line: line,
    lambda line: line[:-1] + b',"appVersion":"2.1"}',
)


def messy_songs(catalogue: Catalogue, seed: int) -> Iterator[tuple[str, bytes]]:
    """Song objects on top of the catalogue, as (key, content); nothing for an empty one.

    Broken ones; songs delivered again under another track id with other values; objects of two
    lines (NDJSON) with new songs of known artists under other names; an empty object.
    """
    songs = len(catalogue)
    if not songs:
        return
    broken = min(songs // _BROKEN_SONGS_IN, _MOST_BROKEN_SONGS)
    repeated = max(1, songs // _REPEATED_SONGS_IN)
    sources = stream(seed, "messy songs").integers(songs, size=broken + 3 * repeated).tolist()
    names = iter(make_track_ids(songs, broken + 2 * repeated + 1, seed))
    records = (json.loads(catalogue.record(song)) for song in sources)
    for at in range(broken):
        yield song_key(next(names)), _broken(next(records), _BROKEN_SONGS[at % len(_BROKEN_SONGS)])
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
        self._seed = seed
        self._days = itertools.count()
        self._breaks = itertools.cycle(_BROKEN_LINES)
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
        number = next(self._days)
        specimen: list[bytes] = []
        lines = self._lines(chunks, specimen, stream(self._seed, "messy day", number))
        content = _end_lines(lines, crlf=number % 5 == 1, final=not (last or number % 4 == 3))
        if number % 7 == 2:
            yield f"{key}.gz", stored_gzip(_halved(content))
        else:
            yield key, content
        if number % 6 == 0:
            folder = key.rpartition("/")[0]
            copy = f"{folder}/.ipynb_checkpoints/{day}-events-checkpoint.json"
            yield copy, [b"\n".join(specimen)]

    def _lines(
        self, chunks: Iterable[bytes], specimen: list[bytes], rng: np.random.Generator
    ) -> Iterator[list[bytes]]:
        """The clean lines in their order, the extra ones anywhere between or after them."""
        arriving, self._late = self._late, []
        for chunk in chunks:
            clean = chunk.split(b"\n")[:-1]
            specimen.extend(clean[: 5 - len(specimen)])
            extra = [*arriving, *self._extras(clean, rng)]
            arriving = []
            self.records += len(clean) + sum(1 for line in extra if line.strip())
            lines, places = [*clean, *extra], rng.integers(len(clean), size=len(extra)) + 1
            order = np.argsort(np.concatenate([np.arange(len(clean)), places]), kind="stable")
            yield [lines[at] for at in order.tolist()]

    def _extras(self, clean: list[bytes], rng: np.random.Generator) -> Iterator[bytes]:
        count = len(clean)

        def some(number: int) -> list[bytes]:
            return [clean[at] for at in rng.integers(count, size=number).tolist()]

        for line in some(count // _BROKEN_IN or int(count >= _LEAST_LINES)):
            yield _broken(json.loads(line), next(self._breaks))
        for line, again in zip(some(count // _REPEATED_IN or 1), itertools.cycle(_COPIES)):
            yield again(line)
        yield from itertools.islice(itertools.cycle((b"", b"   ")), count // _BLANK_IN or 1)
        late = some(count // _REPEATED_IN * 2 or 2)
        self._late.extend(line for line in late if b'"page":"NextSong"' in line)


def _broken(record: Record, how: _Break) -> bytes:
    if isinstance(how, bytes):
        return how
    changed = {k: v for k, v in {**record, **(how or {})}.items() if v is not _GONE}
    text = json.dumps(changed, separators=(",", ":")).encode()
    text = text.replace(json.dumps(_NOT_UTF8).encode(), b'"Caf\xe9"')
    return text if how else text[: len(text) * 3 // 5]


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
