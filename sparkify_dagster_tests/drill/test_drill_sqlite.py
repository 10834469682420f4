"""The failure drill with Dagster's history in SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef

from sparkify_dagster_tests.drill.platform import Platform, running
from sparkify_dagster_tests.drill.rounds import STATES, play

pytestmark = [pytest.mark.integration, pytest.mark.drill]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running(tmp_path_factory.mktemp("platform"), "sqlite") as made:
        yield made


# All of them at once: `integration/test_lost_runs`.
@pytest.mark.parametrize("state", STATES)
def test_whatever_is_killed_all_is_loaded_and_once(platform: Platform, state: str) -> None:
    play(platform, state, "one by one")


def test_a_clock_that_jumped_ahead_and_back_stops_the_sensors_until_somebody_loads(
    platform: Platform,
) -> None:
    platform.well()
    platform.kill("daemon")
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(platform.home))) as instance:
        for state in instance.all_instigator_state():
            ahead = time.time() + 86_400  # As ticks leave it while the clock is a day ahead.
            data = state.instigator_data._replace(last_tick_timestamp=ahead)
            instance.update_instigator_state(state.with_data(data))
    platform.start("daemon")
    day = platform.drop_a_day()
    time.sleep(20)
    assert platform.times_loaded(day) == [0]
    said = platform.sparkify("etl")
    assert "Sensor lake_sensor looks again: its last look, " in said
    assert platform.times_loaded(day, platform.drop_a_day()) == [1, 0]
    platform.well()
