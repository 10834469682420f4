"""The pairs of warehouse and lake that the platform runs on, for tests that must hold on all.

What belongs here: making each pair from the same tiny lake in a folder. The folder is what a test
changes and what the oracle reads; a lake in S3 is brought up to it each time it is opened.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.factory import access_of, open_lake, open_warehouse
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.lake.store.base import ObjectStore
from sparkify_dagster.settings import (
    ClusterSettings,
    DaysSettings,
    DuckDBSettings,
    IamRoleSettings,
    LakeSettings,
    LoadSettings,
    Settings,
    load_settings,
)
from sparkify_dagster.warehouse import environments
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.conftest import INSIDE
from sparkify_dagster_tests.lakes import FIRST_DAY, TinyLake, warehouse_at
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import KEY_ID, SECRET_KEY, S3Server, split

_numbers = itertools.count()


@dataclass(frozen=True)
class Pair:
    """A lake and a warehouse to load it into.

    Attributes:
        new_warehouse: Makes another, empty warehouse beside it.
    """

    name: str
    lake: TinyLake
    warehouse: Warehouse
    new_warehouse: Callable[[], Warehouse]


def lake_below(base: str) -> LakeSettings:
    """Where a lake in S3 is, and the staging area beside it."""
    return LakeSettings(
        song_data=f"{base}/song_data",
        log_data=f"{base}/log_data",
        log_jsonpath=f"{base}/log_json_path.json",
        staging=f"{base}/_staging",
    )


class SyncedLake(TinyLake):
    """A lake in S3 that holds what the folder holds, from each `open` on."""

    def __init__(self, root: Path, base: str, client: Any, access: AwsAccess) -> None:
        self.base = base
        self._client = client
        self._access = access
        self._sent: dict[str, tuple[int, int, int]] = {}
        super().__init__(root)

    def open(self, logs: ObjectStore | None = None, last_day: date | None = None) -> Lake:
        self.sync()
        days, one_thread = DaysSettings(first=FIRST_DAY, last=last_day), DuckDBSettings(threads=1)
        named = {name: f"{self.base}/{path.name}" for name, path in self.named.items()}
        places = lake_below(self.base).model_copy(update=named)
        settings = Settings(s3=places, days=days, duckdb=one_thread)
        return open_lake(settings, access=self._access)

    def sync(self) -> None:
        """Puts what was written since the last time, and deletes what was removed."""
        there = {
            str(path.relative_to(self.root)): _state(path)
            for path in self.root.rglob("*")
            if path.is_file() and not path.name.endswith(".new")
        }
        bucket, prefix = split(self.base)
        with ThreadPoolExecutor(8) as pool:
            changed = [key for key, state in there.items() if self._sent.get(key) != state]
            list(pool.map(lambda key: self._put(bucket, prefix, key), changed))
        for key in self._sent.keys() - there.keys():
            self._client.delete_object(Bucket=bucket, Key=f"{prefix}/{key}")
        self._sent = there

    def _put(self, bucket: str, prefix: str, key: str) -> None:
        data = (self.root / key).read_bytes()
        self._client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=data)


def _state(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def access_to(s3: S3Server) -> AwsAccess:
    """The way to the stand-in for AWS."""
    return AwsAccess(
        region=s3.region,
        endpoint_url=s3.endpoint,
        access_key_id=KEY_ID,
        secret_access_key=SECRET_KEY,
    )


def cloud_lake(s3: S3Server, folder: Path) -> SyncedLake:
    """A lake in a bucket of its own."""
    bucket = f"lake-{os.getpid()}-{next(_numbers)}"
    s3.make_bucket(bucket)
    return SyncedLake(folder, f"s3://{bucket}/lake", s3.client(), access_to(s3))


def redshift_config(
    double: Double, s3: S3Server, lake: SyncedLake, schema: str, reader: str = "", **documents: str
) -> str:
    """A `dwh.cfg` for a schema on the double and a lake in S3.

    Args:
        documents: More settings of `[S3]`, each the name of a file of the lake.
    """
    s3_lines = [f"{name.upper()}='{lake.base}/{file}'" for name, file in documents.items()]
    lines = [
        "[CLUSTER]",
        f"HOST='{double.host}'",
        f"DB_NAME='{double.database}'",
        f"DB_USER='{double.user}'",
        f"DB_PASSWORD='{double.password}'",
        f"DB_PORT={double.port}",
        f"SSLROOTCERT='{double.ca_file}'",
        *([f"READER='{reader}'"] if reader else []),
        f"[IAM_ROLE]\nARN='{double.role}'",
        f"[S3]\nLOG_DATA='{lake.base}/log_data'",
        f"LOG_JSONPATH='{lake.base}/log_json_path.json'",
        f"SONG_DATA='{lake.base}/song_data'",
        *s3_lines,
        f"[AWS]\nREGION='{s3.region}'\nENDPOINT_URL='{s3.endpoint}'",
        f"[LOAD]\nSCHEMA={schema}",
    ]
    return "\n".join(lines) + "\n"


def redshift_at(
    double: Double, s3: S3Server, lake: SyncedLake, schema: str = "", **changes: Any
) -> Warehouse:
    """A schema of its own on the double."""
    fields: dict[str, Any] = {
        "host": double.host,
        "db_port": double.port,
        "db_name": double.database,
        "db_user": double.user,
        "db_password": double.password,
        "sslrootcert": double.ca_file,
        "connect_timeout": 5,
    }
    settings = Settings(
        cluster=ClusterSettings.model_validate(fields | changes),
        iam_role=IamRoleSettings(arn=double.role),
        s3=lake_below(lake.base),
        load=LoadSettings(schema_name=schema or f"t{uuid.uuid4().hex[:12]}"),
    )
    return open_warehouse(settings, label="sparkify:tests", access=access_to(s3))


@contextmanager
def opened(
    name: str,
    folder: Path,
    s3: Callable[[], S3Server],
    double: Callable[[], Double],
    config: str = "",
) -> Iterator[Pair]:
    """A pair by its name.

    Args:
        s3: Gives the stand-in for AWS; asked only if the pair needs it. So is `double`.
        config: For `redshift-live`: the `dwh.cfg` of a real workgroup.
    """
    if name == "redshift-live":
        with _live(folder, Path(config)) as pair:
            yield pair
        return
    name, is_inside = name.removesuffix(INSIDE), name.endswith(INSIDE)
    if name == "duckdb-folder":
        lake = TinyLake(folder / "lake")
    else:
        lake = cloud_lake(s3(), folder / "lake")

    def beside() -> Warehouse:
        if isinstance(lake, SyncedLake) and name == "redshift-s3":
            return redshift_at(double(), s3(), lake)
        return warehouse_at(folder / f"warehouse-{next(_numbers)}.duckdb")

    def new_warehouse() -> Warehouse:
        return staging_environment(beside()) if is_inside else beside()

    made = new_warehouse()
    assert name.startswith(f"{made.engine}-"), f"make the warehouse of {name} here: it is another's"
    yield Pair(name, lake, made, new_warehouse)


def environment_of(warehouse: Warehouse, name: str = "ci", *, makes: bool = False) -> Warehouse:
    """An environment beside a warehouse, as `factory` opens it.

    Args:
        makes: It is opened to be made.
    """
    if isinstance(warehouse, DuckDBWarehouse):
        path = Path(warehouse.location)
        beside = DuckDBSettings(path=path.with_name(f"{path.stem}_env_{name}.duckdb"), lock_wait=1)
        return DuckDBWarehouse(beside, warehouse.schema, beside=path, makes=makes)
    assert isinstance(warehouse, RedshiftWarehouse)
    schema = f"{warehouse.schema}_env_{name}"
    return replace(warehouse, schema=schema, beside=warehouse.schema, makes=makes)


def staging_environment(production: Warehouse) -> Warehouse:
    """An environment that stages the lake by itself, as production notes less than this code."""
    with production.transaction() as session:
        create_tables(session)
        session.execute(f"ALTER TABLE {session.schema}.load_objects DROP COLUMN rejects")
    assert environments.create(environment_of(production, makes=True), production)
    return environment_of(production)


@contextmanager
def _live(folder: Path, config: Path) -> Iterator[Pair]:
    """A real workgroup: schemas and a prefix of its own in the staging area, gone at the end."""
    settings = load_settings(config)
    access = access_of(settings)
    base = f"{settings.s3.staging_prefix.rstrip('/')}/tests-{uuid.uuid4().hex[:12]}"
    lake = SyncedLake(folder / "lake", base, access.client("s3"), access)
    made: list[Warehouse] = []

    def new_warehouse() -> Warehouse:
        load = LoadSettings(schema_name=f"sparkify_test_{uuid.uuid4().hex[:12]}")
        here = settings.model_copy(update={"s3": lake_below(base), "load": load})
        made.append(open_warehouse(here, label="sparkify:tests", access=access))
        return made[-1]

    try:
        yield Pair("redshift-live", lake, new_warehouse(), new_warehouse)
    finally:
        for warehouse in made:
            with warehouse.transaction() as session:
                session.execute(f'DROP SCHEMA IF EXISTS "{warehouse.schema}" CASCADE')
        bucket, prefix = split(base)
        client = access.client("s3")
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                client.delete_object(Bucket=bucket, Key=item["Key"])
