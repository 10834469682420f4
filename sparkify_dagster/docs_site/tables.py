"""The tables as the site shows them: columns, checks, SQL, what they read and what reads them.

What belongs here: putting together what the model declares. Nothing is said here that the model
does not say.
"""

from __future__ import annotations

from dataclasses import dataclass

from sparkify_dagster.docs_site.placing import Graph
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.model.ddl import create_table, relations
from sparkify_dagster.model.diagram import entity_diagram
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Column, Layer, Table

LAKE = "lake"
_READS_LAKE = {
    STAGING_SONGS.name: ("song_data",),
    STAGING_EVENTS.name: ("log_data", "log_json_path"),
}
LAYERS = {
    LAKE: "Objects as they are delivered, in a folder or in S3.",
    Layer.STAGING.value: "Every accepted record, raw and typed, with where it came from.",
    Layer.STAR.value: "The dimensions and the fact that analysts query, always published together.",
    "mart": "Questions answered: what the star says, made ready to be looked at.",
    Layer.LEDGER.value: "What was loaded, from what, and what was rejected.",
}


@dataclass(frozen=True, slots=True)
class TablePage:
    """What there is to say about a table.

    Attributes:
        select: Its defining SELECT; "" for a table that loads fill.
        ddl: The statement that makes it, by engine.
    """

    table: Table
    read_by: tuple[str, ...]
    checks: tuple[Check, ...]
    select: str
    ddl: dict[str, str]

    def reference(self, column: Column) -> str:
        """The column of another table that a column's values stand in, or ""."""
        found = [r for r in self.table.references if r.column == column.name]
        return f"{found[0].table}.{found[0].target}" if found else ""


def table_pages(schema: str) -> tuple[TablePage, ...]:
    """Every table in the order of the model, its SQL for a schema of that name."""
    checks = all_checks()
    return tuple(
        TablePage(
            table=table,
            read_by=tuple(t.name for t in TABLES.values() if table.name in t.reads),
            checks=tuple(check for check in checks if check.table == table.name),
            select=statement(table.sql, relations(schema)) if table.sql else "",
            ddl={
                "DuckDB": create_table(table, schema, "duckdb"),
                "Redshift": create_table(table, schema, "redshift"),
            },
        )
        for table in TABLES.values()
    )


def asset_graph() -> Graph:
    """The lake's places and the tables made of them; the ledger is written along with each load."""
    graph = Graph()
    for place in dict.fromkeys(name for names in _READS_LAKE.values() for name in names):
        graph.add(place, LAKE)
    for table in TABLES.values():
        if table.layer is not Layer.LEDGER:
            graph.add(table.name, table.layer.value)
            read = (name for name in table.reads if TABLES[name].layer is not Layer.LEDGER)
            sources = (*_READS_LAKE.get(table.name, ()), *read)
            graph.edges += [(source, table.name) for source in sources]
    return graph


def page_of(table: str) -> str | None:
    """The page about a table; None for what is no table."""
    return f"table-{table}.html" if table in TABLES else None


def layer_of(table: str) -> str:
    """The layer of a table; blank for what is no table."""
    return TABLES[table].layer.value if table in TABLES else ""


def schema_texts() -> dict[str, str]:
    """Each layer's tables as an entity-relationship diagram in Mermaid's words, the star first."""
    layers = sorted(dict.fromkeys(t.layer for t in TABLES.values()), key=lambda x: x != Layer.STAR)
    return {
        layer.value: entity_diagram(t for t in TABLES.values() if t.layer is layer)
        for layer in layers
    }
