"""The catalogue: invented artists, their songs, and the song objects that describe them.

What is in the catalogue and how one song looks as JSON. What listeners play of it is in
`tracks.py`; deliberately bad song objects are in `mess.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkify_dagster.generator.records import SONG_FIELDS, encoded
from sparkify_dagster.generator.rng import Bools, Ints, pick, stream
from sparkify_dagster.generator.words import artist_names, song_titles, words

# The full Million Song Dataset has about this many songs in each of its 26^3 folders.
SONGS_PER_FOLDER = 57
_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)
_DIGITS = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)
_ID_LENGTH = 18
_ENCODED_AT_A_TIME = 1_000

# Shares of artists: of unknown origin, of known origin, of known origin and coordinates.
_ORIGINS = np.array([0.42, 0.23, 0.35])
_LOCATED = 2
_ODD_SPELLINGS = ("{0} ", "THE {0}", "{0} feat. {1}", "{0} [Official]")
_RESPELT = 0.07
_SAME_SONG_AGAIN = 0.05
_COORDINATES_LOST = 0.08
_YEAR_UNKNOWN = 0.52


@dataclass(frozen=True)
class Catalogue:
    """The songs, by number: for each field of their objects a list, one value per song."""

    values: dict[str, list[Any]]
    track_ids: list[str]

    def __len__(self) -> int:
        """Count the songs."""
        return len(self.track_ids)

    def records(self) -> Iterator[bytes]:
        """The songs' objects, one after the other."""
        for first in range(0, len(self), _ENCODED_AT_A_TIME):
            yield from self._records(slice(first, first + _ENCODED_AT_A_TIME))

    def record(self, song: int) -> bytes:
        """A song's object: one JSON object, laid out as in the public sample, no newline."""
        return next(self._records(slice(song, song + 1)))

    def _records(self, songs: slice) -> Iterator[bytes]:
        some = {name: self.values[name][songs] for name in SONG_FIELDS}
        return (f"{{{', '.join(fields)}}}".encode() for fields in encoded(some, ": "))


def make_catalogue(songs: int, seed: int) -> Catalogue:
    """Invent `songs` songs by about six artists for every ten of them."""
    rng = stream(seed, "songs")
    known = artist_count(songs)
    ids = _join_ids("AR", "1187B", rng.choice(26**5, known, replace=False), rng)
    # Some are another recording of the song before: same title and name, another length. These are
    # what an event's `length` has to tell apart. Only odd ones, so that no source is one, too.
    again = (rng.random(songs) < _SAME_SONG_AGAIN * 2) & (np.arange(songs) % 2 == 1)
    source = (np.arange(songs) - again).tolist()
    # The square favours low numbers: few artists with many songs, many with one or none.
    artists = (rng.random(songs) ** 2 * known).astype(np.int64)[source]
    titles, names = song_titles(songs, rng), _spellings(artists, known, seed, rng)
    years = 2010 - (rng.random(songs) ** 2 * 52).astype(np.int64)
    return Catalogue(
        {
            "num_songs": [1] * songs,
            "artist_id": [ids[artist] for artist in artists.tolist()],
            "artist_name": [names[song] for song in source],
            "song_id": _join_ids("SO", "12", rng.choice(26**5, songs, replace=False), rng),
            "title": [titles[song] for song in source],
            "duration": make_durations(songs, rng),
            "year": np.where(rng.random(songs) < _YEAR_UNKNOWN, 0, years).tolist(),
            **_origins(artists, known, rng.random(songs) < _COORDINATES_LOST, rng),
        },
        make_track_ids(0, songs, seed),
    )


def artist_count(songs: int) -> int:
    """How many artists a catalogue of this many songs draws from."""
    return max(1, songs * 3 // 5)


def make_track_ids(first: int, count: int, seed: int) -> list[str]:
    """Track ids number `first` to `first + count - 1`, all different.

    Their third to fifth letters name the folder, filled in order (A/A/A, A/A/B, ...) as in the
    real data set, so that a small catalogue sits in few folders.
    """
    laps, within = np.divmod(np.arange(first, first + count), 26**3 * SONGS_PER_FOLDER)
    folders, places = np.divmod(within, SONGS_PER_FOLDER)
    # 11 shares no factor with 26, so the last two letters differ within a folder.
    tails = ((laps * SONGS_PER_FOLDER + places) * 11 + seed) % 26**2
    rng = stream(seed, "track ids", first)
    return _join_ids("TR", "128F", folders * 26**2 + tails, rng)


def song_key(track_id: str, suffix: str = ".json") -> str:
    """The path of a track's object below the lake's root: `song_data/A/B/C/TRABC....json`."""
    return f"song_data/{'/'.join(track_id[2:5])}/{track_id}{suffix}"


def make_durations(count: int, rng: np.random.Generator) -> list[float]:
    """Invent durations of 30 to 590 seconds, mostly around four minutes, to five decimals."""
    # A mean of three uniforms is bell-shaped; its square leans to the right, as songs do.
    bell = (rng.random(count) + rng.random(count) + rng.random(count)) / 3.0
    hundred_thousandths = (3_000_000 + 56_000_000 * (bell * bell * 1.4)).astype(np.int64)
    seconds: list[float] = (np.minimum(hundred_thousandths, 59_000_000) / 100_000.0).tolist()
    return seconds


def _origins(
    artists: Ints, known: int, lost: Bools, rng: np.random.Generator
) -> dict[str, list[Any]]:
    """The artist of each song is from somewhere, of which some, all or nothing is known."""
    places = rng.integers(len(words().origins), size=known)[artists]
    told = pick(rng.random(known), _ORIGINS)[artists]
    origins = np.array(words().origins, dtype=object)[places]
    origins[told == 0, 0] = ""
    origins[(told != _LOCATED) | lost, 1:] = None
    names = ("artist_location", "artist_latitude", "artist_longitude")
    return dict(zip(names, origins.T.tolist(), strict=True))


def _spellings(artists: Ints, known: int, seed: int, rng: np.random.Generator) -> list[str]:
    """The artist names as the songs spell them: mostly one way, now and then another."""
    band = list(artist_names(0, known, seed))
    names = [band[artist] for artist in artists.tolist()]
    odd = np.nonzero(rng.random(len(names)) < _RESPELT)[0]
    spellings, guests = rng.choice(_ODD_SPELLINGS, len(odd)), rng.choice(band, len(odd))
    for song, spelling, guest in zip(odd.tolist(), spellings, guests, strict=True):
        names[song] = spelling.format(names[song], guest)
    return names


def _join_ids(prefix: str, middle: str, codes: Ints, rng: np.random.Generator) -> list[str]:
    """Ids from prefix, five letters that spell the code, middle, random hex digits."""
    width = _ID_LENGTH - len(prefix) - len(middle)
    letters = _LETTERS[codes[:, np.newaxis] // 26 ** np.arange(4, -1, -1) % 26]
    digits = _DIGITS[rng.integers(16, size=(len(codes), width - 5))]
    text = np.hstack([letters, digits]).tobytes().decode()
    rows = (text[at : at + width] for at in range(0, len(text), width))
    return [f"{prefix}{row[:5]}{middle}{row[5:]}" for row in rows]
