"""What Dagster's records say of a run that has ended.

What belongs here: reading events into an `EndedRun`. What is told of it `alert_policy` decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from sparkify_dagster.defs.jobs import CHECKS_JOB
from sparkify_dagster.defs.metadata import failed_parts
from sparkify_dagster.defs.sensors.alert_policy import CHECK, CHECKS, LOAD, EndedRun, Known, is_day
from sparkify_dagster.defs.sensors.lake import REQUEST_TAG
from sparkify_dagster.model import marts
from sparkify_dagster.model.checks import NO_FAILED_LOADS
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY
from sparkify_dagster.pipeline.audit import FOR_EXAMPLE
from sparkify_dagster.pipeline.events import CATALOGUE, MARTS, STAR, FailedPart

_PART_OF = {
    STAGING_SONGS.name: CATALOGUE,
    SONGPLAY.name: STAR,
    **dict.fromkeys((table.name for table in marts.MARTS), MARTS),
}
_RUN_KEY, _DIGITS, _EVENTS = "dagster/run_key", 9, 500


def ended_run(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    event: dg.EventLogRecord,
    known: Known,
    attempts: int,
) -> EndedRun:
    """What a run's records say of its end: what failed, what is well, how often it was tried.

    Args:
        event: The end itself.
        known: What people were told of the parts that are not well.
        attempts: So many tries in a row, and a part is given up.
    """
    whole = CHECKS if run.job_name == CHECKS_JOB else LOAD
    failed = run.status is dg.DagsterRunStatus.FAILURE
    parts = _failed_parts(instance, event, whole) if failed else ()
    # Of parts that the ledger does not count the runs that were asked for are the tries.
    tries = run.tags.get(_RUN_KEY, "").rpartition("#")[2] if REQUEST_TAG in run.tags else ""
    # Whoever reaches the UI says what stands in a tag: `²` is a digit and no number.
    tried = int(tries[:_DIGITS]) if tries.isdecimal() else 0
    parts = tuple(
        part if part.tried else replace(part, tried=tried, given_up=tried >= attempts)
        for part in parts
    )
    checks = _checks(instance, run.run_id)
    well = _well(instance, run.run_id, checks, known) if known else set()
    if run.status is not dg.DagsterRunStatus.CANCELED:
        well.add(whole)
    told = (*parts, *_failed_checks(checks, parts, known))
    return EndedRun(run.run_id, run.job_name, told, frozenset(well))


def _failed_parts(
    instance: dg.DagsterInstance, event: dg.EventLogRecord, whole: str
) -> tuple[FailedPart, ...]:
    for step in _events(instance, event.run_id, dg.DagsterEventType.STEP_FAILURE):
        data = step.step_failure_data
        told = data.user_failure_data
        if told is not None and told.description:
            parts = failed_parts(told.metadata) or (FailedPart("", told.description),)
            return tuple(replace(part, name=part.name or whole) for part in parts)
        if data.error is not None:
            return (FailedPart(whole, _class_only(data.error)),)
    last = event.event_log_entry.dagster_event
    error = last.job_failure_data.error if last and last.event_specific_data else None
    reason = _class_only(error) if error else (last and last.message) or ""
    return (FailedPart(whole, reason),)


def _class_only(error: Any) -> str:
    """The name of an error nobody foresaw: its text may hold anything, records included."""
    while error.cause is not None:
        error = error.cause
    return f"It ended with {error.cls_name or 'an error'}; the run's log has its text."


def _checks(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetCheckEvaluation]:
    """What each check found last in a run."""
    found = {}
    for event in _events(instance, run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        check = event.asset_check_evaluation_data
        found[check.asset_check_key] = check
    return list(found.values())


def _failed_checks(
    checks: Sequence[dg.AssetCheckEvaluation], parts: Sequence[FailedPart], known: Known
) -> Iterator[FailedPart]:
    """The checks whose failure says more than that of the parts."""
    for check in checks:
        if check.passed or check.severity is not dg.AssetCheckSeverity.ERROR:
            continue
        of_parts = check.check_name == NO_FAILED_LOADS and _of_table(check.asset_key, known)
        if of_parts or (parts and (check.blocking or check.check_name == NO_FAILED_LOADS)):
            continue
        # Keys of rows stay in the house.
        sentence = (check.description or "").partition(FOR_EXAMPLE)[0]
        name = _name_of(check)
        yield FailedPart(name, f"{name.capitalize()}: {sentence}")


def _well(
    instance: dg.DagsterInstance,
    run_id: str,
    checks: Sequence[dg.AssetCheckEvaluation],
    known: Known,
) -> set[str]:
    """What was published in a run, or found to be as it should."""
    well = {_name_of(check) for check in checks if check.passed}
    for check in checks:
        if check.passed and check.check_name == NO_FAILED_LOADS:
            well |= _of_table(check.asset_key, known)
    for event in _events(instance, run_id, dg.DagsterEventType.ASSET_MATERIALIZATION):
        made = event.step_materialization_data.materialization
        name = made.asset_key.to_user_string()
        well.add(made.partition or _PART_OF.get(name, name))
    return well


def _of_table(key: dg.AssetKey, known: Known) -> set[str]:
    """The parts of a staging table that are known as not well."""
    if key == dg.AssetKey(STAGING_SONGS.name):
        return {CATALOGUE}.intersection(known)
    return {name for name in known if is_day(name)}


def _name_of(check: dg.AssetCheckEvaluation) -> str:
    return f"{CHECK}{check.check_name} of {check.asset_key.to_user_string()}"


def _events(
    instance: dg.DagsterInstance, run_id: str, event_type: dg.DagsterEventType
) -> Iterator[dg.DagsterEvent]:
    cursor, more = None, True
    while more:
        found = instance.get_records_for_run(run_id, cursor, event_type, limit=_EVENTS)
        cursor, more = found.cursor, found.has_more
        for record in found.records:
            if record.event_log_entry.dagster_event is not None:
                yield record.event_log_entry.dagster_event
