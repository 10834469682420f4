"""The platform's rebuild of star and marts alone, from what is staged."""

from __future__ import annotations

import pandas  # noqa: F401  pyarrow loads it with its first array, and imports are not timed

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.factory import limits_of, open_lake, open_warehouse
from sparkify_dagster.model import marts, star
from sparkify_dagster.pipeline.events import Ended
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.plan import Request


def main() -> None:
    """Rebuilds them in the warehouse that was loaded before."""
    root, out = arguments()
    clock = Clock()
    settings = settings_of(root, out)
    lake, warehouse = open_lake(settings), open_warehouse(settings)
    tables = frozenset(table.name for table in (*star.STAR, *marts.MARTS))
    request = Request("asked", tables=tables)
    for event in load(request, warehouse, lake, limits_of(settings.load), "bench"):
        if isinstance(event, Ended) and event.failed:
            raise SystemExit("; ".join(part.reason for part in event.failed))
    clock.tell()


if __name__ == "__main__":
    main()
