"""The edges of lineage as the page and its script take them."""

from __future__ import annotations

from sparkify_dagster.docs_site.flows import Flow, by_table, flows, layers, numbered

GRAPH = {
    "nodes": [
        {"id": "logs.song", "table": "logs", "column": "song", "layer": "lake"},
        {"id": "events.song", "table": "events", "column": "song", "layer": "staging"},
        {"id": "events.page", "table": "events", "column": "page", "layer": "staging"},
        {"id": "plays.title", "table": "plays", "column": "title", "layer": "mart"},
    ],
    "edges": [
        {"from": "logs.song", "to": "events.song", "kind": "value"},
        {"from": "events.song", "to": "plays.title", "kind": "value"},
        {"from": "events.page", "to": "plays.title", "kind": "decides"},
    ],
}


def test_columns_stand_by_layer_and_table_and_know_their_neighbours_both_ways() -> None:
    assert list(layers(GRAPH).items()) == [
        ("lake", {"logs": ["logs.song"]}),
        ("staging", {"events": ["events.song", "events.page"]}),
        ("mart", {"plays": ["plays.title"]}),
    ]
    found = flows(GRAPH)
    assert found["plays.title"] == Flow(
        "plays.title", "title", comes_from=["events.song"], decided_by=["events.page"]
    )
    assert found["events.page"] == Flow("events.page", "page", decides=["plays.title"])
    assert found["logs.song"].goes_into == ["events.song"]


def test_the_script_is_told_the_same_by_number() -> None:
    assert numbered(GRAPH) == {
        "nodes": ["logs.song", "events.song", "events.page", "plays.title"],
        "value": [[0, 1], [1, 3]],
        "decides": [[2, 3]],
    }


def test_columns_of_one_table_are_named_together() -> None:
    assert by_table(["b.x", "a.y", "b.z"]) == [("b", ["b.x", "b.z"]), ("a", ["a.y"])]
