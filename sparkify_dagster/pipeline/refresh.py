"""Refreshing the star: the rows of touched keys are built anew, and those that differ are written.

A table's touched keys are those of staged rows that came or went since the star was last published.
Its SELECT runs over their rows alone. What belongs here: that way, for one table at a time. When it
is taken, and the order of the tables, is `star`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import Names, exact, exact_key, quoted, relations, same_key
from sparkify_dagster.model.ledger import RETIRED
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, TIME
from sparkify_dagster.model.statements import sql_text, statement
from sparkify_dagster.model.table import Column, Grain, Table
from sparkify_dagster.pipeline.audit import Stored
from sparkify_dagster.warehouse.engine import Session, Values


class Refresh:
    """Builds the rows of touched keys anew and writes those that differ.

    Args:
        since: The last staging load that the star has taken in.
        moved: Tables of which rows have come or gone since then.
    """

    def __init__(self, session: Session, since: int, moved: Iterable[str]) -> None:
        self._session = session
        self._since = since
        self._moved = set(moved)
        self._names = relations(session.schema)

    def build(self, table: Table) -> tuple[int, int]:
        """Replaces the rows that differ; gives how many were written and taken out."""
        if not self._may_differ(table):
            return 0, 0
        name = table.name
        self._temp(f"touched_{name}", self._touched(table))
        self._make_scope(table)
        scopes = {_grain(table).source: quoted(f"scope_{name}")}
        if table is SONGPLAY:
            self._temp("scope_songs", self._sql("songs_asked_for", scope=quoted(f"scope_{name}")))
            scopes[STAGING_SONGS.name] = quoted("scope_songs")
        select = statement(sql_of(table), self._names | scopes)
        self._temp(f"fresh_{name}", select)
        known = self._known() if table is SONGPLAY else f"touched_{name}"
        self._temp(f"stored_{name}", self._stored(table, known))
        added, removed = quoted(f"added_{name}"), quoted(f"removed_{name}")
        stored, fresh = quoted(f"stored_{name}"), quoted(f"fresh_{name}")
        self._temp(f"removed_{name}", _differing(table, stored, fresh))
        self._temp(f"added_{name}", _differing(table, fresh, stored))
        target = self._names[name]
        columns = Names(table.column_names)
        went = self._session.execute(
            self._sql("remove", target=target, keys=removed, same=same_key(table, "k", target))
        )
        select = f"SELECT {columns} FROM {added}"
        came = self._session.execute(insert(target, columns, select))
        if came or went:
            self._moved.add(name)
        return came, went

    def written(self, table: Table) -> Stored:
        """The rows to check of a table: those that the touched keys have now."""
        name, source = table.name, _grain(table).source
        if not self._may_differ(table):
            nothing = {t: f"(SELECT * FROM {self._names[t]} WHERE 1 = 0)" for t in (name, source)}
            return Stored(self._session.schema, nothing)
        self._temp(f"now_{name}", self._stored(table, f"touched_{name}"))
        parts = {name: quoted(f"now_{name}"), source: quoted(f"scope_{name}")}
        return Stored(self._session.schema, parts)

    def rematched(self) -> int:
        """Plays whose song is another one than before, or none any more, or now found."""
        return rematched(self._session, "removed_songplay", quoted("added_songplay"))

    def _may_differ(self, table: Table) -> bool:
        """Whether what the table is made of has moved; of plays the marts always ask."""
        return table is SONGPLAY or not self._moved.isdisjoint(table.reads)

    def _temp(self, name: str, select: str, values: Values | None = None) -> None:
        self._session.execute(f"CREATE TEMP TABLE {quoted(name)} AS\n{select}", values)

    def _make_scope(self, table: Table) -> None:
        """Keeps the source's rows of the touched keys, as far as the table's SELECT needs them."""
        grain, touched = _grain(table), quoted(f"touched_{table.name}")
        select = self._of_keys(table, _needed(table), self._names[grain.source], touched)
        values: Values | None = None
        if grain.latest:
            latest = f"s.{quoted(grain.latest)}"
            select += f" WHERE (k.since IS NULL OR {latest} >= k.since)"
            # As a value besides, so that engines can pass over what is older without a join.
            first, unknown = self._session.query(self._sql("since", touched=touched))[0]
            if first is not None and not unknown:
                select += f" AND {latest} >= $first"
                values = {"first": first}
        self._temp(f"scope_{table.name}", select, values)

    def _stored(self, table: Table, keys: str) -> str:
        return self._of_keys(table, table.column_names, self._names[table.name], quoted(keys))

    def _of_keys(self, table: Table, columns: Iterable[str], rows: str, keys: str) -> str:
        """The rows of a relation (alias `s`) whose key is among some (alias `k`)."""
        same = " AND ".join(f"k.{quoted(key)} = {exact(table, key, 's')}" for key in table.key)
        return self._sql("rows_of_keys", columns=Names(columns), rows=rows, keys=keys, same=same)

    def _known(self) -> str:
        """The touched plays that may be stored, as the star has seen an event of theirs before.

        Of a new day there are none or few, and looking for them among all plays costs nothing.
        """
        known = self._sql(
            "known",
            keys=exact_key(SONGPLAY, "s"),
            scope=quoted("scope_songplay"),
            since=self._since,
            where=_grain(SONGPLAY).where,
        )
        self._temp("known_songplay", known)
        return "known_songplay"

    def _touched(self, table: Table) -> str:
        """The keys whose rows may be others than before, in the form in which they compare."""
        grain, keys = _grain(table), exact_key(table, "s")
        if table is TIME:
            moved = {way: quoted(f"{way}_{SONGPLAY.name}") for way in ("added", "removed")}
            return self._sql("touched_times", keys=keys, **moved)
        asked = {
            "keys": keys,
            "staged": self._names[grain.source],
            "retired": self._names[RETIRED[grain.source].name],
            "since": self._since,
            "where": grain.where,
        }
        if grain.latest:
            key, latest = Names(table.key), Names((grain.latest,))
            kind = TABLES[grain.source].column(grain.latest).type
            return self._sql("touched_latest", key=key, latest=latest, kind=kind, **asked)
        touched = self._sql("touched", **asked)
        if table is not SONGPLAY:
            return touched
        self._temp("touched_names", self._sql("touched_names", since=self._since))
        return self._sql("touched_plays", touched=touched, keys=keys, where=grain.where)

    def _sql(self, file: str, **given: Any) -> str:
        return statement(f"refresh/{file}.sql", self._names, **given)


def rematched(session: Session, before: str, now: str) -> int:
    """Plays that stand in both relations with another song.

    Args:
        before: Name of a temporary table.
    """
    same = same_key(SONGPLAY, "g", "a")
    text = statement("refresh/rematched.sql", before=quoted(before), now=now, same=same)
    rows = session.query(text)
    return int(rows[0][0])


def insert(target: str, columns: Names, select: str) -> str:
    """The statement that adds the rows of a SELECT to a table."""
    return statement("load/insert.sql", target=target, columns=columns, select=select)


def sql_of(table: Table) -> str:
    """The file of a star table's SELECT, below `model/sql`."""
    assert table.sql is not None, f"{table.name}: a star table has SQL"
    return table.sql


def _grain(table: Table) -> Grain:
    assert table.grain is not None, f"{table.name}: a star table has a grain"
    return table.grain


def _needed(table: Table) -> list[str]:
    """The columns of its source that a table's SELECT, its key or its grain names, and the load."""
    grain = _grain(table)
    spoken = sql_text(sql_of(table)), grain.where, *table.key, "load_id"
    return TABLES[grain.source].columns_in(*spoken)


def _differing(table: Table, these: str, those: str) -> str:
    """The rows of one relation that the other has not, or has with other values."""
    key = quoted(table.key[0])
    differs = [_differs(table, column) for column in table.columns if column.name not in table.key]
    return statement(
        "refresh/differing.sql",
        columns=Names(table.column_names),
        these=these,
        those=those,
        same=same_key(table, "x", "y"),
        differs=" OR ".join([f"y.{key} IS NULL", *differs]),
    )


def _differs(table: Table, column: Column) -> str:
    name = quoted(column.name)
    values = f"{exact(table, column.name, 'x')} <> {exact(table, column.name, 'y')}"
    if column.required:
        return values
    return (
        f"{values} OR x.{name} IS NULL AND y.{name} IS NOT NULL "
        f"OR x.{name} IS NOT NULL AND y.{name} IS NULL"
    )
