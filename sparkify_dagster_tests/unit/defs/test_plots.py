"""Plots are small images, drawn where there is something to compare."""

from __future__ import annotations

import base64
import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from sparkify_dagster.defs import plots

_SVG = "{http://www.w3.org/2000/svg}"
FIRST = date(2018, 11, 1)


def days(number: int) -> dict[date, int]:
    return {FIRST + timedelta(n): (n * 37) % 911 for n in range(number)}


def images(markdown: str | None) -> list[bytes]:
    """The images inside the Markdown, which besides says which days they show."""
    assert markdown is not None
    found = re.compile(r"!\[Plays by day\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)")
    assert re.fullmatch(r"\s*[\d-]+ to [\d-]+", found.sub("", markdown))
    return [base64.b64decode(each) for each in found.findall(markdown)]


def image(markdown: str | None) -> bytes:
    """The only image inside the Markdown."""
    (only,) = images(markdown)
    return only


def shapes(svg: bytes) -> dict[str, list[list[float]]]:
    """By what the legend says of its colour, left edge, foot and top of each bar."""
    root = ElementTree.fromstring(svg)
    drawn = [(each.get("style"), each.get("d") or "") for each in root.iter(f"{_SVG}path")]
    bar = re.compile(r"M([\d.-]+) ([\d.-]+)h[\d.]+V([\d.-]+)")
    named = [text.text or "" for text in root.iter(f"{_SVG}text")][1 : 1 + len(drawn) // 2]
    swatches, bars = drawn[: len(named)], dict(drawn[len(named) :])
    return {
        name: [list(map(float, one)) for one in bar.findall(bars[style])]
        for name, (style, _) in zip(named, swatches, strict=True)
    }


def test_a_plot_of_a_year_is_a_small_image_with_its_title_and_legend() -> None:
    made = plots.by_day("Plays by day", {"plays": days(366), "matched": days(300)})
    data = image(made)
    told = [text.text for text in ElementTree.fromstring(data).iter(f"{_SVG}text")]
    assert told[:3] == ["Plays by day", "plays", "matched"]
    assert str(made).endswith("\n\n2018-11-01 to 2019-11-01")
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


def test_parts_of_a_whole_stand_one_upon_the_other_in_the_colours_of_the_legend() -> None:
    series = {"with": {FIRST: 3, FIRST + timedelta(1): 4}, "without": {FIRST: 2}}
    drawn = shapes(image(plots.by_day("Plays by day", series)))
    (below, other), (above,) = drawn["with"], drawn["without"]
    assert above[:2] == [below[0], below[2]], "it stands on the other"
    assert below[1] == other[1], "they stand on the ground"
    unit = (below[1] - below[2]) / 3
    assert below[1] - other[2] == pytest.approx(4 * unit, abs=0.2)
    assert above[1] - above[2] == pytest.approx(2 * unit, abs=0.2)


def test_what_is_no_part_of_a_whole_has_an_image_and_a_scale_of_its_own() -> None:
    series = {"rows": {FIRST: 900, FIRST + timedelta(1): 1000}, "rejects": {FIRST: 4}}
    rows, rejects = map(shapes, images(plots.by_day("Plays by day", series, apart=True)))
    assert (list(rows), list(rejects)) == (["rows"], ["rejects"])
    assert rows["rows"][1][2] == rejects["rejects"][0][2], "both reach the top of their scale"
    assert rows["rows"][0][1] == rejects["rejects"][0][1]
