"""What listeners can play: the catalogue by popularity, and songs that are in no catalogue.

Tracks are ready-made JSON fragments, so that a log line is put together and never encoded.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkify_dagster.generator.dice import Dice, Ints, pick, zipf_weights
from sparkify_dagster.generator.songs import Catalogue, artist_count, make_durations, make_titles
from sparkify_dagster.generator.words import artist_name

Fragments = npt.NDArray[np.object_]

# The share of plays that find their song in the catalogue.
MATCHED = 0.70
_MOST_LISTED = 200_000
_MOST_OTHERS = 100_000
_ALIASED_RANKS = 25
_ALIAS_PLAYS = 0.03
_FLATTEN = 3.0


@dataclass(frozen=True)
class Tracks:
    """All tracks: `listed` of the catalogue by popularity, their `aliases`, then the others.

    Aliases are the most popular songs as some client sends them: blanks around the title and a
    length a little off. They match all the same. One more entry, the last, stands for "no
    track" (pages other than NextSong).

    Attributes:
        heads, songs, lengths: JSON fragments as bytes, one per track and one for none.
        milliseconds: How long a track plays, one per track and one for none (0).
    """

    heads: Fragments
    songs: Fragments
    lengths: Fragments
    milliseconds: Ints
    listed: int
    aliases: int

    @property
    def none(self) -> int:
        """The index that stands for no track."""
        return len(self.milliseconds) - 1

    def play(self, count: int, dice: Dice) -> Ints:
        """Draw the tracks of `count` plays."""
        others = self.none - self.listed - self.aliases
        listed = dice.chance(count, MATCHED) & (self.listed > 0)
        positions = dice.uniform(count)
        chosen = self.listed + self.aliases + pick(positions, zipf_weights(others, _FLATTEN))
        if self.listed:
            ranks = pick(positions, zipf_weights(self.listed, _FLATTEN))
            alias = (ranks < self.aliases) & dice.chance(count, _ALIAS_PLAYS)
            chosen = np.where(listed, np.where(alias, self.listed + ranks, ranks), chosen)
        return chosen


def make_tracks(catalogue: Catalogue, seed: int) -> Tracks:
    """Rank the catalogue by popularity and invent the songs it lacks."""
    dice = Dice(seed, "tracks")
    ranked = dice.order(len(catalogue))[:_MOST_LISTED].tolist()
    listed = [
        (catalogue.artist_names[song], catalogue.titles[song], catalogue.durations[song])
        for song in ranked
    ]
    aliases = [_alias(*track) for track in listed[:_ALIASED_RANKS]]
    others = _make_others(catalogue, listed, seed, dice)
    tracks: list[_Track] = [*listed, *aliases, *others, _NO_TRACK]
    seconds = np.array([length for _, _, length in tracks])
    return Tracks(
        heads=fragments(f'{{"artist":{quote(artist)}' for artist, _, _ in tracks),
        songs=fragments(f',"song":{quote(title)},"status":' for _, title, _ in tracks),
        lengths=fragments(["null" if s == 0.0 else repr(s) for s in seconds.tolist()]),
        milliseconds=(seconds * 1000.0).astype(np.int64),
        listed=len(listed),
        aliases=len(aliases),
    )


def quote(text: str | None) -> str:
    r"""JSON as the sample's logs have it: ASCII only, and `/` written `\/`."""
    return json.dumps(text).replace("/", "\\/")


def fragments(texts: Iterable[str]) -> Fragments:
    """An object array of the texts as bytes, for picking many by index at once."""
    encoded: list[Any] = [text.encode() for text in texts]
    array = np.empty(len(encoded), dtype=object)
    array[:] = encoded
    return array


_Track = tuple[str | None, str | None, float]
_NO_TRACK: _Track = (None, None, 0.0)


def _alias(artist: str, title: str, length: float) -> _Track:
    return artist, f" {title}  ", round(length + 0.25, 5)


def _make_others(
    catalogue: Catalogue, listed: list[tuple[str, str, float]], seed: int, dice: Dice
) -> list[_Track]:
    """Songs in no catalogue: by artists of their own, or a known title under another name."""
    count = min(max(50, len(catalogue) // 2), _MOST_OTHERS)
    titles = make_titles(count, dice)
    lengths = make_durations(count, dice)
    # Their artist numbers start where the catalogue's end, and so do their names.
    first = artist_count(len(catalogue))
    others: list[_Track] = [
        (artist_name(first + at % (count * 2 // 3), seed), titles[at], lengths[at])
        for at in range(count)
    ]
    # Not among the top ranks, where they would rival the songs they resemble.
    for at in range(_ALIASED_RANKS, min(count, len(listed)), 5):
        artist, title, length = listed[at]
        others[at] = (f"{artist.strip()} & Friends", title, length)
    return others
