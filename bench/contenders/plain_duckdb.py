"""DuckDB alone: its own reader over a pattern of song files, else the floor."""

from __future__ import annotations

from bench.contenders.clock import Clock
from bench.contenders.floor import connect, make_events, make_star
from bench.contenders.lake import arguments

if __name__ == "__main__":
    lake, out = arguments()
    clock = Clock()
    connection = connect(out)
    with clock.step("songs"):
        # Without `columns =`, the faster way over many files: the reader finds the types itself.
        connection.execute(
            "CREATE TABLE sparkify.staging_songs_table AS "
            f"SELECT * FROM read_json('{lake}/song_data/**/*.json')"
        )
    make_events(connection, lake, clock)
    make_star(connection, clock)
    connection.close()
    clock.tell()
