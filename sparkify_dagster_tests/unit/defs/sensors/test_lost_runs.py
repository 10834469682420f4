"""What is lost is ended and says why; what is alive, waits its turn or is not ours is left alone.

The instance, its files and the code servers' sockets are real; the runs are records only. Processes
that are killed stand in `integration/test_lost_runs`.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RemoteInstigatorOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
)
from dagster._core.storage.tags import GRPC_INFO_TAG

from sparkify_dagster.defs import instance as launch
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.defs.liveness import heartbeat
from sparkify_dagster.defs.liveness.heartbeat import BEAT_TAG, running_folder, shown_at_work
from sparkify_dagster.defs.liveness.locks import lock_of
from sparkify_dagster.defs.liveness.verdict import NO_SIGN, SILENT, UNKNOWN_TO_SERVER
from sparkify_dagster.defs.resources import WarehouseResource
from sparkify_dagster.defs.sensors.lost_runs import (
    LOST_TAG,
    Silence,
    end_lost,
    is_lost,
    lost_runs_sensor,
    wake_sensors,
)
from sparkify_dagster.settings import DuckDBSettings, Settings, load_settings
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, song
from sparkify_dagster_tests.unit.defs.liveness.test_locks import process_with

STATUS = dg.DagsterRunStatus


@dg.job(name=LOAD_JOB)
def load() -> None:
    """Stands for ours: only its name matters."""


@dg.job
def foreign() -> None:
    """Somebody else's."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def begun(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus = STATUS.STARTED,
    job: dg.JobDefinition = load,
    **server: str,
) -> str:
    """A run of which the records say that it is in that state."""
    tags = {GRPC_INFO_TAG: json.dumps({"host": "localhost", **server})} if server else {}
    origin = launch._origin() if status is STATUS.QUEUED else None
    run = instance.create_run_for_job(job, status=status, tags=tags, remote_job_origin=origin)
    return run.run_id


def killed(instance: dg.DagsterInstance, run_id: str) -> None:
    """A process that worked on a run, and was killed."""
    with process_with(running_folder(instance), run_id) as process:
        process.kill()


def looks_until_lost(instance: dg.DagsterInstance, most: int) -> int | None:
    """How many looks it takes to end something; None: more."""
    seen: dict[str, Silence] = {}
    for number in range(most + 1):
        ended, seen = end_lost(instance, seen)
        if ended:
            return number
    return None


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run_id)
    assert found is not None
    return found.status


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (STATUS.STARTED, STATUS.FAILURE),
        (STATUS.STARTING, STATUS.FAILURE),
        (STATUS.NOT_STARTED, STATUS.FAILURE),
        (STATUS.CANCELING, STATUS.CANCELED),
    ],
)
def test_a_run_whose_process_was_killed_is_ended_at_the_first_look_and_says_why(
    instance: dg.DagsterInstance, before: dg.DagsterRunStatus, after: dg.DagsterRunStatus
) -> None:
    run_id = begun(instance, before)
    killed(instance, run_id)
    (lost,), _ = end_lost(instance)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert (run.status, is_lost(instance, run)) == (after, True)
    assert "its process is gone: it was killed, or the machine went down" in lost.told
    assert lost.told in [log.message for log in instance.all_logs(run_id)]
    assert list(running_folder(instance).iterdir()) == []
    assert end_lost(instance) == ([], {})


def test_a_run_at_work_or_waiting_its_turn_is_left_alone_for_ever(
    instance: dg.DagsterInstance,
) -> None:
    at_work, queued = begun(instance), begun(instance, STATUS.QUEUED)
    with shown_at_work(instance, at_work):
        assert looks_until_lost(instance, NO_SIGN + 1) is None
    assert (status(instance, at_work), status(instance, queued)) == (STATUS.STARTED, STATUS.QUEUED)


def test_a_run_whose_code_server_is_gone_is_ended(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    path = str(tmp_path / "server")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)  # Nobody listens any more, and the file stays, as after `kill -9`.
    begun(instance, STATUS.STARTING, socket=path)
    assert looks_until_lost(instance, 1) == 0


def test_a_run_that_was_never_launched_names_no_server_to_be_asked(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "server"))
        server.listen()
        server.setblocking(False)
        begun(instance, STATUS.NOT_STARTED, socket=str(tmp_path / "server"))
        assert looks_until_lost(instance, NO_SIGN) == NO_SIGN
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_run_that_no_code_server_was_asked_to_start_is_ended(
    instance: dg.DagsterInstance,
) -> None:
    begun(instance, STATUS.STARTING)
    assert looks_until_lost(instance, 1) == 0


