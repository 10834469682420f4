"""`sparkify retry`: one log day, or the song catalogue, loaded now, however often it has failed.

What belongs here: saying whether there is anything to try. The load is `etl`'s.
"""

from __future__ import annotations

from sparkify_dagster.cli.console import say
from sparkify_dagster.cli.etl import run_etl
from sparkify_dagster.cli.failed import CATALOGUE, FailedParts, failed_parts, named
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session


def run_retry(settings: Settings, day: str | None, *, as_json: bool) -> int:
    """Loads what failed: one day, or without one all there is; gives the exit code."""
    days, unneeded = None, ""
    if day is not None:
        days = DayRange.parse(day, day)
        unneeded = (
            f"{day} has not failed, and the warehouse holds what the lake holds of it. "
            f"To load it again all the same: `sparkify etl --full --days {day}`."
        )
    elif not as_json:
        _say_what(settings)
    return run_etl(
        settings, full=False, dry_run=False, days=days, as_json=as_json, unneeded=unneeded
    )


def _failed(session: Session) -> FailedParts:
    ledger.ready_tables(session)
    return failed_parts(session)


def _say_what(settings: Settings) -> None:
    failed = open_warehouse(settings).read_only(_failed)
    told = [f"the {CATALOGUE}"] * failed.songs + ([named(failed.days)] if failed.days else [])
    say(f"Failed before: {' and '.join(told)}." if told else "Nothing failed before.")
