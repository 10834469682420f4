"""The marts: answers to the questions people ask most, kept ready.

Each is a pure function of staging and star, published with the star. What belongs here: their
columns, keys, meaning, and the refresh keys by which they are brought up to date. The SELECT that
defines each is a file in `sql/mart`; how they are brought up to date is `pipeline.marts`' business.
"""

from __future__ import annotations

from sparkify_dagster.model.staging import (
    IDENTIFIES,
    LONG,
    PAYS,
    PLACE,
    SESSION,
    SHORT,
    STAGING_EVENTS,
)
from sparkify_dagster.model.star import IS_PLAY, SONGPLAY
from sparkify_dagster.model.table import (
    Column,
    Layer,
    Physical,
    RefreshKeys,
    Source,
    Table,
    Total,
    Type,
)

_PLAY_DAYS = RefreshKeys(
    "play_days",
    ("play_date",),
    (
        Source(SONGPLAY.name, ("CAST(s.start_time AS DATE)",), moment="start_time"),
        # A title may change while the play stays as it is. The event that told the old one is gone
        # then, but the new one is of the same day: a play's row says when it began.
        Source(STAGING_EVENTS.name, ("CAST(s.ts AS DATE)",), where=IS_PLAY, scoped=False),
    ),
)
_PEOPLE = RefreshKeys(
    "people",
    ("user_id",),
    (Source(STAGING_EVENTS.name, ("s.user_id",), where="s.user_id IS NOT NULL", retired=True),),
    unchanged="mart/user_level_history.unchanged.sql",
)
_SESSIONS = RefreshKeys(
    "sessions",
    ("user_id", "session_id"),
    (
        Source(
            STAGING_EVENTS.name,
            ("s.user_id", "s.session_id"),
            where="s.user_id IS NOT NULL",
            retired=True,
        ),
    ),
)
_ALL_PLAYS = Total("plays", SONGPLAY.name, "COUNT(*)", "the plays in songplay")
_SMALL = Physical(style="ALL", why="Small; a copy on every node makes each join local.")
_SMALL_BY_DAY = Physical(
    style="ALL", sortkey=("play_date",), why="Small, and asked by day; a copy on every node."
)
_BY_DAY = Physical(
    style="EVEN",
    sortkey=("play_date",),
    why="Replaced and asked by day, so blocks of one day lie together; EVEN keeps the slices "
    "equal, as names and places are played by very different numbers.",
)


def _by_person(*sortkey: str) -> Physical:
    return Physical(
        style="KEY",
        distkey="user_id",
        sortkey=sortkey,
        why="Grouped and replaced by person: all rows of a person lie on one slice.",
    )


_PLAY_DATE = Column("play_date", Type.DATE, "Day on which the plays began, UTC.", required=True)
_PERSON = Column("user_id", Type.BIGINT, "The person.", required=True, personal=IDENTIFIES)
_TITLE = "Title as the events give it, trimmed; '' where they give none."
_ARTIST = "Artist as the events give it, trimmed; '' where they give none."


def _count(name: str, meaning: str) -> Column:
    return Column(name, Type.BIGINT, meaning, required=True)


_LINE = 5_000
"""Bytes of a line with title, artist and song id, of whose characters each may need a backslash."""


def _text(name: str, meaning: str, length: int = LONG, **more: object) -> Column:
    return Column(name, Type.VARCHAR, meaning, length=length, **more)  # type: ignore[arg-type]


_PLAYS = _count("plays", "Plays.")
_MATCHED = _count("matched", "Of them, those whose song is in the catalogue.")

PLAYS_BY_HOUR = Table(
    name="plays_by_hour",
    layer=Layer.MART,
    meaning="When people listen: plays and listeners by hour (UTC); hours without plays are "
    "absent.",
    columns=(
        _PLAY_DATE,
        Column("hour", Type.INTEGER, "Hour, 0 to 23, UTC.", required=True),
        _PLAYS,
        _count("listeners", "People who played something in that hour."),
        _MATCHED,
    ),
    key=("play_date", "hour"),
    sql="mart/plays_by_hour.sql",
    refresh_keys=_PLAY_DAYS,
    total=_ALL_PLAYS,
    physical=_SMALL_BY_DAY,
)

