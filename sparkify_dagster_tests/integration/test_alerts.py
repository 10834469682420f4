"""A real daemon with a webhook: a broken day is told once per failed run, and nothing leaks.

The lake's sensor, the command line and the freshness daemon all work in the same folder.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.dagster_dev import (
    Dev,
    dagster_dev,
    environment,
    project_folder,
)
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, song
from sparkify_dagster_tests.unit.test_alerts import TOKEN, Receiver, receiver

pytestmark = pytest.mark.integration
BROKEN = "2018-11-02"
RAW = "Grace Hopper, 12 Navy Yard"


@dataclass
class Alerted:
    """A folder with a broken day under a daemon that has a webhook."""

    folder: Path
    settings: dict[str, str]
    dev: Dev
    hook: Receiver

    def failed_runs(self) -> set[str]:
        query = "{ runsOrError { ... on Runs { results { runId status } } } }"
        runs = self.dev.ask(query)["runsOrError"]["results"]
        return {run["runId"] for run in runs if run["status"] == "FAILURE"}

    def told_runs(self) -> list[str]:
        return [text.rpartition("Run: ")[2] for text in self.hook.texts]


@pytest.fixture(scope="module")
def alerted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alerted]:
    folder = project_folder(tmp_path_factory.mktemp("project"))
    lake = TinyLake(folder / "data" / "lake")
    lake.put_song("A/A/A/TR1.json", song())
    lake.put_log(log_key("2018-11-01"), event(), event(itemInSession=1))
    lake.put_log(log_key(BROKEN), RAW.encode(), event(level=RAW), event(sessionId=RAW))
    with receiver() as hook:
        settings = {
            "SPARKIFY_DAYS__LAST": "2018-11-05",
            "SPARKIFY_SENSOR__INTERVAL": "5",
            "SPARKIFY_SENSOR__ATTEMPTS": "1",
            "SPARKIFY_ALERTS__WEBHOOK": hook.url,
            "SPARKIFY_ALERTS__STALE_HOURS": "3",
        }
        with dagster_dev(folder, settings) as dev:
            yield Alerted(folder, settings, dev, hook)


def _until(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_each_failed_run_is_told_once_whoever_began_it(alerted: Alerted) -> None:
    _until(lambda: len(alerted.hook.texts) == 1)
    command = [sys.executable, "-m", "sparkify_dagster", "etl"]
    done = subprocess.run(
        command,
        cwd=alerted.folder,
        env=environment(alerted.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    _until(lambda: len(alerted.hook.texts) == 2)
    time.sleep(6)  # Another tick says nothing more.
    assert sorted(alerted.told_runs()) == sorted(alerted.failed_runs())
    for text in alerted.hook.texts:
        assert "a run of `load` failed" in text
        assert f"{BROKEN} was not published: " in text
        assert f"`sparkify retry {BROKEN}`" in text
        for value in ("Grace", "Hopper", "Navy", "Ada", "Byron", "Reno", "Muse"):
            assert value not in text


def test_the_tables_have_a_freshness_that_dagster_shows(alerted: Alerted) -> None:
    query = """{ assetNodes { assetKey { path } freshnessStatusInfo { freshnessStatus }
      internalFreshnessPolicy { ... on TimeWindowFreshnessPolicy {
        failWindowSeconds warnWindowSeconds } } } }"""

    def nodes() -> dict[str, dict[str, object]]:
        return {node["assetKey"]["path"][0]: node for node in alerted.dev.ask(query)["assetNodes"]}

    windows = {name: node["internalFreshnessPolicy"] for name, node in nodes().items()}
    assert len(windows) == 10
    assert windows["songplay"] == {"failWindowSeconds": 3 * 3600, "warnWindowSeconds": 5400}
    assert sum(window is not None for window in windows.values()) == 7
    wanted = {"freshnessStatus": "HEALTHY"}
    _until(lambda: nodes()["songplay"]["freshnessStatusInfo"] == wanted, 40)


def test_the_token_is_nowhere_in_what_dagster_keeps_or_shows(alerted: Alerted) -> None:
    files = [alerted.folder / "dev.log", *(alerted.folder / ".dagster").rglob("*")]
    held = [path for path in files if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert len(files) > 5
    assert held == []
    shown = alerted.dev.ask(
        """{ repositoryOrError(repositorySelector: {repositoryName: "__repository__",
        repositoryLocationName: "sparkify_dagster"}) { ... on Repository {
        sensors { name description sensorState { status } }
        allTopLevelResourceDetails { name configuredValues { key value } } } } }"""
    )["repositoryOrError"]
    assert TOKEN not in str(shown)
    states = {sensor["name"]: sensor["sensorState"]["status"] for sensor in shown["sensors"]}
    assert (states["run_alerts"], states["staleness_alerts"]) == ("RUNNING", "RUNNING")
