"""The pictures of the schema say what the model says: tables, columns, types, keys, references."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sparkify_dagster.cli.app import app
from sparkify_dagster.docs_site.mermaid import parsed
from sparkify_dagster.docs_site.picture import drawn
from sparkify_dagster.docs_site.placing import place
from sparkify_dagster.docs_site.tables import schema_texts
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.diagram import entity_diagram
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.table import Table

README = Path(__file__).resolve().parents[3] / "README.md"
PICTURES = schema_texts()


def lines_of(table: Table) -> list[tuple[str, str, set[str]]]:
    """Type, name and marks of each column, as they must be drawn."""
    refer = {reference.column for reference in table.references}
    marked = {"PK": set(table.key), "FK": refer}
    return [
        (c.sql_type, c.name, {mark for mark, names in marked.items() if c.name in names})
        for c in table.columns
    ]


def test_the_picture_in_the_readme_is_the_star_of_the_model() -> None:
    (picture,) = re.findall(r"```mermaid\n(erDiagram\n.*?)\n```", README.read_text(), re.DOTALL)
    assert picture == entity_diagram(STAR), "take what `sparkify sql --diagram songplay` prints"


def test_every_table_stands_in_the_picture_of_its_layer() -> None:
    found = {
        name: layer
        for layer, text in PICTURES.items()
        for name in re.findall(r"^  (\w+) \{$", text, re.MULTILINE)
    }
    assert found == {table.name: table.layer.value for table in TABLES.values()}


@pytest.mark.parametrize("layer", PICTURES)
def test_a_picture_shows_the_columns_types_and_keys_of_the_model(layer: str) -> None:
    blocks = dict(re.findall(r"^  (\w+) \{\n(.*?)^  \}", PICTURES[layer], re.DOTALL | re.MULTILINE))
    svg = str(drawn(parsed(PICTURES[layer]) or pytest.fail("it cannot be drawn")))
    for name, block in blocks.items():
        shown = []
        for kind, column, *marks in (line.split(maxsplit=2) for line in block.splitlines()):
            shown.append((kind.replace("_", " "), column, set(", ".join(marks).split(", ")) - {""}))
        assert shown == lines_of(TABLES[name])
        assert f'href="table-{name}.html"' in svg
        for kind, column, _ in shown:
            assert re.search(rf">{column}( <tspan|<)", svg), column
            assert f">{kind}<" in svg


def test_each_reference_is_one_line_from_its_column_to_the_other_tables_key() -> None:
    text = PICTURES["star"]
    shown = set(re.findall(r"^  (\w+) (\|\||\|o)--o\{ (\w+) : (\w+)$", text, re.MULTILINE))
    assert shown == {
        (r.table, "||" if t.column(r.column).required else "|o", t.name, r.column)
        for t in STAR
        for r in t.references
    }
    graph = parsed(text)
    assert graph is not None
    placed = place(graph)
    for edge, path in zip(graph.edges, placed.paths, strict=True):
        for name, end, (_, y) in zip(edge, graph.ends[edge], (path[0], path[-1]), strict=True):
            row = [row.name for row in graph.rows[name]].index(end)
            box = placed.nodes[name]
            assert box.y + 30 + row * 20 < y < box.y + 50 + row * 20
    assert {
        r.column for t in TABLES.values() for r in t.references if r.column != r.target
    } == set()


def test_the_command_prints_all_tables_or_those_of_one_layer() -> None:
    every = CliRunner().invoke(app, ["sql", "--diagram"]).output
    assert every == entity_diagram(TABLES.values()) + "\n"
    star = CliRunner().invoke(app, ["sql", "--diagram", "songplay"]).output
    assert star.strip() == PICTURES["star"]
