"""How far a load has come, told to whoever watches.

A load runs deep inside Dagster; the command line wants to show a bar, and what the load warns of.
The load reports here, and a watcher, if there is one in this context, is told. Nothing else belongs
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from typing import TypeVar

Watcher = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and how much there is (0: unknown)."""

_Value = TypeVar("_Value")
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


def warnings_into(gathered: list[str]) -> AbstractContextManager[None]:
    """Gathers what is warned of inside the block."""
    return _set_to(_warnings, gathered)


def watched_by(watcher: Watcher) -> AbstractContextManager[None]:
    """Lets `watcher` follow all that is reported inside the block."""
    return _set_to(_watcher, watcher)


@contextmanager
def _set_to(variable: ContextVar[_Value | None], value: _Value) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
