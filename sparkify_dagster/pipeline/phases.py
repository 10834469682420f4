"""Where a load's seconds go: reading, waiting, loading, auditing, committing.

What belongs here: a stopwatch that knows one phase at a time. Who switches it is the loads' affair,
who shows it `defs.events`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Phases:
    """Adds up seconds by phase. What a phase calls phases of its own is not counted twice."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._told: Mapping[str, float] = {}
        self._running: str | None = None
        self._since = 0.0

    def now(self, phase: str) -> None:
        """From now on time goes to this phase, until another one begins."""
        self._book()
        self._running = phase

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """The block is this phase, but for what switches to another inside; then none runs."""
        self.now(phase)
        try:
            yield
        finally:
            self._book()
            self._running = None

    def total(self) -> Mapping[str, float]:
        """Seconds of each phase up to now, in the order in which they first ran."""
        self._book()
        return dict(self._seconds)

    def lap(self) -> Mapping[str, float]:
        """Seconds of each phase since this was asked last."""
        total, before = self.total(), self._told
        self._told = total
        return {
            phase: seconds - before.get(phase, 0.0)
            for phase, seconds in total.items()
            if seconds > before.get(phase, 0.0)
        }

    def _book(self) -> None:
        now = self._clock()
        if self._running is not None:
            spent = self._seconds.get(self._running, 0.0) + now - self._since
            self._seconds[self._running] = spent
        self._since = now
