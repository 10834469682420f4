"""What every table must hold for a given lake: the data contract again, in plain Python.

The oracle shares no code, no SQL and no engine with the product, so that a misreading would have
to be made twice to go unseen. It is slow and simple on purpose: it reads every object of a lake in
a folder, decides each record by the contract, and computes the star with loops and sorts.

Where the contract leaves a choice open, the choice is made here as in the product:

* trailing commas are accepted inside an object or array; a lone comma (``{,}``) is not;
* a byte-order mark is broken JSON, and so is a lone surrogate, wherever it stands;
* a NUL in a loaded character value, and a key given twice at the top level, reject the record;
* ``NaN``, ``Inf`` and ``Infinity`` parse in any case, with a minus or without, but no loaded
  column takes them;
* nesting may have any depth; the text of a number in a character column is its spelling.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

EVENTS_TABLE = "staging_events_table"
SONGS_TABLE = "staging_songs_table"

Row = tuple[Any, ...]
Reject = tuple[str, str, int]

_BLANKS = re.compile(rb"[ \t\r\n]*")
EPOCH = datetime(1970, 1, 1)


class SettingsError(ValueError):
    """The JSONPaths document is not what the contract asks for."""


class Reason(NamedTuple):
    """Why a record is rejected, and the column to blame where there is one."""

    column: str | None
    why: str


@dataclass(frozen=True)
class LakePaths:
    """The three places a lake is made of; `songs` and `logs` are the prefixes."""

    songs: Path
    logs: Path
    jsonpaths: Path
    aliases: Path | None = None
    forgotten: Path | None = None


@dataclass
class Expected:
    """What the tables hold. Every list is sorted, texts by bytes and NULLs last.

    `rejects` are those that stand beside the published rows: a failed day, or a failed song load,
    keeps its old ones. Those of the failed loads themselves are in `failed_rejects`.
    """

    staging_events: list[Row] = field(default_factory=list)
    staging_songs: list[Row] = field(default_factory=list)
    songplay: list[Row] = field(default_factory=list)
    user: list[Row] = field(default_factory=list)
    song: list[Row] = field(default_factory=list)
    artist: list[Row] = field(default_factory=list)
    time: list[Row] = field(default_factory=list)
    matched_by: Counter[str] = field(default_factory=Counter)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    failed_rejects: list[Reject] = field(default_factory=list)
    reasons: dict[Reject, Reason] = field(default_factory=dict)
    unroutable: dict[str, str] = field(default_factory=dict)
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)
    failed_days: set[date] = field(default_factory=set)
    suppressed: Counter[tuple[str, str]] = field(default_factory=Counter)
    people: dict[Reject, set[int]] = field(default_factory=dict)
    forgotten: set[int] = field(default_factory=set)
    songs_failed: bool = False


def expected_tables(
    paths: LakePaths,
    *,
    first_day: date = date(2018, 11, 1),
    last_day: date | None = None,
    reject_limit: float = 0.10,
    published: Expected | None = None,
) -> Expected:
    """Return what every table must hold after a load of the lake as it is now.

    `last_day` is inclusive; None sets no upper bound. `published` is what the tables held before:
    what fails now keeps its rows from there, and has none where nothing was published.
    """
    before = published or Expected()
    expected = Expected()
    _stage_events(expected, before, paths, (first_day, last_day), reject_limit)
    _stage_songs(expected, before, paths, reject_limit)
    expected.aliases = read_aliases(paths.aliases)
    fill_star(expected)
    return expected


def read_aliases(document: Path | None) -> dict[tuple[str, str], str]:
    """Return the song of each title and artist that the document of aliases names."""
    lines = document.read_text(encoding="utf-8").split("\n") if document else []
    said = [json.loads(line) for line in lines if line.strip()]
    return {(match_name(a["song"]), match_name(a["artist"])): a["song_id"] for a in said}


def fill_star(expected: Expected) -> None:
    """Compute the five tables from what is staged."""
    events = [Event(*row[: len(Event._fields)]) for row in expected.staging_events]
    songs = [Song(*row[: len(Song._fields)]) for row in expected.staging_songs]
    expected.song = in_order(song_rows(songs))
    meant = {row[0]: row[2] for row in expected.song}
    known = {name: (s, meant[s]) for name, s in expected.aliases.items() if s in meant}
    plays = list(plays_and_ways(events, songs, known))
    expected.songplay = in_order(play for play, _ in plays)
    expected.matched_by = Counter(how for _, how in plays if how)
    expected.user = in_order(user_rows(events))
    expected.artist = in_order(artist_rows(songs))
    expected.time = in_order(time_rows(row[1] for row in expected.songplay))


# --------------------------------------------------------------------------------------------------
# The lake: which objects there are, to which day they belong, what bytes they hold
# --------------------------------------------------------------------------------------------------


def object_keys(root: Path) -> list[str]:
    """Return the keys below a prefix that are objects of the lake, in byte order."""
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted((path.as_posix() for path in paths if _is_object(path)), key=str.encode)


def _is_object(key: Path) -> bool:
    hidden = any(segment.startswith((".", "_")) for segment in key.parts)
    plain = key.name.lower().removesuffix(".gz")
    return not hidden and plain.endswith((".json", ".jsonl", ".ndjson"))


def log_day(key: str) -> date:
    """Return the day a log object belongs to; ValueError says why there is none."""
    named = re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", key.rpartition("/")[2])
    found = named or re.search(r"(?<![^/])[0-9]{4}/[0-9]{2}/[0-9]{2}(?=/)", key)
    if not found:
        raise ValueError("no day in the file name or the path")
    try:
        return date(*(int(number) for number in re.split("[-/]", found[0])))
    except ValueError:
        raise ValueError(f"{found[0]} is no calendar date") from None


def _routed_day(key: str, first: date, last: date | None) -> date:
    day = log_day(key)
    if day < first:
        raise ValueError(f"{day} is before the first day, {first}")
    if last is not None and day > last:
        raise ValueError(f"{day} is after the last day, {last}")
    return day


def read_object(path: Path) -> bytes:
    """Return an object's bytes, unpacked; OSError if it cannot be read whole."""
    packed = path.read_bytes()
    if path.suffix.lower() != ".gz":
        return packed
    if not packed:
        raise OSError("is empty, so no whole gzip file")
    try:
        return gzip.decompress(packed)
    except (EOFError, zlib.error) as error:
        raise OSError(f"does not decompress to its end: {error}") from error


