"""Showing how far a load has come: a bar on a terminal, a few plain lines elsewhere.

What belongs here: drawing what is reported to `sparkify_dagster.progress`. All of it goes to
stderr, and nothing is drawn before something is reported.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from sparkify_dagster.progress import watched_by

_SAYS_AGAIN_AFTER = 10.0


@contextmanager
def watching() -> Iterator[None]:
    """Shows the progress of what happens inside the block."""
    with ExitStack() as stack:
        stream = stack.enter_context(_beside(sys.stderr))
        terminal = Console(file=stream, highlight=False, markup=False, emoji=False)
        bar = stack.enter_context(_bar_on(terminal)) if terminal.is_terminal else _Lines(stream)
        stack.enter_context(watched_by(bar.tell))
        yield


class _Lines:
    """A line when something else begins, and now and then while it goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._current = ""
        self._said = 0.0

    def tell(self, what: str, done: int, total: int) -> None:
        begun = what.partition(": ")[0]
        now = time.monotonic()
        if begun == self._current and now - self._said < _SAYS_AGAIN_AFTER:
            return
        self._current, self._said = begun, now
        how_far = f", {done:,} of {total:,}" if total else ""
        print(f"{begun}{how_far} …", file=self._stream, flush=True)


class _Bar:
    """A spinner with what is going on, and a bar where its end is known."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._current = ""

    def tell(self, what: str, done: int, total: int) -> None:
        if self._task is None or what != self._current:
            if self._task is None:
                self._progress.start()
            else:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(what, total=total or None, how_far="")
            self._current = what
        how_far = f"{done:,} of {total:,}" if total else ""
        self._progress.update(self._task, completed=done, how_far=how_far)


@contextmanager
def _bar_on(terminal: Console) -> Iterator[_Bar]:
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[how_far]}", markup=False),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
    )
    try:
        yield _Bar(progress)
    finally:
        progress.stop()


@contextmanager
def _beside(stream: TextIO) -> Iterator[TextIO]:
    """The same place under another descriptor: Dagster sends the usual one to a file meanwhile."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError):  # Not a file: a test's buffer.
        yield stream
        return
    with os.fdopen(descriptor, "w", encoding=stream.encoding, errors="replace") as copy:
        yield copy
