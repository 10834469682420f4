"""All staged events as a data frame through the platform's Python door."""

from __future__ import annotations

import pandas  # noqa: F401  imports are not timed

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.analysis.reader import WarehouseReader
from sparkify_dagster.factory import open_warehouse


def main() -> None:
    """Asks for them once, of the warehouse in the folder named on the command line."""
    lake, out = arguments()
    reader = WarehouseReader(open_warehouse(settings_of(lake, out)))
    clock = Clock()
    frame = reader.frame("SELECT * FROM staging_events_table", clear=True)
    clock.tell(rows=len(frame))


if __name__ == "__main__":
    main()
