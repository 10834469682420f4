"""The site as the checkout gives it, built once for all tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import pytest
import typer.main

from sparkify_dagster.cli.app import app
from sparkify_dagster.docs_site.commands import described
from sparkify_dagster.docs_site.site import build_site
from sparkify_dagster.lineage import lineage_graph
from sparkify_dagster_tests.unit.docs_site.reading import Page, read

ROOT = Path(__file__).resolve().parents[3]


def program() -> click.Group:
    """The command line."""
    made = typer.main.get_command(app)
    assert isinstance(made, click.Group)
    return made


@pytest.fixture(scope="package")
def files() -> Mapping[str, str]:
    """Every file of the site."""
    return build_site(ROOT, described(program()), lineage_graph())


@pytest.fixture(scope="package")
def pages(files: Mapping[str, str]) -> Mapping[str, Page]:
    """Every page of the site, read as a browser would."""
    return {name: read(text) for name, text in files.items() if name.endswith(".html")}
