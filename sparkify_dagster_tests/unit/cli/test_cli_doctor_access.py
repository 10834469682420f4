"""`sparkify doctor` names what other accounts of the machine can reach, and how to close it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify_dagster.cli.doctor import run_doctor

HISTORY = ".dagster"
FILES = ("data/warehouse.duckdb", "data/warehouse.duckdb.wal", "data/report.html")
SECRET = "[ALERTS]\nWEBHOOK=https://hooks.invalid/token\n"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, that others may enter, as pytest's may not be."""
    made = Path(tempfile.mkdtemp(prefix="it's open "))
    made.chmod(0o755)
    monkeypatch.chdir(made)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name in (HISTORY, "data"):
        (made / name).mkdir()
    for name in FILES:
        (made / name).touch()
    _chmod(made, 0o700, 0o600)
    yield made
    shutil.rmtree(made)


def _chmod(folder: Path, of_folders: int, of_files: int) -> None:
    (folder / HISTORY).chmod(of_folders)
    for name in FILES:
        (folder / name).chmod(of_files)


def access(capsys: pytest.CaptureFixture[str]) -> tuple[str, str, list[str]]:
    """What doctor says of it: state, finding, and the commands, each on a line of its own."""
    run_doctor(None, as_json=True)
    (line,) = [x for x in json.loads(capsys.readouterr().out) if x["check"] == "access"]
    return line["state"], line["found"], line["next_step"].splitlines()[1:]


def test_what_is_open_is_named_with_the_command_a_configuration_with_secrets_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "dwh.cfg").write_text(SECRET)
    (folder / "dwh.cfg").chmod(0o640)
    _chmod(folder, 0o711, 0o604)
    state, found, commands = access(capsys)
    paths = ["dwh.cfg", *FILES, HISTORY]
    assert state == "warning"
    assert found == f"open to other accounts: {', '.join(paths)}"
    assert commands == [f"chmod go-rwx {path}" for path in paths]


@pytest.mark.parametrize(
    ("text", "mode", "commands"),
    [
        (SECRET, 0o600, []),
        ("", 0o644, []),
        ("", 0o664, ["chmod go-w dwh.cfg"]),
        ("[CLUSTER]\nDB_PASSWORD=''\n", 0o644, []),
        ("[CLUSTER]\nDB_PASSWORD=x\n", 0o644, ["chmod go-rwx dwh.cfg"]),
    ],
)
def test_a_configuration_is_to_be_closed_for_its_secrets_and_never_writable(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, mode: int, commands: list[str]
) -> None:
    (folder / "dwh.cfg").write_text(text)
    (folder / "dwh.cfg").chmod(mode)
    assert access(capsys)[2] == commands


@pytest.mark.parametrize("closed", [False, True])
def test_nothing_is_said_of_what_is_closed_shared_on_purpose_or_behind_a_closed_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], closed: bool
) -> None:
    _chmod(folder, 0o755, 0o644)
    if closed:
        folder.chmod(0o700)
    else:
        (folder / HISTORY).chmod(0o700)
        (folder / "dwh.cfg").write_text("[DUCKDB]\nSHARED=yes\n[REPORT]\nSHARED=yes\n")
        (folder / "dwh.cfg").chmod(0o644)
    assert access(capsys)[:2] == ("ok", "what loads keep is closed to other accounts")
