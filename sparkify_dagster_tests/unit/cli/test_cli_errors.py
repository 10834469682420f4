"""Expected errors are a message and a code; bugs keep their traceback."""

import errno

import pytest
import typer

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
