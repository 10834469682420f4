"""The marts as assets: published and checked with a load, alone, and when one of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.defs.load_op import LOAD_OP
from sparkify_dagster.model.checks import audits_of
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.pipeline import marts as publishing
from sparkify_dagster.settings import load_settings
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, rows_of, song, warehouse_at

pytestmark = pytest.mark.integration
NAMES = {table.name for table in MARTS}


class Place:
    """A lake with a day of logs, a warehouse, and runs that load the one into the other."""

    def __init__(self, folder: Path) -> None:
        self.lake = TinyLake(folder / "lake")
        self.lake.put_song("a.json", song())
        self.lake.put_log(log_key("2018-11-01"), event())
        self.warehouse = warehouse_at(folder / "w.duckdb")
        environ = {
            "SPARKIFY_DUCKDB__PATH": str(folder / "w.duckdb"),
            "SPARKIFY_S3__SONG_DATA": str(self.lake.songs),
            "SPARKIFY_S3__LOG_DATA": str(self.lake.logs),
            "SPARKIFY_S3__LOG_JSONPATH": str(self.lake.document),
            "SPARKIFY_DAYS__LAST": "2018-11-30",
            "SPARKIFY_REPORT__PATH": str(folder / "report.html"),
        }
        settings = load_settings(environ=environ, cwd=folder)
        definitions = build_definitions(
            settings, {"lake": self.lake.resource()}, with_lineage=False
        )
        self._job = definitions.resolve_job_def(LOAD_JOB)

    def run(self, **asked: Any) -> dg.ExecuteInProcessResult:
        """A run of the job `load`."""
        return self._job.execute_in_process(raise_on_error=False, **asked)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("marts"))


def told(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """What each mart that was materialized told."""
    events = result.asset_materializations_for_node(LOAD_OP)
    names = [(event.asset_key.to_user_string(), event.metadata) for event in events]
    return {
        name: {what: value.value for what, value in metadata.items()}
        for name, metadata in names
        if name in NAMES
    }


def test_a_load_publishes_and_checks_every_mart(place: Place) -> None:
    result = place.run()
    assert result.success
    marts = told(result)
    assert marts.keys() == NAMES
    assert {mart["how"] for mart in marts.values()} == {"rebuild"}
    assert marts["plays_by_hour"]["dagster/row_count"] == 1
    asked = {(check.table, check.name) for name in NAMES for check in audits_of(name)}
    found = result.get_asset_check_evaluations()
    passed = {(c.asset_key.to_user_string(), c.check_name) for c in found if c.passed}
    assert asked <= passed


def test_a_mart_can_be_materialized_alone(place: Place) -> None:
    with place.warehouse.transaction() as session:
        session.execute("DELETE FROM sparkify.sessions")
    config = dg.RunConfig(ops={LOAD_OP: {"config": {"what": "asked"}}})
    result = place.run(run_config=config, asset_selection=[dg.AssetKey("sessions")])
    assert result.success
    assert told(result)["sessions"]["rows_added"] == 1
    assert len(rows_of(place.warehouse, "sessions")) == 1


def test_a_mart_that_fails_fails_the_run_and_the_star_is_there_all_the_same(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = publishing.statement

    def broken(path: str, names: Mapping[str, str]) -> str:
        return plain(path, names) + "\nLIMIT 0" * ("by_place" in path)

    monkeypatch.setattr(publishing, "statement", broken)
    place.lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    before = rows_of(place.warehouse, "plays_by_hour")
    result = place.run()
    assert not result.success
    failure = result.failure_data_for_node(LOAD_OP)
    assert failure is not None
    assert (
        "The marts were not published and stay as they were. plays of plays_by_place add up to 0"
        in str(failure)
    )
    failed = [c for c in result.get_asset_check_evaluations() if not c.passed]
    assert [(c.asset_key.to_user_string(), c.check_name) for c in failed] == [
        ("plays_by_place", "adds_up")
    ]
    assert told(result) == {}
    assert len(rows_of(place.warehouse, "songplay")) == 2
    assert rows_of(place.warehouse, "plays_by_hour") == before
