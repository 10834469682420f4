"""What the marts must hold for given tables: loops and sorts once more, no SQL.

What belongs here: the marts' meaning as their declarations tell it, from the events, plays, songs
and artists that `oracle` gives. It shares nothing with the product.
"""

from __future__ import annotations

import json
import string
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.oracle import Event, Expected, Row, ordering

Moment = tuple[datetime, str, bool]
PUNCTUATION = f"\u2019 {string.punctuation}"


def marts_expected(expected: Expected) -> dict[str, list[Row]]:
    """Every mart by its name, its rows in the oracle's order."""
    events = [Event(*row[: len(Event._fields)]) for row in expected.staging_events]
    plays = list(_plays(events, expected.songplay))
    identified = [event for event in events if event.user_id is not None]
    by_song = list(plays_by_song(plays))
    history = list(user_level_history(identified))
    artists = {row[0]: row[1] for row in expected.artist}
    catalogue = [(row[0], row[1], artists[row[2]]) for row in expected.song]
    made: dict[str, Iterable[Row]] = {
        "plays_by_hour": plays_by_hour(plays),
        "plays_by_song": by_song,
        "most_played": most_played(by_song),
        "listening_days": listening_days(plays),
        "listeners_by_day": listeners_by_day(plays),
        "user_level_history": history,
        "subscriptions_by_day": subscriptions_by_day(history),
        "sessions": sessions(identified),
        "plays_by_place": plays_by_place(plays),
        "unmatched_plays": unmatched_plays(by_song, catalogue),
    }
    return {name: oracle.in_order(rows) for name, rows in made.items()}


Play = tuple[Event, "str | None"]
"""The delivery that became the play, and the song it found."""


def _plays(events: Iterable[Event], songplay: Iterable[Row]) -> Iterator[Play]:
    deliveries: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in events:
        if event.page == "NextSong" and event.user_id is not None:
            deliveries[event.user_id, event.session_id, event.item_in_session].append(event)
    found = {row[0]: row[4] for row in songplay}
    for identity, theirs in deliveries.items():
        play = min(theirs, key=oracle._delivery_order)
        yield play, found[oracle._md5("|".join(map(str, identity)))]


def plays_by_hour(plays: Iterable[Play]) -> Iterator[Row]:
    """Plays, listeners and matched plays of each hour."""
    hours: dict[tuple[date, int], list[Play]] = defaultdict(list)
    for play in plays:
        hours[play[0].ts.date(), play[0].ts.hour].append(play)
    for hour, theirs in hours.items():
        yield *hour, len(theirs), _people(theirs), sum(song is not None for _, song in theirs)


def _people(plays: Iterable[Play]) -> int:
    return len({event.user_id for event, _ in plays})


def plays_by_song(plays: Iterable[Play]) -> Iterator[Row]:
    """Plays of each title and artist on each day."""
    named: dict[tuple[date, str, str], list[str | None]] = defaultdict(list)
    for event, song in plays:
        title, artist = (event.song or "").strip(" "), (event.artist or "").strip(" ")
        named[event.ts.date(), title, artist].append(song)
    for name, songs in named.items():
        matched = [song for song in songs if song is not None]
        yield *name, min(matched, key=str.encode, default=None), len(songs), len(matched)


def most_played(by_song: Iterable[Row]) -> Iterator[Row]:
    """The first hundred songs, and artists."""
    named = list(by_song)
    songs = [row for row in named if row[1]]
    artists = [row for row in named if row[2]]
    for kind, rows in (("song", songs), ("artist", artists)):
        plays: Counter[tuple[str, str]] = Counter()
        matched: Counter[tuple[str, str]] = Counter()
        last: dict[tuple[str, str], date] = {}
        for day, title, artist, _, count, found in rows:
            name = (title if kind == "song" else "", artist)
            plays[name] += count
            matched[name] += found
            last[name] = max(last.get(name, day), day)
        best = sorted(plays, key=lambda name: (-plays[name], ordering(*name)))
        for rank, name in enumerate(best[:100], start=1):
            yield kind, rank, *name, plays[name], matched[name], last[name]


def listening_days(plays: Iterable[Play]) -> Iterator[Row]:
    """Plays of each person on each day."""
    counted = Counter((event.user_id, event.ts.date()) for event, _ in plays)
    return ((*name, count) for name, count in counted.items())


def listeners_by_day(plays: Iterable[Play]) -> Iterator[Row]:
    """People of each day, new and not."""
    days: dict[date, set[int | None]] = defaultdict(set)
    for event, _ in plays:
        days[event.ts.date()].add(event.user_id)
    known: set[int | None] = set()
    for day in sorted(days):
        new = days[day] - known
        yield day, len(days[day]), len(new), len(days[day]) - len(new)
        known |= new


def user_level_history(events: Iterable[Event]) -> Iterator[Row]:
    """The periods of each person, told by going through their moments one by one."""
    theirs: dict[int | None, list[Event]] = defaultdict(list)
    for event in events:
        if event.level in ("free", "paid"):
            theirs[event.user_id].append(event)
    for user_id, own in theirs.items():
        yield from _periods(user_id, _moments(own))


