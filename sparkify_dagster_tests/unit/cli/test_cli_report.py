"""`sparkify report`: where the page goes, what is said, and when a browser opens."""

from __future__ import annotations

import json
import re
import sys
import webbrowser
from pathlib import Path

import pytest
import typer

from sparkify_dagster.cli import report as module
from sparkify_dagster.cli.report import can_show, run_report
from sparkify_dagster.settings import Settings, load_settings
from sparkify_dagster.warehouse.engine import WarehouseMissing
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import warehouse_at


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a warehouse whose tables are empty."""
    warehouse_at(tmp_path / "data" / "warehouse.duckdb").transact(create_tables)
    return load_settings(environ={}, cwd=tmp_path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a browser was asked to show."""
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda uri: shown.append(uri) or True)
    return shown


def test_the_page_is_written_where_the_settings_say_and_shown(
    settings: Settings,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "can_show", lambda: True)
    run_report(settings, None, browse=False, as_json=False)
    assert settings.report.path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "report.html (" in capsys.readouterr().out
    assert opened == []
    run_report(settings, None, browse=True, as_json=False)
    assert opened == [settings.report.path.as_uri()]


def test_json_has_the_figures_and_writes_only_what_it_is_asked_to(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_report(settings, None, browse=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["path"] is None
    assert told["figures"]["plays"] == 0
    assert told["answers"]["plays"] == []
    assert not settings.report.path.exists()
    elsewhere = tmp_path / "page.html"
    run_report(settings, elsewhere, browse=True, as_json=True)
    assert json.loads(capsys.readouterr().out)["path"] == str(elsewhere)
    assert elsewhere.exists()


def test_only_the_folder_of_the_settings_is_made(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    with pytest.raises(typer.BadParameter, match=f"^{re.escape(str(new))}: no such folder"):
        run_report(settings, new / "page.html", browse=False, as_json=False)
    assert not new.exists()
    monkeypatch.chdir(tmp_path)
    environ = {"SPARKIFY_REPORT__PATH": "new/report.html"}
    own = load_settings(environ=environ, cwd=tmp_path)
    run_report(own, Path("new/report.html"), browse=False, as_json=False)
    assert (new / "report.html").exists()


def test_where_nothing_was_loaded_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseMissing, match="`sparkify etl`"):
        run_report(load_settings(environ={}, cwd=tmp_path), None, browse=False, as_json=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("terminal", "platform", "environ", "shown"),
    [
        (True, "linux", {"DISPLAY": ":0"}, True),
        (True, "linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        (True, "linux", {}, False),
        (True, "darwin", {}, True),
        (True, "darwin", {"SSH_CONNECTION": "1.2.3.4"}, False),
        (False, "linux", {"DISPLAY": ":0"}, False),
    ],
)
def test_a_browser_opens_only_before_somebody_who_sees_it(
    terminal: bool,
    platform: str,
    environ: dict[str, str],
    shown: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert can_show() is shown
