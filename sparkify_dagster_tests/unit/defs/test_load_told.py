"""What a person finds in the UI after a load: the events of real runs, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import CHECKS_JOB, DAYS_JOB, LOAD_JOB
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.checks import SCHEMA_MATCHES
from sparkify_dagster.model.table import Layer
from sparkify_dagster.settings import load_settings
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, song, warehouse_at

EVENTS, SONGS = "staging_events_table", "staging_songs_table"
DAYS = ("2018-11-01", "2018-11-02", "2018-11-03")
NASTY = '<img src=x onerror="alert(1)"> | **bold**\n\n# 😀 שלום'
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class House:
    """A small lake, its warehouse, and runs over them."""

    folder: Path
    instance: dg.DagsterInstance
    changes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lake = TinyLake(self.folder / "lake")
        environ = {
            "SPARKIFY_DAYS__LAST": "2018-11-30",
            "SPARKIFY_DUCKDB__PATH": str(self.folder / "warehouse.duckdb"),
            "SPARKIFY_REPORT__ENABLED": "no",
            **self.changes,
        }
        settings = load_settings(environ=environ, cwd=self.folder)
        self.definitions = build_definitions(settings, {"lake": self.lake.resource()})

    def run(self, job: str = LOAD_JOB) -> Told:
        done = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, run_config=QUIET | self.config(job)
        )
        return Told(done)

    def config(self, job: str) -> dict[str, Any]:
        return {"ops": {"load_tables": {"config": {"what": "changes"}}}} if job == LOAD_JOB else {}


class Told:
    """What one run told Dagster."""

    def __init__(self, result: dg.ExecuteInProcessResult) -> None:
        self.success = result.success
        self.tables: dict[str, dict[str, Any]] = {}
        self.days: dict[str, dict[str, Any]] = {}
        self.observed: list[dg.AssetObservation] = []
        self.checks: dict[str, Any] = {}
        for found in result.all_events:
            if found.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
                made = found.step_materialization_data.materialization
                name = made.asset_key.to_user_string()
                where = self.days if made.partition else self.tables
                where[made.partition or name] = {k: v.value for k, v in made.metadata.items()}
            elif found.event_type is dg.DagsterEventType.ASSET_OBSERVATION:
                self.observed.append(found.asset_observation_data.asset_observation)
            elif found.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                check = found.asset_check_evaluation_data
                self.checks[f"{check.asset_key.to_user_string()}.{check.check_name}"] = check


def records(metadata: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The rows of an entry that is a table."""
    return [dict(record.data) for record in metadata[name].records]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with dg.DagsterInstance.ephemeral() as instance:
        house = House(tmp_path_factory.mktemp("house"), instance)
        house.lake.put_song("a.json", song(title=NASTY))
        others = [song(song_id=f"SO{n}", title=NASTY) for n in range(2, 12)]
        house.lake.put_song("b.json", *others, b"broken")
        for number, day in enumerate(DAYS):
            house.lake.put_log(
                log_key(day),
                *(event(ts=1541030400000 + 86_400_000 * number, itemInSession=i, sessionId=number,
                        song=NASTY, firstName="Ada", lastName="Byron") for i in range(20)),
                event(ts=None),
                event(page=None) if number else event(ts=None),
            )  # fmt: skip
        yield house


@pytest.fixture(scope="module")
def first(house: House) -> Told:
    """The first load: songs, three days, star and marts."""
    return house.run()


def test_each_day_tells_its_own_numbers_and_why_its_records_were_rejected(first: Told) -> None:
    assert first.success
    assert set(first.days) == set(DAYS)
    day = first.days["2018-11-02"]
    assert day["dagster/partition_row_count"] == 20
    assert day["dagster/row_count"] == 60, "the table's, which the UI shows as its row count"
    assert (day["records"], day["rejects"], day["objects"]) == (22, 2, 1)
    assert records(day, "rejects_by_reason") == [
        {"reason": "page is missing", "records": 1},
        {"reason": "ts is missing", "records": 1},
    ]
    assert records(first.days["2018-11-01"], "rejects_by_reason") == [
        {"reason": "ts is missing", "records": 2}
    ]
    for phase in ("read", "load", "audit", "commit"):
        assert day[f"seconds_{phase}"] >= 0
    assert sum(v for k, v in day.items() if k.startswith("seconds_")) <= day["seconds"] + 0.01
    assert not [name for name in day if name.startswith("s3_")], "a folder is asked for nothing"


