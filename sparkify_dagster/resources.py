"""What the assets are given to work with: a warehouse, a lake, the bounds of a load.

What belongs here: Dagster resources that open the plain objects of `warehouse` and `lake`. They
hold settings only; nothing is opened before an asset asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from pathlib import Path

import dagster as dg

from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.places import covered, duckdb_warehouse, folder_lake
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
        return duckdb_warehouse(
            Path(self.path), self.schema_name, self.lock_wait, self.memory_limit, self.threads
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
        last = date.fromisoformat(self.last_day) if self.last_day else None
        return folder_lake(
            Path(self.song_data),
            Path(self.log_data),
            Path(self.log_jsonpath),
            covered(date.fromisoformat(self.first_day), last),
            self.threads,
        )


class BoundsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What bounds a load: see `[LOAD]` in the settings."""

    reject_limit: float = 0.10
    batch_mb: int = 64
    history_days: int = 365

    def limits(self) -> Limits:
        """The same for the loader."""
        return Limits(rejects=self.reject_limit, batch_bytes=self.batch_mb * 1_000_000)
