"""The failure drill with Dagster's history in SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sparkify_dagster_tests.drill.platform import Platform
from sparkify_dagster_tests.drill.rounds import STATES, play

pytestmark = [pytest.mark.integration, pytest.mark.drill]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("platform"), "sqlite")
    try:
        made.drop_a_day()
        made.well()
        yield made
    finally:
        made.stop()


# All of them at once: `integration/test_lost_runs`.
@pytest.mark.parametrize("state", STATES)
def test_whatever_is_killed_all_is_loaded_within_a_minute_and_once(
    platform: Platform, state: str
) -> None:
    play(platform, state, "one by one")
