"""Graphs as SVG: groups from left to right, arrows that run around what stands in between.

What belongs here: a graph of names, and its drawing. Where things stand is `placing`'s. Colours are
the style sheet's, so that light and dark, screen and paper each get theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from markupsafe import Markup

from sparkify_dagster.docs_site.placing import NODE_HEIGHT, Box, Point, place

_LEGIBLE = 0.8
"""To what part of its width a graph may shrink; narrower boxes scroll."""


@dataclass(slots=True)
class Graph:
    """What is drawn.

    Attributes:
        groups: The group of each node, by name; "" where it has none.
        labels: What is written for a node where it is not its name.
        edges: Arrows, each from a node to another.
    """

    groups: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, group: str = "", label: str | None = None) -> None:
        """Adds a node; one that is there keeps its group."""
        if not self.groups.get(name):
            self.groups[name] = group
        if label:
            self.labels[name] = label


def drawn(graph: Graph, page_of: Callable[[str], str | None]) -> Markup:
    """The graph as a figure with inline SVG, its arrows in words for who cannot see them.

    Args:
        page_of: The page about a node, if there is one: the node then links to it.
    """
    labels = {name: graph.labels.get(name, name) for name in graph.groups}
    placed = place(graph.groups, labels, graph.edges)
    inner = Markup("").join(
        (
            *(_group(box) for box in placed.groups),
            _arrows(placed.paths),
            *(
                _node(placed.nodes[name], label, graph.groups[name], page_of(name))
                for name, label in labels.items()
            ),
        )
    )
    said = "; ".join(f"{labels[a]} to {labels[b]}" for a, b in graph.edges)
    return Markup(
        '<figure class="graph wide" tabindex="0" role="region" aria-label="Graph">'
        '<svg viewBox="0 0 {w} {h}" width="{w}" style="min-width: {least}px" role="group" '
        'aria-label="Arrows lead from {said}.">{inner}</svg></figure>\n'
    ).format(
        w=round(placed.width), h=round(placed.height), least=round(placed.width * _LEGIBLE),
        said=said, inner=inner,
    )  # fmt: skip


def _group(box: Box) -> Markup:
    return Markup(
        '<g class="group {name}"><rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{h:.0f}" '
        'rx="12"/><text x="{tx:.0f}" y="{ty:.0f}">{name}</text></g>'
    ).format(
        name=box.name, x=box.x, y=box.y, w=box.width, h=box.height, tx=box.x + 14, ty=box.y + 20
    )


def _arrows(paths: Iterable[tuple[Point, ...]]) -> Markup:
    """Lines that leave and reach each point level and end in a head; what they share is one."""
    pieces: dict[str, None] = {}
    for (x, y), *rest in paths:
        for ahead_x, ahead_y in rest:
            bend = (x + ahead_x) / 2
            ends = f"{bend:.0f} {y:.0f} {bend:.0f} {ahead_y:.0f} {ahead_x:.0f} {ahead_y:.0f}"
            pieces[f"M{x:.0f} {y:.0f}C{ends}"] = None
            x, y = ahead_x, ahead_y
        pieces[f"M{x - 6:.0f} {y - 4:.0f}L{x:.0f} {y:.0f}L{x - 6:.0f} {y + 4:.0f}"] = None
    return Markup('<path class="arrow" d="{}"/>').format("".join(pieces))


def _node(box: Box, label: str, group: str, page: str | None) -> Markup:
    shape = Markup(
        '<g class="node {group}">'
        '<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{h}" rx="7"/>'
        '<text x="{tx:.0f}" y="{ty:.0f}">{label}</text></g>'
    ).format(
        group=group, x=box.x, y=box.y, w=box.width, h=NODE_HEIGHT,
        tx=box.x + box.width / 2, ty=box.y + NODE_HEIGHT / 2 + 4, label=label,
    )  # fmt: skip
    return shape if page is None else Markup('<a href="{}">{}</a>').format(page, shape)
