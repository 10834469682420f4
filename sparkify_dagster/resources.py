"""What the assets are given to work with: a warehouse, a lake, the bounds of a load.

What belongs here: Dagster resources that open the plain objects of `warehouse` and `lake`. They
hold settings only; nothing is opened before an asset asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg

from sparkify_dagster import progress
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.folder import Folder
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.warehouse.duckdb import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster.warehouse.publish import Limits


class WarehouseResource(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Opens the warehouse the settings name."""

    @abstractmethod
    def open(self) -> Warehouse:
        """The warehouse; connects only when it is used."""


class DuckDBResource(WarehouseResource):
    """A DuckDB file as the warehouse; see `DuckDBWarehouse` for the fields."""

    path: str
    schema_name: str = "sparkify"
    lock_wait: float = 60
    memory_limit: str = ""
    threads: int = 0

    def open(self) -> Warehouse:
        """The warehouse; connects only when it is used."""
        return DuckDBWarehouse(
            Path(self.path),
            self.schema_name,
            lock_wait=self.lock_wait,
            memory_limit=self.memory_limit,
            threads=self.threads,
            on_wait=progress.report,
        )


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A lake in local folders.

    Attributes:
        first_day: First log day that is loaded, `YYYY-MM-DD`.
        last_day: Last one; blank for today.
        threads: Threads to parse records with; 0 for all cores.
    """

    song_data: str
    log_data: str
    log_jsonpath: str
    first_day: str
    last_day: str = ""
    threads: int = 0

    def open(self) -> Lake:
        """The lake; listed and read only when it is used."""
        return Lake(
            songs=Folder(Path(self.song_data), "[S3] SONG_DATA"),
            logs=Folder(Path(self.log_data), "[S3] LOG_DATA"),
            read_jsonpaths=self._read_jsonpaths,
            jsonpaths=self.log_jsonpath,
            days=DayRange(date.fromisoformat(self.first_day), self._last_day()),
            threads=self.threads,
        )

    def _last_day(self) -> date:
        return date.fromisoformat(self.last_day) if self.last_day else datetime.now(UTC).date()

    def _read_jsonpaths(self) -> bytes:
        try:
            return Path(self.log_jsonpath).read_bytes()
        except OSError as error:
            raise LakeError(
                f"{self.log_jsonpath}: cannot be read ({error.strerror}). It says which log field "
                "feeds which column; set [S3] LOG_JSONPATH to where it lies."
            ) from None


class BoundsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What bounds a load: see `[LOAD]` in the settings."""

    reject_limit: float = 0.10
    batch_mb: int = 64
    history_days: int = 365

    def limits(self) -> Limits:
        """The same for the loader."""
        return Limits(rejects=self.reject_limit, batch_bytes=self.batch_mb * 1_000_000)
