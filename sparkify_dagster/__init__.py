"""Sparkify's warehouse: songs and plays from a lake into a star schema, with Dagster.

Only the version and the Python door belong here. Importing the package reads nothing, starts
nothing and imports nothing else of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sparkify_dagster.analysis.reader import WarehouseReader

__version__ = "0.5.0"


def connect(config: str | Path | None = None) -> WarehouseReader:
    """The warehouse, for reading: SQL in, data frames out.

    `with sparkify_dagster.connect() as warehouse: warehouse.frame("SELECT * FROM most_played")`

    Args:
        config: The settings; else what SPARKIFY_CONFIG names; else ./dwh.cfg; else defaults.

    Raises:
        SettingsError: The settings are not right.
    """
    from sparkify_dagster.analysis.reader import connect

    return connect(config)
