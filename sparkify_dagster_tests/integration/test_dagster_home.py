"""Where Dagster's history is kept: made by two at once, named and not there, empty, elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml

from sparkify_dagster.defs.instance import open_instance
from sparkify_dagster.defs.liveness.heartbeat import running_folder
from sparkify_dagster_tests.integration.cli_process import Said, lake, runs, sparkify

pytestmark = pytest.mark.integration
PAIRS = 6


@pytest.mark.drill
def test_two_first_loads_at_once_in_a_new_folder_both_end_well(tmp_path: Path) -> None:
    for number in range(PAIRS):
        folder = tmp_path / str(number)
        lake(folder)
        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(lambda _, folder=folder: sparkify(folder, "etl"), range(2)))
        assert [one.code for one in said] == [0, 0], said
        assert runs(folder) >= 1


def test_a_home_that_is_half_made_by_somebody_else_is_waited_for(tmp_path: Path) -> None:
    # As `dagster dev` makes it at the same time, which knows nothing of our lock.
    make = "import dagster as dg; dg.DagsterInstance.get().dispose()"
    environ = os.environ | {"DAGSTER_HOME": str(tmp_path)}
    for number in range(3):
        home = tmp_path / str(number)
        home.mkdir()
        environ = os.environ | {"DAGSTER_HOME": str(home)}
        other = subprocess.Popen([sys.executable, "-c", make], env=environ, stderr=subprocess.PIPE)
        while other.poll() is None and not (home / "history").exists():
            pass
        with open_instance(home) as instance:
            assert instance.get_runs() == []
        other.communicate()


@pytest.mark.parametrize("name", ["nowhere", "a file", "."])
def test_a_home_that_is_no_folder_is_told_in_one_message(tmp_path: Path, name: str) -> None:
    lake(tmp_path)
    (tmp_path / "a file").touch()
    named = name if name == "." else str(tmp_path / name)
    told = f"DAGSTER_HOME {'is' if name == '.' else 'names'} {named}"
    for command in ("etl", "doctor"):
        said = sparkify(tmp_path, command, DAGSTER_HOME=named)
        assert told in said.flat
        assert said.code == (2 if command == "etl" else 1)
    assert not (tmp_path / "nowhere").exists()


def test_in_a_home_that_is_empty_nothing_is_sent_anywhere_and_one_run_has_its_turn(
    tmp_path: Path,
) -> None:
    lake(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    assert sparkify(tmp_path, "etl", DAGSTER_HOME=str(home)).code == 0
    assert not (tmp_path / ".dagster").exists()
    with dg.DagsterInstance.from_config(str(home)) as instance:  # As `dagster dev` opens it.
        assert instance.get_runs_count() == 1
        assert not instance.telemetry_enabled
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 1


def test_the_configuration_of_a_home_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("nux: {enabled: false}\n")
    with open_instance(tmp_path):
        pass
    assert (tmp_path / "dagster.yaml").read_text() == "nux: {enabled: false}\n"


def test_doctor_says_where_the_history_is_when_it_is_not_in_files(tmp_path: Path) -> None:
    lake(tmp_path)
    elsewhere = {"run_storage": {"module": "dagster._core.storage.runs", "class": "InMemory"}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(elsewhere))
    line = _history(sparkify(tmp_path, "doctor", "--json"))
    assert line["state"] == "failed"
    assert "cannot be opened" in line["found"]
    (tmp_path / "dagster.yaml").write_text("storage: {sqlite: {base_dir: kept}}\n")
    assert _history(sparkify(tmp_path, "doctor", "--json"))["found"].endswith("kept in kept")


def _history(said: Said) -> dict[str, str]:
    return next(line for line in said.json if line["check"] == "history")


# --------------------------------------------------------------------------------------------------
# A run of the command line that was killed
# --------------------------------------------------------------------------------------------------


@pytest.fixture
def after_a_kill(tmp_path: Path) -> Path:
    """A folder in which a load was killed, and then another loaded."""
    lake(tmp_path)
    assert sparkify(tmp_path, "etl").code == 0
    with open_instance(folder=tmp_path) as instance:
        (done,) = instance.get_runs()
        code = (
            "import os, signal, sys; from pathlib import Path\n"
            "from sparkify_dagster.defs.liveness.locks import holding\n"
            "with holding(Path(sys.argv[1]), sys.argv[2]): os.kill(os.getpid(), signal.SIGKILL)"
        )
        run = instance.create_run_for_job(_load, status=dg.DagsterRunStatus.STARTED)
        command = [sys.executable, "-c", code, str(running_folder(instance)), run.run_id]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert done.run_id != run.run_id
    return tmp_path


@dg.job(name="load")
def _load() -> None:
    """Stands for ours."""


def test_status_and_doctor_say_that_a_run_only_seems_to_be_at_work(after_a_kill: Path) -> None:
    (told,) = sparkify(after_a_kill, "status", "--json").json["lost_runs"]
    for command in ("status", "doctor"):
        said = sparkify(after_a_kill, command).out
        assert " ".join(told.split()[:3]) in said
        assert "its process is gone" in said
        assert "The daemon ends its record" in said


def test_a_command_that_loads_ends_it_even_if_there_is_nothing_to_load(after_a_kill: Path) -> None:
    said = sparkify(after_a_kill, "etl", "--dry-run")
    assert "was ended" not in said.err
    said = sparkify(after_a_kill, "etl")
    assert "was ended: its process is gone" in said.err
    assert said.out.startswith("Nothing changed")
    assert sparkify(after_a_kill, "status", "--json").json["lost_runs"] == []
    with open_instance(folder=after_a_kill) as instance:
        statuses = {run.status.value for run in instance.get_runs()}
        assert statuses == {"SUCCESS", "FAILURE"}
    assert "was ended" not in sparkify(after_a_kill, "etl").err
