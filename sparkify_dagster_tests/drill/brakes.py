"""Runs one of Dagster's commands, which stops where it is wanted: `brakes.py FOLDER COMMAND …`.

A process that is about to record an event, or has just done so, waits as long as the folder holds a
file of that name (`before-PIPELINE_START`), and says so by another one, with its number. So it can
be killed in each state of a run, however fast it passes through it. Its clock is ahead by as many
seconds as the folder's file `clock` says. All else is Dagster's own.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import dagster as dg
import grpc._channel
import grpc._server
import time_machine

FOLDER = "DRILL_BRAKES"
_store = dg.DagsterInstance.handle_new_event


def _wait(point: str) -> None:
    wanted = Path(os.environ[FOLDER], point)
    while wanted.exists():
        wanted.with_name(f"{point}.{os.getpid()}").touch()
        time.sleep(0.05)


def _braked(instance: dg.DagsterInstance, event: dg.EventLogEntry, **batch: Any) -> None:
    kind = event.dagster_event.event_type_value if event.dagster_event else "LOG"
    _wait(f"before-{kind}")
    _store(instance, event, **batch)
    _wait(f"after-{kind}")


def _keep_the_clock(file: Path) -> None:
    true = SimpleNamespace(**vars(time) | {"time": time_machine.escape_hatch.time.time})
    for module in (grpc._channel, grpc._server):  # Their core keeps deadlines by the true clock.
        module.time = true
    with time_machine.travel(time.time(), tick=True) as clock:
        ahead = 0.0
        while True:
            with suppress(OSError, ValueError):
                wanted = float(file.read_text())
                clock.shift(wanted - ahead)
                ahead = wanted
            time.sleep(0.05)


if FOLDER in os.environ:  # In the process of a run as well: it begins by importing this module.
    dg.DagsterInstance.handle_new_event = _braked  # type: ignore[method-assign]
    clock = Path(os.environ[FOLDER], "clock")
    Thread(target=_keep_the_clock, args=(clock,), daemon=True).start()

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    if "." in sys.argv[0]:  # A module of ours.
        sys.exit(import_module(sys.argv[0]).main())
    (command,) = entry_points(group="console_scripts", name=sys.argv[0])
    sys.exit(command.load()())
