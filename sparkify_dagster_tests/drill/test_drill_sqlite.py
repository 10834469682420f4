"""The failure drill with Dagster's history in SQLite."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from sparkify_dagster_tests.drill.platform import Platform, running
from sparkify_dagster_tests.drill.rounds import STATES, held_in, play

pytestmark = [pytest.mark.integration, pytest.mark.drill]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running(tmp_path_factory.mktemp("platform"), "sqlite") as made:
        yield made


# All of them at once: `integration/test_lost_runs`.
@pytest.mark.parametrize("state", STATES)
def test_whatever_is_killed_all_is_loaded_and_once(platform: Platform, state: str) -> None:
    play(platform, state, "one by one")


def test_a_tick_whose_code_server_goes_in_the_middle_of_it_is_made_good(platform: Platform) -> None:
    platform.well()
    begun = "SELECT id FROM job_ticks WHERE status = 'STARTED'"
    before = platform.rows(begun, "schedules/schedules")
    os.kill(platform.running["code"].pid, signal.SIGSTOP)
    try:
        day = platform.drop_a_day()
        # Whichever sensor's turn it is: one waits for the other.
        platform.until(
            lambda: next(t for t in platform.rows(begun, "schedules/schedules") if t not in before)
        )
    finally:
        platform.kill("code")
    platform.well()
    assert platform.times_loaded(day) == [1]


def test_after_a_clock_that_jumps_ahead_and_back_under_a_load_all_is_loaded(
    platform: Platform,
) -> None:
    """Not with PostgreSQL as well: the waits are in Dagster's loops and in rows of its history.

    Whether a run without a sign of life is lost is judged by a clock with SQLite only.
    """
    hour, day = 3_600, 86_400
    for ahead in (hour, hour - day):
        platform.well()
        before = len(platform.runs())
        days = [platform.drop_a_day()]
        with held_in(platform, STATES["started"]):
            platform.set_clock(ahead)
            time.sleep(2)
        days.append(platform.drop_a_day())
        took = platform.well()
        print(f"clock {ahead} s ahead: loaded after {took:.0f} s")
        # Files that are dated ahead of the clock may be changing still: such days are read again.
        assert platform.times_loaded(*days) in ([[1, 1]] if ahead > 0 else [[1, 1], [2, 1]])
        assert list(platform.runs().values())[before:] == ["SUCCESS", "SUCCESS"]
    told = (platform.folder / "daemon.log").read_text()
    assert "The clock was set back by 86,4" in told
    assert "Sensor lake_sensor looks again: its last look, " in told
