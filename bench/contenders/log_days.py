"""The platform's loading of log days alone, whether they can be published or not.

Of objects that were made to do harm most are not: what counts is what it takes to say so.
"""

from __future__ import annotations

import pandas  # noqa: F401  pyarrow loads it with its first array, and imports are not timed

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.factory import limits_of, open_lake, open_warehouse
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.events import PartResult
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.plan import Request


def main() -> None:
    """Loads all log days of the lake named on the command line."""
    root, out = arguments()
    clock = Clock()
    settings = settings_of(root, out)
    lake, warehouse = open_lake(settings), open_warehouse(settings)
    days = Request(
        "asked", tables=frozenset({STAGING_EVENTS.name}), days=tuple(lake.snapshot().days)
    )
    done = list(load(days, warehouse, lake, limits_of(settings.load), "bench"))
    entries = [event.entry for event in done if isinstance(event, PartResult)]
    clock.tell(
        records=sum(entry.records for entry in entries),
        failed=[entry.part for entry in entries if entry.status == "failed"],
    )


if __name__ == "__main__":
    main()
