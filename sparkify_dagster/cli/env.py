"""`sparkify env`: making, listing and dropping environments.

What belongs here: asking and showing. What an environment is, `warehouse.environments` knows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from sparkify_dagster.cli.arguments import confirm
from sparkify_dagster.cli.console import grid, near, offer, print_json, say, show, size, warn
from sparkify_dagster.cli.home import home_for
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import count, printable
from sparkify_dagster.defs.liveness.locks import FOLDER, runs_with
from sparkify_dagster.factory import open_lake, open_warehouse
from sparkify_dagster.pipeline.environment import foreseen
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse import environments
from sparkify_dagster.warehouse.engine import (
    Warehouse,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
)
from sparkify_dagster.warehouse.environments import Environment
from sparkify_dagster.warehouse.ledger import utc_now

_OLD = 30
"""Days without use after which an environment is offered for removal."""
_LOOKS_FOR = 1.0
"""Seconds to wait for an environment that is held, when all are looked at."""


def run_create(settings: Settings) -> None:
    """Makes an environment; says so, too, if it is there already."""
    production = settings.production or settings
    warehouse, name = open_warehouse(settings, makes=True), settings.warehouse.environment
    _warn_of_room(settings, production)
    with watching():
        is_new = environments.create(warehouse, open_warehouse(production))
    where = near(environments.place(warehouse))
    say(f"{'Made environment' if is_new else 'There is already an environment'} {name}: {where}.")
    if is_new:
        with watching():
            shares, *_ = foreseen(open_lake(settings).snapshot(), warehouse)
        own = "This code reads the lake otherwise, so it will make a staging of its own"
        staging = "It reads production's staging" if shares else own
        say(f"{staging}; nothing in production was changed.")
        offer(f"Make its star and marts with `sparkify --env {name} etl`.")


def run_list(settings: Settings, *, as_json: bool) -> None:
    """Names all environments; what cannot be looked at is said in its place."""
    now = utc_now()
    told: list[tuple[Any, ...]] = []
    for name, warehouse, found in _all(settings):
        where = near(environments.place(warehouse))
        if isinstance(found, Environment):
            days = (now - found.used_at).days
            staging = "production's" if found.shares_staging else "its own"
            told.append((name, staging, found.made_at, found.used_at, days, where))
        else:
            told.append((name, found, None, None, None, where))
    columns = "name", "staging", "made_at", "used_at", "unused_days", "where"
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in told])
        return
    if not told:
        offer("There is no environment. Make one with `sparkify env create NAME`.")
        return
    table = grid("name", "staging", "made (UTC)", "last used (UTC)", "where")
    for name, staging, made, used, _, where in told:
        times = (f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in (made, used))
        table.add_row(name, printable(staging), *times, where)
    show(table)
    if old := [row[0] for row in told if (row[4] or 0) >= _OLD]:
        say(f"Not used for {_OLD} days or more: {', '.join(old)}.")
        offer(f"Drop them with `sparkify env drop --unused {_OLD}`.")


def run_drop(settings: Settings, name: str, unused: int | None, *, yes: bool) -> None:
    """Drops one environment, or those not used for so many days."""
    production = settings.production or settings
    chosen = [(settings.warehouse.environment, open_warehouse(settings))]
    if not name:
        before = utc_now() - timedelta(days=unused or 0)
        chosen = [
            (each, warehouse)
            for each, warehouse, found in _all(settings)
            if isinstance(found, Environment) and found.used_at <= before
        ]
    if not chosen:
        say(f"No environment was unused for {count(unused or 0, 'day')}.")
        return
    if not yes:
        names = ", ".join(name for name, _ in chosen)
        question = f"Drop environment {names}?"
        confirm(question, "add --yes to drop it.", "Nothing was dropped.", "'drop'")
    for name, _ in chosen:
        _require_unused(production.in_environment(name))
    for name, warehouse in chosen:
        with watching():
            environments.drop(warehouse)
        inside = production.in_environment(name)
        with suppress(OSError):
            inside.report.path.unlink()
        if history := home_for(inside):
            shutil.rmtree(history, ignore_errors=True)
        say(f"Dropped environment {name}: {near(environments.place(warehouse))}.")


def _require_unused(inside: Settings) -> None:
    """Sees to it that no run of this machine is at work in an environment.

    Raises:
        WarehouseBusy: One is.
    """
    home = home_for(inside)
    if home and (runs := runs_with("held", home / FOLDER)):
        raise WarehouseBusy(
            f"environment {inside.warehouse.environment} is in use: run {runs[0]} loads it. "
            "Nothing was dropped; wait for it or end it, then try again."
        )


def _all(settings: Settings) -> Iterator[tuple[str, Warehouse, Environment | str]]:
    """Every environment with what it tells of itself, or why it does not."""
    production = settings.production or settings
    for name in environments.names_of(open_warehouse(production)):
        warehouse = open_warehouse(production.in_environment(name), lock_wait=_LOOKS_FOR)
        try:
            yield name, warehouse, environments.look(warehouse)
        except WarehouseMissing:
            continue  # A file of somebody's that is called so.
        except WarehouseError as error:
            yield name, warehouse, str(error)


def _warn_of_room(settings: Settings, production: Settings) -> None:
    """Warns where a second copy of production's file would not fit beside it.

    What star and marts of other code take nobody knows; on Redshift storage is not the machine's.
    """
    if settings.engine == "redshift" or not production.duckdb.path.exists():
        return
    held = production.duckdb.path.stat().st_size
    free = shutil.disk_usage(Path(production.duckdb.path).parent).free
    if free < held:
        warn(
            f"{size(free)} are free beside {near(production.duckdb.path)}, which holds "
            f"{size(held)}: star and marts of the environment may not fit. A load that finds no "
            "room publishes nothing."
        )
