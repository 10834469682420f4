"""The catalogue: invented artists, their songs, and the song objects that describe them.

What is in the catalogue and how one song looks as JSON. What listeners play of it is in
`tracks.py`; deliberately bad song objects are in `mess.py`.
"""

import json
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from sparkify_dagster.generator.dice import Bools, Dice, Ints
from sparkify_dagster.generator.words import (
    ADJECTIVES,
    ARTIST_PLACES,
    NOUNS,
    TITLE_PATTERNS,
    VERBS,
    artist_name,
    song_title,
)

# The full Million Song Dataset has about this many songs in each of its 26^3 folders.
SONGS_PER_FOLDER = 57
_FOLDERS = 26**3
_ALPHABET = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)
_HEX = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)
_LETTER_CODES = 26**5
# Odd and not divisible by 13, so multiplying by it permutes the codes of five letters, and of two.
_CODE_STEP = 4_518_971

# Shares of artists: of unknown origin, of known origin, of known origin and coordinates.
_ORIGINS = np.array([0.42, 0.23, 0.35])
_ODD_SPELLINGS = ("{0} ", "THE {0}", "{0} feat. {1}", "{0} [Official]")
_RESPELT = 0.07
_SAME_SONG_AGAIN = 0.05
_COORDINATES_LOST = 0.08
_YEAR_UNKNOWN = 0.52


@dataclass(frozen=True)
class Artists:
    """The artists, by number; `places` indexes ARTIST_PLACES, `origins` says how much is told."""

    ids: list[str]
    names: list[str]
    places: Ints
    origins: Ints


@dataclass(frozen=True)
class Catalogue:
    """The songs, by number: parallel lists, one value per song.

    `artists` holds artist numbers, `artist_names` the spelling this song uses, `durations`
    seconds.
    """

    band: Artists
    track_ids: list[str]
    song_ids: list[str]
    artists: list[int]
    artist_names: list[str]
    titles: list[str]
    durations: list[float]
    years: list[int]
    located: list[bool]

    def __len__(self) -> int:
        """Count the songs."""
        return len(self.song_ids)

    def record(self, song: int) -> bytes:
        """The song's object: one JSON object, laid out as in the public sample, no newline."""
        artist = self.artists[song]
        place, latitude, longitude = _origin(self.band, artist, self.located[song])
        return (
            f'{{"num_songs": 1, "artist_id": "{self.band.ids[artist]}", '
            f'"artist_latitude": {latitude}, "artist_longitude": {longitude}, '
            f'"artist_location": {place}, '
            f'"artist_name": {json.dumps(self.artist_names[song])}, '
            f'"song_id": "{self.song_ids[song]}", "title": {json.dumps(self.titles[song])}, '
            f'"duration": {self.durations[song]!r}, "year": {self.years[song]}}}'
        ).encode()


def make_catalogue(songs: int, seed: int) -> Catalogue:
    """Invent `songs` songs by about six artists for every ten of them."""
    dice = Dice(seed, "songs")
    # The square favours low numbers: few artists with many songs, many with one or none.
    band = _make_artists(artist_count(songs), seed)
    positions = dice.uniform(songs)
    artists = (positions * positions * len(band.ids)).astype(np.int64)
    titles = make_titles(songs, dice)
    respelt = _respelt(artists, band, dice)
    _record_again(artists, titles, respelt, dice)
    return Catalogue(
        band=band,
        track_ids=make_track_ids(0, songs, seed),
        song_ids=_make_ids("SO", "12", songs, dice),
        artists=artists.tolist(),
        artist_names=respelt,
        titles=titles,
        durations=make_durations(songs, dice),
        years=_make_years(songs, dice),
        located=(~dice.chance(songs, _COORDINATES_LOST)).tolist(),
    )


