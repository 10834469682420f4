"""The file of a run is locked as long as its process lives, and by nothing else."""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sparkify_dagster.defs import instance as launch
from sparkify_dagster.defs.liveness.locks import holding, lock_of, runs_with

_HOLD = """
import sys, time
from pathlib import Path
from sparkify_dagster.defs.liveness.locks import holding
with holding(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not yet" / "running"


def process_with(folder: Path, run_id: str = "run") -> subprocess.Popen[bytes]:
    """A process that holds a run until it is killed, or its stdin ends."""
    command = [sys.executable, "-c", _HOLD, str(folder), run_id]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    with process:
        process.kill()


def test_a_run_is_held_as_long_as_its_process_lives_stopped_or_not(folder: Path) -> None:
    process = process_with(folder)
    assert lock_of(folder / "run") == "held"
    process.send_signal(signal.SIGSTOP)
    assert lock_of(folder / "run") == "held"
    _kill(process)
    assert lock_of(folder / "run") == "free"
    assert runs_with("free", folder) == ["run"]


def test_a_run_that_ends_as_it_should_leaves_nothing(folder: Path) -> None:
    process = process_with(folder)
    process.communicate(b"")
    assert list(folder.iterdir()) == []
    assert lock_of(folder / "run") == "none"


def test_a_run_that_fails_leaves_nothing(folder: Path) -> None:
    with pytest.raises(ValueError, match="boom"), holding(folder, "run"):
        raise ValueError("boom")
    assert list(folder.iterdir()) == []


def test_who_holds_a_run_already_holds_it_to_the_end_of_the_outer_block(folder: Path) -> None:
    with holding(folder, "run"):
        with holding(folder, "run"):
            assert lock_of(folder / "run") == "held"
        assert lock_of(folder / "run") == "held"
    assert lock_of(folder / "run") == "none"


def test_nobody_else_can_hold_the_file_of_a_run_or_the_turn_to_open_the_history(
    folder: Path,
) -> None:
    with holding(folder, "run"), launch._turn(folder / ".lock"):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {0o600}


def test_looks_do_not_disturb_each_other_or_the_run(folder: Path) -> None:
    process = process_with(folder)
    assert {lock_of(folder / "run") for _ in range(100)} == {"held"}
    _kill(process)
    descriptor = os.open(folder / "run", os.O_RDONLY)
    assert {lock_of(folder / "run") for _ in range(100)} == {"free"}
    os.close(descriptor)


def test_the_lock_of_another_machine_that_cannot_be_seen_says_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "another")
        with holding(folder, "run"):
            os.link(folder / "run", folder / "copy")  # Stays when the run ends.
    assert lock_of(folder / "copy") == "none"


def test_where_no_file_can_be_made_a_run_goes_on_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with holding(tmp_path / "file" / "running", "run"):
        assert lock_of(tmp_path / "file" / "running" / "run") == "none"
    assert runs_with("free", tmp_path / "file") == []


def test_a_second_process_of_the_same_run_waits_for_the_first(folder: Path) -> None:
    first = process_with(folder)
    command = [sys.executable, "-c", _HOLD, str(folder), "run"]
    second = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert second.stdout
    assert select.select([second.stdout], [], [], 1)[0] == []
    first.communicate(b"")
    assert second.stdout.readline() == b"held\n"
    assert lock_of(folder / "run") == "held"
    second.communicate(b"")
    assert list(folder.iterdir()) == []
