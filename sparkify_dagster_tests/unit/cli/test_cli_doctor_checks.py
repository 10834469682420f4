"""`sparkify doctor CHECK…`: some of the lines alone, as what starts a service asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from sparkify_dagster.cli.doctor import run_doctor
from sparkify_dagster.cli.errors import WRONG_USE


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def asked(capsys: pytest.CaptureFixture[str], *checks: str) -> tuple[int, list[str]]:
    code = run_doctor(None, checks, as_json=True)
    return code, [f"{x['check']} {x['state']}" for x in json.loads(capsys.readouterr().out)]


def test_only_what_is_named_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "disk", "python") == (0, ["python ok", "disk ok"])
    assert asked(capsys, "settings") == (0, ["settings ok"])


def test_wrong_settings_come_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKIFY_DAYS__LAST", "soon")
    assert asked(capsys, "disk") == (WRONG_USE, ["settings failed", "disk not looked at"])


def test_a_check_that_there_is_not_is_wrong_usage() -> None:
    with pytest.raises(typer.BadParameter, match="no check 'dusk'"):
        run_doctor(None, ["dusk"], as_json=True)
