"""The star: five tables that analysts query, always published together.

What belongs here: the columns exactly as the data contract names them, keys, references and what a
row stands for. The SELECT that defines each table is a file in `sql/star`.
"""

from __future__ import annotations

from sparkify_dagster.model.staging import (
    DESCRIBES,
    DEVICE,
    IDENTIFIES,
    LONG,
    NAMES,
    PAYS,
    PLACE,
    SESSION,
    SHORT,
    STAGING_EVENTS,
    STAGING_SONGS,
)
from sparkify_dagster.model.table import Column, Grain, Layer, Physical, Reference, Table, Type

IS_PLAY = "s.page = 'NextSong' AND LENGTH(s.page) = 8 AND s.user_id IS NOT NULL"

SONG = Table(
    name="song",
    layer=Layer.STAR,
    meaning="The songs of the catalogue: one row per song_id.",
    columns=(
        Column("song_id", Type.VARCHAR, "The song.", length=SHORT, required=True),
        Column("title", Type.VARCHAR, "Its title.", length=LONG, required=True),
        Column("artist_id", Type.VARCHAR, "Its artist.", length=SHORT, required=True),
        Column("year", Type.INTEGER, "Year of release; NULL when unknown."),
        Column("duration", Type.DOUBLE, "Length in seconds.", required=True),
    ),
    key=("song_id",),
    references=(Reference("artist_id", "artist", "artist_id"),),
    grain=Grain(STAGING_SONGS.name, "s.song_id IS NOT NULL"),
    sql="star/song.sql",
    physical=Physical(
        style="KEY",
        distkey="song_id",
        sortkey=("song_id",),
        why="The original design: matched plays and their song lie on one slice.",
    ),
)

ARTIST = Table(
    name="artist",
    layer=Layer.STAR,
    meaning="The artists of the catalogue: one row per artist_id.",
    columns=(
        Column("artist_id", Type.VARCHAR, "The artist.", length=SHORT, required=True),
        Column("name", Type.VARCHAR, "The name most often given to the artist.", length=LONG),
        Column("location", Type.VARCHAR, "Where the artist comes from.", length=LONG),
        Column("latitude", Type.DOUBLE, "Latitude of that place, in degrees."),
        Column("longitude", Type.DOUBLE, "Longitude of that place, in degrees."),
    ),
    key=("artist_id",),
    grain=Grain(STAGING_SONGS.name, "s.artist_id IS NOT NULL"),
    sql="star/artist.sql",
    physical=Physical(style="ALL", why="Small; a copy on every node makes each join local."),
)

USER = Table(
    name="user",
    layer=Layer.STAR,
    meaning="Everyone ever identified in the logs, as their latest event shows them.",
    columns=(
        Column("user_id", Type.BIGINT, "The person.", required=True, personal=IDENTIFIES),
        Column("first_name", Type.VARCHAR, "First name.", length=SHORT, personal=NAMES),
        Column("last_name", Type.VARCHAR, "Last name.", length=SHORT, personal=NAMES),
        Column(
            "gender",
            Type.VARCHAR,
            "F or M.",
            length=SHORT,
            accepted=("F", "M"),
            personal=DESCRIBES,
        ),
        Column(
            "level",
            Type.VARCHAR,
            "Latest subscription: free or paid.",
            length=SHORT,
            accepted=("free", "paid"),
            personal=PAYS,
        ),
    ),
    key=("user_id",),
    grain=Grain(STAGING_EVENTS.name, "s.user_id IS NOT NULL", latest="ts"),
    sql="star/user.sql",
    physical=Physical(
        style="AUTO",
        sortkey=("user_id",),
        why="The original design: sorted by user_id, distribution left to Redshift.",
    ),
)

SONGPLAY = Table(
    name="songplay",
    layer=Layer.STAR,
    fact=True,
    meaning="Every play: one row per NextSong event of an identified person, delivered once or "
    "often, matched to a song of the catalogue or not.",
    columns=(
        Column(
            "songplay_id",
            Type.VARCHAR,
            "MD5 of user_id|session_id|item_in_session: the same play always has the same id.",
            length=32,
            required=True,
            personal="is made of the person's id, and gives it to whoever tries them all",
        ),
        Column("start_time", Type.TIMESTAMP, "When the play began, UTC.", required=True),
        Column("user_id", Type.BIGINT, "Who listened.", required=True, personal=IDENTIFIES),
        Column(
            "level",
            Type.VARCHAR,
            "Subscription at the time of the play.",
            length=SHORT,
            accepted=("free", "paid"),
            personal=PAYS,
        ),
        Column("song_id", Type.VARCHAR, "The song; NULL when no song matches.", length=SHORT),
        Column("artist_id", Type.VARCHAR, "The artist; NULL when no song matches.", length=SHORT),
        Column("session_id", Type.BIGINT, "Session of the play.", required=True, personal=SESSION),
        Column("location", Type.VARCHAR, "Where the person was.", length=LONG, personal=PLACE),
        Column(
            "user_agent",
            Type.VARCHAR,
            "Browser and system of the person.",
            length=LONG,
            personal=DEVICE,
        ),
        Column("log_date", Type.DATE, "Log day the play was first delivered in.", required=True),
        Column(
            "item_in_session",
            Type.INTEGER,
            "Number of the event in its session; with user and session the play's identity.",
            required=True,
            audit=True,
        ),
        Column(
            "matched_by",
            Type.VARCHAR,
            "How the song was found: exact, by names as delivered; repaired, where a name of the "
            "play or of the song had to be (match_names); alias (song_aliases). NULL without "
            "a song.",
            length=SHORT,
            audit=True,
        ),
    ),
    key=("user_id", "session_id", "item_in_session"),
    references=(
        Reference("user_id", "user", "user_id"),
        Reference("song_id", "song", "song_id"),
        Reference("artist_id", "artist", "artist_id"),
        Reference("start_time", "time", "start_time"),
    ),
    grain=Grain(STAGING_EVENTS.name, IS_PLAY),
    sql="star/songplay.sql",
    physical=Physical(
        style="KEY",
        distkey="song_id",
        sortkey=("start_time",),
        why="The original design distributes by song_id. Plays without a song all land on one "
        "slice: the load reports that skew.",
    ),
)

TIME = Table(
    name="time",
    layer=Layer.STAR,
    meaning="The moments at which plays began: one row per distinct start_time.",
    columns=(
        Column("start_time", Type.TIMESTAMP, "The moment, UTC.", required=True),
        Column("hour", Type.INTEGER, "Hour, 0 to 23.", required=True),
        Column("day", Type.INTEGER, "Day of the month, 1 to 31.", required=True),
        Column("week", Type.INTEGER, "ISO week, 1 to 53.", required=True),
        Column("month", Type.INTEGER, "Month, 1 to 12.", required=True),
        Column("year", Type.INTEGER, "Year.", required=True),
        Column("weekday", Type.INTEGER, "Day of the week, 0 Sunday to 6 Saturday.", required=True),
    ),
    key=("start_time",),
    grain=Grain("songplay", "s.start_time IS NOT NULL"),
    sql="star/time.sql",
    physical=Physical(
        style="ALL",
        sortkey=("start_time",),
        why="Joined to the fact by start_time, which is no distribution key of the fact: a copy on "
        "every node makes the join local.",
    ),
)

STAR: tuple[Table, ...] = (SONG, ARTIST, USER, SONGPLAY, TIME)
"""The star in the order in which it is built: `time` reads `songplay`."""
