"""The composition root: from settings to everything Dagster is shown.

Tests and the command line assemble the same graph, with parts replaced. What belongs here: putting
parts together. What does not: any decision of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from sparkify_dagster.assets.load import load_asset
from sparkify_dagster.assets.specs import (
    LOG_DATA,
    LOG_JSONPATH,
    SONG_DATA,
    source_specs,
    table_specs,
)
from sparkify_dagster.jobs import all_jobs
from sparkify_dagster.partitions import log_days
from sparkify_dagster.places import require_supported
from sparkify_dagster.resources import BoundsResource, DuckDBResource, LakeResource
from sparkify_dagster.settings import Settings


def build_resources(settings: Settings) -> dict[str, Any]:
    """The resources the assets are given, by name.

    Raises:
        SettingsError: The settings ask for an engine or a store that this version does not have.
    """
    require_supported(settings)
    lake, days, duckdb = settings.s3, settings.days, settings.duckdb
    return {
        "warehouse": DuckDBResource(
            path=str(duckdb.path),
            schema_name=settings.load.schema_name,
            lock_wait=duckdb.lock_wait,
            memory_limit=duckdb.memory_limit,
            threads=duckdb.threads,
        ),
        "lake": LakeResource(
            song_data=lake.song_data,
            log_data=lake.log_data,
            log_jsonpath=lake.log_jsonpath,
            first_day=days.first.isoformat(),
            last_day=days.last.isoformat() if days.last else "",
            threads=duckdb.threads,
        ),
        "bounds": BoundsResource(
            reject_limit=settings.load.reject_limit,
            batch_mb=settings.load.batch_mb,
            history_days=settings.load.history_days,
        ),
    }


def build_definitions(
    settings: Settings, replaced: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Assets, checks, jobs and resources for the given settings.

    Args:
        replaced: Resources to use instead, by name.
    """
    days = log_days(settings.days.first, settings.days.last)
    lake = settings.s3
    locations = {
        SONG_DATA: lake.song_data,
        LOG_DATA: lake.log_data,
        LOG_JSONPATH: lake.log_jsonpath,
    }
    tables = table_specs(
        settings.engine, settings.load.schema_name, str(settings.duckdb.path), days
    )
    return dg.Definitions(
        assets=[*source_specs(locations, "file", days), load_asset(tables)],
        jobs=all_jobs(),
        resources=build_resources(settings) | dict(replaced or {}),
        # A step in a process of its own costs seconds; the work is the warehouse's anyway.
        executor=dg.in_process_executor,
    )
