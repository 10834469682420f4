"""The report as the last asset of a load: written when something changed, never in its way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sparkify_dagster import report
from sparkify_dagster.core import progress
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.defs.load_op import LOAD_OP
from sparkify_dagster.defs.page import REPORT
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ledger import LEDGER
from sparkify_dagster.settings import load_settings
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, rows_of, song, warehouse_at

pytestmark = pytest.mark.integration


class Place:
    """A lake, a warehouse and a place for the report."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.page = folder / "pages" / "report.html"
        self.lake = TinyLake(folder / "lake")
        self.lake.put_song("A/a.json", song())
        self.add(1)

    def add(self, day: int) -> None:
        """A day of logs."""
        self.lake.put_log(log_key(f"2018-11-0{day}"), event(sessionId=day, itemInSession=1))

    def load(self, **changes: str) -> dg.ExecuteInProcessResult:
        """A run of the job `load`."""
        return self._job(LOAD_JOB, **changes).execute_in_process(raise_on_error=False)

    def write_alone(self, **changes: str) -> dg.ExecuteInProcessResult:
        """A run that was asked for the report and nothing else."""
        job = self._job(LOAD_JOB, **changes)
        config = dg.RunConfig(ops={LOAD_OP: {"config": {"what": "asked"}}})
        return job.execute_in_process(
            run_config=config, asset_selection=[dg.AssetKey(REPORT)], raise_on_error=False
        )

    def plays(self) -> int:
        """Plays that the warehouse holds."""
        return len(rows_of(warehouse_at(self.folder / "w.duckdb"), "songplay"))

    def _job(self, name: str, **changes: str) -> dg.JobDefinition:
        environ = {
            "SPARKIFY_DUCKDB__PATH": str(self.folder / "w.duckdb"),
            "SPARKIFY_S3__SONG_DATA": str(self.lake.songs),
            "SPARKIFY_S3__LOG_DATA": str(self.lake.logs),
            "SPARKIFY_S3__LOG_JSONPATH": str(self.lake.document),
            "SPARKIFY_DAYS__LAST": "2018-11-30",
            "SPARKIFY_REPORT__PATH": str(self.page),
            **changes,
        }
        settings = load_settings(environ=environ, cwd=self.folder)
        definitions = build_definitions(settings, {"lake": self.lake.resource()})
        return definitions.resolve_job_def(name)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def reported(result: dg.ExecuteInProcessResult) -> dict[str, Any] | None:
    """What Dagster was told of the report."""
    events = result.asset_materializations_for_node(LOAD_OP)
    found = [event.metadata for event in events if event.asset_key == dg.AssetKey(REPORT)]
    return {name: value.value for name, value in found[-1].items()} if found else None


def test_a_load_writes_it_when_something_changed_and_only_then(place: Place) -> None:
    first = reported(place.load())
    assert first is not None
    assert first["path"] == str(place.page)
    assert first["bytes"] == place.page.stat().st_size
    assert first["seconds"] > 0
    assert (first["plays"], first["songs"], first["days"]) == (1, 1, 1)
    assert first["preview"].startswith("![Plays over time](data:image/svg+xml;base64,")
    assert reported(place.load()) is None, "nothing changed"


def test_a_page_that_cannot_be_written_fails_no_load_but_a_run_that_was_for_it_alone(
    place: Place,
) -> None:
    assert place.load().success
    before = place.plays()
    place.add(2)
    warnings: list[str] = []
    with progress.warnings_into(warnings):
        result = place.load(SPARKIFY_REPORT__PATH=str(place.folder))
    assert result.success
    (warning,) = warnings
    assert warning.startswith(f"The report was not written: {place.folder}: ")
    assert place.plays() == before + 1
    assert reported(result) is None
    alone = place.write_alone(SPARKIFY_REPORT__PATH=str(place.folder))
    (failure,) = [event for event in alone.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert told.description == warning


def test_it_can_be_written_alone_and_be_switched_off(place: Place) -> None:
    off = {"SPARKIFY_REPORT__ENABLED": "no"}
    place.add(2)
    place.add(3)
    assert place.load(**off).success
    assert not place.page.exists()
    alone = place.write_alone(**off)
    assert alone.success
    assert "3 plays on 1 day" in place.page.read_text(encoding="utf-8")
    written = {event.asset_key for event in alone.asset_materializations_for_node(LOAD_OP)}
    assert written == {dg.AssetKey(REPORT)}


def test_it_depends_on_just_the_tables_that_its_statements_name(place: Place) -> None:
    graph = build_definitions(load_settings(environ={}, cwd=place.folder)).resolve_asset_graph()
    parents = graph.get(dg.AssetKey(REPORT)).parent_keys
    folder = Path(report.__file__).with_name("sql")
    text = " ".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    named = {name for name in TABLES if f"{{{name}}}" in text}
    assert {key.to_user_string() for key in parents} == named - {table.name for table in LEDGER}
