"""Row by row into PostgreSQL with psycopg2, as courses on this data set teach it.

A statement for each row: staged songs, staged events, people, moments, and for each play one to
find its song and one to write it. Only `song` and `artist`, where rows decide together, are made
by one statement from what was staged. The server is a real PostgreSQL, made for this run; starting
it is no part of the work, and its memory is not counted.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.contenders import sql
from bench.contenders.clock import Clock
from bench.contenders.lake import EVENT_FIELDS, SONG_FIELDS, STAR, arguments, day_of, files
from sparkify_dagster_tests.redshift_double.postgres import Postgres

SONG_TABLE = """
CREATE TABLE sparkify.staging_songs_table (num_songs INTEGER, artist_id VARCHAR(256),
artist_latitude DOUBLE PRECISION, artist_longitude DOUBLE PRECISION, artist_location VARCHAR(1024),
artist_name VARCHAR(1024), song_id VARCHAR(256), title VARCHAR(1024), duration DOUBLE PRECISION,
year INTEGER)"""
EVENT_TABLE = """
CREATE TABLE sparkify.staging_events_table (artist VARCHAR(1024), auth VARCHAR(256),
first_name VARCHAR(256), gender VARCHAR(256), item_in_session INTEGER, last_name VARCHAR(256),
length DOUBLE PRECISION, level VARCHAR(256), location VARCHAR(1024), method VARCHAR(256),
page VARCHAR(256), registration DOUBLE PRECISION, session_id BIGINT, song VARCHAR(1024),
status INTEGER, ts TIMESTAMP, user_agent VARCHAR(1024), user_id BIGINT, log_date DATE)"""
STAR_TABLES = (
    """CREATE TABLE sparkify."user" (user_id BIGINT PRIMARY KEY, first_name VARCHAR(256),
    last_name VARCHAR(256), gender VARCHAR(256), level VARCHAR(256), seen TIMESTAMP,
    session_id BIGINT, item_in_session INTEGER)""",
    """CREATE TABLE sparkify."time" (start_time TIMESTAMP PRIMARY KEY, hour INTEGER, day INTEGER,
    week INTEGER, month INTEGER, year INTEGER, weekday INTEGER)""",
    """CREATE TABLE sparkify.songplay (songplay_id VARCHAR(32), start_time TIMESTAMP,
    user_id BIGINT, level VARCHAR(256), song_id VARCHAR(256), artist_id VARCHAR(256),
    session_id BIGINT, location VARCHAR(1024), user_agent VARCHAR(1024), log_date DATE,
    item_in_session INTEGER, PRIMARY KEY (user_id, session_id, item_in_session))""",
    """CREATE INDEX ON sparkify.staging_songs_table
    (TRIM(BOTH ' ' FROM title), TRIM(BOTH ' ' FROM artist_name))""",
)
PUT_USER = """INSERT INTO sparkify."user" AS u VALUES (%(user_id)s, %(firstName)s, %(lastName)s,
%(gender)s, %(level)s, %(at)s, %(sessionId)s, %(itemInSession)s)
ON CONFLICT (user_id) DO UPDATE SET first_name = excluded.first_name,
last_name = excluded.last_name, gender = excluded.gender, level = excluded.level,
seen = excluded.seen, session_id = excluded.session_id, item_in_session = excluded.item_in_session
WHERE (excluded.seen, excluded.session_id, excluded.item_in_session)
> (u.seen, u.session_id, u.item_in_session)"""
PUT_TIME = """INSERT INTO sparkify."time" SELECT %(at)s, EXTRACT(HOUR FROM t), EXTRACT(DAY FROM t),
EXTRACT(WEEK FROM t), EXTRACT(MONTH FROM t), EXTRACT(YEAR FROM t), EXTRACT(DOW FROM t)
FROM (SELECT CAST(%(at)s AS TIMESTAMP) AS t) AS moment ON CONFLICT DO NOTHING"""
FIND_SONG = """SELECT song_id, artist_id FROM sparkify.staging_songs_table
WHERE TRIM(BOTH ' ' FROM title) = TRIM(BOTH ' ' FROM %(song)s)
AND TRIM(BOTH ' ' FROM artist_name) = TRIM(BOTH ' ' FROM %(artist)s)
ORDER BY ABS(duration - %(length)s), song_id, artist_id LIMIT 1"""
PUT_PLAY = """INSERT INTO sparkify.songplay VALUES (
MD5(%(user_id)s || '|' || %(sessionId)s || '|' || %(itemInSession)s), %(at)s, %(user_id)s,
%(level)s, %(song_id)s, %(artist_id)s, %(sessionId)s, %(location)s, %(userAgent)s, %(log_date)s,
%(itemInSession)s) ON CONFLICT DO NOTHING"""


def put_songs(cursor: Any, lake: Path) -> int:
    """Stages the songs one by one; gives how many."""
    columns = ", ".join(f"%({name})s" for name in SONG_FIELDS)
    paths = files(lake / "song_data")
    for path in paths:
        record = json.loads(Path(path).read_bytes())
        cursor.execute(f"INSERT INTO sparkify.staging_songs_table VALUES ({columns})", record)
    return len(paths)


def put_events(cursor: Any, lake: Path) -> int:
    """Stages the events one by one and writes what each says into the star; gives how many."""
    values = ", ".join(
        {"ts": "%(at)s", "userId": "%(user_id)s"}.get(name, f"%({name})s") for name in EVENT_FIELDS
    )
    insert = f"INSERT INTO sparkify.staging_events_table VALUES ({values}, %(log_date)s)"
    done = 0
    for path in files(lake / "log_data"):
        for line in Path(path).read_bytes().splitlines():
            record = _event(line, day_of(path))
            cursor.execute(insert, record)
            if record["user_id"] is not None:
                cursor.execute(PUT_USER, record)
                if record["page"] == "NextSong":
                    _put_play(cursor, record)
            done += 1
    return done


def export(cursor: Any, out: Path) -> None:
    """Writes the five tables as Parquet, to be compared."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    for name in STAR:
        path = out / f"{name}.csv"
        with path.open("wb") as file:
            copy = f'COPY (SELECT * FROM sparkify."{name}") TO STDOUT (FORMAT csv, HEADER)'
            cursor.copy_expert(copy, file)
        with path.open(newline="", encoding="utf-8") as text:
            header = next(csv.reader(text))
        # As texts: what reads them casts each to the type it compares. Quoted texts stay texts.
        options = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
        )
        table = pyarrow.csv.read_csv(path, convert_options=options)
        pyarrow.parquet.write_table(table, out / f"{name}.parquet")


