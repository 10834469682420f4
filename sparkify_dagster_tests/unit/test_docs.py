"""The README and the docs against the code: what they name exists, and what exists is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from sparkify_dagster.cli.app import app
from sparkify_dagster.model.catalog import TABLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`(?:\.venv/bin/)?sparkify ([a-z-]+)", text_of(page)))
    assert named <= COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", text_of(page), re.MULTILINE))
    assert {first or second for first, second in named} <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_readme_names_every_command() -> None:
    assert set(re.findall(r"\| `sparkify ([a-z-]+)", README)) == COMMANDS


def test_the_readme_names_every_table() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", README, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert set(TABLES) <= named


def test_the_picture_in_the_readme_has_every_edge_of_the_model() -> None:
    drawn = set(re.findall(r"^  (\w+) --> (\w+)$", README, re.MULTILINE))
    declared = {(source, table.name) for table in TABLES.values() for source in table.reads}
    assert {edge for edge in drawn if not edge[1].startswith("staging")} == declared
