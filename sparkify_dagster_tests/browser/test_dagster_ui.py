"""The Dagster UI in a browser: what a person sees of a load that was launched from its page.

One `dagster dev`; what is expected is derived from the definitions. The tests stand in the order in
which a person would do these things: the last one breaks a row of the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.generator import LakeSpec, generate_lake
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.checks import SCHEMA_MATCHES, all_checks
from sparkify_dagster.pipeline.audit import Finding, Stored, examine
from sparkify_dagster.settings import load_settings
from sparkify_dagster_tests.browser import ui
from sparkify_dagster_tests.browser.chromium import complaints, missing
from sparkify_dagster_tests.integration.dagster_dev import Dev, dagster_dev, project_folder
from sparkify_dagster_tests.lakes import warehouse_at

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SETTINGS = {
    "SPARKIFY_DAYS__LAST": "2018-11-03",
    "SPARKIFY_SENSOR__ENABLED": "no",
    "SPARKIFY_REPORT__ENABLED": "yes",
}
TALL = {"width": 3000, "height": 4200}
"""A window in which the whole graph is drawn with whole names."""
PATIENCE = 15_000
"""Milliseconds a page may take to show something."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's root with a small lake of three days."""
    if why := missing():
        pytest.skip(why)
    folder = project_folder(tmp_path_factory.mktemp("project"))
    spec = LakeSpec(songs=40, events=600, days=3, seed=7, start=date(2018, 11, 1))
    generate_lake(folder / "data" / "lake", spec)
    return folder


@pytest.fixture(scope="module")
def dev(project: Path) -> Iterator[Dev]:
    with dagster_dev(project, SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, dev: Dev) -> Iterator[Page]:
    """One tab for all, as the UI's program is large; it may not complain all the while."""
    context = browser.new_context(base_url=dev.url, viewport=TALL)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    ui.left_to_right(tab)
    wrong = complaints(tab)
    yield tab
    context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def loaded(page: Page, dev: Dev) -> tuple[str, str]:
    """The run that the button of the job `load` launched, and how it ended."""
    page.goto(f"{ui.LOCATION}/jobs/load")
    # Dagster asks back, as it does not know that the job loads the days it does not select.
    run = ui.launched(page, "Materialize all", "Confirm")
    return run, dev.finished(run)


def rows(project: Path, name: str) -> int:
    with warehouse_at(project / "data/warehouse.duckdb").reading() as session:
        return int(session.query(f'SELECT COUNT(*) FROM sparkify."{name}" AS t')[0][0])


def findings(project: Path) -> dict[tuple[str, str], Finding]:
    """What the checks say of the tables as they are, asked past Dagster."""
    with warehouse_at(project / "data/warehouse.duckdb").reading() as session:
        found = examine(session, all_checks(), Stored("sparkify"))
        return {(finding.check.table, finding.check.name): finding for finding in found}


def test_the_graph_shows_every_asset_in_its_group_and_every_edge(page: Page) -> None:
    settings = load_settings(None, environ=SETTINGS)
    graph = build_definitions(settings, with_lineage=False).resolve_asset_graph()
    nodes = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    declared = ui.Graph(
        {name: node.group_name for name, node in nodes.items()},
        frozenset(
            (parent.to_user_string(), name)
            for name, node in nodes.items()
            for parent in node.parent_keys
        ),
    )
    assert set(declared.groups.values()) == {"lake", "staging", "star", "mart", "report"}
    page.goto(ui.graph_address(sorted(set(declared.groups.values()))))
    page.wait_for_function(
        "edges => document.querySelectorAll('svg path[marker-end]').length >= edges",
        arg=len(declared.edges),
    )
    assert ui.drawn_graph(page) == declared


def test_the_button_of_the_job_load_loads_everything(
    page: Page, loaded: tuple[str, str], project: Path
) -> None:
    run, status = loaded
    assert status == "SUCCESS"
    page.goto(f"/runs/{run}")
    page.get_by_text("Success", exact=True).first.wait_for()
    assert rows(project, "staging_events_table") == 600
    assert (project / "data/report.html").exists()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", ["songplay", "plays_by_song"])
def test_the_page_of_a_table_tells_what_it_is_and_holds(
    page: Page, project: Path, name: str
) -> None:
    table = TABLES[name]
    page.goto(f"/assets/{name}")
    page.get_by_text(table.meaning).first.wait_for()
    page.get_by_text(f"{rows(project, name):,}", exact=True).first.wait_for()
    for column in table.columns:
        row = page.locator("tr").filter(has=page.get_by_text(column.name, exact=True)).first
        said = row.inner_text()
        assert column.sql_type in said
        assert column.meaning.replace("`", "") in said.replace("`", "")
    preview = ui.metadata_value(page, "preview").locator("table").first
    assert preview.locator("th").all_inner_texts() == list(table.column_names)
    assert preview.locator("tbody tr").count() == min(5, rows(project, name))
    assert ui.first_column(page, "column_map") == list(table.column_names)


@pytest.mark.usefixtures("loaded")
def test_the_checks_of_a_table_read_as_sentences(page: Page, project: Path) -> None:
    found = findings(project)
    page.goto("/assets/songplay?view=checks")
    for check in all_checks():
        if check.table == "songplay":
            page.get_by_text(check.name, exact=True).first.click()
            page.get_by_text(check.claim, exact=True).wait_for()
            if check.name != SCHEMA_MATCHES:  # No load asks it.
                page.get_by_text(found["songplay", check.name].verdict, exact=True).wait_for()


@pytest.mark.usefixtures("loaded")
def test_a_check_that_fails_says_why_on_its_page(page: Page, project: Path, dev: Dev) -> None:
    with warehouse_at(project / "data/warehouse.duckdb").transaction() as session:
        session.execute("INSERT INTO sparkify.songplay SELECT * FROM sparkify.songplay LIMIT 1")
    broken = findings(project)["songplay", "unique_key"]
    assert not broken.passed
    page.goto(f"{ui.LOCATION}/jobs/checks/playground")
    run = ui.launched(page, "Launch Run")
    assert dev.finished(run) == "FAILURE"
    page.goto("/assets/songplay?view=checks&checkDetail=unique_key")
    # The page takes it for Markdown, which shows what stands in backticks as code.
    page.get_by_text(broken.sentence.replace("`", ""), exact=True).wait_for()
    page.get_by_text("Failed", exact=True).first.wait_for()
