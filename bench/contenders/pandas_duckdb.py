"""pandas: data frames from files, handed to DuckDB at the end. What most people write first."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pandas as pd

from bench.contenders.clock import Clock
from bench.contenders.lake import STAR, arguments, day_of, files

NAMES = {
    "firstName": "first_name", "lastName": "last_name", "itemInSession": "item_in_session",
    "sessionId": "session_id", "userAgent": "user_agent", "userId": "user_id",
}  # fmt: skip
PLAY = ["user_id", "session_id", "item_in_session"]


def read(path: str) -> pd.DataFrame:
    """The records of a file. Without `precise_float` digits are lost, and with them matches."""
    # Without `dtype=False` a title that looks like a number becomes one.
    return pd.read_json(path, lines=True, dtype=False, precise_float=True)


def read_events(lake: Path) -> pd.DataFrame:
    """The staged events."""
    days = [
        read(path).assign(log_date=pd.Timestamp(day_of(path))) for path in files(lake / "log_data")
    ]
    events = pd.concat(days, ignore_index=True).rename(columns=NAMES)
    events["user_id"] = pd.to_numeric(events["user_id"].replace("", None)).astype("Int64")
    events["ts"] = pd.to_datetime(events["ts"], unit="ms")
    return events


def read_songs(lake: Path) -> pd.DataFrame:
    """The staged songs, file by file."""
    return pd.concat([read(path) for path in files(lake / "song_data")], ignore_index=True)


def make_song(songs: pd.DataFrame) -> pd.DataFrame:
    """One row per song: the latest year wins; year 0 is unknown."""
    order = ["song_id", "year", "title", "artist_id", "duration"]
    ranked = songs.sort_values(order, ascending=[True, False, True, True, True])
    chosen = ranked.drop_duplicates("song_id")
    year = chosen["year"].astype("Int64").replace(0, pd.NA)
    return chosen.assign(year=year)[["song_id", "title", "artist_id", "year", "duration"]]


def make_artist(songs: pd.DataFrame) -> pd.DataFrame:
    """One row per artist: the name given most often, the place that is best known."""
    location = songs["artist_location"].where(songs["artist_location"].str.strip(" ") != "")
    staged = songs.assign(
        name=songs["artist_name"].str.strip(" "),
        location=location,
        no_place=songs["artist_latitude"].isna(),
        no_name=location.isna(),
    )
    counted = staged.groupby(["artist_id", "name"]).size().reset_index(name="times")
    names = counted.sort_values(["artist_id", "times", "name"], ascending=[True, False, True])
    order = [
        "artist_id", "no_place", "no_name", "location", "artist_latitude", "artist_longitude",
        "song_id",
    ]  # fmt: skip
    places = staged.sort_values(order).drop_duplicates("artist_id")
    joined = places.drop(columns="name").merge(
        names.drop_duplicates("artist_id")[["artist_id", "name"]], "left", on="artist_id"
    )
    renamed = joined.rename(
        columns={"artist_latitude": "latitude", "artist_longitude": "longitude"}
    )
    return renamed[["artist_id", "name", "location", "latitude", "longitude"]]


def make_user(events: pd.DataFrame) -> pd.DataFrame:
    """One row per person: the latest event says who they are."""
    known = events[events["user_id"].notna()]
    latest = known[known["ts"] == known.groupby("user_id")["ts"].transform("max")]
    names = ["first_name", "last_name", "gender", "level"]
    order = ["session_id", "item_in_session", "log_date", *names]
    ranked = latest.sort_values(order, ascending=[False] * 3 + [True] * 4)
    return ranked.drop_duplicates("user_id")[["user_id", *names]]


def make_songplay(events: pd.DataFrame, songs: pd.DataFrame) -> pd.DataFrame:
    """One row per play in its earliest form, with the song of its names that is nearest."""
    plays = events[(events["page"] == "NextSong") & events["user_id"].notna()]
    again = plays.duplicated(PLAY, keep=False)
    form = ["log_date", "ts", "song", "artist", "length", "level", "location", "user_agent"]
    first = plays[again].sort_values(form).drop_duplicates(PLAY)
    distinct = pd.concat([plays[~again], first], ignore_index=True)
    distinct["song"] = distinct["song"].str.strip(" ")
    distinct["artist"] = distinct["artist"].str.strip(" ")
    named = pd.DataFrame(
        {
            "song": songs["title"].str.strip(" "),
            "artist": songs["artist_name"].str.strip(" "),
            "song_id": songs["song_id"],
            "artist_id": songs["artist_id"],
            "duration": songs["duration"],
        }
    )
    asked = distinct[["song", "artist", "length"]].drop_duplicates()
    candidates = asked.merge(named, on=["song", "artist"])
    candidates["far"] = (candidates["duration"] - candidates["length"]).abs()
    nearest = candidates.sort_values(["far", "song_id", "artist_id"]).drop_duplicates(
        ["song", "artist", "length"]
    )
    found = distinct.merge(
        nearest.drop(columns=["duration", "far"]), "left", on=["song", "artist", "length"]
    )
    identities = zip(*(found[name].tolist() for name in PLAY), strict=True)
    found["songplay_id"] = [_md5("|".join(map(str, identity))) for identity in identities]
    return found.rename(columns={"ts": "start_time"})[
        [
            *("songplay_id", "start_time", "user_id", "level", "song_id", "artist_id"),
            *("session_id", "location", "user_agent", "log_date", "item_in_session"),
        ]
    ]


def make_time(songplay: pd.DataFrame) -> pd.DataFrame:
    """One row per moment at which a play began."""
    moments = songplay["start_time"].drop_duplicates().reset_index(drop=True)
    return pd.DataFrame(
        {
            "start_time": moments,
            "hour": moments.dt.hour,
            "day": moments.dt.day,
            "week": moments.dt.isocalendar().week,
            "month": moments.dt.month,
            "year": moments.dt.year,
            "weekday": (moments.dt.day_of_week + 1) % 7,
        }
    )


def main() -> None:
    """Makes the five tables of the lake named on the command line."""
    lake, out = arguments()
    clock = Clock()
    with clock.step("songs"):
        songs = read_songs(lake)
    with clock.step("events"):
        events = read_events(lake)
    with clock.step("star"):
        songplay = make_songplay(events, songs)
        made = dict(
            zip(
                STAR,
                (make_song(songs), make_artist(songs), make_user(events), songplay),
                strict=False,
            )
        )
        made["time"] = make_time(songplay)
    with clock.step("write"), duckdb.connect(str(out / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA sparkify")
        staged = {"staging_songs_table": songs, "staging_events_table": events}
        for name, frame in (made | staged).items():
            connection.register("frame", frame)
            connection.execute(f'CREATE TABLE sparkify."{name}" AS SELECT * FROM frame')
            connection.unregister("frame")
    clock.tell()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    main()
