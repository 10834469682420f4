"""How far a load has come, told to whoever watches.

A load runs deep inside Dagster; the command line wants to show a bar, and what the load warns of.
The load reports here, and a watcher, if there is one in this context, is told. Nothing else belongs
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

Watcher = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and how much there is (0: unknown)."""

_warnings: ContextVar[list[str] | None] = ContextVar("sparkify_warnings", default=None)
_watcher: ContextVar[Watcher | None] = ContextVar("sparkify_progress", default=None)


def report(what: str, done: int = 0, total: int = 0) -> None:
    """Tells the watcher, if there is one."""
    watcher = _watcher.get()
    if watcher:
        with suppress(OSError):  # A full disk under its log is no reason not to load.
            watcher(what, done, total)


def warn(text: str) -> None:
    """Tells whoever gathers warnings of something that went wrong beside the load."""
    gathered = _warnings.get()
    if gathered is not None:
        gathered.append(text)


@contextmanager
def warnings_into(gathered: list[str]) -> Iterator[None]:
    """Gathers what is warned of inside the block."""
    token = _warnings.set(gathered)
    try:
        yield
    finally:
        _warnings.reset(token)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Lets `watcher` follow all that is reported inside the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
