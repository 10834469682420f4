"""Pathway: a program that keeps the five tables in memory up to date with two folders.

It takes back what came from a file that is deleted or overwritten, and writes what changed into
DuckDB by a sink of our own. No marts, rejects, lines, audits or history, and each table is
published by itself.
"""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pathway as pw
import pyarrow as pa

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments, day_of
from bench.contenders.live import changes, copy_of, held_mb, seen
from bench.fingerprint import COLUMNS

_QUIET = 3.0
KEYS = {
    "song": ("song_id",), "artist": ("artist_id",), "user": ("user_id",),
    "songplay": ("user_id", "session_id", "item_in_session"), "time": ("start_time",),
}  # fmt: skip
_START = "make_timestamp(ts * 1000)"
MADE = {
    "song": {"year": "NULLIF(year, 0)"},
    "songplay": {
        "songplay_id": "md5(concat_ws('|', user_id, session_id, item_in_session))",
        "start_time": _START,
        "log_date": "CAST(log_date AS DATE)",
        "song_id": "NULLIF(song_id, '')",
        "artist_id": "NULLIF(artist_id, '')",
    },
    "time": {"start_time": _START, "weekday": f"dayofweek({_START})"}
    | {part: f"{part}({_START})" for part in ("hour", "day", "week", "month", "year")},
}
"""What the sink computes, by table and column; every other column comes as it is named."""


class Event(pw.Schema):
    """What the star needs of a log record."""

    artist: str | None
    firstName: str | None
    gender: str | None
    itemInSession: int
    lastName: str | None
    length: float | None
    level: str | None
    location: str | None
    page: str
    sessionId: int
    song: str | None
    ts: int
    userAgent: str | None
    userId: str


class Song(pw.Schema):
    """A record of the catalogue."""

    artist_id: str
    artist_latitude: float | None
    artist_longitude: float | None
    artist_location: str | None
    artist_name: str
    song_id: str
    title: str
    duration: float | None
    year: int | None


