"""The SELECTs that define star and marts, as text: every contender that takes SQL runs the same.

They are read from the platform's files, and need nothing of the platform to be run.
"""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

from bench.contenders.lake import STAR

_SQL = Path(__file__).resolve().parents[2] / "sparkify_dagster" / "model" / "sql"
_STAGING = ("staging_songs_table", "staging_events_table")

_READ_BY = {
    path.stem: re.findall(r"{(\w+)}", path.read_text(encoding="utf-8"))
    for path in sorted((_SQL / "mart").glob("*.sql"))
    if "." not in path.stem
}
MARTS = tuple(name for name in TopologicalSorter(_READ_BY).static_order() if name in _READ_BY)
"""The marts, in an order in which they can be made."""

NO_NAMES = {
    "match_names": "(SELECT '' AS text, '' AS match_name WHERE 1 = 0)",
    "song_aliases": "(SELECT '' AS song, '' AS artist, '' AS song_id WHERE 1 = 0)",
}
"""What nobody loads here: of misread names and aliases the lakes have none."""

DIALECT = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'",
)
"""What lets DuckDB read the texts as Redshift does."""


def select(table: str, relations: dict[str, str]) -> str:
    """The SELECT that defines a table.

    Args:
        relations: What stands for each table it may read.
    """
    layer = "star" if table in STAR else "mart"
    return (_SQL / layer / f"{table}.sql").read_text(encoding="utf-8").format_map(relations)


def relations(schema: str = "sparkify") -> dict[str, str]:
    """Every table in a schema, quoted."""
    stored = {name: f'{schema}."{name}"' for name in (*_STAGING, *STAR, *MARTS)}
    return stored | NO_NAMES
