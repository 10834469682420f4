"""Dagster's UI as its pages show it: the graph as drawn, launching a job, an asset's metadata.

What belongs here: where on which page something stands, in this version of Dagster. What it must be
is the tests'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

LOCATION = "/locations/sparkify_dagster"
_DRAWN = """() => ({
  boxes: [...document.querySelectorAll('svg foreignObject')].filter(b => b.textContent).map(b => ({
    name: b.querySelector('[data-tooltip]')?.dataset.tooltip ?? b.textContent,
    group: b.classList.contains('group'),
    at: ['x', 'y', 'width', 'height'].map(a => Number(b.getAttribute(a))),
  })),
  paths: [...document.querySelectorAll('svg path[marker-end]')].map(p => p.getAttribute('d')),
})"""
_LAUNCHES = "graphql?op=LaunchPipelineExecution"
_GAP = 5
"""An arrow ends this far left of its box."""


@dataclass(frozen=True)
class Graph:
    """The asset graph as drawn.

    Attributes:
        groups: The group whose frame each asset stands in, by the asset's name; "" if in none.
        edges: From which asset to which an arrow is drawn.
    """

    groups: dict[str, str]
    edges: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class _Box:
    name: str
    x: float
    y: float
    width: float
    height: float

    def holds(self, other: _Box) -> bool:
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.width <= self.x + self.width
            and other.y + other.height <= self.y + self.height
        )


def graph_address(groups: Iterable[str]) -> str:
    """The page of the whole graph with these groups opened."""
    return "/asset-groups?expanded=" + ",".join(f"global@global:{name}" for name in groups)


def left_to_right(page: Page) -> None:
    """Has graphs drawn from left to right, which `drawn_graph` expects."""
    page.add_init_script("localStorage.setItem('asset-graph-direction', '\"horizontal\"')")


def top_to_bottom(page: Page) -> None:
    """Has graphs drawn from top to bottom, which suits a window that is wider than high."""
    page.add_init_script("localStorage.setItem('asset-graph-direction', '\"vertical\"')")


def fold_sidebar(page: Page) -> None:
    """Folds the list of assets beside the graph, which leaves the graph as it is."""
    page.locator("button:has([aria-label=panel_show_right])").last.click()


def fold_menu(page: Page) -> None:
    """Folds the menu of the whole program to its icons."""
    page.get_by_text("Hide navigation").click()


def drawn_graph(page: Page) -> Graph:
    """Reads boxes, frames and the two ends of each arrow off the drawing.

    Only what lies within the window is drawn, and names are whole only where there is room: the
    window must be large. An arrow that touches no box has the end "?".
    """
    drawn: dict[str, Any] = page.evaluate(_DRAWN)
    frames = [_Box(box["name"], *box["at"]) for box in drawn["boxes"] if box["group"]]
    boxes = [_Box(box["name"], *box["at"]) for box in drawn["boxes"] if not box["group"]]
    starts = {_point(box.x + box.width, box.y + box.height / 2): box.name for box in boxes}
    ends = {_point(box.x - _GAP, box.y + box.height / 2): box.name for box in boxes}
    edges = set()
    for path in drawn["paths"]:
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", path)]
        edges.add(
            (starts.get(_point(*numbers[:2]), "?"), ends.get(_point(*numbers[-2:]), "?")),
        )
    groups = {box.name: next((f.name for f in frames if f.holds(box)), "") for box in boxes}
    return Graph(groups, frozenset(edges))


def _point(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)


def launched(page: Page, *buttons: str) -> str:
    """Presses one button after the other, the last of which launches a run; gives the run's id."""
    with page.expect_response(lambda response: response.url.endswith(_LAUNCHES)) as caught:
        for button in buttons:
            page.get_by_role("button", name=button).first.click()
    answer = caught.value.json()["data"]["launchPipelineExecution"]
    assert "run" in answer, answer
    return str(answer["run"]["id"])


def metadata_value(page: Page, key: str) -> Locator:
    """The value of an entry of an asset's metadata, on its overview."""
    return page.locator("tr").filter(has=page.get_by_text(key, exact=True)).locator("td").nth(2)


def first_column(page: Page, key: str) -> list[str]:
    """The first column of a table in Markdown; a long one stands in a dialog of its own."""
    value = metadata_value(page, key)
    value.locator("table, :text('Show Markdown')").first.wait_for()
    button = value.get_by_text("Show Markdown")
    if button.count():
        button.click()
        value = page.get_by_role("dialog")
        value.locator("table").wait_for()
    found = value.locator("tbody tr td:first-child").all_inner_texts()
    page.keyboard.press("Escape")
    return found
