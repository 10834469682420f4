"""How plays find their song where the names alone do not say it.

What belongs here: the tables that `songplay` reads besides staging, which loads fill in the star's
transaction. How names are repaired is `core.match_name`'s, when these tables are filled
`pipeline.matching`'s.
"""

from __future__ import annotations

from sparkify_dagster.model.staging import LONG, SHORT
from sparkify_dagster.model.table import Column, Layer, Physical, Table, Type


def _alias(name: str, meaning: str, length: int) -> Column:
    return Column(name, Type.VARCHAR, meaning, length, required=True, source=f"$.{name}")


MATCH_NAMES = Table(
    name="match_names",
    layer=Layer.LEDGER,
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

SONG_ALIASES = Table(
    name="song_aliases",
    layer=Layer.LEDGER,
    meaning="What the document `[S3] ALIASES` says: the song that plays of these names mean.",
    columns=(
        _alias("song", "The title, as it is matched.", LONG),
        _alias("artist", "The artist, as it is matched.", LONG),
        _alias("song_id", "The song.", SHORT),
    ),
    key=("song", "artist"),
    physical=Physical(style="ALL", why="Small, and joined by name: a copy on every node."),
)

MATCHING: tuple[Table, ...] = (MATCH_NAMES, SONG_ALIASES)
"""Made from what is staged, and a document: where one is lost, `songplay` is made anew, too."""
