"""What `sparkify doctor` asks of the data: the lake's objects, the tables, what was loaded.

What belongs here: one line per question that every lake and warehouse raises. What only AWS raises
is `doctor_aws`'s.
"""

from __future__ import annotations

import os
from datetime import date

from sparkify_dagster.cli.console import near
from sparkify_dagster.cli.doctor_line import Line
from sparkify_dagster.cli.doctor_machine import existing
from sparkify_dagster.cli.failed import CATALOGUE, FailedParts, failed_parts, named
from sparkify_dagster.core.text import count
from sparkify_dagster.factory import covered, open_lake, open_warehouse
from sparkify_dagster.lake.objects import by_day
from sparkify_dagster.lake.snapshot import left_aside
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.pipeline.plan import clock_problem, loaded
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import (
    Session,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
    anew,
)
from sparkify_dagster.warehouse.schema import difference
from sparkify_dagster.warehouse.standing import standing

_PATIENCE = 1.0


def songs(settings: Settings) -> Line:
    """How many song objects are there, and what is passed over among them."""
    lake = open_lake(settings)
    objects = lake.songs.list_objects()
    told = list(left_aside(STAGING_SONGS.name, objects.aside))
    where = near(lake.songs.location)
    return _listed("songs", where, len(objects), "SONG_DATA", told, objects.aside.others)


def logs(settings: Settings) -> Line:
    """How many log objects would be loaded, and what is passed over among them."""
    lake = open_lake(settings)
    listed = lake.logs.list_objects()
    routed, _ = by_day(listed, lake.days)
    kept = covered(settings, "")
    if any(date.fromisoformat(day) not in kept for day in routed):
        kept = covered(settings, _latest_day(settings))
    objects = sum(len(items) for day, items in routed.items() if date.fromisoformat(day) in kept)
    told = list(left_aside(STAGING_EVENTS.name, listed.aside))
    if lost := len(listed) - objects:
        told.append(f"{count(lost, 'log object')} not loaded: `sparkify status` says why.")
    where = near(lake.logs.location)
    return _listed("logs", where, objects, "LOG_DATA", told, listed.aside.others)


def _latest_day(settings: Settings) -> str:
    """The latest day that was ever published, as far as that can be seen."""
    try:
        return loaded(open_warehouse(settings, lock_wait=_PATIENCE)).latest_day
    except WarehouseError:
        return ""  # Other lines say why.


def _listed(check: str, where: str, objects: int, key: str, told: list[str], others: int) -> Line:
    found = " ".join([f"{count(objects, 'object')} in {where}.", *told]).removesuffix(".")
    if objects:
        return Line(check, "warning" if told else "ok", found)
    step = "rename what is not read, or name its ending in [S3] ENDINGS"
    there = f"set [S3] {key} to where the data lies"
    return Line(check, "warning", found, step if others else there)


def jsonpaths(settings: Settings) -> Line:
    """Whether the JSONPaths document can be read."""
    lake = open_lake(settings)
    fields = lake.paths().fields
    return Line("jsonpaths", "ok", f"{count(len(fields), 'path')} in {near(lake.jsonpaths)}")


def warehouse(settings: Settings) -> Line:
    """Whether the file can be written, if it is there; else whether it could be made."""
    warehouse = open_warehouse(settings, lock_wait=_PATIENCE)
    where = near(warehouse.location)
    if not settings.duckdb.path.exists():
        folder = existing(settings.duckdb.path.parent)
        if os.access(folder, os.W_OK):
            return Line("warehouse", "ok", f"{where}: not there yet; the first load makes it")
        step = "let this account write there, or set [DUCKDB] PATH"
        return Line("warehouse", "failed", f"{near(folder)}: not writable", step)
    try:
        with warehouse.transaction():
            pass
    except WarehouseBusy as error:
        return Line("warehouse", "warning", str(error), "wait for it, or end that process")
    return Line("warehouse", "ok", f"{where}: can be read and written")


def tables(settings: Settings) -> Line:
    """Whether the tables are those of the model."""
    wrong = list[str]()
    try:
        missing, wrong = open_warehouse(settings, lock_wait=_PATIENCE).read_only(_compared)
    except WarehouseMissing:
        missing = list(TABLES)
    except WarehouseBusy:
        return Line("tables", "not looked at", "another process writes", "try again")
    if wrong:
        made = anew(settings.warehouse.environment)
        step = f"`sparkify etl` rebuilds what an older model made; else {made}"
        return Line("tables", "failed", "; ".join(wrong), step)
    if missing:
        return Line("tables", "ok", f"{count(len(missing), 'table')} not there; a load makes them")
    return Line("tables", "ok", f"all {len(TABLES)} are those of the model")


def _compared(session: Session) -> tuple[list[str], list[str]]:
    """The tables of the model that are not there, and what is wrong with others."""
    there = session.tables()
    differences = {
        name: difference(there[name], session.declared(table))
        for name, table in TABLES.items()
        if name in there
    }
    wrong = [f"{name}: {'; '.join(said)}" for name, said in differences.items() if said]
    return [name for name in TABLES if name not in there], wrong


def loads(settings: Settings) -> Line:
    """Whether the last load of every part succeeded."""
    try:
        looked = open_warehouse(settings, lock_wait=_PATIENCE).read_only(_failed)
    except WarehouseMissing:
        return Line("loads", "not looked at", "nothing is loaded yet")
    except WarehouseBusy:
        return Line("loads", "not looked at", "another process writes", "try again")
    except WarehouseError:
        return Line("loads", "not looked at", "the warehouse cannot be read")
    if looked is None:
        return Line("loads", "not looked at", "its tables are not those of the model")
    failed, clock = looked
    told = [f"the {CATALOGUE} failed"] * failed.songs
    if failed.days:
        told.append(f"{count(len(failed.days), 'day')} failed: {named(failed.days)}")
    if told:
        told += [clock] * bool(clock)
        return Line("loads", "failed", "; ".join(told), "`sparkify status` says why")
    if clock:
        return Line("loads", "warning", clock)
    return Line("loads", "ok", "the last load of every part succeeded")


def _failed(session: Session) -> tuple[FailedParts, str] | None:
    """What failed, and what is wrong with the clock; None where the history cannot be read.

    Raises:
        WarehouseMissing: There is none.
    """
    ledger.ready_tables(session)
    history = TABLES["load_history"]
    if difference(session.tables()[history.name], session.declared(history)):
        return None
    return failed_parts(session), clock_problem(ledger.utc_now(), standing(session).newest)
