"""How long Dagster's run records are kept.

What belongs here: deleting old runs without losing what the UI says of the present. The ledger's
own retention is `warehouse.ledger.prune`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

_AT_ONCE = 50


def prune_runs(instance: dg.DagsterInstance, keep_days: int) -> int:
    """Deletes run records older than `keep_days`, with what their steps printed, some at a time.

    A run that holds the latest materialization of an asset or of a partition stays, whatever its
    age: without it the UI would show a loaded day as missing.

    Returns:
        The number of runs deleted.
    """
    before = datetime.now(UTC) - timedelta(days=keep_days)
    _remove_orphans(instance, before)
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
        # Dagster leaves them behind. First, so that a failure leaves the record to be tried again.
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
    return len(gone)


def _remove_orphans(instance: dg.DagsterInstance, before: datetime) -> None:
    """Removes what runs printed that are no longer on record; on a disk, where looking is cheap."""
    manager = instance.compute_log_manager
    if not isinstance(manager, LocalComputeLogManager):
        return
    base = Path(manager.get_captured_local_path(["any"], "out")).parent
    printed = base.glob("*/compute_logs")
    old = {path.parent.name for path in printed if path.stat().st_mtime < before.timestamp()}
    known = instance.get_run_ids(dg.RunsFilter(created_before=before)) if old else []
    for run_id in sorted(old.difference(known))[:_AT_ONCE]:
        manager.delete_logs(prefix=[run_id])


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
