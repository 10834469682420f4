"""The real daemon: what is done to the lake is loaded, and what fails is told, by nobody's hand.

`dagster dev` runs in a folder of its own with its sensor on and a webhook. What is checked: the
tables, that there are no more runs than there is reason for, and that it is told once each that
something fails, is given up, and is loaded again, without a word of what records hold.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.model.catalog import STAGING
from sparkify_dagster.model.star import STAR
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.integration.dagster_dev import (
    Dev,
    dagster_dev,
    environment,
    project_folder,
)
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.unit.defs.sensors.test_alerts import TOKEN, Receiver, receiver

pytestmark = [pytest.mark.integration, pytest.mark.drill]
SETTINGS = {
    "SPARKIFY_DAYS__LAST": "2018-11-05",
    "SPARKIFY_SENSOR__INTERVAL": "5",
    "SPARKIFY_SENSOR__PAUSE": "1",
    "SPARKIFY_SENSOR__ATTEMPTS": "2",
}
BROKEN = "2018-11-04"
RAW = "Grace Hopper, 12 Navy Yard"


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

    def wait_for_ticks(self, ticks: int = 2) -> None:
        """Waits until the lake's sensor has looked so many times more."""
        query = """{ sensorOrError(sensorSelector: {repositoryName: "__repository__",
            repositoryLocationName: "sparkify_dagster", sensorName: "lake_sensor"}) {
            ... on Sensor { sensorState { ticks(limit: 20) { timestamp status } } } } }"""
        began = time.time()

        def looked() -> None:
            told = self.dev.ask(query)["sensorOrError"]["sensorState"]["ticks"]
            ended = [t for t in told if t["timestamp"] > began and t["status"] != "STARTED"]
            assert len(ended) >= ticks

        self.wait_for(looked)

    def is_loaded(self) -> None:
        """The tables are what the lake holds, and no run is under way."""
        assert set(self.runs()) <= {"SUCCESS", "FAILURE"}
        warehouse = warehouse_at(self.folder / "data" / "warehouse.duckdb", lock_wait=0)
        assert_equals_oracle(warehouse, self.lake.expected())


@pytest.fixture(scope="module")
def hook() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, hook: Receiver) -> Iterator[Watched]:
    folder = project_folder(tmp_path_factory.mktemp("project"))
    lake = TinyLake(folder / "data" / "lake")
    lake.put_song("A/A/A/TR1.json", song())
    for day in ("2018-11-01", "2018-11-02"):
        lake.put_log(log_key(day), event(), event(itemInSession=1))
    told = {"SPARKIFY_ALERTS__WEBHOOK": hook.url, "SPARKIFY_ALERTS__STALE_HOURS": "3"}
    with dagster_dev(folder, SETTINGS | told) as dev:
        yield Watched(lake, folder, dev)


def test_what_happens_to_the_lake_is_loaded_by_itself_and_by_as_few_runs_as_it_takes(
    watched: Watched, hook: Receiver
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
    lake.put_log(log_key(BROKEN), RAW.encode(), event(level=RAW), event(sessionId=RAW))
    watched.wait_for(lambda: _is(watched.runs()[: -before or None], ["FAILURE", "FAILURE"]))
    watched.wait_for_ticks()  # Nobody tries a third time,
    assert len(watched.runs()) == before + 2
    assert _etl(watched) == 1  # unless it is a person, who fails as well.
    watched.wait_for(lambda: _is(len(hook.texts), 2))
    lake.put_log(log_key("2018-11-05"), event(sessionId=5))  # the bad day holds up no other,
    watched.wait_for(lambda: _is(watched.runs()[0], "SUCCESS"))
    lake.put_log(log_key(BROKEN), event(sessionId=4))  # and mended it loads by itself.
    watched.wait_for(watched.is_loaded)
    after = len(watched.runs())
    assert after == before + 5
    watched.wait_for_ticks()
    assert len(watched.runs()) == after
    watched.wait_for(lambda: _is(len(hook.texts), 3))
    assert _versions(watched.dev) >= {"2018-11-01", "2018-11-03", BROKEN, "2018-11-05"}


def test_a_day_that_fails_is_told_and_that_it_is_given_up_and_that_it_is_loaded_again(
    hook: Receiver,
) -> None:
    assert [text.splitlines()[0].removeprefix("Sparkify: ") for text in hook.texts] == [
        f"{BROKEN} failed.",
        f"{BROKEN} is given up: tried 2 times, left alone until the lake changes or "
        "`sparkify retry`.",
        f"{BROKEN} is loaded again.",
    ]
    for text in hook.texts[:2]:
        assert f"{BROKEN} was not published: " in text
        assert f"`sparkify retry {BROKEN}`" in text
    for text in hook.texts:
        for value in ("Grace", "Hopper", "Navy", "Ada", "Byron", "Reno", "Muse"):
            assert value not in text


def test_the_tables_have_a_freshness_that_dagster_shows(watched: Watched) -> None:
    query = """{ assetNodes { assetKey { path } freshnessStatusInfo { freshnessStatus }
      internalFreshnessPolicy { ... on TimeWindowFreshnessPolicy {
        failWindowSeconds warnWindowSeconds } } } }"""

    def nodes() -> dict[str, dict[str, object]]:
        return {node["assetKey"]["path"][0]: node for node in watched.dev.ask(query)["assetNodes"]}

    windows = {name: node["internalFreshnessPolicy"] for name, node in nodes().items()}
    assert windows["songplay"] == {"failWindowSeconds": 3 * 3600, "warnWindowSeconds": 5400}
    with_one = {name for name, window in windows.items() if window}
    assert with_one >= {table.name for table in (*STAGING, *STAR)}
    wanted = {"freshnessStatus": "HEALTHY"}
    watched.wait_for(lambda: _is(nodes()["songplay"]["freshnessStatusInfo"], wanted), 40)


def test_the_token_is_nowhere_in_what_dagster_keeps_or_shows(watched: Watched) -> None:
    files = [watched.folder / "dev.log", *(watched.folder / ".dagster").rglob("*")]
    held = [path for path in files if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert len(files) > 5
    assert held == []
    shown = watched.dev.ask(
        """{ repositoryOrError(repositorySelector: {repositoryName: "__repository__",
        repositoryLocationName: "sparkify_dagster"}) { ... on Repository {
        sensors { name description sensorState { status } }
        allTopLevelResourceDetails { name configuredValues { key value } } } } }"""
    )["repositoryOrError"]
    assert TOKEN not in str(shown)
    states = {sensor["name"]: sensor["sensorState"]["status"] for sensor in shown["sensors"]}
    assert (states["run_alerts"], states["staleness_alerts"]) == ("RUNNING", "RUNNING")


def _etl(watched: Watched) -> int:
    """`sparkify etl` in the same folder, with another process's settings; its exit code."""
    told = {"SPARKIFY_DAYS__LAST": SETTINGS["SPARKIFY_DAYS__LAST"]}
    command = [sys.executable, "-m", "sparkify_dagster", "etl"]
    done = subprocess.run(command, cwd=watched.folder, env=environment(told), check=False)
    return done.returncode


def _is(found: object, wanted: object) -> None:
    assert found == wanted


def _versions(dev: Dev) -> set[str]:
    """The days of which Dagster was told which version is in the lake."""
    query = """{ assetNodeOrError(assetKey: {path: ["log_data"]}) { ... on AssetNode {
      assetObservations { partition } } } }"""
    told = dev.ask(query)["assetNodeOrError"]["assetObservations"]
    return {item["partition"] for item in told}
