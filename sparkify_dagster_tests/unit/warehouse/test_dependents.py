"""Which views a plan names for a table."""

from __future__ import annotations

from pathlib import Path

from sparkify_dagster.warehouse.dependents import rights_on, views_on
from sparkify_dagster_tests.lakes import warehouse_at

VIEWS = {
    "moments": 'SELECT t.hour FROM sparkify."time" AS t',
    "listeners": "SELECT 1 AS time, u.user_id FROM sparkify.user AS u",
    "over": "SELECT m.hour FROM bi.moments AS m",
    "elsewhere": 'SELECT t.x FROM other."time" AS t',
}


def test_views_that_read_a_table_are_named_through_others_too_and_no_namesakes(
    tmp_path: Path,
) -> None:
    warehouse = warehouse_at(tmp_path / "warehouse.duckdb")
    with warehouse.transaction() as session:
        for schema in ("sparkify", "bi", "other"):
            session.execute(f"CREATE SCHEMA {schema}")
        session.execute('CREATE TABLE sparkify."time" (hour INTEGER)')
        session.execute('CREATE TABLE sparkify."user" (user_id VARCHAR)')
        session.execute('CREATE TABLE other."time" (x INTEGER)')
        for name, select in VIEWS.items():
            session.execute(f"CREATE VIEW bi.{name} AS {select}")
        assert views_on(session, ["time", "user", "song"]) == {
            "time": ["bi.moments", "bi.over"],
            "user": ["bi.listeners"],
            "song": [],
        }
        assert rights_on(session, ["time"]) == {"time": []}, "a file has none"
