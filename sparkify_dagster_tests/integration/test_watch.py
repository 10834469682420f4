"""`sparkify watch` as a process: what changes in a folder is loaded as soon as it is there.

Looks that come by themselves are an hour apart: what is seen was told.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.cli_process import COMMAND, runs, until
from sparkify_dagster_tests.integration.dagster_dev import environment
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells"),
]
FIRST, LATER = log_key("2018-11-01"), log_key("2018-12-01")


class Watched:
    """A lake that a process watches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = TinyLake(folder / "data" / "lake")
        self.warehouse = warehouse_at(folder / "data" / "warehouse.duckdb")
        self.said = folder / "said.txt"

    def wait_for_loads(self, number: int) -> None:
        """Waits until so many loads have come to their end, and holds the last to the oracle."""
        until(lambda: self.said.read_text().count("Run ") == number)
        assert_equals_oracle(self.warehouse, self.lake.expected())
        assert self.said.read_text().count("loading what changed") == number


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A lake with a song and a day, whose process has loaded them."""
    watched = Watched(tmp_path)
    watched.lake.put_song("a.json", song())
    watched.lake.put_log(FIRST, event())
    told = {"SPARKIFY_SENSOR__INTERVAL": "3600", "SPARKIFY_REPORT__ENABLED": "no"}
    with watched.said.open("wb") as said:
        process = subprocess.Popen(
            [*COMMAND, "watch"],
            cwd=tmp_path,
            env=environment(told),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            watched.wait_for_loads(1)
            yield watched
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    assert "Traceback" not in watched.said.read_text()


def test_what_is_dropped_overwritten_and_deleted_is_loaded_once_each(watched: Watched) -> None:
    assert "and as soon as it changes" in watched.said.read_text()
    watched.lake.put_log(LATER, event(sessionId=2), event(sessionId=3))
    watched.wait_for_loads(2)
    watched.lake.put_song("a.json", song(duration=1.5))
    watched.wait_for_loads(3)
    (watched.lake.logs / LATER).unlink()
    watched.wait_for_loads(4)
    assert runs(watched.folder) == 4
    # Its history is removed under it, as by hand: the next load makes another.
    shutil.rmtree(watched.folder / ".dagster")
    watched.lake.put_log(LATER, event(sessionId=4))
    watched.wait_for_loads(5)
    assert runs(watched.folder) == 1
