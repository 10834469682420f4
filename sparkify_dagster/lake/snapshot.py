"""The lake as it stands at one moment: its parts with their digests, and what cannot be routed.

What belongs here: putting listings, the JSONPaths document and the versions of code together into
what decides a reload. Comparing it with what was loaded is `lake.changes`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sparkify_dagster.lake.changes import Part, catalogue_parts, make_parts
from sparkify_dagster.lake.collector import without_search
from sparkify_dagster.lake.jsonpaths import JsonPaths, parse_jsonpaths
from sparkify_dagster.lake.meter import Meter
from sparkify_dagster.lake.objects import (
    NOT_FOLLOWED,
    DayRange,
    Unroutable,
    by_day,
    is_unfollowed,
    key_of,
)
from sparkify_dagster.lake.reader import READER_VERSION, Reader
from sparkify_dagster.lake.store import ObjectStore
from sparkify_dagster.model.catalog import model_version
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Column, Table


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a listing of the whole lake showed.

    Attributes:
        songs: Parts of the song catalogue by name.
        days: Log days by name (`YYYY-MM-DD`).
        unroutable: What is not loaded, with the reason: log objects without a day, and links to
            folders that are not followed, of logs and of songs.
        fields: The log fields that feed the columns of `staging_events_table`, in order.
        links: Those links: keys, with `/` at their end, by the table that is loaded from there.
    """

    songs: dict[str, Part]
    days: dict[str, Part]
    unroutable: list[Unroutable]
    fields: tuple[str, ...]
    links: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the lake holds no object that could be loaded."""
        return not (self.songs or self.days)

    @property
    def emptiness(self) -> str:
        """What to say of a lake that holds nothing to load."""
        lost = len(self.unroutable)
        outside = f" ({lost} log objects belong to no day)" if lost else ""
        return (
            f"The lake is empty: no song and no log objects to load{outside}. Make a sample lake "
            "with `sparkify generate`, or set [S3] SONG_DATA and LOG_DATA to where the data lies."
        )


@dataclass(frozen=True, slots=True)
class Lake:
    """The three places of a lake.

    Args:
        read_jsonpaths: Gives the JSONPaths document's bytes; raises LakeError.
        jsonpaths: Where that document is, for messages.
        days: The log days that are loaded.
        threads: Threads to parse records with; 0 for all cores.
        meter: Counts what its stores are asked.
    """

    songs: ObjectStore
    logs: ObjectStore
    read_jsonpaths: Callable[[], bytes]
    jsonpaths: str
    days: DayRange
    threads: int = 0
    meter: Meter = field(default_factory=Meter)

    def look(self) -> Snapshot:
        """Lists the whole lake. Opens no object but the JSONPaths document.

        Raises:
            LakeError: A prefix or the document is not there or cannot be used.
        """
        paths = self.paths()
        with without_search():
            return self._listed(paths)

    def _listed(self, paths: JsonPaths) -> Snapshot:
        routed, unroutable = by_day(self.logs.list_objects(), self.days)
        songs = self.songs.list_objects()
        links = {
            STAGING_SONGS.name: frozenset(filter(is_unfollowed, map(key_of, songs.lines))),
            STAGING_EVENTS.name: frozenset(u.key for u in unroutable if is_unfollowed(u.key)),
        }
        return Snapshot(
            songs=make_parts(catalogue_parts(songs), _context(STAGING_SONGS, "")),
            days=make_parts(routed, _context(STAGING_EVENTS, paths.token)),
            unroutable=unroutable
            + [
                Unroutable(f"{self.songs.location}/{key}", NOT_FOLLOWED)
                for key in sorted(links[STAGING_SONGS.name])
            ],
            fields=paths.fields,
            links={name: found for name, found in links.items() if found},
        )

    def paths(self) -> JsonPaths:
        """The JSONPaths document.

        Raises:
            LakeError: It is not there or is not what it must be.
        """
        expected = len(loaded_columns(STAGING_EVENTS))
        return parse_jsonpaths(self.read_jsonpaths(), expected, self.jsonpaths)

    def log_reader(self, fields: tuple[str, ...]) -> Reader:
        """A reader of log records."""
        return Reader(loaded_columns(STAGING_EVENTS), fields, self.threads)

    def song_reader(self) -> Reader:
        """A reader of song records: the fields have the columns' names."""
        columns = loaded_columns(STAGING_SONGS)
        return Reader(columns, [column.name for column in columns], self.threads)


def loaded_columns(table: Table) -> tuple[Column, ...]:
    """The columns of a staging table that are read from records."""
    return tuple(column for column in table.columns if not column.audit)


def _context(table: Table, more: str) -> str:
    return f"{table.name} reader {READER_VERSION} model {model_version(table.name)} {more}"
