"""The one op that loads: staging tables, then the star, in as few transactions as is right.

One op, because Dagster cannot express what the platform promises: a bad day fails, and the star is
published from the good ones all the same. A failed step would stop every step after it. Here the
op publishes all that is good, tells Dagster what was published, and fails at its end if it must.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Literal

import dagster as dg

from sparkify_dagster import progress
from sparkify_dagster.assets.report import Reporter, Took
from sparkify_dagster.checks import check_specs
from sparkify_dagster.lake.errors import CloudError, LakeError
from sparkify_dagster.lake.meter import since
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.reader import Reader
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.lake.store import ObjectStore
from sparkify_dagster.model.checks import NO_FAILED_LOADS, all_checks
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.resources import BoundsResource, LakeResource, WarehouseResource
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.audit import AuditFailed, Finding, Stored, examine
from sparkify_dagster.warehouse.direct import load_log_days
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseError
from sparkify_dagster.warehouse.pending import (
    Loaded,
    Pending,
    all_gone,
    asked_days,
    asked_songs,
    loaded,
    pending,
    vanished,
)
from sparkify_dagster.warehouse.publish import Direct, Loading, PartReport, RemoteStore
from sparkify_dagster.warehouse.songs import load_songs
from sparkify_dagster.warehouse.star import publish_star

LOAD_OP = "load_tables"


What = Literal["asked", "changes", "due", "everything"]


_ONLY_CHANGES = ("changes", "due")


class LoadConfig(dg.Config):
    """What a run loads.

    Attributes:
        what: `asked`: just the assets and days the run was launched for, changed or not.
            `changes`: whatever differs between lake and warehouse. `due`: the same without what has
            failed too often as it is now. `everything`: all of the lake, read anew, and the star
            rebuilt.
        first_day: With `changes` or `everything`: only log days from this one on, `YYYY-MM-DD`.
        last_day: Likewise the last one.
    """

    what: What = "asked"
    first_day: str = ""
    last_day: str = ""


def load_asset(specs: Iterable[dg.AssetSpec]) -> dg.AssetsDefinition:
    """All tables as the outputs of one op that can load any subset of them."""

    @dg.multi_asset(
        name=LOAD_OP,
        specs=list(specs),
        check_specs=check_specs(),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def load_tables(
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        warehouse: WarehouseResource,
        lake: LakeResource,
        bounds: BoundsResource,
    ) -> Iterator[Any]:
        try:
            run = _Run(context, config, warehouse.open(context.run.run_id), lake.open(), bounds)
            if context.selected_asset_keys:
                yield from run.load()
            else:
                yield from run.check()
        except (LakeError, WarehouseError, CloudError) as error:
            raise dg.Failure(str(error)) from None

    return load_tables


class _Run:
    """One execution of the op."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        warehouse: Warehouse,
        lake: Lake,
        bounds: BoundsResource,
    ) -> None:
        self._context = context
        self._config = config
        self._warehouse = warehouse
        self._lake = lake
        self._bounds = bounds
        self._selected = {key.to_user_string() for key in context.selected_asset_keys}
        self._report = Reporter(context)
        self._failures: list[str] = []
        self._failed_days: list[str] = []

    def check(self) -> Iterator[Any]:
        """Runs just the checks that were asked for, on what is stored."""
        asked = {(k.asset_key.to_user_string(), k.name) for k in self._checks_asked}
        wanted = [check for check in all_checks() if (check.table, check.name) in asked]

        def ask(session: Session) -> list[Finding]:
            ledger.is_ready(session)
            return examine(session, wanted, Stored(session.schema))

        findings = self._warehouse.look(ask)
        yield from self._report.findings(findings)

    def load(self) -> Iterator[Any]:
        """Loads what is to be loaded; fails at the end if a part of it failed."""
        progress.report("looking at the lake")
        snapshot = self._lake.look()
        held = loaded(self._warehouse)
        if snapshot.is_empty and held.is_nothing:
            raise LakeError(snapshot.emptiness)
        self._report.unroutable(snapshot.unroutable)
        for half in vanished(snapshot, held):
            self._context.log.warning(f"{all_gone(half, self._lake)} Its rows go.")
        todo = self._todo(snapshot, held)
        for part in todo.given_up:
            self._context.log.warning(
                f"{part.name} has failed {self._bounds.attempts} times as it is now and is left "
                "alone until the lake changes or somebody loads it (`sparkify retry`)."
            )
        if todo.is_nothing:
            self._context.log.info("Nothing changed: the warehouse holds what the lake holds.")
            return
        if todo.songs:
            yield from self._songs(todo)
        if todo.days:
            yield from self._days(todo, snapshot)
        yield from self._failed_loads(todo)
        yield from self._star(todo)
        self._prune()
        if self._failures:
            raise dg.Failure(
                "\n".join(self._failures),
                metadata={"failed_days": dg.MetadataValue.json(self._failed_days)},
                allow_retries=False,
            )

    @property
    def _checks_asked(self) -> set[dg.AssetCheckKey]:
        return set(self._context.selected_asset_check_keys)

    @property
    def _star_selected(self) -> bool:
        return any(table.name in self._selected for table in STAR)

    def _todo(self, snapshot: Snapshot, held: Loaded) -> Pending:
        if self._config.what != "asked":
            return pending(
                snapshot,
                held,
                everything=self._config.what == "everything",
                days=_range(self._config),
                attempts=self._bounds.attempts if self._config.what == "due" else None,
            )
        songs = asked_songs(snapshot, held) if STAGING_SONGS.name in self._selected else []
        days = []
        if STAGING_EVENTS.name in self._selected:
            if not self._context.has_partition_key and not self._context.has_partition_key_range:
                raise LakeError(
                    f"{STAGING_EVENTS.name}: no log day was chosen. Choose a day or a range of "
                    "days, or launch the job `load`, which finds out by itself what changed."
                )
            days = asked_days(snapshot, list(self._context.partition_keys))
        return Pending(songs, days, self._star_selected)

    def _songs(self, todo: Pending) -> Iterator[Any]:
        with self._loading(self._lake.songs, self._lake.song_reader()) as loading:
            before = self._requests()
            outcome = load_songs(
                loading, todo.songs, everything=self._config.what not in _ONLY_CHANGES
            )
        took = Took(since(before, self._requests()), self._warehouse.sizes())
        yield from self._report.songs(outcome, took)
        self._note(outcome, "the song catalogue")

    def _days(self, todo: Pending, snapshot: Snapshot) -> Iterator[Any]:
        self._report.planned(part.name for part in todo.days)
        outcomes: list[PartReport] = []
        with self._loading(self._lake.logs, self._lake.log_reader(snapshot.fields)) as loading:
            loading = replace(loading, direct=self._direct(snapshot))
            before, load_id = self._requests(), 0
            took = Took({}, {})
            for outcome in load_log_days(loading, todo.days):
                outcomes.append(outcome)
                now = self._requests()
                if outcome.entry.load_id != load_id:
                    took = Took({}, self._warehouse.sizes())
                # Requests for days that share a transaction stand at the first of them.
                self._report.day(outcome, replace(took, requests=since(before, now)))
                before, load_id = now, outcome.entry.load_id
                self._note(outcome, outcome.entry.part)
                if not outcome.published:
                    self._failed_days.append(outcome.entry.part)
        yield from self._report.findings_of_days(outcomes)

    @contextmanager
    def _loading(self, store: ObjectStore, reader: Reader) -> Iterator[Loading]:
        """What a load works with; the reader's memory is let go of at the end."""
        with closing(reader):
            limits = self._bounds.limits()
            yield Loading(self._warehouse, store, reader, limits, self._run_id, self._told)

    def _direct(self, snapshot: Snapshot) -> Direct | None:
        """How the warehouse reads log days by itself, where it can and shall."""
        store = self._lake.logs
        if (
            self._bounds.direct_copy
            and self._warehouse.engine == "redshift"
            and isinstance(store, RemoteStore)
        ):
            return Direct(store, snapshot.fields)
        return None

    def _requests(self) -> dict[str, int]:
        """What S3 was asked so far, for reading and for handing rows over."""
        return dict(
            Counter(self._lake.meter.snapshot()) + Counter(self._warehouse.meter.snapshot())
        )

    def _failed_loads(self, todo: Pending) -> Iterator[Any]:
        """The check that looks at the outcome of the loads themselves, after them."""
        tables = [STAGING_SONGS.name] * bool(todo.songs) + [STAGING_EVENTS.name] * bool(todo.days)
        wanted = [c for c in all_checks() if c.name == NO_FAILED_LOADS and c.table in tables]
        if wanted:
            findings = self._warehouse.look(
                lambda session: examine(session, wanted, Stored(session.schema))
            )
            yield from self._report.findings(findings)

    def _star(self, todo: Pending) -> Iterator[Any]:
        if self._config.what == "asked" and not self._star_selected:
            return
        alone = self._config.what == "asked" and not (todo.songs or todo.days)
        progress.report("publishing the star")
        try:
            outcome = publish_star(
                self._warehouse,
                self._run_id,
                rebuild=alone or self._config.what == "everything",
                on_table=lambda name: progress.report(f"publishing the star: {name}"),
            )
        except AuditFailed as error:
            yield from self._report.findings(error.findings)
            self._failures.append(f"The star was not published. {error}")
        else:
            yield from self._report.star(outcome, self._warehouse.sizes())

    def _prune(self) -> None:
        self._warehouse.transact(
            lambda session: ledger.prune(session, self._bounds.history_days, ledger.utc_now())
        )
        if left := self._warehouse.tidy():
            self._context.log.warning(f"files of dead loads were not removed: {left}")

    def _note(self, outcome: PartReport, what: str) -> None:
        if not outcome.published:
            self._failures.append(f"{what} was not published: {outcome.entry.message}")

    @property
    def _run_id(self) -> str:
        return str(self._context.run.run_id)

    def _told(self, what: str, done: int, total: int) -> None:
        progress.report(f"reading {what}", done, total)


def _range(config: LoadConfig) -> DayRange | None:
    if not (config.first_day or config.last_day):
        return None
    return DayRange.parse(config.first_day, config.last_day)
