"""What hangs on tables besides their rows: rights that somebody has, views that read them.

What belongs here: asking for it, so that a plan can name what it touches. Giving and taking rights
is `rights`'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sparkify_dagster.warehouse.engine import Session

_VIEWS = {
    "duckdb": "SELECT v.schema_name, v.view_name, v.sql FROM duckdb_views() AS v "
    "WHERE NOT v.internal AND v.database_name = current_database()",
    "redshift": "SELECT v.schemaname, v.viewname, v.definition FROM pg_views AS v "
    "WHERE v.schemaname NOT IN ('pg_catalog', 'information_schema')",
}
_RIGHTS = (
    "SELECT p.relation_name, p.identity_type, p.identity_name, p.privilege_type "
    "FROM svv_relation_privileges AS p WHERE p.namespace_name = $schema "
    "AND p.identity_name <> current_user ORDER BY 1, 2, 3, 4"
)


def views_on(session: Session, tables: Collection[str]) -> dict[str, list[str]]:
    """The views that read each of some tables, by themselves or through others.

    A view that names a table without a schema is counted: by whose path that is found, is not told.
    """
    rows = session.query(_VIEWS[session.engine]) if tables else ()
    read = {(str(s), str(v)): _read_by(str(text), session.engine) for s, v, text in rows}
    found = {}
    for name in tables:
        reached = {(session.schema, name)}
        while more := {v for v, named in read.items() if named & _ways_to(reached)} - reached:
            reached |= more
        found[name] = sorted(".".join(view) for view in reached & read.keys())
    return found


def _ways_to(relations: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(schema, name) for known, name in relations for schema in (known, "")}


def _read_by(view: str, engine: str) -> set[tuple[str, str]]:
    """The relations that the text of a view names, each with its schema, or none."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        parsed = parse_one(view, read=engine)
    except SqlglotError:  # Better a view too many than one that is not told.
        return {("", word) for word in view.replace('"', " ").replace(".", " ").split()}
    made = parsed.this if isinstance(parsed, exp.Create) else None
    return {(t.db, t.name) for t in parsed.find_all(exp.Table) if t is not made}


def rights_on(session: Session, tables: Collection[str]) -> dict[str, list[str]]:
    """Who else has which rights on each of some tables; nobody has any in a DuckDB file."""
    found: dict[str, list[str]] = {name: [] for name in tables}
    if session.engine == "redshift" and tables:
        held = defaultdict[tuple[str, str], list[str]](list)
        for table, kind, name, right in session.query(_RIGHTS, {"schema": session.schema}):
            held[str(table), f"{kind} {name}".strip()].append(str(right))
        for (table, whose), rights in held.items():
            if table in found:
                found[table].append(f"{', '.join(rights)} for {whose}")
    return found
