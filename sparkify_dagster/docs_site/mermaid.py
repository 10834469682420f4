"""The small part of Mermaid in which the README and the docs draw their graphs.

What belongs here: reading it. Drawing is `picture`'s. A browser without a network has no
mermaid.js, so the site draws these graphs itself.
"""

from __future__ import annotations

import re

from sparkify_dagster.docs_site.placing import Graph

_START = re.compile(r"flowchart (LR|TD|TB)")
_GROUP = re.compile(r"subgraph (\w+)")
_NODE = re.compile(r"(\w+)(?:\[\"?([^\]\"]+)\"?\])?")
_EDGE = re.compile(rf"{_NODE.pattern} --> {_NODE.pattern}")


def parsed(text: str) -> Graph | None:
    """The graph of a Mermaid flowchart; None where it holds more than groups, nodes and arrows."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
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
