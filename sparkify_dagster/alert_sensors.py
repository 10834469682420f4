"""The sensors that tell people: of runs that ended badly, and of tables that grow stale.

What belongs here: asking Dagster's records what happened, and remembering what was told. The words
and the sending are `alerts`'. No tick opens the warehouse or the lake.

Dagster's own run status sensors are not used. They begin with what happens after their first tick,
look at five events a tick, one status each, miss the runs of `dagster job execute`, and count an
event as dealt with when the message could not be sent.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import dagster as dg

from sparkify_dagster.alerts import (
    Delivery,
    EndedRun,
    FailedCheck,
    Freshness,
    Message,
    about_run,
    about_staleness,
    must_tell,
    send,
)
from sparkify_dagster.assets.specs import LOG_DATA, SONG_DATA
from sparkify_dagster.jobs import is_ours
from sparkify_dagster.settings import AlertsSettings
from sparkify_dagster.warehouse.audit import FOR_EXAMPLE

RUNS_SENSOR, STALENESS_SENSOR = "run_alerts", "staleness_alerts"
TOLD_TAG = "sparkify/alert"
"""On a run that was told, with its own id: a run that is launched again inherits the tag."""

_STAR = dg.AssetKey("songplay")
_AT_ONCE, _EVENTS = 20, 500
_TICK_SECONDS = 20.0
"""A tick may take a minute, and the other sensors wait for it. No message begins after this."""
_LOOK_BACK = 3600.0
"""Seconds before the first look that count: the run that made somebody set up alerts, say."""
_TOO_OLD = 24 * 3600.0
_SILENCE = 300.0
"""Seconds to leave a webhook alone that cannot be reached."""
_STALENESS_EVERY = 300
_CURSOR_VERSION = 1
_OFF = "no webhook is set ([ALERTS] WEBHOOK), so nobody is told"

_Memory = TypeVar("_Memory")
_Context = dg.SensorEvaluationContext


def alert_sensors(settings: AlertsSettings, interval: int) -> list[dg.SensorDefinition]:
    """Both sensors; on by default if there is a webhook.

    Args:
        interval: Seconds between two looks at the runs.
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
            interval,
            "Tells the webhook of runs that failed, and of failed checks.",
            lambda context: _tell_of_runs(context, url),
        ),
        made(
            STALENESS_SENSOR,
            _STALENESS_EVERY,
            "Tells the webhook when nothing was published for long.",
            lambda context: _tell_of_staleness(context, url, settings.stale_hours),
        ),
    ]


# --- runs -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """The last event seen of each kind, by its id; and until when the webhook is left alone."""

    failures: int = -1
    successes: int = -1
    wait_until: float = 0.0


_KINDS = {
    "failures": dg.DagsterEventType.RUN_FAILURE,
    "successes": dg.DagsterEventType.RUN_SUCCESS,
}


def _tell_of_runs(context: dg.SensorEvaluationContext, url: str) -> dg.SensorResult:
    seen, began, told = _remembered(context.cursor, _Seen), time.time(), 0
    if began < seen.wait_until <= began + _SILENCE:
        return dg.SensorResult(skip_reason="the webhook could not be reached; tried again later")
    seen = _checked(context.instance, seen, began)
    for kind, event in _new_events(context.instance, seen):
        if time.time() - began > _TICK_SECONDS:
            break
        message = _news(context, event, began)
        if message:
            delivery = send(url, message)
            if delivery.state == "unreachable":
                seen = replace(seen, wait_until=time.time() + _SILENCE)
                return _result(f"the webhook {delivery.why}; tried again later", seen)
            told += _noted(context, event.run_id, delivery)
        seen = replace(seen, **{kind: event.storage_id})
    return _result(f"told of {told} runs" if told else "no run to tell of", seen)


def _checked(instance: dg.DagsterInstance, seen: _Seen, now: float) -> _Seen:
    """The same if it fits the records, else where to begin.

    On the first tick, after a lost cursor, and after the records were deleted: their ids then
    begin anew. What was told by then is tagged, so that nothing is told twice.
    """
    for name, event_type in _KINDS.items():
        last = _last_id(instance, event_type)
        if not 0 <= getattr(seen, name) <= last:
            seen = replace(seen, **{name: _last_id(instance, event_type, now - _LOOK_BACK)})
    return seen


def _last_id(instance: dg.DagsterInstance, event_type: Any, before: float | None = None) -> int:
    wanted = dg.RunStatusChangeRecordsFilter(event_type, before_timestamp=before)
    found = instance.fetch_run_status_changes(wanted, limit=1).records
    return found[0].storage_id if found else 0


def _new_events(
    instance: dg.DagsterInstance, seen: _Seen
) -> Iterator[tuple[str, dg.EventLogRecord]]:
    """The next ends of runs, failed ones first; a bounded number."""
    for name, event_type in _KINDS.items():
        wanted = dg.RunStatusChangeRecordsFilter(
            event_type,  # type: ignore[arg-type]
            after_storage_id=getattr(seen, name),
        )
        found = instance.fetch_run_status_changes(wanted, limit=_AT_ONCE, ascending=True)
        yield from ((name, record) for record in found.records)


