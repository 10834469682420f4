"""What must be loaded for the warehouse to hold what the lake holds, of what is asked for.

Two looks, one at each, and a comparison of digests. What belongs here: putting the two together,
and saying what people should know of them before a load changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal

from sparkify_dagster.core.text import cited, count
from sparkify_dagster.lake.changes import NOTHING, Part, changed_parts, empty_part, with_links
from sparkify_dagster.lake.objects import Aside, DayRange, Unroutable
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.model.catalog import STAGING
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.star import is_behind
from sparkify_dagster.pipeline.suppress import is_staged, left_out
from sparkify_dagster.pipeline.upgrade import carried_over, require_in_step
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.evolution import Change
from sparkify_dagster.warehouse.schema import pending_changes
from sparkify_dagster.warehouse.standing import Failure, Standing, standing

Hidden = Mapping[str, Mapping[str, set[str]]]
_SOMEBODY_IS_BACK = "somebody is no longer forgotten"
"""In place of the digest of a day whose records were left out and no longer are."""
_CLOCKS_DIFFER = timedelta(hours=1)
"""By so much the clocks of those who load may differ."""
_NAMED = 20
"""Log objects without a day that are named."""


What = Literal["asked", "changes", "due", "everything"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a load is asked for.

    Attributes:
        what: `asked`: just `tables` and `days`, changed or not. `changes`: whatever differs between
            lake and warehouse. `due`: the same without what has failed too often as it is now.
            `everything`: all of the lake, read anew, and the star rebuilt.
        within: Only log days of this range and no songs; not with `asked`.
        tables: With `asked`: the tables, of star and marts all or none.
        days: With `asked`: log days by name.
        checks: Checks to make at the end, besides those that every load makes.
    """

    what: What = "changes"
    within: DayRange | None = None
    tables: frozenset[str] = frozenset()
    days: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def star(self) -> bool:
        """Whether star and marts are to be brought up to date with what is staged."""
        return self.what != "asked" or any(t.name in self.tables for t in (*STAR, *MARTS))

    @property
    def reads_all(self) -> bool:
        """Whether objects are to be read that have not changed."""
        return self.what in ("asked", "everything")

    def rebuilds(self, todo: Pending) -> bool:
        """Whether the star is to be built whole: with all of the lake, or as it alone is asked."""
        alone = self.what == "asked" and not (todo.songs or todo.days)
        return alone or self.what == "everything"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the ledger says is loaded: digest of each part as last published.

    Attributes:
        star_behind: The star has not taken in all of staging, or its model changed.
        failed_songs: Parts whose last load failed, with how often; `failed_days` likewise.
        latest_day: The latest log day that was ever published; blank: none was.
        newest: When the newest entry was made, UTC, by the clock of who made it.
        hidden: By table, the parts with objects from below links that are not followed, and these.
        suppressed: Log days of which records of forgotten people were left out.
        forget: The tables must be searched for forgotten people.
        searched: Token of their document for which they were searched last.
        wipe: Bytes of forgotten people may be left in DuckDB's file.
        changes: The steps by which each table becomes that of the model, where it is not.
        carried: By staging table, the parts that an older model loaded to the same rows, each with
            its digest of today.
        now: The history that all of it is from.
        there: The tables that are there.
    """

    songs: dict[str, str]
    days: dict[str, str]
    star_behind: bool
    failed_songs: dict[str, Failure] = field(default_factory=dict)
    failed_days: dict[str, Failure] = field(default_factory=dict)
    latest_day: str = ""
    newest: datetime | None = None
    hidden: Hidden = field(default_factory=dict)
    suppressed: frozenset[str] = frozenset()
    forget: bool = False
    searched: str = NOTHING
    wipe: bool = False
    changes: Mapping[str, Sequence[Change]] = field(default_factory=dict)
    carried: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    now: Standing = field(default_factory=lambda: Standing(()))
    there: frozenset[str] = frozenset()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was ever loaded."""
        return not (self.songs or self.days)

    def at_latest(self, now: datetime) -> datetime:
        """The present, for deciding what is old: a clock that is far ahead must delete nothing."""
        return min(now, self.newest or now)


