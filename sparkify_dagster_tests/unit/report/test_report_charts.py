"""Charts are small, have the same bytes each time, and the page's colours."""

from __future__ import annotations

import base64
import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from sparkify_dagster.report import charts
from sparkify_dagster.report.questions import Grain

START = date(2018, 11, 1)


def plays(days: int, grain: Grain = "day", top: int = 900) -> str:
    periods = [START + timedelta(days=at) for at in range(days)]
    values = [(at * 37) % top for at in range(days)]
    series = [charts.Series("one", values), charts.Series("two", values[::-1])]
    return charts.stacked(periods, series, grain, 'Plays <by> "day"')


def test_a_chart_is_well_formed_and_has_its_title() -> None:
    drawn = ElementTree.fromstring(plays(30))
    assert drawn.findtext("title") == 'Plays <by> "day"'
    assert {element.tag for element in drawn} == {"title", "path", "text"}
    labels = [element.text or "" for element in drawn.iter("text")]
    assert "1 Nov" in labels
    assert "30 Nov" in labels


def test_the_same_numbers_are_the_same_bytes() -> None:
    assert plays(30) == plays(30)
    assert plays(30) != plays(29)


def test_colours_are_the_style_sheets_and_none_of_ours_is_left() -> None:
    drawn = plays(30) + charts.week({(1, 12): 5}, "x") + charts.bars(["a", "b"], [1, 2], "y")
    assert not re.search(r"#[0-9a-fA-F]{6}", drawn)
    assert {"var(--one)", "var(--two)", "var(--heat6)", "var(--muted)"} <= set(
        re.findall(r"var\(--\w+\)", drawn)
    )


def test_a_chart_of_many_days_stays_small() -> None:
    assert len(plays(400)) < 60_000
    assert plays(400).count("<path") <= 4, "bars of a colour are one shape"


@pytest.mark.parametrize("most", [0, 1, 3, 7, 99, 12_345, 10**9])
def test_the_scale_reaches_the_greatest_value_in_a_few_round_steps(most: int) -> None:
    drawn = charts.bars(["a"], [most], "x")
    labels = re.findall(r">([\d.,]+[kMG]?)</text>", drawn)
    factors = {"k": 1e3, "M": 1e6, "G": 1e9}
    values = [
        float(label.rstrip("kMG").replace(",", "")) * factors.get(label[-1], 1) for label in labels
    ]
    assert values[0] == 0
    assert 2 <= len(values) <= 6
    assert values[-1] >= most
    assert values == sorted(values)


def test_bars_lie_within_the_picture_for_every_grain() -> None:
    for grain in ("day", "week", "month", "year"):
        boxes = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)V([\d.]+)", plays(40, grain))
        assert len(boxes) > 40
        for x, low, width, high in (map(float, box) for box in boxes):
            assert 0 <= x <= x + width <= charts.WIDTH
            assert 0 <= high <= low <= 190


def test_an_image_brings_its_own_colours() -> None:
    image = charts.as_image(plays(3))
    svg = base64.b64decode(image.removeprefix("data:image/svg+xml;base64,")).decode()
    assert "var(" not in svg
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
