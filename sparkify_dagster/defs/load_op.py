"""The one op that loads: staging tables, star and marts, then the page that shows them.

One op, because Dagster cannot express what the platform promises: a bad day fails, and the star is
published from the good ones all the same. A failed step would stop every step after it. Here the
op publishes all that is good, tells Dagster what was published, and fails at its end if it must.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

import dagster as dg

from sparkify_dagster.core import progress
from sparkify_dagster.core.errors import CloudError
from sparkify_dagster.core.meter import since
from sparkify_dagster.defs.checks import check_key, check_specs
from sparkify_dagster.defs.events import Reporter
from sparkify_dagster.defs.extras import Extras, lend_temporary_folder, why
from sparkify_dagster.defs.failed_parts import failed_metadata
from sparkify_dagster.defs.liveness.heartbeat import shown_at_work
from sparkify_dagster.defs.metadata import LoadStats
from sparkify_dagster.defs.page import REPORT, publish_report
from sparkify_dagster.defs.previews import Preview, look_at, look_at_staged
from sparkify_dagster.defs.resources import (
    BoundsResource,
    LakeResource,
    PageResource,
    WarehouseResource,
)
from sparkify_dagster.defs.retention import prune_runs
from sparkify_dagster.defs.sensors.alert_policy import CATALOGUE, FailedPart
from sparkify_dagster.defs.sensors.alert_policy import MARTS as THE_MARTS
from sparkify_dagster.defs.sensors.alert_policy import STAR as THE_STAR
from sparkify_dagster.defs.sensors.triggers import nothing_due
from sparkify_dagster.lake.changes import changed_parts
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.reader.reader import Reader
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.lake.store.base import ObjectStore
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import NO_FAILED_LOADS, SCHEMA_MATCHES, all_checks
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.audit import AuditFailed, Finding, Stored, examine
from sparkify_dagster.pipeline.copy_load import load_log_days
from sparkify_dagster.pipeline.load_songs import load_songs
from sparkify_dagster.pipeline.phases import Phases
from sparkify_dagster.pipeline.plan import (
    Loaded,
    Pending,
    all_gone,
    asked_days,
    asked_songs,
    clock_problem,
    held_against,
    loaded,
    pending,
    vanished,
)
from sparkify_dagster.pipeline.publish import Direct, Loading, PartReport, RemoteStore
from sparkify_dagster.pipeline.star import publish_star
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseError

LOAD_OP = "load_tables"


What = Literal["asked", "changes", "due", "everything"]


_ONLY_CHANGES = ("changes", "due")
_ERRORS = (LakeError, WarehouseError, CloudError)
"""What a load may meet that its message says all of."""


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """What a run loads: all that can be said when it is launched.

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

    def as_run_config(self) -> dict[str, Any]:
        """The same as Dagster is told it at launch."""
        return {"ops": {LOAD_OP: {"config": asdict(self)}}}


# Not as a `dg.Config`: its texts may be names of environment variables, whose values would show.
_CONFIG_SCHEMA = {
    "what": dg.Field(
        dg.Enum("What", [dg.EnumValue(value) for value in get_args(What)]),
        is_required=False,
        default_value="asked",
    ),
    "first_day": dg.Field(str, is_required=False, default_value=""),
    "last_day": dg.Field(str, is_required=False, default_value=""),
}


