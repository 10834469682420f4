"""Plays without a song: what of the catalogue comes closest, and aliases that do not help.

What belongs here: asking the warehouse, and how near two names are. Why a play finds no song says
the mart `unmatched_plays`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from typing import NamedTuple

from sparkify_dagster.core.match_name import match_name
from sparkify_dagster.lake.documents import Alias
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.matching import SONG_ALIASES
from sparkify_dagster.model.statements import statement
from sparkify_dagster.warehouse.engine import Session, Values, WarehouseMissing
from sparkify_dagster.warehouse.ledger import one_of, ready_tables

_MOST = 1000
"""Rows of the mart."""
_CANDIDATES = 20_000
_COMPARED = 8_000
"""Songs that are compared in all, so that a long list takes no longer than a short one."""
_SHOWN = 3
_LONGEST = 100
_NEAR = 0.5
_ALIKE = 0.6
"""How alike title and artist must both be for an alias to be proposed: a person decides."""
_BEGINNING = 3
_BEGINS = f"LOWER(SUBSTRING(a.name, 1, {_BEGINNING}))"


class Song(NamedTuple):
    """A song of the catalogue."""

    song_id: str
    title: str
    artist: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What is played and finds no song.

    Attributes:
        closest: Songs of the catalogue, the closest first.
        proposed: The song that an alias may name.
    """

    title: str
    artist: str
    plays: int
    last_played: date
    reason: str
    closest: Sequence[Song] = ()
    proposed: Song | None = None


def unmatched(session: Session, limit: int) -> list[Unmatched]:
    """What is played most without a song; 0: all that the mart holds.

    Raises:
        WarehouseMissing: Nothing was loaded yet.
    """
    if "unmatched_plays" not in ready_tables(session):
        raise WarehouseMissing("no table unmatched_plays yet. Load it with `sparkify etl`.")
    names = relations(session.schema)
    text = statement("ask/unmatched.sql", names, most=min(limit or _MOST, _MOST))
    rows = [(Unmatched(*row[:5]), Song(*row[5:])) for row in session.query(text)]
    pools = _pools(session, rows)
    most = max(_SHOWN, _COMPARED // max(len(rows), 1))
    return [
        ranked(each, known, (s for key in _keys_of(each, known) for s in pools.get(key, ())), most)
        for each, known in rows
    ]


def ranked(
    missing: Unmatched, known: Song, songs: Iterable[Song], most: int = _COMPARED
) -> Unmatched:
    """The same, with what comes closest of some songs, and what is known to; NULL is no song."""
    if not missing.title:
        return missing
    names = missing.title, missing.artist
    there = {song for song in (known, *songs) if song.song_id and song.title and song.artist}
    near = sorted(there, key=lambda s: (_length_apart(names, s), s))[:most]
    found = sorted(((_likeness(names, song), song) for song in near), key=lambda f: (-f[0], f[1]))
    best = found[0][1] if found and found[0][0] >= _ALIKE else None
    shown = [song for alike, song in found if alike >= _NEAR or song == known][:_SHOWN]
    return replace(missing, closest=shown, proposed=best)


def _length_apart(names: tuple[str, str], song: Song) -> int:
    return sum(abs(len(a) - len(b)) for a, b in zip(names, song[1:], strict=True))


def _likeness(names: tuple[str, str], song: Song) -> float:
    """How alike the less alike of title and artist are, from 0 to 1."""
    pairs = zip(names, song[1:], strict=True)
    return min(SequenceMatcher(None, _folded(a), _folded(b), False).ratio() for a, b in pairs)


def _folded(text: str) -> str:
    return match_name(text).casefold()[:_LONGEST]


_Key = tuple[str, str]
"""A column of the catalogue, and what is looked for there."""


def _keys(artist: str, title: str) -> list[_Key]:
    """Where songs stand that may be meant: those of the artist, of a like one, of the title."""
    like = artist[:_BEGINNING].lower()
    keys = ("a.name", artist), (_BEGINS, like), ("LOWER(g.title)", title.lower())
    return [key for key in keys if key[1]]


def _keys_of(missing: Unmatched, closest: Song) -> list[_Key]:
    return _keys(closest.artist or missing.artist, missing.title) if missing.title else []


def _pools(
    session: Session, rows: Sequence[tuple[Unmatched, Song]]
) -> Mapping[_Key, Sequence[Song]]:
    """The songs at every place that is asked for."""
    keys = {key for row in rows for key in _keys_of(*row)}
    pools: dict[_Key, list[Song]] = {}
    for column in sorted({column for column, _ in keys}):
        asked = one_of(column, sorted(text for name, text in keys if name == column))
        for song in _songs(session, *asked):
            text = dict(_keys(song.artist or "", song.title or "")).get(column, "")
            pools.setdefault((column, text), []).append(song)
    return pools


def song_of(session: Session, song_id: str) -> Song | None:
    """A song of the catalogue, by its id."""
    where = "g.song_id || CHR(1) = $song_id || CHR(1)"
    return next(_songs(session, where, {"song_id": song_id}), None)


def _songs(session: Session, where: str, values: Values) -> Iterator[Song]:
    names = relations(session.schema)
    text = statement("ask/candidates.sql", names, where=where, most=_CANDIDATES)
    return map(Song._make, session.query(text, values))


def idle_aliases(session: Session) -> dict[Alias, str]:
    """Aliases as they were last loaded that do not help, each with why."""
    names = relations(session.schema)
    if not session.query(f"SELECT 1 FROM {names[SONG_ALIASES.name]} AS l LIMIT 1"):
        return {}  # The catalogue may be large.
    found = {}
    text = statement("ask/aliases.sql", names)
    for song, artist, song_id, known, named, same in session.query(text):
        if not known:
            found[song, artist, song_id] = "its song is not in the catalogue"
        elif named:
            which = "this title itself" if named == same else "another song of this title"
            found[song, artist, song_id] = f"the catalogue has {which} now"
    return found
