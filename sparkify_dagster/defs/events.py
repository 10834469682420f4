"""Telling Dagster what a load did: materializations, check results, warnings.

Only what was committed is reported as materialized, a day at a time. What was rejected never stands
in metadata or logs, only why and how often; of what was accepted a few rows do, with the names of
people masked (`previews`). Whatever is a number is told as one, so that the UI plots it over time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg

from sparkify_dagster.core.text import cited
from sparkify_dagster.defs.checks import check_evaluation, check_key, check_result, merged
from sparkify_dagster.defs.costs import cost_metadata
from sparkify_dagster.defs.extras import Extras
from sparkify_dagster.defs.internals import AssetMaterializationPlannedData, DagsterEvent
from sparkify_dagster.defs.metadata import (
    LoadStats,
    day_metadata,
    entry_metadata,
    log_day,
    plot_metadata,
    reasons_metadata,
    rows_metadata,
    seconds_metadata,
    size_metadata,
    took_metadata,
)
from sparkify_dagster.defs.previews import Preview
from sparkify_dagster.lake.objects import Unroutable
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.audit import Finding
from sparkify_dagster.pipeline.publish import PartReport
from sparkify_dagster.pipeline.star import StarReport

Metadata = Mapping[str, dg.MetadataValue]


class Reporter:
    """Speaks to Dagster for one execution of the load op.

    What it gives is to be yielded by the op. What an op logs as an event (`log_event`) Dagster only
    stores with the next thing that is yielded: it would be lost with an error.

    Attributes:
        told: Tables without partitions that were reported as materialized.
    """

    def __init__(self, context: dg.AssetExecutionContext, extras: Extras) -> None:
        self._context = context
        self._extras = extras
        self._events_key = dg.AssetKey(STAGING_EVENTS.name)
        self.told: set[str] = set()

    def unroutable(self, found: Sequence[Unroutable]) -> None:
        """Warns about log objects that belong to no day."""
        for item in found[:20]:
            self._context.log.warning(f"not loaded: {cited(item.key)}: {item.reason}")
        if len(found) > 20:
            self._context.log.warning(
                f"and {len(found) - 20:,} more; `sparkify status --json` lists them all"
            )

    def planned(self, days: Iterable[str]) -> None:
        """Announces the log days of a run that was not launched for given partitions.

        Dagster then shows them in progress, and as failed if the run fails without them.
        """
        if self._events_key in self._context.selected_asset_keys:
            return
        self._extras.tried("Days in progress are not shown", lambda: self._plan(days), None)

    def _plan(self, days: Iterable[str]) -> None:
        run = self._context.run
        for day in days:
            event = DagsterEvent.build_asset_materialization_planned_event(
                run.job_name,
                self._context.op_execution_context.op.name,
                AssetMaterializationPlannedData(self._events_key, partition=day),
            )
            self._context.instance.report_dagster_event(event, run_id=run.run_id)

    def day(self, outcome: PartReport, took: LoadStats, *, alone: bool) -> Iterator[Any]:
        """Reports a log day: materialized if it was published, an error in the log if not.

        Args:
            alone: It is the only day of the run, so the rows looked up are its own.
        """
        entry = outcome.entry
        if outcome.why:
            tell = self._context.log.warning if outcome.setup_problem else self._context.log.info
            tell(f"{entry.part}: Redshift could not copy it, so our reader read it: {outcome.why}")
        if not outcome.published:
            self._context.log.error(f"{entry.part} was not published: {entry.message}")
            return
        yield dg.AssetMaterialization(
            self._events_key,
            partition=entry.part,
            metadata=entry_metadata(entry)
            | self._more(
                STAGING_EVENTS.name,
                lambda: day_metadata(entry, took.shown),
                lambda: reasons_metadata(took.shown.reasons.get(entry.part, {})),
                lambda: took_metadata(outcome, took),
                lambda: size_metadata(took.sizes.get(STAGING_EVENTS.name)),
                lambda: rows_metadata(STAGING_EVENTS.name, took.shown) if alone else {},
            ),
        )

    def days(self, outcomes: Sequence[PartReport], took: LoadStats) -> Iterator[Any]:
        """Sums up a run's log days as an observation of their table, as no day can show it.

        Args:
            took: What all of them took; rows of the last ones that were published.
        """
        entries = [outcome.entry for outcome in outcomes if outcome.published]
        if not entries:
            return
        copied = sum(o.entry.objects for o in outcomes if o.path == "copy")
        numbers = {
            "days": len(entries),
            "failed_days": len(outcomes) - len(entries),
            "objects": sum(entry.objects for entry in entries),
            "bytes": sum(entry.bytes for entry in entries),
            "records": sum(entry.records for entry in entries),
            "rows": sum(entry.row_count for entry in entries),
            "rejects": sum(entry.rejects for entry in entries),
        }
        reasons: Counter[str] = Counter()
        for by_reason in took.shown.reasons.values():
            reasons.update(by_reason)
        yield dg.AssetObservation(
            self._events_key,
            description=f"{len(entries):,} log days loaded in one run",
            metadata={name: dg.MetadataValue.int(n) for name, n in numbers.items()}
            | self._more(
                STAGING_EVENTS.name,
                lambda: reasons_metadata(reasons),
                lambda: seconds_metadata(took.seconds),
                lambda: cost_metadata(took.requests, copied),
                lambda: rows_metadata(STAGING_EVENTS.name, took.shown),
                lambda: plot_metadata(
                    "Rows staged and records rejected by log day of this run",
                    {
                        "rows staged": {log_day(e): e.row_count for e in entries},
                        "records rejected": {log_day(e): e.rejects for e in entries},
                    },
                    apart=True,
                ),
            ),
        )

    def findings_of_days(self, outcomes: Sequence[PartReport]) -> Iterator[Any]:
        """One result per check over all days of the run."""
        seen: dict[int, Finding] = {}
        for outcome in outcomes:
            # Days of one transaction share their findings: each is counted once.
            seen.update({id(finding): finding for finding in outcome.findings})
        yield from self.findings(merged(seen.values()))

    def songs(self, outcome: PartReport, took: LoadStats) -> Iterator[Any]:
        """Reports the song load."""
        yield from self.findings(outcome.findings)
        if outcome.published:
            metadata = entry_metadata(outcome.entry) | self._more(
                STAGING_SONGS.name,
                lambda: took_metadata(outcome, took),
                lambda: reasons_metadata(took.shown.reasons.get("all", {})),
                lambda: size_metadata(took.sizes.get(STAGING_SONGS.name)),
                lambda: rows_metadata(STAGING_SONGS.name, took.shown),
            )
            metadata["objects_read"] = dg.MetadataValue.int(outcome.objects_read)
            yield from self._materialized(STAGING_SONGS.name, metadata)

    def star(self, outcome: StarReport, took: LoadStats) -> Iterator[Any]:
        """Reports star tables and marts, those that were not asked for too: they were published."""
        shared = {phase: s for phase, s in took.seconds.items() if phase not in outcome.tables}
        for name, table in outcome.tables.items():
            yield from self.findings(outcome.findings.get(name, ()))
            metadata: dict[str, dg.MetadataValue] = {
                "dagster/row_count": dg.MetadataValue.int(table.rows),
                "rows_added": dg.MetadataValue.int(table.added),
                "rows_removed": dg.MetadataValue.int(table.removed),
                "how": dg.MetadataValue.text(table.how),
                "seconds": dg.MetadataValue.float(round(outcome.seconds, 3)),
            }
            metadata |= seconds_metadata({"build": took.seconds.get(name, 0.0), **shared})
            if name == "songplay":
                share = outcome.matched / table.rows if table.rows else 0.0
                metadata["match_rate"] = dg.MetadataValue.float(round(share, 6))
                metadata["plays_rematched"] = dg.MetadataValue.int(outcome.rematched)
                metadata |= self._more(
                    name,
                    lambda: plot_metadata("Plays by day", took.shown.plays),
                    lambda: cost_metadata(took.requests),
                )
            metadata |= self._more(
                name,
                partial(size_metadata, took.sizes.get(name)),
                partial(rows_metadata, name, took.shown),
            )
            yield from self._materialized(name, metadata)

    def standing(self, tables: Iterable[Table], shown: Preview) -> Iterator[Any]:
        """Reports tables that were found up to date and left as they are.

        As events, not as results: of those one must come before what is made of it.
        """
        for table in tables:
            metadata: dict[str, dg.MetadataValue] = {"how": dg.MetadataValue.text("nothing")}
            if table.name in shown.counts:
                metadata["dagster/row_count"] = dg.MetadataValue.int(shown.counts[table.name])
            metadata |= self._more(table.name, partial(rows_metadata, table.name, shown))
            yield dg.AssetMaterialization(table.name, metadata=metadata)

    def findings(self, findings: Iterable[Finding]) -> Iterator[Any]:
        """Reports what checks found, whether the run was asked for them or not."""
        for finding in findings:
            told = self._extras.tried("A check is not shown", partial(self._found, finding), None)
            if told is not None:
                yield told

    def _found(self, finding: Finding) -> Any:
        is_asked = check_key(finding.check) in self._context.selected_asset_check_keys
        return check_result(finding) if is_asked else check_evaluation(finding)

    def _more(self, table: str, *parts: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is shown with a table besides; what cannot be made is left out."""
        told, missing = dict[str, Any](), f"Something is not shown with {table}"
        for part in parts:
            told |= self._extras.tried(missing, part, dict[str, Any]())
        return told

    def _materialized(self, name: str, metadata: Metadata) -> Iterator[Any]:
        self.told.add(name)
        if dg.AssetKey(name) in self._context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=name, metadata=dict(metadata))
        else:
            yield dg.AssetMaterialization(name, metadata=dict(metadata))
