"""Something over time: a chart with a colour for each layer, and the same numbers by period.

What belongs here: the shape that all such pictures share. What is shown is said where it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sparkify_dagster.report.charts import Series
from sparkify_dagster.report.facts import Record
from sparkify_dagster.report.questions import Grain
from sparkify_dagster.report.view import Column, Legend, Picture, Table
from sparkify_dagster.report.words import number, period


def over_time(
    rows: Sequence[Record],
    grain: Grain,
    draw: Callable[..., str],
    layers: Mapping[str, tuple[str, str]],
    columns: Sequence[str],
    title: str,
    spoken: str = "",
    caption: str = "",
) -> Picture:
    """A picture of records, one for each period.

    Args:
        draw: `charts.stacked` or `charts.steps`.
        layers: What is drawn: colour and column, by what the legend calls it.
        columns: What the table shows beside the periods: numbers, or texts as they are.
        spoken: The chart's title for who does not see it.
        caption: The table's title.
    """
    series = [Series(colour, [row[name] for row in rows]) for colour, name in layers.values()]
    cells = [
        (period(row["period"], grain), *(_cell(row[name]) for name in columns)) for row in rows
    ]
    headings = [Column(grain), *(Column(name.replace("_", " "), "number") for name in columns)]
    return Picture(
        title,
        draw([row["period"] for row in rows], series, grain, spoken or title) if rows else "",
        Table(caption or title, headings, cells),
        [Legend(name, colour) for name, (colour, _) in layers.items()],
    )


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)
