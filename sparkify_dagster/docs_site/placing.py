"""Where the nodes of a graph stand and how its arrows run: layers, and few crossings.

What belongs here: geometry, in pixels. It is the usual way for layered graphs: each group is a band
of columns; an arrow over several columns gets a free place in each it passes, shared by all arrows
of one source; places are ordered by what they are joined to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from statistics import fmean
from typing import NamedTuple

NODE_HEIGHT = 30
_GAP_X, _GAP_Y, _PASSING = 56, 14, 12
_PAD, _HEAD, _CHARACTER = 14, 34, 7.4
_SWEEPS = 8
ROW_HEIGHT, _ROWS_PAD = 20, 8
_ABREAST = 3
"""Nodes beside each other where no arrow says which comes first."""

Point = tuple[int, int]
Edge = tuple[str, str]


class Row(NamedTuple):
    """A line in a node: a column, its type, and whether it is a key."""

    name: str
    kind: str
    mark: str = ""


@dataclass(slots=True)
class Graph:
    """What is drawn.

    Attributes:
        groups: The group of each node, by name; "" where it has none.
        labels: What is written for a node where it is not its name.
        edges: Arrows, each from a node to another.
        rows: What is written below the name of a node, line by line.
        ends: Of an arrow, the rows of its two nodes that it joins.
    """

    groups: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    ends: dict[Edge, Edge] = field(default_factory=dict)

    def add(self, name: str, group: str = "", label: str | None = None) -> None:
        """Adds a node; one that is there keeps its group."""
        if not self.groups.get(name):
            self.groups[name] = group
        if label:
            self.labels[name] = label

    def label(self, name: str) -> str:
        """What is written for a node."""
        return self.labels.get(name, name)

    def height(self, name: str) -> int:
        """How high a place is: a node with its rows, or what arrows need to pass."""
        if "\x00" in name:
            return _PASSING
        rows = len(self.rows.get(name, ()))
        return NODE_HEIGHT + rows * ROW_HEIGHT + (_ROWS_PAD if rows else 0)

    def width(self, name: str) -> int:
        """How many letters wide a node is."""
        rows = (
            len(row.name) + len(row.kind) + len(row.mark) + 4 for row in self.rows.get(name, ())
        )
        return max(len(self.label(name)), *rows, 0)

    def end(self, edge: Edge, at: int) -> int:
        """How far below its upper edge an arrow meets its first (0) or second node (1)."""
        names = [row.name for row in self.rows.get(edge[at], ())]
        if edge not in self.ends or self.ends[edge][at] not in names:
            return self.height(edge[at]) // 2
        return NODE_HEIGHT + names.index(self.ends[edge][at]) * ROW_HEIGHT + ROW_HEIGHT // 2


class Box(NamedTuple):
    """A rectangle with a name; x and y are its upper left corner."""

    name: str
    x: int
    y: int
    width: int
    height: int


class Placed(NamedTuple):
    """A graph whose nodes have places.

    Attributes:
        paths: For each arrow, the points it runs through.
    """

    width: int
    height: int
    nodes: Mapping[str, Box]
    groups: Sequence[Box]
    paths: Sequence[Sequence[Point]]


def place(graph: Graph) -> Placed:
    """Places every node; the same graph always gets the same places.

    Groups stand in the order in which they first come up.
    """
    at = columns(graph)
    routes = [_route(*edge, at) for edge in graph.edges]
    rows: list[list[str]] = [[] for _ in range(max(at.values(), default=-1) + 1)]
    for name, column in at.items():
        rows[column].append(name)
    links = dict.fromkeys(chain.from_iterable(map(pairwise, routes)))
    for sweep in range(_SWEEPS):
        _order(rows, links, forth=sweep % 2 == 0)
    return _measured(graph, rows, routes)


def columns(graph: Graph) -> dict[str, int]:
    """The column of each node: that of its group, further right behind what it comes from.

    A node that has no group is one of a group without a name, whose box is not drawn.
    """
    if graph.rows and not graph.edges:
        return {name: number % _ABREAST for number, name in enumerate(graph.groups)}
    at: dict[str, int] = {}
    for group in dict.fromkeys(graph.groups.values()):
        depth = dict.fromkeys(_members(graph, group), 0)
        inside = [(a, b) for a, b in graph.edges if a in depth and b in depth]
        for _ in depth:  # As often as the longest path can be; more would be a circle.
            for a, b in inside:
                depth[b] = min(max(depth[b], depth[a] + 1), len(depth) - 1)
        first = max(at.values(), default=-1) + 1
        at |= {name: first + further for name, further in depth.items()}
    return at


def _members(graph: Graph, group: str) -> list[str]:
    return [name for name, its in graph.groups.items() if its == group]


def _route(source: str, target: str, at: dict[str, int]) -> list[str]:
    """From node to node by the places where arrows of the source pass, which get their column.

    No node has a NUL in its name.
    """
    passed = {f"{source}\x00{column}": column for column in range(at[source] + 1, at[target])}
    at |= passed
    return [source, *passed, target]


def _order(rows: list[list[str]], links: Iterable[Edge], *, forth: bool) -> None:
    """Orders each column by the middle of what its places are joined to in the one before."""
    step = 1 if forth else -1
    for beside, row in pairwise(rows[::step]):
        height, own = _heights(beside), _heights(row)
        joined: dict[str, list[float]] = {}
        for a, b in links:
            name, other = (b, a) if forth else (a, b)
            if name in own and other in height:
                joined.setdefault(name, []).append(height[other])
        middle = own | {name: fmean(heights) for name, heights in joined.items()}
        row.sort(key=lambda name: (middle[name], own[name]))


def _heights(row: Sequence[str]) -> dict[str, float]:
    """How far down in its column each place stands, from 0 to 1."""
    return {name: n / max(len(row) - 1, 1) for n, name in enumerate(row)}


def _measured(graph: Graph, rows: list[list[str]], routes: list[list[str]]) -> Placed:
    high = [sum(map(graph.height, row)) + _GAP_Y * (len(row) - 1) for row in rows]
    tallest = max(high, default=0)
    head = _HEAD if any(graph.groups.values()) else 0
    boxes: dict[str, Box] = {}
    x = _PAD
    for row, its in zip(rows, high, strict=True):
        letters = max((graph.width(name) for name in row if name in graph.groups), default=0)
        width = round(letters * _CHARACTER) + 2 * _PAD
        y = head + _PAD + (tallest - its) // 2
        for name in row:
            boxes[name] = Box(name, x, y, width, graph.height(name))
            y += boxes[name].height + _GAP_Y
        x += width + _GAP_X
    height = tallest + head + 2 * _PAD
    return Placed(
        width=max((box.x + box.width for box in boxes.values()), default=0) + _PAD + 2,
        height=height,
        nodes={name: boxes[name] for name in graph.groups},
        groups=[_band(graph, g, boxes, height) for g in dict.fromkeys(graph.groups.values()) if g],
        paths=[
            _path([boxes[name] for name in route], graph.end(edge, 0), graph.end(edge, 1))
            for edge, route in zip(graph.edges, routes, strict=True)
        ],
    )


def _band(graph: Graph, group: str, boxes: Mapping[str, Box], height: int) -> Box:
    members = [boxes[name] for name in _members(graph, group)]
    left = min(box.x for box in members) - _PAD
    right = max(box.x + box.width for box in members) + _PAD
    return Box(group, left, 1, right - left, height - 2)


def _path(route: Sequence[Box], start: int, end: int) -> list[Point]:
    """From the right edge of the first box to the left edge of the last, level through others."""
    inner = [box.height // 2 for box in route[1:-1]]
    down = zip(route, (start, *inner, end), strict=True)
    sides = [(x, box.y + y) for box, y in down for x in (box.x, box.x + box.width)]
    return sides[1:-1]
