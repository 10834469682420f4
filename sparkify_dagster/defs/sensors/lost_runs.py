"""Ending the records of runs whose process is gone, so that they hold up nothing any more.

A run that looks alive keeps the lake's sensor waiting and the one place of Dagster's queue. What
belongs here: gathering the signs of life, ending what is lost, and the sensor that does it while
the daemon runs. Judging is `liveness`'s.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from sparkify_dagster.defs.internals import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CanCancelExecutionResult,
    DefaultRunLauncher,
    InstigatorType,
    SensorInstigatorData,
    SqliteEventLogStorage,
    deserialize_value,
    grpc_client,
)
from sparkify_dagster.defs.jobs import is_ours
from sparkify_dagster.defs.liveness.heartbeat import BEAT_TAG, running_folder
from sparkify_dagster.defs.liveness.locks import lock_of, remove, runs_with
from sparkify_dagster.defs.liveness.verdict import LOOK_SECONDS, Server, Signs, why_lost
from sparkify_dagster.defs.sensors.cursor import read_cursor

SENSOR = "lost_runs"
LOST_TAG = "sparkify/lost"
"""On a run that was ended here, with its own id."""
_STATUSES = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
"""Not QUEUED: the daemon begins those when their turn comes, after a restart as well."""
_PATIENCE = 2

Silence = tuple[str, int]
"""What was seen of a run last, and how many looks in a row saw just that."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A run that is lost, and why that is known."""

    run: dg.DagsterRun
    why: str

    @property
    def said(self) -> str:
        """What is the matter with it."""
        return f"Run {self.run.run_id[:8]} is not at work ({self.run.status.value}): {self.why}."

    @property
    def told(self) -> str:
        """What became of it, for its log and whoever reads of it."""
        return (
            f"Run {self.run.run_id[:8]} was ended: {self.why}. What it had published stays, "
            "nothing is half-written; the next load loads what is missing."
        )


