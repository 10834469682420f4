"""The SQL of loads: every statement that Redshift would be sent, in order, and none is.

Loads run, on an empty DuckDB in memory and a lake of one song and one log object, and their
statements are written down. So what a DBA reviews, and what `sparkify doctor --deep` tries, is what
the code does, not what somebody wrote about it. What belongs here: which loads are run. Standing in
for engine and lake is `sql_recorder`'s; printing the command line's.
"""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import dataclass, replace

import duckdb

from sparkify_dagster.lake.documents import Document
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.plan import Request
from sparkify_dagster.pipeline.sql_recorder import COLUMNS, EVENT, Place, Prefix, Recorder, Sent

__all__ = ["Place", "Stage", "preview", "recorded"]

_DAY = "2018-11-01"
_ALIAS = b'{"song": "Uprising", "artist": "Muse", "song_id": "SO1"}'
_SONG = (
    b'{"song_id": "SO1", "artist_id": "AR1", "title": "Uprising", "artist_name": "Muse", '
    b'"duration": 304.8}'
)
_PATHS = json.dumps({"jsonpaths": [f"$['{column.name}']" for column in COLUMNS]}).encode()
_BY_READER = (
    "[LOAD] DIRECT_COPY=no goes round it: our reader then reads the log days, through this machine"
)
_WHOLE = (
    "`sparkify etl --full` goes round it: star and marts are then built whole, each time from the "
    "whole lake"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The statements of one transaction.

    Attributes:
        name: One word for it.
        title: What it does.
        tables: The tables it loads.
        way_round: How to load without it, as a sentence; blank where there is no way.
    """

    name: str
    title: str
    tables: tuple[str, ...]
    sent: list[Sent]
    way_round: str = ""

    @property
    def statements(self) -> list[str]:
        """Their texts."""
        return [sent.text for sent in self.sent]


def preview(schema: str, place: Place) -> list[Stage]:
    """The transactions of loads of changed objects: copied, read by us, and failed."""
    return [stage for stage in recorded(schema, place) if stage.tables]


def recorded(schema: str, place: Place, reader: str = "") -> list[Stage]:
    """The same, and what stands before and beside: the tables are made, and others look.

    Args:
        reader: Role that is granted reading.
    """
    star = tuple(table.name for table in (*STAR, *MARTS))
    with closing(duckdb.connect(":memory:")) as connection:
        warehouse = Recorder(connection, schema, place)
        songs, logs = Prefix("A/A/A/song.json", _SONG), Prefix(f"{_DAY}-events.json", EVENT)
        lake = Lake(songs, logs, lambda: _PATHS, "", DayRange.parse(_DAY, _DAY), threads=1)

        def loaded(limits: Limits, lake: Lake = lake) -> list[list[Sent]]:
            warehouse.transactions.clear()
            list(load(Request(), warehouse, lake, limits, "run"))
            return [*warehouse.transactions]

        made = warehouse.tables_made(reader)
        loaded(Limits())  # Of rows that are there the keys are kept when others replace them.
        songs.put(_SONG)
        logs.put(EVENT)
        changed, copied, whole, pruned = loaded(Limits(rebuild_from=-1.0))
        logs.put(EVENT + b"\n{")
        refreshing = Limits(rejects=0.5, direct_copy=False, rebuild_from=math.inf)
        read, refreshed, _ = loaded(refreshing)
        songs.put(_SONG.replace(b"Uprising", b"Resistance"))
        named = replace(lake, aliases=Document("aliases", lambda: _ALIAS))
        _, matched, _ = loaded(refreshing, named)
        forgotten = replace(named, forgotten=Document("forgotten", lambda: b"1"))
        forgot, *_ = loaded(refreshing, forgotten)
        logs.put(EVENT.replace(b'"user_id": 1', b'"user_id": 2'))
        _, newcomer, _ = loaded(refreshing, forgotten)
        logs.put(EVENT)
        without, *_ = loaded(replace(refreshing, direct_copy=True), forgotten)
        logs.put(b"[]")
        failed, *_ = loaded(Limits(direct_copy=False))
        beside = warehouse.beside
    of_songs, of_events = (STAGING_SONGS.name,), (STAGING_EVENTS.name,)
    to_songs, to_events = f"to {STAGING_SONGS.name}", f"to {STAGING_EVENTS.name}"
    failing = f"The day failed, of {STAGING_EVENTS.name}: its rows stay"
    refreshing_star = "Star and marts, refreshed where"
    return [
        Stage("tables", "The tables are made", (), made),
        Stage("songs", f"Changed song objects {to_songs}", of_songs, changed),
        Stage(
            "copy", f"A log day {to_events}, copied from the lake", of_events, copied, _BY_READER
        ),
        Stage("star", "Star and marts, built whole", star, whole),
        Stage("reader", f"The same day again, read by our reader {to_events}", of_events, read),
        Stage("failed", failing, of_events, failed),
        Stage("refresh", f"{refreshing_star} a day changed", star, refreshed, _WHOLE),
        Stage("match", f"{refreshing_star} songs and aliases changed", star, matched, _WHOLE),
        Stage("forget", f"Forgotten people, out of {STAGING_EVENTS.name}", of_events, forgot),
        Stage("newcomer", f"{refreshing_star} somebody is new", (), newcomer, _WHOLE),
        Stage("without", "A log day copied without forgotten people", (), without, _BY_READER),
        Stage(
            "history",
            "At the end of each load: history that is too old",
            ("load_history",),
            pruned,
        ),
        Stage("looks", "Looks at the history, and other ways of the same", (), beside),
    ]
