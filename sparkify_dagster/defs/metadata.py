"""What a load is told as: metadata of materializations and observations, numbers as numbers.

What belongs here: from what a load says to entries that the UI shows, and back, where a failure is
read again. When they are told, and of which asset, is `events`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from sparkify_dagster.core.reject_reasons import cause_of, causes
from sparkify_dagster.defs.costs import cost_metadata
from sparkify_dagster.defs.plots import by_day
from sparkify_dagster.defs.previews import Preview
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.star import SONGPLAY
from sparkify_dagster.pipeline.events import FailedPart, PartResult
from sparkify_dagster.pipeline.star import StarResult
from sparkify_dagster.warehouse.engine import TableSize
from sparkify_dagster.warehouse.ledger import Entry

PREVIEW, PLOT = "preview", "plot"
_REASONS = 20
_FAILED_PARTS = "failed_parts"
_LONGEST = 600
"""Characters of a failure's reason that are written; the failure itself has all of it."""


@dataclass(frozen=True, slots=True)
class LoadStats:
    """What a load took beside time, and what there is to be seen after it.

    Attributes:
        requests: What S3 was asked since the last event, by kind, and bytes either way.
        sizes: What the tables take now; nothing where the engine does not tell.
        shown: Rows and reasons looked up after it.
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, TableSize] = field(default_factory=dict)
    shown: Preview = field(default_factory=Preview)


def entry_metadata(entry: Entry) -> dict[str, Any]:
    """What the ledger says of a load."""
    shown = ("objects", "bytes", "records", "rejects", "load_id")
    metadata: dict[str, Any] = {name: getattr(entry, name) for name in shown}
    metadata["dagster/row_count"] = entry.row_count
    if entry.suppressed:
        metadata["suppressed"] = entry.suppressed
    if entry.unknown_fields:
        metadata["unknown_fields"] = dict(entry.unknown_fields)
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
    """A plot, where there are several days to compare."""
    image = by_day(title, series, apart=apart)
    return {PLOT: dg.MetadataValue.md(image)} if image else {}


def seconds_metadata(seconds: Mapping[str, float]) -> dict[str, Any]:
    """Where the time went, a number for each phase."""
    return {f"seconds_{phase}": round(spent, 3) for phase, spent in seconds.items()}


def day_metadata(entry: Entry, shown: Preview) -> dict[str, Any]:
    """The day's rows under the name Dagster has for them: `row_count` is what the table holds."""
    told = {"dagster/partition_row_count": entry.row_count}
    if STAGING_EVENTS.name in shown.counts:
        told["dagster/row_count"] = shown.counts[STAGING_EVENTS.name]
    return told


def days_metadata(published: Sequence[Entry], days: int) -> dict[str, Any]:
    """What all log days of a run came to.

    Args:
        days: How many were loaded, published or not.
    """
    return {
        "days": len(published),
        "failed_days": days - len(published),
        "objects": sum(entry.objects for entry in published),
        "bytes": sum(entry.bytes for entry in published),
        "records": sum(entry.records for entry in published),
        "rows": sum(entry.row_count for entry in published),
        "rejects": sum(entry.rejects for entry in published),
    }


def days_plot(published: Sequence[Entry]) -> dict[str, Any]:
    """The same by day, to be looked at."""
    days = {date.fromisoformat(entry.part): entry for entry in published}
    return plot_metadata(
        "Rows staged and records rejected by log day of this run",
        {
            "rows staged": {day: entry.row_count for day, entry in days.items()},
            "records rejected": {day: entry.rejects for day, entry in days.items()},
        },
        apart=True,
    )


def star_metadata(star: StarResult, name: str) -> dict[str, Any]:
    """What a publication did to a star table or to a mart; all of them share its seconds."""
    table = star.tables[name]
    shared = {phase: spent for phase, spent in star.phases.items() if phase not in star.tables}
    metadata: dict[str, Any] = {
        "dagster/row_count": table.rows,
        "rows_added": table.added,
        "rows_removed": table.removed,
        "how": table.how,
        "seconds": round(star.seconds, 3),
        **seconds_metadata({"build": star.phases.get(name, 0.0), **shared}),
    }
    if name == SONGPLAY.name:
        metadata["match_rate"] = round(star.matched / table.rows, 6) if table.rows else 0.0
        metadata["plays_matched_by"] = dict(star.matched_by)
        metadata["plays_rematched"] = star.rematched
    return metadata


def took_metadata(part: PartResult, requests: Mapping[str, int]) -> dict[str, Any]:
    """What a load took; days that share a transaction share its seconds."""
    metadata: dict[str, Any] = {"path": part.path, "seconds": round(part.seconds, 3)}
    metadata |= seconds_metadata(part.phases)
    metadata |= cost_metadata(requests, part.entry.objects if part.path == "copy" else 0)
    if part.copy_refusal:
        metadata["why_not_copied"] = part.copy_refusal
        metadata["check_the_setup"] = part.setup_problem
    if part.cost.query_ids:
        metadata["rows_copied"] = part.cost.copied
        metadata["query_ids"] = part.cost.query_ids
    return metadata


def size_metadata(size: TableSize | None) -> dict[str, Any]:
    """What a table takes on Redshift, and how evenly its rows lie on the slices."""
    if size is None:
        return {}
    metadata: dict[str, Any] = {"size_mb": size.megabytes}
    if size.skew is not None:
        metadata["skew"] = size.skew
    if size.unsorted is not None:
        metadata["unsorted_percent"] = size.unsorted
    return metadata


def failed_metadata(parts: Sequence[FailedPart]) -> dict[str, Any]:
    """The parts that failed."""
    written = [asdict(part) | {"reason": part.reason[:_LONGEST]} for part in parts]
    return {_FAILED_PARTS: dg.MetadataValue.json(written)}


def failed_parts(metadata: Mapping[str, Any]) -> tuple[FailedPart, ...]:
    """The parts that failed, as a run has written them; none where another version ran."""
    found = metadata.get(_FAILED_PARTS)
    if not isinstance(found, dg.JsonMetadataValue) or not isinstance(found.data, list):
        return ()
    try:
        return tuple(FailedPart(**part) for part in found.data)
    except TypeError:
        return ()