# --------------------------------------------------------------------------------------------------
# JSON: a fast parser for nearly all, a careful one for what it refuses or may read wrongly
# --------------------------------------------------------------------------------------------------


class _Number(str):
    """A bare number, by its spelling."""


class _NotFinite(str):
    """A bare NaN, Inf or Infinity, in any case."""


class _Object(list[tuple[str, Any]]):
    """The pairs of a JSON object, repeated keys included. A list of any kind is nested."""


class BrokenJsonError(ValueError):
    """The text is not one JSON value."""


_FAST = json.JSONDecoder(
    object_pairs_hook=_Object, parse_int=_Number, parse_float=_Number, parse_constant=_NotFinite
)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_JSON_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(
    r"[ \t\r\n]*(?:"
    r"(?P<mark>[{}\[\],:])"
    r'|(?P<string>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")'
    rf"|(?P<number>{_JSON_NUMBER})"
    r"|(?P<word>true|false|null|-?(?i:nan|inf(?:inity)?)))"
)
_WORDS = {"true": True, "false": False, "null": None}


def parse_json(text: str) -> Any:
    """Return the one JSON value of a text, numbers as they are spelt; BrokenJsonError if none."""
    if not _SURROGATE_ESCAPE.search(text):
        try:
            return _FAST.decode(text)
        except (ValueError, RecursionError):
            pass
    return parse_carefully(text)


