"""A command ends at once, with its code and all that it had to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sparkify_dagster

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


def ended(folder: Path, word: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", _COMMAND, word],
        cwd=folder,
        env={"PYTHONPATH": str(Path(sparkify_dagster.__file__).parents[1]), "HOME": str(folder)},
        capture_output=True,
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
