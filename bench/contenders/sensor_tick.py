"""Ticks of the platform's sensor over a lake that is loaded: what looking costs, again and again.

The first tick looks at the warehouse, too, and is no part of what is measured.
"""

from __future__ import annotations

import dagster as dg

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments
from bench.contenders.settings import settings_of
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.sensors.lake import SENSOR


def main() -> None:
    """Evaluates two ticks and tells what the second took."""
    lake, out = arguments()
    definitions = build_definitions(settings_of(lake, out), with_lineage=False)
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def(SENSOR)
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = None
        for _ in range(2):
            clock = Clock()
            with dg.build_sensor_context(
                instance=instance,
                cursor=cursor,
                repository_def=repository,
                resources=dict(definitions.resources or {}),
            ) as context:
                told = sensor.evaluate_tick(context)
            cursor = told.cursor
            if told.run_requests:
                raise SystemExit("the lake is not loaded: the sensor asks for a run")
    clock.tell(said=told.skip_message)


if __name__ == "__main__":
    main()
