"""What tables take of a DuckDB file.

What belongs here: asking DuckDB. It tells of blocks; which hold what was deleted is not told.
"""

from __future__ import annotations

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import literal, qualified
from sparkify_dagster.warehouse.engine import Session, TableSize

_TABLES = (
    "SELECT table_name FROM duckdb_tables() "
    "WHERE database_name = current_database() AND schema_name = $schema"
)
_HELD = (
    "SELECT {name} AS name, [block_id] || COALESCE(additional_block_ids, []) AS blocks "
    "FROM pragma_storage_info({table}) WHERE persistent"
)
_MEGABYTES = (
    "SELECT name, CAST(CEIL(COUNT(DISTINCT block) * MAX(block_size) / 1e6) AS BIGINT) "
    "FROM (SELECT name, UNNEST(blocks) AS block FROM ({held})), pragma_database_size() "
    "WHERE block >= 0 GROUP BY name"
)


def sizes(session: Session) -> dict[str, TableSize]:
    """The megabytes of each table of ours that has any, rounded up."""
    there = {str(name) for (name,) in session.query(_TABLES, {"schema": session.schema})}
    held = " UNION ALL ".join(
        _HELD.format(name=literal(name), table=literal(qualified(session.schema, name)))
        for name in sorted(there & TABLES.keys())
    )
    rows = session.query(_MEGABYTES.format(held=held)) if held else ()
    return {str(name): TableSize(int(megabytes), None, None) for name, megabytes in rows}
