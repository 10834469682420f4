"""`sparkify doctor`: is everything as it must be, and if not, what to do.

What belongs here: one small check after the other. It changes nothing.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from rich.text import Text

from sparkify_dagster.cli.console import count, grid, near, print_json, say, show, size
from sparkify_dagster.cli.errors import FAILED, WRONG_USE
from sparkify_dagster.settings import Settings, SettingsError, load_settings

State = Literal["ok", "warning", "failed"]
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}
_PACKAGE = "sparkify-dagster"
_OLDEST_PYTHON = (3, 11)
_PATIENCE = 1.0
_LITTLE_SPACE, _NO_SPACE = 1_000_000_000, 100_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """What one check says.

    Attributes:
        next_step: What to do about it; blank when all is well.
    """

    check: str
    state: State
    found: str
    next_step: str = ""


def run_doctor(config: Path | None, *, as_json: bool) -> int:
    """Prints a line for each check and gives the exit code."""
    lines = list(_lines(config))
    if as_json:
        print_json([asdict(line) for line in lines])
    else:
        _show(lines)
    failed = {line.check for line in lines if line.state == "failed"}
    if "settings" in failed:
        return WRONG_USE
    return FAILED if failed else 0


def _lines(config: Path | None) -> Iterator[Line]:
    yield _python()
    yield _packages()
    try:
        settings = load_settings(config)
    except SettingsError as error:
        yield Line("settings", "failed", str(error), "correct them, then run doctor again")
        return
    yield Line("settings", "ok", near(settings.source) if settings.source else "all defaults")
    for check, look in _CHECKS.items():
        yield _careful(check, look, settings)


def _careful(check: str, look: Callable[[Settings], Line], settings: Settings) -> Line:
    """A check that cannot break the others."""
    from sparkify_dagster.cli.errors import explained

    try:
        return look(settings)
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        # Our errors end with what to do.
        return Line(check, "failed", told[1], "do as the message says")


def _python() -> Line:
    found = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Line("python", "failed", found, "use Python 3.11 or newer")
    return Line("python", "ok", found)


def _packages() -> Line:
    """Whether what is installed is what the package asks for."""
    from packaging.requirements import Requirement

    try:
        asked = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return Line("packages", "warning", "not installed", "install it: pip install -e .")
    wrong, versions = [], []
    for requirement in map(Requirement, asked):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = "missing"
        if version == "missing" or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version}, needs {requirement.specifier}")
        elif requirement.name in ("dagster", "duckdb"):
            versions.append(f"{requirement.name} {version}")
    if wrong:
        return Line("packages", "failed", "; ".join(wrong), "pip install -e . -c constraints.txt")
    own = f"{_PACKAGE} {metadata.version(_PACKAGE)}"
    return Line("packages", "ok", ", ".join([own, *versions]))


def _songs(settings: Settings) -> Line:
    from sparkify_dagster.places import open_lake

    lake = open_lake(settings)
    objects = lake.songs.list_objects()
    return _listed("songs", near(lake.songs.location), len(objects), "SONG_DATA")


def _logs(settings: Settings) -> Line:
    from sparkify_dagster.lake.objects import by_day
    from sparkify_dagster.places import open_lake

    lake = open_lake(settings)
    routed, unroutable = by_day(lake.logs.list_objects(), lake.days)
    if unroutable:
        return Line(
            "logs",
            "warning",
            f"{count(len(unroutable), 'object')} without a log day, {count(len(routed), 'day')}",
            "`sparkify status` says why for each",
        )
    objects = sum(len(items) for items in routed.values())
    return _listed("logs", near(lake.logs.location), objects, "LOG_DATA")


def _listed(check: str, where: str, objects: int, key: str) -> Line:
    found = f"{count(objects, 'object')} in {where}"
    if objects:
        return Line(check, "ok", found)
    return Line(check, "warning", found, f"set [S3] {key} to where the data lies")


def _jsonpaths(settings: Settings) -> Line:
    from sparkify_dagster.places import open_lake

    lake = open_lake(settings)
    fields = lake.paths().fields
    return Line("jsonpaths", "ok", f"{count(len(fields), 'path')} in {near(lake.jsonpaths)}")


def _warehouse(settings: Settings) -> Line:
    """Whether the file can be written, if it is there; else whether it could be made."""
    from sparkify_dagster.places import open_warehouse
    from sparkify_dagster.warehouse.engine import WarehouseBusy

    warehouse = open_warehouse(settings, lock_wait=_PATIENCE)
    where = near(warehouse.location)
    if not settings.duckdb.path.exists():
        folder = _existing(settings.duckdb.path.parent)
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


def _tables(settings: Settings) -> Line:
    """Whether the tables are those of the model."""
    from sparkify_dagster.model.catalog import TABLES
    from sparkify_dagster.places import open_warehouse
    from sparkify_dagster.warehouse.engine import WarehouseBusy, WarehouseMissing
    from sparkify_dagster.warehouse.schema import difference

    wrong, missing = [], []
    try:
        with open_warehouse(settings, lock_wait=_PATIENCE).reading() as session:
            for table in TABLES.values():
                found = session.columns_of(table.name)
                if not found:
                    missing.append(table.name)
                elif said := difference(found, session.declared(table)):
                    wrong.append(f"{table.name}: {'; '.join(said)}")
    except WarehouseMissing:
        missing = list(TABLES)
    except WarehouseBusy:
        return Line("tables", "warning", "not looked at: another process writes", "try again")
    if wrong:
        step = "`sparkify etl` rebuilds what an older model made; else `create-tables --drop`"
        return Line("tables", "failed", "; ".join(wrong), step)
    if missing:
        return Line("tables", "ok", f"{count(len(missing), 'table')} not there; `etl` makes them")
    return Line("tables", "ok", f"all {len(TABLES)} are those of the model")


def _history(_: Settings) -> Line:
    """Whether Dagster's runs can be kept."""
    home = Path(os.environ.get("DAGSTER_HOME") or Path.cwd() / ".dagster")
    folder = _existing(home)
    if folder.is_dir() and os.access(folder, os.W_OK):
        return Line("history", "ok", f"Dagster's runs are kept in {near(home)}")
    step = "let this account write there, go to another folder, or set DAGSTER_HOME"
    return Line("history", "failed", f"{near(folder)}: not a writable folder", step)


