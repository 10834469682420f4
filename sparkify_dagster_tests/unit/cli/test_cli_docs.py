"""`sparkify docs`: the site is written, and a folder of somebody else's is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import sparkify_dagster
from sparkify_dagster.cli.app import app
from sparkify_dagster.docs_site.site import checkout

PACKAGE = Path(sparkify_dagster.__file__).parent


def test_the_site_is_built_and_its_first_page_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["docs"])
    assert result.exit_code == 0, result.output
    assert "pages in site: open site/index.html" in result.output
    assert (tmp_path / "site" / "operations.html").exists()


def test_an_installed_package_builds_what_it_can_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparkify_dagster.docs_site.site.checkout", lambda _: None)
    result = CliRunner().invoke(app, ["docs", str(tmp_path / "site")])
    assert result.exit_code == 0, result.output
    assert "Without the hand-written pages" in result.stderr
    assert not (tmp_path / "site" / "operations.html").exists()


def test_a_folder_that_is_no_site_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = CliRunner(env={"TERMINAL_WIDTH": "300"}).invoke(app, ["docs", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds something that is no docs site" in result.output
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["docs", str(tmp_path / "file" / "site")])
    assert result.exit_code == 1
    assert "Not a directory" in result.output
    assert "Traceback" not in result.output


def test_a_checkout_is_told_from_an_installed_package(tmp_path: Path) -> None:
    assert checkout(PACKAGE) == PACKAGE.parent
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Another project's")
    assert checkout(tmp_path / "sparkify_dagster") is None
