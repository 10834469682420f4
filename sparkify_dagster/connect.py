"""Opening the lake and the warehouse, for the assets and for the command line alike.

Dagster is not imported here: `status` and `query` must not pay for it; nor is what AWS takes,
before the settings point there. What belongs here: putting stores and engines together from plain
values. Dagster's view of them is `resources`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkify_dagster.core import progress
from sparkify_dagster.core.local_files import read_bounded
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.objects import DayRange, endings_of
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.lake.store.base import Bounds, ObjectStore
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster.pipeline.publish import Limits
from sparkify_dagster.settings import (
    ClusterSettings,
    LakeSettings,
    LoadSettings,
    Settings,
    SettingsError,
    staging_problem,
)
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Warehouse

if TYPE_CHECKING:
    from sparkify_dagster.core.aws import AwsAccess
    from sparkify_dagster.lake.queue import EventQueue
    from sparkify_dagster.warehouse.redshift.login import Login
    from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse

_S3 = "s3://"
_MB = 1_000_000


def in_s3(place: str) -> bool:
    """Whether a place of the lake is in S3."""
    return place.startswith(_S3)


def require_supported(settings: Settings) -> None:
    """Lets only settings pass whose parts go together.

    Raises:
        SettingsError: Redshift is to load what lies in local folders, or its staging area lies
            where data does.
    """
    if settings.engine == "duckdb":
        return
    lake = settings.s3
    if found := staging_problem(lake):
        raise SettingsError(
            [f"[S3] STAGING is {lake.staging_prefix}: {found}. Give it a prefix of its own."]
        )
    places = {
        "SONG_DATA": lake.song_data,
        "LOG_DATA": lake.log_data,
        "LOG_JSONPATH": lake.log_jsonpath,
    }
    local = [f"[S3] {key} is {place}" for key, place in places.items() if not in_s3(place)]
    if local:
        raise SettingsError(
            [
                f"[CLUSTER] HOST names a Redshift cluster, which reads no local folder, but "
                f"{' and '.join(local)}. Set it to an s3:// URI, or leave HOST blank to work on "
                "DuckDB."
            ]
        )


def open_warehouse(
    settings: Settings, *, lock_wait: float | None = None, label: str = "sparkify"
) -> Warehouse:
    """The warehouse of the settings; connects only when it is used.

    Args:
        lock_wait: Seconds to wait for a writer, instead of what the settings say.
        label: Marks our queries in Redshift's system views.

    Raises:
        SettingsError: Its settings do not go together.
    """
    require_supported(settings)
    if settings.engine == "redshift":
        return redshift_warehouse(
            settings.cluster,
            settings.cluster.db_password.get_secret_value,
            access_of(settings),
            schema=settings.load.schema_name,
            role=settings.iam_role.arn,
            staging=settings.s3.staging_prefix,
            label=label,
        )
    return duckdb_warehouse(
        settings.duckdb.path,
        settings.load.schema_name,
        settings.duckdb.lock_wait if lock_wait is None else lock_wait,
        settings.duckdb.memory_limit,
        settings.duckdb.threads,
        shared=settings.duckdb.shared,
    )


def open_lake(settings: Settings, client: Callable[[], Any] | None = None) -> Lake:
    """The lake of the settings; listed and read only when it is used.

    Args:
        client: Makes a boto3 client for S3; else the settings of AWS do.

    Raises:
        SettingsError: Its settings do not go together.
    """
    require_supported(settings)
    return lake_at(
        settings.s3,
        DayRange(settings.days.first, settings.days.last),
        settings.duckdb.threads,
        lambda: access_of(settings),
        client,
    )


def limits_of(load: LoadSettings, attempts: int = 3) -> Limits:
    """What bounds a load.

    Args:
        attempts: Loads of a part as it is, after which it is left alone.
    """
    return Limits(
        rejects=load.reject_limit,
        batch_bytes=load.batch_mb * _MB,
        bounds=Bounds(load.object_mb * _MB, load.gzip_ratio),
        held_bytes=load.held_mb * _MB,
        most_rejects=load.most_rejects,
        attempts=attempts,
        direct_copy=load.direct_copy,
        history_days=load.history_days,
    )


def open_queue(settings: Settings) -> EventQueue | None:
    """The queue with the events of the lake's buckets; None where the settings name none."""
    if not settings.s3.queue:
        return None
    from sparkify_dagster.lake.queue import EventQueue

    return EventQueue(settings.s3.queue, access_of(settings))


def access_of(settings: Settings) -> AwsAccess:
    """How AWS is reached."""
    from sparkify_dagster.core.aws import AwsAccess

    aws = settings.aws
    return AwsAccess(aws.profile, aws.region, aws.endpoint_url, aws.role_arn, aws.max_attempts)


def utc_today() -> date:
    """The day it is in UTC, by this machine's clock."""
    return datetime.now(UTC).date()


