"""The failure drill with Dagster's history in SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sparkify_dagster_tests.drill.platform import PROCESSES, Platform
from sparkify_dagster_tests.drill.rounds import ROUNDS, play

pytestmark = [pytest.mark.integration, pytest.mark.drill]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("platform"), "sqlite")
    try:
        made.start(*PROCESSES)
        made.drop_a_day()
        made.loaded()
        yield made
    finally:
        made.stop()


@pytest.mark.parametrize(("state", "how"), ROUNDS)
def test_whatever_is_killed_all_is_loaded_within_a_minute_and_once(
    platform: Platform, state: str, how: str
) -> None:
    play(platform, state, how)
