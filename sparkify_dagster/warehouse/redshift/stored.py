"""Which tables and columns there are, asked of Redshift's catalogue.

What belongs here: these questions. Comparing the answers with the model is `schema`'s.
"""

from __future__ import annotations

from sparkify_dagster.warehouse.engine import Columns, Session
from sparkify_dagster.warehouse.redshift.statements import TABLES_QUERY

NAMES_QUERY = (
    "SELECT r.relname FROM pg_catalog.pg_class AS r "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace "
    "WHERE n.nspname = $schema AND r.relkind IN ('r', 'v')"
)


def names(session: Session) -> set[str]:
    """The names of all tables and views of the schema, whoever made them."""
    return {str(name) for (name,) in session.query(NAMES_QUERY, {"schema": session.schema})}


def tables(session: Session, shown: str = "") -> dict[str, Columns]:
    """The columns of every table of the schema, by table.

    Args:
        shown: The schema whose tables views of this one show; blank: there are no views.
    """
    found = _columns(session, session.schema)
    if shown and (views := names(session) - found.keys()):
        # Redshift knows no columns of a view that is bound late: they are what it shows.
        there = _columns(session, shown)
        for name in views & there.keys():
            found[name] = there[name]
            found[name].is_view = True
    return found


def _columns(session: Session, schema: str) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    rows = session.query(TABLES_QUERY, {"schema": schema})
    for table, column, kind, length, nullable, relation, *comments in rows:
        typed_kind = f"{kind}({length})" if length else kind
        columns = found.setdefault(table, Columns())
        columns.add(column, typed_kind, *comments, required=nullable == "NO")
        columns.is_view = relation == "v"
    return found
