"""What the assets are given to work with: a warehouse, a lake, the bounds of a load.

What belongs here: Dagster resources that open the plain objects of `warehouse` and `lake`. They
hold settings only; nothing is opened before an asset asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.events import Watched
from sparkify_dagster.lake.objects import ENDINGS, DayRange
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.places import duckdb_warehouse, lake_at
from sparkify_dagster.settings import LakeSettings
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster.warehouse.publish import Limits

if TYPE_CHECKING:
    from sparkify_dagster.aws import AwsAccess
    from sparkify_dagster.lake.queue import EventQueue


class WarehouseResource(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Opens the warehouse the settings name."""

    @abstractmethod
    def open(self, run_id: str = "", lock_wait: float | None = None) -> Warehouse:
        """The warehouse; connects only when it is used.

        Args:
            run_id: The Dagster run, to mark what is done for it.
            lock_wait: Seconds to wait for a writer, instead of what the settings say.
        """


class DuckDBResource(WarehouseResource):
    """A DuckDB file as the warehouse; see `DuckDBWarehouse` for the fields."""

    path: str
    schema_name: str = "sparkify"
    lock_wait: float = 60
    memory_limit: str = ""
    threads: int = 0
    shared: bool = False

    def open(self, run_id: str = "", lock_wait: float | None = None) -> Warehouse:
        """The warehouse; connects only when it is used."""
        wait = self.lock_wait if lock_wait is None else lock_wait
        return duckdb_warehouse(
            Path(self.path),
            self.schema_name,
            wait,
            self.memory_limit,
            self.threads,
            shared=self.shared,
        )


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A lake in local folders; one in S3 is `aws_resources.S3LakeResource`.

    Attributes:
        first_day: First log day that is loaded, `YYYY-MM-DD`.
        last_day: Last one; blank for today.
        threads: Threads to parse records with; 0 for all cores.
        follow_links: See `[S3] FOLLOW_LINKS` in the settings.
        queue_url: An SQS queue with the events of the lake's buckets; blank: there is none.
        endings: What the keys of data end in; `*`: anything.
    """

    song_data: str
    log_data: str
    log_jsonpath: str
    first_day: str
    last_day: str = ""
    threads: int = 0
    follow_links: bool = False
    queue_url: str = ""
    endings: str = ENDINGS

    def queue(self) -> EventQueue | None:
        """Where events of the lake's buckets arrive; None where nothing tells of its changes."""
        return None

    def watched(self) -> Watched:
        """The places of the lake whose events are ours."""
        return Watched((self.song_data, self.log_data, self.log_jsonpath))

    def open(self) -> Lake:
        """The lake; listed and read only when it is used."""
        last = date.fromisoformat(self.last_day) if self.last_day else None
        return lake_at(
            LakeSettings(
                song_data=self.song_data,
                log_data=self.log_data,
                log_jsonpath=self.log_jsonpath,
                follow_links=self.follow_links,
                endings=self.endings,
            ),
            DayRange(date.fromisoformat(self.first_day), last),
            self.threads,
            self._access,
        )

    def _access(self) -> AwsAccess:
        raise LakeError("a lake in S3 needs the resource S3LakeResource, which has a client.")


class PageResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the report is written: see `[REPORT]` in the settings.

    Attributes:
        always: Each load that changed something writes it, not just one that is asked to.
        shared: It is everybody's, as the umask says, not its owner's alone.
    """

    path: str
    always: bool = True
    shared: bool = False


class BoundsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What bounds a load: see `[LOAD]` in the settings."""

    reject_limit: float = 0.10
    batch_mb: int = 512
    history_days: int = 365
    run_days: int = 90
    direct_copy: bool = True
    attempts: int = 3
    preview_rows: int = 5

    def limits(self) -> Limits:
        """The same for the loader."""
        return Limits(rejects=self.reject_limit, batch_bytes=self.batch_mb * 1_000_000)