@dataclass(frozen=True, slots=True)
class Pending:
    """What is to be done.

    Attributes:
        songs: Parts of the catalogue to load.
        days: Log days to load.
        star: The star must be published even if nothing is loaded.
        given_up: Parts that differ and have failed too often to be tried again by themselves.
        forget: The tables must be searched for forgotten people.
        wipe: DuckDB's file must be made anew without their bytes.
    """

    songs: list[Part]
    days: list[Part]
    star: bool
    given_up: list[Part] = field(default_factory=list)
    forget: bool = False
    wipe: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether the warehouse holds what the lake holds."""
        return not (self.songs or self.days or self.star or self.forget or self.wipe)


def summed_up(todo: Pending) -> str:
    """What is to be done, in a few words: `songs, 2018-11-01 to 2018-11-30 (29 log days)`."""
    said = []
    if todo.songs:
        said.append("songs")
    if len(todo.days) > 1:
        first, last = todo.days[0].name, todo.days[-1].name
        said.append(f"{first} to {last} ({len(todo.days):,} log days)")
    elif todo.days:
        said.append(todo.days[0].name)
    return ", ".join(said) or "the star"


CHANGES = Request()
NEVER_LOADED = Loaded({}, {}, star_behind=False)


def held_against(snapshot: Snapshot, warehouse: Warehouse) -> tuple[Snapshot, Loaded]:
    """What the ledger says, and the lake with all days that it knows, whatever the clock says.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    held = loaded(warehouse, snapshot)
    return with_all_days(snapshot, held), held


def with_all_days(snapshot: Snapshot, held: Loaded) -> Snapshot:
    """The lake with all days that the ledger knows, and links that are not followed as objects."""
    return with_hidden(snapshot.reaching(held.latest_day), held.hidden)


