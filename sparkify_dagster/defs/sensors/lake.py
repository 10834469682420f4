"""The sensor: it looks at the lake now and then, and asks for a load when there is something to do.

What belongs here: looking, asking Dagster, remembering. What a look comes to is decided in
`triggers`, what a run loads in `pipeline.plan`.
"""

import time
import uuid
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace

import dagster as dg

from sparkify_dagster.defs.assets import LOG_DATA, SONG_DATA
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.defs.load_op import LoadConfig
from sparkify_dagster.defs.resources import BoundsResource, LakeResource, WarehouseResource
from sparkify_dagster.defs.sensors.lost_runs import end_lost, is_lost
from sparkify_dagster.defs.sensors.triggers import (
    Changes,
    RetryPolicy,
    Run,
    RunState,
    SensorCursor,
    apply_events,
    decide,
    held_back,
    must_list,
    no_events,
    nothing_due,
    remembered,
    seen,
    to_observe,
)
from sparkify_dagster.lake.changes import Part, objects_in
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.pipeline.plan import Pending, Request, held_against, pending, summed_up
from sparkify_dagster.settings import SensorSettings
from sparkify_dagster.warehouse.engine import WarehouseBusy

SENSOR = "lake_sensor"
REQUEST_TAG = "sparkify/request"
LOADS_TAG = "sparkify/loads"
_LISTING_SECONDS = 40.0
"""A tick may take a minute. A listing that takes longer goes on, and a later tick takes it over."""
_GLANCE_SECONDS = 0.5
_DATA_VERSION = "dagster/data_version"
_GONE = "gone"


def lake_sensor(settings: SensorSettings) -> dg.SensorDefinition:
    """Watches the lake, a folder or a bucket, and loads what changed."""
    patience = RetryPolicy(settings.attempts, settings.pause)
    listings = _Listings()

    @dg.sensor(
        name=SENSOR,
        job_name=LOAD_JOB,
        minimum_interval_seconds=settings.interval,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.enabled
        else dg.DefaultSensorStatus.STOPPED,
        description="Loads what was added, overwritten or deleted in the lake.",
    )
    def watch(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[LakeResource],
        warehouse: dg.ResourceParam[WarehouseResource],
        bounds: dg.ResourceParam[BoundsResource],
    ) -> dg.SensorResult:
        memory = remembered(context.cursor)
        runs = _runs(context, memory)
        news, waits = False, _held_back(context, settings.load_every)
        if (queue := lake.queue()) is not None:
            told = queue.told(lake.watched(), memory.receipts)
            news, memory = told.ours, apply_events(memory, told)
            if waits or not must_list(memory, runs, patience, time.time(), settings.list_every):
                return _skipped(waits or no_events(told), memory)
        listing = listings.latest(lake, news=news)
        if listing is None:
            return _skipped("the lake is still being listed", replace(memory, dirty=True))
        # A day that was there once stays one, whatever the clock says now.
        snapshot = listing.snapshot.reaching(max(memory.days, default=""))
        now = seen(snapshot)
        found = decide(now, memory, runs, patience)
        running = any(run.state == "running" for run in runs)
        unsettled = running and (memory.dirty or now.state != memory.state)
        memory = replace(memory, listed=listing.begun, dirty=unsettled or listing.is_past)
        untold, memory = to_observe(now, memory)
        if to_observe(now, memory)[0].days:  # More than can be told at once: look again soon.
            memory = replace(memory, dirty=True)
        events = _observations(untold, snapshot)
        if not (found.look or found.ask):
            return _skipped(found.why, memory, events)
        if waits:
            return _skipped(f"{found.why}; {waits}", replace(memory, dirty=True), events)
        try:
            known, held = held_against(listing.snapshot, warehouse.open(lock_wait=_GLANCE_SECONDS))
        except WarehouseBusy:
            # Not remembered as dealt with: the next tick finds it changed again.
            waiting = replace(memory, dirty=True)
            return _skipped("another process writes to the warehouse; not now", waiting, events)
        todo = pending(known, held, Request("due"), bounds.attempts)
        empty = known.is_empty and held.is_nothing
        if empty or todo.is_nothing:
            left = len(todo.given_up)
            why = ". ".join(["the lake is empty", *known.told]) if empty else nothing_due(left)
            memory = replace(memory, state=now.state, request="", given_up=left)
            return _skipped(why, memory, events)
        if found.look:
            request = uuid.uuid4().hex[:12]
            memory = replace(memory, state=now.state, request=request, given_up=0)
        context.log.info(f"{found.why}: asking for a load of {summed_up(todo)}")
        return _asked(found.ask or 1, memory, todo, events)

    return watch