def covered(settings: Settings, latest: str) -> DayRange:
    """The log days that are loaded.

    Args:
        latest: The latest day that was ever published; blank: none was.
    """
    return DayRange(settings.days.first, settings.days.last).until(utc_today(), latest)


def duckdb_warehouse(
    path: Path, schema: str, lock_wait: float, memory_limit: str, threads: int, *, shared: bool
) -> DuckDBWarehouse:
    """A DuckDB file as the warehouse; waiting for it is reported as progress."""
    return DuckDBWarehouse(
        path,
        schema,
        lock_wait=lock_wait,
        memory_limit=memory_limit,
        threads=threads,
        shared=shared,
        on_wait=progress.report,
    )


def redshift_warehouse(
    cluster: ClusterSettings,
    password: Callable[[], str],
    access: AwsAccess,
    *,
    schema: str,
    role: str,
    staging: str,
    label: str,
) -> RedshiftWarehouse:
    """A Redshift cluster or workgroup as the warehouse; second tries are reported as progress.

    Args:
        password: Gives the password of `DB_USER` when it is needed.
    """
    from sparkify_dagster.lake.store.staging_area import StagingArea
    from sparkify_dagster.warehouse.redshift.connection import Server
    from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse

    meter = Meter()
    return RedshiftWarehouse(
        server=Server(
            host=cluster.host,
            port=cluster.db_port,
            database=cluster.db_name,
            sslmode=cluster.sslmode,
            sslrootcert=str(cluster.sslrootcert or ""),
            connect_timeout=cluster.connect_timeout,
            statement_timeout=cluster.statement_timeout,
        ),
        login=_login(cluster, password, access),
        schema=schema,
        staging=StagingArea(staging, access, meter),
        role=role,
        meter=meter,
        reader=cluster.reader,
        label=label,
        on_wait=progress.report,
    )


def _login(cluster: ClusterSettings, password: Callable[[], str], access: AwsAccess) -> Login:
    from sparkify_dagster.warehouse.redshift import login

    if cluster.secret_arn:
        return login.SecretLogin(cluster.secret_arn, access)
    if cluster.cluster_id:
        return login.ClusterLogin(cluster.cluster_id, cluster.db_name, cluster.db_user, access)
    if cluster.workgroup:
        return login.WorkgroupLogin(cluster.workgroup, cluster.db_name, access)
    return login.PasswordLogin(cluster.db_user, password)


def lake_at(
    lake: LakeSettings,
    days: DayRange,
    threads: int,
    access: Callable[[], AwsAccess],
    client: Callable[[], Any] | None = None,
) -> Lake:
    """A lake in local folders, in S3, or in both.

    Args:
        access: Gives the way to AWS; asked for only if a part of the lake is in S3.
        client: Makes a boto3 client for S3; else that way does.
    """
    meter = Meter()
    return Lake(
        songs=_store(lake, "SONG_DATA", access, meter, client),
        logs=_store(lake, "LOG_DATA", access, meter, client),
        read_jsonpaths=lambda: _jsonpaths(lake, access, meter),
        jsonpaths=lake.log_jsonpath,
        days=days,
        threads=threads,
        meter=meter,
        today=utc_today(),
    )


def _store(
    lake: LakeSettings,
    key: str,
    access: Callable[[], AwsAccess],
    meter: Meter,
    client: Callable[[], Any] | None,
) -> ObjectStore:
    place = lake.song_data if key == "SONG_DATA" else lake.log_data
    setting, endings = f"[S3] {key}", endings_of(lake.endings)
    if not in_s3(place):
        return Folder(Path(place), setting, endings=endings, follow_links=lake.follow_links)
    from sparkify_dagster.lake.store.s3 import S3Store

    return S3Store(place, setting, access(), meter=meter, client=client, endings=endings)


def _jsonpaths(lake: LakeSettings, access: Callable[[], AwsAccess], meter: Meter) -> bytes:
    place = lake.log_jsonpath
    if in_s3(place):
        from sparkify_dagster.lake.store.s3 import read_document

        return read_document(place, "[S3] LOG_JSONPATH", access(), meter)
    try:
        return read_bounded(Path(place))
    except OSError as error:
        _require_any(lake)
        raise LakeError(
            f"{place}: cannot be read ({error.strerror}). It says which log field feeds which "
            "column; set [S3] LOG_JSONPATH to where it lies."
        ) from None


def _require_any(lake: LakeSettings) -> None:
    """Tells a lake of which a part is missing from none at all.

    Raises:
        LakeError: Nothing of it is there.
    """
    places = (lake.song_data, lake.log_data, lake.log_jsonpath)
    if not any(in_s3(place) or Path(place).exists() for place in places):
        raise LakeError(
            f"No lake here: {places[0]}, {places[1]} and {places[2]} are not there. "
            "`sparkify demo` makes a sample one in an empty folder and loads it; or set [S3] "
            "SONG_DATA, LOG_DATA and LOG_JSONPATH to where the data lies."
        )
