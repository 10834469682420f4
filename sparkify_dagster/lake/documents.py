"""The documents of the lake that people keep by hand: aliases.

What belongs here: from a document's bytes to what it says, and what is wrong with a line. Where the
bytes come from is `connect`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from sparkify_dagster.core.match_name import match_name
from sparkify_dagster.core.text import cited
from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.errors import DocumentError

Alias = tuple[str, str, str]
"""Title and artist by their match names, and the song that they mean."""
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


def _alias(line: str, where: str) -> Alias:
    try:
        said = json.loads(line)
        values = tuple(said[name] for name in _LENGTHS)
        fit = all(
            isinstance(value, str) and "\0" not in value and len(value.encode()) <= most
            for value, most in zip(values, _LENGTHS.values(), strict=True)
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        fit = False
    if not fit:
        raise DocumentError(
            f'{where}: no alias. A line is {{"song": …, "artist": …, "song_id": …}}, three texts; '
            "mend it or take it out. Nothing is loaded till then."
        )
    song, artist, song_id = values
    return song, artist, song_id


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
