"""Previews, plots and the report of a load, over a warehouse that is loaded."""

from __future__ import annotations

import pandas  # noqa: F401  pyarrow loads it with its first array, and imports are not timed

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.defs.previews import look_at
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.model import marts, star
from sparkify_dagster.report.writing import write_report


def main() -> None:
    """Looks at every table of star and marts, and writes the page."""
    root, out = arguments()
    settings = settings_of(root, out)
    warehouse = open_warehouse(settings)
    clock = Clock()
    tables = (*star.STAR, *marts.MARTS)
    with clock.step("previews and plots"):
        warehouse.read_only(lambda session: look_at(session, tables, 10, counted=True))
    with clock.step("report"):
        write_report(warehouse, out / "report.html")
    clock.tell()


if __name__ == "__main__":
    main()
