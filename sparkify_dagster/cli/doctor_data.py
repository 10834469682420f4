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
from sparkify_dagster.cli.failed import CATALOGUE, failed_parts, named
from sparkify_dagster.connect import covered, open_lake, open_warehouse
from sparkify_dagster.core.text import count
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
)
from sparkify_dagster.warehouse.schema import difference

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
    wrong, missing = [], []
    try:
        with open_warehouse(settings, lock_wait=_PATIENCE).reading() as session:
            there = session.tables()
            for table in TABLES.values():
                if table.name not in there:
                    missing.append(table.name)
                elif said := difference(there[table.name], session.declared(table)):
                    wrong.append(f"{table.name}: {'; '.join(said)}")
    except WarehouseMissing:
        missing = list(TABLES)
    except WarehouseBusy:
        return Line("tables", "not looked at", "another process writes", "try again")
    if wrong:
        step = (
            "`sparkify etl` rebuilds what an older model made; else `sparkify create-tables --drop`"
        )
        return Line("tables", "failed", "; ".join(wrong), step)
    if missing:
        return Line("tables", "ok", f"{count(len(missing), 'table')} not there; a load makes them")
    return Line("tables", "ok", f"all {len(TABLES)} are those of the model")


def loads(settings: Settings) -> Line:
    """Whether the last load of every part succeeded."""
    try:
        with open_warehouse(settings, lock_wait=_PATIENCE).reading() as session:
            if not _has_the_ledger(session):
                return Line("loads", "not looked at", "its tables are not those of the model")
            failed = failed_parts(session)
            clock = clock_problem(ledger.utc_now(), ledger.horizon(session)[1])
    except WarehouseMissing:
        return Line("loads", "not looked at", "nothing is loaded yet")
    except WarehouseBusy:
        return Line("loads", "not looked at", "another process writes", "try again")
    except WarehouseError:
        return Line("loads", "not looked at", "the warehouse cannot be read")
    told = [f"the {CATALOGUE} failed"] * failed.songs
    if failed.days:
        told.append(f"{count(len(failed.days), 'day')} failed: {named(failed.days)}")
    if told:
        told += [clock] * bool(clock)
        return Line("loads", "failed", "; ".join(told), "`sparkify status` says why")
    if clock:
        return Line("loads", "warning", clock)
    return Line("loads", "ok", "the last load of every part succeeded")


def _has_the_ledger(session: Session) -> bool:
    """Whether its history can be read.

    Raises:
        WarehouseMissing: There is none.
    """
    ledger.is_ready(session)
    history = TABLES["load_history"]
    return not difference(session.tables()[history.name], session.declared(history))
