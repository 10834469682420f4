"""What can be said when a run is launched: what to load, and nothing of the settings.

The UI takes a launch from whoever reaches it, a page in somebody's browser included.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.settings import Settings, load_settings
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, song

ROOT = Path(__file__).resolve().parents[3]
WHAT_TO_LOAD = {f"ops.load_tables.config.{name}" for name in ("what", "first_day", "last_day")}
HOW_TO_LOG = {"loggers.console.config.log_level"}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
PASSWORD = "Not-To-Be-Seen-1"
WEBHOOK = "https://alerts.example.com/secret-path"
ON_REDSHIFT = {
    "SPARKIFY_CLUSTER__HOST": "dwh.example.com",
    "SPARKIFY_CLUSTER__DB_USER": "loader",
    "SPARKIFY_CLUSTER__DB_PASSWORD": PASSWORD,
    "SPARKIFY_IAM_ROLE__ARN": "arn:aws:iam::123456789012:role/copy",
    "SPARKIFY_S3__SONG_DATA": "s3://lake/song_data",
    "SPARKIFY_S3__LOG_DATA": "s3://lake/log_data",
    "SPARKIFY_S3__LOG_JSONPATH": "s3://lake/log_json_path.json",
    "SPARKIFY_ALERTS__WEBHOOK": WEBHOOK,
}


@pytest.fixture(params=["duckdb", "redshift"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    environ = ON_REDSHIFT if request.param == "redshift" else {}
    return load_settings(environ=environ, cwd=tmp_path)


def sayable(field: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every place of a run's configuration that takes a value, by its names with dots between."""
    kind = getattr(field, "config_type", field)
    fields = getattr(kind, "fields", None)
    if fields is not None:
        for name, below in fields.items():
            yield from sayable(below, (*path, name))
    elif kind.given_name or not hasattr(kind, "inner_type"):
        yield ".".join(path) + ("" if kind.given_name in ("String", "What") else f" ({kind.key})")
    else:
        yield from sayable(kind.inner_type, path)


def test_a_launch_can_say_what_to_load_and_nothing_of_the_settings(settings: Settings) -> None:
    repository = build_definitions(settings, with_lineage=False).get_repository_def()
    jobs = repository.get_all_jobs()
    assert "__ASSET_JOB" in {job.name for job in jobs}
    for job in jobs:
        found = set(sayable(job.run_config_schema.run_config_schema_type))
        assert found == WHAT_TO_LOAD | HOW_TO_LOG, job.name


@pytest.mark.parametrize(
    "said",
    [
        {"resources": {"warehouse": {"config": {"path": "FOLDER/other.duckdb"}}}},
        {"resources": {"warehouse": {"config": {"host": "evil.example.com"}}}},
        {"resources": {"warehouse": {"config": {"sslmode": "disable"}}}},
        {"resources": {"lake": {"config": {"log_data": "FOLDER"}}}},
        {"resources": {"page": {"config": {"path": "FOLDER/victim"}}}},
        {"resources": {"bounds": {"config": {"reject_limit": 1.0}}}},
        {"resources": {"io_manager": {"config": {"base_dir": "FOLDER"}}}},
        {"execution": {"config": {"retries": {"disabled": {}}}}},
        {"execution": {"config": {"marker_to_close": "FOLDER/victim"}}},
        {"ops": {"load_tables": {"config": {"first_day": {"env": "SECRET_OF_THE_LOADER"}}}}},
        {"ops": {"load_tables": {"config": {"what": "everything", "schema": "other"}}}},
        # Dagster prints it before each line, on the terminal of `make dev`.
        {"loggers": {"console": {"config": {"name": "\x1b]0;owned\x07"}}}},
    ],
    ids=str,
)
def test_whatever_else_a_launch_says_is_refused_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_LOADER", PASSWORD)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    config = placed(said, str(tmp_path))
    definitions = build_definitions(load_settings(environ={}, cwd=tmp_path), with_lineage=False)
    with dg.DagsterInstance.ephemeral() as instance:
        for job in definitions.get_repository_def().get_all_jobs():
            with pytest.raises(dg.DagsterInvalidConfigError) as refused:
                instance.create_run_for_job(job, run_config=config)
            assert PASSWORD not in str(refused.value)
        assert instance.get_runs() == []
    assert (victim.read_text(), list(tmp_path.iterdir())) == ("mine", [victim])


def placed(said: Any, folder: str) -> Any:
    """The same with the folder's name in it."""
    if isinstance(said, dict):
        return {key: placed(value, folder) for key, value in said.items()}
    return said.replace("FOLDER", folder) if isinstance(said, str) else said


def test_the_ui_shows_the_settings_of_each_resource_and_no_secret(settings: Settings) -> None:
    repository = build_definitions(settings, with_lineage=False).get_repository_def()
    snap = RepositorySnap.from_def(repository)
    shown = {
        resource.name: {
            field.name: field.default_value_as_json_str for field in resource.config_field_snaps
        }
        for resource in snap.resources
    }
    assert shown["page"]["path"] == f'"{settings.report.path}"'
    assert shown["lake"]["log_data"] == f'"{settings.s3.log_data}"'
    assert shown["bounds"]["reject_limit"] == '"0.1"'
    if settings.engine == "redshift":
        assert shown["warehouse"]["host"] == '"dwh.example.com"'
        assert shown["warehouse"]["sslmode"] == '"verify-full"'
    else:
        assert shown["warehouse"]["path"] == f'"{settings.duckdb.path}"'
    everything = serialize_value(snap) + repr(repository.get_all_jobs())
    assert "reject_limit" in everything
    for secret in (PASSWORD, WEBHOOK):
        assert secret not in everything


def test_make_dev_listens_on_this_machine_alone() -> None:
    rule = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ndev:")[2]
    assert "dagster dev --host 127.0.0.1 " in rule.partition("\n\n")[0]


def test_a_day_that_is_none_is_told_and_nothing_is_loaded(tmp_path: Path) -> None:
    lake = TinyLake(tmp_path / "lake")
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-01"), event())
    definitions = build_definitions(
        load_settings(environ={}, cwd=tmp_path), {"lake": lake.resource()}, with_lineage=False
    )
    told = {"ops": {"load_tables": {"config": {"what": "changes", "first_day": "yesterday"}}}}
    done = definitions.resolve_job_def(LOAD_JOB).execute_in_process(
        run_config=told | QUIET, raise_on_error=False
    )
    (failed,) = [e for e in done.all_events if e.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "first_day and last_day of the run: Invalid isoformat string: 'yesterday'" in str(
        failed.step_failure_data.user_failure_data.description
    )
