"""Counting what is asked over a network: requests to S3 by kind, bytes, messages to Redshift.

A folder is not metered: opening a file costs nothing that anybody would look up.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

CONNECTIONS, ROUND_TRIPS = "connections", "round_trips"
"""What is counted of Redshift; several statements in one message are one round trip."""


class Meter:
    """Counts, from any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, what: str, number: int = 1) -> None:
        """Adds to one count, such as `LIST`, `GET`, `PUT` or `bytes_read`."""
        with self._lock:
            self._counts[what] += number

    def snapshot(self) -> Mapping[str, int]:
        """All counts as they are now."""
        with self._lock:
            return dict(self._counts)


def since(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """What was added between two snapshots."""
    return {name: n - before.get(name, 0) for name, n in now.items() if n > before.get(name, 0)}
