"""`sparkify diff`: what this checkout does to the numbers, before anybody else sees it.

What belongs here: building an environment, holding it against production, and showing what differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from sparkify_dagster.cli.console import grid, near, print_json, say, show, title
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core import local_files
from sparkify_dagster.factory import limits_of, open_lake, open_warehouse
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.diff import Diff, compare
from sparkify_dagster.pipeline.events import Ended, FailedPart
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.plan import Request
from sparkify_dagster.report import diff_page
from sparkify_dagster.settings import DaysSettings, Settings
from sparkify_dagster.warehouse import environments
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster.warehouse.ledger import utc_now

COMMENT = ".md"
"""Ends the name of a file that is written as a comment to post."""
_OWN = "diff"
"""The environment that is made where none is named, and dropped again."""
_SAMPLE = "__days"
"""Ends the name of one for a sample of days, dropped as well. No name that is typed has two _."""


def run_diff(
    settings: Settings, days: DayRange | None, outputs: Sequence[Path], *, as_json: bool
) -> bool:
    """Builds star and marts in an environment, and says what differs.

    Returns:
        Whether anything does, or nothing of the days could be compared.

    Raises:
        WarehouseError: Production holds nothing, or the environment could not be loaded.
        OutputError: The page cannot be written.
    """
    settings, keep = _chosen(settings, days)
    production = open_warehouse(settings.production or settings)
    with watching(), _environment(settings, production, days, keep=keep) as warehouse:
        failed = _build(settings, warehouse, days)
        published = production.read_only(lambda session: session.tables())
        diff = warehouse.read_only(
            lambda session: compare(session, warehouse.production, published, days, failed)
        )
    scope = f"{_scope(days)}, {near(environments.place(production))}"
    for output in outputs:
        with local_files.output(output, force=True) as beside:
            beside.write_bytes(_written(diff, scope, output).encode())
    if as_json:
        told = [asdict(table) | {"is_same": table.is_same} for table in diff.tables]
        said = {
            "scope": scope,
            "verdict": diff_page.verdict(diff),
            "causes": diff_page.causes(diff),
        }
        print_json(said | {"tables": told})
    else:
        _show(diff, scope)
        for output in outputs:
            say(f"Wrote {near(output)}.")
    return diff.is_blank or not diff.is_same


def _chosen(settings: Settings, days: DayRange | None) -> tuple[Settings, bool]:
    """The settings of the environment, and whether it stays afterwards."""
    production, name = settings.production or settings, settings.warehouse.environment
    if days:
        return production.in_environment(f"{name or _OWN}{_SAMPLE}"), False
    return (settings, True) if name else (production.in_environment(_OWN), False)


@contextmanager
def _environment(
    settings: Settings, production: Warehouse, days: DayRange | None, *, keep: bool
) -> Iterator[Warehouse]:
    """The environment; made where it is not there, and dropped where it is for this alone."""
    warehouse = open_warehouse(settings, makes=True)
    is_new = environments.create(warehouse, production, days)
    if days and not is_new:  # Somebody was stopped here, and it may show other days.
        environments.drop(warehouse)
        is_new = environments.create(warehouse, production, days)
    try:
        yield warehouse
    finally:
        if is_new and not keep:
            environments.drop(warehouse)


def _build(settings: Settings, warehouse: Warehouse, days: DayRange | None) -> Sequence[FailedPart]:
    """Loads the environment, by this code; gives the parts of the lake that could not be.

    Raises:
        WarehouseError: Star and marts could not be built.
    """
    if days:
        only = DaysSettings(first=days.first, last=days.last)
        settings = settings.model_copy(update={"days": only})
    limits = limits_of(settings.load, settings.sensor.attempts)
    (ended,) = (
        event
        for event in load(Request(), warehouse, open_lake(settings), limits, "diff")
        if isinstance(event, Ended)
    )
    if ended.failed and not {table.name for table in (*STAR, *MARTS)} <= ended.up_to_date:
        why = ended.failed[-1].reason
        raise WarehouseError(f"The environment could not be loaded: {why}")
    return ended.failed


def _written(diff: Diff, scope: str, output: Path) -> str:
    if output.suffix.lower() == COMMENT:
        return diff_page.comment(diff, scope)
    return diff_page.render(diff, scope, utc_now())


def _scope(days: DayRange | None) -> str:
    return f"plays of {days.first} to {days.last}" if days else "all rows"


def _show(diff: Diff, scope: str) -> None:
    table = grid(*diff_page.HEADS, right=diff_page.HEADS[1:6])
    for row in diff_page.rows(diff.tables):
        table.add_row(*row)
    show(table)
    for each in diff.tables:
        if not each.is_same:
            title(each.name)
            for line in diff_page.lines(each):
                say(line)
            for name, here, there in diff_page.totals(each):
                say(f"total {name}: {here} here, {there} published")
            for kind, key, here, there in diff_page.examples(each):
                say(f"{kind}: {key}" + (f": {here} here, {there} published" if here else ""))
    say()
    for cause in diff_page.causes(diff):
        say(cause)
    say(f"{diff_page.verdict(diff)} ({scope})")
