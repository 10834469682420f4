"""Showing how far a load has come: a bar on a terminal, a few plain lines elsewhere.

What belongs here: drawing what is reported to `sparkify_dagster.core.progress`. All of it goes to
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

from sparkify_dagster.cli.pipes import ignore_broken_pipe
from sparkify_dagster.core.progress import watched_by
from sparkify_dagster.core.text import printable

_SAYS_AGAIN_AFTER = 10.0


@contextmanager
def watching(unsaid: str = "") -> Iterator[None]:
    """Shows the progress of what happens inside the block.

    Args:
        unsaid: A stage that was said before and gets no line again.
    """
    with ExitStack() as stack:
        stream = stack.enter_context(_beside(sys.stderr))
        terminal = Console(file=stream, highlight=False, markup=False, emoji=False)
        if terminal.is_terminal:
            tell = stack.enter_context(_bar_on(terminal)).tell
        else:
            tell = stack.enter_context(_lines_on(stream, unsaid)).tell
        stack.enter_context(watched_by(lambda what, *far: tell(printable(what), *far)))
        yield


class _Lines:
    """A line when a stage begins, now and then while it goes on, and how far it came at its end."""

    def __init__(self, stream: TextIO, unsaid: str) -> None:
        self._stream = stream
        self._unsaid = unsaid
        self._stage = ""
        self._owed = ""
        self._said = 0.0

    def tell(self, what: str, done: int, total: int) -> None:
        stage = what.partition(": ")[0]
        far = f"{stage}, {done:,} of {total:,}" if total else ""
        if stage != self._stage:
            self.finish()
            self._stage = stage
            if stage != self._unsaid and (not total or done < total):
                self._say(f"{stage} …")
        elif far and time.monotonic() - self._said >= _SAYS_AGAIN_AFTER and done < total:
            self._say(f"{far} …")
        self._owed = far

    def finish(self) -> None:
        """Says how far the stage came."""
        if self._owed:
            self._say(self._owed)
        self._owed = ""

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        print(text, file=self._stream, flush=True)


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
def _lines_on(stream: TextIO, unsaid: str) -> Iterator[_Lines]:
    lines = _Lines(stream, unsaid)
    try:
        yield lines
    finally:
        lines.finish()


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
    with ignore_broken_pipe(stream, descriptor) as copy:
        yield copy