def _news(
    context: dg.SensorEvaluationContext, event: dg.EventLogRecord, now: float
) -> Message | None:
    """What is to be told of a run's end; None: nothing, or it was told, or it is long ago."""
    run = context.instance.get_run_by_id(event.run_id)
    if run is None or not _is_ours(run, context) or now - event.timestamp > _TOO_OLD:
        return None
    if run.tags.get(TOLD_TAG) == run.run_id:
        return None
    ended = _ended(context.instance, run, event)
    return None if ended.is_fine else about_run(ended)


def _is_ours(run: dg.DagsterRun, context: dg.SensorEvaluationContext) -> bool:
    origin = context.code_location_origin
    return is_ours(run, origin.location_name if origin else None)


def _ended(instance: dg.DagsterInstance, run: dg.DagsterRun, event: dg.EventLogRecord) -> EndedRun:
    ended = EndedRun(run.run_id, run.job_name, run.status is dg.DagsterRunStatus.FAILURE)
    ended = replace(ended, checks=_failed_checks(instance, run.run_id))
    if not ended.failed:
        return ended
    steps = _events(instance, run.run_id, dg.DagsterEventType.STEP_FAILURE)
    for data in (step.step_failure_data for step in steps):
        told = data.user_failure_data
        if told is not None and told.description:
            return replace(ended, reason=told.description, days=_days(told.metadata))
        if data.error is not None:
            return replace(ended, reason=_class_only(data.error))
    last = event.event_log_entry.dagster_event
    error = last.job_failure_data.error if last and last.event_specific_data else None
    return replace(ended, reason=_class_only(error) if error else (last and last.message) or "")


def _class_only(error: Any) -> str:
    """The name of an error nobody foresaw: its text may hold anything, records included."""
    while error.cause is not None:
        error = error.cause
    return f"It ended with {error.cls_name or 'an error'}; the run's log has its text."


def _days(metadata: Any) -> tuple[str, ...]:
    days = metadata.get("failed_days")
    if isinstance(days, dg.JsonMetadataValue) and isinstance(days.data, list):
        return tuple(str(day) for day in days.data)
    return ()


def _failed_checks(instance: dg.DagsterInstance, run_id: str) -> tuple[FailedCheck, ...]:
    found = {}
    for event in _events(instance, run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        check = event.asset_check_evaluation_data
        found[check.asset_check_key] = check
    return tuple(
        FailedCheck(
            check.asset_key.to_user_string(),
            check.check_name,
            # Keys of rows stay in the house.
            (check.description or "").partition(FOR_EXAMPLE)[0],
        )
        for check in found.values()
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    )


def _events(
    instance: dg.DagsterInstance, run_id: str, event_type: dg.DagsterEventType
) -> Iterator[dg.DagsterEvent]:
    found = instance.get_records_for_run(run_id, of_type=event_type, limit=_EVENTS).records
    return (
        record.event_log_entry.dagster_event
        for record in found
        if record.event_log_entry.dagster_event is not None
    )


def _noted(context: dg.SensorEvaluationContext, run_id: str, delivery: Delivery) -> bool:
    if delivery.state == "refused":
        context.log.warning(f"run {run_id}: the webhook {delivery.why}; nobody was told")
        return False
    context.instance.add_run_tags(run_id, {TOLD_TAG: run_id})
    return True


# --- staleness --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Watch:
    """When somebody first looked, and when it was last told; seconds since 1970."""

    since: float = 0.0
    told: float = 0.0


def _tell_of_staleness(
    context: dg.SensorEvaluationContext, url: str, hours: int
) -> dg.SensorResult:
    now = time.time()
    watch = _remembered(context.cursor, _Watch)
    if not 0 < watch.since <= now:
        watch = replace(watch, since=now)
    fresh = Freshness(_published(context.instance), _changed(context.instance), watch.since)
    if not must_tell(fresh, watch.told, now, hours):
        return _result("nothing to tell", watch)
    delivery = send(url, about_staleness(fresh, now))
    if delivery.state == "sent":
        return _result("told that the tables are stale", replace(watch, told=now))
    return _result(f"the tables are stale, and the webhook {delivery.why}", watch)


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


def _remembered(cursor: str | None, kind: Callable[..., _Memory]) -> _Memory:
    """The memory in a cursor; an empty one for none, garbage or another version."""
    try:
        held = json.loads(cursor or "")
        numbers = {name: held[name] for name in asdict(kind())}  # type: ignore[call-overload]
        good = held["version"] == _CURSOR_VERSION
    except (ValueError, TypeError, KeyError):
        return kind()
    good = good and all(type(number) in (int, float) for number in numbers.values())
    return kind(**numbers) if good else kind()


def _result(why: str, memory: Any) -> dg.SensorResult:
    cursor = json.dumps({"version": _CURSOR_VERSION, **asdict(memory)})
    return dg.SensorResult(skip_reason=why, cursor=cursor)
