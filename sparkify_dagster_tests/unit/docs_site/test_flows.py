"""The edges of lineage as the page takes them, and what a script element can hold."""

from __future__ import annotations

import json

from sparkify_dagster.docs_site.flows import Flow, as_script, by_table, flows, for_script

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
    arranged = flows(GRAPH)
    assert [(layer, list(tables)) for layer, tables in arranged.layers.items()] == [
        ("lake", ["logs"]),
        ("staging", ["events"]),
        ("mart", ["plays"]),
    ]
    found = arranged.by_name
    assert found["plays.title"] == Flow(
        "plays.title", "title", comes_from=["events.song"], decided_by=["events.page"]
    )
    assert found["events.page"] == Flow("events.page", "page", decides=["plays.title"])
    assert found["logs.song"].goes_into == ["events.song"]


def test_the_script_is_told_the_same_by_number() -> None:
    assert json.loads(for_script(flows(GRAPH))) == {
        "nodes": ["logs.song", "events.song", "events.page", "plays.title"],
        "value": [[0, 1], [1, 3]],
        "decides": [[2, 3]],
    }


def test_nothing_that_is_told_a_script_can_end_it() -> None:
    value = {"a": "</script><script>alert(1)//<!--\u2028"}
    text = as_script(value)
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == value


def test_columns_of_one_table_are_named_together() -> None:
    assert by_table(["b.x", "a.y", "b.z"]) == [("b", ["b.x", "b.z"]), ("a", ["a.y"])]
