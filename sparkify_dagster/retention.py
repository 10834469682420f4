"""How long Dagster's run records are kept.

What belongs here: deleting old runs without losing what the UI says of the present. The ledger's
own retention is `warehouse.ledger.prune`'s.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

_AT_ONCE = 50


def prune_runs(instance: dg.DagsterInstance, keep_days: int, now: datetime) -> int:
    """Deletes run records older than `keep_days`, some at a time.

    A run that holds the latest materialization of an asset or of a partition stays, whatever its
    age: without it the UI would show a loaded day as missing.

    Args:
        now: The present moment in UTC, without a zone.

    Returns:
        The number of runs deleted.
    """
    before = now.replace(tzinfo=UTC) - timedelta(days=keep_days)
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
        instance.delete_run(run_id)
    return len(gone)


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
