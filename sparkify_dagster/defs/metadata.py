"""What a load is told as: metadata of materializations and observations, numbers as numbers.

What belongs here: from what a load reports to entries that the UI shows. When they are told, and of
which asset, is `report`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from sparkify_dagster.core.reject_reasons import cause_of, causes
from sparkify_dagster.defs.costs import cost_metadata
from sparkify_dagster.defs.plots import by_day
from sparkify_dagster.defs.previews import Preview
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.publish import PartReport
from sparkify_dagster.warehouse.engine import TableSize
from sparkify_dagster.warehouse.ledger import Entry

PREVIEW, PLOT = "preview", "plot"
_REASONS = 20


@dataclass(frozen=True, slots=True)
class LoadStats:
    """What a load took, and what there is to be seen after it.

    Attributes:
        requests: What S3 was asked since the last report, by kind, and bytes either way.
        sizes: What the tables take now; nothing where the engine does not tell.
        seconds: Where its time went, by phase; see `pipeline.phases`.
        shown: Rows and reasons looked up after it.
        load_id: The load of log days it speaks of.
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    shown: Preview = field(default_factory=Preview)
    load_id: int = 0


def entry_metadata(entry: Entry) -> dict[str, Any]:
    """What the ledger says of a load."""
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


def reasons_metadata(reasons: Mapping[str, int]) -> dict[str, Any]:
    """Why records were rejected, and how many for each reason; the rarest ones together."""
    if not reasons:
        return {}
    found = causes(((cause_of(reason), n) for reason, n in reasons.items()), _REASONS)
    told = [(cause.reason, records) for cause, records in found.told]
    if found.others:
        told.append((f"{found.others:,} other reasons", found.other_records))
    rows = [dg.TableRecord({"reason": reason, "records": records}) for reason, records in told]
    return {"rejects_by_reason": dg.MetadataValue.table(rows)}


def rows_metadata(name: str, shown: Preview) -> dict[str, Any]:
    """A few rows of a table, where there are any to show."""
    return {PREVIEW: shown.rows[name]} if name in shown.rows else {}


def plot_metadata(
    title: str, series: Mapping[str, Mapping[date, int]], *, apart: bool = False
) -> dict[str, Any]:
    """A plot, where there are several days to compare and something to draw with."""
    image = by_day(title, series, apart=apart)
    return {PLOT: dg.MetadataValue.md(image)} if image else {}


def seconds_metadata(seconds: Mapping[str, float]) -> dict[str, Any]:
    """Where the time went, a number for each phase."""
    return {
        f"seconds_{phase}": dg.MetadataValue.float(round(spent, 3))
        for phase, spent in seconds.items()
    }


def day_metadata(entry: Entry, shown: Preview) -> dict[str, Any]:
    """The day's rows under the name Dagster has for them: `row_count` is what the table holds."""
    told: dict[str, Any] = {"dagster/partition_row_count": dg.MetadataValue.int(entry.row_count)}
    if STAGING_EVENTS.name in shown.counts:
        told["dagster/row_count"] = dg.MetadataValue.int(shown.counts[STAGING_EVENTS.name])
    return told


def log_day(entry: Entry) -> date:
    """The day a log day's entry speaks of."""
    return date.fromisoformat(entry.part)


def took_metadata(outcome: PartReport, took: LoadStats) -> dict[str, Any]:
    """What a load took; days that share a transaction share its seconds."""
    metadata: dict[str, Any] = {
        "path": dg.MetadataValue.text(outcome.path),
        "seconds": dg.MetadataValue.float(round(outcome.seconds, 3)),
    }
    metadata |= seconds_metadata(took.seconds)
    copied = outcome.entry.objects if outcome.path == "copy" else 0
    metadata |= cost_metadata(took.requests, copied)
    if outcome.why:
        metadata["why_not_copied"] = dg.MetadataValue.text(outcome.why)
        metadata["check_the_setup"] = dg.MetadataValue.bool(outcome.setup_problem)
    if outcome.cost.query_ids:
        metadata["rows_copied"] = dg.MetadataValue.int(outcome.cost.copied)
        metadata["query_ids"] = dg.MetadataValue.json(outcome.cost.query_ids)
    return metadata


def size_metadata(size: TableSize | None) -> dict[str, Any]:
    """What a table takes on Redshift, and how evenly its rows lie on the slices."""
    if size is None:
        return {}
    metadata: dict[str, Any] = {"size_mb": dg.MetadataValue.int(size.megabytes)}
    if size.skew is not None:
        metadata["skew"] = dg.MetadataValue.float(size.skew)
    if size.unsorted is not None:
        metadata["unsorted_percent"] = dg.MetadataValue.float(size.unsorted)
    return metadata
