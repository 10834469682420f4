"""How long Dagster's run records are kept.

What belongs here: deleting old runs without losing what the UI says of the present. The ledger's
own retention is `warehouse.ledger.prune`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from sparkify_dagster.defs.internals import LocalComputeLogManager, SqliteEventLogStorage

_AT_ONCE = 50


def prune_runs(instance: dg.DagsterInstance, keep_days: int, now: datetime) -> int:
    """Deletes run records older than `keep_days` and all files of theirs, some at a time.

    A run that holds the latest materialization of an asset or of a partition stays, whatever its
    age: without it the UI would show a loaded day as missing.

    Args:
        now: The present moment in UTC, without a zone.

    Returns:
        The number of runs deleted.
    """
    before = now.replace(tzinfo=UTC) - timedelta(days=keep_days)
    for run_id in _orphans(instance, before)[:_AT_ONCE]:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        _remove_events(instance, run_id)
    finished = [
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    ]
    # All of them: the oldest may well be needed, and those behind them are not.
    old = instance.get_run_ids(dg.RunsFilter(created_before=before, statuses=finished))
    if not old:
        return 0
    needed = _runs_of_the_present(instance)
    gone = [run_id for run_id in reversed(old) if run_id not in needed][:_AT_ONCE]
    for run_id in gone:
        # What it printed goes first: the record stays to be tried again where that is refused.
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        _remove_events(instance, run_id)
    return len(gone)


def _remove_events(instance: dg.DagsterInstance, run_id: str) -> None:
    """Removes the file of a run's events, which Dagster only empties."""
    if events := _events_folder(instance):
        for path in events.glob(f"{run_id}.db*"):
            path.unlink(missing_ok=True)


def _orphans(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Runs without a record of which files are left, for long; on a disk, where looking is cheap.

    Versions before this one left them all, and so does who deletes a run in the UI.
    """
    manager, events = instance.compute_log_manager, _events_folder(instance)
    left = [*events.glob("*.db")] if events else []
    if isinstance(manager, LocalComputeLogManager):
        base = Path(manager.get_captured_local_path(["any"], "out")).parent
        left += [path.parent for path in base.glob("*/compute_logs")]
    old = {path.stem for path in left if path.stat().st_mtime < before.timestamp()}
    known = instance.get_run_ids(dg.RunsFilter(created_before=before)) if old else []
    return sorted(old.difference(known, ["index"]))


def _events_folder(instance: dg.DagsterInstance) -> Path | None:
    """Where each run has a file of its events, beside `index.db`, that of all runs."""
    events = instance.event_log_storage
    if isinstance(events, SqliteEventLogStorage):
        return Path(events.path_for_shard("index")).parent
    return None


def _runs_of_the_present(instance: dg.DagsterInstance) -> set[str]:
    """Runs that made what assets and partitions are now."""
    runs: set[str] = set()
    for key in instance.get_asset_keys():
        latest = instance.get_latest_materialization_event(key)
        if latest:
            runs.add(latest.run_id)
        by_partition = instance.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = sorted(by_partition.values())
        if ids:
            found = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, storage_ids=ids), limit=len(ids)
            )
            runs.update(record.run_id for record in found.records)
    return runs
