"""Refreshing the star: the rows of touched keys are built anew, and those that differ are written.

A table's touched keys are those of staged rows that came or went since the star was last published.
Its SELECT runs over their rows alone. What belongs here: that way, for one table at a time. When it
is taken, and the order of the tables, is `star`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.checks import audits_of
from sparkify_dagster.model.ddl import Names, exact, exact_key, literal, quoted, relations, same_key
from sparkify_dagster.model.ledger import RETIRED
from sparkify_dagster.model.matching import SONG_ALIASES
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, TIME
from sparkify_dagster.model.statements import sql_text, statement
from sparkify_dagster.model.table import Column, Grain, Table
from sparkify_dagster.pipeline.audit import Stored
from sparkify_dagster.warehouse.engine import Session, Values

Mode = Literal["rebuild", "refresh", "nothing"]
"""All rows made anew; only those that may have changed; none, as nothing changed."""


@dataclass(frozen=True, slots=True)
class TableResult:
    """What a publication did to one table of the star, or to a mart.

    Attributes:
        how: Which of its rows were made anew.
        rows: Rows it holds now.
        added: Rows written.
        removed: Rows taken out or replaced.
    """

    how: Mode
    rows: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Temporary tables with what a refresh did to a table, by their names in SQL.

    Attributes:
        added: The rows it wrote.
        removed: The rows it took out, as they were.
    """

    added: str
    removed: str


