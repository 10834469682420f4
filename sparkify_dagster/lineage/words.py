"""Lineage as text: what the UI, the command line and a person read.

What belongs here: grouping and wording. What is true stands in `graph`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sparkify_dagster.lineage.graph import known_tables, origins_of
from sparkify_dagster.lineage.origin import NONE, Origin, Ref, Refs
from sparkify_dagster.model.catalog import TABLES

NOTHING = "no column: rows counted, or always the same"
"""What stands where a value is made of no other."""


def column_map(name: str) -> str:
    """Which column comes from which, one step up, as Markdown.

    Raises:
        KeyError: There is no such table.
    """
    found = origins_of(name)
    common = in_common(found)
    also = any(origin.decides - common for origin in found.values())
    rows = [("column", "comes from", "also decided by"), ("---",) * 3]
    rows += [
        (column, made_of(Ref(name, column), origin), grouped(origin.decides - common))
        for column, origin in found.items()
    ]
    lines = [f"| {' | '.join(row if also else row[:2])} |" for row in rows]
    if common:
        lines = [f"Which rows there are is decided by {grouped(common)}.", "", *lines]
    return "\n".join(lines)


def in_common(found: Mapping[str, Origin]) -> Refs:
    """What has a say in every column of a table: what decides which rows there are."""
    each = [origin.all for origin in found.values()]
    return frozenset.intersection(*each) if each else NONE


def made_of(ref: Ref, origin: Origin) -> str:
    """What the value of a column is made of, one step up."""
    if origin.values:
        return grouped(origin.values)
    table = TABLES.get(ref.table)
    return (table.column(ref.column).source if table else "") or NOTHING


def grouped(refs: Iterable[Ref]) -> str:
    """`song.title; staging_events_table: artist, song`, in the order of tables and columns."""
    return "; ".join(
        f"{table}.{columns[0]}" if len(columns) == 1 else f"{table}: {', '.join(columns)}"
        for table, columns in by_table(refs).items()
    )


def by_table(refs: Iterable[Ref]) -> dict[str, list[str]]:
    """The columns by table, both in their order."""
    wanted = frozenset(refs)
    found = {
        table: [column for column in columns if Ref(table, column) in wanted]
        for table, columns in known_tables().items()
    }
    return {table: columns for table, columns in found.items() if columns}