def load_asset(specs: Iterable[dg.AssetSpec]) -> dg.AssetsDefinition:
    """All tables as the outputs of one op that can load any subset of them."""

    @dg.multi_asset(
        name=LOAD_OP,
        specs=list(specs),
        check_specs=check_specs(),
        config_schema=_CONFIG_SCHEMA,
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def load_tables(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        lake: dg.ResourceParam[LakeResource],
        bounds: dg.ResourceParam[BoundsResource],
        page: dg.ResourceParam[PageResource],
    ) -> Iterator[Any]:
        config = LoadConfig(**context.op_execution_context.op_config)
        try:
            with shown_at_work(context.instance, context.run.run_id):
                opened = warehouse.open(context.run.run_id)
                run = _Run(context, config, opened, lake.open(), bounds, page)
                if context.selected_asset_keys:
                    yield from run.load()
                else:
                    yield from run.check()
        except _ERRORS as error:
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
        page: PageResource,
    ) -> None:
        self._context = context
        self._config = config
        self._warehouse = warehouse
        self._lake = lake
        self._bounds = bounds
        self._page = page
        self._selected = {key.to_user_string() for key in context.selected_asset_keys}
        self._extras = Extras(context.log.warning)
        self._report = Reporter(context, self._extras)
        self._asked: Mapping[str, int] = {}
        self._at = ""
        self._failures: list[FailedPart] = []
        self._is_rebuilt = False
        self._newest: datetime | None = None
        self._right: set[str] = set()

    def check(self) -> Iterator[Any]:
        """Runs just the checks that were asked for, on what is stored."""
        # First, and told at once: where a table is altered or gone, other checks may not run.
        yield from self._report.findings(self._examined(self._schemas()))
        wanted = [check for check in self._checks_asked if check.name != SCHEMA_MATCHES]

        def ask(session: Session) -> list[Finding]:
            ledger.is_ready(session)
            return examine(session, wanted, Stored(session.schema))

        if wanted:
            yield from self._report.findings(self._warehouse.look(ask))

    def load(self) -> Iterator[Any]:
        """Loads what is to be loaded; fails at the end if a part of it failed."""
        lend_temporary_folder(self._context.instance.root_directory)
        try:
            yield from self._load()
        except _ERRORS as error:
            self._fails(self._at, str(error))
        if self._failures:
            yield from self._standing()
            failed = self._extras.tried("Tries are not counted", self._counted, self._failures)
            raise dg.Failure(
                "\n".join(part.reason for part in failed),
                metadata=failed_metadata(failed),
                allow_retries=False,
            )

    def _load(self) -> Iterator[Any]:
        progress.report("looking at the lake")
        snapshot, held = held_against(self._lake.look(), self._warehouse)
        if snapshot.is_empty and held.is_nothing:
            raise LakeError(snapshot.emptiness)
        self._report.unroutable(snapshot.unroutable)
        self._newest = held.newest
        for said in filter(None, [*snapshot.told, clock_problem(ledger.utc_now(), held.newest)]):
            self._context.log.warning(said)
        for half in vanished(snapshot, held):
            self._context.log.warning(f"{all_gone(half, self._lake)} Its rows go.")
        todo = self._todo(snapshot, held)
        for part in todo.given_up:
            self._context.log.warning(
                f"{part.name} has failed {self._bounds.attempts} times as it is now and is left "
                "alone until the lake changes or somebody loads it (`sparkify retry`)."
            )
        if todo.is_nothing and not self._page_asked:
            self._context.log.info(f"Nothing is loaded: {nothing_due(len(todo.given_up))}.")
            return
        if todo.songs:
            yield from self._songs(todo)
        elif not changed_parts(snapshot.songs, held.songs):
            self._right.add(STAGING_SONGS.name)
        if todo.days:
            yield from self._days(todo, snapshot)
        yield from self._audited(self._failed_loads(todo))
        yield from self._star(todo)
        yield from self._audited(self._schemas())
        self._prune()
        yield from self._write_page()

    def _standing(self) -> Iterator[Any]:
        """Tells of tables that are up to date though the run fails; they would look failed, too."""
        names = self._right & self._selected - self._report.told
        tables = [table for name, table in TABLES.items() if name in names]
        if tables:
            most = self._bounds.load.preview_rows
            shown = self._shown(lambda session: look_at(session, tables, most, counted=True))
            yield from self._report.standing(tables, shown)

    def _counted(self) -> list[FailedPart]:
        """What failed, with how often it was tried in vain as it is now."""
        held = loaded(self._warehouse)
        return [_tried(part, held, self._bounds.attempts) for part in self._failures]

    def _fails(self, part: str, reason: str) -> None:
        self._failures.append(FailedPart(part, reason))

    @property
    def _checks_asked(self) -> list[Check]:
        asked = self._context.selected_asset_check_keys
        return [check for check in all_checks() if check_key(check) in asked]

    @property
    def _page_asked(self) -> bool:
        return self._config.what == "asked" and REPORT in self._selected

    @property
    def _star_selected(self) -> bool:
        return any(table.name in self._selected for table in (*STAR, *MARTS))

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
            outcome = load_songs(
                loading, todo.songs, everything=self._config.what not in _ONLY_CHANGES
            )
        most = self._bounds.load.preview_rows
        took = self._took(
            loading.phases,
            lambda session: look_at_staged(session, STAGING_SONGS, None, most),
        )
        yield from self._report.songs(outcome, took)
        self._note(outcome, CATALOGUE)

    def _days(self, todo: Pending, snapshot: Snapshot) -> Iterator[Any]:
        self._report.planned(part.name for part in todo.days)
        outcomes: list[PartReport] = []
        with self._loading(self._lake.logs, self._lake.log_reader(snapshot.fields)) as loading:
            loading = replace(loading, direct=self._direct(snapshot))
            asked, took, reasons = self._asked, LoadStats(), dict[str, Mapping[str, int]]()
            for outcome in load_log_days(loading, todo.days):
                outcomes.append(outcome)
                took = self._took_day(outcome, loading, took)
                reasons.update(took.shown.reasons)
                yield from self._report.day(outcome, took, alone=len(todo.days) == 1)
                self._note(outcome, outcome.entry.part)
        if len(todo.days) > 1:
            seen = Preview(took.shown.rows, reasons=reasons)
            summed = LoadStats(since(asked, self._asked), {}, loading.phases.total(), seen)
            yield from self._report.days(outcomes, summed)
        yield from self._report.findings_of_days(outcomes)

    def _took_day(self, outcome: PartReport, loading: Loading, before: LoadStats) -> LoadStats:
        """What a day took; what days that share a transaction share is looked up once.

        Args:
            before: What the day before it took.
        """
        load_id, most = outcome.entry.load_id, self._bounds.load.preview_rows
        if not outcome.published or load_id == before.load_id:
            # Requests for days that share a transaction stand at the first of them.
            return replace(before, requests=self._requests())
        return replace(
            self._took(
                loading.phases,
                lambda session: look_at_staged(session, STAGING_EVENTS, load_id, most),
            ),
            load_id=load_id,
        )

    def _took(self, phases: Phases, look: Callable[[Session], Preview]) -> LoadStats:
        """What was taken since the last report, and what is to be seen now.

        Args:
            phases: Of the load that has just been committed.
        """
        tried = self._extras.tried
        return LoadStats(
            self._requests(),
            tried("Sizes are not told", self._warehouse.sizes, {}),
            phases.lap(),
            self._shown(look),
        )

    def _shown(self, look: Callable[[Session], Preview]) -> Preview:
        """What is to be seen of the tables now."""
        return self._extras.tried(
            "No rows are shown", lambda: self._warehouse.look(look), Preview()
        )

    def _schemas(self) -> list[Check]:
        """The checks of columns, where they were asked for or all was built anew.

        Other loads go without: they refuse altered tables anyway, and each check costs an event.
        """
        asked = all_checks() if self._is_rebuilt else self._checks_asked
        return [check for check in asked if check.name == SCHEMA_MATCHES]

    def _examined(self, wanted: Sequence[Check]) -> list[Finding]:
        """What checks find in what is stored now."""
        if not wanted:
            return []
        return self._warehouse.look(
            lambda session: examine(session, wanted, Stored(session.schema))
        )

    def _audited(self, wanted: Sequence[Check]) -> Iterator[Any]:
        """Makes checks after a load, where they can be made, and tells what they found."""
        found = self._extras.tried(
            "Checks were not made", lambda: self._examined(wanted), list[Finding]()
        )
        yield from self._report.findings(found)

    @contextmanager
    def _loading(self, store: ObjectStore, reader: Reader) -> Iterator[Loading]:
        """What a load works with; the reader's memory is let go of at the end."""
        try:
            limits = self._bounds.limits()
            yield Loading(self._warehouse, store, reader, limits, self._run_id, self._told)
        finally:
            self._extras.tried("A reader was not closed", reader.close, None)

    def _direct(self, snapshot: Snapshot) -> Direct | None:
        """How the warehouse reads log days by itself, where it can and shall."""
        store = self._lake.logs
        if (
            self._bounds.load.direct_copy
            and self._warehouse.engine == "redshift"
            and isinstance(store, RemoteStore)
        ):
            return Direct(store, snapshot.fields)
        return None

    def _requests(self) -> dict[str, int]:
        """What S3 was asked since this was asked last, for reading and for handing rows over."""
        now = Counter(self._lake.meter.snapshot()) + Counter(self._warehouse.meter.snapshot())
        before, self._asked = self._asked, now
        return since(before, now)

    def _failed_loads(self, todo: Pending) -> list[Check]:
        """The check that looks at the outcome of the loads themselves, after them."""
        tried = {STAGING_SONGS.name: todo.songs, STAGING_EVENTS.name: todo.days}
        return [c for c in all_checks() if c.name == NO_FAILED_LOADS and tried.get(c.table)]

    def _star(self, todo: Pending) -> Iterator[Any]:
        if self._config.what == "asked" and not self._star_selected:
            return
        alone = self._config.what == "asked" and not (todo.songs or todo.days)
        progress.report("publishing the star")
        self._at = THE_STAR
        phases = Phases()

        def turn(name: str) -> None:
            phases.now(name)
            progress.report(f"publishing the star: {name}")

        try:
            with phases.during("wait"):
                outcome = publish_star(
                    self._warehouse,
                    self._run_id,
                    rebuild=alone or self._config.what == "everything",
                    on_table=turn,
                )
        except AuditFailed as error:
            yield from self._report.findings(error.findings)
            self._fails(THE_STAR, f"The star was not published. {error}")
        else:
            self._is_rebuilt = outcome.mode == "rebuild"
            tables = [TABLES[name] for name in outcome.tables]
            took = self._took(
                phases, lambda session: look_at(session, tables, self._bounds.load.preview_rows)
            )
            yield from self._report.star(outcome, took)
            self._right.update(table.name for table in STAR)
            if outcome.marts_failed is None:
                self._right.update(table.name for table in MARTS)
            else:
                yield from self._report.findings(outcome.marts_failed.findings)
                self._fails(
                    THE_MARTS,
                    f"The marts were not published and stay as they were. {outcome.marts_failed}",
                )

    def _write_page(self) -> Iterator[Any]:
        """Writes the report. Its failure is the run's only where nothing else was asked for."""
        if not (self._page_asked or (self._page.report.enabled and self._config.what != "asked")):
            return
        progress.report("writing the report")
        try:
            page = self._page.report
            yield publish_report(self._context, self._warehouse, page.path, shared=page.shared)
        except Exception as error:  # Whatever it is: what was loaded stays loaded.
            told = f"The report was not written: {why(error)}"
            if self._page_asked and self._selected == {REPORT}:
                self._fails("", told)
            else:
                self._extras.warn(told)

    def _prune(self) -> None:
        # By the load before this one where the clock is later: it may have jumped.
        now = min(ledger.utc_now(), self._newest or ledger.utc_now())
        keep = self._bounds.load

        def old(session: Session) -> int:
            return ledger.prune(session, keep.history_days, now)

        tried, missing = self._extras.tried, "Files of dead loads were not removed"
        tried("Old history was not removed", lambda: self._warehouse.transact(old), 0)
        if left := tried(missing, self._warehouse.tidy, ""):
            self._extras.warn(f"{missing}: {left}")
        instance = self._context.instance
        tried(
            "Old run records were not removed", lambda: prune_runs(instance, keep.run_days, now), 0
        )

    def _note(self, outcome: PartReport, what: str) -> None:
        if not outcome.published:
            self._fails(what, f"{what} was not published: {outcome.entry.message}")

    @property
    def _run_id(self) -> str:
        return str(self._context.run.run_id)

    def _told(self, what: str, done: int, total: int) -> None:
        progress.report(f"reading {what}", done, total)


def _range(config: LoadConfig) -> DayRange | None:
    if not (config.first_day or config.last_day):
        return None
    try:
        return DayRange.parse(config.first_day, config.last_day)
    except ValueError as error:
        raise LakeError(f"first_day and last_day of the run: {error}. Write YYYY-MM-DD.") from None


def _tried(part: FailedPart, held: Loaded, attempts: int) -> FailedPart:
    """A day, or the catalogue, with how often it was tried: given up when each part of it was."""
    found = (
        list(held.failed_songs.values())
        if part.name == CATALOGUE
        else [held.failed_days[part.name]]
        if part.name in held.failed_days
        else []
    )
    if not found:
        return part
    tries = [failure.attempts for failure in found]
    return replace(part, tried=max(tries), given_up=min(tries) >= attempts)