PLAYS_BY_SONG = Table(
    name="plays_by_song",
    layer=Layer.MART,
    meaning="What is played: plays by day and song as the events name it, whether the catalogue "
    "has it or not.",
    columns=(
        _PLAY_DATE,
        _text("title", _TITLE, required=True),
        _text("artist_name", _ARTIST, required=True),
        _text(
            "song_id", "The song; the smallest where several match, NULL where none does.", SHORT
        ),
        _PLAYS,
        _MATCHED,
    ),
    key=("play_date", "title", "artist_name"),
    sql="mart/plays_by_song.sql",
    refresh_keys=_PLAY_DAYS,
    total=_ALL_PLAYS,
    physical=_BY_DAY,
)

MOST_PLAYED = Table(
    name="most_played",
    layer=Layer.MART,
    meaning="The hundred songs and the hundred artists played most often, in or out of the "
    "catalogue; plays without a title, or an artist, do not count.",
    columns=(
        _text("kind", "song or artist.", SHORT, required=True, accepted=("song", "artist")),
        Column("rank", Type.INTEGER, "Place, from 1; ties go by name.", required=True),
        _text("title", "Title of the song; '' for an artist.", required=True),
        _text("artist_name", _ARTIST, required=True),
        _PLAYS,
        _MATCHED,
        Column("last_played", Type.DATE, "Day of the last play, UTC.", required=True),
    ),
    key=("kind", "rank"),
    sql="mart/most_played.sql",
    physical=_SMALL,
)

LISTENING_DAYS = Table(
    name="listening_days",
    layer=Layer.MART,
    meaning="Who listened when: one row per person and day with plays.",
    columns=(_PERSON, _PLAY_DATE, _PLAYS),
    key=("user_id", "play_date"),
    sql="mart/listening_days.sql",
    refresh_keys=_PLAY_DAYS,
    total=_ALL_PLAYS,
    physical=_by_person("play_date"),
)

LISTENERS_BY_DAY = Table(
    name="listeners_by_day",
    layer=Layer.MART,
    meaning="How many people listened each day, and how many of them for the first time; days "
    "without plays are absent.",
    columns=(
        _PLAY_DATE,
        _count("active", "People who played something."),
        _count("new_listeners", "Of them, those who never did on an earlier day."),
        _count("returning_listeners", "Of them, all others."),
    ),
    key=("play_date",),
    sql="mart/listeners_by_day.sql",
    total=Total(
        "new_listeners",
        LISTENING_DAYS.name,
        "COUNT(DISTINCT s.user_id)",
        "the people in listening_days",
    ),
    physical=_SMALL_BY_DAY,
)

USER_LEVEL_HISTORY = Table(
    name="user_level_history",
    layer=Layer.MART,
    meaning="Who had which subscription from when to when, as their events tell it: one row per "
    "person and period. Events that say neither free nor paid are passed over; of several at one "
    "moment the last counts.",
    columns=(
        _PERSON,
        Column("valid_from", Type.TIMESTAMP, "First event of the period, UTC.", required=True),
        Column("valid_to", Type.TIMESTAMP, "Its end, no longer in it; NULL: it still lasts."),
        _text(
            "level",
            "free or paid.",
            SHORT,
            required=True,
            accepted=("free", "paid"),
            personal=PAYS,
        ),
        _text(
            "started_by",
            "How it began; return: after a cancellation.",
            SHORT,
            required=True,
            accepted=("first", "upgrade", "downgrade", "return"),
            personal=PAYS,
        ),
        _text(
            "ended_by",
            "How it ended; NULL: it still lasts.",
            SHORT,
            accepted=("upgrade", "downgrade", "cancellation"),
            personal=PAYS,
        ),
    ),
    key=("user_id", "valid_from"),
    sql="mart/user_level_history.sql",
    refresh_keys=_PEOPLE,
    physical=_by_person("user_id"),
)

