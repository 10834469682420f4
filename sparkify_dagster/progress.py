"""How far a load has come, told to whoever watches.

A load runs deep inside Dagster; the command line wants to show a bar. The load reports here, and a
watcher, if there is one in this context, is told. Nothing else belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and how much there is (0: unknown)."""

_watcher: ContextVar[Watcher | None] = ContextVar("sparkify_progress", default=None)


def report(what: str, done: int = 0, total: int = 0) -> None:
    """Tells the watcher, if there is one."""
    watcher = _watcher.get()
    if watcher:
        watcher(what, done, total)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Lets `watcher` follow all that is reported inside the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