def loaded(warehouse: Warehouse, snapshot: Snapshot | None = None) -> Loaded:
    """A short look at the ledger.

    Args:
        snapshot: The lake, as far as it has a say in what is loaded.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    try:
        return warehouse.read_only(lambda session: loaded_in(session, snapshot))
    except WarehouseMissing:
        return _never_loaded(snapshot)


def loaded_in(session: Session, snapshot: Snapshot | None) -> Loaded:
    """The same in a session."""
    try:
        return _loaded(session, snapshot)
    except WarehouseMissing:
        return _never_loaded(snapshot)


def _never_loaded(snapshot: Snapshot | None) -> Loaded:
    return replace(NEVER_LOADED, forget=bool(snapshot and snapshot.forgotten.ids))


def _loaded(session: Session, snapshot: Snapshot | None) -> Loaded:
    there, now = ledger.ready_tables(session), standing(session)
    changes = pending_changes(session, there, now)
    aliases = snapshot.aliases.token if snapshot else None
    if snapshot:
        require_in_step(now, snapshot)
    carried = carried_over(now, snapshot, partial(ledger.blamed, session)) if snapshot else {}
    songs, days = (now.digests(t.name) | carried.get(t.name, {}) for t in STAGING)
    left, forget, wipe = left_out(now), False, False
    if snapshot is not None:
        forgotten = snapshot.forgotten
        days |= dict.fromkeys(left.of_others(forgotten), _SOMEBODY_IS_BACK)
        forget = left.searched != forgotten.token or is_staged(session, forgotten)
        wipe = session.engine == "duckdb" and (forget or left.wiped != forgotten.token)
    return Loaded(
        songs,
        days,
        bool(changes) or (now.last_published() > 0 and is_behind(there, now, aliases)),
        now.failures(STAGING_SONGS.name),
        now.failures(STAGING_EVENTS.name),
        now.latest_day,
        now.newest,
        hidden_parts(session, snapshot.aside if snapshot else {}),
        frozenset(left.days),
        forget,
        left.searched,
        wipe,
        changes,
        carried,
        now,
        frozenset(there),
    )


def hidden_parts(session: Session, aside: Mapping[str, Aside]) -> Hidden:
    """By table, the parts with objects from below links that are not followed, and these links."""
    return {
        table: ledger.parts_below(session, table, frozenset(found.links))
        for table, found in aside.items()
    }


def with_hidden(snapshot: Snapshot, hidden: Hidden) -> Snapshot:
    """The lake with links that are not followed as objects of what was loaded from below them.

    These parts fail then, by the link's name, and keep their rows. Without that it would seem that
    all that lies behind a link was deleted.
    """

    def added(parts: dict[str, Part], table: str) -> dict[str, Part]:
        more = hidden.get(table, {}).items()
        return parts | {n: with_links(parts.get(n) or empty_part(n), links) for n, links in more}

    return replace(
        snapshot,
        songs=added(snapshot.songs, STAGING_SONGS.name),
        days=added(snapshot.days, STAGING_EVENTS.name),
    )


def pending(
    snapshot: Snapshot, held: Loaded, request: Request = CHANGES, attempts: int = 0
) -> Pending:
    """What is to be done: of what differs between lake and warehouse, or of what is asked for.

    Args:
        attempts: Loads of a part as it is, after which `due` leaves it out.
    """
    known_songs, known_days = held.songs, held.days
    if request.reads_all:
        known_songs, known_days = dict.fromkeys(held.songs, ""), dict.fromkeys(held.days, "")
    songs = changed_parts(snapshot.songs, known_songs)
    if request.what == "asked":
        asked = [snapshot.days.get(name) or empty_part(name) for name in request.days]
        songs = songs if STAGING_SONGS.name in request.tables else []
        return Pending(songs, asked, request.star, forget=held.forget, wipe=held.wipe)
    days = changed_parts(snapshot.days, known_days)
    if request.within is not None:
        songs, days = [], [p for p in days if date.fromisoformat(p.name) in request.within]
    given_up: list[Part] = []
    if request.what == "due":
        songs, songs_over = _tried_less(songs, held.failed_songs, attempts)
        days, days_over = _tried_less(days, held.failed_days, attempts)
        given_up = [*songs_over, *days_over]
    star = held.star_behind or request.what == "everything"
    return Pending(songs, days, star, given_up, held.forget, held.wipe)


def _tried_less(
    parts: list[Part], failures: Mapping[str, Failure], attempts: int
) -> tuple[list[Part], list[Part]]:
    """The parts that may be tried, and those that have failed too often as they are now."""

    def is_over(part: Part) -> bool:
        failure = failures.get(part.name)
        return failure is not None and (
            failure.digest == part.digest and failure.attempts >= attempts
        )

    return [p for p in parts if not is_over(p)], [p for p in parts if is_over(p)]


def notices(
    lake: Lake, snapshot: Snapshot, held: Loaded, todo: Pending, attempts: int
) -> Iterator[str]:
    """All there is to say, in sentences.

    Args:
        attempts: Loads after which a part is given up.
    """
    yield from _without_day(snapshot.unroutable)
    yield from snapshot.told
    yield from filter(None, [clock_problem(ledger.utc_now(), held.newest)])
    for half in vanished(snapshot, held):
        yield f"{all_gone(half, lake)} Its rows go."
    if back := [*held.days.values()].count(_SOMEBODY_IS_BACK):
        yield (
            "The document of forgotten people ([S3] FORGOTTEN) has lost ids: "
            f"{count(back, 'log day')} of which records were left out "
            f"{'is' if back == 1 else 'are'} read again, and whoever it names no more comes back."
        )
    for part in todo.given_up:
        yield (
            f"{part.name} has failed {attempts} times as it is now and is left alone until the "
            "lake changes or somebody loads it (`sparkify retry`)."
        )


def clock_problem(now: datetime, newest: datetime | None) -> str:
    """What to say of a clock that is behind the newest entry of the history; blank: nothing."""
    if newest is None or newest - now <= _CLOCKS_DIFFER:
        return ""
    return (
        f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, and load_history has a load of "
        f"{newest:%Y-%m-%d %H:%M} UTC: one of the two is wrong. Set the clock right; what is "
        "published stays."
    )


def vanished(snapshot: Snapshot, held: Loaded) -> list[str]:
    """Which half of the lake is empty though it was loaded: `songs`, `logs`.

    That is followed, as any deletion is. But it is what a mistyped prefix looks like, too.
    """
    halves = {"songs": (snapshot.songs, held.songs), "logs": (snapshot.days, held.days)}
    return [
        name
        for name, (there, known) in halves.items()
        if not there and any(digest != NOTHING for digest in known.values())
    ]


def all_gone(half: str, lake: Lake) -> str:
    """What to say of a half of the lake that is empty though it was loaded."""
    setting, store = {
        "songs": ("SONG_DATA", lake.songs),
        "logs": ("LOG_DATA", lake.logs),
    }[half]
    return (
        f"{store.location} holds nothing any more, and was loaded before. Is [S3] {setting} right?"
    )


def _without_day(found: Sequence[Unroutable]) -> Iterator[str]:
    """What to say of log objects that belong to no day."""
    for item in found[:_NAMED]:
        yield f"not loaded: {cited(item.key)}: {item.reason}"
    if len(found) > _NAMED:
        more = len(found) - _NAMED
        yield f"and {more:,} more; `sparkify status --json` lists them all"
