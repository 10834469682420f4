"""What `sparkify doctor` asks of this machine: Python, packages, Dagster's history, access, space.

What belongs here: one line per question that can be answered without lake and warehouse.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from sparkify_dagster.cli.console import near, size
from sparkify_dagster.cli.doctor_line import Line
from sparkify_dagster.cli.home import ENDED_BY, history, runs_told
from sparkify_dagster.core.local_files import OTHERS
from sparkify_dagster.core.text import printable
from sparkify_dagster.settings import Settings, SettingsError, secrets_in

_PACKAGE = "sparkify-dagster"
_OLDEST_PYTHON = (3, 11)
_WRITE, _ENTER = 0o022, 0o011
"""Bits of a mode: others may change a file, or enter a folder."""
_LITTLE_SPACE, _NO_SPACE = 1_000_000_000, 100_000_000


def python() -> Line:
    """Whether Python is new enough."""
    found = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Line("python", "failed", found, "use Python 3.11 or newer")
    return Line("python", "ok", found)


def packages() -> Line:
    """Whether what is installed is what the package asks for."""
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


def dagster_history(_: Settings) -> Line:
    """Whether Dagster's runs can be kept, and what is to be said of them."""
    kept = history()
    folder = existing(kept.folder)
    if kept.elsewhere or (folder.is_dir() and os.access(folder, os.W_OK)):
        runs = runs_told()
        if runs.problem:
            return Line("history", "failed", runs.problem)
        if runs.lost:
            return Line("history", "warning", " ".join([*runs.lost, *runs.notes]), ENDED_BY)
        where = kept.elsewhere or near(kept.folder)
        found = f"Dagster's runs are kept in {where}"
        return Line("history", "ok", " ".join([found + "." * bool(runs.notes), *runs.notes]))
    step = "let this account write there, go to another folder, or set DAGSTER_HOME"
    return Line("history", "failed", f"{near(folder)}: not a writable folder", step)


def access(settings: Settings) -> Line:
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


def space(settings: Settings) -> Line:
    """Whether the warehouse and Dagster's history have room to grow; the one that has less."""
    places = [settings.duckdb.path.parent]
    with suppress(SettingsError):  # The line about the history says what is wrong there.
        places.append(history().folder)
    free, place = min((shutil.disk_usage(existing(place)).free, place) for place in places)
    found = f"{size(free)} free for what is in {near(place)}"
    if free >= _LITTLE_SPACE:
        return Line("disk", "ok", found)
    return Line("disk", "failed" if free < _NO_SPACE else "warning", found, "make room")


def existing(path: Path) -> Path:
    """The path, or the nearest of its parents that is there."""
    for candidate in (path, *path.parents):
        with suppress(OSError):
            if candidate.exists():
                return candidate
    return path