def artist_count(songs: int) -> int:
    """How many artists a catalogue of this many songs draws from."""
    return max(1, songs * 3 // 5)


def make_track_ids(first: int, count: int, seed: int) -> list[str]:
    """Track ids number `first` to `first + count - 1`, all different.

    Their third to fifth letters name the folder, filled in order (A/A/A, A/A/B, ...) as in the
    real data set, so that a small catalogue sits in few folders.
    """
    numbers = np.arange(first, first + count, dtype=np.int64)
    laps, within = np.divmod(numbers, _FOLDERS * SONGS_PER_FOLDER)
    folders, places = np.divmod(within, SONGS_PER_FOLDER)
    tails = ((laps * SONGS_PER_FOLDER + places) * _CODE_STEP + seed) % 26**2
    dice = Dice(seed, f"tracks from {first}")
    return _join_ids("TR", folders * 26**2 + tails, "128F", 7, dice)


def song_key(track_id: str, suffix: str = ".json") -> str:
    """The path of a track's object below the lake's root: `song_data/A/B/C/TRABC....json`."""
    return f"song_data/{track_id[2]}/{track_id[3]}/{track_id[4]}/{track_id}{suffix}"


def make_titles(count: int, dice: Dice) -> list[str]:
    """Invent song titles; a few repeat, as titles do."""
    limits = (len(TITLE_PATTERNS), len(ADJECTIVES), len(NOUNS), len(NOUNS), len(VERBS))
    return list(map(song_title, *(dice.below(count, limit).tolist() for limit in limits)))


def make_durations(count: int, dice: Dice) -> list[float]:
    """Invent durations of 30 to 590 seconds, mostly around four minutes, to five decimals."""
    # A mean of three uniforms is bell-shaped; its square leans to the right, as songs do.
    bell = (dice.uniform(count) + dice.uniform(count) + dice.uniform(count)) / 3.0
    hundred_thousandths = (3_000_000 + 56_000_000 * (bell * bell * 1.4)).astype(np.int64)
    seconds: list[float] = (np.minimum(hundred_thousandths, 59_000_000) / 100_000.0).tolist()
    return seconds


def _make_artists(count: int, seed: int) -> Artists:
    dice = Dice(seed, "artists")
    return Artists(
        ids=_make_ids("AR", "1187B", count, dice),
        names=list(map(artist_name, range(count), repeat(seed))),
        places=dice.below(count, len(ARTIST_PLACES)),
        origins=dice.weighted(count, _ORIGINS),
    )


def _origin(band: Artists, artist: int, located: bool) -> tuple[str, str, str]:
    """Location, latitude and longitude as JSON."""
    name, latitude, longitude = ARTIST_PLACES[band.places[artist]]
    origin = band.origins[artist]
    place = json.dumps(name) if origin else '""'
    if origin == 2 and located:
        return place, repr(latitude), repr(longitude)
    return place, "null", "null"


def _respelt(artists: Ints, band: Artists, dice: Dice) -> list[str]:
    """The artist names as the songs spell them: mostly one way, now and then another."""
    names = [band.names[artist] for artist in artists.tolist()]
    odd = np.nonzero(dice.chance(len(names), _RESPELT))[0].tolist()
    spellings = dice.below(len(odd), len(_ODD_SPELLINGS)).tolist()
    guests = dice.below(len(odd), len(band.names)).tolist()
    for song, spelling, guest in zip(odd, spellings, guests, strict=True):
        names[song] = _ODD_SPELLINGS[spelling].format(names[song], band.names[guest])
    return names


def _record_again(artists: Ints, titles: list[str], names: list[str], dice: Dice) -> None:
    """Make some songs another recording of the one before: same title and name, another length.

    These are what an event's `length` has to tell apart.
    """
    again: Bools = dice.chance(len(titles), _SAME_SONG_AGAIN * 2)
    again[::2] = False  # only odd ones, so that no source is itself replaced
    for song in np.nonzero(again)[0].tolist():
        artists[song] = artists[song - 1]
        titles[song] = titles[song - 1]
        names[song] = names[song - 1]


def _make_years(count: int, dice: Dice) -> list[int]:
    positions = dice.uniform(count)
    released = 2010 - (positions * positions * 52).astype(np.int64)
    years: list[int] = np.where(dice.chance(count, _YEAR_UNKNOWN), 0, released).tolist()
    return years


def _make_ids(prefix: str, middle: str, count: int, dice: Dice) -> list[str]:
    """Different 18-character ids of songs or artists."""
    shift = int(dice.below(1, _LETTER_CODES)[0])
    codes = (np.arange(count, dtype=np.int64) * _CODE_STEP + shift) % _LETTER_CODES
    return _join_ids(prefix, codes, middle, 18 - 2 - 5 - len(middle), dice)


def _join_ids(prefix: str, codes: Ints, middle: str, digits: int, dice: Dice) -> list[str]:
    """Ids from prefix, five letters that spell the code, middle, random hex digits."""
    columns: list[npt.NDArray[np.uint8]] = []
    for power in (4, 3, 2, 1, 0):
        columns.append(_ALPHABET[codes // 26**power % 26])
    for _ in range(digits):
        columns.append(_HEX[dice.below(len(codes), 16)])
    letters = np.stack(columns, axis=1).tobytes().decode()
    width = 5 + digits
    rows = (letters[at : at + width] for at in range(0, len(codes) * width, width))
    return [f"{prefix}{row[:5]}{middle}{row[5:]}" for row in rows]
