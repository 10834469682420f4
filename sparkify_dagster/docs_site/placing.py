"""Where the nodes of a graph stand and how its arrows run: layers, and few crossings.

What belongs here: geometry, in pixels. It is the usual way for layered graphs: each group is a band
of columns; an arrow over several columns gets a free place in each it passes, shared by all arrows
of one source; places are ordered by what they are joined to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

NODE_HEIGHT = 30
_GAP_X, _GAP_Y, _PASSING = 56, 14, 12
_PAD, _HEAD, _CHARACTER = 14, 34, 7.4
_SWEEPS = 8

Point = tuple[float, float]
Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with a name; x and y are its upper left corner."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A graph whose nodes have places.

    Attributes:
        paths: For each arrow, the points it runs through.
    """

    width: float
    height: float
    nodes: Mapping[str, Box]
    groups: tuple[Box, ...]
    paths: tuple[tuple[Point, ...], ...]


def place(groups: Mapping[str, str], labels: Mapping[str, str], edges: Sequence[Edge]) -> Placed:
    """Places every node; the same graph always gets the same places.

    Args:
        groups: The group of each node; groups stand in the order in which they first come up.
    """
    at = columns(groups, edges)
    rows, links = _with_passages(at, edges)
    for sweep in range(_SWEEPS):
        _order(rows, links, forth=sweep % 2 == 0)
    return _measured(groups, labels, edges, at, rows)


def columns(groups: Mapping[str, str], edges: Sequence[Edge]) -> dict[str, int]:
    """The column of each node: that of its group, further right behind what it comes from.

    A node that has no group is one of a group without a name, whose box is not drawn.
    """
    at: dict[str, int] = {}
    first = 0
    for group in dict.fromkeys(groups.values()):
        members = [name for name in groups if groups[name] == group]
        inside = [(a, b) for a, b in edges if a in members and b in members]
        depth = dict.fromkeys(members, 0)
        for _ in members:  # As often as the longest path can be; more would be a circle.
            for a, b in inside:
                depth[b] = min(max(depth[b], depth[a] + 1), len(members) - 1)
        at |= {name: first + depth[name] for name in members}
        first = max(at.values()) + 1
    return at


def _passage(source: str, column: int) -> str:
    """The place at which arrows of a source pass a column; no node has a NUL in its name."""
    return f"{source}\x00{column}"


def _route(edge: Edge, at: Mapping[str, int]) -> list[str]:
    source, target = edge
    passed = range(at[source] + 1, at[target])
    return [source, *(_passage(source, column) for column in passed), target]


def _with_passages(
    at: Mapping[str, int], edges: Sequence[Edge]
) -> tuple[list[list[str]], list[Edge]]:
    """What stands in each column, passages included, and what is joined to what next to it."""
    rows: list[list[str]] = [[] for _ in range(max(at.values(), default=-1) + 1)]
    for name, column in at.items():
        rows[column].append(name)
    links: dict[Edge, None] = {}
    for edge in edges:
        route = _route(edge, at)
        for offset, name in enumerate(route[1:-1], at[edge[0]] + 1):
            if name not in rows[offset]:
                rows[offset].append(name)
        links |= dict.fromkeys(pairwise(route))
    return rows, list(links)


def _order(rows: list[list[str]], links: list[Edge], *, forth: bool) -> None:
    """Orders each column by the middle of what its places are joined to in the one before."""
    steps = range(1, len(rows)) if forth else range(len(rows) - 2, -1, -1)
    for column in steps:
        beside = rows[column - 1 if forth else column + 1]
        height = {name: n / max(len(beside) - 1, 1) for n, name in enumerate(beside)}
        own = {name: n / max(len(rows[column]) - 1, 1) for n, name in enumerate(rows[column])}
        joined: dict[str, list[float]] = {}
        for a, b in links:
            name, other = (b, a) if forth else (a, b)
            if name in own and other in height:
                joined.setdefault(name, []).append(height[other])
        middle = {n: sum(j) / len(j) for n, j in joined.items()}
        rows[column].sort(key=lambda name: (middle.get(name, own[name]), own[name]))


def _measured(
    groups: Mapping[str, str],
    labels: Mapping[str, str],
    edges: Sequence[Edge],
    at: Mapping[str, int],
    rows: list[list[str]],
) -> Placed:
    widths = [
        max((len(labels[n]) * _CHARACTER + 2 * _PAD for n in row if n in labels), default=0)
        for row in rows
    ]
    lefts = [_PAD + sum(widths[:n]) + n * _GAP_X for n in range(len(rows))]
    heights = [sum(map(_height, row)) + _GAP_Y * (len(row) - 1) for row in rows]
    tallest = max(heights, default=0)
    head = _HEAD if any(groups.values()) else 0
    boxes: dict[str, Box] = {}
    for column, row in enumerate(rows):
        y = head + _PAD + (tallest - heights[column]) / 2
        for name in row:
            boxes[name] = Box(name, lefts[column], y, widths[column], _height(name))
            y += _height(name) + _GAP_Y
    height = tallest + head + 2 * _PAD
    width = max((b.x + b.width for b in boxes.values()), default=0) + _PAD + 2
    bands = _bands(groups, boxes, height)
    paths = tuple(_path(boxes, _route(edge, at)) for edge in edges)
    return Placed(width, height, boxes, bands, paths)


def _height(name: str) -> int:
    return _PASSING if "\x00" in name else NODE_HEIGHT


def _bands(groups: Mapping[str, str], boxes: Mapping[str, Box], height: float) -> tuple[Box, ...]:
    made = []
    for group in filter(None, dict.fromkeys(groups.values())):
        members = [boxes[name] for name in groups if groups[name] == group]
        left = min(box.x for box in members) - _PAD
        right = max(box.x + box.width for box in members) + _PAD
        made.append(Box(group, left, 1, right - left, height - 2))
    return tuple(made)


def _path(boxes: Mapping[str, Box], route: list[str]) -> tuple[Point, ...]:
    """From the right edge of the first box to the left edge of the last, level through others."""
    points: list[Point] = []
    for step, name in enumerate(route):
        box = boxes[name]
        middle = box.y + box.height / 2
        if step > 0:
            points.append((box.x, middle))
        if step < len(route) - 1:
            points.append((box.x + box.width, middle))
    return tuple(points)
