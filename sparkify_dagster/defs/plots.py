"""Small plots for the UI, as images inside Markdown.

What belongs here: which numbers are drawn, and how many of them. How is `report.charts`' work.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from sparkify_dagster.report import charts

_SERIES = ("one", "two", "three")
_COLOURS = {"one": "#4f43dd", "two": "#2fa37c", "three": "#d9822b"}
_WIDTH = 480
MOST_DAYS = 366
"""Of more days only the last ones are drawn."""

Series = Mapping[date, int]


def by_day(title: str, series: Mapping[str, Series], *, apart: bool = False) -> str | None:
    """Numbers by day as Markdown: images, and which days they show.

    None where it would say no more than a number, as of a single day.

    Args:
        series: For each name the numbers of its days, of three at most; a day that is missing
            counts 0. They are parts of a whole, drawn one upon the other.
        apart: They are not: draw each on a scale of its own, one below the other.
    """
    known = {day for numbers in series.values() for day in numbers}
    if len(known) < 2:
        return None
    last = max(known)
    first = max(min(known), last - timedelta(MOST_DAYS - 1))
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    drawn = {
        name: charts.Series(colour, [numbers.get(day, 0) for day in days])
        for (name, numbers), colour in zip(series.items(), _SERIES, strict=False)
    }
    pictures = [[name] for name in drawn] if apart else [list(drawn)]
    images = [_image(title, days, {name: drawn[name] for name in each}) for each in pictures]
    return "\n\n".join([*images, f"{first} to {last}"])


def _image(title: str, days: list[date], drawn: Mapping[str, charts.Series]) -> str:
    chart = charts.stacked(days, list(drawn.values()), "day", title, list(drawn))
    return f"![{title}]({charts.as_image(chart, charts.PLAIN | _COLOURS, _WIDTH)})"
