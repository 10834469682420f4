"""The platform's engine work: a load without Dagster.

Looks at the lake, loads what differs from the warehouse, with rejects, audits, history, star and
marts. The same program does a full load, a new day and nothing at all: it finds out which.
"""

from __future__ import annotations

import time

import pandas  # noqa: F401  pyarrow loads it with its first array, and imports are not timed

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.factory import limits_of, open_lake, open_warehouse
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.pipeline.events import DaysLoaded, Ended, Event, PartResult, Planned
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.plan import Request
from sparkify_dagster.pipeline.star import StarResult


def main() -> None:
    """Brings the warehouse up to date with the lake named on the command line."""
    root, out = arguments()
    clock = Clock()
    settings = settings_of(root, out)
    lake, warehouse = open_lake(settings), open_warehouse(settings)
    begun = time.perf_counter()
    for event in load(Request(), warehouse, lake, limits_of(settings.load), "bench"):
        if step := _ended_step(event):
            now = time.perf_counter()
            clock.add(step, now - begun)
            begun = now
        if isinstance(event, StarResult):
            of_marts = (event.phases.get(table.name, 0.0) for table in MARTS)
            clock.add("marts, of it", sum(of_marts))
        if isinstance(event, Ended) and event.failed:
            raise SystemExit("; ".join(part.reason for part in event.failed))
    clock.tell()


def _ended_step(event: Event) -> str:
    """The step of a load that an event ends; blank for one within a step."""
    match event:
        case Planned():
            return "look"
        case PartResult() if event.entry.target == STAGING_SONGS.name:
            return "songs"
        case DaysLoaded():
            return "events"
        case StarResult():
            return "star and marts"
        case Ended():
            return "checks, pruning"
    return ""


if __name__ == "__main__":
    main()
