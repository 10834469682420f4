"""Running the `load` job from a process of our own, into the history that `dagster dev` shows.

What belongs here: the Dagster instance, one run, its outcome in plain words. Deciding whether a run
is needed is `warehouse.pending`'s, showing the outcome the command line's. Importing this module
imports Dagster, which takes seconds: import it only when something is to be run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run
from dagster._core.instance import InstanceRef
from dagster._core.instance.config import is_dagster_home_set
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from sparkify_dagster.assets.load import LOAD_OP, LoadConfig, What
from sparkify_dagster.assets.metadata import PLOT, PREVIEW
from sparkify_dagster.build import build_definitions
from sparkify_dagster.history import held_open
from sparkify_dagster.jobs import LOAD_JOB
from sparkify_dagster.local_files import made_for
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.settings import Settings

MODULE = "sparkify_dagster.definitions"
LOCATION = "sparkify_dagster"
BY_TAG = "sparkify/by"
"""On runs of ours, which Dagster shows as launched by hand."""
_REPOSITORY = "__repository__"
_HOME = ".dagster"
_INTERRUPTED = "DagsterExecutionInterruptedError"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What an asset check found in a run.

    Attributes:
        severity: `ERROR` or `WARN`.
        metadata: The numbers compared, and a sample of offending keys where there are any.
    """

    table: str
    name: str
    passed: bool
    severity: str
    description: str
    metadata: dict[str, object]


@dataclass(slots=True)
class LoadResult:
    """What a run did.

    Attributes:
        failure: Why it failed, in words for a person; None when it succeeded.
        interrupted: A person stopped it.
        materialized: Metadata of each unpartitioned table that was published, by name.
        days: The log days that were published, with their metadata.
        failed_days: The log days that were tried and not published.
    """

    run_id: str
    success: bool
    failure: str | None = None
    interrupted: bool = False
    materialized: dict[str, dict[str, object]] = field(default_factory=dict)
    days: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    failed_days: list[str] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)


def run_load(
    settings: Settings, what: What = "changes", first_day: str = "", last_day: str = ""
) -> LoadResult:
    """Runs the `load` job to its end in this process.

    Args:
        what: `changes` or `everything`, see `LoadConfig`.
        first_day: Load only log days from this one on, `YYYY-MM-DD`.
        last_day: Likewise the last one.
    """
    # Nobody looks at these definitions; to follow every column takes a quarter of a second.
    definitions = build_definitions(settings, with_lineage=False)
    config = LoadConfig(what=what, first_day=first_day, last_day=last_day)
    with open_instance() as instance:
        return _run(instance, definitions.resolve_job_def(LOAD_JOB), config)


@contextmanager
def open_instance(folder: Path | None = None) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance that `dagster dev` in the same folder uses.

    `DAGSTER_HOME` if it is set; else the `dagster.yaml` of the folder; else `.dagster` in it, with
    a configuration of our own, so that `DAGSTER_HOME=$PWD/.dagster dagster dev` shows its history.

    Args:
        folder: Instead of the current one.
    """
    if is_dagster_home_set():
        with dg.DagsterInstance.get() as found:
            reference = found.get_ref()
    else:
        reference = _reference(folder or Path.cwd())
    with dg.DagsterInstance.from_ref(held_open(reference)) as instance:
        yield instance


def _reference(root: Path) -> InstanceRef:
    """The instance of a folder; it gets a configuration of ours where it has none."""
    home = root / _HOME
    with made_for():  # What Dagster makes in it is then behind a closed door.
        home.mkdir(exist_ok=True)
    configured = (root / "dagster.yaml").exists()
    if not configured and not (home / "dagster.yaml").exists():
        default = files("sparkify_dagster").joinpath("dagster_home.yaml").read_text("utf-8")
        (home / "dagster.yaml").write_text(default, encoding="utf-8")
    return InstanceRef.from_dir(str(home), config_dir=str(root if configured else home))


def _run(instance: dg.DagsterInstance, job: dg.JobDefinition, config: LoadConfig) -> LoadResult:
    run_config = {
        "ops": {LOAD_OP: {"config": config.model_dump()}},
        # The command line says itself what happened; the event log has it all.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    repository = ReconstructableRepository.for_module(MODULE, "defs")
    run = instance.create_run_for_job(
        job,
        run_config=run_config,
        tags={BY_TAG: "command line"},
        # With these two the run stands on the job's page of the UI and can be run again there.
        remote_job_origin=_origin(),
        job_code_origin=repository.get_reconstructable_job(LOAD_JOB).get_python_origin(),
    )
    result = execute_run(InMemoryJob(job), run, instance, raise_on_error=False)
    outcome = LoadResult(run.run_id, result.success)
    for event in result.all_events:
        _take(event, outcome)
    return outcome


def _origin() -> RemoteJobOrigin:
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, _REPOSITORY), LOAD_JOB)


def _take(event: dg.DagsterEvent, outcome: LoadResult) -> None:
    """Adds what an event says to the outcome."""
    if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
        data = event.step_materialization_data.materialization
        name = data.asset_key.to_user_string()
        if name == STAGING_EVENTS.name and data.partition:
            outcome.days.append((data.partition, _plain(data.metadata)))
        else:
            outcome.materialized[name] = _plain(data.metadata)
    elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        found = event.asset_check_evaluation_data
        outcome.checks.append(
            CheckOutcome(
                found.asset_key.to_user_string(),
                found.check_name,
                found.passed,
                found.severity.value,
                found.description or "",
                _plain(found.metadata),
            )
        )
    elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
        _take_failure(event, outcome)


def _take_failure(event: dg.DagsterEvent, outcome: LoadResult) -> None:
    data = event.step_failure_data
    told = data.user_failure_data
    if told is not None:
        outcome.failure = told.description
        days = told.metadata.get("failed_days")
        if isinstance(days, dg.JsonMetadataValue) and isinstance(days.data, list):
            outcome.failed_days = [str(day) for day in days.data]
    elif data.error is not None:
        outcome.failure = _innermost(data.error)
        outcome.interrupted = data.error.cls_name == _INTERRUPTED


def _innermost(error: Any) -> str:
    while error.cause is not None:
        error = error.cause
    return str(error.message).strip()


def _plain(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, object]:
    """Metadata as plain values, without what is only to be looked at in the UI."""
    return {
        name: [dict(record.data) for record in value.records]
        if isinstance(value, dg.TableMetadataValue)
        else value.value
        for name, value in metadata.items()
        if name not in (PREVIEW, PLOT)
    }
