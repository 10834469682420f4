"""The whole way of every column, from the records in the lake to the last table made of them.

What belongs here: joining what `select` says of each statement, and following it up and down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal, NamedTuple

from sparkify_dagster.lineage.origin import NONE, Origin, Ref, Refs
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import quoted
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Column, Table

Kind = Literal["value", "decides"]
LAKE = {STAGING_SONGS.name: "song_data", STAGING_EVENTS.name: "log_data"}
"""The place in the lake that feeds each staging table."""
_FIELD = "$."


class Edge(NamedTuple):
    """One column has a say in another: it gives its value, or only decides about rows."""

    source: Ref
    target: Ref
    kind: Kind


def field_of(table: Table, column: Column) -> Ref | None:
    """The field of the JSON object that a staging column is read from; None if it is none.

    Of logs it is the field that the lake's JSONPaths document names for that column; the one here
    is what the public sample's document says.
    """
    if table.name not in LAKE or not column.source.startswith(_FIELD):
        return None
    return Ref(LAKE[table.name], column.source.removeprefix(_FIELD))


@cache
def origins_of(name: str) -> Mapping[str, Origin]:
    """The origin of each column of a table, one step up; nothing for what no statement defines.

    Raises:
        KeyError: There is no such table.
    """
    table = TABLES[name]
    if table.name in LAKE:
        fields = {column.name: field_of(table, column) for column in table.columns}
        return {
            column: Origin(frozenset({field}) if field else frozenset())
            for column, field in fields.items()
        }
    if table.sql is None:
        return {}
    from sparkify_dagster.lineage.select import origins

    sources = {source: TABLES[source] for source in table.reads}
    return origins(statement(table.sql, {source: quoted(source) for source in sources}), sources)


def known_tables() -> dict[str, tuple[str, ...]]:
    """The fields of the lake and the columns of every table made of them, from up to down."""
    fields = {
        LAKE[table.name]: tuple(
            field.column for column in table.columns if (field := field_of(table, column))
        )
        for table in STAGING
    }
    shown = (*STAGING, *MATCHING)
    made = (table for table in TABLES.values() if table in shown or table.sql)
    return fields | {table.name: table.column_names for table in made}


@cache
def above() -> Mapping[Ref, Origin]:
    """For each column what has a say in it, one step up."""
    return {
        Ref(name, column): origin for name in TABLES for column, origin in origins_of(name).items()
    }


@cache
def below() -> Mapping[Ref, Origin]:
    """For each column and field what it has a say in, one step down."""
    found: dict[Ref, Origin] = {}
    for edge in edges():
        mine = found.get(edge.source, Origin())
        target = frozenset({edge.target})
        if edge.kind == "value":
            found[edge.source] = Origin(mine.values | target, mine.decides)
        else:
            found[edge.source] = mine.decided_by(target)
    return found


@cache
def edges() -> tuple[Edge, ...]:
    """Every edge, sorted; one between two columns, whatever says they have."""
    found = []
    for target, origin in above().items():
        found += [Edge(source, target, "value") for source in origin.values]
        found += [Edge(source, target, "decides") for source in origin.decides]
    return tuple(sorted(found))


def followed(ref: Ref, steps: Mapping[Ref, Origin]) -> Origin:
    """All that `above` or `below` lead to: by values alone, and by any step that only decides."""
    values = _reached(ref, {each: origin.values for each, origin in steps.items()})
    return Origin(values, _reached(ref, {e: o.all for e, o in steps.items()}) - values - {ref})


def _reached(ref: Ref, steps: Mapping[Ref, Refs]) -> Refs:
    found: set[Ref] = set()
    todo = [ref]
    while todo:
        new = steps.get(todo.pop(), NONE) - found
        found |= new
        todo += new
    return frozenset(found)


def in_lake(refs: Iterable[Ref]) -> Refs:
    """Those of them that are fields of the lake's records."""
    return frozenset(ref for ref in refs if ref.table in LAKE.values())


def lineage_graph() -> dict[str, list[dict[str, str]]]:
    """The whole graph as plain data.

    Returns:
        `nodes`, each with `id` (`table.column`), `table`, `column` and `layer` (`lake`, `staging`,
        …), tables from up to down and columns in their order; `edges`, each with `from` and `to`
        (ids) and `kind` (`value`: its value goes there; `decides`: it only has a say in which rows
        there are or which of several is taken).
    """
    layers = {name: table.layer.value for name, table in TABLES.items()}
    nodes = [
        {
            "id": str(Ref(table, column)),
            "table": table,
            "column": column,
            "layer": layers.get(table, "lake"),
        }
        for table, columns in known_tables().items()
        for column in columns
    ]
    return {
        "nodes": nodes,
        "edges": [
            {"from": str(edge.source), "to": str(edge.target), "kind": edge.kind}
            for edge in edges()
        ],
    }
