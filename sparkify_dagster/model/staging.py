"""The two staging tables: raw, typed, one row per accepted record.

What belongs here: what the reader may accept (types, lengths in bytes, required columns) and the
audit columns that tell where a row came from. How records are read is `lake.reader`'s.
"""

from __future__ import annotations

from sparkify_dagster.model.table import Column, Layer, Physical, Table, Type

LONG = 1024
SHORT = 256

# Why columns are personal, for all tables that have them.
IDENTIFIES = "identifies the person"
NAMES = "names the person"
DESCRIBES = "describes the person"
PAYS = "tells what the person pays for"
PLACE = "tells where the person is"
DEVICE = "may single out the person's device"
SIGN_UP = "singles out the person, to the millisecond"
SESSION = "ties together what the person did"


def _origin(lake: str) -> tuple[Column, ...]:
    return (
        Column(
            "object",
            Type.VARCHAR,
            f"The object the row was read from: its key below {lake}; NULL where Redshift read "
            "several objects of a day by itself.",
            length=LONG,
            audit=True,
            source="the lake",
        ),
        Column(
            "line",
            Type.INTEGER,
            "The line on which the record begins, from 1; NULL where Redshift read it by itself.",
            audit=True,
            source="the lake",
        ),
        Column(
            "load_id",
            Type.BIGINT,
            "The load that staged the row: `load_history.load_id`.",
            required=True,
            audit=True,
            source="the load",
        ),
    )


def _text(name: str, field: str, meaning: str, length: int = SHORT, **more: object) -> Column:
    return Column(name, Type.VARCHAR, meaning, length=length, source=f"$.{field}", **more)  # type: ignore[arg-type]


STAGING_EVENTS = Table(
    name="staging_events_table",
    layer=Layer.STAGING,
    meaning="Every accepted record of the user-activity logs: one row per event, nothing left out.",
    columns=(
        _text("artist", "artist", "Artist of the song played, as the app sent it.", LONG),
        _text("auth", "auth", "Whether the person was logged in.", required=True),
        _text("first_name", "firstName", "First name of the person.", personal=NAMES),
        _text("gender", "gender", "F or M.", accepted=("F", "M"), personal=DESCRIBES),
        Column(
            "item_in_session",
            Type.INTEGER,
            "Running number of the event in its session.",
            required=True,
            source="$.itemInSession",
        ),
        _text("last_name", "lastName", "Last name of the person.", personal=NAMES),
        Column(
            "length",
            Type.DOUBLE,
            "Length of the song played, in seconds.",
            source="$.length",
        ),
        _text(
            "level",
            "level",
            "Subscription at the time.",
            accepted=("free", "paid"),
            personal=PAYS,
        ),
        _text("location", "location", "Where the person was.", LONG, personal=PLACE),
        _text("method", "method", "HTTP method of the request."),
        _text("page", "page", "What the person did; NextSong is a play.", required=True),
        Column(
            "registration",
            Type.DOUBLE,
            "When the person signed up, in epoch milliseconds.",
            source="$.registration",
            personal=SIGN_UP,
        ),
        Column(
            "session_id",
            Type.BIGINT,
            "Session the event belongs to.",
            required=True,
            source="$.sessionId",
            personal=SESSION,
        ),
        _text("song", "song", "Title of the song played, as the app sent it.", LONG),
        Column("status", Type.INTEGER, "HTTP status of the answer.", source="$.status"),
        Column(
            "ts",
            Type.TIMESTAMP,
            "When it happened, UTC, to the millisecond.",
            required=True,
            source="$.ts",
        ),
        _text(
            "user_agent", "userAgent", "Browser and system of the person.", LONG, personal=DEVICE
        ),
        Column(
            "user_id",
            Type.BIGINT,
            "The person; NULL when logged out.",
            source="$.userId",
            personal=IDENTIFIES,
        ),
        Column(
            "log_date",
            Type.DATE,
            "Log day of the object: the partition that is replaced as one.",
            required=True,
            audit=True,
            source="the object's name or path",
        ),
        *_origin("LOG_DATA"),
    ),
    key=("object", "line"),
    physical=Physical(
        style="EVEN",
        sortkey=("log_date",),
        why="A day is replaced as one, so blocks of one day lie together; no join key is shared by "
        "all its readers, and EVEN keeps the slices equal.",
    ),
)

STAGING_SONGS = Table(
    name="staging_songs_table",
    layer=Layer.STAGING,
    meaning="Every accepted record of the song catalogue: one row per record of a song object.",
    columns=(
        Column(
            "num_songs", Type.INTEGER, "Songs in the object; 1 in practice.", source="$.num_songs"
        ),
        _text("artist_id", "artist_id", "The artist.", required=True),
        Column(
            "artist_latitude",
            Type.DOUBLE,
            "Latitude of the artist's place, in degrees.",
            source="$.artist_latitude",
        ),
        Column(
            "artist_longitude",
            Type.DOUBLE,
            "Longitude of the artist's place, in degrees.",
            source="$.artist_longitude",
        ),
        _text("artist_location", "artist_location", "The artist's place; often blank.", LONG),
        _text("artist_name", "artist_name", "Name of the artist on this song.", LONG),
        _text("song_id", "song_id", "The song.", required=True),
        _text("title", "title", "Title of the song.", LONG, required=True),
        Column(
            "duration",
            Type.DOUBLE,
            "Length of the song, in seconds.",
            required=True,
            source="$.duration",
        ),
        Column("year", Type.INTEGER, "Year of release; 0 when unknown.", source="$.year"),
        *_origin("SONG_DATA"),
    ),
    key=("object", "line"),
    physical=Physical(
        style="ALL",
        why="Small beside the events and joined by title and artist: a copy on every node makes "
        "that join local.",
    ),
)
