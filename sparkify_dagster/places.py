"""Opening the lake and the warehouse, for the assets and for the command line alike.

Dagster is not imported here: `status` and `query` must not pay for it. What belongs here: putting
stores and engines together from plain values. Dagster's view of them is `resources`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from sparkify_dagster import progress
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.folder import Folder
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.settings import Settings, SettingsError
from sparkify_dagster.warehouse.duckdb import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Warehouse


def require_supported(settings: Settings) -> None:
    """Lets only settings pass that this version can work with.

    Raises:
        SettingsError: They name a Redshift cluster, or a lake in S3.
    """
    if settings.engine == "redshift":
        raise SettingsError(
            [
                "[CLUSTER] HOST names a Redshift cluster, but this version loads DuckDB only. "
                "Leave HOST blank to work on DuckDB."
            ]
        )
    lake = settings.s3
    for place in (lake.song_data, lake.log_data, lake.log_jsonpath):
        if place.startswith("s3://"):
            raise SettingsError(
                [f"{place}: this version reads a lake in local folders only. Set [S3] to folders."]
            )


def open_warehouse(settings: Settings, *, lock_wait: float | None = None) -> Warehouse:
    """The warehouse of the settings; connects only when it is used.

    Args:
        lock_wait: Seconds to wait for a writer, instead of what the settings say.

    Raises:
        SettingsError: This version cannot work with it.
    """
    require_supported(settings)
    return duckdb_warehouse(
        settings.duckdb.path,
        settings.load.schema_name,
        settings.duckdb.lock_wait if lock_wait is None else lock_wait,
        settings.duckdb.memory_limit,
        settings.duckdb.threads,
    )


def open_lake(settings: Settings) -> Lake:
    """The lake of the settings; listed and read only when it is used.

    Raises:
        SettingsError: This version cannot work with it.
    """
    require_supported(settings)
    lake, days = settings.s3, settings.days
    return folder_lake(
        Path(lake.song_data),
        Path(lake.log_data),
        Path(lake.log_jsonpath),
        covered(days.first, days.last),
        settings.duckdb.threads,
    )


def covered(first: date, last: date | None) -> DayRange:
    """The log days that are loaded; an open end is today."""
    return DayRange(first, last or datetime.now(UTC).date())


def duckdb_warehouse(
    path: Path, schema: str, lock_wait: float, memory_limit: str, threads: int
) -> DuckDBWarehouse:
    """A DuckDB file as the warehouse; waiting for it is reported as progress."""
    return DuckDBWarehouse(
        path,
        schema,
        lock_wait=lock_wait,
        memory_limit=memory_limit,
        threads=threads,
        on_wait=progress.report,
    )


def folder_lake(
    song_data: Path, log_data: Path, log_jsonpath: Path, days: DayRange, threads: int
) -> Lake:
    """A lake in local folders."""
    return Lake(
        songs=Folder(song_data, "[S3] SONG_DATA"),
        logs=Folder(log_data, "[S3] LOG_DATA"),
        read_jsonpaths=lambda: _jsonpaths(log_jsonpath),
        jsonpaths=str(log_jsonpath),
        days=days,
        threads=threads,
    )


def _jsonpaths(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LakeError(
            f"{path}: cannot be read ({error.strerror}). It says which log field feeds which "
            "column; set [S3] LOG_JSONPATH to where it lies."
        ) from None
