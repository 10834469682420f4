"""What a load would do: `sparkify plan`, and `sparkify etl --dry-run`.

What belongs here: asking the warehouse what a plan needs besides, and putting it into words. What
is done to which table is decided in `pipeline.table_plan`, what is pending in `pipeline.plan`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from sparkify_dagster.cli.console import folded, grid, say, show, size
from sparkify_dagster.core.text import count
from sparkify_dagster.lake.changes import (
    NOTHING,
    ObjectChanges,
    Part,
    object_changes,
)
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.plan import Loaded, Pending
from sparkify_dagster.pipeline.table_plan import IN_WORDS, TablePlan, Why, table_plans, why_loaded
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.dependents import rights_on, views_on
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.ledger import LoadedObject
from sparkify_dagster.warehouse.standing import Load

SOMETHING, DESTROYS = 2, 3
"""Exit codes of `plan --exit-code`."""
_NUMBERS = "rows now", "MB, about"
_FEW = 5
"""Tables that are named where something is said of several."""
_OF_DAYS = "objects", "size", "rows now"
_DAYS_GO: Mapping[Why, str] = {
    "gone": "that the lake no longer has",
    "left out": "that [DAYS] leaves out; they come back with the setting",
}


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A log day that would be loaded.

    Attributes:
        why: See `table_plan.Why`.
        bytes: Of the objects, as stored in the lake.
        rows: That the warehouse has of it now.
    """

    day: str
    why: Why
    objects: int
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load would do.

    Attributes:
        songs_to_read: Song objects to read; `song_bytes` is their size in the lake.
        songs_gone: Song objects whose rows would go.
        star: Star and marts would be published.
        tables: What would be done to each table.
        destroys: What would be gone and come back from nowhere, in words.
    """

    songs_to_read: int
    song_bytes: int
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
        return why_loaded(part, table, snapshot, held, change, again=everything)

    of_songs = [(part, changed(part)) for part in todo.songs]
    songs = [cause(STAGING_SONGS, *each) for each in of_songs]
    days = [cause(STAGING_EVENTS, part, changed(part)) for part in todo.days]
    loads = held.now.parts(STAGING_EVENTS.name)
    planned = [
        DayPlan(part.name, why, len(part.objects), part.size, _rows(loads.get(part.name)))
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
    read = [part.objects for part in todo.songs] if whole else [c.read for c in changes]
    gone = sum(len(change.gone) for change in changes)
    return Plan(
        sum(map(len, read)),
        sum(objects.bytes for objects in read),
        gone,
        planned,
        bool(todo.songs or todo.days or todo.star),
        _with_dependents(warehouse, tables) if held.there else tables,
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


def _rows(load: Load | None) -> int:
    return load.row_count if load else 0


def _with_dependents(warehouse: Warehouse, tables: Sequence[TablePlan]) -> list[TablePlan]:
    """With what tables take, and what hangs on those that are altered."""
    if all(table.is_kept for table in tables):
        return [*tables]
    touched = [table.table for table in tables if table.is_altered]
    views, rights = warehouse.read_only(
        lambda session: (views_on(session, touched), rights_on(session, touched))
    )
    sizes = warehouse.sizes()
    return [
        replace(
            table,
            megabytes=sizes[name].megabytes if name in sizes else None,
            views=tuple(views.get(name, ())),
            rights=tuple(rights.get(name, ())),
        )
        for table in tables
        for name in (table.table,)
    ]


def _destroyed(
    tables: Iterable[TablePlan], days: Sequence[DayPlan], songs_gone: int, *, forget: bool
) -> Iterator[str]:
    for table in tables:
        yield from (f"column {name}" for name in table.destroys)
    for why, words in _DAYS_GO.items():
        if lost := [day for day in days if day.why == why]:
            rows = sum(day.rows for day in lost)
            yield f"{count(rows, 'row')} of {count(len(lost), 'log day')} {words}"
    if songs_gone:
        yield f"the rows of {count(songs_gone, 'song object')} that the lake no longer has"
    if forget:
        yield "the rows of people who are to be forgotten"


def show_plan(plan: Plan) -> None:
    """Prints what a load would do."""
    say("Nothing is loaded by this. A load would:")
    if plan.songs_to_read or plan.songs_gone:
        gone = f", drop the rows of {plan.songs_gone:,} that are gone" if plan.songs_gone else ""
        songs = count(plan.songs_to_read, "song object")
        say(f"  read {songs}, {size(plan.song_bytes)}{gone}")
    if loaded := [day for day in plan.days if day.objects]:
        objects = count(sum(day.objects for day in loaded), "object")
        size_of_all = size(sum(day.bytes for day in loaded))
        say(f"  load {count(len(loaded), 'log day')}: {objects}, {size_of_all}")
    if left := len(plan.days) - len(loaded):
        say(f"  take out {count(left, 'log day')}")
    if plan.star:
        say("  bring star and marts up to date")
    say()
    _show_tables(plan.tables)
    show_idle(plan)
    for what in plan.destroys:
        say(f"Would be gone: {what}.", "red")
    if plan.days:
        say()
        _show_days(plan.days)


def show_idle(plan: Plan) -> None:
    """Prints which checks and settings have changed and lead to nothing."""
    led = {cause for table in plan.tables for cause in table.causes}
    for what, names in _by_text((t.table, set(t.idle) - led) for t in plan.tables).items():
        say(f"Changes nothing that is loaded: {what} ({', '.join(names)}).")


def _show_tables(tables: Sequence[TablePlan]) -> None:
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[TablePlan]] = {}
    for table in tables:
        if not table.is_kept:
            alike.setdefault((table.actions, table.causes), []).append(table)
    drawn = grid("tables", "would be", "why", *_NUMBERS, right=_NUMBERS)
    for (actions, causes), those in alike.items():
        drawn.add_row(
            folded(t.table for t in those),
            ", ".join(actions),
            "\n".join(folded([cause]) for cause in causes),
            _sum(t.rows for t in those),
            _sum(t.megabytes for t in those),
        )
    show(drawn)
    if any(t.rows for t in tables) and not any(t.megabytes for t in tables):
        say("What tables take is not told: on Redshift, it takes SELECT on svv_table_info.")
    if kept := sum(table.is_kept for table in tables):
        say(f"{count(kept, 'other table stays as it is', 'other tables stay as they are')}.")
    say()
    for seen, names in _by_text((t.table, t.readers) for t in tables).items():
        say(f"Meanwhile readers see of {_named(names)}: {seen}.")
    views = _by_text((t.table, t.views) for t in tables)
    if told := ", ".join(f"{view} ({_named(names)})" for view, names in views.items()):
        say(f"Views that read what is altered, and stay: {told}.")
    for right, names in _by_text((t.table, t.rights) for t in tables).items():
        say(f"Stays given: {right} on {_named(names)}.")


def _named(tables: Sequence[str]) -> str:
    return ", ".join(tables) if len(tables) <= _FEW else f"{len(tables)} tables, {tables[0]} first"


def _sum(numbers: Iterable[int | None]) -> str:
    known = [number for number in numbers if number is not None]
    return f"{sum(known):,}" if known else ""


def _by_text(told: Iterable[tuple[str, Iterable[str]]]) -> dict[str, list[str]]:
    """What is said of several tables, each with their names."""
    found: dict[str, list[str]] = {}
    for name, texts in told:
        for text in texts:
            found.setdefault(text, []).append(name)
    return found


def _show_days(days: Sequence[DayPlan]) -> None:
    """A row for days in a row that are loaded for the same reason."""

    def together(item: tuple[int, DayPlan]) -> tuple[Why, int]:
        number, day = item
        return day.why, date.fromisoformat(day.day).toordinal() - number

    table = grid("log days", "why", *_OF_DAYS, right=_OF_DAYS)
    for (why, _), numbered in groupby(enumerate(days), together):
        those = [day for _, day in numbered]
        first, last = those[0].day, those[-1].day
        table.add_row(
            first if first == last else f"{first} to {last} ({len(those):,})",
            IN_WORDS[why],
            f"{sum(day.objects for day in those):,}",
            size(sum(day.bytes for day in those)),
            f"{sum(day.rows for day in those):,}",
        )
    show(table)
