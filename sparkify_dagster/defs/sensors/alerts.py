"""The sensors that tell people: of what failed in a run or is well again, and of stale tables.

What belongs here: asking Dagster's records what happened, and remembering what was told. The words
and the sending are `alerts`'. No tick opens the warehouse or the lake.

Dagster's own run status sensors are not used. They begin with what happens after their first tick,
look at five events a tick, one status each, miss the runs of `dagster job execute`, and count an
event as dealt with when the message could not be sent.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import dagster as dg
from pydantic import ConfigDict

from sparkify_dagster.core.text import count
from sparkify_dagster.defs.assets import LOG_DATA, SONG_DATA
from sparkify_dagster.defs.jobs import is_ours
from sparkify_dagster.defs.sensors.alert_policy import (
    Delivery,
    Freshness,
    Known,
    Message,
    send,
    staleness,
    transitions,
)
from sparkify_dagster.defs.sensors.cursor import read_cursor
from sparkify_dagster.defs.sensors.ended_runs import ended_run
from sparkify_dagster.model.star import SONGPLAY
from sparkify_dagster.settings import AlertsSettings, SensorSettings

RUNS_SENSOR, STALENESS_SENSOR = "run_alerts", "staleness_alerts"
TOLD_TAG = "sparkify/alert"
"""On a run that was told, with its own id: a run that is launched again inherits the tag."""

_STAR = dg.AssetKey(SONGPLAY.name)
_AT_ONCE = 20
_TICK_SECONDS = 20.0
"""A tick may take a minute, and the other sensors wait for it. No message begins after this."""
_LOOK_BACK = 3600.0
"""Seconds before the first look that count: the run that made somebody set up alerts, say."""
_TOO_OLD = 24 * 3600.0
_SILENCE = 300.0
"""Seconds to leave a webhook alone that cannot be reached."""
_STALENESS_EVERY = 300
_CURSOR_VERSION = 2
_OFF = "no webhook is set ([ALERTS] WEBHOOK), so nobody is told"

_Memory = TypeVar("_Memory", "_Seen", "_Watch")
_Context = dg.SensorEvaluationContext


def alert_sensors(settings: AlertsSettings, lake: SensorSettings) -> list[dg.SensorDefinition]:
    """Both sensors; on by default if there is a webhook.

    Args:
        lake: How the lake's sensor looks, and tries what fails; runs are looked at as often.
    """
    url = settings.webhook.get_secret_value()
    status = dg.DefaultSensorStatus.RUNNING if url else dg.DefaultSensorStatus.STOPPED

    def made(
        name: str, every: int, description: str, tell: Callable[[_Context], dg.SensorResult]
    ) -> dg.SensorDefinition:
        @dg.sensor(
            name=name,
            minimum_interval_seconds=every,
            default_status=status,
            description=description,
        )
        def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
            return tell(context) if url else dg.SensorResult(skip_reason=_OFF)

        return look

    return [
        made(
            RUNS_SENSOR,
            lake.interval,
            "Tells the webhook what failed in a run, what is given up, and what is well again.",
            lambda context: _tell_of_runs(context, url, lake.attempts),
        ),
        made(
            STALENESS_SENSOR,
            _STALENESS_EVERY,
            "Tells the webhook when nothing was published for long, and when something was again.",
            lambda context: _tell_of_staleness(context, url, settings.stale_hours),
        ),
    ]


# --- runs -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered between ticks.

    Attributes:
        failures: Id of the last event seen of this kind; `successes`, `canceled` likewise.
        wait_until: Until then the webhook is left alone.
        known: What people were told of the parts that are not well.
    """

    failures: int = -1
    successes: int = -1
    canceled: int = -1
    wait_until: float = 0.0
    known: Known = field(default_factory=dict)
    version: int = _CURSOR_VERSION
    __pydantic_config__ = ConfigDict(extra="forbid")


_KINDS = {
    "failures": dg.DagsterEventType.RUN_FAILURE,
    "successes": dg.DagsterEventType.RUN_SUCCESS,
    # What somebody ended is not told, but what it had published by then is loaded again.
    "canceled": dg.DagsterEventType.RUN_CANCELED,
}


def _tell_of_runs(context: _Context, url: str, attempts: int) -> dg.SensorResult:
    seen, began, told = _remembered(context.cursor, _Seen), time.time(), 0
    if began < seen.wait_until <= began + _SILENCE:
        return dg.SensorResult(skip_reason="the webhook could not be reached; tried again later")
    seen = _checked(context.instance, seen, began)
    for kind, event in _new_events(context.instance, seen):
        news, known = _news(context, event, seen.known, began, attempts)
        sent = 0
        for message, told_of in news:
            if time.time() - began > _TICK_SECONDS:
                return _result(_summed_up(told), seen)
            delivery = send(url, message)
            if delivery.state == "unreachable":
                seen = replace(seen, wait_until=time.time() + _SILENCE)
                return _result(f"the webhook {delivery.why}; tried again later", seen)
            seen = replace(seen, known=told_of)
            sent += _is_taken(context, event.run_id, delivery)
        if sent:
            context.instance.add_run_tags(event.run_id, {TOLD_TAG: event.run_id})
        told += sent
        place: dict[str, Any] = {kind: event.storage_id}
        seen = replace(seen, known=known, **place)
    return _result(_summed_up(told), seen)


