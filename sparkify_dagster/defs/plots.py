"""Small plots for the UI, as images inside Markdown.

What belongs here: drawing numbers that were handed in. A plot is drawn only where matplotlib is
installed; it is imported when the first one is drawn, and costs some hundredths of a second then.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.util import find_spec
from typing import Any

_COLOURS = ("#4f43dd", "#2fa37c", "#d9822b")
_INK = "#5c5c66"
_TICKS = 6
MOST_DAYS = 366
"""Of more days only the last ones are drawn."""

Series = Mapping[date, int]


def can_draw() -> bool:
    """Whether there is a matplotlib to draw with."""
    return find_spec("matplotlib") is not None


def by_day(title: str, series: Mapping[str, Series], *, apart: bool = False) -> str | None:
    """Numbers by day as Markdown with an image in it.

    None where it would say no more than a number, as of a single day, or nothing can draw it.

    Args:
        series: For each name the numbers of its days; a day that is missing counts 0. They are
            parts of a whole, drawn one upon the other.
        apart: They are not: draw each on a scale of its own, one below the other.
    """
    known = {day for numbers in series.values() for day in numbers}
    if len(known) < 2 or not can_draw():
        return None
    last = max(known)
    first = max(min(known), last - timedelta(MOST_DAYS - 1))
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    image = base64.b64encode(_png(title, series, days, apart=apart)).decode()
    return f"![{title}](data:image/png;base64,{image})"


def _png(title: str, series: Mapping[str, Series], days: list[date], *, apart: bool) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = len(series) if apart else 1
    figure = Figure(figsize=(7.2, 1.1 + 1.3 * rows), dpi=96, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    edges = [number - 0.5 for number in range(len(days) + 1)]
    floor = [0] * len(days)
    for number, (name, numbers) in enumerate(series.items()):
        axis = axes[number if apart else 0]
        top = [low + numbers.get(day, 0) for low, day in zip(floor, days, strict=True)]
        # One shape however many days: a bar for each would take a second for some years.
        colour = _COLOURS[number % len(_COLOURS)]
        axis.stairs(top, edges, baseline=floor, fill=True, color=colour, label=name)
        floor = floor if apart else top
    for axis in axes:
        _plain(axis, legend=len(series) > 1)
        axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    step = max(1, -(-len(days) // _TICKS))
    axes[-1].set_xticks(range(0, len(days), step), [day.isoformat() for day in days[::step]])
    axes[-1].set_xlim(-0.7, len(days) - 0.3)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=_INK)
    figure.tight_layout(pad=0.5)
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def _plain(axis: Any, *, legend: bool) -> None:
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=8, colors=_INK, length=2)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(_INK)
    if legend:
        axis.legend(
            loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=8, frameon=False,
            labelcolor=_INK, borderaxespad=0.1,
        )  # fmt: skip
