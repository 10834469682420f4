"""The composition root: from settings to everything Dagster is shown.

Tests and the command line assemble the same graph, with parts replaced. What belongs here: putting
parts together. What does not: any decision of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from sparkify_dagster.alert_sensors import alert_sensors
from sparkify_dagster.assets.load import load_asset
from sparkify_dagster.assets.page import report_spec
from sparkify_dagster.assets.specs import (
    LOG_DATA,
    LOG_JSONPATH,
    SONG_DATA,
    source_specs,
    table_specs,
)
from sparkify_dagster.jobs import all_jobs
from sparkify_dagster.lost_runs import lost_runs_sensor
from sparkify_dagster.partitions import log_days
from sparkify_dagster.places import in_s3, require_supported
from sparkify_dagster.resources import (
    BoundsResource,
    DuckDBResource,
    LakeResource,
    PageResource,
)
from sparkify_dagster.sensors import lake_sensor
from sparkify_dagster.settings import Settings


def build_resources(settings: Settings) -> dict[str, Any]:
    """The resources the assets are given, by name.

    Raises:
        SettingsError: The settings ask for an engine or a store that this version does not have.
    """
    require_supported(settings)
    bounds = BoundsResource(
        reject_limit=settings.load.reject_limit,
        batch_mb=settings.load.batch_mb,
        history_days=settings.load.history_days,
        run_days=settings.load.run_days,
        direct_copy=settings.load.direct_copy,
        attempts=settings.sensor.attempts,
        preview_rows=settings.load.preview_rows,
    )
    page = PageResource(
        path=str(settings.report.path),
        always=settings.report.enabled,
        shared=settings.report.shared,
    )
    if settings.engine == "redshift" or any(map(in_s3, _places(settings))):
        return _on_aws(settings) | {"bounds": bounds, "page": page}
    return {
        "warehouse": _duckdb(settings),
        "lake": LakeResource(**_lake_fields(settings)),
        "bounds": bounds,
        "page": page,
    }


def _on_aws(settings: Settings) -> dict[str, Any]:
    from sparkify_dagster.aws_resources import LakeS3Resource, RedshiftResource, S3LakeResource

    aws, cluster = settings.aws, settings.cluster
    s3 = LakeS3Resource(
        profile_name=aws.profile or None,
        region_name=aws.region or None,
        endpoint_url=aws.endpoint_url or None,
        max_attempts=aws.max_attempts,
        role_arn=aws.role_arn,
    )
    lake = S3LakeResource(s3=s3, **_lake_fields(settings))
    if settings.engine == "duckdb":
        return {"warehouse": _duckdb(settings), "lake": lake, "s3": s3}
    # No password: whatever stands in a resource can be read in the UI.
    redshift = RedshiftResource(
        s3=s3,
        host=cluster.host,
        port=cluster.db_port,
        user=cluster.db_user,
        database=cluster.db_name,
        connect_timeout=cluster.connect_timeout,
        sslmode=cluster.sslmode,
        sslrootcert=str(cluster.sslrootcert or ""),
        statement_timeout=cluster.statement_timeout,
        secret_arn=cluster.secret_arn,
        cluster_id=cluster.cluster_id,
        workgroup=cluster.workgroup,
        reader=cluster.reader,
        iam_role=settings.iam_role.arn,
        staging=settings.s3.staging_prefix,
        schema_name=settings.load.schema_name,
        settings_file=str(settings.source or ""),
    )
    return {"warehouse": redshift, "lake": lake, "s3": s3}


def _duckdb(settings: Settings) -> DuckDBResource:
    duckdb = settings.duckdb
    return DuckDBResource(
        path=str(duckdb.path),
        schema_name=settings.load.schema_name,
        lock_wait=duckdb.lock_wait,
        memory_limit=duckdb.memory_limit,
        threads=duckdb.threads,
        shared=duckdb.shared,
    )


def _lake_fields(settings: Settings) -> dict[str, Any]:
    song_data, log_data, log_jsonpath = _places(settings)
    days = settings.days
    return {
        "song_data": song_data,
        "log_data": log_data,
        "log_jsonpath": log_jsonpath,
        "first_day": days.first.isoformat(),
        "last_day": days.last.isoformat() if days.last else "",
        "threads": settings.duckdb.threads,
        "follow_links": settings.s3.follow_links,
        "queue_url": settings.s3.queue,
        "endings": settings.s3.endings,
    }


def _places(settings: Settings) -> tuple[str, str, str]:
    lake = settings.s3
    return lake.song_data, lake.log_data, lake.log_jsonpath


def _location(settings: Settings) -> str:
    """The warehouse as a URI, or as the path of a file."""
    cluster = settings.cluster
    if settings.engine == "redshift":
        return f"redshift://{cluster.host}:{cluster.db_port}/{cluster.db_name}"
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
    days = log_days(settings.days.first, settings.days.last)
    song_data, log_data, log_jsonpath = _places(settings)
    locations = {SONG_DATA: song_data, LOG_DATA: log_data, LOG_JSONPATH: log_jsonpath}
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
        jobs=all_jobs(),
        sensors=[
            lake_sensor(settings.sensor),
            lost_runs_sensor(),
            *alert_sensors(settings.alerts, settings.sensor.interval, settings.sensor.attempts),
        ],
        resources=build_resources(settings) | dict(replaced or {}),
        # A step in a process of its own costs seconds; the work is the warehouse's anyway.
        executor=dg.in_process_executor,
    )
