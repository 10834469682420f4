"""Drawn graphs: everything is there, nothing lies on anything else, the same every time."""

from __future__ import annotations

from datetime import date
from itertools import combinations, pairwise

import pytest

from sparkify_dagster.docs_site.mermaid import parsed
from sparkify_dagster.docs_site.picture import drawn
from sparkify_dagster.docs_site.placing import Box, Graph, columns, place
from sparkify_dagster.docs_site.tables import asset_graph


def overlap(a: Box, b: Box) -> bool:
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


def test_no_table_lies_on_another_and_all_lie_in_the_picture() -> None:
    found = place(asset_graph())
    assert not [(a.name, b.name) for a, b in combinations(found.nodes.values(), 2) if overlap(a, b)]
    for box in (*found.nodes.values(), *found.groups):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= found.width
        assert box.y + box.height <= found.height


def test_groups_stand_apart_and_hold_their_own() -> None:
    graph = asset_graph()
    found = place(graph)
    assert not [(a, b) for a, b in combinations(found.groups, 2) if overlap(a, b)]
    for band in found.groups:
        inside = {n for n in graph.groups if overlap(found.nodes[n], band)}
        assert inside == {n for n, group in graph.groups.items() if group == band.name}
        assert all(found.nodes[n].y > band.y + 24 for n in inside), "it covers the group's name"


def test_every_arrow_points_to_the_right_and_runs_past_what_stands_in_between() -> None:
    graph = asset_graph()
    found = place(graph)
    for (source, target), path in zip(graph.edges, found.paths, strict=True):
        assert [x for x, _ in path] == sorted(x for x, _ in path)
        level = [(a, b) for a, b in pairwise(path) if a[1] == b[1]]
        for (x, y), (ahead, _) in level:
            line = Box("", x + 1, y, ahead - x - 2, 1)
            crossed = {n for n in graph.groups if n and overlap(found.nodes[n], line)}
            assert crossed <= {source, target}


def test_a_circle_and_a_loop_are_drawn_all_the_same() -> None:
    graph = Graph()
    for name in "abc":
        graph.add(name)
    graph.edges += [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")]
    assert "<svg" in drawn(graph)
    assert max(columns(graph).values()) <= 2


def test_an_empty_graph_is_an_empty_picture() -> None:
    assert "<svg" in drawn(Graph())


def test_tables_link_to_their_pages_and_the_lake_to_none() -> None:
    html = drawn(asset_graph())
    assert '<a href="table-songplay.html">' in html
    assert "log_json_path" in html
    assert "table-log_data" not in html


def test_names_are_shown_and_not_run() -> None:
    graph = Graph()
    graph.add("a", label='<b>"')
    html = drawn(graph)
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_a_flowchart_is_read_with_groups_and_labels() -> None:
    graph = parsed("flowchart LR\n  subgraph lake\n    a\n  end\n  a --> b[the star]\n  b --> c\n")
    assert graph is not None
    assert graph.groups == {"a": "lake", "b": "", "c": ""}
    assert graph.labels == {"b": "the star"}
    assert graph.edges == [("a", "b"), ("b", "c")]


@pytest.mark.parametrize("text", ["", "pie", "flowchart LR\n  a -.-> b", "flowchart LR\n  a{b}"])
def test_what_is_more_than_boxes_and_arrows_is_not_guessed_at(text: str) -> None:
    assert parsed(text) is None


def test_the_picture_has_every_table_of_dagsters_graph_and_every_edge() -> None:
    from sparkify_dagster.defs.assets import log_days, table_specs

    graph = asset_graph()
    days = log_days(date(2018, 11, 1), date(2018, 11, 2))
    specs = table_specs("duckdb", "sparkify", "", days, with_lineage=False)
    edges = {(d.asset_key.to_user_string(), s.key.to_user_string()) for s in specs for d in s.deps}
    assert edges == set(graph.edges)
