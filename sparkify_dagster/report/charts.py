"""The charts of the report: SVG drawn by matplotlib, with text as text and the page's own colours.

Drawn are few shapes straight onto a figure, in units of the picture: axes and their ticks would
cost several times as much, and every load pays for the report. Colours are stand-ins that become
CSS variables, so that one picture serves light and dark. What belongs here: pictures of numbers
and of labels of ours. No text of a record is ever drawn.
"""

from __future__ import annotations

import base64
import html
import io
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.util import find_spec
from typing import Any

from sparkify_dagster.report.questions import Grain
from sparkify_dagster.report.words import WEEKDAYS, short_day

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, width, height."""

WIDTH = 380.0
_SIZE = 11.5
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 4.0, 10.0, 22.0
_COLOURS = {
    "muted": "#010000",
    "line": "#020000",
    "one": "#030000",
    "two": "#040000",
    "three": "#050000",
    **{f"heat{step}": f"#06000{step}" for step in range(7)},
}
_LIGHT = {"muted": "#666b70", "line": "#e3e3df", "one": "#1b7f5c", "two": "#b9dccd"}
"""What the colours are where no style sheet says it."""
_DAYS: Mapping[Grain, int] = {"day": 1, "week": 7, "month": 28, "year": 365}


@dataclass(frozen=True, slots=True)
class Series:
    """Values that belong together.

    Attributes:
        colour: `one`, `two` or `three`.
    """

    colour: str
    values: Sequence[float]


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def stacked(
    periods: Sequence[date], series: Sequence[Series], grain: Grain, title: str, height: float = 190
) -> str:
    """Bars over time, the values of each period one upon the other."""
    canvas = _Canvas(height)
    top = canvas.scale([sum(values) for values in zip(*(s.values for s in series), strict=True)])
    time = _Time(periods, grain)
    canvas.dates(time)
    heights = [0.0] * len(periods)
    for one in series:
        boxes = []
        for at, (period, value) in enumerate(zip(periods, one.values, strict=True)):
            left, width = time.bar(period)
            low, high = canvas.y(heights[at], top), canvas.y(heights[at] + value, top)
            heights[at] += value
            if value:
                boxes.append((left, low, width, high - low))
        canvas.boxes(boxes, one.colour)
    return canvas.svg(title)


def steps(periods: Sequence[date], series: Sequence[Series], grain: Grain, title: str) -> str:
    """Lines that keep their value until the next period that is given, the first on top."""
    canvas = _Canvas(190)
    top = canvas.scale([value for one in series for value in one.values])
    time = _Time(periods, grain)
    canvas.dates(time)
    for one in reversed(series):
        points: list[Point] = []
        for at, value in enumerate(one.values):
            left, right = time.edges(periods, at)
            points += [(left, canvas.y(value, top)), (right, canvas.y(value, top))]
        canvas.line(points, one.colour)
    return canvas.svg(title)


def bars(labels: Sequence[str], values: Sequence[float], title: str) -> str:
    """One bar for each label."""
    canvas = _Canvas(180)
    top = canvas.scale(values)
    width = (WIDTH - _LEFT - _RIGHT) / len(labels)
    boxes = []
    for at, (label, value) in enumerate(zip(labels, values, strict=True)):
        left = _LEFT + at * width
        canvas.text(left + width / 2, 6, label, "center")
        if value:
            low = canvas.y(0, top)
            boxes.append((left + width * 0.12, low, width * 0.76, canvas.y(value, top) - low))
    canvas.boxes(boxes, "one")
    return canvas.svg(title)


def week(plays: Mapping[tuple[int, int], int], title: str) -> str:
    """Weekday by hour: the more plays, the stronger the colour.

    Args:
        plays: By number of the weekday, 0 Sunday to 6 Saturday, and by hour.
    """
    cell, high = (WIDTH - _LEFT - _RIGHT) / 24, 24.0
    canvas = _Canvas(7 * high + _BOTTOM)
    most = max(plays.values(), default=0)
    shades: dict[int, list[Box]] = {step: [] for step in range(7)}
    for row, weekday in enumerate((1, 2, 3, 4, 5, 6, 0)):
        bottom = _BOTTOM + (6 - row) * high
        canvas.text(_LEFT - 8, bottom + high / 2 - 4, WEEKDAYS[weekday][:3], "right")
        for hour in range(24):
            share = plays.get((weekday, hour), 0) / most if most else 0
            box = (_LEFT + hour * cell + 1, bottom + 1, cell - 2, high - 2)
            shades[math.ceil(share * 6)].append(box)
    for step, boxes in shades.items():
        canvas.boxes(boxes, f"heat{step}")
    for hour in (0, 6, 12, 18, 23):
        canvas.text(_LEFT + (hour + 0.5) * cell, 6, f"{hour:02d}", "center")
    return canvas.svg(title)


def as_image(svg: str) -> str:
    """A chart as a data URI, with colours of its own, for where no style sheet reaches."""
    for name, colour in _LIGHT.items():
        svg = svg.replace(f"var(--{name})", colour)
    svg = svg.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:.0f}" ', 1)
    svg = svg.replace("<text ", '<text font-family="sans-serif" ')
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


class _Time:
    """Where dates lie across a picture."""

    def __init__(self, periods: Sequence[date], grain: Grain) -> None:
        self.grain = grain
        self.first = min(periods)
        self.last = max(periods)
        self._days = (self.last - self.first).days + _DAYS[grain]
        self._unit = (WIDTH - _LEFT - _RIGHT) / self._days

    def x(self, when: date) -> float:
        """The left edge of a day."""
        return _LEFT + (when - self.first).days * self._unit

    def bar(self, period: date) -> tuple[float, float]:
        """Left edge and width of the bar of a period; never too thin to be seen."""
        room = _DAYS[self.grain] * self._unit
        width = max(min(room * 0.78, 40.0), 0.8)
        return self.x(period) + (room - width) / 2, width

    def edges(self, periods: Sequence[date], at: int) -> tuple[float, float]:
        """From where to where the value of a period holds: up to the next one."""
        left = self.x(periods[at])
        last = at + 1 == len(periods)
        return left, WIDTH - _RIGHT if last else self.x(periods[at + 1])

    def labels(self) -> list[tuple[float, str]]:
        """Up to five dates to write below, each with the middle of its period."""
        room = _DAYS[self.grain]
        fits = max(1, self._days // room)
        many = min(5, fits)
        found = {}
        for at in range(many):
            step = round(at * (fits - 1) / max(many - 1, 1))
            when = self._start(self.first + timedelta(days=step * room))
            found[short_day(when, self.grain)] = self.x(when) + room * self._unit / 2
        return [(x, text) for text, x in found.items()]

    def _start(self, when: date) -> date:
        if self.grain == "month":
            return when.replace(day=1)
        return when.replace(month=1, day=1) if self.grain == "year" else when


class _Canvas:
    """A figure to draw on, in units of the picture from its lower left corner."""

    def __init__(self, height: float) -> None:
        # What it has to say (a font cache that it builds) is nothing for who loads a lake.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.transforms import IdentityTransform

        # It reads any matplotlibrc of the current folder, and would run TeX on what stands there.
        matplotlib.rcdefaults()
        self.height = height
        self._figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        self._figure.patch.set_visible(False)
        self._units = IdentityTransform()

    def y(self, value: float, top: float) -> float:
        """The height at which a value lies."""
        return _BOTTOM + value / top * (self.height - _BOTTOM - _TOP)

    def scale(self, values: Sequence[float]) -> float:
        """Draws lines for round values up to the greatest one; gives the value at the top."""
        most = max(values, default=0)
        step = _round_step(most)
        top = max(math.ceil(most / step) * step, step)
        marks = [step * at for at in range(round(top / step) + 1)]
        self.boxes([(_LEFT, self.y(m, top), WIDTH - _LEFT - _RIGHT, 0.8) for m in marks], "line")
        for mark in marks:
            self.text(_LEFT - 6, self.y(mark, top) - 3.5, _compact(mark), "right")
        return top

    def dates(self, time: _Time) -> None:
        """Writes a few dates below."""
        for x, label in time.labels():
            if x > WIDTH - 30:
                self.text(WIDTH - _RIGHT, 6, label, "right")
            else:
                self.text(x, 6, label, "center")

    def boxes(self, boxes: Sequence[Box], colour: str) -> None:
        """Filled rectangles, as one shape."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        if not boxes:
            return
        corners: list[Point] = []
        for left, low, width, high in boxes:
            right, top = left + width, low + high
            corners += [(left, low), (right, low), (right, top), (left, top), (left, low)]
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
        self._add(PathPatch(Path(corners, codes), fc=_COLOURS[colour], ec="none"))

    def line(self, points: Sequence[Point], colour: str) -> None:
        """A line through points."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        self._add(PathPatch(Path(points), fc="none", ec=_COLOURS[colour], lw=2.2))

    def text(self, x: float, y: float, text: str, align: str) -> None:
        """A label of ours."""
        self._figure.text(
            x, y, text, ha=align, size=_SIZE, color=_COLOURS["muted"], transform=self._units
        )

    def svg(self, title: str) -> str:
        """The picture as an element for a page, with a title for who does not see it."""
        import matplotlib

        told = io.StringIO()
        with matplotlib.rc_context({"svg.fonttype": "none"}):  # Text stays text.
            self._figure.savefig(told, format="svg")
        return _element(told.getvalue(), title, self.height)

    def _add(self, patch: Any) -> None:
        patch.set_transform(self._units)
        self._figure.add_artist(patch)


_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_COLOUR = re.compile("|".join(_COLOURS.values()))
_NAMES = {colour: f"var(--{name})" for name, colour in _COLOURS.items()}


def _element(document: str, title: str, height: float) -> str:
    """What matplotlib wrote, without what only a file of its own needs.

    Nor what is another each time, dates and ids: the same picture has the same bytes.
    """
    body = document[document.index("<svg") :]
    body = body[body.index(">") + 1 : body.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<defs>.*?</defs>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r' id="[^"]*"|</?g>', "", re.sub(r'<g id="[^"]*">', "", body))
    body = re.sub(r"font: [^;\"]*", f"font-size: {_SIZE:g}px", body)
    body = re.sub(r' font-family: [^;"]*;| transform="rotate\(-?0 [^"]*"', "", body)
    body = _COLOUR.sub(lambda found: _NAMES[found[0]], body)
    body = _NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), body)
    body = re.sub(r"\s*\n\s*", " ", body).replace("> <", "><").strip()
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img">'
        f"<title>{html.escape(title)}</title>{body}</svg>"
    )


def _round_step(most: float) -> float:
    """A round number that goes into the greatest value three or four times; whole at least."""
    rough = max(most / 4, 1)
    size = float(10 ** math.floor(math.log10(rough)))
    return next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= rough * 0.999)


def _compact(value: float) -> str:
    """`1,200`, `12k`, `1.2M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if unit == 'k' else size):g}{unit}"
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
