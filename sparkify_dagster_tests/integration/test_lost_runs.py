"""The power goes while a run is under way: after the restart all loads by itself, within a minute.

`dagster dev` as `make dev` starts it, its history in SQLite, its runs begun by itself. All its
processes are killed at once in each state of a run. Runs that are alive and slow are left alone.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.integration.dagster_dev import (
    Dev,
    dagster_dev,
    environment,
    project_folder,
)
from sparkify_dagster_tests.integration.test_dagster_dev import job, launch
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.unit.defs.sensors.test_alerts import Receiver, receiver

pytestmark = [pytest.mark.integration, pytest.mark.drill]
SETTINGS = {"SPARKIFY_DAYS__LAST": "2018-11-05", "SPARKIFY_DUCKDB__LOCK_WAIT": "600"}
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
SLOW_MACHINE = 150.0
"""Seconds to wait for what takes less than a minute where nothing else runs."""
TERMINATE = """mutation($id: String!) { terminateRun(runId: $id) { __typename } }"""
EVENTS = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  __typename ... on MessageEvent { message } } } } }"""


@dataclass
class Place:
    """A folder with a lake, in which `dagster dev` runs, or no longer does."""

    folder: Path

    def __post_init__(self) -> None:
        self.lake = TinyLake(self.folder / "data" / "lake")
        self.lake.put_song("A/A/A/TR1.json", song())
        self.lake.put_log(log_key("2018-11-01"), event(), event(itemInSession=1))
        self.warehouse = self.folder / "data" / "warehouse.duckdb"

    def runs(self) -> dict[str, str]:
        """The status of each run there ever was, oldest first, as the history's file has it."""
        path = self.folder / ".dagster" / "history" / "runs.db"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as held:
                found = held.execute("SELECT run_id, status FROM runs ORDER BY id").fetchall()
        except sqlite3.OperationalError:
            return {}
        return dict(found)

    def wait_for(self, status: str, run_id: str = "") -> str:
        """Waits until a run, or the last one there is, is in a state, and gives its id."""
        deadline = time.monotonic() + SLOW_MACHINE
        while time.monotonic() < deadline:
            runs = self.runs()
            run = run_id or next(reversed(runs), "")
            if runs.get(run) == status:
                return run
            time.sleep(0.01)
        raise AssertionError(f"no run is {status}: {self.runs()}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the warehouse, so that loads wait."""
        self.warehouse.parent.mkdir(exist_ok=True)
        with until(lambda: duckdb.connect(str(self.warehouse)), duckdb.IOException):
            yield

    def is_loaded(self) -> None:
        """The tables are what the lake holds, and no run is under way."""
        assert set(self.runs().values()) <= set(ENDED)
        assert_equals_oracle(warehouse_at(self.warehouse, lock_wait=0), self.lake.expected())

    def loaded_again(self, began: float) -> float:
        """Waits until all is loaded, and gives the seconds since the restart."""
        until(self.is_loaded, AssertionError, WarehouseError)
        return time.monotonic() - began


def until(what: Callable[[], Any], *not_yet: type[Exception]) -> Any:
    """Tries until it goes, and gives what it gives."""
    deadline = time.monotonic() + SLOW_MACHINE
    while True:
        try:
            return what()
        except not_yet:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(project_folder(tmp_path))


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


def worker(dev: Dev) -> int:
    """The process that executes a run."""
    found = []
    for pid in dev.processes():
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"multiprocessing.spawn" in words:
            found.append(pid)
    assert len(found) == 1, found
    return found[0]


def _terminate(dev: Dev, run: str) -> None:
    with suppress(OSError):
        dev.ask(TERMINATE, id=run)


def cut_in(place: Place, dev: Dev, state: str, later: float) -> str:
    """Cuts the power while the sensor's run is in a state; gives the run.

    Args:
        later: Seconds after it begins to be STARTING: before and after a process of its own begins.
    """
    run = place.wait_for("QUEUED")
    if state == "QUEUED":
        dev.cut_power()
        return run
    with place.held():
        place.wait_for(state if state == "STARTING" else "STARTED", run)
        if state == "STARTING":
            time.sleep(later)
        elif state == "CANCELING":
            time.sleep(2)
            os.kill(worker(dev), signal.SIGSTOP)
            # It is answered when the process has ended, which is stopped.
            asks = threading.Thread(target=_terminate, args=(dev, run), daemon=True)
            asks.start()
            place.wait_for("CANCELING", run)
        else:
            time.sleep(2)  # It waits for the warehouse, in the op.
        dev.cut_power()
    assert place.runs()[run] == state
    return run


@pytest.mark.parametrize(
    ("state", "later"),
    [("STARTED", 0), ("STARTING", 0), ("STARTING", 1), ("QUEUED", 0), ("CANCELING", 0)],
)
def test_what_the_power_cut_off_is_ended_told_and_loaded_within_a_minute(
    place: Place, hook: Receiver, state: str, later: float
) -> None:
    settings = SETTINGS | {"SPARKIFY_ALERTS__WEBHOOK": hook.url}
    with dagster_dev(place.folder, settings) as dev:
        cut = cut_in(place, dev, state, later)
    place.lake.put_log(log_key("2018-11-03"), event(sessionId=3))
    began = time.monotonic()
    with dagster_dev(place.folder, settings) as dev:
        answered = time.monotonic() - began
        took = place.loaded_again(began)
        print(f"{state} {later}: UI after {answered:.0f} s, loaded after {took:.0f} s")
        time.sleep(35)  # Another tick of the lake's sensor: it has nothing to ask for.
        runs = place.runs()
        told = [e.get("message") or "" for e in dev.ask(EVENTS, id=cut)["logsForRun"]["events"]]
    ends = {"QUEUED": "SUCCESS", "CANCELING": "CANCELED"}
    assert list(runs.values()) == [ends.get(state, "FAILURE"), *["SUCCESS"] * (state != "QUEUED")]
    assert any("was ended: " in text for text in told) == (state != "QUEUED")
    told, again = hook.texts[:1], hook.texts[1:]  # The second may still be on its way.
    assert ["is gone" in text for text in told] == [True] * (ends.get(state) is None)
    assert all("the load works again" in text for text in again)
    assert len(again) <= len(told)
    assert took < SLOW_MACHINE


def test_a_run_of_the_ui_that_waits_behind_one_the_power_cut_off_gets_its_turn(
    place: Place,
) -> None:
    settings = SETTINGS | {"SPARKIFY_SENSOR__ENABLED": "no"}
    with dagster_dev(place.folder, settings) as dev, place.held():
        first = launch(dev, **job("load"))
        place.wait_for("STARTED", first)
        second = launch(dev, **job("load"))
        place.wait_for("QUEUED", second)
        dev.cut_power()
    began = time.monotonic()
    with dagster_dev(place.folder, settings) as dev:
        took = place.loaded_again(began)
        print(f"the run that waited had loaded after {took:.0f} s")
        assert place.runs() == {first: "FAILURE", second: "SUCCESS"}


def test_a_run_that_waits_for_long_or_is_stopped_for_a_while_is_left_alone(place: Place) -> None:
    with dagster_dev(place.folder, SETTINGS) as dev:
        run = place.wait_for("QUEUED")
        with place.held():
            place.wait_for("STARTED", run)
            time.sleep(2)
            process = worker(dev)
            time.sleep(45)
            os.kill(process, signal.SIGSTOP)
            time.sleep(45)
            assert place.runs() == {run: "STARTED"}
            os.kill(process, signal.SIGCONT)
        place.wait_for("SUCCESS", run)
        assert place.runs() == {run: "SUCCESS"}


def test_a_load_of_the_command_line_lives_on_when_the_daemon_dies_and_is_left_alone(
    place: Place,
) -> None:
    off = SETTINGS | {"SPARKIFY_SENSOR__ENABLED": "no"}
    with dagster_dev(place.folder, off) as dev:
        etl = subprocess.Popen(
            [sys.executable, "-m", "sparkify_dagster", "etl"],
            cwd=place.folder,
            env=environment(SETTINGS),
            start_new_session=True,
        )
        run = place.wait_for("STARTED")
        with place.held():
            dev.cut_power()
            with dagster_dev(place.folder, off):
                time.sleep(30)
                assert place.runs() == {run: "STARTED"}
    assert etl.wait(SLOW_MACHINE) == 0
    assert place.runs() == {run: "SUCCESS"}
