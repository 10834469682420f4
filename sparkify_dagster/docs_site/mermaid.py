"""The small part of Mermaid in which the README and the docs draw their graphs.

What belongs here: reading it. Drawing is `picture`'s. A browser without a network has no
mermaid.js, so the site draws these graphs itself.
"""

from __future__ import annotations

import re

from sparkify_dagster.docs_site.placing import Graph, Row

_START = re.compile(r"flowchart (LR|TD|TB)")
_GROUP = re.compile(r"subgraph (\w+)")
_NODE = re.compile(r"(\w+)(?:\[\"?([^\]\"]+)\"?\])?")
_RELATION = re.compile(r"(\w+) [|o]{2}--o\{ (\w+) : (\w+)")
_ENTITY = re.compile(r"(\w+) \{")
_COLUMN = re.compile(r"(\S+) (\w+) ?((?:PK|FK|, )*)")
_EDGE = re.compile(rf"{_NODE.pattern} --> {_NODE.pattern}")


def parsed(text: str) -> Graph | None:
    """The graph of a flowchart or an entity-relationship diagram; None where it holds more.

    In a flowchart that is groups, nodes and arrows; in the other tables, columns and references.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0] == "erDiagram":
        return _entities(lines[1:])
    if not lines or not _START.fullmatch(lines[0]):
        return None
    graph = Graph()
    group = ""
    for line in lines[1:]:
        if found := _GROUP.fullmatch(line):
            group = found[1]
        elif line == "end":
            group = ""
        elif found := _EDGE.fullmatch(line):
            source, label, target, target_label = found.groups()
            graph.add(source, group, label)
            graph.add(target, group, target_label)
            graph.edges.append((source, target))
        elif found := _NODE.fullmatch(line):
            graph.add(found[1], group, found[2])
        else:
            return None
    return graph


def _entities(lines: list[str]) -> Graph | None:
    """Tables with their columns; an arrow leads from a column to the one it refers to.

    That one is the key of its table and has, in this model, the same name.
    """
    graph = Graph()
    table = ""
    for line in lines:
        if found := _RELATION.fullmatch(line):
            target, source, column = found.groups()
            graph.edges.append((source, target))
            graph.ends[source, target] = (column, column)
        elif found := _ENTITY.fullmatch(line):
            table = found[1]
            graph.add(table)
            graph.rows[table] = []
        elif line == "}":
            table = ""
        elif table and (found := _COLUMN.fullmatch(line)):
            kind, name, mark = found.groups()
            graph.rows[table].append(Row(name, kind.replace("_", " "), mark))
        else:
            return None
    return graph
