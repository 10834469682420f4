"""`sparkify doctor --deep` where there is no Redshift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparkify_dagster.cli.doctor import run_doctor
from sparkify_dagster_tests.lakes import TinyLake


def test_on_duckdb_it_says_that_it_is_for_redshift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    TinyLake(tmp_path / "data" / "lake")
    run_doctor(None, as_json=True, deep=True)
    (deep,) = [line for line in json.loads(capsys.readouterr().out) if "deep" in line["check"]]
    assert deep["state"] == "not looked at"
    assert deep["found"].startswith("is for Redshift")
