"""What listeners can play: the catalogue by popularity, and songs that are in no catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkify_dagster.generator.rng import Floats, Ints, pick, stream, zipf
from sparkify_dagster.generator.songs import Catalogue, artist_count, make_durations
from sparkify_dagster.generator.words import artist_names, song_titles

# The share of plays that find their song in the catalogue.
MATCHED = 0.70
_MOST_LISTED = 200_000
_MOST_OTHERS = 100_000
_ALIASED_RANKS = 25
_ALIAS_PLAYS = 0.03
_FLATTEN = 3.0

_Track = tuple[str, str, float]


@dataclass(frozen=True)
class Tracks:
    """All tracks; one more entry of each list, the last, stands for none (pages but NextSong).

    Attributes:
        values: For each field of an event that a track gives a list, one value per track.
        weights: How often each is played.
        milliseconds: How long a track plays; 0 for none.
    """

    values: dict[str, list[Any]]
    weights: Floats
    milliseconds: Ints

    @property
    def none(self) -> int:
        """The index that stands for no track."""
        return len(self.milliseconds) - 1

    def play(self, count: int, rng: np.random.Generator) -> Ints:
        """Draw the tracks of `count` plays."""
        return pick(rng.random(count), self.weights)


def make_tracks(catalogue: Catalogue, seed: int) -> Tracks:
    """Rank the catalogue by popularity, invent the songs it lacks.

    The most popular ones come a second time, as some client sends them: blanks around the title
    and a length a little off. They match all the same.
    """
    rng = stream(seed, "tracks")
    ranked = rng.permutation(len(catalogue))[:_MOST_LISTED].tolist()
    artists, titles, lengths = (
        catalogue.values[name] for name in ("artist_name", "title", "duration")
    )
    listed: list[_Track] = [(artists[song], titles[song], lengths[song]) for song in ranked]
    aliases = [(a, f" {t}  ", round(d + 0.25, 5)) for a, t, d in listed[:_ALIASED_RANKS]]
    others = list(_others(catalogue, listed, seed, rng))
    popular = MATCHED * zipf(len(listed), _FLATTEN)
    aliased = _ALIAS_PLAYS * popular[: len(aliases)]
    popular[: len(aliases)] -= aliased
    rare = (1 - MATCHED) * zipf(len(others), _FLATTEN)
    tracks = [*listed, *aliases, *others, (None, None, None)]
    names = ("artist", "song", "length")
    return Tracks(
        values=dict(zip(names, map(list, zip(*tracks, strict=True)), strict=True)),
        weights=np.concatenate([popular, aliased, rare]),
        milliseconds=np.array([int((length or 0.0) * 1000.0) for _, _, length in tracks]),
    )


def _others(
    catalogue: Catalogue, listed: list[_Track], seed: int, rng: np.random.Generator
) -> Iterator[_Track]:
    """Songs in no catalogue: by artists of their own, or a known title under another name."""
    count = min(max(50, len(catalogue) // 2), _MOST_OTHERS)
    # Their artist numbers start where the catalogue's end, and so do their names.
    artists = list(artist_names(artist_count(len(catalogue)), count * 2 // 3, seed))
    titles, lengths = song_titles(count, rng), make_durations(count, rng)
    for at, (title, length) in enumerate(zip(titles, lengths, strict=True)):
        # Not among the top ranks, where they would rival the songs they resemble.
        if _ALIASED_RANKS <= at < len(listed) and at % 5 == 0:
            artist, title, length = listed[at]
            yield f"{artist.strip()} & Friends", title, length
        else:
            yield artists[at % len(artists)], title, length
