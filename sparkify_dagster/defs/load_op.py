"""The one op that loads: staging tables, star and marts, then the page that shows them.

One op, because Dagster cannot express what the platform promises: a bad day fails, and the star is
published from the good ones all the same. A failed step would stop every step after it. What
belongs here: from what Dagster was asked for to a `Request`, from a load's events to the op's, and
what Dagster alone has to do after it. What a load does is `pipeline.load`'s.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, get_args

import dagster as dg

from sparkify_dagster.core import progress
from sparkify_dagster.core.arrow import leave_pandas_out
from sparkify_dagster.core.errors import PlainError, why
from sparkify_dagster.defs.checks import check_key, check_specs
from sparkify_dagster.defs.events import Translator
from sparkify_dagster.defs.extras import Extras, lend_temporary_folder
from sparkify_dagster.defs.history import held_open, tell, told_together
from sparkify_dagster.defs.liveness.heartbeat import shown_at_work
from sparkify_dagster.defs.metadata import failed_metadata
from sparkify_dagster.defs.page import REPORT, publish_report
from sparkify_dagster.defs.resources import (
    BoundsResource,
    LakeResource,
    PageResource,
    WarehouseResource,
    label_of,
    tags_of,
)
from sparkify_dagster.defs.retention import prune_runs
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import SCHEMA_MATCHES, all_checks
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.audit import Finding, Stored, examine, examine_stored
from sparkify_dagster.pipeline.events import Checked, Ended, Planned
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.plan import Request, What
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse

LOAD_OP = "load_tables"


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """What a run loads: all that can be said when it is launched.

    Attributes:
        what: See `Request`. With `asked`: just the assets and days the run was launched for.
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
    "what": dg.Field(dg.Enum("What", list(map(dg.EnumValue, get_args(What)))), "asked"),
    "first_day": dg.Field(str, ""),
    "last_day": dg.Field(str, ""),
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
        if tags := tags_of(warehouse.settings):  # What is materialized in the UI has none yet.
            context.instance.add_run_tags(context.run.run_id, tags)
        selected = _selected(context)
        leave_pandas_out()
        held_open(context.instance)
        try:
            with shown_at_work(context.instance, context.run.run_id):
                opened = warehouse.open(context.run.run_id)
                if selected and (config.what != "asked" or selected != {REPORT}):
                    yield from _load(context, config, opened, lake.open(), bounds, page)
                    return
                yield from _check(context, opened)
                if selected:
                    yield _write_page(context, opened, page)
        except PlainError as error:
            raise dg.Failure(str(error)) from None

    return load_tables


def _load(
    context: dg.AssetExecutionContext,
    config: LoadConfig,
    warehouse: Warehouse,
    lake: Lake,
    bounds: BoundsResource,
    page: PageResource,
) -> Iterator[Any]:
    """Loads what was asked for; fails at the end if a part of it failed."""
    lend_temporary_folder(context.instance.root_directory)
    extras = Extras(context.log.warning)
    meters = lake.meter, warehouse.meter
    translator = Translator(
        context,
        extras,
        warehouse,
        meters,
        bounds.load.preview_rows,
        label_of(context.run.run_id),
        bounds.load.hour_price,
    )
    request = _request(context, config)
    tell(context.instance)
    for event in load(request, warehouse, lake, bounds.limits(), context.run.run_id):
        with told_together(context.instance):
            yield from translator.told(event)
        if isinstance(event, Planned):
            plan = event
        elif isinstance(event, Ended):
            ended = event
    if ended.error is None:
        if not plan.todo.is_nothing:
            now = plan.held.at_latest(ledger.utc_now())
            prune = partial(prune_runs, context.instance, bounds.load.run_days, now)
            extras.tried("Old run records were not removed", prune, 0)
        is_page_wanted = page.report.enabled and not plan.todo.is_nothing
        if config.what == "asked":
            is_page_wanted = REPORT in _selected(context)
        if is_page_wanted:
            try:
                yield _write_page(context, warehouse, page)
            except PlainError as error:
                extras.warn(str(error))
    if ended.failed:
        raise dg.Failure(
            "\n".join(part.reason for part in ended.failed),
            metadata=failed_metadata(ended.failed),
            allow_retries=False,
        )


def _check(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Any]:
    """Makes just the checks that were asked for, of what is stored."""
    translator = Translator(context, Extras(context.log.warning), warehouse)
    wanted = _checks(context)
    # First, and told at once: where a table is altered or gone, other checks may not run.
    if columns := [check for check in wanted if check.name == SCHEMA_MATCHES]:
        yield from translator.told(Checked(tuple(examine_stored(warehouse, columns))))
    others = [check for check in wanted if check.name != SCHEMA_MATCHES]

    def ask(session: Session) -> list[Finding]:
        ledger.ready_tables(session)
        return examine(session, others, Stored(session.schema))

    if others:
        yield from translator.told(Checked(tuple(warehouse.read_only(ask))))


def _write_page(context: dg.AssetExecutionContext, warehouse: Warehouse, page: PageResource) -> Any:
    """Writes the report.

    Raises:
        PlainError: It could not be written, whatever the reason.
    """
    progress.report("writing the report")
    try:
        return publish_report(context, warehouse, page.report.path, shared=page.report.shared)
    except Exception as error:
        raise PlainError(f"The report was not written: {why(error)}") from None


def _request(context: dg.AssetExecutionContext, config: LoadConfig) -> Request:
    """What the run was launched for.

    Raises:
        LakeError: The days that were chosen are none, or there are none where they must be chosen.
    """
    checks = tuple(_checks(context))
    if config.what != "asked":
        return Request(config.what, _range(config), checks=checks)
    tables, days = _selected(context), tuple[str, ...]()
    if STAGING_EVENTS.name in tables:
        if not context.has_partition_key and not context.has_partition_key_range:
            raise LakeError(
                f"{STAGING_EVENTS.name}: no log day was chosen. Choose a day or a range of "
                "days, or launch the job `load`, which finds out by itself what changed."
            )
        days = tuple(context.partition_keys)
    return Request("asked", tables=tables, days=days, checks=checks)


def _range(config: LoadConfig) -> DayRange | None:
    if not (config.first_day or config.last_day):
        return None
    try:
        return DayRange.parse(config.first_day, config.last_day)
    except ValueError as error:
        raise LakeError(f"first_day and last_day of the run: {error}. Write YYYY-MM-DD.") from None


def _selected(context: dg.AssetExecutionContext) -> frozenset[str]:
    """Names of the assets the run was launched for."""
    return frozenset(key.to_user_string() for key in context.selected_asset_keys)


def _checks(context: dg.AssetExecutionContext) -> list[Check]:
    """The checks the run was launched for."""
    return [
        check for check in all_checks() if check_key(check) in context.selected_asset_check_keys
    ]
