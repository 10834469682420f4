"""The command line where nobody tried it: odd folders, narrow terminals, bare machines.

Every command is a process of its own, begun as a shell begins it.
"""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.cli_process import COMMAND, lake, on_terminal, sparkify
from sparkify_dagster_tests.integration.dagster_dev import environment

pytestmark = pytest.mark.integration
BARE = {
    "LC_ALL": "C",
    "TZ": "Asia/Kolkata",
    "TERM": "dumb",
    "COLUMNS": "40",
    "HOME": "/dev/null/no-home",
    "SPARKIFY_REPORT__ENABLED": "yes",
    # A locale that knows no UTF-8: what Python does about C's is switched off.
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}
NO_REPORT = {"SPARKIFY_REPORT__ENABLED": ""}  # Else the tests say no.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name has to be quoted, and is not of ASCII."""
    made = tmp_path / "Mary's ä folder"
    made.mkdir()
    return made


@pytest.mark.drill
def test_what_the_demo_prints_to_be_copied_runs_whatever_the_width(folder: Path) -> None:
    lake(folder)  # A small one instead of the demo's.
    said = {columns: _next_steps(folder, columns) for columns in (60, 80, 200)}
    assert said[60] == said[80] == said[200]
    *ended, ui = sorted(said[60], key=lambda command: "DAGSTER_HOME" in command)
    assert [re.sub(r".*-m sparkify_dagster (\w+).*", r"\1", each) for each in ended] == [
        "query", "rejects", "status",
    ]  # fmt: skip
    # The UI does not end by itself.
    for command in (*ended, f"{ui} --help"):
        _typed(folder, command)


def _next_steps(folder: Path, columns: int) -> list[str]:
    """The lines after those that say what stands in the next one."""
    code, told = on_terminal(folder, "demo", columns=columns)
    assert code == 0, told
    lines = (
        re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", told).partition("Where to go next")[2].splitlines()
    )
    return [each for before, each in pairwise(lines) if before.endswith(":")]


def _typed(folder: Path, command: str) -> None:
    ended = subprocess.run(
        ["bash", "-c", command],
        cwd=folder, env=environment({}), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 0, f"{command}\n{ended.stderr}"


@pytest.mark.drill
def test_everything_works_on_a_bare_machine(folder: Path) -> None:
    lake(folder)
    for words, told in (
        (["etl"], "Loaded."),
        (["status"], "Up to date: the warehouse holds what the lake holds."),
        (["report"], "Wrote data/report.html ("),
        (["query", "SELECT 'ä夜' AS x, MAX(start_time) AS y FROM songplay"], "ä夜"),
        (["doctor"], "All is well."),
    ):
        ended = subprocess.run(
            [*COMMAND, *words],
            cwd=folder, env=environment(BARE), umask=0o077, stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=100,
        )  # fmt: skip
        assert ended.returncode == 0, f"{words}\n{ended.stderr.decode()}"
        assert told in ended.stdout.decode(), words
    assert {path.name for path in folder.iterdir()} == {".dagster", "data"}
    readable = [path for path in folder.rglob("*.d*b") if path.stat().st_mode & 0o077]
    assert not readable, "what the umask keeps from others is kept from them"


def test_doctor_says_where_the_settings_come_from(folder: Path) -> None:
    def settings_line(**variables: str) -> str:
        lines = sparkify(folder, "doctor", "--json", **NO_REPORT | variables).json
        return next(line["found"] for line in lines if line["check"] == "settings")

    assert settings_line() == "all defaults"
    given = {"SPARKIFY_CLUSTER__DB_PASSWORD": "hunter2", "SPARKIFY_DAYS__LAST": ""}
    assert settings_line(**given) == (
        "from the environment: SPARKIFY_CLUSTER__DB_PASSWORD; else defaults"
    )
    (folder / "dwh.cfg").write_text("[DAYS]\nFIRST=2018-11-01\n")
    assert settings_line(SPARKIFY_DAYS__LAST="2018-11-30") == (
        "dwh.cfg; from the environment: SPARKIFY_DAYS__LAST; else defaults"
    )