def parse_carefully(text: str) -> Any:
    """Do what `parse_json` does, with trailing commas, surrogates and any depth minded."""
    parser = _CarefulParser()
    position = 0
    while token := _TOKEN.match(text, position):
        parser.take(token.lastgroup or "", token[token.lastgroup or 0])
        position = token.end()
    if text[position:].strip(" \t\r\n") or parser.wants != "end":
        raise BrokenJsonError("not one JSON value")
    return parser.value


class _CarefulParser:
    """A state machine over tokens. It keeps the pairs of the outermost object only."""

    def __init__(self) -> None:
        self.wants = "value"
        self.value: Any = None
        self._opened: list[str] = []
        self._pairs = _Object()
        self._key = ""

    def take(self, kind: str, token: str) -> None:
        """Take the next token: a mark, string, number or word."""
        if kind == "mark":
            self._take_mark(token)
        elif self.wants == "member" and kind == "string":
            self._take_key(_string(token))
        elif self.wants in ("value", "element"):
            self._store(_scalar(kind, token))
        else:
            raise BrokenJsonError(f"{token[:20]} in the wrong place")

    def _take_mark(self, mark: str) -> None:
        if mark in "{[" and self.wants in ("value", "element"):
            self._opened.append(mark)
            self._want_content()
        elif mark in "}]" and self.wants in ("member", "element", "next"):
            self._close(mark)
        elif mark == "," and self.wants == "next":
            self._want_content()
        elif mark == ":" and self.wants == "colon":
            self.wants = "value"
        else:
            raise BrokenJsonError(f"{mark} in the wrong place")

    def _take_key(self, key: str) -> None:
        if len(self._opened) == 1:
            self._key = key
        self.wants = "colon"

    def _want_content(self) -> None:
        self.wants = "member" if self._opened[-1] == "{" else "element"

    def _close(self, mark: str) -> None:
        if self._opened.pop() + mark not in ("{}", "[]"):
            raise BrokenJsonError(f"{mark} closes nothing")
        self._store(self._pairs if mark == "}" and not self._opened else [])

    def _store(self, value: Any) -> None:
        if not self._opened:
            self.value = value
        elif self._opened == ["{"]:
            self._pairs.append((self._key, value))
        self.wants = "next" if self._opened else "end"


def _scalar(kind: str, token: str) -> Any:
    if kind == "string":
        return _string(token)
    if kind == "number":
        return _Number(token)
    return _WORDS[token] if token in _WORDS else _NotFinite(token)


def _string(token: str) -> str:
    text: str = json.loads(token)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BrokenJsonError("a lone surrogate")
    return text


# --------------------------------------------------------------------------------------------------
# Records: one row of typed values, or the reason why not
# --------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """A staging column: `limit` is its length in bytes, or the number of bits of an integer."""

    name: str
    kind: str
    limit: int = 0
    required: bool = False


EVENT_COLUMNS = (
    Column("artist", "text", 1024),
    Column("auth", "text", 256, required=True),
    Column("first_name", "text", 256),
    Column("gender", "text", 256),
    Column("item_in_session", "integer", 32, required=True),
    Column("last_name", "text", 256),
    Column("length", "double"),
    Column("level", "text", 256),
    Column("location", "text", 1024),
    Column("method", "text", 256),
    Column("page", "text", 256, required=True),
    Column("registration", "double"),
    Column("session_id", "integer", 64, required=True),
    Column("song", "text", 1024),
    Column("status", "integer", 32),
    Column("ts", "timestamp", required=True),
    Column("user_agent", "text", 1024),
    Column("user_id", "integer", 64),
)
SONG_COLUMNS = (
    Column("num_songs", "integer", 32),
    Column("artist_id", "text", 256, required=True),
    Column("artist_latitude", "double"),
    Column("artist_longitude", "double"),
    Column("artist_location", "text", 1024),
    Column("artist_name", "text", 1024),
    Column("song_id", "text", 256, required=True),
    Column("title", "text", 1024, required=True),
    Column("duration", "double", required=True),
    Column("year", "integer", 32),
)
SONG_FIELDS = tuple(column.name for column in SONG_COLUMNS)