def test_days_of_one_run_are_summed_up_with_a_preview_and_a_plot(first: Told) -> None:
    (summed,) = first.observed
    assert summed.asset_key.to_user_string() == EVENTS
    told = {name: entry.value for name, entry in summed.metadata.items()}
    assert (told["days"], told["failed_days"]) == (3, 0)
    assert (told["records"], told["rows"], told["rejects"]) == (66, 60, 6)
    assert records(told, "rejects_by_reason")[0] == {"reason": "ts is missing", "records": 4}
    assert told["plot"].startswith(
        "![Rows staged and records rejected by log day of this run](data"
    )
    rows = records(told, "preview")
    assert len(rows) == 5
    assert {(row["first_name"], row["last_name"]) for row in rows} == {("xxx", "xxxxx")}


def test_tables_show_real_rows_and_people_stay_masked(first: Told) -> None:
    shown = [t.name for t in TABLES.values() if t.layer in (Layer.STAR, Layer.MART)]
    assert {*shown, SONGS} == set(first.tables)
    for name, told in first.tables.items():
        assert ("preview" in told) == (told["dagster/row_count"] > 0), name
    assert NASTY in [row["title"] for row in records(first.tables["song"], "preview")]
    (person,) = records(first.tables["user"], "preview")
    assert (person["first_name"], person["last_name"], person["level"]) == ("xxx", "xxxxx", "xxxx")
    assert records(first.tables[SONGS], "rejects_by_reason")[0]["records"] == 1


def test_the_star_tells_seconds_match_rate_and_plays_by_day(first: Told) -> None:
    told = first.tables["songplay"]
    assert told["match_rate"] == 1.0
    assert told["plot"].startswith("![Plays by day](data:image/svg+xml;base64,")
    for phase in ("build", "wait", "audit", "commit"):
        assert 0 <= told[f"seconds_{phase}"] <= told["seconds"]
    assert told["seconds_build"] > 0


def test_passed_checks_say_what_they_compared(first: Told) -> None:
    check = first.checks["songplay.row_count"]
    assert check.passed
    assert check.description.endswith("in staging_events_table (rows: 60, expected: 60).")
    assert {name: entry.value for name, entry in check.metadata.items()} == {
        "offenders": 0, "row_count": 60, "expected": 60,
    }  # fmt: skip


def test_failed_checks_say_numbers_examples_and_what_to_do(first: Told) -> None:
    check = first.checks[f"{EVENTS}.no_rejects"]
    assert not check.passed
    assert check.description == (
        "6 of 66 records for staging_events_table were rejected (of the rows of this load). "
        "See them with `sparkify rejects`; mend the objects, and they load by "
        "themselves. For example: `ts is missing (4)`; `page is missing (2)`."
    )
    assert check.metadata["what_to_do"].value.startswith("See them with `sparkify rejects`")


def test_a_load_plans_no_checks_and_looks_at_columns_when_it_builds_all(
    first: Told, house: House
) -> None:
    there = {name.partition(".")[0] for name in first.checks if name.endswith(SCHEMA_MATCHES)}
    assert there == {t.name for t in TABLES.values() if t.layer is not Layer.LEDGER}
    for job, there in ((LOAD_JOB, False), (DAYS_JOB, False), (CHECKS_JOB, True)):
        layer = house.definitions.resolve_job_def(job).asset_layer
        names = {key.name for data in layer.data for key in data.assets_def.check_keys}
        assert (SCHEMA_MATCHES in names) == there, job
        assert ("unique_key" in names) == there, job


def test_a_day_that_is_loaded_alone_carries_its_own_preview(first: Told, house: House) -> None:
    assert first.success
    house.lake.put_log(log_key("2018-11-04"), event(ts=1541289600000, sessionId=9, song="Alone"))
    told = house.run()
    assert told.observed == []
    assert [row["song"] for row in records(told.days["2018-11-04"], "preview")] == ["Alone"]
    assert told.tables["songplay"]["how"] == "refresh"
    assert not [name for name in told.checks if name.endswith(SCHEMA_MATCHES)]
    assert told.tables["songplay"]["plot"]


def test_an_altered_table_is_found_by_the_checks_job(first: Told, house: House) -> None:
    assert first.success
    with warehouse_at(house.folder / "warehouse.duckdb").transaction() as session:
        session.execute("ALTER TABLE sparkify.most_played ADD COLUMN mood VARCHAR")
    try:
        told = house.run(CHECKS_JOB)
    finally:
        with warehouse_at(house.folder / "warehouse.duckdb").transaction() as session:
            session.execute("ALTER TABLE sparkify.most_played DROP COLUMN mood")
    failed = told.checks[f"most_played.{SCHEMA_MATCHES}"]
    assert (failed.passed, failed.severity, failed.blocking) == (
        False, dg.AssetCheckSeverity.ERROR, False,
    )  # fmt: skip
    assert "`column mood is not in the model`" in failed.description
    assert told.checks[f"songplay.{SCHEMA_MATCHES}"].passed
    assert told.checks["songplay.unique_key"].passed
