"""Opening the lake and the warehouse, for the assets and for the command line alike.

Dagster is not imported here: `status` and `query` must not pay for it; nor is what AWS takes,
before the settings point there. What belongs here: putting stores and engines together, each given
its section of the settings. Dagster's view of them is `resources`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from sparkify_dagster.core import progress
from sparkify_dagster.core.local_files import read_bounded
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.documents import Document
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.folder_events import FolderEvents
from sparkify_dagster.lake.objects import DayRange, endings_of
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.lake.store.amend import LONGEST, Amend, amend_file, amend_object
from sparkify_dagster.lake.store.base import Bounds, ObjectStore
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.settings import (
    LakeSettings,
    LoadSettings,
    Settings,
    SettingsError,
    deciding,
    in_s3,
    staging_problem,
)
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Warehouse

if TYPE_CHECKING:
    from sparkify_dagster.core.aws import AwsAccess
    from sparkify_dagster.lake.queue import EventQueue

_MB = 1_000_000


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
    local = [f"[S3] {key} is {place}" for key, place in lake.places.items() if not in_s3(place)]
    if local:
        raise SettingsError(
            [
                f"[CLUSTER] HOST names a Redshift cluster, which reads no local folder, but "
                f"{' and '.join(local)}. Set it to an s3:// URI, or leave HOST blank to work on "
                "DuckDB."
            ]
        )


def open_warehouse(
    settings: Settings,
    *,
    lock_wait: float | None = None,
    label: str = "sparkify",
    access: AwsAccess | None = None,
    makes: bool = False,
) -> Warehouse:
    """The warehouse of the settings; connects only when it is used. Waiting is told as progress.

    Args:
        lock_wait: Seconds to wait for a writer, instead of what the settings say.
        label: Marks our queries in Redshift's system views.
        access: The way to AWS, instead of that of the settings.
        makes: Make the environment of the settings, if it is not there yet.

    Raises:
        SettingsError: Its settings do not go together.
    """
    require_supported(settings)
    schema, duckdb, beside = settings.load.schema_name, settings.duckdb, settings.production
    if settings.engine == "duckdb":
        if lock_wait is not None:
            duckdb = duckdb.model_copy(update={"lock_wait": lock_wait})
        path = beside.duckdb.path if beside else None
        return DuckDBWarehouse(duckdb, schema, progress.report, path, makes=makes)
    if settings.engine != "redshift":
        assert_never(settings.engine)
    from sparkify_dagster.lake.store.staging_area import StagingArea
    from sparkify_dagster.warehouse.redshift.login import login_of
    from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse

    meter, access = Meter(), access or access_of(settings)
    return RedshiftWarehouse(
        cluster=settings.cluster,
        login=login_of(settings.cluster, access),
        schema=schema,
        staging=StagingArea(settings.s3.staging_prefix, access, meter),
        role=settings.iam_role.arn,
        meter=meter,
        label=label,
        on_wait=progress.report,
        beside=beside.load.schema_name if beside else "",
        makes=makes,
    )


def open_lake(
    settings: Settings,
    client: Callable[[], Any] | None = None,
    access: AwsAccess | None = None,
) -> Lake:
    """The lake of the settings, in folders, in S3 or in both; listed and read when it is used.

    Args:
        client: Makes a boto3 client for S3; else the settings of AWS do.
        access: The way to AWS, instead of that of the settings.

    Raises:
        SettingsError: Its settings do not go together.
    """
    require_supported(settings)
    lake, meter = settings.s3, Meter()
    reach = cache(lambda: access or access_of(settings))

    def store(key: str) -> ObjectStore:
        place, setting, endings = lake.places[key], f"[S3] {key}", endings_of(lake.endings)
        if not in_s3(place):
            return Folder(Path(place), setting, endings=endings, follow_links=lake.follow_links)
        from sparkify_dagster.lake.store.s3 import S3Store

        return S3Store(place, setting, reach(), meter=meter, client=client, endings=endings)

    return Lake(
        songs=store("SONG_DATA"),
        logs=store("LOG_DATA"),
        read_jsonpaths=lambda: _jsonpaths(lake, reach, meter),
        jsonpaths=lake.log_jsonpath,
        days=DayRange(settings.days.first, settings.days.last),
        threads=settings.duckdb.threads,
        meter=meter,
        today=utc_today(),
        aliases=_document(lake, "ALIASES", reach, meter),
        forgotten=_document(lake, "FORGOTTEN", reach, meter),
        settings=deciding(settings),
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

    return AwsAccess(**dict(settings.aws))


def utc_today() -> date:
    """The day it is in UTC, by this machine's clock."""
    return datetime.now(UTC).date()


def covered(settings: Settings, latest: str) -> DayRange:
    """The log days that are loaded.

    Args:
        latest: The latest day that was ever published; blank: none was.
    """
    return DayRange(settings.days.first, settings.days.last).until(utc_today(), latest)


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


def _document(
    lake: LakeSettings, key: str, access: Callable[[], AwsAccess], meter: Meter
) -> Document | None:
    """A document that may be there; once a setting names it, it must be."""
    if not (place := lake.places.get(key)):
        return None

    def read() -> bytes:
        if in_s3(place):
            from sparkify_dagster.lake.store.s3 import read_document

            return read_document(place, f"[S3] {key}", access(), meter, LONGEST)
        try:
            return read_bounded(Path(place), LONGEST)
        except OSError as error:
            raise LakeError(
                f"{place}: cannot be read ({error.strerror}), and is not taken for an empty one. "
                f"Put it back, or blank [S3] {key} if there is none any more."
            ) from None

    return Document(place, read)


def events_of(settings: Settings) -> FolderEvents:
    """What tells of changes in those places of the lake that are local."""
    local = {key: place for key, place in settings.s3.places.items() if not in_s3(place)}
    folders = [local.pop(key) for key in ("SONG_DATA", "LOG_DATA") if key in local]
    return FolderEvents(folders, local.values())


def place_to_keep(settings: Settings, key: str) -> str:
    """Where the document is that `[S3]` names under a key.

    Raises:
        SettingsError: The setting is blank.
    """
    require_supported(settings)
    if place := settings.s3.places.get(key):
        return place
    folder = "s3://bucket" if in_s3(settings.s3.log_data) else "data"
    example = f"{key} = {folder}/{key.lower()}"
    raise SettingsError(
        [f"[S3] {key} is blank. Say where the document is to be, such as {example}; it is made."]
    )


def amend_document(settings: Settings, key: str, amend: Amend) -> None:
    """Changes the document that `[S3]` names under a key.

    Raises:
        SettingsError: The setting is blank.
        LakeError: It cannot be read or written.
    """
    place = place_to_keep(settings, key)
    if in_s3(place):
        amend_object(place, f"[S3] {key}", access_of(settings), amend)
    else:
        amend_file(place, amend)


def _require_any(lake: LakeSettings) -> None:
    """Tells a lake of which a part is missing from none at all.

    Raises:
        LakeError: Nothing of it is there.
    """
    if not any(in_s3(place) or Path(place).exists() for place in lake.places.values()):
        raise LakeError(
            f"No lake here: {lake.song_data}, {lake.log_data} and {lake.log_jsonpath} are not "
            "there. `sparkify demo` makes a sample one in an empty folder and loads it; or set "
            "[S3] SONG_DATA, LOG_DATA and LOG_JSONPATH to where the data lies."
        )
