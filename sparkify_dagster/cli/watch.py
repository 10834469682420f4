"""`sparkify watch`: the sensor's work without Dagster's daemon, until somebody ends it.

What belongs here: looking, loading and pausing. What a look comes to is decided in `triggers`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from sparkify_dagster.cli.console import complain, say
from sparkify_dagster.cli.etl import load
from sparkify_dagster.cli.outcome import show_outcome
from sparkify_dagster.lake.errors import CloudError, LakeError
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.places import open_lake, open_warehouse
from sparkify_dagster.settings import Settings
from sparkify_dagster.triggers import Memory, Patience, Run, seen, verdict
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.pending import loaded, pending

_REQUEST = "watch"


class Watch:
    """Remembers what was dealt with, and how the loads for it went."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._memory = Memory()
        self._ended: list[tuple[bool, float]] = []
        self._said = ""

    def look(self) -> None:
        """One look at the lake, and a load if there is something to do."""
        try:
            snapshot = open_lake(self._settings).look()
            why = self._deal_with(snapshot)
        except (LakeError, CloudError, WarehouseError) as error:
            complain(str(error))
            return
        if why and why != self._said:
            say(f"{datetime.now():%H:%M:%S}  {why}")
        self._said = why

    def _deal_with(self, snapshot: Snapshot) -> str:
        now = seen(snapshot)
        clock = self._clock()
        runs = [Run("success" if good else "failure", clock - at) for good, at in self._ended]
        sensor = self._settings.sensor
        found = verdict(now, self._memory, runs, Patience(sensor.attempts, sensor.pause))
        if not (found.look or found.ask):
            return found.why
        if found.look:
            todo = pending(
                snapshot, loaded(open_warehouse(self._settings)), attempts=sensor.attempts
            )
            self._ended = []
            self._memory = Memory(state=now.state)
            if todo.is_nothing or (snapshot.is_empty and not todo.star):
                return "nothing to load; waiting for the lake to change"
        self._memory = Memory(state=now.state, request=_REQUEST)
        self._load()
        return ""

    def _load(self) -> None:
        say(f"{datetime.now():%H:%M:%S}  loading what changed")
        result = load(self._settings, due=True)
        self._ended.append((result.success, self._clock()))
        show_outcome(result, open_warehouse(self._settings))
        say()


def run_watch(settings: Settings) -> None:
    """Looks now and then, for ever."""
    interval = settings.sensor.interval
    say(f"Watching the lake, a look every {interval} s. Ctrl-C ends it.")
    watch = Watch(settings)
    while True:
        watch.look()
        time.sleep(interval)