def main() -> None:
    """Makes the five tables of the lake named on the command line."""
    lake, out = arguments()
    server = Postgres()
    server.start()
    try:
        cursor = server.connect("postgres").cursor()
        cursor.execute("CREATE SCHEMA sparkify")
        for statement in (SONG_TABLE, EVENT_TABLE, *STAR_TABLES):
            cursor.execute(statement)
        clock = Clock()
        with clock.step("songs"):
            songs = put_songs(cursor, lake)
            for name in ("song", "artist"):
                made = sql.select(name, sql.relations())
                cursor.execute(f"CREATE TABLE sparkify.{name} AS {made}")
        with clock.step("events"):
            events = put_events(cursor, lake)
        clock.tell(songs=songs, events=events)
        export(cursor, out)
    finally:
        server.stop()


def _event(line: bytes, day: str) -> dict[str, Any]:
    record: dict[str, Any] = dict.fromkeys(EVENT_FIELDS) | json.loads(line)
    record["user_id"] = int(record["userId"]) if record["userId"] else None
    record["at"] = datetime.fromtimestamp(record["ts"] / 1000, UTC).replace(tzinfo=None)
    record["log_date"] = day
    return record


def _put_play(cursor: Any, record: dict[str, Any]) -> None:
    cursor.execute(PUT_TIME, record)
    cursor.execute(FIND_SONG, record)
    record["song_id"], record["artist_id"] = cursor.fetchone() or (None, None)
    cursor.execute(PUT_PLAY, record)


if __name__ == "__main__":
    main()
