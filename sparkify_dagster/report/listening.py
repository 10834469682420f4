"""What is said of plays: how many, when, of what, from where, and in how long sessions.

What belongs here: sections made from answers, without reading or drawing anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from sparkify_dagster.core.text import count
from sparkify_dagster.report import charts
from sparkify_dagster.report.facts import Facts, Record
from sparkify_dagster.report.over_time import over_time
from sparkify_dagster.report.questions import MINUTES, MOST_PERIODS, SONGS
from sparkify_dagster.report.view import Column, Legend, Picture, Section, Table, bars_of
from sparkify_dagster.report.words import (
    WEEKDAYS,
    clean,
    day,
    hour,
    more,
    number,
    period,
    share,
    weekday,
)

_PLAYS = Column("plays", "number")


def plays(facts: Facts) -> Section:
    """How much is played, over time."""
    rows, head, grain = facts.answers["plays"], facts.headline, facts.grain
    picture = over_time(
        [
            {**r, "rest": r["plays"] - r["matched"], "share": share(r["matched"], r["plays"])}
            for r in rows
        ],
        grain,
        charts.stacked,
        {"song in the catalogue": ("one", "matched"), "song not in the catalogue": ("two", "rest")},
        ("plays", "matched", "share"),
        f"Plays by {grain}",
        spoken=f"Plays by {grain}, with and without a song of the catalogue",
    )
    finding = "No plays yet."
    if rows:
        average = number(head.plays / head.days)
        finding = f"{count(head.plays, 'play')} on {count(head.days, 'day')}, {average} a day."
        if len(rows) > 1:
            finding += f" {_most(rows, facts)}"
        if len(rows) == MOST_PERIODS:
            finding += f" Shown are the latest {MOST_PERIODS} {grain}s with plays."
    return Section("plays", "How much is played", finding, ("plays",), (picture,) if rows else ())


def week(facts: Facts) -> Section:
    """At which hours of the week people listen."""
    rows = facts.answers["week"]
    found = {(row["weekday"], row["hour"]): row["plays"] for row in rows}
    hours = Table(
        "Plays by weekday and hour",
        [Column("weekday"), *(Column(f"{at:02d}", "number") for at in range(24))],
        [
            (WEEKDAYS[on], *(number(found.get((on, at), 0)) for at in range(24)))
            for on in (1, 2, 3, 4, 5, 6, 0)
        ],
    )
    title = "Plays by weekday and hour (UTC)"
    picture = Picture(
        title,
        charts.week(found, title),
        hours,
        (Legend("few", "heat1"), Legend("many", "heat6")),
    )
    finding = "No plays yet."
    if rows:
        best = max(rows, key=lambda row: (row["plays"], -row["weekday"], -row["hour"]))
        finding = (
            f"The busiest hour of the week is {WEEKDAYS[best['weekday']]}, {hour(best['hour'])} "
            f"UTC, with {share(best['plays'], facts.headline.plays)} of all plays."
        )
    return Section("week", "When people listen", finding, ("week",), (picture,) if rows else ())


def most_played(facts: Facts) -> Section:
    """Songs and artists by plays."""
    songs, artists = facts.answers["top_songs"], facts.answers["top_artists"]
    finding = "No play names a song yet."
    if songs:
        best = songs[0]
        artist = clean(best["artist_name"]) or "an unnamed artist"
        finding = f"“{clean(best['title'])}” by {artist} leads: {count(best['plays'], 'play')}."
    tables = (
        Table(
            "Songs",
            [Column("song", "name"), _PLAYS, Column("in the catalogue", "number")],
            [
                (
                    (clean(r["title"]), clean(r["artist_name"])),
                    number(r["plays"]),
                    share(r["matched"], r["plays"]),
                )
                for r in songs
            ],
            _bars(songs),
            empty="None yet.",
            more=_more_played(facts, "top_songs"),
        ),
        Table(
            "Artists",
            [Column("artist", "name"), _PLAYS, Column("in the catalogue", "number")],
            [
                (clean(r["artist_name"]), number(r["plays"]), share(r["matched"], r["plays"]))
                for r in artists
            ],
            _bars(artists),
            empty="None yet.",
            more=_more_played(facts, "top_artists"),
        ),
    )
    names = ("top_songs", "top_artists")
    return Section("most-played", "What is played most", finding, names, tables=tables)


def sessions(facts: Facts) -> Section:
    """How long people stay, and how much they play meanwhile."""
    head = facts.headline
    finding = "No sessions yet."
    if head.sessions:
        minutes, songs = head.minutes / head.sessions, head.songs_in_sessions / head.sessions
        finding = (
            f"{count(head.sessions, 'session')}; on average one lasts {number(minutes)} minutes "
            f"and has {number(songs)} plays."
        )
    pictures = (
        _buckets(facts, "session_minutes", MINUTES, "Sessions by length in minutes"),
        _buckets(facts, "session_songs", SONGS, "Sessions by number of plays"),
    )
    names = ("headline", "session_minutes", "session_songs")
    return Section(
        "sessions", "How long people stay", finding, names, pictures if head.sessions else ()
    )


def places(facts: Facts) -> Section:
    """Where people are when they listen."""
    rows, all_plays = facts.answers["places"], facts.headline.plays
    finding = "No play tells where it came from."
    if rows:
        best = rows[0]
        finding = (
            f"Most plays come from {clean(best['location'])}: {count(best['plays'], 'play')}, "
            f"{share(best['plays'], all_plays)} of all."
        )
    table = Table(
        "Places",
        [Column("place", "name"), _PLAYS, Column("share", "number")],
        [(clean(r["location"]), number(r["plays"]), share(r["plays"], all_plays)) for r in rows],
        _bars(rows),
        empty="None yet.",
        more=more(facts.left_out("places"), "place", "places"),
    )
    return Section("places", "Where people listen", finding, ("places",), tables=(table,))


def _more_played(facts: Facts, question: str) -> str:
    return more(facts.left_out(question), "in the table most_played")


def _most(rows: Sequence[Record], facts: Facts) -> str:
    best = max(rows, key=lambda row: (row["plays"], row["period"]))
    told = period(best["period"], facts.grain)
    if facts.grain == "day":
        told = f"{weekday(best['period'])}, {day(best['period'])}"
    return f"The busiest {facts.grain}: {told}, with {count(best['plays'], 'play')}."


def _buckets(facts: Facts, question: str, labels: Sequence[str], title: str) -> Picture:
    found = {row["bucket"]: row["sessions"] for row in facts.answers[question]}
    values = [found.get(at, 0) for at in range(len(labels))]
    numbers = Table(
        title,
        [Column(title.rpartition(" ")[2]), Column("sessions", "number"), Column("share", "number")],
        [
            (label, number(value), share(value, sum(values)))
            for label, value in zip(labels, values, strict=True)
        ],
    )
    return Picture(title, charts.bars(labels, values, title), numbers)


def _bars(rows: Sequence[Record]) -> list[float]:
    return bars_of([row["plays"] for row in rows])