_FIRST_MS = (datetime.min - EPOCH) // timedelta(milliseconds=1)
_LAST_MS = (datetime.max - EPOCH) // timedelta(milliseconds=1)


class _RefusedError(Exception):
    """A value does not fit its column."""


def event_fields(jsonpaths: Path) -> tuple[str, ...]:
    """Return the log field of each event column, in order, from the JSONPaths document."""
    try:
        document = json.loads(jsonpaths.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{jsonpaths}: {error}") from error
    if not isinstance(document, dict) or set(document) != {"jsonpaths"}:
        raise SettingsError(f"{jsonpaths}: one key, jsonpaths, is wanted")
    paths = document["jsonpaths"]
    if not isinstance(paths, list) or len(paths) != len(EVENT_COLUMNS):
        raise SettingsError(f"{jsonpaths}: {len(EVENT_COLUMNS)} paths are wanted")
    return tuple(_path_field(path) for path in paths)


def _path_field(path: object) -> str:
    found = re.fullmatch(r"\$(?:\['([^'\\]+)'\]|\.([^.\s*\[\]'\"\\]+))", str(path))
    if not isinstance(path, str) or not found:
        raise SettingsError(f"{path!r} is not $['name'] or $.name")
    return found[1] or found[2]


def read_record(raw: bytes, columns: Sequence[Column], fields: Sequence[str]) -> Row | Reason:
    """Return the row of one record, or why it is rejected: the first column at fault is blamed."""
    try:
        record = parse_json(raw.decode())
    except UnicodeDecodeError:
        return Reason(None, "not UTF-8")
    except BrokenJsonError as error:
        return Reason(None, f"broken JSON: {error}")
    if not isinstance(record, _Object):
        return Reason(None, "not a JSON object")
    return _typed_row(record, columns, fields)


def _typed_row(record: _Object, columns: Sequence[Column], fields: Sequence[str]) -> Row | Reason:
    values = dict(record)
    if len(values) < len(record):
        return Reason(None, "a key is given twice")
    row = []
    for column, name in zip(columns, fields, strict=True):
        try:
            row.append(_typed(values.get(name), column))
        except _RefusedError as error:
            return Reason(column.name, str(error))
    return tuple(row)


def _typed(value: Any, column: Column) -> Any:
    if value == "" and column.kind != "text":
        value = None
    if value is None:
        if column.required:
            raise _RefusedError("required")
        return None
    return _CONVERSIONS[column.kind](value, column.limit)


def _integer(value: Any, bits: int) -> int:
    number = _any_integer(value)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise _RefusedError(f"out of the range of {bits} bits")
    return number


def _timestamp(value: Any, _limit: int) -> datetime:
    number = _any_integer(value)
    if not _FIRST_MS <= number <= _LAST_MS:
        raise _RefusedError("out of the years 1 to 9999")
    return EPOCH + timedelta(milliseconds=number)


def _any_integer(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch("-?[0-9]+", value):
        raise _RefusedError("not an integer")
    digits = value.lstrip("-").lstrip("0")
    if len(digits) > 100:
        raise _RefusedError("out of any range")
    return int(digits or "0") * (-1 if value.startswith("-") else 1)


def _double(value: Any, _limit: int) -> float:
    if not isinstance(value, str) or not re.fullmatch(_JSON_NUMBER, value):
        raise _RefusedError("not a number")
    number = float(value)
    if abs(number) == float("inf"):
        raise _RefusedError("not finite")
    return number


def _text(value: Any, limit: int) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str) or isinstance(value, _NotFinite):
        raise _RefusedError("not a text")
    if "\0" in value:
        raise _RefusedError("a NUL")
    if len(value.encode()) > limit:
        raise _RefusedError(f"longer than {limit} bytes")
    return str(value)


_CONVERSIONS: dict[str, Callable[[Any, int], Any]] = {
    "integer": _integer,
    "timestamp": _timestamp,
    "double": _double,
    "text": _text,
}


# --------------------------------------------------------------------------------------------------
# Staging: the records of an object, the load of a day or of the catalogue
# --------------------------------------------------------------------------------------------------

Outcome = tuple[int, "Row | Reason"]
Named = tuple[int, "Row | Reason", set[int]]
"""The same, and the people whom the record names."""


def read_log(content: bytes, fields: Sequence[str]) -> Iterator[Outcome]:
    """Yield line and outcome for each record of a log object."""
    return ((line, outcome) for line, outcome, _ in read_people(content, fields))


def read_people(content: bytes, fields: Sequence[str]) -> Iterator[Named]:
    """Yield the same, and the people whom each record names."""
    for number, text, _ in stream(content):
        outcome = read_record(text, EVENT_COLUMNS, fields)
        people = _people(text, fields[-1]) if isinstance(outcome, Reason) else {outcome[-1]}
        yield number, outcome, people


def _people(text: bytes, name: str) -> set[int]:
    """Return the ids that can be read in a record: after the field's name, bare or in quotes."""
    found = set()
    for piece in text.decode(errors="replace").split(f'"{name}"')[1:]:
        colon, _, value = piece.partition(":")
        value = value.lstrip(" \t\r\n")
        quoted = value.startswith('"')
        digits = re.match("-?[0-9]+", value[quoted:])
        if colon.strip(" \t\r\n") or not digits or len(digits[0].lstrip("-0")) > 100:
            continue
        rest = value[quoted + digits.end() :]
        if rest.startswith('"') if quoted else rest[:1] in tuple(" \t\r\n,}"):
            found.add(int(digits[0]))
    return found


def read_forgotten(document: Path | None) -> set[int]:
    """Return the people whom the document names."""
    lines = document.read_text(encoding="utf-8").split("\n") if document else []
    return {int(line.split("#")[0]) for line in lines if line.split("#")[0].strip()}


def read_songs(content: bytes) -> Iterator[Outcome]:
    """Yield line and outcome for each record of a song object."""
    found = list(stream(content))
    if found and not any(readable for _, _, readable in found):
        found = [(1, content, False)]
    for number, text, _ in found:
        yield number, read_record(text, SONG_COLUMNS, SONG_FIELDS)


def stream(content: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Yield line and text of each record of an object, and whether a JSON object can be read there.

    Where none can, the text to the end of the line is what is rejected.
    """
    at, line = 0, 1
    while (start := _BLANKS.match(content, at).end()) < len(content):  # type: ignore[union-attr]
        line += content.count(b"\n", at, start)
        end = (content.find(b"\n", start) + 1 or len(content) + 1) - 1
        # Nearly always the record is the line; an object ends where it ends, whatever follows.
        is_line = isinstance(_parsed(content[start:end]), _Object)
        found = end if is_line else _end_of_object(content, start)
        at = found or end
        yield line, content[start:at], found is not None
        line += content.count(b"\n", start, at)


def _end_of_object(content: bytes, start: int) -> int | None:
    """Return where the JSON object ends that begins there, None if there is none."""
    letters = content[start:].decode("latin-1")  # A letter a byte; UTF-8 is seen to at the end.
    parser = _CarefulParser()
    position = 0
    while letters.startswith("{") and (token := _TOKEN.match(letters, position)):
        try:
            parser.take(token.lastgroup or "", token[token.lastgroup or 0])
        except BrokenJsonError:
            return None
        position = token.end()
        if parser.wants == "end":
            end = start + position
            return end if isinstance(_parsed(content[start:end]), _Object) else None
    return None


def _parsed(raw: bytes) -> Any:
    """Return the parsed value, or None where there is none (a bare null comes to the same)."""
    try:
        return parse_json(raw.decode())
    except (UnicodeDecodeError, BrokenJsonError):
        return None


@dataclass
class _Load:
    """What the objects of one day, or of the catalogue, give."""

    table: str
    forgotten: set[int] = field(default_factory=set)
    rows: list[Row] = field(default_factory=list)
    rejects: list[tuple[Reject, Reason]] = field(default_factory=list)
    people: dict[Reject, set[int]] = field(default_factory=dict)
    suppressed: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)

    def read(
        self, root: Path, key: str, reader: Callable[[bytes], Iterable[Named]], *audit: date
    ) -> None:
        """Read one object; `audit` stands between a row's values and its origin."""
        try:
            content = read_object(root / key)
        except OSError as error:
            self.unreadable[self.table, key] = str(error)
            return
        for line, outcome, people in reader(content):
            if people & self.forgotten:
                self.suppressed[self.table, key] += 1
            elif isinstance(outcome, Reason):
                reject = self.table, key, line
                self.rejects.append((reject, outcome))
                self.people.setdefault(reject, set()).update(people)
            else:
                self.rows.append((*outcome, *audit, key, line))

    def fails(self, reject_limit: float) -> bool:
        """Tell whether the load may not be published."""
        records = len(self.rows) + len(self.rejects) + self.suppressed.total()
        too_many = records > 0 and len(self.rejects) / records > reject_limit
        return too_many or bool(self.unreadable)


def _stage_events(
    expected: Expected,
    before: Expected,
    paths: LakePaths,
    days: tuple[date, date | None],
    reject_limit: float,
) -> None:
    fields = event_fields(paths.jsonpaths)
    forgotten = read_forgotten(paths.forgotten)
    expected.forgotten = forgotten
    before = without(before, forgotten)
    rows: list[Row] = []
    for day, keys in _keys_by_day(expected, paths.logs, days).items():
        load = _Load(EVENTS_TABLE, forgotten)
        for key in keys:
            load.read(paths.logs, key, lambda content: read_people(content, fields), day)
        if load.fails(reject_limit):
            expected.failed_days.add(day)
            rows += [row for row in before.staging_events if row[_LOG_DATE] == day]
            kept = [r for r in before.rejects if r[0] == EVENTS_TABLE and log_day(r[1]) == day]
            _fail(expected, before, load, kept)
            of_day = {n: c for n, c in before.suppressed.items() if log_day(n[1]) == day}
            expected.suppressed.update(of_day)
        else:
            rows += load.rows
            _publish_rejects(expected, load.rejects)
            expected.suppressed.update(load.suppressed)
        expected.people |= load.people
    expected.staging_events = in_order(rows)


def without(before: Expected, forgotten: set[int]) -> Expected:
    """Return what was held before without some people."""
    theirs = [row for row in before.staging_events if row[_USER_ID] in forgotten]
    named = [reject for reject in before.rejects if before.people.get(reject, set()) & forgotten]
    gone = Counter((EVENTS_TABLE, row[_LOG_DATE + 1]) for row in theirs)
    gone.update(reject[:2] for reject in named)
    return replace(
        before,
        staging_events=[row for row in before.staging_events if row[_USER_ID] not in forgotten],
        rejects=[reject for reject in before.rejects if reject not in named],
        suppressed=before.suppressed + gone,
    )


def _keys_by_day(
    expected: Expected, logs: Path, days: tuple[date, date | None]
) -> dict[date, list[str]]:
    routed = defaultdict(list)
    for key in object_keys(logs):
        try:
            routed[_routed_day(key, *days)].append(key)
        except ValueError as error:
            expected.unroutable[key] = str(error)
    return routed


def _stage_songs(
    expected: Expected, before: Expected, paths: LakePaths, reject_limit: float
) -> None:
    load = _Load(SONGS_TABLE)
    for key in object_keys(paths.songs):
        load.read(paths.songs, key, lambda content: ((*o, set()) for o in read_songs(content)))
    expected.songs_failed = load.fails(reject_limit)
    if expected.songs_failed:
        expected.staging_songs = list(before.staging_songs)
        _fail(expected, before, load, [r for r in before.rejects if r[0] == SONGS_TABLE])
    else:
        expected.staging_songs = in_order(load.rows)
        _publish_rejects(expected, load.rejects)


def _fail(expected: Expected, before: Expected, load: _Load, kept: list[Reject]) -> None:
    """Keep what was published, and put the failed load's own rejects apart."""
    expected.people |= {reject: before.people.get(reject, set()) for reject in kept}
    expected.reasons |= {reject: before.reasons[reject] for reject in kept} | dict(load.rejects)
    expected.rejects = in_order([*expected.rejects, *kept])
    expected.failed_rejects = in_order([*expected.failed_rejects, *(r for r, _ in load.rejects)])
    expected.unreadable |= load.unreadable


def _publish_rejects(expected: Expected, rejects: list[tuple[Reject, Reason]]) -> None:
    expected.reasons |= dict(rejects)
    expected.rejects = in_order([*expected.rejects, *(reject for reject, _ in rejects)])


# --------------------------------------------------------------------------------------------------
# The star
# --------------------------------------------------------------------------------------------------


class Event(NamedTuple):
    """A staged event with its day."""

    artist: str | None
    auth: str
    first_name: str | None
    gender: str | None
    item_in_session: int
    last_name: str | None
    length: float | None
    level: str | None
    location: str | None
    method: str | None
    page: str
    registration: float | None
    session_id: int
    song: str | None
    status: int | None
    ts: datetime
    user_agent: str | None
    user_id: int | None
    log_date: date


class Song(NamedTuple):
    """A staged song."""

    num_songs: int | None
    artist_id: str
    artist_latitude: float | None
    artist_longitude: float | None
    artist_location: str | None
    artist_name: str | None
    song_id: str
    title: str
    duration: float
    year: int | None


_LOG_DATE = Event._fields.index("log_date")
_USER_ID = Event._fields.index("user_id")


def ordering(*values: Any) -> tuple[Any, ...]:
    """Return a sort key: texts by their bytes, NULLs last."""
    return tuple(
        (True,) if value is None else (False, value.encode() if isinstance(value, str) else value)
        for value in values
    )


def in_order(rows: Iterable[Row]) -> list[Any]:
    """Return rows in one well-defined order."""
    return sorted(rows, key=lambda row: ordering(*row))


def songplay_rows(events: Iterable[Event], songs: Iterable[Song]) -> Iterator[Row]:
    """Yield the plays, one a (user, session, item), each with its song if there is one."""
    return (play for play, _ in plays_and_ways(events, songs))


def plays_and_ways(
    events: Iterable[Event],
    songs: Iterable[Song],
    aliases: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType({}),
) -> Iterator[tuple[Row, str | None]]:
    """Yield the plays, each with how its song was found."""
    plays: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in events:
        if event.page == "NextSong" and event.user_id is not None:
            plays[event.user_id, event.session_id, event.item_in_session].append(event)
    catalogue: dict[tuple[str, str], list[Song]] = defaultdict(list)
    for song in songs:
        if song.artist_name is not None:
            catalogue[match_name(song.title), match_name(song.artist_name)].append(song)
    for identity, deliveries in plays.items():
        play = min(deliveries, key=_delivery_order)
        name = match_name(play.song or ""), match_name(play.artist or "")
        song_id, artist_id, how = _match(play, catalogue)
        if None not in (play.song, play.artist) and name in aliases:
            song_id, artist_id, how = *aliases[name], "alias"
        row = (
            _md5("|".join(map(str, identity))),
            play.ts,
            play.user_id,
            play.level,
            song_id,
            artist_id,
            play.session_id,
            play.location,
            play.user_agent,
            play.log_date,
        )
        yield row, how


def match_name(text: str) -> str:
    """Return what names are compared by: the text trimmed and, three times at most, repaired."""
    name = text.strip(" ")
    for _ in range(3):
        try:
            repaired = b"".join(map(_byte, name)).decode()
        except UnicodeError:
            return name
        if all(character <= "\x7f" for character in repaired):
            return name
        name = repaired
    return name


def _byte(character: str) -> bytes:
    """Return the byte of a character in Windows-1252, else in Latin-1."""
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")


def _is_repaired(*texts: str) -> bool:
    return any(match_name(text) != text.strip(" ") for text in texts)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _delivery_order(event: Event) -> tuple[Any, ...]:
    return ordering(
        event.log_date,
        event.ts,
        event.song,
        event.artist,
        event.length,
        event.level,
        event.location,
        event.user_agent,
    )


def _match(
    play: Event, catalogue: dict[tuple[str, str], list[Song]]
) -> tuple[str | None, str | None, str | None]:
    if play.song is None or play.artist is None:
        return None, None, None
    candidates = catalogue.get((match_name(play.song), match_name(play.artist)), [])
    if not candidates:
        return None, None, None

    def closeness(song: Song) -> tuple[Any, ...]:
        difference = None if play.length is None else abs(song.duration - play.length)
        repaired = _is_repaired(song.title, song.artist_name or "")
        return ordering(difference, song.song_id, song.artist_id, repaired)

    best = min(candidates, key=closeness)
    repaired = _is_repaired(play.song, play.artist, best.title, best.artist_name or "")
    return best.song_id, best.artist_id, "repaired" if repaired else "exact"


def user_rows(events: Iterable[Event]) -> Iterator[Row]:
    """Yield everyone identified on any page, as their latest event describes them."""
    seen: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event.user_id is not None:
            seen[event.user_id].append(event)
    for user_id, theirs in seen.items():
        latest = max(map(_event_time, theirs))
        last = (event for event in theirs if _event_time(event) == latest)
        attributes = ((e.first_name, e.last_name, e.gender, e.level) for e in last)
        yield (user_id, *min(attributes, key=lambda values: ordering(*values)))


def _event_time(event: Event) -> tuple[datetime, int, int, date]:
    return event.ts, event.session_id, event.item_in_session, event.log_date


def song_rows(songs: Iterable[Song]) -> Iterator[Row]:
    """Yield one row a song_id: the largest year as staged wins, then year 0 becomes NULL."""
    staged: dict[str, list[Song]] = defaultdict(list)
    for song in songs:
        staged[song.song_id].append(song)
    for song_id, rows in staged.items():
        best = min(rows, key=_song_preference)
        yield song_id, best.title, best.artist_id, best.year or None, best.duration


def _song_preference(song: Song) -> tuple[Any, ...]:
    year = None if song.year is None else -song.year
    return ordering(year, song.title, song.artist_id, song.duration)


def artist_rows(songs: Iterable[Song]) -> Iterator[Row]:
    """Yield one row an artist_id: the commonest name, and the best known place."""
    staged: dict[str, list[Song]] = defaultdict(list)
    for song in songs:
        staged[song.artist_id].append(song)
    for artist_id, rows in staged.items():
        place = min(map(_place, rows), key=_place_preference)
        yield artist_id, _commonest_name(rows), *place[:3]


def _commonest_name(songs: Iterable[Song]) -> str | None:
    names = Counter(song.artist_name.strip(" ") for song in songs if song.artist_name is not None)
    return min(names, key=lambda name: (-names[name], name.encode()), default=None)


def _place(song: Song) -> Row:
    location = song.artist_location
    if location is not None and not location.strip(" "):
        location = None
    return location, song.artist_latitude, song.artist_longitude, song.song_id


def _place_preference(place: Row) -> tuple[Any, ...]:
    location, latitude, _, _ = place
    return (latitude is None, location is None, ordering(*place))


def time_rows(start_times: Iterable[datetime]) -> Iterator[Row]:
    """Yield the parts of each distinct start time: ISO week, weekday 0 for Sunday."""
    for start in set(start_times):
        week = start.isocalendar().week
        weekday = start.isoweekday() % 7
        yield start, start.hour, start.day, week, start.month, start.year, weekday
