"""What a load would do: `sparkify plan`, and `sparkify etl --dry-run`.

What belongs here: asking the warehouse what a plan needs besides, and putting it into words. What
is done to which table is decided in `pipeline.table_plan`, what is pending in `pipeline.plan`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sparkify_dagster.cli.console import grid, say, show, size
from sparkify_dagster.core.text import count
from sparkify_dagster.lake.changes import (
    NOTHING,
    ObjectChanges,
    Part,
    object_changes,
    objects_in,
)
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.plan import Loaded, Pending
from sparkify_dagster.pipeline.table_plan import TablePlan, Why, table_plans, why_loaded
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.evolving import views_on
from sparkify_dagster.warehouse.ledger import LoadedObject

SOMETHING, DESTROYS = 2, 3
"""Exit codes of `plan --exit-code`."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A log day that would be loaded.

    Attributes:
        why: See `table_plan.Why`.
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
        tables: What would be done to each table.
        destroys: What would be gone and come back from nowhere, in words.
    """

    songs_to_read: int
    songs_gone: int
    days: list[DayPlan]
    star: bool
    tables: list[TablePlan]
    destroys: list[str]

    @property
    def exit_code(self) -> int:
        """For a CI: whether something would be done, and whether it would destroy something."""
        if self.destroys:
            return DESTROYS
        return SOMETHING if self.star or any(not table.is_kept for table in self.tables) else 0


def make_plan(
    warehouse: Warehouse, snapshot: Snapshot, held: Loaded, todo: Pending, *, everything: bool
) -> Plan:
    """Says what a load would do.

    Raises:
        WarehouseError: The warehouse cannot be opened, or the load would refuse to write.
    """
    held.now.require_older()
    objects: dict[str, dict[str, LoadedObject]] = {}
    if held.there and not todo.is_nothing:
        with suppress(WarehouseMissing):
            objects = warehouse.read_only(lambda session: _known(session, todo))

    def changed(part: Part) -> ObjectChanges | None:
        known = {key: (o.size, o.token) for key, o in objects.get(part.name, {}).items()}
        return object_changes(part.objects, known) if known else None

    def cause(table: Table, part: Part, change: ObjectChanges | None) -> Why:
        return why_loaded(part, table, held, change, again=everything)

    of_songs = [(part, changed(part)) for part in todo.songs]
    songs = [cause(STAGING_SONGS, *each) for each in of_songs]
    days = [cause(STAGING_EVENTS, part, changed(part)) for part in todo.days]
    planned = [
        DayPlan(part.name, why, len(part.objects), part.size)
        for part, why in zip(todo.days, days, strict=True)
        if part.objects or held.days.get(part.name) != NOTHING  # Gone, and loaded as gone.
    ]
    of_tables = {
        STAGING_SONGS.name: Counter(songs),
        STAGING_EVENTS.name: Counter(p.why for p in planned),
    }
    tables = table_plans(snapshot, held, todo, of_tables, rebuild=everything)
    changes = [change or ObjectChanges(part.objects) for part, change in of_songs]
    whole = everything or {"model", "reader"}.intersection(songs)
    gone = sum(len(change.gone) for change in changes)
    return Plan(
        objects_in(todo.songs) if whole else sum(len(change.read) for change in changes),
        gone,
        planned,
        bool(todo.songs or todo.days or todo.star),
        _with_views(warehouse, tables) if held.there else tables,
        list(_destroyed(tables, planned, gone, forget=todo.forget)),
    )


def _known(session: Session, todo: Pending) -> dict[str, dict[str, LoadedObject]]:
    """What was loaded of the parts that differ, by part."""
    ledger.ready_tables(session)
    known: dict[str, dict[str, LoadedObject]] = {}
    for table, parts in ((STAGING_SONGS, todo.songs), (STAGING_EVENTS, todo.days)):
        names = [part.name for part in parts]
        for key, item in ledger.loaded_objects(session, table.name, names).items():
            known.setdefault(item.part, {})[key] = item
    return known


def _with_views(warehouse: Warehouse, tables: Sequence[TablePlan]) -> list[TablePlan]:
    """With the views that read altered tables."""
    touched = [t.table for t in tables if "altered" in t.actions]
    views = warehouse.read_only(lambda session: views_on(session, touched)) if touched else {}
    return [replace(t, views=tuple(views.get(t.table, ()))) for t in tables]


def _destroyed(
    tables: Iterable[TablePlan], days: Iterable[DayPlan], songs_gone: int, *, forget: bool
) -> Iterable[str]:
    for table in tables:
        yield from (f"column {name}" for name in table.destroys)
    if gone := [day.day for day in days if day.why == "gone"]:
        yield f"the rows of {count(len(gone), 'log day')} that the lake no longer has"
    if songs_gone:
        yield f"the rows of {count(songs_gone, 'song object')} that the lake no longer has"
    if forget:
        yield "the rows of people who are to be forgotten"


def show_plan(plan: Plan) -> None:
    """Prints what a load would do."""
    say("Nothing is loaded by this. A load would:")
    if plan.songs_to_read or plan.songs_gone:
        gone = f", drop the rows of {plan.songs_gone:,} that are gone" if plan.songs_gone else ""
        say(f"  read {count(plan.songs_to_read, 'song object')}{gone}")
    if plan.days:
        objects = count(sum(day.objects for day in plan.days), "object")
        size_of_all = size(sum(day.bytes for day in plan.days))
        say(f"  load {count(len(plan.days), 'log day')}: {objects}, {size_of_all}")
    if plan.star:
        say("  bring star and marts up to date")
    say()
    _show_tables(plan.tables)
    for what in plan.destroys:
        say(f"Gone for good: {what}.")
    if plan.days:
        say()
        _show_days(plan.days)


def _show_tables(tables: Sequence[TablePlan]) -> None:
    alike: dict[tuple[str, str, str], list[TablePlan]] = {}
    for table in tables:
        if not table.is_kept:
            seen = "; ".join([*table.readers, *(f"view {view} reads it" for view in table.views)])
            told = ", ".join(table.actions), "; ".join(table.causes), seen
            alike.setdefault(told, []).append(table)
    drawn = grid(
        "would be", "why", "rows now", "readers see meanwhile", "tables", right=["rows now"]
    )
    for (done, why, seen), those in alike.items():
        rows = sum(table.rows for table in those)
        drawn.add_row(done, why, f"{rows:,}", seen, ", ".join(t.table for t in those))
    show(drawn)
    if kept := sum(table.is_kept for table in tables):
        say(f"{count(kept, 'other table stays as it is', 'other tables stay as they are')}.")


def _show_days(days: Iterable[DayPlan]) -> None:
    table = grid("log day", "why", "objects", "size", right=("objects", "size"))
    for day in days:
        table.add_row(day.day, day.why, f"{day.objects:,}", size(day.bytes))
    show(table)
