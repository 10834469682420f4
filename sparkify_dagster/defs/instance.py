"""Running the `load` job from a process of our own, into the history that `dagster dev` shows.

What belongs here: the Dagster instance, one run, its outcome in plain words. Deciding whether a run
is needed is `pipeline.plan`'s, showing the outcome the command line's. Importing this module
imports Dagster, which takes seconds: import it only when something is to be run.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from importlib.resources import files
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from sparkify_dagster.core import progress
from sparkify_dagster.core.local_files import made_for
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.history import (
    gather,
    going_on_without,
    held_open,
    in_words,
    is_gone,
    refusal,
    told_together,
)
from sparkify_dagster.defs.home import Home, home_of
from sparkify_dagster.defs.internals import (
    InMemoryJob,
    InstanceRef,
    LoadableTargetOrigin,
    ManagedGrpcPythonEnvCodeLocationOrigin,
    ReconstructableRepository,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
    execute_run_iterator,
    make_new_run_id,
)
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.defs.liveness.heartbeat import shown_at_work
from sparkify_dagster.defs.load_op import LoadConfig
from sparkify_dagster.defs.metadata import PLOT, PREVIEW, failed_parts
from sparkify_dagster.defs.printed import shown_at_the_end
from sparkify_dagster.defs.resources import tags_of
from sparkify_dagster.defs.sensors.alert_policy import is_day
from sparkify_dagster.defs.sensors.lost_runs import end_lost, wake_sensors
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.plan import What
from sparkify_dagster.settings import Settings

MODULE = "sparkify_dagster.definitions"
LOCATION = "sparkify_dagster"
BY_TAG = "sparkify/by"
"""On runs of ours, which Dagster shows as launched by hand."""
_REPOSITORY = "__repository__"
_PAUSES = (0.3, 1, 2)
_INTERRUPTED = "DagsterExecutionInterruptedError"
_NOT_RECORDED = (
    "what was loaded is committed, but Dagster's history in {1} could not be written ({2}): the "
    "UI shows run {0} unfinished. Make room there; nothing has to be loaded again for it."
)


class HistoryError(Exception):
    """Dagster's history cannot be used, so nothing was loaded; says where and why."""


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
        lost: What is to be said of runs whose process was gone, and whose records were ended; and
            of sensors that look again.
        warnings: What went wrong beside the load: nothing of it was lost by that.
    """

    run_id: str
    success: bool
    failure: str | None = None
    interrupted: bool = False
    materialized: dict[str, dict[str, object]] = field(default_factory=dict)
    days: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    failed_days: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checks: list[CheckOutcome] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def run_load(
    settings: Settings,
    what: What = "changes",
    first_day: str = "",
    last_day: str = "",
    home: Path | None = None,
) -> LoadResult:
    """Runs the `load` job to its end in this process, after ending what is lost of others.

    Args:
        what: `changes` or `everything`, see `LoadConfig`.
        first_day: Load only log days from this one on, `YYYY-MM-DD`.
        last_day: Likewise the last one.
        home: What `DAGSTER_HOME` names, if it is set.

    Raises:
        HistoryError: Dagster's history cannot be written; nothing was loaded.
    """
    with closing(Loader(settings, home)) as loader:
        return loader.run(what, first_day, last_day)


class Loader:
    """Runs loads in this process, one after the other; what they share is made once.

    Args:
        home: What `DAGSTER_HOME` names, if it is set.
    """

    def __init__(self, settings: Settings, home: Path | None = None) -> None:
        # Nobody looks at these definitions; to follow every column takes a quarter of a second.
        definitions = build_definitions(settings, with_lineage=False)
        self._job = definitions.resolve_job_def(LOAD_JOB)
        self._tags = tags_of(settings)
        self._home = home
        self._opened = ExitStack()
        self._instance: dg.DagsterInstance | None = None

    def run(self, what: What = "changes", first_day: str = "", last_day: str = "") -> LoadResult:
        """Like `run_load`."""
        config = LoadConfig(what=what, first_day=first_day, last_day=last_day)
        instance = self._history()
        with _history_in_use():
            lost, _ = end_lost(instance)
            woken = wake_sensors(instance)
        run_id = make_new_run_id()
        with shown_at_work(instance, run_id):  # From before there is a record of it.
            result = _run(instance, self._job, config, run_id, self._tags)
        result.lost = [*(one.told for one in lost), *woken]
        return result

    def close(self) -> None:
        """Lets go of Dagster's history; the next run opens it again."""
        self._instance = None
        self._opened.close()

    def _history(self) -> dg.DagsterInstance:
        """The instance, opened anew where its files were removed meanwhile."""
        if self._instance is None or is_gone(self._instance):
            self.close()
            self._instance = self._opened.enter_context(open_instance(self._home))
        return self._instance


