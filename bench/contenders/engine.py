"""The platform's engine work: the functions behind the op, without Dagster.

Looks at the lake, loads what differs from the warehouse, with rejects, audits, history, star and
marts. The same program does a full load, a new day and nothing at all: it finds out which.
"""

from __future__ import annotations

from contextlib import closing

import pandas  # noqa: F401  pyarrow loads it with its first array, and imports are not timed

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.connect import limits_of, open_lake, open_warehouse
from sparkify_dagster.pipeline.copy_load import load_log_days
from sparkify_dagster.pipeline.load_songs import load_songs
from sparkify_dagster.pipeline.plan import loaded, pending
from sparkify_dagster.pipeline.publish import Loading
from sparkify_dagster.pipeline.star import publish_star


def main() -> None:
    """Brings the warehouse up to date with the lake named on the command line."""
    root, out = arguments()
    clock = Clock()
    settings = settings_of(root, out)
    lake, warehouse = open_lake(settings), open_warehouse(settings)
    limits = limits_of(settings.load)
    with clock.step("look"):
        seen = lake.look()
        todo = pending(seen, loaded(warehouse))
    if todo.songs:
        with clock.step("songs"), closing(lake.song_reader()) as reader:
            outcome = load_songs(
                Loading(warehouse, lake.songs, reader, limits, "bench"), todo.songs
            )
            _require(outcome.published, outcome.entry.message)
    if todo.days:
        with clock.step("events"), closing(lake.log_reader(seen.fields)) as reader:
            loading = Loading(warehouse, lake.logs, reader, limits, "bench")
            for day in load_log_days(loading, todo.days):
                _require(day.published, day.entry.message)
    if not todo.is_nothing:
        with clock.step("star and marts"):
            star = publish_star(warehouse, "bench")
            _require(star.marts_failed is None, str(star.marts_failed))
    clock.tell()


def _require(good: bool, why: str) -> None:
    if not good:
        raise SystemExit(f"not published: {why}")


if __name__ == "__main__":
    main()