def test_a_code_server_that_cannot_be_found_is_looked_for_some_times(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    begun(instance, STATUS.STARTING, socket=str(tmp_path / "none"))
    assert looks_until_lost(instance, NO_SIGN) == UNKNOWN_TO_SERVER


@pytest.mark.parametrize("said", ["[]", "5", '{"socket": 5}', '["ab"]', "[" * 100_000, "{"])
def test_a_run_whose_launch_said_nonsense_of_its_server_hides_no_run_that_is_lost(
    instance: dg.DagsterInstance, said: str
) -> None:
    run = instance.create_run_for_job(load, status=STATUS.STARTING, tags={GRPC_INFO_TAG: said})
    gone = begun(instance)
    killed(instance, gone)
    ended, seen = end_lost(instance)
    assert [lost.run.run_id for lost in ended] == [gone]
    assert list(seen) == [run.run_id]


def test_a_run_that_is_heard_of_is_not_lost_until_it_falls_silent(
    instance: dg.DagsterInstance,
) -> None:
    run_id, seen = begun(instance), dict[str, Silence]()
    for number in range(2 * SILENT):
        instance.add_run_tags(run_id, {BEAT_TAG: f"{run_id}#{number}"})
        assert end_lost(instance, seen)[0] == []
        ended, seen = end_lost(instance, seen)
        assert ended == []
    assert looks_until_lost(instance, NO_SIGN) == SILENT


def test_a_run_of_which_nothing_is_known_is_ended_after_long_silence_only(
    instance: dg.DagsterInstance,
) -> None:
    run_id = begun(instance)
    # As who launches a run again copies its tags: this is not of its own heart.
    instance.add_run_tags(run_id, {BEAT_TAG: "another#7", LOST_TAG: "another"})
    assert looks_until_lost(instance, NO_SIGN) == NO_SIGN


def test_runs_of_others_are_theirs(instance: dg.DagsterInstance) -> None:
    run_id = begun(instance, job=foreign)
    assert looks_until_lost(instance, NO_SIGN + 1) is None
    assert status(instance, run_id) is STATUS.STARTED


def test_what_a_run_left_that_ended_otherwise_is_removed(instance: dg.DagsterInstance) -> None:
    run_id = begun(instance, STATUS.FAILURE)
    killed(instance, run_id)
    assert end_lost(instance)[0] == []
    assert list(running_folder(instance).iterdir()) == []


@dataclass(frozen=True)
class Looking(WarehouseResource):
    """A warehouse that is opened by a load; looks how its run stands by then."""

    running: Path

    def open(self, run_id: str = "", lock_wait: float | None = None) -> Warehouse:
        assert lock_of(self.running / run_id) == "held"
        return super().open(run_id, lock_wait)


def test_a_load_holds_its_file_from_its_beginning_to_its_end(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    lake = TinyLake(tmp_path / "lake")
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-01"), event())
    folder = running_folder(instance)
    parts = {
        "lake": lake.resource(),
        "warehouse": Looking(Settings(duckdb=DuckDBSettings(path=tmp_path / "w.duckdb")), folder),
    }
    environ = {"SPARKIFY_REPORT__ENABLED": "no"}
    found = load_settings(environ=environ, cwd=tmp_path)
    definitions = build_definitions(found, parts, with_lineage=False)
    run = definitions.resolve_job_def(LOAD_JOB).execute_in_process(instance=instance)
    assert run.success
    assert list(folder.iterdir()) == []


def test_where_the_history_is_not_in_files_a_run_tells_that_it_lives(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "SqliteEventLogStorage", type(None))  # It is somewhere else.
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.02)
    run_id, beats = begun(instance), set[str]()
    with shown_at_work(instance, run_id):
        while len(beats) < 3:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            beats |= {run.tags[BEAT_TAG]} if BEAT_TAG in run.tags else set()
    assert all(beat.startswith(f"{run_id}#") for beat in beats)
    assert looks_until_lost(instance, NO_SIGN) == SILENT


NOTHING = [None, "", "[]", "17", '{"a": 1}', '{"a": ["x", "y"]}', "{"]


@pytest.mark.parametrize("cursor", [*NOTHING, '{"a": ["x", 1e999]}', "[" * 100_000])
def test_the_sensor_begins_anew_with_a_cursor_that_says_nothing(
    instance: dg.DagsterInstance, cursor: str | None
) -> None:
    run_id = begun(instance)
    sensor = lost_runs_sensor()
    for silent in range(3):
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            told = sensor.evaluate_tick(context)
        cursor = told.cursor
        assert json.loads(cursor or "")[run_id][1] == silent
    killed(instance, run_id)
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        assert run_id[:8] in (sensor.evaluate_tick(context).skip_message or "")
    assert status(instance, run_id) is STATUS.FAILURE


@pytest.mark.parametrize(("ahead", "woken"), [(-3600, False), (5, False), (86_400, True)])
def test_a_sensor_that_looked_last_ahead_of_the_clock_looks_again(
    instance: dg.DagsterInstance, ahead: float, woken: bool
) -> None:
    last = time.time() + ahead
    origin = RemoteInstigatorOrigin(launch._origin().repository_origin, "lake_sensor")
    data = SensorInstigatorData(last_tick_timestamp=last, cursor="kept")
    kind, running = InstigatorType.SENSOR, InstigatorStatus.RUNNING
    instance.add_instigator_state(InstigatorState(origin, kind, running, data))
    said = wake_sensors(instance)
    assert [text.split(":")[0] for text in said] == ["Sensor lake_sensor looks again"] * woken
    (state,) = instance.all_instigator_state()
    assert isinstance(state.instigator_data, SensorInstigatorData)
    assert state.instigator_data.last_tick_timestamp == (None if woken else last)
    assert state.instigator_data.cursor == "kept"
    assert wake_sensors(instance) == []
