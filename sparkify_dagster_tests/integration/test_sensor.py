"""The real daemon: what is done to the lake is loaded, and nobody presses a button.

`dagster dev` runs in a folder of its own with its sensor on. What is checked: the tables, and that
there are no more runs than there is reason for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.integration.dagster_dev import Dev, dagster_dev, project_folder
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)

pytestmark = pytest.mark.integration
SETTINGS = {
    "SPARKIFY_DAYS__LAST": "2018-11-05",
    "SPARKIFY_SENSOR__INTERVAL": "5",
    "SPARKIFY_SENSOR__PAUSE": "1",
    "SPARKIFY_SENSOR__ATTEMPTS": "2",
}


@dataclass
class Watched:
    """A lake that a daemon watches."""

    lake: TinyLake
    folder: Path
    dev: Dev

    def runs(self) -> list[str]:
        """The status of every run there ever was, the newest first."""
        query = "{ runsOrError { ... on Runs { results { status } } } }"
        return [run["status"] for run in self.dev.ask(query)["runsOrError"]["results"]]

    def wait_for(self, what: Callable[[], Any], seconds: float = 90) -> None:
        """Waits until a claim holds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                what()
                return
            except (AssertionError, WarehouseError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def is_loaded(self) -> None:
        """The tables are what the lake holds, and no run is under way."""
        assert set(self.runs()) <= {"SUCCESS", "FAILURE"}
        warehouse = warehouse_at(self.folder / "data" / "warehouse.duckdb", lock_wait=0)
        assert_equals_oracle(warehouse, self.lake.expected())


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = project_folder(tmp_path_factory.mktemp("project"))
    lake = TinyLake(folder / "data" / "lake")
    lake.put_song("A/A/A/TR1.json", song())
    for day in ("2018-11-01", "2018-11-02"):
        lake.put_log(log_key(day), event(), event(itemInSession=1))
    with dagster_dev(folder, SETTINGS) as dev:
        yield Watched(lake, folder, dev)


def test_what_happens_to_the_lake_is_loaded_by_itself_and_by_as_few_runs_as_it_takes(
    watched: Watched,
) -> None:
    lake = watched.lake
    watched.wait_for(watched.is_loaded)
    assert watched.runs() == ["SUCCESS"]

    lake.put_log(log_key("2018-11-03"), event(sessionId=3))  # A new day,
    lake.put_log(log_key("2018-11-01"), event(level="paid"))  # one overwritten,
    (lake.logs / log_key("2018-11-02")).unlink()  # one deleted,
    lake.put_song("late.json", song(song_id="SO0"))  # and a song for plays that are there.
    watched.wait_for(watched.is_loaded)
    assert len(watched.runs()) <= 3  # Two, if a tick came between the files.

    before = len(watched.runs())
    lake.put_log(log_key("2018-11-04"), b"broken")
    watched.wait_for(lambda: _is(watched.runs()[: -before or None], ["FAILURE", "FAILURE"]))
    time.sleep(9)  # Two more ticks: nobody tries a third time,
    assert len(watched.runs()) == before + 2
    lake.put_log(log_key("2018-11-05"), event(sessionId=5))  # the bad day holds up no other,
    watched.wait_for(lambda: _is(watched.runs()[0], "SUCCESS"))
    lake.put_log(log_key("2018-11-04"), event(sessionId=4))  # and mended it loads by itself.
    watched.wait_for(watched.is_loaded)
    after = len(watched.runs())
    assert after == before + 4
    time.sleep(9)
    assert len(watched.runs()) == after
    assert _versions(watched.dev) >= {"2018-11-01", "2018-11-03", "2018-11-04", "2018-11-05"}


def _is(found: object, wanted: object) -> None:
    assert found == wanted


def _versions(dev: Dev) -> set[str]:
    """The days of which Dagster was told which version is in the lake."""
    query = """{ assetNodeOrError(assetKey: {path: ["log_data"]}) { ... on AssetNode {
      assetObservations { partition } } } }"""
    told = dev.ask(query)["assetNodeOrError"]["assetObservations"]
    return {item["partition"] for item in told}
