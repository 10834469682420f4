"""Telling Dagster what a load did: materializations, check results, warnings.

Only what was committed is reported as materialized, a day at a time. Values of records (names,
places, raw text) never stand in metadata or logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

from sparkify_dagster.checks import check_evaluation, check_key, check_result, merged
from sparkify_dagster.lake.objects import Unroutable
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.warehouse.audit import Finding
from sparkify_dagster.warehouse.engine import TableSize
from sparkify_dagster.warehouse.ledger import Entry
from sparkify_dagster.warehouse.publish import PartReport
from sparkify_dagster.warehouse.star import StarReport

Metadata = Mapping[str, dg.MetadataValue]


@dataclass(frozen=True, slots=True)
class Took:
    """What a load took besides time.

    Attributes:
        requests: What S3 was asked, by kind, and bytes either way.
        sizes: What the tables take now; nothing where the engine does not tell.
    """

    requests: Mapping[str, int]
    sizes: Mapping[str, TableSize]


class Reporter:
    """Speaks to Dagster for one execution of the load op."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self._events_key = dg.AssetKey(STAGING_EVENTS.name)

    def unroutable(self, found: Sequence[Unroutable]) -> None:
        """Warns about log objects that belong to no day."""
        for item in found[:20]:
            self._context.log.warning(f"not loaded: {item.key}: {item.reason}")
        if len(found) > 20:
            self._context.log.warning(
                f"and {len(found) - 20:,} more without a day; `sparkify status` lists them all"
            )

    def planned(self, days: Iterable[str]) -> None:
        """Announces the log days of a run that was not launched for given partitions.

        Dagster then shows them in progress, and as failed if the run fails without them.
        """
        if self._events_key in self._context.selected_asset_keys:
            return
        run = self._context.run
        for day in days:
            event = DagsterEvent.build_asset_materialization_planned_event(
                run.job_name,
                self._context.op_execution_context.op.name,
                AssetMaterializationPlannedData(self._events_key, partition=day),
            )
            self._context.instance.report_dagster_event(event, run_id=run.run_id)

    def day(self, outcome: PartReport, took: Took) -> None:
        """Reports a log day: materialized if it was published, an error in the log if not."""
        entry = outcome.entry
        if outcome.why:
            tell = self._context.log.warning if outcome.worry else self._context.log.info
            tell(f"{entry.part}: Redshift could not copy it, so our reader read it: {outcome.why}")
        if not outcome.published:
            self._context.log.error(f"{entry.part} was not published: {entry.message}")
            return
        self._context.log_event(
            dg.AssetMaterialization(
                self._events_key,
                partition=entry.part,
                metadata=_entry_metadata(entry)
                | _cost_metadata(outcome, took)
                | _size_metadata(took.sizes.get(STAGING_EVENTS.name)),
            )
        )

    def findings_of_days(self, outcomes: Sequence[PartReport]) -> Iterator[Any]:
        """One result per check over all days of the run."""
        seen: dict[int, Finding] = {}
        for outcome in outcomes:
            # Days of one transaction share their findings: each is counted once.
            seen.update({id(finding): finding for finding in outcome.findings})
        yield from self.findings(merged(seen.values()))

    def songs(self, outcome: PartReport, took: Took) -> Iterator[Any]:
        """Reports the song load."""
        yield from self.findings(outcome.findings)
        if outcome.published:
            metadata = _entry_metadata(outcome.entry) | _cost_metadata(outcome, took)
            metadata |= _size_metadata(took.sizes.get(STAGING_SONGS.name))
            metadata["objects_read"] = dg.MetadataValue.int(outcome.objects_read)
            yield from self._materialized(STAGING_SONGS.name, metadata)

    def star(self, outcome: StarReport, sizes: Mapping[str, TableSize]) -> Iterator[Any]:
        """Reports the five tables, those that were not asked for too: they were published."""
        for name, table in outcome.tables.items():
            yield from self.findings(outcome.findings[name])
            metadata: dict[str, dg.MetadataValue] = {
                "dagster/row_count": dg.MetadataValue.int(table.rows),
                "rows_added": dg.MetadataValue.int(table.added),
                "rows_removed": dg.MetadataValue.int(table.removed),
                "how": dg.MetadataValue.text(outcome.mode),
                "seconds": dg.MetadataValue.float(round(outcome.seconds, 3)),
            }
            if name == "songplay":
                share = outcome.matched / table.rows if table.rows else 0.0
                metadata["match_rate"] = dg.MetadataValue.float(round(share, 6))
                metadata["plays_rematched"] = dg.MetadataValue.int(outcome.rematched)
            metadata |= _size_metadata(sizes.get(name))
            yield from self._materialized(name, metadata)

    def findings(self, findings: Iterable[Finding]) -> Iterator[Any]:
        """Reports what checks found, whether the run was asked for them or not."""
        asked = self._context.selected_asset_check_keys
        for finding in findings:
            if check_key(finding.check) in asked:
                yield check_result(finding)
            else:
                self._context.log_event(check_evaluation(finding))

    def _materialized(self, name: str, metadata: Metadata) -> Iterator[Any]:
        if dg.AssetKey(name) in self._context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=name, metadata=dict(metadata))
        else:
            self._context.log_event(dg.AssetMaterialization(name, metadata=dict(metadata)))


def _entry_metadata(entry: Entry) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "dagster/row_count": dg.MetadataValue.int(entry.row_count),
        "objects": dg.MetadataValue.int(entry.objects),
        "bytes": dg.MetadataValue.int(entry.bytes),
        "records": dg.MetadataValue.int(entry.records),
        "rejects": dg.MetadataValue.int(entry.rejects),
        "load_id": dg.MetadataValue.int(entry.load_id),
    }
    if entry.unknown_fields:
        metadata["unknown_fields"] = dg.MetadataValue.json(dict(entry.unknown_fields))
    return metadata


def _cost_metadata(outcome: PartReport, took: Took) -> dict[str, Any]:
    """What a load took; days that share a transaction share its seconds."""
    metadata: dict[str, Any] = {
        "path": dg.MetadataValue.text(outcome.path),
        "seconds": dg.MetadataValue.float(round(outcome.seconds, 3)),
    }
    for what, number in sorted(took.requests.items()):
        name = what if what.startswith("bytes") else f"s3_{what.lower()}_requests"
        metadata[name if name.startswith("s3") else f"s3_{name}"] = dg.MetadataValue.int(number)
    if outcome.why:
        metadata["why_not_copied"] = dg.MetadataValue.text(outcome.why)
        metadata["check_the_setup"] = dg.MetadataValue.bool(outcome.worry)
    if outcome.cost.query_ids:
        metadata["rows_copied"] = dg.MetadataValue.int(outcome.cost.copied)
        metadata["query_ids"] = dg.MetadataValue.json(outcome.cost.query_ids)
    return metadata


def _size_metadata(size: TableSize | None) -> dict[str, Any]:
    """What a table takes on Redshift, and how evenly its rows lie on the slices."""
    if size is None:
        return {}
    metadata: dict[str, Any] = {"size_mb": dg.MetadataValue.int(size.megabytes)}
    if size.skew is not None:
        metadata["skew"] = dg.MetadataValue.float(size.skew)
    if size.unsorted is not None:
        metadata["unsorted_percent"] = dg.MetadataValue.float(size.unsorted)
    return metadata
