"""What `songplay` matches by besides what is staged, brought up to date in the star's transaction.

What belongs here: filling the tables of `model.matching`. What they mean is told there.
"""

from __future__ import annotations

import pyarrow as pa

from sparkify_dagster.core.match_name import match_name
from sparkify_dagster.lake.documents import Aliases
from sparkify_dagster.model.catalog import STAGING
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.matching import MATCH_NAMES, SONG_ALIASES
from sparkify_dagster.model.statements import statement
from sparkify_dagster.warehouse.engine import Session

_CHANGED = '"changed_aliases"'


def take_aliases(session: Session, aliases: Aliases) -> str:
    """Makes the table what the document says; gives a relation with those that came or went."""
    target, names = relations(session.schema)[SONG_ALIASES.name], SONG_ALIASES.column_names
    before = frozenset(session.query(f"SELECT l.song, l.artist, l.song_id FROM {target} AS l"))
    session.execute(f"CREATE TEMP TABLE {_CHANGED} AS\nSELECT l.* FROM {target} AS l WHERE 1 = 0")
    session.execute(f"DELETE FROM {target}")
    for relation, rows in ((target, aliases.rows), (_CHANGED, before ^ aliases.rows)):
        if rows:
            columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
            session.append(relation, names, pa.table(columns, list(names)))
    return _CHANGED


def resting_aliases(session: Session) -> list[str]:
    """The song_ids of aliases that the catalogue does not have, each once."""
    text = statement("load/resting_aliases.sql", relations(session.schema))
    return [song_id for (song_id,) in session.query(text)]


def repair_names(session: Session, since: int) -> None:
    """Notes the match names of staged rows where they are not the names as delivered.

    Args:
        since: The last staging load whose names were looked at; 0: look at all, from nothing.
    """
    names = relations(session.schema)
    target = names[MATCH_NAMES.name]
    if not since:
        session.execute(f"DELETE FROM {target}")
    staged = {t.name: f"(SELECT * FROM {names[t.name]} WHERE load_id > {since:d})" for t in STAGING}
    assert MATCH_NAMES.sql is not None, "says which names may have to be repaired"
    asked = session.query(statement(MATCH_NAMES.sql, names | (staged if since else {})))
    repaired = {text: name for text, _ in asked if (name := match_name(text)) != text}
    if since and repaired:
        for (text,) in session.query(f"SELECT m.text FROM {target} AS m"):
            repaired.pop(text, None)
    if repaired:
        rows = pa.table([[*repaired], [*repaired.values()]], list(MATCH_NAMES.column_names))
        session.append(target, MATCH_NAMES.column_names, rows)
