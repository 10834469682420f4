"""The documents of the lake that people keep by hand: aliases, forgotten people.

What belongs here: from a document's bytes to what it says, and what is wrong with a line. Where the
bytes come from is `factory`'s.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sparkify_dagster.core.match_name import match_name
from sparkify_dagster.core.text import cited
from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.errors import DocumentError

Alias = tuple[str, str, str]
"""Title and artist by their match names, and the song that they mean."""
_ID = re.compile("-?[0-9]{1,30}")
_LENGTHS = {"song": 1024, "artist": 1024, "song_id": 256}
"""The fields of an alias, each with the bytes that it may have."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be there: its place, and what gives its bytes or raises LakeError."""

    place: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Aliases:
    """What the document says, each title and artist once.

    Attributes:
        token: Differs when they differ.
    """

    rows: frozenset[Alias] = field(default_factory=frozenset)
    token: str = NOTHING


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The people whose events are in no table.

    Attributes:
        ids: In the order of the document, each once.
    """

    ids: tuple[int, ...] = ()

    @property
    def token(self) -> str:
        """Differs when the ids differ."""
        return _token_of(self.ids)

    def extends(self, token: str) -> bool:
        """Whether all who were forgotten under a token surely are so still."""
        number = token.partition(":")[0]
        known = int(number) if number.isdecimal() else 0
        return _token_of(self.ids[:known]) == token


def _token_of(ids: Sequence[int]) -> str:
    return f"{len(ids)}:{_token(map(str, ids))}" if ids else NOTHING


def user_id_of(text: str) -> int | None:
    """The user id that a text is; None if it is none."""
    is_one = _ID.fullmatch(text) and -(2**63) <= int(text) < 2**63
    return int(text) if is_one else None


def read_forgotten(document: Document | None) -> Forgotten:
    """The people whom a document names; nobody without one.

    Raises:
        LakeError: It cannot be read, or a line is no id.
    """
    found: dict[int, None] = {}
    for where, line in _lines(document) if document else ():
        if text := line.partition("#")[0].strip():
            if (user_id := user_id_of(text)) is None:
                raise DocumentError(
                    f"{where}: {cited(text)} is no user id; mend it or take it out. A line is one "
                    "id; what follows a # is a comment. Nothing is loaded till then."
                )
            found[user_id] = None
    return Forgotten(tuple(found))


def read_aliases(document: Document | None) -> Aliases:
    """The aliases of a document; none without one.

    Raises:
        LakeError: It cannot be read, or a line is no alias.
    """
    if document is None:
        return Aliases()
    found = {}
    for where, line in _lines(document):
        song, artist, song_id = _alias(line, where)
        found[match_name(song), match_name(artist)] = song_id
    rows = frozenset((*names, song_id) for names, song_id in found.items())
    return Aliases(rows, _token(map(json.dumps, sorted(rows))))


def alias_line(song: str, artist: str, song_id: str) -> str | None:
    """The line that says so; None where the texts are too long, or hold what no alias may."""
    line = json.dumps(dict(zip(_LENGTHS, (song, artist, song_id), strict=True)), ensure_ascii=False)
    return line if _read(line) else None


def appended(data: bytes | None, lines: Iterable[str]) -> bytes:
    """A document with more lines at its end."""
    before = data or b""
    between = b"" if before.endswith(b"\n") or not before else b"\n"
    return before + between + "".join(f"{line}\n" for line in lines).encode()


def _read(line: str) -> Alias | None:
    try:
        said = json.loads(line)
        song, artist, song_id = (said[name] for name in _LENGTHS)
        fit = all(
            isinstance(value, str) and "\0" not in value and len(value.encode()) <= most
            for value, most in zip((song, artist, song_id), _LENGTHS.values(), strict=True)
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (song, artist, song_id) if fit else None


def _alias(line: str, where: str) -> Alias:
    if (found := _read(line)) is None:
        raise DocumentError(
            f'{where}: no alias. A line is {{"song": …, "artist": …, "song_id": …}}, three texts; '
            "mend it or take it out. Nothing is loaded till then."
        )
    return found


def _lines(document: Document) -> Iterator[tuple[str, str]]:
    """The lines that are not blank, each with where it stands.

    Raises:
        LakeError: The document cannot be read or is not UTF-8.
    """
    place = cited(document.place)
    for number, raw in enumerate(document.read().split(b"\n"), 1):
        where = f"{place}, line {number:,}"
        try:
            line = raw.decode().strip(" \t\r")
        except UnicodeDecodeError:
            raise DocumentError(f"{where}: not UTF-8; save the document as UTF-8.") from None
        if line:
            yield where, line


def _token(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else NOTHING
