"""What the hand-written contenders know of a lake: its files, and the fields of its records.

They are told less than the platform finds out by itself: names are good, records are clean, the
JSONPaths document is the usual one.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

EVENT_FIELDS = {
    "artist": "VARCHAR",
    "auth": "VARCHAR",
    "firstName": "VARCHAR",
    "gender": "VARCHAR",
    "itemInSession": "INTEGER",
    "lastName": "VARCHAR",
    "length": "DOUBLE",
    "level": "VARCHAR",
    "location": "VARCHAR",
    "method": "VARCHAR",
    "page": "VARCHAR",
    "registration": "DOUBLE",
    "sessionId": "BIGINT",
    "song": "VARCHAR",
    "status": "INTEGER",
    "ts": "BIGINT",
    "userAgent": "VARCHAR",
    "userId": "VARCHAR",
}
"""The fields of a log record with the types DuckDB reads them as; `userId` may be blank."""

EVENT_COLUMNS = {
    "artist": "artist",
    "auth": "auth",
    "first_name": '"firstName"',
    "gender": "gender",
    "item_in_session": '"itemInSession"',
    "last_name": '"lastName"',
    "length": "length",
    "level": "level",
    "location": "location",
    "method": "method",
    "page": "page",
    "registration": "registration",
    "session_id": '"sessionId"',
    "song": "song",
    "status": "status",
    "ts": "make_timestamp(ts * 1000)",
    "user_agent": '"userAgent"',
    "user_id": "CAST(NULLIF(\"userId\", '') AS BIGINT)",
}
"""The columns of `staging_events_table` and what each is made of in DuckDB."""

SONG_FIELDS = {
    "num_songs": "INTEGER",
    "artist_id": "VARCHAR",
    "artist_latitude": "DOUBLE",
    "artist_longitude": "DOUBLE",
    "artist_location": "VARCHAR",
    "artist_name": "VARCHAR",
    "song_id": "VARCHAR",
    "title": "VARCHAR",
    "duration": "DOUBLE",
    "year": "INTEGER",
}
"""The fields of a song record, which are the columns of `staging_songs_table`, too."""

STAR = ("song", "artist", "user", "songplay", "time")
"""The five tables, in the order in which they can be made: `time` reads `songplay`."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def arguments() -> tuple[Path, Path]:
    """The folder of the lake and the folder for what is made of it, from the command line."""
    lake, out = map(Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    return lake, out


def platform_variables(lake: Path, out: Path) -> dict[str, str]:
    """What the platform reads from the environment; all else is as it is by default."""
    return {
        "SPARKIFY_S3__SONG_DATA": str(lake / "song_data"),
        "SPARKIFY_S3__LOG_DATA": str(lake / "log_data"),
        "SPARKIFY_S3__LOG_JSONPATH": str(lake / "log_json_path.json"),
        "SPARKIFY_S3__FOLLOW_LINKS": "yes",  # Worlds link what they share.
        "SPARKIFY_DUCKDB__PATH": str(out / "warehouse.duckdb"),
    }


def files(folder: Path) -> list[str]:
    """All data files below a folder, links to folders included, in a fixed order."""
    found: list[str] = []
    for path, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        found += [f"{path}/{name}" for name in sorted(names) if name[0] not in "._"]
    return found


def day_of(path: str) -> str:
    """The log day in the name of a log file, `YYYY-MM-DD`.

    Raises:
        ValueError: There is none.
    """
    if found := _DAY.search(os.path.basename(path)):
        return found[0]
    raise ValueError(f"{path} names no day")
