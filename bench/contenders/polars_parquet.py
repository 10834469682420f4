"""polars: lazy frames from files to Parquet. No database at the end, so it writes less."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import polars as pl

from bench.contenders.clock import Clock
from bench.contenders.lake import EVENT_FIELDS, SONG_FIELDS, arguments, files
from bench.contenders.songs import read_bytes

TYPES = {
    "VARCHAR": pl.String,
    "DOUBLE": pl.Float64,
    "INTEGER": pl.Int32,
    "BIGINT": pl.Int64,
}
PLAY = ["user_id", "session_id", "item_in_session"]


def read_songs(lake: Path, folder: Path) -> pl.DataFrame:
    """The staged songs. polars opens many tiny files slowly: they are packed first."""
    pack = folder / "songs.json"
    with pack.open("wb") as file:
        for path in files(lake / "song_data"):
            file.write(read_bytes(path).strip() + b"\n")
    return pl.read_ndjson(pack, schema=_schema(SONG_FIELDS))


def read_events(lake: Path) -> pl.DataFrame:
    """The staged events."""
    read = pl.scan_ndjson(
        files(lake / "log_data"), schema=_schema(EVENT_FIELDS), include_file_paths="path"
    )
    names = {
        "firstName": "first_name", "lastName": "last_name", "itemInSession": "item_in_session",
        "sessionId": "session_id", "userAgent": "user_agent", "userId": "user_id",
    }  # fmt: skip
    return (
        read.rename(names)
        .with_columns(
            pl.col("user_id").replace("", None).cast(pl.Int64),
            pl.from_epoch("ts", time_unit="ms").cast(pl.Datetime("us")),
            pl.col("path").str.extract(r".*/(\d{4}-\d{2}-\d{2})").str.to_date().alias("log_date"),
        )
        .drop("path")
        .collect()
    )


def make_song(songs: pl.DataFrame) -> pl.DataFrame:
    """One row per song: the latest year wins; year 0 is unknown."""
    order = ["song_id", "year", "title", "artist_id", "duration"]
    return (
        songs.sort(order, descending=[False, True, False, False, False], nulls_last=True)
        .unique("song_id", keep="first")
        .select("song_id", "title", "artist_id", pl.col("year").replace(0, None), "duration")
    )


def make_artist(songs: pl.DataFrame) -> pl.DataFrame:
    """One row per artist: the name given most often, the place that is best known."""
    staged = songs.with_columns(
        pl.col("artist_name").str.strip_chars(" ").alias("name"),
        pl.when(pl.col("artist_location").str.strip_chars(" ") != "")
        .then(pl.col("artist_location"))
        .alias("location"),
    )
    names = (
        staged.filter(pl.col("name").is_not_null())
        .group_by("artist_id", "name")
        .len()
        .sort("artist_id", "len", "name", descending=[False, True, False])
        .unique("artist_id", keep="first")
        .select("artist_id", "name")
    )
    unknown = [pl.col("artist_latitude").is_null(), pl.col("location").is_null()]
    places = (
        staged.sort(
            "artist_id", *unknown, "location", "artist_latitude", "artist_longitude", "song_id",
            nulls_last=True,
        )
        .unique("artist_id", keep="first")
        .select("artist_id", "location", latitude="artist_latitude", longitude="artist_longitude")
    )  # fmt: skip
    return places.join(names, "artist_id", "left")


def make_user(events: pl.DataFrame) -> pl.DataFrame:
    """One row per person: the latest event says who they are."""
    known = events.filter(pl.col("user_id").is_not_null())
    latest = known.filter(pl.col("ts") == pl.col("ts").max().over("user_id"))
    order = ["session_id", "item_in_session", "log_date"]
    names = ["first_name", "last_name", "gender", "level"]
    return (
        latest.sort(*order, *names, descending=[True] * 3 + [False] * 4, nulls_last=True)
        .unique("user_id", keep="first", maintain_order=True)
        .select("user_id", *names)
    )


def make_songplay(events: pl.DataFrame, songs: pl.DataFrame) -> pl.DataFrame:
    """One row per play in its earliest form, with the song of its names that is nearest."""
    plays = events.filter((pl.col("page") == "NextSong") & pl.col("user_id").is_not_null())
    again = plays.select(pl.struct(PLAY).is_duplicated()).to_series()
    form = [
        "log_date", "ts", "song", "artist", "length", "level", "location", "user_agent",
    ]  # fmt: skip
    first = plays.filter(again).sort(form, nulls_last=True).unique(PLAY, keep="first")
    distinct = pl.concat([plays.filter(~again), first]).with_columns(
        pl.col("song").str.strip_chars(" "), pl.col("artist").str.strip_chars(" ")
    )
    named = songs.select(
        "song_id",
        "artist_id",
        "duration",
        song=pl.col("title").str.strip_chars(" "),
        artist=pl.col("artist_name").str.strip_chars(" "),
    )
    asked = distinct.select("song", "artist", "length").unique()
    nearest = (
        asked.join(named, ["song", "artist"])
        .sort(
            (pl.col("duration") - pl.col("length")).abs(), "song_id", "artist_id", nulls_last=True
        )
        .unique(["song", "artist", "length"], keep="first", maintain_order=True)
    )
    found = distinct.join(nearest, ["song", "artist", "length"], "left", nulls_equal=True)
    text = pl.concat_str(PLAY, separator="|")
    return found.select(
        # polars has no MD5 of its own: a call for each play.
        text.map_elements(_md5, pl.String).alias("songplay_id"),
        pl.col("ts").alias("start_time"),
        *("user_id", "level", "song_id", "artist_id", "session_id", "location", "user_agent"),
        *("log_date", "item_in_session"),
    )


def make_time(songplay: pl.DataFrame) -> pl.DataFrame:
    """One row per moment at which a play began."""
    moment = pl.col("start_time").dt
    return (
        songplay.select("start_time")
        .unique()
        .with_columns(
            moment.hour().alias("hour"),
            moment.day().alias("day"),
            moment.week().alias("week"),
            moment.month().alias("month"),
            moment.year().alias("year"),
            (moment.weekday() % 7).alias("weekday"),
        )
    )


def main() -> None:
    """Makes the five tables of the lake named on the command line."""
    lake, out = arguments()
    clock = Clock()
    with clock.step("songs"), tempfile.TemporaryDirectory() as folder:
        songs = read_songs(lake, Path(folder))
    with clock.step("events"):
        events = read_events(lake)
    with clock.step("star"):
        songplay = make_songplay(events, songs)
        made = {
            "song": make_song(songs),
            "artist": make_artist(songs),
            "user": make_user(events),
            "songplay": songplay,
            "time": make_time(songplay),
        }
    with clock.step("write"):
        for name, table in made.items():
            table.write_parquet(out / f"{name}.parquet")
    clock.tell()


def _schema(fields: dict[str, str]) -> dict[str, pl.DataType]:
    return {name: TYPES[kind]() for name, kind in fields.items()}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    main()
