"""`sparkify doctor`: is everything as it must be, and if not, what to do.

What belongs here: one small check after the other. It changes nothing.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from sparkify_dagster.cli.console import (
    grid,
    near,
    offer_named,
    print_json,
    say,
    say_lines,
    show,
    size,
)
from sparkify_dagster.cli.doctor_line import Line, State
from sparkify_dagster.cli.errors import FAILED, WRONG_USE
from sparkify_dagster.connect import in_s3, require_supported
from sparkify_dagster.core.local_files import OTHERS
from sparkify_dagster.core.text import count, printable
from sparkify_dagster.settings import (
    Settings,
    SettingsError,
    load_settings,
    secrets_in,
    set_in_environment,
)

if TYPE_CHECKING:
    from sparkify_dagster.warehouse.engine import Session

Look = Callable[[Settings], Line]
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "not looked at": "yellow"}
_PACKAGE = "sparkify-dagster"
_OLDEST_PYTHON = (3, 11)
_PATIENCE = 1.0
_WIDEST = 100
_WRITE, _ENTER = 0o022, 0o011
"""Bits of a mode: others may change a file, or enter a folder."""
_LITTLE_SPACE, _NO_SPACE = 1_000_000_000, 100_000_000


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
        settings = _usable(config)
    except SettingsError as error:
        yield Line("settings", "failed", str(error), "correct them, then run doctor again")
        for check in _ON_A_LAPTOP:
            yield Line(check, "not looked at", "the settings come first")
        return
    yield Line("settings", "ok", _sources(settings))
    failed: set[str] = set()
    for check, look in _checks(settings).items():
        if first := next((name for name in _AFTER.get(check, ()) if name in failed), None):
            yield Line(check, "not looked at", f"{first} comes first")
            continue
        line = _careful(check, look, settings)
        if line.state == "failed":
            failed.add(check)
        yield line


_LOGGED_IN = ("clock", "host", "tls", "login")
_AFTER = {
    **dict.fromkeys(("regions", "songs", "logs", "jsonpaths"), ("clock",)),
    "tls": ("host",),
    "login": ("host", "tls"),
    **dict.fromkeys(("rights", "tables", "loads"), _LOGGED_IN[1:]),
    "staging": _LOGGED_IN,
    "role": (*_LOGGED_IN, "logs", "jsonpaths"),
}
"""What need not be asked once something before it failed: it would say the same again."""


def _checks(settings: Settings) -> dict[str, Look]:
    """The questions that these settings raise, in the order in which one builds on the other."""
    on_redshift = settings.engine == "redshift"
    lake = settings.s3
    if not (on_redshift or in_s3(lake.log_data) or in_s3(lake.song_data)):
        return _ON_A_LAPTOP
    from sparkify_dagster.cli import doctor_aws as aws

    in_the_lake = {"clock": aws.clock, "regions": aws.regions}
    in_the_lake |= {"songs": _songs, "logs": _logs, "jsonpaths": _jsonpaths}
    after = {"tables": _tables, "loads": _loads, "history": _history, "access": _access}
    if not on_redshift:
        return in_the_lake | {"warehouse": _warehouse} | after | {"disk": _space}
    connecting = {"host": aws.host, "tls": aws.tls, "login": aws.login, "rights": aws.rights}
    copying = {"staging": aws.staging, "role": aws.role}
    return in_the_lake | connecting | copying | after


def _usable(config: Path | None) -> Settings:
    """The settings.

    Raises:
        SettingsError: They are wrong, or not for this version.
    """
    settings = load_settings(config)
    require_supported(settings)
    return settings


def _sources(settings: Settings) -> str:
    """Where the values come from: the file, the variables by name, the defaults."""
    told = [near(settings.source)] if settings.source else []
    if names := set_in_environment():
        told.append(f"from the environment: {', '.join(names)}")
    return "; ".join([*told, "else defaults"]) if told else "all defaults"


def _careful(check: str, look: Look, settings: Settings) -> Line:
    """A check that cannot break the others."""
    from sparkify_dagster.cli.errors import explained

    try:
        return look(settings)
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        return Line(check, "failed", told[1])  # Our errors end with what to do.


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
        return Line("packages", "warning", "not installed", "install it with `pip install -e .`")
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
        step = "in its checkout `pip install --require-hashes -r constraints.txt`"
        return Line("packages", "failed", "; ".join(wrong), step)
    own = f"{_PACKAGE} {metadata.version(_PACKAGE)}"
    return Line("packages", "ok", ", ".join([own, *versions]))


def _songs(settings: Settings) -> Line:
    from sparkify_dagster.connect import open_lake
    from sparkify_dagster.lake.snapshot import left_aside
    from sparkify_dagster.model.staging import STAGING_SONGS

    lake = open_lake(settings)
    objects = lake.songs.list_objects()
    told = list(left_aside(STAGING_SONGS.name, objects.aside))
    where = near(lake.songs.location)
    return _listed("songs", where, len(objects), "SONG_DATA", told, objects.aside.others)


def _logs(settings: Settings) -> Line:
    from sparkify_dagster.connect import covered, open_lake
    from sparkify_dagster.lake.objects import by_day
    from sparkify_dagster.lake.snapshot import left_aside
    from sparkify_dagster.model.staging import STAGING_EVENTS

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
    from sparkify_dagster.connect import open_warehouse
    from sparkify_dagster.pipeline.plan import loaded
    from sparkify_dagster.warehouse.engine import WarehouseError

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


def _jsonpaths(settings: Settings) -> Line:
    from sparkify_dagster.connect import open_lake

    lake = open_lake(settings)
    fields = lake.paths().fields
    return Line("jsonpaths", "ok", f"{count(len(fields), 'path')} in {near(lake.jsonpaths)}")


def _warehouse(settings: Settings) -> Line:
    """Whether the file can be written, if it is there; else whether it could be made."""
    from sparkify_dagster.connect import open_warehouse
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
    from sparkify_dagster.connect import open_warehouse
    from sparkify_dagster.model.catalog import TABLES
    from sparkify_dagster.warehouse.engine import WarehouseBusy, WarehouseMissing
    from sparkify_dagster.warehouse.schema import difference

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


def _loads(settings: Settings) -> Line:
    """Whether the last load of every part succeeded."""
    from sparkify_dagster.cli.failed import CATALOGUE, failed_parts, named
    from sparkify_dagster.connect import open_warehouse
    from sparkify_dagster.pipeline.plan import clock_problem
    from sparkify_dagster.warehouse import ledger
    from sparkify_dagster.warehouse.engine import WarehouseBusy, WarehouseError, WarehouseMissing

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
    from sparkify_dagster.model.catalog import TABLES
    from sparkify_dagster.warehouse import ledger
    from sparkify_dagster.warehouse.schema import difference

    ledger.is_ready(session)
    history = TABLES["load_history"]
    return not difference(session.tables()[history.name], session.declared(history))


def _history(_: Settings) -> Line:
    """Whether Dagster's runs can be kept, and whether one of them only seems to be at work."""
    from sparkify_dagster.cli.home import ENDED_BY, history, lost_runs

    kept = history()
    folder = _existing(kept.folder)
    if kept.elsewhere or (folder.is_dir() and os.access(folder, os.W_OK)):
        try:
            lost = " ".join(lost_runs(anywhere=True))
        except Exception as error:  # Dagster's storage may be anybody's, and quote its password.
            found = f"Dagster's history cannot be opened ({type(error).__name__})"
            return Line("history", "failed", found, "`dagster instance info` says more")
        if lost:
            return Line("history", "warning", lost, ENDED_BY)
        where = kept.elsewhere or near(kept.folder)
        return Line("history", "ok", f"Dagster's runs are kept in {where}")
    step = "let this account write there, go to another folder, or set DAGSTER_HOME"
    return Line("history", "failed", f"{near(folder)}: not a writable folder", step)


