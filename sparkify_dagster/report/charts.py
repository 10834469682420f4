"""The charts of the report: SVG, with text as text and the page's own colours.

Few shapes each, in units of the picture: every load pays for the report. Colours are variables of
the page, so that one picture serves light and dark. What belongs here: pictures of numbers and of
labels of ours. No text of a record is ever drawn.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sparkify_dagster.report.questions import Grain
from sparkify_dagster.report.words import WEEKDAYS, short_day

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, lower edge, width, height."""

WIDTH = 380.0
_SIZE = 11.5
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 4.0, 10.0, 22.0
PLAIN = {"muted": "#72777c", "line": "#80808040", "one": "#1b7f5c", "two": "#b9dccd"}
"""What the colours are where no style sheet says it: for light paper and dark."""
_DAYS: Mapping[Grain, int] = {"day": 1, "week": 7, "month": 28, "year": 365}


@dataclass(frozen=True, slots=True)
class Series:
    """Values that belong together.

    Attributes:
        colour: `one`, `two` or `three`.
    """

    colour: str
    values: Sequence[float]


def stacked(
    periods: Sequence[date],
    series: Sequence[Series],
    grain: Grain,
    title: str,
    legend: Sequence[str] = (),
) -> str:
    """Bars over time, the values of each period one upon the other.

    Args:
        legend: What each series is, to be written above them with the title.
    """
    canvas = _Canvas(190)
    if legend:
        canvas.heading(title, dict(zip(legend, (one.colour for one in series), strict=True)))
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
        canvas.text(left + width / 2, 6, label, "middle")
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
        canvas.text(_LEFT - 8, bottom + high / 2 - 4, WEEKDAYS[weekday][:3], "end")
        for hour in range(24):
            share = plays.get((weekday, hour), 0) / most if most else 0
            box = (_LEFT + hour * cell + 1, bottom + 1, cell - 2, high - 2)
            shades[math.ceil(share * 6)].append(box)
    for step, boxes in shades.items():
        canvas.boxes(boxes, f"heat{step}")
    for hour in (0, 6, 12, 18, 23):
        canvas.text(_LEFT + (hour + 0.5) * cell, 6, f"{hour:02d}", "middle")
    return canvas.svg(title)


def as_image(svg: str, colours: Mapping[str, str] = PLAIN, width: float = WIDTH) -> str:
    """A chart as a data URI, with colours of its own, for where no style sheet reaches."""
    for name, colour in colours.items():
        svg = svg.replace(f"var(--{name})", colour)
    svg = svg.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" ', 1)
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
    """A picture that is drawn, in its units from its lower left corner."""

    def __init__(self, height: float) -> None:
        self.height = height
        self._above = 0.0
        self._drawn: list[str] = []

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
            self.text(_LEFT - 6, self.y(mark, top) - 3.5, _compact(mark), "end")
        return top

    def dates(self, time: _Time) -> None:
        """Writes a few dates below."""
        for x, label in time.labels():
            if x > WIDTH - 30:
                self.text(WIDTH - _RIGHT, 6, label, "end")
            else:
                self.text(x, 6, label, "middle")

    def heading(self, title: str, legend: Mapping[str, str]) -> None:
        """Writes above it what it is, and what its colours stand for."""
        self._above = 40.0
        self.text(0, self.height + 24, title, "start")
        x = 0.0
        for name, colour in legend.items():
            self.boxes([(x, self.height + 5, 9, 9)], colour)
            self.text(x + 14, self.height + 6, name, "start")
            x += 34 + len(name) * _SIZE * 0.56

    def boxes(self, boxes: Sequence[Box], colour: str) -> None:
        """Filled rectangles, as one shape."""
        if boxes:
            shape = "".join(
                f"M{self._at(x, y)}h{_n(width)}V{_n(self.height - y - high)}H{_n(x)}z"
                for x, y, width, high in boxes
            )
            self._drawn.append(f'<path d="{shape}" style="fill: var(--{colour})"/>')

    def line(self, points: Sequence[Point], colour: str) -> None:
        """A line through points."""
        shape = "L".join(self._at(x, y) for x, y in points)
        style = f"fill: none; stroke: var(--{colour}); stroke-width: 2.2"
        self._drawn.append(f'<path d="M{shape}" style="{style}"/>')

    def text(self, x: float, y: float, text: str, anchor: str) -> None:
        """A label of ours."""
        style = f"font-size: {_SIZE:g}px; text-anchor: {anchor}; fill: var(--muted)"
        place = f'x="{_n(x)}" y="{_n(self.height - y)}"'
        self._drawn.append(f'<text style="{style}" {place}>{html.escape(text)}</text>')

    def svg(self, title: str) -> str:
        """The picture as an element for a page, with a title for who does not see it."""
        return (
            f'<svg viewBox="0 {-self._above:g} {WIDTH:g} {self.height + self._above:g}" role="img">'
            f"<title>{html.escape(title)}</title>{''.join(self._drawn)}</svg>"
        )

    def _at(self, x: float, y: float) -> str:
        return f"{_n(x)} {_n(self.height - y)}"


def _n(number: float) -> str:
    """A number of the picture, as short as it may be: to a tenth."""
    return f"{number:.1f}".removesuffix(".0")


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