class Refresh:
    """Builds the rows of touched keys anew and writes those that differ.

    Args:
        since: The last staging load that the star has taken in.
        moved: Tables of which rows have come or gone since then.
        aliases: Relation with the aliases that have come or gone; blank: none have.

    Attributes:
        changed: The rows of each table that was built, for whoever has to follow.
    """

    def __init__(
        self, session: Session, since: int, moved: Iterable[str], aliases: str = ""
    ) -> None:
        self.changed: dict[str, ChangedRows] = {}
        self._session = session
        self._since = since
        self._aliases = aliases
        self._moved = set(moved)
        self._names = relations(session.schema)
        self._built: dict[str, tuple[str, str]] = {}

    def build(self, table: Table) -> None:
        """Replaces the rows that differ."""
        if self.changed.keys() & set(table.reads):
            self._find_moved()
        # Of plays the marts always ask.
        if table is not SONGPLAY and self._moved.isdisjoint(table.reads):
            return
        name = table.name
        touched = self._temp(f"touched_{name}", self._touched(table))
        scope = self._scope(table, touched)
        self._built[name] = touched, scope
        stored, fresh = self._stored_and_fresh(table, touched, scope)
        removed = self._temp(f"removed_{name}", _differing(table, stored, fresh))
        added = self._temp(f"added_{name}", _differing(table, fresh, stored))
        self.changed[name] = ChangedRows(added, removed)
        target, columns = self._names[name], Names(table.column_names)
        same = same_key(table, "k", target)
        self._session.send(self._sql("remove", target=target, keys=removed, same=same))
        self._session.send(insert(target, columns, f"SELECT {columns} FROM {added}"))

    def counts(self) -> dict[str, str]:
        """What is to be counted: the rows written and taken out, and plays with another song."""
        plays = self.changed[SONGPLAY.name]
        return self._moves() | {"rematched": rematched(plays.removed, plays.added)}

    def result(self, name: str, rows: int, counts: Mapping[str, int]) -> TableResult:
        """What was done to a table that has so many rows now."""
        came, went = (counts.get(f"{name} {what}", 0) for what in ("added", "removed"))
        return TableResult("refresh", rows, came, went)

    def _find_moved(self) -> None:
        """Looks which tables have changed by what was built so far."""
        found = counted(self._session, self._moves())
        self._moved.update(name.partition(" ")[0] for name, number in found.items() if number)

    def _moves(self) -> dict[str, str]:
        return {
            f"{name} {what}": rows_in(relation)
            for name, rows in self.changed.items()
            for what, relation in (("added", rows.added), ("removed", rows.removed))
        }

    def written(self, table: Table) -> Stored | None:
        """The rows to check of a table: those that the touched keys have now; None: there are none.

        Of columns, those that a check names: texts of very many rows take longest to look at.
        """
        name = table.name
        if name not in self._built:
            return None
        touched, scope = self._built[name]
        whole = Stored(self._session.schema)
        asked = (check.question(whole) for check in audits_of(name) if check.question)
        columns = table.columns_in(*table.key, *asked)
        now = self._of_keys(table, columns, self._names[name], touched)
        parts = {name: self._temp(f"now_{name}", now), _grain(table).source: scope}
        return Stored(self._session.schema, parts)

    def came(self, table: Table) -> str | None:
        """The relation that has the rows that came; None: there are none."""
        return self.changed[table.name].added if table.name in self._built else None

    def _temp(self, name: str, select: str, values: Values | None = None) -> str:
        """Keeps rows till the end of the session; gives the name of where."""
        self._session.send(f"CREATE TEMP TABLE {quoted(name)} AS\n{select}", values)
        return quoted(name)

    def _scope(self, table: Table, touched: str) -> str:
        """Keeps the source's rows of the touched keys, as far as the table's SELECT needs them."""
        grain = _grain(table)
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
        return self._temp(f"scope_{table.name}", select, values)

    def _stored_and_fresh(self, table: Table, touched: str, scope: str) -> tuple[str, str]:
        """The rows of the touched keys as they are stored, and as they are to be."""
        scopes, known = {_grain(table).source: scope}, touched
        if table is SONGPLAY:
            named = f"SELECT DISTINCT s.song AS title, s.artist AS artist_name FROM {scope} AS s"
            songs = self._sql("songs_asked_for", asked=self._sql("spellings", named=named))
            scopes[STAGING_SONGS.name] = self._temp("scope_songs", songs)
        fresh = statement(sql_of(table), self._names | scopes)
        fresh = self._temp(f"fresh_{table.name}", fresh)
        if table is SONGPLAY:
            known = self._known(scope)
        stored = self._of_keys(table, table.column_names, self._names[table.name], known)
        return self._temp(f"stored_{table.name}", stored), fresh

    def _of_keys(self, table: Table, columns: Iterable[str], rows: str, keys: str) -> str:
        """The rows of a relation (alias `s`) whose key is among some (alias `k`)."""
        same = " AND ".join(f"k.{quoted(key)} = {exact(table, key, 's')}" for key in table.key)
        return self._sql("rows_of_keys", columns=Names(columns), rows=rows, keys=keys, same=same)

    def _known(self, scope: str) -> str:
        """The touched plays that may be stored, as the star has seen an event of theirs before.

        Of a new day there are none or few, and looking for them among all plays costs nothing.
        """
        keys, where = exact_key(SONGPLAY, "s"), _grain(SONGPLAY).where
        known = self._sql("known", keys=keys, scope=scope, since=self._since, where=where)
        return self._temp("known_songplay", known)

    def _touched(self, table: Table) -> str:
        """The keys whose rows may be others than before, in the form in which they compare."""
        grain, keys = _grain(table), exact_key(table, "s")
        if table is TIME:
            plays = self.changed[SONGPLAY.name]
            return self._sql("touched_times", keys=keys, added=plays.added, removed=plays.removed)
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
        changed = self._aliases or f"(SELECT * FROM {self._names[SONG_ALIASES.name]} WHERE 1 = 0)"
        named = self._sql("touched_names", since=self._since, changed_aliases=changed)
        self._temp("touched_names", self._sql("spellings", named=named))
        return self._sql("touched_plays", touched=touched, keys=keys, where=grain.where)

    def _sql(self, file: str, **given: Any) -> str:
        return statement(f"refresh/{file}.sql", self._names, **given)


def rematched(before: str, now: str) -> str:
    """SELECT that counts the plays that stand in both relations with another song."""
    same = same_key(SONGPLAY, "g", "a")
    return statement("refresh/rematched.sql", before=before, now=now, same=same)


def rows_in(relation: str) -> str:
    """SELECT that counts the rows of a relation."""
    return f"SELECT COUNT(*) AS row_count FROM {relation} AS r"


def counted(session: Session, selects: Mapping[str, str]) -> dict[str, int]:
    """What each SELECT of a `row_count` gives, by the names given to them: one question for all."""
    if not selects:
        return {}
    branches = (
        statement("load/counted.sql", name=literal(name), select=select)
        for name, select in selects.items()
    )
    return {name: int(number) for name, number in session.query("\nUNION ALL\n".join(branches))}


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
