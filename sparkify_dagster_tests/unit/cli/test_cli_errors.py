"""Expected errors are a message and a code; bugs keep their traceback."""

import errno
import subprocess
import sys

import click
import pytest
import typer

from sparkify_dagster.cli.console import err
from sparkify_dagster.cli.errors import explained, said_plainly
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.settings import SettingsError
from sparkify_dagster.warehouse.engine import WarehouseBusy


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SettingsError(["HOST: wrong"]), 2, "1 problem with the settings:\n1. HOST: wrong"),
        (LakeError("no such folder"), 1, "no such folder"),
        (WarehouseBusy("held"), 1, "held"),
        (OSError(errno.ENOSPC, "No space left on device", "x.json"), 1, "x.json: No space left"),
        (FileExistsError("x exists already"), 1, "x exists already"),
    ],
)
def test_expected_errors(error: Exception, code: int, message: str) -> None:
    told = explained(error)
    assert told is not None
    assert told[0] == code
    assert told[1].startswith(message)


@pytest.mark.parametrize("error", [KeyError("x"), BrokenPipeError(errno.EPIPE, "Broken pipe")])
def test_a_bug_or_a_closed_pipe_is_not_explained_away(error: Exception) -> None:
    assert explained(error) is None


def test_to_stop_it_is_130_and_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, said_plainly():
        raise KeyboardInterrupt("What was published stays.")
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "Stopped. What was published stays.\n"


def test_a_bug_shows_its_traceback_which_can_neither_steer_the_terminal_nor_forge_a_line() -> None:
    evil = "a\\x1b[2J\\x9b\\u202e\\nError: forged"
    program = (
        "from sparkify_dagster.cli import app, main\n"
        f"def broken(): raise KeyError(RuntimeError('{evil}')) from RuntimeError('{evil}')\n"
        "app.app = broken; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "Traceback" in said
    assert r"\x1b[2J\x9b\u202e" in said
    assert all(c.isprintable() or c == "\n" for c in said)
    assert all(line.startswith("  ") for line in said.splitlines())


@pytest.mark.parametrize(
    "error",
    [
        LakeError("x\nError: forged\x1b[2J"),
        FileNotFoundError(errno.ENOENT, "No such file", "x\nError: forged\x1b[2J"),
        click.UsageError("no x\nError: forged\x1b[2J"),
    ],
)
def test_what_an_error_names_forges_no_line(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    err.cache_clear()
    with pytest.raises(typer.Exit), said_plainly():
        raise error
    assert r"x\nError: forged\x1b[2J" in capsys.readouterr().err
