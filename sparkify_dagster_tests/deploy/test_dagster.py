"""Dagster's instance in production: what its files say, and that documents and files agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from sparkify_dagster.defs.history import refusal
from sparkify_dagster.settings.catalogue import catalogue
from sparkify_dagster_tests.deploy.services import DEPLOY, ROOT, containerfile, image_environment

INSTANCE = yaml.safe_load((DEPLOY / "dagster" / "dagster.yaml").read_text())
WORKSPACE = yaml.safe_load((DEPLOY / "dagster" / "workspace.yaml").read_text())
IN_CLUSTER = yaml.safe_load((DEPLOY / "kubernetes" / "base" / "dagster.yaml").read_text())
VALUES = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
DOCUMENT = (ROOT / "docs" / "production.md").read_text()


def variables(found: Any) -> set[str]:
    """What a file takes from the environment."""
    if isinstance(found, dict):
        if found.keys() == {"env"} and isinstance(found["env"], str):
            return {found["env"]}
        return set[str]().union(*map(variables, found.values()))
    return set[str]().union(*map(variables, found)) if isinstance(found, list) else set()


def test_dagster_takes_the_instance_and_nothing_is_sent_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in variables(INSTANCE):
        monkeypatch.setenv(name, "5432" if name.endswith("PORT") else str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
    settings, _ = dg._core.instance.config.dagster_instance_config(str(tmp_path))
    assert settings["telemetry"] == {"enabled": False}
    assert settings["concurrency"]["runs"]["max_concurrent_runs"] == 1
    monitored = settings["run_monitoring"]
    assert monitored["enabled"]
    assert monitored["max_resume_run_attempts"] == 0
    assert settings["retention"]["sensor"]["purge_after_days"]["skipped"] == 1


def test_the_storage_names_the_driver_that_is_installed() -> None:
    """Plain `postgresql` means another one from SQLAlchemy 2.1 on."""
    assert INSTANCE["storage"]["postgres"]["postgres_db"]["scheme"] == "postgresql+psycopg2"


def test_kubernetes_adds_to_the_instance_how_runs_start_and_changes_nothing() -> None:
    assert {name: value for name, value in IN_CLUSTER.items() if name != "run_launcher"} == INSTANCE


def test_the_values_of_the_chart_say_what_the_instance_says() -> None:
    chart, asked = VALUES, INSTANCE
    given = chart["postgresql"]
    assert given["postgresqlScheme"] == asked["storage"]["postgres"]["postgres_db"]["scheme"]
    (queue,) = chart["dagsterDaemon"]["runCoordinator"]["config"].values()
    assert queue["maxConcurrentRuns"] == asked["concurrency"]["runs"]["max_concurrent_runs"]
    monitored = chart["dagsterDaemon"]["runMonitoring"]
    assert {
        _snake(name): value for name, value in monitored.items() if not name.startswith("free")
    } == asked["run_monitoring"]
    assert chart["dagsterDaemon"]["runRetries"] == asked["run_retries"]
    assert chart["telemetry"] == asked["telemetry"]
    assert chart["additionalInstanceConfig"] == {"nux": asked["nux"]}
    purged = chart["retention"]["sensor"]["purgeAfterDays"]
    assert purged == asked["retention"]["sensor"]["purge_after_days"]
    assert chart["computeLogManager"]["config"]["customComputeLogManager"] == asked["compute_logs"]
    launcher = chart["runLauncher"]["config"]["customRunLauncher"]
    ours = IN_CLUSTER["run_launcher"]
    differs = {"postgres_password_secret", "job_namespace"}
    assert {k: v for k, v in launcher["config"].items() if k not in differs} == {
        k: v for k, v in ours["config"].items() if k not in differs
    }
    assert chart["dagsterHome"] == ours["config"]["dagster_home"]


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def test_webserver_and_daemon_find_the_code_at_an_address() -> None:
    assert variables(WORKSPACE) == {"DAGSTER_CODE_HOST", "DAGSTER_CODE_PORT"}
    (found,) = WORKSPACE["load_from"]
    assert found["grpc_server"]["location_name"] == "sparkify_dagster"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_stands_in_a_file(path: Path) -> None:
    named = re.findall(
        r"^[^#\n]*?(\w*(?:PASSWORD|WEBHOOK|SECRET_ACCESS_KEY|TOKEN)\w*)\s*[=:]\s*(\S.*)$",
        path.read_text(),
        re.MULTILINE,
    )
    assert not named


def test_each_variable_that_a_file_names_is_documented_and_each_setting_exists() -> None:
    text = "\n".join(path.read_text() for path in FILES)
    named = set(re.findall(r"\b(?:DAGSTER|SPARKIFY|PG)[A-Z]*_?[A-Z_]+\b", text))
    settings = {info.env for info in catalogue().values()}
    unknown = {name for name in named if name.startswith("SPARKIFY_")} - settings
    assert not unknown
    ours = {name for name in named if name.startswith(("DAGSTER_", "PG"))}
    assert {name for name in ours if f"`{name}`" not in DOCUMENT} == set()


def test_each_variable_that_the_document_lists_is_one_that_a_file_takes() -> None:
    text = "\n".join(path.read_text() for path in FILES)
    listed = set(re.findall(r"^\| `([A-Z_]+)`", DOCUMENT, re.MULTILINE))
    assert listed >= variables(INSTANCE) | variables(WORKSPACE) | image_environment().keys() - {
        "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONUTF8",
    }  # fmt: skip
    assert {name for name in listed if name not in text} == set()


def test_where_something_stands_is_the_same_in_every_file() -> None:
    image = image_environment()
    exposed = next(words for name, words in containerfile() if name == "EXPOSE")
    assert exposed.split() == [image["DAGSTER_WEB_PORT"], image["DAGSTER_CODE_PORT"]]
    launcher = IN_CLUSTER["run_launcher"]["config"]
    assert launcher["dagster_home"] == image["DAGSTER_HOME"]
    hardened = (DEPLOY / "systemd" / "sparkify-.service.d" / "10-hardened.conf").read_text()
    assert f"Environment=DAGSTER_HOME={image['DAGSTER_HOME']}\n" in hardened
    for name in ("start", "home", "venv"):
        assert f"/opt/sparkify/{name}" in (DEPLOY / "image" / "Containerfile").read_text()


def test_why_a_storage_cannot_be_opened_is_said_without_what_could_hold_a_password() -> None:
    from sqlalchemy.exc import ArgumentError, OperationalError

    refused = OperationalError("SELECT 1", {}, Exception("connection refused\nIs it running?"))
    wrapped = RuntimeError("too many retries")
    wrapped.__cause__ = refused
    assert refusal(wrapped) == "connection refused"
    assert refusal(ArgumentError("Could not parse 'postgresql://u:geheim@h'")) == "ArgumentError"
    assert refusal(ModuleNotFoundError("No module named 'psycopg'")) == "No module named 'psycopg'"
    assert refusal(KeyError("x")) is None
