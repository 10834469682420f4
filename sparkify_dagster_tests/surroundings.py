"""What surrounds the tests: nothing of it reaches them, and they touch nothing of it.

What belongs here: the environment every test gets, whatever the machine has set, and the watch
over the checkout. A test that is about an environment sets it itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

LIVE_CONFIG = "SPARKIFY_LIVE_CONFIG"
"""Names the `dwh.cfg` of a real workgroup, for `pytest -m redshift`."""

_PATHS = {"TMPDIR", "PG_BINDIR", "SPARKIFY_BROWSER", LIVE_CONFIG}
_KEPT = _PATHS | {
    "PATH", "USER", "LOGNAME", "VIRTUAL_ENV", "LD_LIBRARY_PATH",
    "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8",
}  # fmt: skip
_KEPT_BEGINNINGS = ("PYTEST_", "HYPOTHESIS_", "COVERAGE_")
_LIVE_BEGINNINGS = ("AWS_", "HTTP", "http", "NO_PROXY", "no_proxy", "SSL_")
_LONGEST_TEMPORARY = 60
"""Sockets are made below it, whose paths have at most 107 bytes."""

_OF_TOOLS = {
    ".git", ".venv", ".venv-bench", "__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", "sparkify_dagster.egg-info",
}  # fmt: skip


def neutral(given: Mapping[str, str], home: Path) -> dict[str, str]:
    """What of an environment reaches the tests; a live run is in need of its logins, too."""
    live = bool(given.get(LIVE_CONFIG))
    beginnings = _KEPT_BEGINNINGS + (_LIVE_BEGINNINGS if live else ())
    kept = {k: v for k, v in given.items() if k in _KEPT or k.startswith(beginnings)}
    # The tests stand in another folder.
    kept |= {name: os.path.abspath(kept[name]) for name in _PATHS if kept.get(name)}
    if len(os.fsencode(kept.get("TMPDIR", ""))) > _LONGEST_TEMPORARY:
        del kept["TMPDIR"]
    return kept | {"HOME": given.get("HOME", str(home)) if live else str(home), "TZ": "UTC"}


@contextmanager
def undisturbed() -> Iterator[None]:
    """The tests' own environment, home, current folder, umask and time zone."""
    before, where, mask = dict(os.environ), Path.cwd(), os.umask(0o022)
    kept = neutral(before, Path())
    place = Path(tempfile.mkdtemp(prefix="sparkify-tests-", dir=kept.get("TMPDIR")))
    try:
        _become(neutral(before, place))
        os.chdir(place)
        yield
    finally:
        os.chdir(where)
        os.umask(mask)
        _become(before)
        shutil.rmtree(place, ignore_errors=True)


def _become(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None  # Asks the environment anew.
    time.tzset()


class Watch:
    """Fails the run of the tests if the checkout is not afterwards what it was before."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._changed: list[str] = []

    def pytest_sessionstart(self) -> None:
        self._before = contents(self._root)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._changed = changed(self._before, contents(self._root))
        if self._changed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._changed:
            terminalreporter.section("the checkout has changed while the tests ran", red=True)
            terminalreporter.line(
                "A test wrote outside its folders, unless somebody else was at work here:"
            )
            for name in self._changed:
                terminalreporter.line(name)


def contents(root: Path) -> dict[str, tuple[int, int]]:
    """Every file of a folder but those of tools, with its size and when it was written."""
    found = {}
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if name not in _OF_TOOLS]
        for path in (Path(folder, name) for name in (*files, *below)):
            told = path.lstat()
            written = 0 if path.is_dir() else told.st_mtime_ns
            found[str(path.relative_to(root))] = (told.st_size * bool(written), written)
    return found


def changed(
    before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]
) -> list[str]:
    """What came, went or was written."""
    names = sorted(before.keys() | after.keys())
    return [name for name in names if before.get(name) != after.get(name)]
