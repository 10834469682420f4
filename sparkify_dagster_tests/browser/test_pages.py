"""The report and the docs site in a browser: wide and narrow, light and dark, from a small lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from sparkify_dagster.cli.app import app
from sparkify_dagster.generator import LakeSpec
from sparkify_dagster.report.writing import write_report
from sparkify_dagster_tests.browser.chromium import complaints
from sparkify_dagster_tests.lakes import TinyLake, bring_up_to_date, warehouse_at

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Opener = Callable[..., AbstractContextManager["Page"]]


@pytest.fixture(scope="module")
def report(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a week of a messy lake."""
    folder = tmp_path_factory.mktemp("report")
    spec = LakeSpec(songs=40, events=1_500, days=7, seed=7, start=date(2018, 11, 1), mess=True)
    warehouse = warehouse_at(folder / "warehouse.duckdb")
    bring_up_to_date(TinyLake.generated(folder / "lake", spec).open(), warehouse)
    return write_report(warehouse, folder / "report.html").path


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the docs site."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    result = CliRunner().invoke(app, ["docs", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def opener(browser: Browser) -> Opener:
    """Opens a tab of some width and scheme; it may neither complain nor ask anything of the net."""

    @contextmanager
    def opened(width: int = 1280, scheme: str = "light") -> Iterator[Page]:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        wrong = complaints(page)
        yield page
        page.close()
        assert wrong == []

    return opened


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def paper(page: Page) -> float:
    """How light the page's background is, 0 to 255."""
    colour = page.evaluate(
        "[document.body, document.documentElement].map(e => getComputedStyle(e).backgroundColor)"
        ".find(c => c !== 'rgba(0, 0, 0, 0)') ?? 'rgb(255, 255, 255)'"
    )
    channels = [float(number) for number in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(channels) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_the_report_fits_the_screen_and_follows_its_scheme(
    opener: Opener, report: Path, width: int, scheme: str
) -> None:
    with opener(width, scheme) as page:
        page.goto(report.as_uri())
        assert page.locator("svg").first.is_visible()
        assert not scrolls_sideways(page)
        assert (paper(page) > 200) == (scheme == "light")
        assert (paper(page) < 80) == (scheme == "dark")


def test_the_charts_of_the_report_are_legible_on_a_phone(opener: Opener, report: Path) -> None:
    with opener(375) as page:
        page.goto(report.as_uri())
        heights = page.evaluate(
            "[...document.querySelectorAll('svg text')].filter(t => t.checkVisibility() &&"
            " t.textContent.trim()).map(t => t.getBoundingClientRect()).filter(r => r.height)"
            ".map(r => Math.min(r.height, r.width * 3))"
        )
        assert heights
        assert min(heights) >= 9


def test_what_is_loaded_fits_a_phone_and_other_tables_show_that_they_scroll(
    opener: Opener, report: Path
) -> None:
    with opener(380) as page:
        page.goto(report.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        wide, hinted = (
            set(page.evaluate(f"[...document.querySelectorAll('.scroll')].filter(e => {test})"
                              ".map(e => e.getAttribute('aria-label'))"))
            for test in (
                "e.scrollWidth > e.clientWidth",
                "getComputedStyle(e).backgroundAttachment == 'local, local, scroll, scroll'",
            )
        )  # fmt: skip
        assert "Plays by weekday and hour" in wide
        assert "Loaded from the lake" not in wide
        assert wide <= hinted


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_every_page_of_the_docs_fits_the_screen_and_follows_its_scheme(
    opener: Opener, site: Path, width: int, scheme: str
) -> None:
    wide, wrong = [], []
    with opener(width, scheme) as page:
        for path in sorted(site.glob("*.html")):
            page.goto(path.as_uri())
            if scrolls_sideways(page):
                wide.append(path.name)
            if (paper(page) > 200) != (scheme == "light"):
                wrong.append(path.name)
    assert (wide, wrong) == ([], [])


def test_the_search_of_the_docs_leads_to_a_column(opener: Opener, site: Path) -> None:
    with opener(375) as page:
        page.goto((site / "index.html").as_uri())
        page.keyboard.press("/")
        page.keyboard.type("songplay.user_agent")
        page.keyboard.press("Enter")
        page.wait_for_url("**/table-songplay.html#column-user_agent")


@pytest.mark.parametrize("width", [1280, 375])
def test_a_chosen_column_shows_what_it_comes_from_and_goes_into(
    opener: Opener, site: Path, width: int
) -> None:
    shown = "[...document.querySelectorAll('#flow button.related')].map(b => b.dataset.column)"
    with opener(width) as page:
        page.goto((site / "lineage.html").as_uri() + "#song.title")
        related = set(page.evaluate(shown))
        assert {"song_data.title", "staging_songs_table.title", "song.title"} <= related
        assert "song_data.duration" not in related
        page.click("button[data-column='song.duration']")
        assert "song_data.duration" in page.evaluate(shown)
        assert page.url.endswith("#song.duration")
        page.click("#all")
        assert page.evaluate(shown) == []