SUBSCRIPTIONS_BY_DAY = Table(
    name="subscriptions_by_day",
    layer=Layer.MART,
    meaning="How many people are free or paid listeners at the end of each day, and what changed "
    "on it. Days on which nothing changed are absent: the last row before them holds.",
    columns=(
        Column("day", Type.DATE, "The day, UTC.", required=True),
        _count("free", "People on the free level at the end of the day."),
        _count("paid", "People on the paid level at the end of the day."),
        _count("upgrades", "Changes from free to paid on that day."),
        _count("downgrades", "Changes from paid to free on that day."),
        _count("cancellations", "Cancellations on that day."),
    ),
    key=("day",),
    sql="mart/subscriptions_by_day.sql",
    total=Total(
        "upgrades",
        USER_LEVEL_HISTORY.name,
        "COUNT(CASE WHEN s.started_by = 'upgrade' THEN 1 END)",
        "the upgrades in user_level_history",
    ),
    physical=Physical(style="ALL", sortkey=("day",), why="Small, and asked by day."),
)

SESSIONS = Table(
    name="sessions",
    layer=Layer.MART,
    meaning="How long people stay: one row per session of an identified person.",
    columns=(
        _PERSON,
        Column("session_id", Type.BIGINT, "The session.", required=True, personal=SESSION),
        Column("started_at", Type.TIMESTAMP, "Its first event, UTC.", required=True),
        Column("ended_at", Type.TIMESTAMP, "Its last event, UTC.", required=True),
        Column("minutes", Type.DOUBLE, "Minutes between the two, to the second.", required=True),
        _count("events", "Events in it; one delivered again counts once."),
        _count("songs", "Of them, plays."),
        _text("level", "Subscription at its end, as the last event tells.", SHORT, personal=PAYS),
    ),
    key=("user_id", "session_id"),
    sql="mart/sessions.sql",
    refresh_keys=_SESSIONS,
    total=Total("songs", SONGPLAY.name, "COUNT(*)", "the plays in songplay"),
    physical=_by_person("started_at"),
)

PLAYS_BY_PLACE = Table(
    name="plays_by_place",
    layer=Layer.MART,
    meaning="Where people listen: plays and listeners by day and place.",
    columns=(
        _PLAY_DATE,
        _text(
            "location",
            "Where the person was; '' where it is not known.",
            required=True,
            personal=PLACE,
        ),
        _PLAYS,
        _count("listeners", "People who played something there on that day."),
    ),
    key=("play_date", "location"),
    sql="mart/plays_by_place.sql",
    refresh_keys=_PLAY_DAYS,
    total=_ALL_PLAYS,
    physical=_BY_DAY,
)

UNMATCHED_PLAYS = Table(
    name="unmatched_plays",
    layer=Layer.MART,
    meaning="Why plays find no song: the thousand songs played most often that the catalogue has "
    "not, with what it has that comes closest. Case, blanks and punctuation (ASCII's and the curly "
    "apostrophe) do not count there; of a name that is nothing else the punctuation does.",
    columns=(
        Column(
            "rank", Type.INTEGER, "Place by plays without a song; ties go by name.", required=True
        ),
        _text("title", _TITLE, required=True),
        _text("artist_name", _ARTIST, required=True),
        _count("plays", "Plays without a song."),
        Column("last_played", Type.DATE, "Day of the last of them, UTC.", required=True),
        _text(
            "reason",
            "Why they found none.",
            SHORT,
            required=True,
            accepted=(
                "the event names no song",
                "title and artist differ only in spelling",
                "the catalogue has the title by another artist",
                "the catalogue has the artist with other titles",
                "neither title nor artist is in the catalogue",
            ),
        ),
        _text("closest_song_id", "The song that comes closest; NULL: none does.", SHORT),
        _text("closest_title", "Its title."),
        _text("closest_artist", "Its artist."),
        _text(
            "alias",
            "The line for the document of aliases by which these plays find that song, if it is "
            "meant; NULL: none is close, its title is another one, or a name holds what no line "
            "can.",
            _LINE,
        ),
    ),
    key=("rank",),
    sql="mart/unmatched_plays.sql",
    physical=_SMALL,
)

MARTS: tuple[Table, ...] = (
    PLAYS_BY_HOUR,
    PLAYS_BY_SONG,
    MOST_PLAYED,
    LISTENING_DAYS,
    LISTENERS_BY_DAY,
    USER_LEVEL_HISTORY,
    SUBSCRIPTIONS_BY_DAY,
    SESSIONS,
    PLAYS_BY_PLACE,
    UNMATCHED_PLAYS,
)
"""The marts in the order in which they are built: a mart reads only what stands before it."""
