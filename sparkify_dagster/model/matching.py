"""How plays find their song where the names alone do not say it.

What belongs here: the tables that `songplay` reads besides staging, which loads fill in the star's
transaction. How names are repaired is `core.match_name`'s, when these tables are filled
`pipeline.matching`'s.
"""

from __future__ import annotations

from sparkify_dagster.model.staging import LONG
from sparkify_dagster.model.table import Column, Layer, Physical, Table, Type

MATCH_NAMES = Table(
    name="match_names",
    layer=Layer.LEDGER,
    kind="ledger",
    meaning="Titles and artists that were UTF-8 read as Latin-1 or Windows-1252 (BjÃ¶rk), each "
    "with the name by which it is matched (Björk). Other names are matched as they are.",
    columns=(
        Column("text", Type.VARCHAR, "The name as delivered, trimmed.", length=LONG, required=True),
        Column("match_name", Type.VARCHAR, "The same, repaired.", length=LONG, required=True),
    ),
    key=("text",),
    sql="star/match_names.sql",
    physical=Physical(style="ALL", why="Small, and joined by name: a copy on every node."),
)

MATCHING: tuple[Table, ...] = (MATCH_NAMES,)
"""Made from what is staged: where one is lost, `songplay` is built anew with it."""