def is_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a failed run's process was gone, or never began: then no step of it has failed.

    Whoever ended its record: this sensor, Dagster's code server, or the daemon that asked that.
    """
    failed = dg.DagsterEventType.STEP_FAILURE
    return not instance.get_records_for_run(run.run_id, of_type=failed, limit=1).records


def find_lost(
    instance: dg.DagsterInstance,
    before: Mapping[str, Silence] | None = None,
    location: str | None = None,
) -> tuple[list[Lost], dict[str, Silence]]:
    """The runs of ours that are lost; and what was seen of the others, for the next look.

    Args:
        before: What the last look saw; without it silence means nothing.
        location: The code location whose runs are ours; None: whatever has our jobs.
    """
    folder, lost, seen = running_folder(instance), [], dict[str, Silence]()
    for run in instance.get_runs(dg.RunsFilter(statuses=_STATUSES)):
        lock = lock_of(folder / run.run_id)
        if lock == "held" or (lock == "none" and not is_ours(run, location)):
            continue
        mark, age = _last(instance, run)
        last, times = (before or {}).get(run.run_id, ("", 0))
        silent = times + 1 if mark == last else 0
        told = run.tags.get(BEAT_TAG, "").startswith(run.run_id)
        why = why_lost(Signs(lock, _server(instance, run), told, silent, age))
        if why:
            lost.append(Lost(run, why))
        else:
            seen[run.run_id] = (mark, silent)
    return lost, seen


def end_lost(
    instance: dg.DagsterInstance,
    before: Mapping[str, Silence] | None = None,
    location: str | None = None,
) -> tuple[list[Lost], dict[str, Silence]]:
    """Ends what `find_lost` finds, and gives the same."""
    lost, seen = find_lost(instance, before, location)
    ended = [one for one in lost if _end(instance, one)]
    folder = running_folder(instance)
    for run_id in runs_with("free", folder):
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            remove(folder / run_id)
    return ended, seen


def wake_sensors(instance: dg.DagsterInstance) -> list[str]:
    """Lets sensors look again whose last look lies ahead of the clock, and says which.

    A clock that jumped ahead and was set right leaves that; Dagster waits until it is passed.
    """
    woken = []
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = state.instigator_data
        if not isinstance(data, SensorInstigatorData):
            continue
        last = max(data.last_tick_timestamp or 0, data.last_tick_start_timestamp or 0)
        if last > time.time() + LOOK_SECONDS:
            again = data._replace(last_tick_timestamp=None, last_tick_start_timestamp=None)
            instance.update_instigator_state(state.with_data(again))
            woken.append(
                f"Sensor {state.instigator_name} looks again: its last look, "
                f"{datetime.fromtimestamp(last, UTC):%Y-%m-%d %H:%M} UTC, is ahead of this clock."
            )
    return woken


def lost_runs_sensor(*, runs: bool = True) -> dg.SensorDefinition:
    """Ends lost runs as long as the daemon runs, whether the lake is watched or not.

    Args:
        runs: It is on by default.
    """

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if runs else dg.DefaultSensorStatus.STOPPED,
        description="Ends runs whose process is gone, so that they hold up no others.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        origin = context.code_location_origin
        ended, seen = end_lost(
            context.instance, _remembered(context.cursor), origin.location_name if origin else None
        )
        for one in ended:
            context.log.warning(one.told)
        told = " ".join(one.told for one in ended) or "no run is known to be lost"
        return dg.SensorResult(skip_reason=told, cursor=json.dumps(seen))

    return look


def _remembered(cursor: str | None) -> dict[str, Silence]:
    """What the last look saw; nothing where the cursor is none of ours."""
    return read_cursor(dict[str, Silence], cursor) or {}


def _end(instance: dg.DagsterInstance, lost: Lost) -> bool:
    """Ends the record of a run, unless it has ended meanwhile."""
    run = instance.get_run_by_id(lost.run.run_id)
    if run is None or run.is_finished:
        return False
    instance.add_run_tags(run.run_id, {LOST_TAG: run.run_id})
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, lost.told)
    else:
        instance.report_run_failed(run, lost.told)
    return True


def _last(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, float]:
    """What differs when anything was heard of a run, and how long ago that was, in seconds.

    That is 0 where the history is not in files: others write it, too, by their own clocks.
    """
    found = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    mark = f"{run.status.value} {run.tags.get(BEAT_TAG, '')} {found and found[0].storage_id}"
    if not isinstance(instance.event_log_storage, SqliteEventLogStorage):
        return mark, 0.0
    record = instance.get_run_record_by_id(run.run_id)
    begun = record.create_timestamp.timestamp() if record else time.time()
    return mark, time.time() - (found[0].timestamp if found else begun)


def _server(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Server:
    """What the code server that began a run says of it."""
    if run.status is dg.DagsterRunStatus.NOT_STARTED:
        return "unknown"  # No launcher has written its tags, only whoever wanted it launched.
    if _is_unlaunched(instance, run):
        time.sleep(_PATIENCE)  # Between the two records of a launch lies a moment.
        now = instance.get_run_by_id(run.run_id)
        return "is gone" if now and _is_unlaunched(instance, now) else "unknown"
    try:  # Until the launcher writes the tag it is what whoever launched the run says.
        where: Any = dict(json.loads(run.tags[GRPC_INFO_TAG]))
        if where.get("socket") and (missing := _missing(where["socket"])):
            return missing
    except (KeyError, ValueError, TypeError, RecursionError):
        return "unknown"
    try:
        client = grpc_client(
            host=where.get("host"),
            port=where.get("port"),
            socket=where.get("socket"),
            use_ssl=bool(where.get("use_ssl")),
        )
        answer = client.can_cancel_execution(
            CanCancelExecutionRequest(run_id=run.run_id), _PATIENCE
        )
        known = deserialize_value(answer, CanCancelExecutionResult).can_cancel
    except Exception:  # Not reachable, of another version, of another kind.
        return "is not there"
    return "knows it" if known else "does not know it"


def _is_unlaunched(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster's own launcher has not yet said which server it asks to start a run."""
    if GRPC_INFO_TAG in run.tags or run.status is not dg.DagsterRunStatus.STARTING:
        return False
    # By its name: one that makes pods asks for a way to their cluster, which not all who look have.
    launcher = instance.get_ref().run_launcher_data if instance.is_persistent else None
    return launcher is not None and launcher.class_name == DefaultRunLauncher.__name__


def _missing(path: str) -> Server | None:
    """Whether nobody listens at a socket of this machine; None: somebody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return "is gone"
        except FileNotFoundError:  # After a restart of the machine; or another container has it.
            return "is not there"
        except OSError:
            return "unknown"
    return None
