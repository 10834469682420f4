"""The composition root: from settings to everything Dagster is shown.

Tests and the command line assemble the same graph, with parts replaced. What belongs here: putting
parts together. What does not: any decision of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import BaseModel

from sparkify_dagster.defs.assets import (
    LOG_DATA,
    LOG_JSONPATH,
    SONG_DATA,
    log_days,
    source_specs,
    table_specs,
)
from sparkify_dagster.defs.jobs import all_jobs
from sparkify_dagster.defs.load_op import load_asset
from sparkify_dagster.defs.page import report_spec
from sparkify_dagster.defs.resources import (
    BoundsResource,
    LakeResource,
    PageResource,
    WarehouseResource,
    fixed,
    nothing_said,
    s3_resource,
    tags_of,
)
from sparkify_dagster.defs.sensors.alerts import alert_sensors
from sparkify_dagster.defs.sensors.lake import lake_sensor
from sparkify_dagster.defs.sensors.lost_runs import lost_runs_sensor
from sparkify_dagster.factory import require_supported
from sparkify_dagster.settings import Settings, in_s3


def build_resources(settings: Settings) -> dict[str, Any]:
    """The resources the assets are given, by name.

    Raises:
        SettingsError: The settings ask for an engine or a store that this version does not have.
    """
    require_supported(settings)
    on_s3 = any(map(in_s3, settings.s3.places.values()))
    aws, s3 = ([settings.aws], s3_resource(settings)) if on_s3 else ([], None)
    stored: list[BaseModel] = [settings.duckdb]
    if settings.engine == "redshift":
        stored = [settings.cluster, settings.iam_role]
    return {
        "warehouse": fixed(WarehouseResource(settings), [*stored, *aws]),
        "lake": fixed(LakeResource(settings, s3), [settings.s3, settings.days, *aws]),
        "bounds": fixed(BoundsResource(settings.load, settings.sensor.attempts), [settings.load]),
        "page": fixed(PageResource(settings.report), [settings.report]),
        **({"s3": fixed(s3, aws)} if s3 else {}),
        # Dagster's own, which nothing here uses, would take a folder at launch.
        "io_manager": dg.mem_io_manager.configured(nothing_said, config_schema={}),
    }


def _location(settings: Settings) -> str:
    """The warehouse as a URI, or as the path of a file."""
    if settings.engine == "redshift":
        return f"redshift://{settings.cluster.location}"
    return str(settings.duckdb.path)


def build_definitions(
    settings: Settings,
    replaced: Mapping[str, Any] | None = None,
    *,
    with_lineage: bool = True,
) -> dg.Definitions:
    """Assets, checks, jobs and resources for the given settings.

    Args:
        replaced: Resources to use instead, by name.
        with_lineage: Tell which column comes from which, for whoever looks at the definitions.
    """
    days, environment = log_days(settings.days.first, settings.days.last), tags_of(settings)
    lake = settings.s3
    locations = {
        SONG_DATA: lake.song_data, LOG_DATA: lake.log_data, LOG_JSONPATH: lake.log_jsonpath
    }  # fmt: skip
    tables = table_specs(
        settings.engine,
        settings.load.schema_name,
        _location(settings),
        days,
        stale_hours=settings.alerts.stale_hours,
        with_lineage=with_lineage,
    )
    report = report_spec(str(settings.report.path))
    return dg.Definitions(
        assets=[*source_specs(locations, days), load_asset([*tables, report])],
        jobs=all_jobs(environment),
        sensors=[
            lake_sensor(settings.sensor),
            lost_runs_sensor(runs=not environment),
            *alert_sensors(settings.alerts, settings.sensor),
        ],
        resources=build_resources(settings) | dict(replaced or {}),
        metadata=environment,
        # A step in a process of its own costs seconds; the work is the warehouse's anyway.
        executor=dg.in_process_executor.configured(
            nothing_said, name="in_process", config_schema={}
        ),
        # Dagster's own prints the name that a launch gives it as it stands, on a terminal, too.
        loggers={
            "console": dg.colored_console_logger.configured(
                dict, config_schema={"log_level": dg.Field(str, default_value="DEBUG")}
            )
        },
    )
