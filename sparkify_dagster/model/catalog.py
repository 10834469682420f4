"""Every table of the warehouse by name, and the version of what defines it.

What belongs here: look-ups over the declarations. The declarations stand in `staging`, `star`,
`marts` and `ledger`.
"""

from __future__ import annotations

import hashlib
from functools import cache

from sparkify_dagster.model.ledger import LEDGER
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.statements import VIEWS, placeholders, sql_text
from sparkify_dagster.model.table import Table

STAGING: tuple[Table, ...] = (STAGING_SONGS, STAGING_EVENTS)
TABLES: dict[str, Table] = {
    table.name: table for table in (*STAGING, *STAR, *MARTS, *LEDGER, *MATCHING)
}

KEPT: tuple[Table, ...] = (*STAGING, *LEDGER, *MATCHING)
"""The tables whose rows stay when the model changes; a SELECT makes those of all others again."""

GENERATION = 2
"""Of the model: raised with each change of a table's columns, key or SQL, and never lowered.

It stands in the ledger, so that older code leaves alone what newer code has made.
"""


def tables_in(path: str, package: str = "model") -> set[str]:
    """The tables that a statement's file names, by itself or through a view."""
    named = placeholders(path, package)
    through = (tables_in(VIEWS[name]) for name in named if name in VIEWS)
    return TABLES.keys() & set(named).union(*through)


def own_version(name: str) -> str:
    """Digest of a table's own key and SQL, whatever it reads."""
    table = TABLES[name]
    said = [",".join(table.key), sql_text(table.sql) if table.sql else ""]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


@cache
def design_version() -> str:
    """Digest of how all tables are distributed, sorted and encoded on Redshift."""
    said = [
        f"{table.name} {table.physical.style} {table.physical.distkey} {table.physical.sortkey} "
        + " ".join(f"{column.name} {table.encoding(column)}" for column in table.columns)
        for table in TABLES.values()
    ]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


@cache
def model_version(name: str) -> str:
    """Digest of all that decides what the rows of a table are: columns, key, SQL, and its sources'.

    Two versions of the code that give the same digest give the same rows from the same staging
    rows; a digest that differs from the one in `load_history` means that the table is rebuilt.
    """
    table = TABLES[name]
    said = [f"{c.name} {c.sql_type} {c.required}" for c in table.columns]
    said += [",".join(table.key), sql_text(table.sql) if table.sql else ""]
    said += [model_version(source) for source in table.reads]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]
