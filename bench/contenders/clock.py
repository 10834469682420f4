"""How a contender says what its work took.

The time of the work is told by the contender itself, after its imports: what starting it costs is
seen from outside. The last line of its output is read; whatever a library prints before it is not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Measures the steps of one piece of work, from its making on."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds the seconds of a block to a step."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._steps[name] = self._steps.get(name, 0.0) + time.perf_counter() - begun

    def add(self, name: str, seconds: float) -> None:
        """Adds seconds that somebody else measured."""
        self._steps[name] = self._steps.get(name, 0.0) + seconds

    def tell(self, **more: object) -> None:
        """Prints the seconds, in all and by step, as the last line of the output."""
        seconds = time.perf_counter() - self._started
        print(f"\n{json.dumps({'seconds': seconds, 'steps': self._steps, **more})}", flush=True)
