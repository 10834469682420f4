"""`sparkify watch`: the sensor's work without Dagster's daemon, until somebody ends it.

What belongs here: looking, loading and pausing. What a look comes to is decided in `triggers`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sparkify_dagster.cli.console import complain, say
from sparkify_dagster.cli.etl import load
from sparkify_dagster.cli.home import end_lost_runs, home_for
from sparkify_dagster.cli.outcome import show_outcome
from sparkify_dagster.cli.pipes import is_left
from sparkify_dagster.core.errors import CloudError
from sparkify_dagster.defs.sensors.triggers import (
    RetryPolicy,
    Run,
    SensorCursor,
    apply_events,
    decide,
    held_back,
    must_list,
    no_events,
    nothing_due,
    seen,
)
from sparkify_dagster.factory import events_of, open_lake, open_queue, open_warehouse
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.notifications import Watched
from sparkify_dagster.pipeline.plan import Request, held_against, pending
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse.engine import WarehouseError

if TYPE_CHECKING:
    from sparkify_dagster.defs.instance import Loader

_REQUEST = "watch"


class Watch:
    """Remembers what was dealt with, and how the loads for it went."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._patience = RetryPolicy(settings.sensor.attempts, settings.sensor.pause)
        self._queue = open_queue(settings)
        self._events = events_of(settings)
        self._loader: Loader | None = None
        self._clock = clock
        self._memory = SensorCursor()
        self._ended: list[tuple[bool, float]] = []
        self._loaded = 0.0
        self._said = ""

    @property
    def is_told(self) -> bool:
        """Whether the lake tells of changes by itself, wherever it lies."""
        return self._events.listen()

    def wait(self) -> bool:
        """Waits until the lake tells of a change, or for the next look; says whether it told."""
        return self._events.wait(self._settings.sensor.interval)

    def check(self) -> None:
        """One look at the lake, and a load if there is something to do.

        Where a queue tells of the lake's events, it is asked first whether to look at all.
        """
        self._events.listen()  # From before the look: nothing is missed in between.
        try:
            end_lost_runs()
            why = self._unheard() or self._deal_with()
        except (LakeError, CloudError, WarehouseError) as error:
            complain(str(error))
            return
        if why and why != self._said:
            say(f"{datetime.now():%H:%M:%S}  {why}")
        self._said = why

    def _unheard(self) -> str:
        """Why the lake need not be listed; blank: it must be."""
        if self._queue is None:
            return ""
        watched = Watched(tuple(self._settings.s3.places.values()))
        told = self._queue.told(watched, self._memory.receipts)
        self._memory = apply_events(self._memory, told)
        every = self._settings.sensor.list_every
        if waits := self._held_back():
            return waits
        if must_list(self._memory, self._runs(), self._patience, self._clock(), every):
            return ""
        return no_events(told)

    def _held_back(self) -> str:
        return held_back(self._loaded, self._settings.sensor.load_every, self._clock())

    def _runs(self) -> list[Run]:
        """How the loads for the remembered state of the lake went."""
        clock = self._clock()
        return [Run("success" if good else "failure", clock - at) for good, at in self._ended]

    def _deal_with(self) -> str:
        # An event that comes from here on is about what this listing may not show.
        listed = self._clock()
        listing = open_lake(self._settings).snapshot()
        now = seen(listing)
        found = decide(now, self._memory, self._runs(), self._patience)
        self._memory = replace(self._memory, listed=listed, dirty=False)
        if not (found.look or found.ask):
            return found.why
        if waits := self._held_back():
            self._memory = replace(self._memory, dirty=True)
            return f"{found.why}; {waits}"
        snapshot, held = held_against(listing, open_warehouse(self._settings))
        todo = pending(snapshot, held, Request("due"), self._patience.attempts)
        if found.look:
            self._ended = []
        left, request = len(todo.given_up), "" if todo.is_nothing else _REQUEST
        self._memory = replace(self._memory, state=now.state, request=request, given_up=left)
        if todo.is_nothing:
            return f"{nothing_due(left)}; waiting for the lake to change"
        self._load()
        return ""

    def ready(self) -> Loader:
        """What runs the loads; made once, which takes seconds."""
        if self._loader is None:
            from sparkify_dagster.defs.instance import Loader

            self._loader = Loader(self._settings, home_for(self._settings))
        return self._loader

    def close(self) -> None:
        """Lets go of the lake and of Dagster's history."""
        self._events.close()
        if self._loader is not None:
            self._loader.close()

    def _load(self) -> None:
        say(f"{datetime.now():%H:%M:%S}  loading what changed")
        result = load(self._settings, due=True, loader=self.ready())
        self._loaded = self._clock()
        self._ended.append((result.success, self._loaded))
        show_outcome(result, open_warehouse(self._settings))
        say()


def run_watch(settings: Settings) -> None:
    """Looks as the lake changes and now and then, until stopped or nobody reads what it says."""
    interval = settings.sensor.interval
    with closing(Watch(settings)) as watch:
        heard_of = "asked for events" if settings.s3.queue else "a look"
        at_once = " and as soon as it changes" if watch.is_told else ""
        say(f"Watching the lake, {heard_of} every {interval} s{at_once}. Ctrl-C ends it.")
        while not is_left(sys.stdout):
            watch.check()
            watch.ready()
            watch.wait()
