"""The lineage page: what each column comes from, and what comes of it.

What belongs here: arranging the edges of `lineage` for a page, with a script and without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

VALUE, DECIDES = "value", "decides"


@dataclass(slots=True)
class Flow:
    """One column: its neighbours in both directions, by full name (`table.column`).

    Attributes:
        column: Its name in its table.
        decided_by: Columns that decide which row it is taken from, or whether there is one.
        decides: The other way about.
    """

    name: str
    column: str
    comes_from: list[str] = field(default_factory=list)
    decided_by: list[str] = field(default_factory=list)
    goes_into: list[str] = field(default_factory=list)
    decides: list[str] = field(default_factory=list)


def flows(graph: Mapping[str, Any]) -> dict[str, Flow]:
    """Every column of a lineage graph, as `lineage.lineage_graph` gives it, by its full name."""
    found = {node["id"]: Flow(node["id"], node["column"]) for node in graph["nodes"]}
    for edge in graph["edges"]:
        source, target = found[edge["from"]], found[edge["to"]]
        value = edge["kind"] == VALUE
        (target.comes_from if value else target.decided_by).append(source.name)
        (source.goes_into if value else source.decides).append(target.name)
    return found


def layers(graph: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Each layer's tables with the full names of their columns; the graph's order is kept."""
    found: dict[str, dict[str, list[str]]] = {}
    for node in graph["nodes"]:
        found.setdefault(node["layer"], {}).setdefault(node["table"], []).append(node["id"])
    return found


def by_table(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Full names of columns, those of one table together, tables as they come up."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition(".")[0], []).append(name)
    return list(found.items())


def numbered(graph: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What the page's script is told: names of columns, and the edges by number of the column."""
    number = {node["id"]: n for n, node in enumerate(graph["nodes"])}
    edges: dict[str, list[Any]] = {VALUE: [], DECIDES: []}
    for edge in graph["edges"]:
        edges[edge["kind"]].append([number[edge["from"]], number[edge["to"]]])
    return {"nodes": list(number), **edges}
