"""What must be loaded for the warehouse to hold what the lake holds.

Two looks, one at each, and a comparison of digests. What belongs here: putting the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sparkify_dagster.lake.changes import NOTHING, Part, changed_parts, empty_part, with_links
from sparkify_dagster.lake.objects import Aside, DayRange
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.model.catalog import STAGING
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.pipeline.star import is_behind
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.ledger import Failure

Hidden = Mapping[str, Mapping[str, set[str]]]
_CLOCKS_DIFFER = timedelta(hours=1)
"""By so much the clocks of those who load may differ."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the ledger says is loaded: digest of each part as last published.

    Attributes:
        star_behind: The star has not taken in all of staging, or its model changed.
        failed_songs: Parts whose last load failed, with how often; `failed_days` likewise.
        latest_day: The latest log day that was ever published; blank: none was.
        newest: When the newest entry was made, UTC, by the clock of who made it.
        hidden: By table, the parts with objects from below links that are not followed, and these.
    """

    songs: dict[str, str]
    days: dict[str, str]
    star_behind: bool
    failed_songs: dict[str, Failure] = field(default_factory=dict)
    failed_days: dict[str, Failure] = field(default_factory=dict)
    latest_day: str = ""
    newest: datetime | None = None
    hidden: Hidden = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was ever loaded."""
        return not (self.songs or self.days)


@dataclass(frozen=True, slots=True)
class Pending:
    """What is to be done.

    Attributes:
        songs: Parts of the catalogue to load.
        days: Log days to load.
        star: The star must be published even if nothing is loaded.
        given_up: Parts that differ and have failed too often to be tried again by themselves.
    """

    songs: list[Part]
    days: list[Part]
    star: bool
    given_up: list[Part] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Whether the warehouse holds what the lake holds."""
        return not (self.songs or self.days or self.star)


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


NEVER_LOADED = Loaded({}, {}, star_behind=False)


def held_against(snapshot: Snapshot, warehouse: Warehouse) -> tuple[Snapshot, Loaded]:
    """What the ledger says, and the lake with all days that it knows, whatever the clock says.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    held = loaded(warehouse, snapshot.aside)
    return with_hidden(snapshot.reaching(held.latest_day), held.hidden), held


def loaded(warehouse: Warehouse, aside: Mapping[str, Aside] | None = None) -> Loaded:
    """A short look at the ledger.

    Args:
        aside: What the lake shows and nobody reads, by staging table.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    try:
        return warehouse.look(lambda session: _loaded(session, aside or {}))
    except WarehouseMissing:
        return NEVER_LOADED


def _loaded(session: Session, aside: Mapping[str, Aside]) -> Loaded:
    ledger.is_ready(session)
    digests = {table.name: ledger.loaded_digests(session, table.name) for table in STAGING}
    behind = ledger.staging_position(session) > 0 and is_behind(session)
    failed = {table.name: ledger.failures(session, table.name) for table in STAGING}
    return Loaded(
        digests[STAGING_SONGS.name],
        digests[STAGING_EVENTS.name],
        behind,
        failed[STAGING_SONGS.name],
        failed[STAGING_EVENTS.name],
        *ledger.horizon(session),
        hidden_parts(session, aside),
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


def clock_problem(now: datetime, newest: datetime | None) -> str:
    """What to say of a clock that is behind the newest entry of the history; blank: nothing."""
    if newest is None or newest - now <= _CLOCKS_DIFFER:
        return ""
    return (
        f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, and load_history has a load of "
        f"{newest:%Y-%m-%d %H:%M} UTC: one of the two is wrong. Set the clock right; what is "
        "published stays."
    )


def pending(
    snapshot: Snapshot,
    held: Loaded,
    *,
    everything: bool = False,
    days: DayRange | None = None,
    attempts: int | None = None,
) -> Pending:
    """What differs between the lake and the warehouse.

    Args:
        everything: Take all parts, changed or not, and rebuild the star.
        days: Load only log days of this range, and no songs.
        attempts: Leave out what has failed so often as it is now; None: try all of it.
    """
    known_songs = dict.fromkeys(held.songs, "") if everything else held.songs
    known_days = dict.fromkeys(held.days, "") if everything else held.days
    songs = changed_parts(snapshot.songs, known_songs)
    changed_days = changed_parts(snapshot.days, known_days)
    if days is not None:
        songs = []
        changed_days = [p for p in changed_days if date.fromisoformat(p.name) in days]
    star = held.star_behind or everything
    over: list[Part] = []
    if attempts is not None:
        songs, over = _tried_less(songs, held.failed_songs, attempts)
        changed_days, over_days = _tried_less(changed_days, held.failed_days, attempts)
        over = [*over, *over_days]
    return Pending(songs, changed_days, star, over)


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


def _tried_less(
    parts: list[Part], failures: Mapping[str, Failure], attempts: int
) -> tuple[list[Part], list[Part]]:
    """The parts that may be tried, and those that have failed too often as they are now."""

    def is_over(part: Part) -> bool:
        failure = failures.get(part.name)
        return (
            failure is not None and failure.digest == part.digest and (failure.attempts >= attempts)
        )

    return [p for p in parts if not is_over(p)], [p for p in parts if is_over(p)]


def asked_days(snapshot: Snapshot, names: list[str]) -> list[Part]:
    """The named log days as the lake holds them, changed or not, empty or not."""
    return [snapshot.days.get(name) or empty_part(name) for name in names]


def asked_songs(snapshot: Snapshot, held: Loaded) -> list[Part]:
    """All parts of the catalogue, those that vanished included."""
    return changed_parts(snapshot.songs, dict.fromkeys(held.songs, ""))