@dataclass(frozen=True, slots=True)
class _Listing:
    """The lake as it was listed.

    Attributes:
        begun: When, in seconds of the epoch.
        is_past: Something happened in the lake after that.
    """

    snapshot: Snapshot
    begun: float
    is_past: bool


class _Listings:
    """Listings of the lake, which may take longer than a tick has time."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[Snapshot] | None = None
        self._begun = 0.0
        self._is_past = False

    def latest(self, lake: LakeResource, *, news: bool) -> _Listing | None:
        """The lake as listed just now, or by the listing an earlier tick began; None: not yet.

        Args:
            news: Something has happened in the lake.

        Raises:
            LakeError: It cannot be listed.
        """
        if self._running is None:
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="lake-listing")
            self._begun, self._is_past = time.time(), False
            self._running = self._pool.submit(lambda: lake.open().snapshot())
        else:
            self._is_past = self._is_past or news
        try:
            found = self._running.result(timeout=_LISTING_SECONDS)
        except NotYet:
            return None
        except Exception:
            self._running = None
            raise
        self._running = None
        return _Listing(found, self._begun, self._is_past)


def _runs(context: dg.SensorEvaluationContext, memory: SensorCursor) -> list[Run]:
    """The runs that were asked for because of the remembered state."""
    if not memory.request:
        return []
    end_lost(context.instance)  # The sensor that does this may have its turn later.
    asked = dg.RunsFilter(job_name=LOAD_JOB, tags={REQUEST_TAG: memory.request})
    now = time.time()
    return [
        Run(_state(context.instance, record.dagster_run), now - (record.end_time or now))
        for record in context.instance.get_run_records(asked)
    ]


def _held_back(context: dg.SensorEvaluationContext, every: int) -> str:
    """Why nothing is loaded yet, whoever loaded last; the warehouse need not be asked for that."""
    if not every:
        return ""
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    loads = dg.RunsFilter(job_name=LOAD_JOB, statuses=finished)
    ended = [run.end_time or 0.0 for run in context.instance.get_run_records(loads, limit=1)]
    return held_back(max(ended, default=0.0), every, time.time())


def _state(instance: dg.DagsterInstance, run: dg.DagsterRun) -> RunState:
    if not run.is_finished:
        return "running"
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return "success"
    if run.status is dg.DagsterRunStatus.CANCELED:
        return "canceled"
    return "lost" if is_lost(instance, run) else "failure"


def _observations(news: Changes, snapshot: Snapshot) -> list[dg.AssetObservation]:
    """Tells Dagster which versions of the sources are in the lake, and how large they are."""
    told = [
        dg.AssetObservation(
            LOG_DATA,
            partition=day,
            metadata=_extent([snapshot.days[day]] if digest else []),
            tags={_DATA_VERSION: digest or _GONE},
        )
        for day, digest in news.days.items()
    ]
    if news.songs:
        songs = _extent(snapshot.songs.values())
        told.append(
            dg.AssetObservation(SONG_DATA, metadata=songs, tags={_DATA_VERSION: news.songs})
        )
    return told


def _extent(parts: Collection[Part]) -> dict[str, int]:
    return {"objects": objects_in(parts), "bytes": sum(part.size for part in parts)}


def _asked(
    number: int, memory: SensorCursor, todo: Pending, events: list[dg.AssetObservation]
) -> dg.SensorResult:
    request = dg.RunRequest(
        run_key=f"{memory.request}#{number}",
        run_config=LoadConfig(what="due").as_run_config(),
        tags={REQUEST_TAG: memory.request, LOADS_TAG: summed_up(todo)},
    )
    return dg.SensorResult([request], cursor=memory.text(), asset_events=events)


def _skipped(
    why: str, memory: SensorCursor, events: list[dg.AssetObservation] | None = None
) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=why, cursor=memory.text(), asset_events=events or [])
