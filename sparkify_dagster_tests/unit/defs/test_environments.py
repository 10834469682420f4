"""What Dagster shows of an environment."""

from __future__ import annotations

import dagster as dg

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.settings import Settings


def test_its_name_is_in_the_code_location_and_the_runs_and_no_sensor_is_on() -> None:
    shown = build_definitions(Settings().in_environment("ci"), with_lineage=False)
    assert shown.metadata["sparkify/environment"].value == "ci"
    for job in ("load", "load_days", "checks"):
        assert shown.resolve_job_def(job).tags["sparkify/environment"] == "ci"
    assert {s.default_status for s in shown.sensors or ()} == {dg.DefaultSensorStatus.STOPPED}
    production = build_definitions(Settings(), with_lineage=False)
    assert not production.metadata
    assert "sparkify/environment" not in production.resolve_job_def("load").tags
