"""The schema as an entity-relationship diagram, in Mermaid's words.

What belongs here: the text, made from the declarations of tables. Drawing it is `docs_site`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sparkify_dagster.model.table import Column, Table


def entity_diagram(tables: Iterable[Table]) -> str:
    """The tables with their columns, and how those refer to each other, as an `erDiagram`."""
    found = {table.name: table for table in tables}
    lines = [line for table in found.values() for line in _relations(table, set(found))]
    lines += [line for table in found.values() for line in _entity(table)]
    return "\n".join(["erDiagram", *lines])


def _relations(table: Table, known: set[str]) -> Iterator[str]:
    """One or no row there (`|o`, or `||` where NULL is refused) has any number of rows here."""
    for reference in table.references:
        if reference.table in known:
            one = "||" if table.column(reference.column).required else "|o"
            yield f"  {reference.table} {one}--o{{ {table.name} : {reference.column}"


def _entity(table: Table) -> Iterator[str]:
    yield f"  {table.name} {{"
    for column in table.columns:
        kind = column.sql_type.replace(" ", "_")
        yield f"    {kind} {column.name} {_marks(table, column)}".rstrip()
    yield "  }"


def _marks(table: Table, column: Column) -> str:
    refers = any(reference.column == column.name for reference in table.references)
    return ", ".join(["PK"] * (column.name in table.key) + ["FK"] * refers)
