"""A running `dagster dev` for tests: started in a folder of its own, spoken to over GraphQL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
_FILES = ("pyproject.toml", "workspace.yaml", "dagster.yaml")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that works in a folder of its own with the given settings.

    Loads write no report unless they are told to: it would cost each process half a second.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SPARKIFY_", "DAGSTER_"))}
    quick = {"SPARKIFY_REPORT__ENABLED": "no"}
    return kept | quick | dict(settings) | {"PYTHONPATH": str(ROOT)}


def project_folder(folder: Path) -> Path:
    """Lays the files that Dagster's commands read from a checkout's root into a folder."""
    for name in _FILES:
        shutil.copy(ROOT / name, folder / name)
    (folder / "sparkify_dagster").symlink_to(ROOT / "sparkify_dagster")
    return folder


@dataclass(frozen=True)
class Dev:
    """A `dagster dev` that answers."""

    url: str
    session: int = 0

    def cut_power(self) -> None:
        """Kills all its processes at once, whatever they are at."""
        _kill(self.processes())

    def processes(self) -> list[int]:
        """Those of its session that live."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is(pid)]

    def _is(self, pid: int) -> bool:
        try:
            told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        return told[0] != "Z" and int(told[3]) == self.session

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Sends a GraphQL query; fails on errors in the answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def finished(self, run_id: str, seconds: float = 90) -> str:
        """Waits for a run to end and gives its status."""
        query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.ask(query, id=run_id)["runOrError"]["status"]
            if status in ("SUCCESS", "FAILURE", "CANCELED"):
                return status
            time.sleep(0.5)
        raise AssertionError(f"run {run_id} did not end within {seconds} s")


@contextmanager
def dagster_dev(folder: Path, settings: Mapping[str, str], seconds: float = 120) -> Iterator[Dev]:
    """Starts `dagster dev` in a project folder on a free port, and ends it."""
    port = _free_port()
    log = folder / "dev.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(BIN / "dagster"), "dev", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=environment(settings),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_let_interrupts_through,
        )
    dev = Dev(f"http://127.0.0.1:{port}", process.pid)
    try:
        _wait_for(dev, process, log, seconds)
        yield dev
    finally:
        _end(process)


def _wait_for(dev: Dev, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            dev.ask("{ version }")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"dagster dev did not answer: {log.read_text()[-3000:]}")


def _let_interrupts_through() -> None:
    # A process started from a background job inherits an ignored SIGINT.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _kill(processes: Iterable[int]) -> None:
    for signal_ in (signal.SIGSTOP, signal.SIGKILL):  # Stopped first: none sees another die.
        for pid in processes:
            with suppress(ProcessLookupError):
                os.kill(pid, signal_)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
