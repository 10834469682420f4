"""`sparkify etl`: find out what changed, run the load if anything did, say what it did.

What belongs here: the order of these steps and their exit codes. Comparing is `pipeline.plan`'s
work, loading is `launch`'s, which is imported only when there is something to load.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import typer

from sparkify_dagster.cli.console import near, offer, print_json, warn
from sparkify_dagster.cli.errors import FAILED
from sparkify_dagster.cli.home import end_lost_runs, home_for
from sparkify_dagster.cli.outcome import outcome_json, show_outcome
from sparkify_dagster.cli.plan import Plan, make_plan, show_idle, show_plan
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.progress import report
from sparkify_dagster.core.text import count
from sparkify_dagster.factory import covered, open_lake, open_warehouse
from sparkify_dagster.lake.changes import objects_in
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.objects import DayRange, Unroutable
from sparkify_dagster.lake.snapshot import SETTINGS, Snapshot
from sparkify_dagster.pipeline.environment import foreseen, of_star
from sparkify_dagster.pipeline.plan import (
    Loaded,
    Pending,
    Request,
    What,
    all_gone,
    clock_problem,
    pending,
    vanished,
)
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Warehouse

if TYPE_CHECKING:
    from sparkify_dagster.defs.instance import Loader, LoadResult

_WARNS_ABOUT = 5
_LOOKING = "looking at the lake"
_STOPPED = "What was published stays, nothing is half-written; run it again to go on."


@dataclass(frozen=True, slots=True)
class Comparison:
    """The lake held against the warehouse."""

    warehouse: Warehouse
    snapshot: Snapshot
    todo: Pending
    held: Loaded


def run_plan(
    settings: Settings, *, full: bool, days: DayRange | None, exit_code: bool, as_json: bool
) -> int:
    """Says what `run_etl` would do, without doing it; gives the exit code.

    Args:
        exit_code: That it tells whether there is something to do, and something to lose.
    """
    found = _looked(settings, full=full, days=days)
    plan = _planned(found, full=full)
    if as_json:
        print_json(_as_json(found, plan, None, dry_run=True))
    elif found.todo.is_nothing:
        offer(nothing_changed(found, days))
        show_idle(plan)
    else:
        show_plan(plan)
    return plan.exit_code if exit_code else 0


def run_etl(
    settings: Settings,
    *,
    full: bool,
    dry_run: bool,
    days: DayRange | None,
    as_json: bool,
    unneeded: str = "",
) -> int:
    """Does what `sparkify etl` promises and gives its exit code.

    Args:
        unneeded: What to say instead, when there is nothing to do.
    """
    if dry_run:
        return run_plan(settings, full=full, days=days, exit_code=False, as_json=as_json)
    end_lost_runs()
    found = _looked(settings, full=full, days=days)
    found.held.now.require_older()
    # Made before the load: afterwards there is nothing left to plan.
    plan = _planned(found, full=full) if as_json else None
    result = None if found.todo.is_nothing else load(settings, full=full, days=days)
    if plan is not None:
        print_json(_as_json(found, plan, result, dry_run=False))
    elif result is not None:
        show_outcome(result, found.warehouse, days)
    else:
        offer(unneeded or nothing_changed(found, days))
    return 0 if result is None or result.success else FAILED


def _looked(settings: Settings, *, full: bool, days: DayRange | None) -> Comparison:
    found = compare(settings, full=full, days=days)
    warn_unread(found.snapshot)
    if found.todo.is_nothing and days is not None:
        _refuse_uncovered(settings, found.held.latest_day, days)
    return found


def _planned(found: Comparison, *, full: bool) -> Plan:
    return make_plan(found.warehouse, found.snapshot, found.held, found.todo, everything=full)


def compare(settings: Settings, *, full: bool = False, days: DayRange | None = None) -> Comparison:
    """Looks at the lake and at the ledger; opens no object and imports no Dagster.

    Raises:
        LakeError: The lake cannot be used, or is empty and nothing was ever loaded.
        WarehouseError: The warehouse cannot be opened.
    """
    lake, warehouse = open_lake(settings), open_warehouse(settings)
    with watching():
        report(_LOOKING)
        seen = lake.snapshot()
        borrows, snapshot, held = foreseen(seen, warehouse)
    if said := clock_problem(ledger.utc_now(), held.newest):
        warn(said)
    if snapshot.is_empty and held.is_nothing:
        warn_unroutable(snapshot.unroutable)
        raise LakeError(snapshot.emptiness)
    for half in vanished(snapshot, held):
        warn(f"{all_gone(half, lake)} A load takes its rows out.")
    todo = pending(snapshot, held, Request("everything" if full else "changes", days))
    todo = of_star(todo) if borrows else todo
    return Comparison(warehouse, snapshot, todo, held)


def load(
    settings: Settings,
    *,
    full: bool = False,
    due: bool = False,
    days: DayRange | None = None,
    loader: Loader | None = None,
) -> LoadResult:
    """Runs the load under the eyes of whoever watches.

    Args:
        due: Leave out what has failed too often as it is now.
        loader: Runs it, if there is one already.

    Raises:
        KeyboardInterrupt: The person stopped it.
    """
    first = days.first.isoformat() if days else ""
    last = days.last.isoformat() if days and days.last else ""
    try:
        # The run looks at the lake once more; that need not be said again.
        with watching(unsaid=_LOOKING):
            report("starting Dagster")
            from sparkify_dagster.defs.instance import run_load

            run = loader.run if loader else partial(run_load, settings, home=home_for(settings))
            what: What = "everything" if full else "due" if due else "changes"
            result = run(what, first, last)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_STOPPED) from None
    for told in result.lost:
        warn(told)
    if result.interrupted:
        raise KeyboardInterrupt(_STOPPED)
    return result


def warn_unread(snapshot: Snapshot) -> None:
    """Warns about what is in the lake and not loaded."""
    warn_unroutable(snapshot.unroutable)
    for said in snapshot.told:
        warn(said)


def warn_unroutable(found: list[Unroutable]) -> None:
    """Warns about log objects that belong to no day."""
    for item in found[:_WARNS_ABOUT]:
        warn(f"not loaded: {item.key}: {item.reason}")
    if len(found) > _WARNS_ABOUT:
        warn(f"and {len(found) - _WARNS_ABOUT:,} more; `sparkify status --json` lists them all")


def nothing_changed(found: Comparison, days: DayRange | None = None) -> str:
    """What to say when there is nothing to do."""
    where = near(found.warehouse.location)
    if days is not None:
        return f"Nothing changed in {_span(days)}: {where} holds what the lake holds of it."
    songs = objects_in(found.snapshot.songs.values())
    holds = f"{count(songs, 'song object')} and {count(len(found.snapshot.days), 'log day')}"
    return f"Nothing changed: {where} holds what the lake holds, {holds}."


def not_read(snapshot: Snapshot) -> list[dict[str, object]]:
    """What the lake shows and nobody reads, for programs."""
    return [
        {"setting": SETTINGS[table], **aside._asdict()} for table, aside in snapshot.aside.items()
    ]


def _refuse_uncovered(settings: Settings, latest: str, days: DayRange) -> None:
    """A range that holds nothing, now or ever, is a mistake.

    Args:
        latest: The latest day that was ever published.

    Raises:
        typer.BadParameter: It lies outside the days the settings cover.
    """
    kept = covered(settings, latest)
    is_ahead = settings.days.last is None and days.first >= kept.first
    advice = "Ask for others, or change [DAYS] FIRST and LAST."
    if (days.last and days.last < kept.first) or (kept.last and days.first > kept.last):
        raise typer.BadParameter(
            f"{_span(days)} lies outside the log days that are loaded, {_span(kept)}. "
            + ("They load by themselves when they have come." if is_ahead else advice),
            param_hint="'--days'",
        )


def _span(days: DayRange) -> str:
    return str(days.first) if days.first == days.last else f"{days.first}..{days.last}"


def _as_json(
    found: Comparison, plan: Plan, result: LoadResult | None, *, dry_run: bool
) -> dict[str, object]:
    return {
        "changed": not found.todo.is_nothing,
        "dry_run": dry_run,
        "warehouse": found.warehouse.location,
        "plan": asdict(plan),
        "unroutable": [item._asdict() for item in found.snapshot.unroutable],
        "not_read": not_read(found.snapshot),
        **outcome_json(result),
    }
