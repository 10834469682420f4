"""The lineage page: what each column comes from, and what comes of it.

What belongs here: arranging the edges of `lineage` for a page, with a script and without.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

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


@dataclass(frozen=True, slots=True)
class Flows:
    """All columns by table, the tables by layer from the lake on.

    Attributes:
        layers: Layer, then table, then its columns.
    """

    layers: Mapping[str, Mapping[str, Sequence[Flow]]]

    @property
    def by_name(self) -> dict[str, Flow]:
        """Every column by its full name."""
        tables = [table for layer in self.layers.values() for table in layer.values()]
        return {flow.name: flow for table in tables for flow in table}


def flows(graph: Mapping[str, Any]) -> Flows:
    """Arranges a lineage graph, as `lineage.lineage_graph` gives it; its order is kept."""
    found = {node["id"]: Flow(node["id"], node["column"]) for node in graph["nodes"]}
    for edge in graph["edges"]:
        source, target = found[edge["from"]], found[edge["to"]]
        if edge["kind"] == VALUE:
            target.comes_from.append(source.name)
            source.goes_into.append(target.name)
        else:
            target.decided_by.append(source.name)
            source.decides.append(target.name)
    layers: dict[str, dict[str, list[Flow]]] = {}
    for node in graph["nodes"]:
        tables = layers.setdefault(node["layer"], {})
        tables.setdefault(node["table"], []).append(found[node["id"]])
    return Flows(layers)


def by_table(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Full names of columns, those of one table together, tables as they come up."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition(".")[0], []).append(name)
    return list(found.items())


def for_script(arranged: Flows) -> Markup:
    """The edges as JSON that may stand in a script element: by number of the column."""
    number = {name: n for n, name in enumerate(arranged.by_name)}
    columns = arranged.by_name.values()
    told = {
        "nodes": list(number),
        VALUE: [[number[a], number[f.name]] for f in columns for a in f.comes_from],
        DECIDES: [[number[a], number[f.name]] for f in columns for a in f.decided_by],
    }
    return Markup(as_script(told))


def as_script(value: object) -> str:
    """JSON that ends no script element, whatever stands in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
