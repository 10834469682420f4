"""What a person does in the Dagster UI, done to a running `dagster dev` over its GraphQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sparkify_dagster.generator import LakeSpec, generate_lake
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Layer
from sparkify_dagster.report.questions import tables_read
from sparkify_dagster_tests.integration.dagster_dev import (
    BIN,
    Dev,
    dagster_dev,
    environment,
    project_folder,
)

pytestmark = pytest.mark.integration

SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "sparkify_dagster"}
LAUNCH = """mutation($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
DAYS = """{ assetNodeOrError(assetKey: {path: ["staging_events_table"]}) { ... on AssetNode {
  partitionStats { numMaterialized numFailed numPartitions } assetPartitionStatuses {
    ... on TimePartitionStatuses { ranges { startKey endKey status } } } } } }"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's root with a small lake of five days."""
    folder = project_folder(tmp_path_factory.mktemp("project"))
    spec = LakeSpec(songs=40, events=1_000, days=5, seed=7, start=date(2018, 11, 1))
    generate_lake(folder / "data" / "lake", spec)
    return folder


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {"SPARKIFY_DAYS__LAST": "2018-11-05", "SPARKIFY_SENSOR__ENABLED": "no"}


@pytest.fixture(scope="module")
def dev(project: Path, settings: dict[str, str]) -> Iterator[Dev]:
    with dagster_dev(project, settings) as running:
        yield running


def count(project: Path, table: str) -> int:
    with duckdb.connect() as connection:
        _attach(connection, project / "data/warehouse.duckdb")
        row = connection.execute(f'SELECT COUNT(*) FROM w.sparkify."{table}"').fetchone()
        assert row is not None
        return int(row[0])


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Opens the warehouse, which a run that has just ended may hold for a moment longer."""
    deadline = time.monotonic() + 10
    while True:
        try:
            connection.execute(f"ATTACH '{path}' AS w (READ_ONLY)")
            return
        except duckdb.IOException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def run_well(project: Path, settings: dict[str, str], command: list[str]) -> None:
    done = subprocess.run(
        command,
        cwd=project,
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def launch(dev: Dev, **params: object) -> str:
    answer = dev.ask(LAUNCH, params=params)["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def job(name: str, **more: object) -> dict[str, object]:
    return {"selector": {**SELECTOR, "pipelineName": name, **more}, "mode": "default"}


@pytest.mark.parametrize(
    "command",
    [
        ["dg", "check", "defs"],
        ["dg", "list", "defs"],
        ["dagster", "definitions", "validate"],
        ["dagster", "definitions", "validate", "-w", "workspace.yaml"],
    ],
)
def test_the_commands_people_use_load_the_definitions_from_the_root(
    project: Path, settings: dict[str, str], command: list[str]
) -> None:
    run_well(project, settings, [str(BIN / command[0]), *command[1:]])


def within_ledger(names: set[str]) -> bool:
    """Whether one of them is a table that loads keep for themselves."""
    return any(TABLES[name].layer is Layer.LEDGER for name in names)


def test_the_graph_leads_from_the_lake_to_the_report(dev: Dev) -> None:
    nodes = dev.ask(
        """{ assetNodes { assetKey { path } groupName kinds isMaterializable
        owners { ... on TeamAssetOwner { team } } dependencyKeys { path } } }"""
    )["assetNodes"]
    by_name = {node["assetKey"]["path"][0]: node for node in nodes}
    reads = [(source, table.name) for table in TABLES.values() for source in table.reads]
    edges = {
        (parent["path"][0], name)
        for name, node in by_name.items()
        for parent in node["dependencyKeys"]
    }
    assert edges == {
        ("log_data", "staging_events_table"),
        ("log_json_path", "staging_events_table"),
        ("song_data", "staging_songs_table"),
        *((source, name) for source, name in reads if not within_ledger({source, name})),
        *((name, "report") for name in tables_read() if TABLES[name].layer is not Layer.LEDGER),
    }
    groups = {name: node["groupName"] for name, node in by_name.items()}
    assert groups["log_data"] == "lake"
    assert groups["staging_events_table"] == "staging"
    assert groups["songplay"] == "star"
    assert all(node["kinds"] and node["owners"] for node in nodes)
    assert [name for name, node in by_name.items() if not node["isMaterializable"]] == [
        "log_data",
        "log_json_path",
        "song_data",
    ]


def test_the_job_load_brings_everything_up_to_date_without_choosing_days(
    dev: Dev, project: Path
) -> None:
    # As the button "Materialize all" on the job's page sends it.
    names = ("artist", "song", "songplay", "staging_songs_table", "time", "user")
    selection = [{"path": [name]} for name in names]
    run = launch(dev, **job("load", assetSelection=selection), runConfigData="{}")
    assert dev.finished(run) == "SUCCESS"
    assert count(project, "staging_events_table") == 1_000
    assert count(project, "songplay") > 800
    days = dev.ask(DAYS)["assetNodeOrError"]
    assert days["partitionStats"] == {"numMaterialized": 5, "numFailed": 0, "numPartitions": 5}


def test_a_range_of_days_can_be_materialized_from_the_asset(dev: Dev, project: Path) -> None:
    tags = [
        {"key": "dagster/asset_partition_range_start", "value": "2018-11-02"},
        {"key": "dagster/asset_partition_range_end", "value": "2018-11-04"},
    ]
    before = count(project, "staging_events_table")
    run = launch(
        dev,
        **job("__ASSET_JOB", assetSelection=[{"path": ["staging_events_table"]}]),
        executionMetadata={"tags": tags},
    )
    assert dev.finished(run) == "SUCCESS"
    assert count(project, "staging_events_table") == before
    materialized = dev.ask(
        """query($id: ID!) { runOrError(runId: $id) { ... on Run {
        assetMaterializations { partition assetKey { path } } } } }""",
        id=run,
    )["runOrError"]["assetMaterializations"]
    assert sorted(m["partition"] for m in materialized) == [
        "2018-11-02",
        "2018-11-03",
        "2018-11-04",
    ]


def test_one_table_of_the_star_can_be_materialized(dev: Dev) -> None:
    run = launch(dev, **job("__ASSET_JOB", assetSelection=[{"path": ["songplay"]}]))
    assert dev.finished(run) == "SUCCESS"


def test_a_check_can_be_run_alone(dev: Dev) -> None:
    selection = [{"assetKey": {"path": ["songplay"]}, "name": "unique_key"}]
    run = launch(dev, **job("__ASSET_JOB", assetSelection=[], assetCheckSelection=selection))
    assert dev.finished(run) == "SUCCESS"
    checks = dev.ask(
        """{ assetNodeOrError(assetKey: {path: ["songplay"]}) { ... on AssetNode {
        assetChecksOrError { ... on AssetChecks { checks { name canExecuteIndividually
        executionForLatestMaterialization { status runId } } } } } } }"""
    )["assetNodeOrError"]["assetChecksOrError"]["checks"]
    assert {check["canExecuteIndividually"] for check in checks} == {"CAN_EXECUTE"}
    one = next(check for check in checks if check["name"] == "unique_key")
    assert one["executionForLatestMaterialization"]["status"] == "SUCCEEDED"
    assert one["executionForLatestMaterialization"]["runId"] == run


def test_a_bad_day_is_a_failed_partition_and_the_others_are_published(
    dev: Dev, project: Path
) -> None:
    logs = project / "data/lake/log_data/2018/11"
    good, bad = logs / "2018-11-02-events.json", logs / "2018-11-03-events.json"
    kept = bad.read_bytes()
    good.write_bytes(good.read_bytes().split(b"\n", 1)[1])
    bad.write_bytes(b"{broken\n" * 50 + kept)
    plays = count(project, "songplay")
    assert dev.finished(launch(dev, **job("load"))) == "FAILURE"
    days = dev.ask(DAYS)["assetNodeOrError"]
    failed = [r for r in days["assetPartitionStatuses"]["ranges"] if r["status"] == "FAILED"]
    assert [(r["startKey"], r["endKey"]) for r in failed] == [("2018-11-03", "2018-11-03")]
    assert count(project, "staging_events_table") == 999
    assert count(project, "songplay") in (plays, plays - 1)
    bad.write_bytes(kept)
    assert dev.finished(launch(dev, **job("load"))) == "SUCCESS"
    assert dev.ask(DAYS)["assetNodeOrError"]["partitionStats"]["numFailed"] == 0


@pytest.mark.drill
def test_runs_of_the_command_line_stand_in_the_history_and_can_be_run_again(
    dev: Dev, project: Path, settings: dict[str, str]
) -> None:
    run_well(project, settings, [sys.executable, "-m", "sparkify_dagster", "etl", "--full"])
    runs = dev.ask(
        """{ pipelineOrError(params: {pipelineName: "load", repositoryName: "__repository__",
        repositoryLocationName: "sparkify_dagster"}) { ... on Pipeline { runs(limit: 1) {
        runId status repositoryOrigin { repositoryName } } } } }"""
    )["pipelineOrError"]["runs"]
    assert runs[0]["status"] == "SUCCESS"
    assert runs[0]["repositoryOrigin"]["repositoryName"] == "__repository__"
    again = dev.ask(
        """mutation($id: String!) { launchRunReexecution(reexecutionParams: {parentRunId: $id,
        strategy: ALL_STEPS}) { __typename ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message } } }""",
        id=runs[0]["runId"],
    )["launchRunReexecution"]
    assert again["__typename"] == "LaunchRunSuccess", again
    assert dev.finished(again["run"]["runId"]) == "SUCCESS"


def linked(dev: Dev, run_config: dict[str, object]) -> dict[str, Any]:
    """What a link or an image on somebody's page launches: a GET from another origin."""
    selector = SELECTOR | {"jobName": "load"}
    asked = {"params": {"selector": selector, "runConfigData": run_config}}
    query = urllib.parse.urlencode({"query": LAUNCH, "variables": json.dumps(asked)})
    request = urllib.request.Request(
        f"{dev.url}/graphql?{query}", headers={"Origin": "https://evil.example.com"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)["data"]["launchPipelineExecution"]
    return answer


def test_a_link_in_a_browser_can_launch_a_load_but_not_say_where_anything_is(
    dev: Dev, project: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for said in (
        {"resources": {"page": {"config": {"path": str(victim)}}}},
        {"resources": {"warehouse": {"config": {"path": str(tmp_path / "other.duckdb")}}}},
        {"ops": {"load_tables": {"config": {"last_day": {"env": "HOME"}}}}},
    ):
        assert linked(dev, said)["__typename"] == "RunConfigValidationInvalid"
    launched = linked(dev, {"ops": {"load_tables": {"config": {"what": "changes"}}}})
    assert launched["__typename"] == "LaunchRunSuccess"
    assert dev.finished(launched["run"]["runId"]) == "SUCCESS"
    assert (victim.read_text(), list(tmp_path.iterdir())) == ("mine", [victim])
