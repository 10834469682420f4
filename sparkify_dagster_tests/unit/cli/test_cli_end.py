"""A command ends at once, with its code and all that it had to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sparkify_dagster
from sparkify_dagster.cli.pipes import ignore_broken_pipe, is_left

_COMMAND = """
import sys
from sparkify_dagster import cli

class Thing:
    def __del__(self):
        print("taken apart")

thing = Thing()
if sys.argv[1] == "bug":
    import sparkify_dagster.cli.app as app
    app.app = lambda: 1 / 0
cli.main()
"""


def ended(
    folder: Path, *words: str, out: int = subprocess.PIPE, err: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", _COMMAND, *words],
        cwd=folder,
        env={"PYTHONPATH": str(Path(sparkify_dagster.__file__).parents[1]), "HOME": str(folder)},
        stdout=out,
        stderr=err,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("word", "code"), [("--version", 0), ("nonsense", 2)])
def test_a_command_ends_with_its_code_and_takes_nothing_apart(
    tmp_path: Path, word: str, code: int
) -> None:
    said = ended(tmp_path, word)
    assert said.returncode == code
    assert said.stdout + said.stderr
    assert "taken apart" not in said.stdout


def test_a_bug_shows_its_traceback_and_ends_as_python_does(tmp_path: Path) -> None:
    said = ended(tmp_path, "bug")
    assert said.returncode == 1
    assert "ZeroDivisionError" in said.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["status"], 0),
        (["status", "--json"], 0),
        (["lineage", "songplay.song_id"], 0),
        (["sql"], 0),
        (["doctor"], 1),
        (["rejects"], 1),
        (["nonsense"], 2),
    ],
)
def test_a_command_whose_reader_has_left_ends_quietly_with_its_own_code(
    tmp_path: Path, words: list[str], code: int
) -> None:
    nobody = unread()
    assert ended(tmp_path, *words, out=nobody, err=nobody).returncode == code
    said = ended(tmp_path, *words, out=nobody)
    os.close(nobody)
    assert said.returncode == code
    assert "Traceback" not in said.stderr
    assert "roken pipe" not in said.stderr


def test_a_watch_ends_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    nobody = unread()
    assert ended(tmp_path, "watch", out=nobody).returncode == 0
    os.close(nobody)


def test_a_stream_knows_that_its_reader_has_left() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        heard = ignore_broken_pipe(stream)
        print("é \udcff", file=heard)
        assert os.read(ours, 100) == "é ?\n".encode()
        assert not is_left(heard)
        os.close(ours)
        print("more", file=heard)
        assert is_left(heard)
    assert not is_left(sys.stderr)


def unread() -> int:
    """The end of a pipe that nobody reads."""
    ours, theirs = os.pipe()
    os.close(ours)
    return theirs