class Sink:
    """Five tables in a DuckDB file, each written when a moment of the stream is over."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(str(path))
        self._connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA sparkify")
        self._lock = threading.Lock()
        self.last = 0.0
        for table, columns in COLUMNS.items():
            self._connection.execute(f'CREATE TABLE sparkify."{table}" ({columns})')

    def follow(self, name: str, table: pw.Table) -> None:
        """Writes what changes in a stream."""
        gone: list[dict[str, Any]] = []
        come: list[dict[str, Any]] = []

        def change(key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:
            (come if is_addition else gone).append(row)

        def publish(time: int) -> None:
            self._publish(name, gone, come)
            gone.clear()
            come.clear()

        pw.io.subscribe(table, change, on_time_end=publish)

    def close(self) -> None:
        """Leaves the file as others can read it."""
        with self._lock:
            self._connection.close()

    def _publish(self, name: str, gone: list[dict[str, Any]], come: list[dict[str, Any]]) -> None:
        if not gone and not come:
            return
        made = MADE.get(name, {})
        names = [column.split()[0] for column in COLUMNS[name].split(", ")]
        select = ", ".join(f"{made.get(column, column)} AS {column}" for column in names)
        same = " AND ".join(f"t.{key} = g.{key}" for key in KEYS[name])
        batches = (
            (
                gone,
                f'DELETE FROM sparkify."{name}" AS t USING (SELECT {select} FROM batch) AS g '
                f"WHERE {same}",
            ),
            (come, f'INSERT INTO sparkify."{name}" BY NAME SELECT {select} FROM batch'),
        )
        with self._lock:
            self._connection.begin()
            for rows, text in batches:
                if rows:
                    self._connection.register("batch", pa.Table.from_pylist(rows))
                    self._connection.execute(text)
            self._connection.commit()
            self.last = time.monotonic()


def tables(live: Path) -> dict[str, pw.Table]:
    """The five tables as streams over the folders of a lake."""
    songs = pw.io.jsonlines.read(f"{live}/song_data/**/*.json", schema=Song)
    staged = pw.io.jsonlines.read(f"{live}/log_data/**/*.json", schema=Event, with_metadata=True)
    events = staged.filter(pw.this.userId != "").select(
        *pw.this.without("userId", "_metadata", "song", "artist"),
        song=_trimmed(pw.this.song),
        artist=_trimmed(pw.this.artist),
        user_id=pw.apply_with_type(int, int, pw.this.userId),
        log_date=pw.apply_with_type(lambda of: day_of(of["path"].as_str()), str, pw.this._metadata),
    )
    return {
        "song": _song(songs),
        "artist": _artist(songs),
        "user": _user(events),
        "songplay": (played := _songplay(events, songs)),
        "time": played.groupby(pw.this.ts).reduce(pw.this.ts),
    }


def _song(songs: pw.Table) -> pw.Table:
    best = songs.groupby(pw.this.song_id).reduce(
        row=pw.reducers.argmax(pw.coalesce(pw.this.year, 0))
    )
    found = songs.ix(best.row, context=best)
    return best.select(found.song_id, found.title, found.artist_id, found.year, found.duration)


def _artist(songs: pw.Table) -> pw.Table:
    counted = songs.groupby(pw.this.artist_id, pw.this.artist_name).reduce(
        pw.this.artist_id, name=pw.this.artist_name, number=pw.reducers.count()
    )
    names = counted.groupby(pw.this.artist_id).reduce(
        pw.this.artist_id, first=pw.reducers.min(pw.make_tuple(-pw.this.number, pw.this.name))
    )
    places = songs.groupby(pw.this.artist_id).reduce(
        pw.this.artist_id,
        row=pw.reducers.argmin(
            pw.make_tuple(
                pw.this.artist_latitude.is_none(),
                pw.this.artist_location.is_none() | (pw.this.artist_location == ""),
                pw.coalesce(pw.this.artist_location, ""),
                pw.coalesce(pw.this.artist_latitude, 0.0),
                pw.coalesce(pw.this.artist_longitude, 0.0),
                pw.this.song_id,
            )
        ),
    )
    found = songs.ix(places.row, context=places)
    placed = places.select(
        pw.this.artist_id,
        location=pw.if_else(found.artist_location == "", None, found.artist_location),
        latitude=found.artist_latitude,
        longitude=found.artist_longitude,
    )
    return placed.join(names, placed.artist_id == names.artist_id).select(
        *pw.left, name=pw.apply_with_type(lambda first: first[1].strip(" "), str, names.first)
    )


def _user(events: pw.Table) -> pw.Table:
    moment = pw.make_tuple(pw.this.ts, pw.this.sessionId, pw.this.itemInSession)
    latest = events.groupby(pw.this.user_id).reduce(row=pw.reducers.argmax(moment))
    found = events.ix(latest.row, context=latest)
    return latest.select(
        found.user_id, found.gender, found.level,
        first_name=found.firstName, last_name=found.lastName,
    )  # fmt: skip


def _songplay(events: pw.Table, songs: pw.Table) -> pw.Table:
    delivered = events.filter(pw.this.page == "NextSong")
    firsts = delivered.groupby(pw.this.user_id, pw.this.sessionId, pw.this.itemInSession).reduce(
        row=pw.reducers.argmin(pw.make_tuple(pw.this.log_date, pw.this.ts))
    )
    plays = firsts.select(*delivered.ix(firsts.row, context=firsts))
    named = songs.with_columns(title=_trimmed(pw.this.title), name=_trimmed(pw.this.artist_name))
    pairs = plays.join(named, plays.song == named.title, plays.artist == named.name).select(
        play=plays.id,
        near=pw.make_tuple(
            pw.apply_with_type(_apart, float, named.duration, plays.length),
            named.song_id,
            named.artist_id,
        ),
    )
    nearest = pairs.groupby(pw.this.play).reduce(pw.this.play, near=pw.reducers.min(pw.this.near))
    return plays.join_left(nearest, plays.id == nearest.play).select(
        plays.user_id, plays.ts, plays.level, plays.location, plays.log_date,
        session_id=plays.sessionId, item_in_session=plays.itemInSession,
        user_agent=plays.userAgent,
        song_id=pw.apply_with_type(lambda near: near[1] if near else "", str, nearest.near),
        artist_id=pw.apply_with_type(lambda near: near[2] if near else "", str, nearest.near),
    )  # fmt: skip


def _trimmed(text: Any) -> Any:
    return pw.apply_with_type(lambda said: said and said.strip(" "), str | None, text)


def _apart(duration: float | None, length: float | None) -> float:
    return math.inf if duration is None or length is None else abs(duration - length)


def main() -> None:
    """Follows a copy of the lake named on the command line while it changes."""
    lake, out = arguments()
    clock = Clock()
    begun = time.monotonic()
    live = out / "live"
    day = copy_of(lake, live)
    sink = Sink(out / "warehouse.duckdb")
    for name, table in tables(live).items():
        sink.follow(name, table)
    threading.Thread(
        target=pw.run, kwargs={"monitoring_level": pw.MonitoringLevel.NONE}, daemon=True
    ).start()
    while not sink.last or time.monotonic() - sink.last < 3 * _QUIET:
        time.sleep(0.1)
    clock.add("full load", sink.last - begun)
    for name, change in changes(lake, live, day):
        clock.add(name, seen(change, lambda: sink.last, _QUIET))
    clock.tell(held_mb=held_mb(os.getpid()))
    sink.close()
    os._exit(0)  # The stream never ends.


if __name__ == "__main__":
    main()
