"""Graphs as SVG: groups from left to right, arrows that run around what stands in between.

What belongs here: drawing a graph. Where things stand is `placing`'s. Colours are the style
sheet's, so that light and dark, screen and paper each get theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup

from sparkify_dagster.docs_site.placing import ROW_HEIGHT, Graph, Point, place
from sparkify_dagster.docs_site.templating import templates

_LEGIBLE = 0.8
"""To what part of its width a graph may shrink; narrower boxes scroll."""


def drawn(graph: Graph) -> Markup:
    """The graph as a figure with inline SVG, its arrows in words for who cannot see them.

    A node that is a table links to its page.
    """
    placed = place(graph)
    made = templates().get_template("graph.html")
    return Markup(
        made.render(
            graph=graph, placed=placed, arrows=_arrows(placed.paths), row_height=ROW_HEIGHT,
            least=round(placed.width * _LEGIBLE),
        )
    )  # fmt: skip


def _arrows(paths: Iterable[Sequence[Point]]) -> str:
    """Lines that leave and reach each point level and end in a head; what they share is one."""
    pieces: dict[str, None] = {}
    for path in paths:
        for (x, y), (u, v) in pairwise(path):
            bend = (x + u) // 2
            pieces[f"M{x} {y}C{bend} {y} {bend} {v} {u} {v}"] = None
        x, y = path[-1]
        pieces[f"M{x - 6} {y - 4}L{x} {y}L{x - 6} {y + 4}"] = None
    return "".join(pieces)