def _space(settings: Settings) -> Line:
    folder = _existing(settings.duckdb.path.parent)
    free = shutil.disk_usage(folder).free
    found = f"{size(free)} free for {near(settings.duckdb.path)}"
    if free >= _LITTLE_SPACE:
        return Line("disk", "ok", found)
    return Line("disk", "failed" if free < _NO_SPACE else "warning", found, "make room")


def _existing(path: Path) -> Path:
    """The path, or the nearest of its parents that is there."""
    for candidate in (path, *path.parents):
        with suppress(OSError):
            if candidate.exists():
                return candidate
    return path


_CHECKS: dict[str, Callable[[Settings], Line]] = {
    "songs": _songs,
    "logs": _logs,
    "jsonpaths": _jsonpaths,
    "warehouse": _warehouse,
    "tables": _tables,
    "history": _history,
    "disk": _space,
}


def _show(lines: list[Line]) -> None:
    table = grid("check", "", "found")
    for line in lines:
        found = f"{line.found}\nNext: {line.next_step}" if line.next_step else line.found
        table.add_row(line.check, Text(line.state, style=_COLOURS[line.state]), found)
    show(table)
    say()
    failed = sum(line.state == "failed" for line in lines)
    warned = sum(line.state == "warning" for line in lines)
    if failed:
        say(f"{count(failed, 'check')} failed.")
    else:
        say(f"All is well, but for {count(warned, 'warning')}." if warned else "All is well.")
