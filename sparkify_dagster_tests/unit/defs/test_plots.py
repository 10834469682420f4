"""Plots are small images, drawn where there is something to compare and to draw with."""

from __future__ import annotations

import base64
import re
from datetime import date, timedelta
from typing import Any

import pytest
from matplotlib.axes import Axes

from sparkify_dagster.defs import plots

FIRST = date(2018, 11, 1)


def days(number: int) -> dict[date, int]:
    return {FIRST + timedelta(n): (n * 37) % 911 for n in range(number)}


def image(markdown: str | None) -> bytes:
    """The image inside the Markdown."""
    assert markdown is not None
    found = re.fullmatch(r"!\[Plays by day\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found
    return base64.b64decode(found.group(1))


def test_a_plot_of_a_year_is_a_small_png() -> None:
    data = image(plots.by_day("Plays by day", {"plays": days(366), "matched": days(300)}))
    assert data.startswith(b"\x89PNG")
    assert 2_000 < len(data) < 30_000


def test_the_same_numbers_give_the_same_image_and_others_another() -> None:
    drawn = [image(plots.by_day("Plays by day", {"plays": days(n)})) for n in (9, 9, 10)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_of_more_days_the_last_ones_are_drawn() -> None:
    many = days(plots.MOST_DAYS + 500)
    last = dict(list(many.items())[-plots.MOST_DAYS :])
    assert plots.by_day("Plays by day", {"plays": many}) == plots.by_day(
        "Plays by day", {"plays": last}
    )


@pytest.mark.parametrize("series", [{}, {"plays": {}}, {"plays": days(1)}])
def test_nothing_and_a_single_day_are_not_drawn(series: dict[str, dict[date, int]]) -> None:
    assert plots.by_day("Plays by day", series) is None


@pytest.mark.parametrize(
    ("apart", "drawn"),
    [
        (False, {"with": ([0, 0], [3, 4]), "without": ([3, 4], [5, 4])}),
        (True, {"with": ([0, 0], [3, 4]), "without": ([0, 0], [2, 0])}),
    ],
)
def test_what_the_legend_names_is_what_has_its_colour(
    monkeypatch: pytest.MonkeyPatch, apart: bool, drawn: dict[str, object]
) -> None:
    seen: dict[str, object] = {}
    real = Axes.stairs

    def stairs(axis: Axes, top: list[int], edges: list[float], **how: Any) -> Any:
        seen[how["label"]] = (how["baseline"], top)
        return real(axis, top, edges, **how)

    monkeypatch.setattr(Axes, "stairs", stairs)
    series = {"with": {FIRST: 3, FIRST + timedelta(1): 4}, "without": {FIRST: 2}}
    assert plots.by_day("Plays by day", series, apart=apart)
    assert seen == drawn


def test_each_on_a_scale_of_its_own_makes_a_higher_image() -> None:
    series = {"rows": days(30), "rejects": dict.fromkeys(days(30), 0)}
    heights = [
        int.from_bytes(image(plots.by_day("Plays by day", series, apart=apart))[20:24])
        for apart in (False, True)
    ]
    assert heights[1] > 1.4 * heights[0]


def test_without_matplotlib_there_are_no_plots_and_no_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _: None)
    assert plots.by_day("Plays by day", {"plays": days(9)}) is None
