"""`python -m sparkify_dagster_tests.browser.screenshots`: the pictures in docs/images, taken anew.

Loads the demo in a folder of its own, starts `dagster dev` there and takes pictures of what a
person would look at. What belongs here: which pages, how large, and when they are ready.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sparkify_dagster_tests.browser import ui
from sparkify_dagster_tests.browser.chromium import chromium, missing
from sparkify_dagster_tests.integration.dagster_dev import (
    BIN,
    ROOT,
    dagster_dev,
    environment,
    project_folder,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = ROOT / "docs" / "images"
GROUPS = ("lake", "staging", "star", "mart", "report")
_QUIET = {"SPARKIFY_SENSOR__ENABLED": "no", "SPARKIFY_REPORT__ENABLED": "yes"}
_SETTLED = 1_500
"""Milliseconds after which nothing moves any more."""


def main() -> int:
    """Takes every picture and gives the exit code."""
    if why := missing():
        print(f"No pictures: this {why}", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sparkify-") as temporary:
        folder = project_folder(Path(temporary))
        for words in (["demo"], ["docs", "site"]):
            subprocess.run(
                [str(BIN / "sparkify"), *words],
                cwd=folder,
                env=environment(_QUIET),
                stdout=subprocess.DEVNULL,
                check=True,
            )
        with chromium() as browser:
            _of_pages(browser, folder)
            with dagster_dev(folder, _QUIET) as dev:
                _of_the_ui(browser, dev.url)
    return 0


def _of_the_ui(browser: Browser, address: str) -> None:
    with _tab(browser, 1600, 720, "dagster-lineage") as page:
        ui.top_to_bottom(page)
        page.goto(address + ui.graph_address(GROUPS))
        page.get_by_text("unmatched_plays", exact=True).wait_for()
        ui.fold_sidebar(page)
        # The graph was fitted to what sidebar and menu left of the window.
        page.set_viewport_size({"width": 1180, "height": 720})
        ui.fold_menu(page)
    with _tab(browser, 1440, 1000, "dagster-songplay") as page:
        page.goto(f"{address}/assets/songplay")
        page.get_by_text("item_in_session", exact=True).first.wait_for()
        ui.fold_menu(page)
    with _tab(browser, 1440, 800, "dagster-checks") as page:
        page.goto(f"{address}/assets/staging_events_table?view=checks&checkDetail=no_rejects")
        page.get_by_text("what_to_do", exact=True).wait_for()
        ui.fold_menu(page)


def _of_pages(browser: Browser, folder: Path) -> None:
    report = (folder / "data" / "report.html").as_uri()
    with _tab(browser, 1280, 1110, "report") as page:
        page.goto(report)
    with _tab(browser, 375, 1180, "report-phone", scale=2) as page:
        page.goto(report)
    with _tab(browser, 1280, 900, "docs-table") as page:
        page.goto((folder / "site" / "table-songplay.html").as_uri())
    with _tab(browser, 1280, 900, "docs-lineage") as page:
        page.goto((folder / "site" / "lineage.html").as_uri() + "#songplay.song_id")
        page.evaluate("scrollTo(0, 0)")


@contextmanager
def _tab(browser: Browser, width: int, height: int, name: str, scale: int = 1) -> Iterator[Page]:
    """A tab that is photographed when it is left."""
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    yield page
    page.wait_for_timeout(_SETTLED)
    page.screenshot(path=IMAGES / f"{name}.png")
    page.close()
    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    sys.exit(main())
