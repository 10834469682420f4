"""Running one contender in a process of its own and seeing what it took.

What belongs here: the child's time, its peak memory, its last line. Which child, and what its
numbers mean, is decided elsewhere. This process stays small on purpose: on Linux a child's peak
memory counts from that of the process it was started by.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_FORGOTTEN = ("SPARKIFY_", "DAGSTER_", "DBT_", "SPARK_")


class ChildFailed(Exception):
    """The child ended badly, or was stopped; says how."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a child took.

    Attributes:
        wall: Seconds from its start to its end.
        seconds: Seconds of the work as it told them, without its start and imports; else `wall`.
        cpu: Seconds of processor time, its own children's included.
        peak_mb: The most memory one process of its held, in MB (10^6 bytes).
        told: All it told.
    """

    wall: float
    seconds: float
    cpu: float
    peak_mb: float
    told: dict[str, Any] = field(default_factory=dict)


def run(
    words: Sequence[str], folder: Path, timeout: float, variables: Mapping[str, str] | None = None
) -> Taken:
    """Runs a program to its end.

    Args:
        folder: Where it works.
        timeout: Seconds after which it is stopped, with all that it has started.

    Raises:
        ChildFailed: It ended with another code than 0, or was stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        child = subprocess.Popen(
            words,
            cwd=folder,
            env=_environment(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        stopped = threading.Event()
        timer = threading.Timer(timeout, _stop, (child.pid, stopped))
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        finally:
            timer.cancel()
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if stopped.is_set():
            raise ChildFailed(f"stopped after {timeout:.0f} s: out of time")
        if child.returncode:
            raise ChildFailed(f"ended with {child.returncode}: {_end_of(err)}")
        told = _last_line(out)
    return Taken(
        wall,
        float(told.get("seconds", wall)),
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * 1024 / 1e6,
        told,
    )


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_FORGOTTEN)}
    return kept | {"PYTHONPATH": str(ROOT)} | dict(variables)


def _stop(pid: int, stopped: threading.Event) -> None:
    stopped.set()
    os.killpg(pid, signal.SIGKILL)


def _end_of(file: Any) -> str:
    file.seek(0)
    lines = file.read().decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if any(map(str.isalpha, line))]
    return said[-1][:300] if said else "it said nothing"


def _last_line(file: Any) -> dict[str, Any]:
    file.seek(0)
    lines = file.read().decode(errors="replace").strip().splitlines()
    try:
        told = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
