"""The floor: a hand-written DuckDB script from files to staging to star, and nothing else.

It trusts its input: no rejects, no origins, no audits, no history, no transaction around the
whole, no Dagster. What the platform adds to it is what its promises cost. Its SELECTs are the
platform's own, so that reading and everything around them is what is compared.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from bench.contenders import sql
from bench.contenders.clock import Clock
from bench.contenders.lake import (
    EVENT_COLUMNS,
    EVENT_FIELDS,
    SONG_FIELDS,
    STAR,
    arguments,
    day_of,
    files,
)
from bench.contenders.songs import packed


def connect(out: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB file in a folder, as the texts want it."""
    connection = duckdb.connect(str(out / "warehouse.duckdb"))
    for statement in (*sql.DIALECT, "SET preserve_insertion_order = false"):
        connection.execute(statement)
    connection.execute("CREATE SCHEMA IF NOT EXISTS sparkify")
    return connection


def events_of(paths: list[str]) -> str:
    """A SELECT of the events in some files, as the staging table has them."""
    days = {path: day_of(path) for path in paths}
    columns = ", ".join(f"{made} AS {name}" for name, made in EVENT_COLUMNS.items())
    if len(set(days.values())) == 1:
        (day,) = set(days.values())
        log_date = f"DATE '{day}'"
        named = ""
    else:
        log_date = r"CAST(regexp_extract(filename, '.*/(\d{4}-\d{2}-\d{2})', 1) AS DATE)"
        named = ", filename = true"
    return (
        f"SELECT {columns}, {log_date} AS log_date "
        f"FROM read_json({paths!r}, columns = {EVENT_FIELDS!r}{named})"
    )


def songs_of(paths: list[str]) -> str:
    """A SELECT of the songs in some files."""
    return f"SELECT * FROM read_json({paths!r}, columns = {SONG_FIELDS!r})"


def make_events(connection: duckdb.DuckDBPyConnection, lake: Path, clock: Clock) -> None:
    """Makes the staging table of events."""
    with clock.step("events"):
        events = events_of(files(lake / "log_data"))
        connection.execute(f"CREATE TABLE sparkify.staging_events_table AS {events}")


def make_songs(connection: duckdb.DuckDBPyConnection, packs: list[str], clock: Clock) -> None:
    """Makes the staging table of songs from files of one record a line."""
    with clock.step("songs"):
        connection.execute(f"CREATE TABLE sparkify.staging_songs_table AS {songs_of(packs)}")


def make_star(connection: duckdb.DuckDBPyConnection, clock: Clock) -> None:
    """Makes the five tables from staging."""
    for name in STAR:
        with clock.step(name):
            made = sql.select(name, sql.relations())
            connection.execute(f'CREATE TABLE sparkify."{name}" AS {made}')


def make_marts(connection: duckdb.DuckDBPyConnection, clock: Clock) -> None:
    """Makes the marts from staging and star."""
    with clock.step("marts"):
        for name in sql.MARTS:
            made = sql.select(name, sql.relations())
            connection.execute(f'CREATE TABLE sparkify."{name}" AS {made}')


def run(*, with_marts: bool) -> None:
    """Loads the lake named on the command line."""
    lake, out = arguments()
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        # Before the database is opened, as processes with threads are not to be forked.
        with clock.step("songs"):
            packs = packed(files(lake / "song_data"), Path(folder))
        connection = connect(out)
        make_songs(connection, packs, clock)
    make_events(connection, lake, clock)
    make_star(connection, clock)
    if with_marts:
        make_marts(connection, clock)
    connection.close()
    clock.tell()


if __name__ == "__main__":
    run(with_marts=False)
