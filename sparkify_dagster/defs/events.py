"""A load's events in Dagster's words: materializations, check results, log lines.

Only what was committed is reported as materialized, a day at a time. What was rejected never stands
in metadata or logs, only why and how often; of what was accepted a few rows do, with the names of
people masked (`previews`). Whatever is a number is given as one, so that the UI plots it over time.
What belongs here: the translation, and looking up what is shown besides. What a load does, and
when, is `pipeline.load`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg

from sparkify_dagster.core.meter import Meter, since
from sparkify_dagster.defs import metadata as md
from sparkify_dagster.defs.checks import check_evaluation, check_key, check_result, merged
from sparkify_dagster.defs.costs import cost_metadata, usage_metadata
from sparkify_dagster.defs.extras import Extras
from sparkify_dagster.defs.internals import AssetMaterializationPlannedData, DagsterEvent
from sparkify_dagster.defs.metadata import LoadStats
from sparkify_dagster.defs.previews import Preview, look_at, look_at_staged
from sparkify_dagster.defs.sensors.triggers import nothing_due
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.audit import Finding
from sparkify_dagster.pipeline.events import (
    Checked,
    DaysLoaded,
    Ended,
    Event,
    Noticed,
    Omitted,
    PartResult,
    Planned,
)
from sparkify_dagster.pipeline.plan import Pending
from sparkify_dagster.pipeline.star import StarResult
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseError
from sparkify_dagster.warehouse.redshift.usage import Usage, usage_of

_EVENTS, _SONGS = STAGING_EVENTS.name, STAGING_SONGS.name


class Translator:
    """Speaks to Dagster for one load.

    What it gives is to be yielded by the op. What an op logs as an event (`log_event`) Dagster only
    stores with the next thing that is yielded: it would be lost with an error.

    Args:
        meters: Count what S3 is asked.
        preview_rows: Rows of a table to show at most.
        label: Marks the load's queries in Redshift's system views.
        hour_price: Dollars for an hour of the cluster.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        extras: Extras,
        warehouse: Warehouse,
        meters: Iterable[Meter] = (),
        preview_rows: int = 0,
        label: str = "",
        hour_price: float = 0.0,
    ) -> None:
        self._context = context
        self._extras = extras
        self._warehouse = warehouse
        self._meters = tuple(meters)
        self._preview_rows = preview_rows
        self._label = label
        self._hour_price = hour_price
        self._usage: Usage | None = None
        self._requests: Mapping[str, int] = {}
        self._before_days: Mapping[str, int] = {}
        self._day = LoadStats()
        self._load_id = 0
        self._reasons: dict[str, Mapping[str, int]] = {}
        self._is_one_day = False
        self._materialized: set[str] = set()

    def told(self, event: Event) -> Iterator[Any]:
        """What Dagster is given of an event; what only goes to the log is logged."""
        match event:
            case Planned():
                self._plan(event.todo)
            case Noticed():
                self._context.log.warning(event.text)
            case Omitted():
                self._extras.warn(event.text)
            case Checked():
                yield from self._findings(event.findings)
            case PartResult() if event.entry.target == _SONGS:
                yield from self._songs(event)
            case PartResult():
                yield from self._one_day(event)
            case DaysLoaded():
                yield from self._all_days(event)
            case StarResult():
                yield from self._star(event)
            case Ended() if event.failed:
                yield from self._left_as_they_are(event.up_to_date)

    def _plan(self, todo: Pending) -> None:
        self._is_one_day = len(todo.days) == 1
        if todo.is_nothing:
            self._context.log.info(f"Nothing is loaded: {nothing_due(len(todo.given_up))}.")
        elif dg.AssetKey(_EVENTS) not in self._context.selected_asset_keys:
            days = [part.name for part in todo.days]
            self._extras.tried("Days in progress are not shown", lambda: self._announce(days), None)

    def _announce(self, days: Iterable[str]) -> None:
        """Announces the log days of a run that was not launched for given partitions.

        Dagster then shows them in progress, and as failed if the run fails without them.
        """
        run = self._context.run
        for day in days:
            event = DagsterEvent.build_asset_materialization_planned_event(
                run.job_name,
                self._context.op_execution_context.op.name,
                AssetMaterializationPlannedData(dg.AssetKey(_EVENTS), partition=day),
            )
            self._context.instance.report_dagster_event(event, run_id=run.run_id)

    def _songs(self, songs: PartResult) -> Iterator[Any]:
        stats = self._stats(
            lambda session: look_at_staged(session, STAGING_SONGS, None, self._preview_rows)
        )
        self._before_days = self._requests
        yield from self._findings(songs.findings)
        if songs.published:
            rows = partial(md.rows_metadata, _SONGS, stats.shown)
            metadata = self._of_part(songs, stats, "all", rows)
            yield self._published(_SONGS, metadata | {"objects_read": songs.objects_read})

    def _one_day(self, day: PartResult) -> Iterator[Any]:
        """A log day: materialized if it was published, an error in the log if not."""
        entry, stats = day.entry, self._stats_of_day(day)
        if day.copy_refusal:
            log = self._context.log.warning if day.setup_problem else self._context.log.info
            text = "Redshift could not copy it, so our reader read it"
            log(f"{entry.part}: {text}: {day.copy_refusal}")
        if not day.published:
            self._context.log.error(f"{entry.part} was not published: {entry.message}")
            return
        more = [partial(md.day_metadata, entry, stats.shown)]
        if self._is_one_day:
            more.append(partial(md.rows_metadata, _EVENTS, stats.shown))
        metadata = self._of_part(day, stats, entry.part, *more)
        yield dg.AssetMaterialization(_EVENTS, partition=entry.part, metadata=metadata)

    def _of_part(
        self, part: PartResult, stats: LoadStats, name: str, *more: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """What is shown with a part.

        Args:
            name: Under which its rejects are counted.
        """
        table = part.entry.target
        return md.entry_metadata(part.entry) | self._more(
            table,
            lambda: md.took_metadata(part, stats.requests),
            lambda: md.reasons_metadata(stats.shown.reasons.get(name, {})),
            lambda: md.size_metadata(stats.sizes.get(table)),
            *more,
        )

    def _all_days(self, loaded: DaysLoaded) -> Iterator[Any]:
        """Sums up the days of a run as an observation of their table, as no day can show it."""
        entries = [day.entry for day in loaded.days if day.published]
        if entries and not self._is_one_day:
            reasons = sum(map(Counter, self._reasons.values()), Counter[str]())
            copied = sum(day.entry.objects for day in loaded.days if day.path == "copy")
            requests = since(self._before_days, self._requests)
            yield dg.AssetObservation(
                _EVENTS,
                description=f"{len(entries):,} log days loaded in one run",
                metadata=md.days_metadata(entries, len(loaded.days))
                | self._more(
                    _EVENTS,
                    lambda: md.reasons_metadata(reasons),
                    lambda: md.seconds_metadata(loaded.phases),
                    lambda: cost_metadata(requests, copied),
                    lambda: md.rows_metadata(_EVENTS, self._day.shown),
                    lambda: md.days_plot(entries),
                ),
            )
        # Days of one transaction share their findings: each is counted once.
        seen = {id(finding): finding for day in loaded.days for finding in day.findings}
        yield from self._findings(merged(seen.values()))

    def _star(self, star: StarResult) -> Iterator[Any]:
        """Star tables and marts, those that were not asked for too: they were published."""
        tables = [TABLES[name] for name in star.tables]
        stats = self._stats(lambda session: self._looked(session, tables))
        for name in star.tables:
            yield from self._findings(star.findings.get(name, ()))
            metadata = md.star_metadata(star, name)
            if name == SONGPLAY.name:
                metadata |= self._more(
                    name,
                    lambda: md.plot_metadata("Plays by day", stats.shown.plays),
                    lambda: cost_metadata(stats.requests),
                    lambda: usage_metadata(self._usage, self._hour_price),
                )
            metadata |= self._more(
                name,
                partial(md.size_metadata, stats.sizes.get(name)),
                partial(md.rows_metadata, name, stats.shown),
            )
            yield self._published(name, metadata)

    def _looked(self, session: Session, tables: list[Table]) -> Preview:
        """The tables' preview; and, in the same look, what Redshift's history says of the load."""
        shown = look_at(session, tables, self._preview_rows)
        if session.engine == "redshift" and self._label:
            with suppress(WarehouseError):  # It may not be read: then nothing is told.
                self._usage = usage_of(session, self._label)
        return shown

    def _left_as_they_are(self, up_to_date: Iterable[str]) -> Iterator[Any]:
        """Tables that are up to date though the run fails; they would look failed, too.

        As events, not as results: of those one must come before what is made of it.
        """
        selected = {key.to_user_string() for key in self._context.selected_asset_keys}
        names = selected.intersection(up_to_date) - self._materialized
        tables = [table for name, table in TABLES.items() if name in names]
        if not tables:
            return
        preview = self._shown(
            lambda session: look_at(session, tables, self._preview_rows, counted=True)
        )
        for table in tables:
            metadata: dict[str, Any] = {"how": "nothing"}
            if table.name in preview.counts:
                metadata["dagster/row_count"] = preview.counts[table.name]
            metadata |= self._more(table.name, partial(md.rows_metadata, table.name, preview))
            yield dg.AssetMaterialization(table.name, metadata=metadata)

    def _stats_of_day(self, day: PartResult) -> LoadStats:
        """Of a day; what days that share a transaction share is looked up once."""
        load_id = day.entry.load_id
        if not day.published or load_id == self._load_id:
            # Requests for days that share a transaction stand at the first of them.
            self._day = replace(self._day, requests=self._requests_since())
        else:
            self._load_id = load_id
            self._day = self._stats(
                lambda session: look_at_staged(session, STAGING_EVENTS, load_id, self._preview_rows)
            )
            self._reasons.update(self._day.shown.reasons)
        return self._day

    def _stats(self, look: Callable[[Session], Preview]) -> LoadStats:
        """What was asked of S3 since the last event, and what is to be seen now."""
        return LoadStats(
            self._requests_since(),
            self._extras.tried("Sizes are not told", self._warehouse.sizes, {}),
            self._shown(look),
        )

    def _requests_since(self) -> dict[str, int]:
        """What S3 was asked since this was asked last, for reading and for handing rows over."""
        now = sum((Counter(meter.snapshot()) for meter in self._meters), Counter[str]())
        before, self._requests = self._requests, now
        return since(before, now)

    def _shown(self, look: Callable[[Session], Preview]) -> Preview:
        """What is to be seen of the tables now."""
        return self._extras.tried(
            "No rows are shown", lambda: self._warehouse.read_only(look), Preview()
        )

    def _findings(self, findings: Iterable[Finding]) -> Iterator[Any]:
        """What checks found, whether the run was asked for them or not."""

        def is_asked(finding: Finding) -> bool:
            return check_key(finding.check) in self._context.selected_asset_check_keys

        def told(finding: Finding) -> Any:
            return check_result(finding) if is_asked(finding) else check_evaluation(finding)

        missing = "A check is not shown"
        looked = (f for f in findings if not f.asked_nothing or is_asked(f))
        results = (self._extras.tried(missing, partial(told, f), None) for f in looked)
        yield from (result for result in results if result is not None)

    def _more(self, table: str, *parts: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is shown with a table besides; what cannot be made is left out."""
        told, missing = dict[str, Any](), f"Something is not shown with {table}"
        for part in parts:
            told |= self._extras.tried(missing, part, dict[str, Any]())
        return told

    def _published(self, name: str, metadata: Mapping[str, Any]) -> Any:
        self._materialized.add(name)
        if dg.AssetKey(name) in self._context.selected_asset_keys:
            return dg.MaterializeResult(asset_key=name, metadata=metadata)
        return dg.AssetMaterialization(name, metadata=metadata)
