"""The platform through a Dagster run in this process: all that `sparkify etl` does but its start.

To import Dagster is a step of its own; it is no part of the work.
"""

from __future__ import annotations

import os
import time

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of


def main() -> None:
    """Runs the job `load` on the lake named on the command line."""
    lake, out = arguments()
    os.chdir(out)  # Dagster's history goes here.
    begun = time.perf_counter()
    from sparkify_dagster.defs.instance import run_load

    imported = time.perf_counter() - begun
    clock = Clock()
    result = run_load(settings_of(lake, out))
    if not result.success:
        raise SystemExit(f"the run failed: {result.failure}")
    clock.tell(**{"import of Dagster": imported})


if __name__ == "__main__":
    main()
