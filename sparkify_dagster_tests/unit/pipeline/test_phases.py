"""The stopwatch of a load."""

from __future__ import annotations

import pytest

from sparkify_dagster.pipeline.phases import Phases


class Clock:
    """Goes only when it is told to."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_time_goes_to_the_phase_that_runs_and_none_is_lost_or_counted_twice() -> None:
    clock = Clock()
    phases = Phases(clock)
    clock.time += 50  # Before the first one: nobody's.
    with phases.during("wait"):
        clock.time += 1
        phases.now("load")
        clock.time += 2
        phases.now("audit")
        clock.time += 4
    clock.time += 8  # Between two: nobody's.
    with phases.during("read"):
        clock.time += 16
    phases.now("load")
    clock.time += 32
    assert list(phases.total().items()) == [("wait", 1), ("load", 34), ("audit", 4), ("read", 16)]


def test_a_lap_holds_what_came_since_the_one_before() -> None:
    clock = Clock()
    phases = Phases(clock)
    with phases.during("read"):
        clock.time += 1
    assert phases.lap() == {"read": 1}
    with phases.during("load"):
        clock.time += 2
    assert phases.lap() == {"load": 2}
    assert phases.lap() == {}
    assert phases.total() == {"read": 1, "load": 2}


def test_a_phase_ends_with_its_block_when_it_raises() -> None:
    clock = Clock()
    phases = Phases(clock)

    def spoiled() -> None:
        with phases.during("read"):
            clock.time += 1
            raise ValueError("spoiled")

    with pytest.raises(ValueError, match="spoiled"):
        spoiled()
    clock.time += 2
    assert phases.total() == {"read": 1}
