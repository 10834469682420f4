"""What a load would do: the part of `sparkify etl --dry-run` that is no load.

What belongs here: putting what is pending into words. What is pending is `pipeline.plan`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sparkify_dagster.cli.console import grid, say, show, size
from sparkify_dagster.core.text import count
from sparkify_dagster.lake.changes import NOTHING, Part, object_changes, objects_in
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.pipeline.plan import Pending
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.standing import FAILED, standing

Why = Literal["new", "changed", "gone", "failed before", "again"]


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A log day that would be loaded.

    Attributes:
        why: `gone`: its objects are no longer in the lake, so its rows would go. `again`: it has
            not changed and would be read anew.
    """

    day: str
    why: Why
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load would do.

    Attributes:
        songs_to_read: Song objects to read.
        songs_gone: Song objects whose rows would go.
        star: Star and marts would be published.
    """

    songs_to_read: int
    songs_gone: int
    days: list[DayPlan]
    star: bool


def make_plan(warehouse: Warehouse, todo: Pending, *, everything: bool) -> Plan:
    """Counts what a load would read.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    digests: Mapping[str, str] = {}
    songs: Mapping[str, tuple[int, str]] = {}
    if not todo.is_nothing:
        with suppress(WarehouseMissing):
            digests, songs = warehouse.read_only(lambda session: _loaded(session, todo.songs))
    changes = object_changes((item for part in todo.songs for item in part.objects), songs)
    read = objects_in(todo.songs) if everything else len(changes.read)
    days = [
        DayPlan(part.name, _why(part, digests), len(part.objects), part.size)
        for part in todo.days
        if part.objects or digests.get(part.name) != NOTHING  # Gone, and loaded as gone.
    ]
    return Plan(read, len(changes.gone), days, bool(todo.songs or todo.days or todo.star))


def show_plan(plan: Plan) -> None:
    """Prints what a load would do."""
    say("Nothing is loaded (--dry-run). A load would:")
    if plan.songs_to_read or plan.songs_gone:
        gone = f", drop the rows of {plan.songs_gone:,} that are gone" if plan.songs_gone else ""
        say(f"  read {count(plan.songs_to_read, 'song object')}{gone}")
    if plan.days:
        objects = count(sum(day.objects for day in plan.days), "object")
        size_of_all = size(sum(day.bytes for day in plan.days))
        say(f"  load {count(len(plan.days), 'log day')}: {objects}, {size_of_all}")
    if plan.star:
        say("  bring star and marts up to date")
    if plan.days:
        say()
        _show_days(plan.days)


def _show_days(days: Iterable[DayPlan]) -> None:
    table = grid("log day", "why", "objects", "size", right=("objects", "size"))
    for day in days:
        table.add_row(day.day, day.why, f"{day.objects:,}", size(day.bytes))
    show(table)


def _loaded(
    session: Session, songs: list[Part]
) -> tuple[Mapping[str, str], dict[str, tuple[int, str]]]:
    """The digests of the log days, and size and token of each object of these song parts."""
    ledger.ready_tables(session)
    names = [part.name for part in songs]
    loaded = ledger.loaded_objects(session, STAGING_SONGS.name, names)
    digests = standing(session).digests(STAGING_EVENTS.name)
    return digests, {key: (item.size, item.token) for key, item in loaded.items()}


def _why(part: Part, digests: Mapping[str, str]) -> Why:
    before = digests.get(part.name)
    if before == FAILED:
        return "failed before"
    if not part.objects:
        return "gone"
    if before is None:
        return "new"
    return "again" if before == part.digest else "changed"
