"""What `sparkify doctor` asks of AWS: Redshift step by step, and the buckets of the lake.

What belongs here: one line per question, each with the next step where it fails. Asking is
`warehouse.redshift.probe`'s and the stores'.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from sparkify_dagster.cli.doctor_line import Line
from sparkify_dagster.factory import access_of, open_lake, open_warehouse
from sparkify_dagster.settings import Settings, in_s3

if TYPE_CHECKING:
    from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse

_MOST_SKEW = 240
"""Seconds that the clocks may differ: from 300 on AWS refuses what we sign."""


def host(settings: Settings) -> Line:
    """Whether the cluster's name is known here."""
    from sparkify_dagster.warehouse.redshift.probe import resolve

    return Line("host", "ok", resolve(settings.cluster))


def tls(settings: Settings) -> Line:
    """Whether the host proves who it is."""
    from sparkify_dagster.warehouse.redshift.probe import greet

    said = greet(settings.cluster)
    if settings.cluster.sslmode == "verify-full":
        return Line("tls", "ok", said)
    return Line("tls", "warning", said, "set [CLUSTER] SSLMODE to verify-full")


def login(settings: Settings) -> Line:
    """Whether the cluster lets us in."""
    from sparkify_dagster.warehouse.redshift.probe import log_in

    return Line("login", "ok", log_in(redshift_of(settings)))


def rights(settings: Settings) -> Line:
    """Whether we may make tables."""
    from sparkify_dagster.warehouse.redshift.probe import rights as ask

    return Line("rights", "ok", ask(redshift_of(settings)))


def staging(settings: Settings) -> Line:
    """Whether what we write for COPY can be written by us and read by the role."""
    from sparkify_dagster.warehouse.redshift.probe import copy_staged

    return Line("staging", "ok", copy_staged(redshift_of(settings)))


def role(settings: Settings) -> Line:
    """Whether the role reads the logs."""
    from sparkify_dagster.pipeline.loading import RemoteStore
    from sparkify_dagster.warehouse.redshift.probe import copy_logs

    lake = open_lake(settings)
    objects = [item for item in lake.logs.list_objects() if item.size]
    if not objects or not isinstance(lake.logs, RemoteStore):
        return Line("role", "not looked at", "there is no log object to try it with")
    smallest = min(objects, key=lambda item: item.size)
    uri = lake.logs.uri_of(smallest.key)
    region = lake.logs.region()
    return Line("role", "ok", copy_logs(redshift_of(settings), uri, lake.paths().fields, region))


def regions(settings: Settings) -> Line:
    """Whether logs and staging area lie in one region, as one COPY reads from both."""
    from sparkify_dagster.lake.store.s3 import S3Store

    access, lake = access_of(settings), settings.s3
    places = {"LOG_DATA": lake.log_data, "SONG_DATA": lake.song_data}
    if settings.engine == "redshift":
        places["STAGING"] = lake.staging_prefix
    found = {
        key: S3Store(place, f"[S3] {key}", access).region()
        for key, place in places.items()
        if in_s3(place)
    }
    told = ", ".join(f"{key} in {region}" for key, region in found.items())
    if settings.engine == "redshift" and found["LOG_DATA"] != found["STAGING"]:
        step = "set [S3] STAGING to a bucket in the region of the logs: one COPY reads from both"
        return Line("regions", "failed", told, step)
    return Line("regions", "ok", told)


def clock(settings: Settings) -> Line:
    """Whether this machine's clock is right enough for AWS to accept what we sign."""
    told = _server_date(
        next(filter(in_s3, (settings.s3.log_data, settings.s3.song_data))), settings
    )
    skew = abs((datetime.now(UTC) - parsedate_to_datetime(told)).total_seconds())
    found = f"{skew:.0f} s from S3's"
    if skew <= _MOST_SKEW:
        return Line("clock", "ok", found)
    return Line("clock", "failed", found, "set this machine's clock; AWS refuses what is off")


def _server_date(place: str, settings: Settings) -> str:
    """What time S3 says it is; it tells those it denies, too."""
    from botocore.exceptions import BotoCoreError, ClientError

    from sparkify_dagster.lake.store.s3 import split_uri

    access = access_of(settings)
    try:
        answer = access.client("s3").head_bucket(Bucket=split_uri(place)[0])
    except ClientError as error:
        answer = error.response
    except BotoCoreError as error:
        raise access.error(error) from None
    return str(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def redshift_of(settings: Settings) -> RedshiftWarehouse:
    """The warehouse, with a label by which doctor's queries are told apart."""
    from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse

    warehouse = open_warehouse(settings, label="sparkify:doctor")
    assert isinstance(warehouse, RedshiftWarehouse)
    return warehouse
