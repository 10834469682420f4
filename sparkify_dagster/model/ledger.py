"""The ledger: what was loaded, from which objects, what was rejected, what was replaced.

What belongs here: the tables the platform keeps for itself and shows to whoever asks. They are
written in the transaction of the rows they speak of, so they can never tell another story.
"""

from __future__ import annotations

from sparkify_dagster.model.staging import LONG, SHORT, STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Column, Layer, Physical, Table, Type

_SMALL = Physical(style="AUTO", why="Small; Redshift decides.")
_TARGET = Column("target", Type.VARCHAR, "The table that was loaded.", length=SHORT, required=True)
_PART = Column(
    "part",
    Type.VARCHAR,
    "What of it: a log day, a part of the song catalogue, or `all`.",
    length=SHORT,
    required=True,
)

LOAD_HISTORY = Table(
    name="load_history",
    layer=Layer.LEDGER,
    meaning="What was loaded when, from what, by which code. The latest published row of a target "
    "and part tells what the warehouse holds; a failed row what was tried in vain.",
    columns=(
        Column("load_id", Type.BIGINT, "Number of the load; grows.", required=True),
        _TARGET,
        _PART,
        Column("status", Type.VARCHAR, "published or failed.", length=SHORT, required=True),
        Column(
            "digest",
            Type.VARCHAR,
            "Digest of what was loaded: objects, tokens, JSONPaths, reader and model.",
            length=SHORT,
            required=True,
        ),
        Column("objects", Type.BIGINT, "Objects in the part.", required=True),
        Column("bytes", Type.BIGINT, "Their size in the lake, in bytes.", required=True),
        Column("records", Type.BIGINT, "Records in the part.", required=True),
        Column("row_count", Type.BIGINT, "Rows of the part in the table.", required=True),
        Column("rejects", Type.BIGINT, "Records of the part that were rejected.", required=True),
        Column(
            "unknown_fields",
            Type.VARCHAR,
            "JSON object: fields no column takes, with the number of records that had them.",
            length=4096,
        ),
        Column("message", Type.VARCHAR, "Why a failed load failed.", length=4096),
        Column(
            "position",
            Type.BIGINT,
            "For a star table or a mart: the last load of a staging table that it has taken in.",
        ),
        Column("reader_version", Type.VARCHAR, "Version of the reader.", length=SHORT),
        Column("model_version", Type.VARCHAR, "Digest of columns and SQL.", length=SHORT),
        Column("run_id", Type.VARCHAR, "The Dagster run.", length=SHORT),
        Column("loaded_at", Type.TIMESTAMP, "When, UTC.", required=True),
    ),
    key=("load_id", "target", "part"),
    physical=_SMALL,
)

LOAD_OBJECTS = Table(
    name="load_objects",
    layer=Layer.LEDGER,
    meaning="The objects whose records the staging tables hold: one row per object, as loaded.",
    columns=(
        _TARGET,
        _PART,
        Column("object", Type.VARCHAR, "Key of the object.", length=LONG, required=True),
        Column("size", Type.BIGINT, "Its size in the lake, in bytes.", required=True),
        Column(
            "token",
            Type.VARCHAR,
            "Version token, compared for equality only.",
            length=SHORT,
            required=True,
        ),
        Column(
            "records",
            Type.BIGINT,
            "Records in it; NULL where Redshift read several objects of a day by itself.",
        ),
        Column("row_count", Type.BIGINT, "Of them, accepted; NULL likewise."),
        Column("rejects", Type.BIGINT, "Of them, rejected."),
        Column("load_id", Type.BIGINT, "The load that read it.", required=True),
    ),
    key=("target", "object"),
    physical=_SMALL,
)

LOAD_REJECTS = Table(
    name="load_rejects",
    layer=Layer.LEDGER,
    meaning="Every rejected record, with where it stands and why. It goes when its object is "
    "mended or removed. `published` is false for the rejects of a load that failed: of them the "
    "first 1,000 of an object are kept; `load_history` says how many there were.",
    columns=(
        Column("target_table", Type.VARCHAR, "Table it was meant for.", length=SHORT),
        Column("object", Type.VARCHAR, "Object it stands in.", length=LONG, required=True),
        Column("line", Type.INTEGER, "The line on which it begins there, from 1.", required=True),
        Column("reason", Type.VARCHAR, "Why it was rejected.", length=LONG, required=True),
        Column("column_name", Type.VARCHAR, "The column to blame, if one is.", length=SHORT),
        Column(
            "raw_text",
            Type.VARCHAR,
            "The record as it stands, cut if long.",
            length=65535,
            personal="may hold all that a record tells of the person",
        ),
        Column("log_date", Type.DATE, "Log day of the object; NULL for songs."),
        Column("published", Type.BOOLEAN, "Its neighbours were published.", required=True),
        Column("load_id", Type.BIGINT, "The load that rejected it.", required=True),
        Column("run_id", Type.VARCHAR, "The Dagster run.", length=SHORT),
        Column("rejected_at", Type.TIMESTAMP, "When, UTC.", required=True),
    ),
    key=("target_table", "object", "line", "published"),
    physical=_SMALL,
)

_RETIRED_BY = Column(
    "load_id", Type.BIGINT, "The load that replaced or removed the row.", required=True
)

RETIRED_EVENTS = Table(
    name="retired_events",
    layer=Layer.LEDGER,
    meaning="Keys of staged events that were replaced since the star was last published: what the "
    "next refresh must look at besides the new rows. Empty when the star is up to date.",
    columns=(
        *(
            STAGING_EVENTS.column(name)
            for name in ("user_id", "session_id", "item_in_session", "page")
        ),
        _RETIRED_BY,
    ),
    key=(),
    physical=_SMALL,
)

RETIRED_SONGS = Table(
    name="retired_songs",
    layer=Layer.LEDGER,
    meaning="Keys of staged songs that were replaced since the star was last published.",
    columns=(
        *(STAGING_SONGS.column(name) for name in ("song_id", "artist_id", "title", "artist_name")),
        _RETIRED_BY,
    ),
    key=(),
    physical=_SMALL,
)

LEDGER: tuple[Table, ...] = (
    LOAD_HISTORY,
    LOAD_OBJECTS,
    LOAD_REJECTS,
    RETIRED_EVENTS,
    RETIRED_SONGS,
)

RETIRED: dict[str, Table] = {
    STAGING_EVENTS.name: RETIRED_EVENTS,
    STAGING_SONGS.name: RETIRED_SONGS,
}
"""For each staging table, where the keys of its replaced rows are kept."""

SUPPRESSED = "suppressed"
"""In place of a table: the log days' records of forgotten people, by day and by object.

The digest is the token of their document as it was then, `empty` where a day has none of them.
"""
SEARCHED, WIPED = "all", "file"
"""Parts of it: up to which document the tables were searched for them, and DuckDB's file wiped."""

SETTINGS = "settings"
"""In place of a table: the settings that decided what was loaded last, each a part; values are
messages."""
DEFINITIONS = "definitions"
"""In place of a table: the digest of each table's own key and SQL in the last load, by table."""
CHECKS = "checks"
"""In place of a table: the checks that the last load asked, by table; the message is a JSON object
of their names, each with a digest of what it asks."""

MODEL = "model"
"""In place of a table: how one whose rows stay is declared, by the code that made what is there.

The part is the table, the digest its version, `row_count` the generation of the whole model, the
message its columns as JSON: name, type, whether required, source. Load 0 wrote it.
"""
DESIGN = "design"
"""A part of it: all tables lie in the cluster as the model of that digest says."""
