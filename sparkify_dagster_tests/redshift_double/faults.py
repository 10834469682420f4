"""Faults that a test arms, on the side of the proxy.

What belongs here: which fault a statement meets, and nothing of how it is carried out.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from sparkify_dagster_tests.redshift_language.tokens import statements_of


@dataclass
class Fault:
    """Something that is to happen when a statement comes.

    Attributes:
        kind: `cut_before`, `cut_during`, `cut_after`, `fail` or `delay`.
        pattern: Which statements: a regular expression that is searched in their text.
        times: How often it will happen yet.
    """

    kind: str
    pattern: str
    times: int = 1
    sqlstate: str = ""
    message: str = ""
    seconds: float = 0.0

    def meets(self, sql: str) -> bool:
        """Whether a statement of the text is one of those."""
        found = re.compile(self.pattern, re.IGNORECASE | re.DOTALL)
        return self.times > 0 and any(map(found.search, statements_in(sql)))


def statements_in(text: str) -> list[str]:
    """The statements of what was sent at once; one that came alone is as it was sent."""
    found = [sql for sql, _ in statements_of(text)] if ";" in text else []
    return found if len(found) > 1 else [text]


class ArmedFaults:
    """The faults that are waiting. Sessions run in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Adds one."""
        re.compile(fault.pattern)
        with self._lock:
            self._armed.append(fault)

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._armed.clear()

    def take(self, sql: str) -> list[Fault]:
        """What these statements meet: every delay, and the first of the others."""
        taken: list[Fault] = []
        with self._lock:
            for fault in self._armed:
                if fault.meets(sql) and (fault.kind == "delay" or not _decided(taken)):
                    fault.times -= 1
                    taken.append(fault)
        return taken


def _decided(taken: list[Fault]) -> bool:
    return any(fault.kind != "delay" for fault in taken)