def _access(settings: Settings) -> Line:
    """Whether other accounts of the machine can reach what is the loader's."""
    opened = [(path, undue) for path, undue in _private(settings) if _is_open(path, undue)]
    if not opened:
        return Line("access", "ok", "what loads keep is closed to other accounts")
    found = f"open to other accounts: {', '.join(near(path) for path, _ in opened)}"
    commands = (
        f"chmod go-{'rwx' if undue == OTHERS else 'w'} {printable(shlex.quote(near(path)))}"
        for path, undue in opened
    )
    return Line("access", "warning", found, "\n".join(["close that:", *commands]))


def _private(settings: Settings) -> Iterator[tuple[Path, int]]:
    """What is nobody else's, the worst first, with the bits of a mode that others may not have."""
    from sparkify_dagster.cli.home import history

    if settings.source is not None:
        # Whoever may write there says where passwords go.
        yield settings.source, OTHERS if secrets_in(settings.source) else _WRITE
    if settings.engine == "duckdb" and not settings.duckdb.shared:
        path = str(settings.duckdb.path)
        yield from ((Path(path + ending), OTHERS) for ending in ("", ".wal", ".spill"))
    if not settings.report.shared:
        yield settings.report.path, OTHERS
    yield history().folder, OTHERS


def _is_open(path: Path, undue: int) -> bool:
    """Whether others have any of some rights, and no folder above keeps them out."""
    try:
        reached = all(parent.stat().st_mode & _ENTER for parent in path.resolve().parents)
        return reached and bool(path.stat().st_mode & undue)
    except OSError:
        return False  # It is not there, or this account may not look either.


def _space(settings: Settings) -> Line:
    """Whether the warehouse and Dagster's history have room to grow; the one that has less."""
    from sparkify_dagster.cli.home import history

    places = [settings.duckdb.path.parent]
    with suppress(SettingsError):  # The line about the history says what is wrong there.
        places.append(history().folder)
    free, place = min((shutil.disk_usage(_existing(place)).free, place) for place in places)
    found = f"{size(free)} free for what is in {near(place)}"
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


_ON_A_LAPTOP: dict[str, Look] = {
    "songs": _songs,
    "logs": _logs,
    "jsonpaths": _jsonpaths,
    "warehouse": _warehouse,
    "tables": _tables,
    "loads": _loads,
    "history": _history,
    "access": _access,
    "disk": _space,
}


def _show(lines: list[Line]) -> None:
    table = grid("check", "", "found")
    table.columns[-1].max_width = _WIDEST  # A pipe would get lines of any length.
    for line in lines:
        table.add_row(line.check, Text(line.state, style=_COLOURS[line.state]), line.found)
    show(table)
    if any(line.state not in ("ok", "not looked at") for line in lines):
        say()
    for line in lines:
        if line.next_step:
            end = "" if "\n" in line.next_step else "."  # What is to be typed ends as it is.
            say_lines(f"Next for {line.check}: {line.next_step}{end}")
    offer_named(" ".join(f"{line.found} {line.next_step}" for line in lines))
    say()
    say(_conclusion([line.state for line in lines]))


def _conclusion(states: Sequence[State]) -> str:
    failed, warned = states.count("failed"), states.count("warning")
    unseen = " Not all could be looked at." if "not looked at" in states else ""
    if failed:
        return f"{count(failed, 'check')} failed.{unseen}"
    if unseen:
        return f"{unseen.strip()} {count(warned, 'warning')}." if warned else unseen.strip()
    return f"All is well, but for {count(warned, 'warning')}." if warned else "All is well."