@contextmanager
def open_instance(
    home: Path | None = None, folder: Path | None = None
) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance that `dagster dev` in the same folder uses.

    `DAGSTER_HOME` if it is set; else the `dagster.yaml` of the folder; else `.dagster` in it. A
    folder that is to be Dagster's home and has no configuration gets ours, so that `dagster dev`
    with it is no other.

    Args:
        home: What `DAGSTER_HOME` names, if it is set.
        folder: Instead of the current one.

    Raises:
        HistoryError: It cannot be opened.
    """
    logging.root.addFilter(_is_no_retry)
    with _history_in_use():
        opened = _opened(home, folder or Path.cwd())
    with opened as instance:
        yield instance


def _is_no_retry(record: logging.LogRecord) -> bool:
    """Not dagster-postgres on each of its six tries: what the last one says is an error of ours."""
    return "Retrying failed database" not in record.getMessage()


@contextmanager
def _history_in_use() -> Iterator[None]:
    """Says plainly that Dagster's history cannot be used, before anything was loaded."""
    try:
        yield
    except Exception as error:  # Dagster's storage may be anybody's.
        if (why := refusal(error)) is None:
            raise
        raise HistoryError(
            f"Dagster's history cannot be written ({why}); nothing was loaded. It lies where the "
            "dagster.yaml says, in DAGSTER_HOME if that is set, else in .dagster of this folder: "
            "start the database, make room there, let this user write it, or set DAGSTER_HOME to "
            "another folder."
        ) from None


def _opened(home: Path | None, folder: Path) -> dg.DagsterInstance:
    """Opens an instance, and makes its files where they are not there yet, one process at a time.

    Dagster makes them without a lock, and what comes second fails: `table runs already exists`.
    """
    kept = home_of(home, folder)
    with made_for():  # What Dagster makes in it is then behind a closed door.
        kept.base.mkdir(parents=kept.configured == kept.base, exist_ok=True)
    with _turn(kept.base / ".lock"):
        for pause in _PAUSES:
            with suppress(OperationalError, IntegrityError):
                return held_open(dg.DagsterInstance.from_ref(_reference(kept)))
            time.sleep(pause)  # Somebody who knows nothing of our lock makes them: `dagster dev`.
        return held_open(dg.DagsterInstance.from_ref(_reference(kept)))


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Waits for a lock; goes on without it where there can be none, as in a folder to read only."""
    with ExitStack() as stack:
        with suppress(OSError):
            with made_for():  # Who may open it may hold it for ever.
                file = stack.enter_context(path.open("a"))
            flock(file, LOCK_EX)
        yield


def _reference(home: Home) -> InstanceRef:
    """The instance of a home; it gets a configuration of ours where it has none."""
    if not home.settings.exists():
        default = files("sparkify_dagster.defs").joinpath("dagster_home.yaml").read_bytes()
        written = home.base / ".dagster.yaml"
        written.write_bytes(default)
        written.replace(home.settings)
    return InstanceRef.from_dir(str(home.base), config_dir=str(home.configured))


def _run(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    config: LoadConfig,
    run_id: str,
    tags: Mapping[str, str],
) -> LoadResult:
    run_config = config.as_run_config() | {
        # The command line says itself what happened; the event log has it all.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    repository = ReconstructableRepository.for_module(MODULE, "defs")
    with _history_in_use(), told_together(instance):
        run = instance.create_run_for_job(
            job,
            run_id=run_id,
            run_config=run_config,
            tags={BY_TAG: "command line", **tags},
            # With these two the run stands on the job's page of the UI and can be run again there.
            remote_job_origin=_origin(),
            job_code_origin=repository.get_reconstructable_job(LOAD_JOB).get_python_origin(),
        )
    outcome, lost = LoadResult(run.run_id, success=False), list[str]()
    shown_at_the_end(instance)
    try:
        with (
            going_on_without(instance, lost),
            progress.warnings_into(outcome.warnings),
            told_together(instance),
        ):
            for event in execute_run_iterator(InMemoryJob(job), run, instance):
                _take(event, outcome)
                if event.is_step_success or event.is_step_failure:
                    gather(instance)
    except SQLAlchemyError as error:
        lost.append(in_words(error))
    if lost:
        told = _NOT_RECORDED.format(run.run_id[:8], instance.root_directory, lost[0])
        outcome.warnings.append(told)
    return outcome


def _origin() -> RemoteJobOrigin:
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, _REPOSITORY), LOAD_JOB)


def _take(event: dg.DagsterEvent, outcome: LoadResult) -> None:
    """Adds what an event says to the outcome."""
    if event.event_type is dg.DagsterEventType.RUN_SUCCESS:
        outcome.success = True
    elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
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
    elif event.event_type is dg.DagsterEventType.RUN_FAILURE and outcome.failure is None:
        error = event.job_failure_data.error
        outcome.failure = _innermost(error) if error else None


def _take_failure(event: dg.DagsterEvent, outcome: LoadResult) -> None:
    data = event.step_failure_data
    told = data.user_failure_data
    if told is not None:
        outcome.failure = told.description
        names = [part.name for part in failed_parts(told.metadata)]
        outcome.failed_days = [name for name in names if is_day(name)]
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
