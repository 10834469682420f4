"""What `status` and `doctor` say of runs: those that are lost, that have not ended, that broke off.

What belongs here: reading it from Dagster's history, which a person would else have to look for.
Judging and ending runs is `lost_runs`'.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from sparkify_dagster.defs.jobs import is_ours
from sparkify_dagster.defs.sensors.lost_runs import LOST_TAG, find_lost, is_lost

_DAY, _MOST, _LOOKED_AT = 86_400, 3, 30
_BROKEN_OFF = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_LAST_WORDS = {
    dg.DagsterEventType.ENGINE_EVENT,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
}


def run_notes(instance: dg.DagsterInstance) -> tuple[list[str], list[str]]:
    """What is to be said of runs that are lost; and of others that do not go as they should."""
    lost, seen = find_lost(instance)
    waiting = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    unended = [*seen, *(run.run_id for run in waiting)]
    records = instance.get_run_records(dg.RunsFilter(run_ids=unended)) if unended else []
    daemon = f"Dagster's daemon was {_daemon_seen(instance)}" if records else ""
    notes = [
        f"Run {record.dagster_run.run_id[:8]} is {record.dagster_run.status.value} since "
        f"{_moment(record.update_timestamp.timestamp())}; {daemon}."
        for record in records
    ]
    return [one.said for one in lost], [*_broken_off(instance), *notes]


def _broken_off(instance: dg.DagsterInstance) -> Iterator[str]:
    """Runs of the last day that were canceled, or failed in no step of theirs, oldest first."""
    recent = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_BROKEN_OFF), limit=_LOOKED_AT):
        run, ended = record.dagster_run, record.end_time or 0
        canceled = run.status is dg.DagsterRunStatus.CANCELED
        if (
            ended > time.time() - _DAY
            and is_ours(run, None)
            and (canceled or is_lost(instance, run))
        ):
            recent.append((run, ended))
    for run, ended in reversed(recent[:_MOST]):
        yield f"{_moment(ended)}, run {run.run_id[:8]}: {_last_words(instance, run)}"


def _last_words(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """What ended it, as its log in the UI has it: Dagster says why in an event before the last."""
    found = instance.get_records_for_run(
        run.run_id, of_type=_LAST_WORDS, limit=1 if LOST_TAG in run.tags else 2, ascending=False
    ).records
    events = (record.event_log_entry.dagster_event for record in reversed(found))
    return " ".join(event.message or "" for event in events if event)


def _daemon_seen(instance: dg.DagsterInstance) -> str:
    beats = instance.get_daemon_heartbeats().values()
    if not beats:
        return "never seen"
    return f"last seen {max(time.time() - max(beat.timestamp for beat in beats), 0):,.0f} s ago"


def _moment(when: float) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M} UTC"