def _summed_up(told: int) -> str:
    return f"sent {count(told, 'message')}" if told else "nothing to tell"


def _checked(instance: dg.DagsterInstance, seen: _Seen, now: float) -> _Seen:
    """The same if it fits the records, else where to begin.

    On the first tick, after a lost cursor, and after the records were deleted: their ids then
    begin anew. What was told by then is tagged, so that nothing is told twice.
    """
    for name, event_type in _KINDS.items():
        last = _last_id(instance, event_type)
        if not 0 <= getattr(seen, name) <= last:
            begin: dict[str, Any] = {name: _last_id(instance, event_type, now - _LOOK_BACK)}
            seen = replace(seen, **begin)
    return seen


def _last_id(instance: dg.DagsterInstance, event_type: Any, before: float | None = None) -> int:
    wanted = dg.RunStatusChangeRecordsFilter(event_type, before_timestamp=before)
    found = instance.fetch_run_status_changes(wanted, limit=1).records
    return found[0].storage_id if found else 0


def _new_events(
    instance: dg.DagsterInstance, seen: _Seen
) -> Iterator[tuple[str, dg.EventLogRecord]]:
    """The next ends of runs in their order; a bounded number."""
    ends: list[tuple[str, dg.EventLogRecord]] = []
    for name, event_type in _KINDS.items():
        wanted = dg.RunStatusChangeRecordsFilter(
            event_type,  # type: ignore[arg-type]
            after_storage_id=getattr(seen, name),
        )
        found = instance.fetch_run_status_changes(wanted, limit=_AT_ONCE, ascending=True)
        ends += ((name, record) for record in found.records)
    # Of one kind there may be more than were fetched: what comes after those must wait for them.
    yield from sorted(ends, key=lambda end: end[1].storage_id)[:_AT_ONCE]


def _news(
    context: _Context, event: dg.EventLogRecord, known: Known, now: float, attempts: int
) -> tuple[list[tuple[Message, Known]], Known]:
    """What is to be told of a run's end (see `transitions`), unless it was, or is long ago."""
    run = context.instance.get_run_by_id(event.run_id)
    if run is None or not _is_ours(run, context):
        return [], known
    ended = ended_run(context.instance, run, event, known, attempts)
    if now - event.timestamp > _TOO_OLD:
        return [], {name: state for name, state in known.items() if name not in ended.well}
    news, after = transitions(known, ended)
    return ([] if run.tags.get(TOLD_TAG) == run.run_id else news), after


def _is_ours(run: dg.DagsterRun, context: dg.SensorEvaluationContext) -> bool:
    origin = context.code_location_origin
    return is_ours(run, origin.location_name if origin else None)


def _is_taken(context: _Context, run_id: str, delivery: Delivery) -> bool:
    if delivery.state == "refused":
        context.log.warning(f"run {run_id}: the webhook {delivery.why}; nobody was told")
    return delivery.state == "sent"


# --- staleness --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Watch:
    """What is remembered of staleness; seconds since 1970.

    Attributes:
        since: When somebody first looked.
        told: When people were told that the tables are stale; 0: they were not, or are no longer.
    """

    since: float = 0.0
    told: float = 0.0
    version: int = _CURSOR_VERSION
    __pydantic_config__ = ConfigDict(extra="forbid")


def _tell_of_staleness(
    context: dg.SensorEvaluationContext, url: str, hours: int
) -> dg.SensorResult:
    now = time.time()
    watch = _remembered(context.cursor, _Watch)
    if not 0 < watch.since <= now:
        watch = replace(watch, since=now)
    fresh = Freshness(_published(context.instance), _changed(context.instance), watch.since)
    if watch.version == 1 and (fresh.published or 0) > watch.told:
        # The version before did not forget what it had told when it was no longer so.
        watch = replace(watch, told=0.0)
    message = staleness(fresh, watch.told, now, hours)
    if message is None:
        return _result(_summed_up(0), watch)
    delivery = send(url, message)
    if delivery.state == "sent":
        return _result(_summed_up(1), replace(watch, told=0.0 if watch.told else now))
    return _result(f"there is something to tell, and the webhook {delivery.why}", watch)


def _published(instance: dg.DagsterInstance) -> float | None:
    found = instance.get_latest_materialization_event(_STAR)
    return found.timestamp if found else None


def _changed(instance: dg.DagsterInstance) -> float | None:
    """When the lake's sensor last told Dagster of a change."""
    found = [
        record.timestamp
        for name in (LOG_DATA, SONG_DATA)
        for record in instance.fetch_observations(dg.AssetKey(name), limit=1).records
    ]
    return max(found, default=None)


# --- memory -----------------------------------------------------------------------------


def _remembered(cursor: str | None, kind: type[_Memory]) -> _Memory:
    """The memory in a cursor, one of the version before, too; an empty one for none or garbage."""
    memory = read_cursor(kind, cursor)
    return memory if memory and memory.version in (1, _CURSOR_VERSION) else kind()


def _result(why: str, memory: Any) -> dg.SensorResult:
    cursor = json.dumps({**asdict(memory), "version": _CURSOR_VERSION})
    return dg.SensorResult(skip_reason=why, cursor=cursor)
