"""The lake as it stands at one moment: its parts with their digests, and what cannot be routed.

What belongs here: putting listings, the JSONPaths document and the versions of code together into
what decides a reload. Comparing it with what was loaded is `lake.changes`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from sparkify_dagster.core.meter import Meter
from sparkify_dagster.core.text import cited, count
from sparkify_dagster.lake.changes import Part, catalogue_parts, make_parts
from sparkify_dagster.lake.documents import (
    Aliases,
    Document,
    Forgotten,
    read_aliases,
    read_forgotten,
)
from sparkify_dagster.lake.jsonpaths import JsonPaths, parse_jsonpaths
from sparkify_dagster.lake.objects import EVERY_DAY, Aside, DayRange, Unroutable, by_day, not_yet
from sparkify_dagster.lake.reader.reader import READER_VERSION, Reader
from sparkify_dagster.lake.store.base import ObjectStore
from sparkify_dagster.model.catalog import model_version
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Column, Table

SETTINGS = {STAGING_SONGS.name: "SONG_DATA", STAGING_EVENTS.name: "LOG_DATA"}
"""The setting in section `[S3]` that says from where a staging table is loaded."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a listing of the whole lake showed.

    Attributes:
        songs: Parts of the song catalogue by name.
        days: Log days by name (`YYYY-MM-DD`).
        unroutable: Log objects without a day, each with the reason.
        fields: The log fields that feed the columns of `staging_events_table`, in order.
        ahead: Log days after today, where the range of days is open; they are unroutable, too.
        aside: What is there and not read, by staging table.
        aliases: What the document of aliases says.
        forgotten: The people whose events are not loaded.
        covers: The log days that the settings ask for.
        settings: See `Lake`.
    """

    songs: dict[str, Part]
    days: dict[str, Part]
    unroutable: list[Unroutable]
    fields: tuple[str, ...]
    ahead: dict[str, Part] = field(default_factory=dict)
    aside: Mapping[str, Aside] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Aliases)
    forgotten: Forgotten = field(default_factory=Forgotten)
    covers: DayRange = EVERY_DAY
    settings: Mapping[str, str] = field(default_factory=dict)

    def reaching(self, latest: str) -> Snapshot:
        """The same with an open range of days that goes to a day, if that is after today."""
        reached = {name: part for name, part in self.ahead.items() if name <= latest}
        routed = {item.key for part in reached.values() for item in part.objects}
        return replace(
            self,
            days=self.days | reached,
            ahead={name: part for name, part in self.ahead.items() if name not in reached},
            unroutable=[item for item in self.unroutable if item.key not in routed],
        )

    @property
    def told(self) -> list[str]:
        """What there is to say of what is not read, in sentences."""
        return [said for table, aside in self.aside.items() for said in left_aside(table, aside)]

    @property
    def is_empty(self) -> bool:
        """Whether the lake holds no object that could be loaded."""
        return not (self.songs or self.days)

    @property
    def emptiness(self) -> str:
        """What to say of a lake that holds nothing to load."""
        lost = len(self.unroutable)
        outside = f" ({lost} log objects belong to no day)" if lost else ""
        step = (
            "Rename them, or name their endings in [S3] ENDINGS."
            if any(aside.others for aside in self.aside.values())
            else "Make a sample lake with `sparkify generate`, or set [S3] SONG_DATA and LOG_DATA "
            "to where the data lies."
        )
        told = (
            f"The lake is empty: no song and no log objects to load{outside}.",
            *self.told,
            step,
        )
        return " ".join(told)


def left_aside(table: str, aside: Aside) -> Iterator[str]:
    """What there is to say of what is not read below a place of the lake."""
    where = f"Not read in [S3] {SETTINGS[table]}:"
    if aside.others:
        others = count(aside.others, "object")
        example = cited(aside.example)
        yield f"{where} {others} that [S3] ENDINGS does not name, such as {example}."
    if aside.links:
        links = count(len(aside.links), "link that leads", "links that lead")
        yield (
            f"{where} {links} nowhere, back or out ([S3] FOLLOW_LINKS), or folder that cannot be "
            f"listed, such as {cited(aside.links[0])}."
        )


@dataclass(frozen=True, slots=True)
class Lake:
    """The places of a lake.

    Args:
        read_jsonpaths: Gives the JSONPaths document's bytes; raises LakeError.
        jsonpaths: Where that document is, for messages.
        days: The log days that are loaded.
        today: Where they end, for now, if the range is open; None: nowhere.
        threads: Threads to parse records with; 0 for all cores.
        meter: Counts what its stores are asked.
        aliases: The document of aliases; None: there is none. So is `forgotten`, of people.
        settings: The settings that decide what is loaded from it, each with its value.
    """

    songs: ObjectStore
    logs: ObjectStore
    read_jsonpaths: Callable[[], bytes]
    jsonpaths: str
    days: DayRange
    threads: int = 0
    meter: Meter = field(default_factory=Meter)
    today: date | None = None
    aliases: Document | None = None
    forgotten: Document | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        """Lists the whole lake. Opens no object but documents.

        Raises:
            LakeError: A prefix or the document is not there or cannot be used.
        """
        paths = self.paths()
        logs, songs = self.logs.list_objects(), self.songs.list_objects()
        routed, unroutable = by_day(logs, self.days)
        days = make_parts(routed, context_of(STAGING_EVENTS, paths.token))
        ahead = {name: part for name, part in days.items() if self._is_ahead(name)}
        return Snapshot(
            songs=make_parts(catalogue_parts(songs), context_of(STAGING_SONGS, "")),
            days={name: part for name, part in days.items() if name not in ahead},
            unroutable=[*unroutable, *self._not_yet(ahead)],
            fields=paths.fields,
            ahead=ahead,
            aside={STAGING_SONGS.name: songs.aside, STAGING_EVENTS.name: logs.aside},
            aliases=read_aliases(self.aliases),
            forgotten=read_forgotten(self.forgotten),
            covers=self.days,
            settings=self.settings,
        )

    def _is_ahead(self, day: str) -> bool:
        return self.today is not None and date.fromisoformat(day) not in self.days.until(self.today)

    def _not_yet(self, ahead: Mapping[str, Part]) -> Iterator[Unroutable]:
        for name, part in ahead.items():
            reason = not_yet(date.fromisoformat(name), self.today or date.max)
            yield from (Unroutable(item.key, reason) for item in part.objects)

    def paths(self) -> JsonPaths:
        """The JSONPaths document.

        Raises:
            LakeError: It is not there or is not what it must be.
        """
        usual = [column.source.removeprefix("$.") for column in loaded_columns(STAGING_EVENTS)]
        return parse_jsonpaths(self.read_jsonpaths(), len(usual), self.jsonpaths, usual)

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


def context_of(table: Table, document: str, model: str | None = None) -> str:
    """What decides, besides its objects, which rows a part of a staging table has.

    Args:
        document: The token of the JSONPaths document; blank for songs.
        model: The version of the table's model; None: today's.
    """
    version = model or model_version(table.name)
    return f"{table.name} reader {READER_VERSION} model {version} {document}"
