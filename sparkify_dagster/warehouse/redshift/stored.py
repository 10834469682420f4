"""Which tables and columns there are, asked of Redshift's catalogue.

What belongs here: these questions. Comparing the answers with the model is `schema`'s.
"""

from __future__ import annotations

from sparkify_dagster.warehouse.engine import Columns, Design, Row, Session
from sparkify_dagster.warehouse.redshift.statements import TABLES_QUERY

NAMES_QUERY = (
    "SELECT r.relname FROM pg_catalog.pg_class AS r "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace "
    "WHERE n.nspname = $schema AND r.relkind IN ('r', 'v')"
)

STYLES_QUERY = (
    "SELECT i.relname, i.reldiststyle FROM pg_class_info AS i "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = i.relnamespace "
    "WHERE n.nspname = $schema AND i.relkind = 'r'"
)
DESIGNS_QUERY = (
    "SELECT c.table_name, c.column_name, c.encoding, c.distkey, c.sortkey "
    "FROM svv_redshift_columns AS c "
    "WHERE c.database_name = CURRENT_DATABASE() AND c.schema_name = $schema"
)
_STYLES = {0: "EVEN", 1: "KEY", 8: "ALL"}


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


def designs(session: Session) -> dict[str, Design]:
    """How each table of the schema is distributed, sorted and encoded."""
    asked = {"schema": session.schema}
    styles = {
        name: _STYLES.get(int(style), "AUTO") for name, style in session.query(STYLES_QUERY, asked)
    }
    columns: dict[str, list[Row]] = {}
    for table, *column in session.query(DESIGNS_QUERY, asked):
        columns.setdefault(table, []).append(tuple(column))
    return {
        name: _design(style, columns[name]) for name, style in styles.items() if name in columns
    }


def _design(style: str, columns: list[Row]) -> Design:
    sorted_by = sorted(
        (abs(place), name if place > 0 else "") for name, _, _, place in columns if place
    )
    return Design(
        style,
        next((name for name, _, distributes, _ in columns if distributes and style == "KEY"), None),
        tuple(name for _, name in sorted_by),
        {name: encoding.upper().replace("NONE", "RAW") for name, encoding, _, _ in columns},
    )


def _columns(session: Session, schema: str) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    rows = session.query(TABLES_QUERY, {"schema": schema})
    for table, column, kind, length, nullable, relation, *comments in rows:
        typed_kind = f"{kind}({length})" if length else kind
        columns = found.setdefault(table, Columns())
        columns.add(column, typed_kind, *comments, required=nullable == "NO")
        columns.is_view = relation == "v"
    return found