def _moments(events: list[Event]) -> list[Moment]:
    last: dict[datetime, tuple[Any, ...]] = {}
    for event in events:
        cancels = event.page == "Cancellation Confirmation"
        told = (event.session_id, event.item_in_session, event.log_date, event.level, cancels)
        last[event.ts] = max(last.get(event.ts, told), told)
    return [(ts, told[3], told[4]) for ts, told in sorted(last.items())]


def _periods(user_id: int | None, moments: list[Moment]) -> Iterator[Row]:
    running: tuple[datetime, str, str] | None = None  # since when, level, started by
    started_by = "first"
    for ts, level, cancels in moments:
        if running is not None and running[1] != level:
            started_by = "upgrade" if level == "paid" else "downgrade"
            yield user_id, running[0], ts, *running[1:], started_by
            running = None
        if running is None:
            running = (ts, level, started_by)
        if cancels:
            yield user_id, running[0], ts, *running[1:], "cancellation"
            running, started_by = None, "return"
    if running is not None:
        yield user_id, running[0], None, *running[1:], None


def subscriptions_by_day(history: list[Row]) -> Iterator[Row]:
    """Who is what at the end of each day with a change: counted from the periods, day by day."""
    ends = {row[2].date() for row in history if row[2] is not None}
    for day in sorted({row[1].date() for row in history} | ends):
        lasting = Counter(
            row[3]
            for row in history
            if row[1].date() <= day and (row[2] is None or row[2].date() > day)
        )
        began = Counter(row[4] for row in history if row[1].date() == day)
        ended = Counter(row[5] for row in history if row[2] is not None and row[2].date() == day)
        yield (
            day,
            lasting["free"],
            lasting["paid"],
            began["upgrade"],
            began["downgrade"],
            ended["cancellation"],
        )


def sessions(events: Iterable[Event]) -> Iterator[Row]:
    """Each person's sessions."""
    theirs: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for event in events:
        theirs[event.user_id, event.session_id].append(event)
    for identity, own in theirs.items():
        start, end = min(e.ts for e in own), max(e.ts for e in own)
        seconds = (end.replace(microsecond=0) - start.replace(microsecond=0)).total_seconds()
        items = {e.item_in_session for e in own}
        songs = {e.item_in_session for e in own if e.page == "NextSong"}
        last = max((e.item_in_session, e.log_date) for e in own if e.ts == end)
        levels = [e.level for e in own if e.ts == end and (e.item_in_session, e.log_date) == last]
        level = min(levels, key=lambda told: ordering(told))
        yield *identity, start, end, seconds / 60.0, len(items), len(songs), level


def plays_by_place(plays: Iterable[Play]) -> Iterator[Row]:
    """Plays and listeners of each place on each day."""
    places: dict[tuple[date, str], list[Play]] = defaultdict(list)
    for play in plays:
        places[play[0].ts.date(), play[0].location or ""].append(play)
    for place, theirs in places.items():
        yield *place, len(theirs), _people(theirs)


def unmatched_plays(
    by_song: Iterable[Row], catalogue: list[tuple[str, str, str | None]]
) -> Iterator[Row]:
    """The first thousand names without a song, each with the song that comes closest."""
    plays: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], date] = {}
    for day, title, artist, _, count, found in by_song:
        if count > found:
            plays[title, artist] += count - found
            last[title, artist] = max(last.get((title, artist), day), day)
    folded = [(_folded(song[1]), _folded(song[2] or ""), song) for song in catalogue]
    best = sorted(plays, key=lambda name: (-plays[name], ordering(*name)))
    for rank, name in enumerate(best[:1000], start=1):
        reason, song = _explained(*name, folded)
        yield rank, *name, plays[name], last[name], reason, *song, _alias(*name, reason, song)


def _alias(title: str, artist: str, reason: str, song: tuple[Any, ...]) -> str | None:
    """The line for the document of aliases, where the title is the song's."""
    if song[0] is None or not artist or "artist with other titles" in reason:
        return None
    names = {"song": title, "artist": artist, "song_id": song[0]}
    if any(character < " " for name in names.values() for character in name):
        return None
    return json.dumps(names, ensure_ascii=False)


_NO_SONG = (None, None, None)


def _explained(
    title: str, artist: str, catalogue: list[tuple[str, str, tuple[Any, ...]]]
) -> tuple[str, tuple[Any, ...]]:
    if not title:
        return "the event names no song", _NO_SONG
    wanted, by = _folded(title), _folded(artist)
    titled = [(its, song) for name, its, song in catalogue if wanted and name == wanted]
    spelt = [song for its, song in titled if by and its == by]
    for reason, songs in (
        ("title and artist differ only in spelling", spelt),
        ("the catalogue has the title by another artist", [song for _, song in titled]),
        (
            "the catalogue has the artist with other titles",
            [song for _, its, song in catalogue if by and its == by],
        ),
    ):
        if songs:
            return reason, min(songs, key=lambda song: ordering(song[1], song[2], song[0]))
    return "neither title nor artist is in the catalogue", _NO_SONG


def _folded(text: str) -> str:
    """A name as it is compared: without punctuation, unless it is nothing else."""
    letters = "".join(letter for letter in text.lower() if letter not in PUNCTUATION)
    return letters or text.replace(" ", "")
