"""Trying odd input for as long as there is time: other input each time, the same with its seed.

What belongs here: the clock and the turns. What is tried, and what must hold, stand in `targets`
and `statements`.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from sparkify_dagster_tests.fuzz import statements, targets

_TARGETS = {**targets.TARGETS, **statements.TARGETS}
_A_TURN = 2.0
_ENDLESS = settings(
    max_examples=10**6, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


class _OverError(BaseException):
    """The turn is over."""


def fuzz(seconds: float, first: int | None = None) -> dict[str, int]:
    """Tries the targets in turns; gives how many inputs each was given.

    Args:
        first: The seed to begin with, as a failure names it; else a new one.

    Raises:
        Exception: What a target raised, with the input and the seed that led to it.
    """
    end = time.monotonic() + seconds
    tried = Counter(dict.fromkeys(_TARGETS, 0))
    for number in itertools.count(random.randrange(10**6) if first is None else first):
        for name, (inputs, check) in _TARGETS.items():
            if time.monotonic() > end:
                return dict(tried)
            try:
                tried[name] += _turn(inputs, check, number)
            except Exception as error:
                error.add_note(f"Found by {name!r} with seed {number}, after {dict(tried)}.")
                raise
    raise AssertionError


def _turn(inputs: SearchStrategy[Any], check: Callable[[Any], None], number: int) -> int:
    """One target's turn; how many inputs it was given."""
    end, tried, failed = time.monotonic() + _A_TURN, 0, False

    @seed(number)
    @_ENDLESS
    @given(inputs)
    def each(value: Any) -> None:
        nonlocal tried, failed
        # A failure is made small first, however long that takes.
        if time.monotonic() > end and not failed:
            raise _OverError
        tried += 1
        try:
            check(value)
        except Exception:
            failed = True
            raise

    with contextlib.suppress(_OverError):
        each()
    return tried
