"""What a contender made, in numbers that are equal only if the five tables are.

Run as a program, in a process of its own: what looks at millions of rows must not be in the
process that measures others. Reads `warehouse.duckdb` in a folder, or a Parquet file (or a folder
of them) for each table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

COLUMNS = {
    "song": "song_id VARCHAR, title VARCHAR, artist_id VARCHAR, year INTEGER, duration DOUBLE",
    "artist": "artist_id VARCHAR, name VARCHAR, location VARCHAR, latitude DOUBLE, "
    "longitude DOUBLE",
    "user": "user_id BIGINT, first_name VARCHAR, last_name VARCHAR, gender VARCHAR, level VARCHAR",
    "songplay": "songplay_id VARCHAR, start_time TIMESTAMP, user_id BIGINT, level VARCHAR, "
    "song_id VARCHAR, artist_id VARCHAR, session_id BIGINT, location VARCHAR, "
    "user_agent VARCHAR, log_date DATE, item_in_session INTEGER",
    "time": "start_time TIMESTAMP, hour INTEGER, day INTEGER, week INTEGER, month INTEGER, "
    "year INTEGER, weekday INTEGER",
}
"""The columns that are compared, each with the type it is compared as."""


def fingerprint(out: Path) -> dict[str, list[str]]:
    """Rows and digest of each of the five tables, by name.

    Raises:
        duckdb.Error: A table or a column is missing.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    database = out / "warehouse.duckdb"
    if database.exists():
        connection.execute(f"ATTACH '{database}' AS made (READ_ONLY)")
    found = {}
    for table, columns in COLUMNS.items():
        relation = f'made.sparkify."{table}"' if database.exists() else _parquet(out, table)
        casts = ", ".join("CAST({} AS {})".format(*c.split()) for c in columns.split(", "))
        row = connection.execute(
            f"SELECT COUNT(*), SUM(CAST(HASH({casts}) AS HUGEINT)) FROM {relation}"
        ).fetchone()
        assert row is not None
        found[table] = [str(value) for value in row]
    return found


def _parquet(out: Path, table: str) -> str:
    path = out / f"{table}.parquet"
    return f"read_parquet('{path}/*.parquet')" if path.is_dir() else f"read_parquet('{path}')"


if __name__ == "__main__":
    print(json.dumps(fingerprint(Path(sys.argv[1]))))
