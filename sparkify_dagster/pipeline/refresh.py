"""Refreshing the star: the rows of touched keys are built anew, and those that differ are written.

A table's touched keys are those of staged rows that came or went since the star was last published.
Its SELECT runs over their rows alone. What belongs here: that way, for one table at a time. When it
is taken, and the order of the tables, is `star`'s.
"""

from __future__ import annotations

from collections.abc import Iterable

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import column_list, exact, exact_key, quoted, relations, same_key
from sparkify_dagster.model.ledger import RETIRED
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, TIME
from sparkify_dagster.model.statements import sql_text, statement
from sparkify_dagster.model.table import Column, Grain, Table
from sparkify_dagster.pipeline.audit import Stored
from sparkify_dagster.warehouse.engine import Session, Values

_IN_SONGS, _IN_EVENTS = ("title", "artist_name"), ("song", "artist")
"""The columns by which a play finds its song, as each staging table calls them."""


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
            self._temp("scope_songs", self._songs_asked_for())
            scopes[STAGING_SONGS.name] = quoted("scope_songs")
        select = statement(sql_of(table), self._names | scopes)
        self._temp(f"fresh_{name}", select)
        known = self._known() if table is SONGPLAY else f"touched_{name}"
        self._temp(f"stored_{name}", self._stored(table, known))
        columns = column_list(table.column_names)
        fresh, stored = quoted(f"fresh_{name}"), quoted(f"stored_{name}")
        self._temp(f"removed_{name}", _differing(table, stored, fresh))
        self._temp(f"added_{name}", _differing(table, fresh, stored))
        target = self._names[name]
        removed = self._session.execute(
            f"DELETE FROM {target} USING {quoted(f'removed_{name}')} AS g "
            f"WHERE {same_key(table, 'g', target)}"
        )
        added = self._session.execute(
            f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {quoted(f'added_{name}')}"
        )
        if added or removed:
            self._moved.add(name)
        return added, removed

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
        select = (
            f"SELECT {column_list(_needed(table), 's')} FROM {self._names[grain.source]} AS s "
            f"JOIN {touched} AS k ON {_is_touched(table, 's')}"
        )
        values: Values | None = None
        if grain.latest:
            latest = f"s.{quoted(grain.latest)}"
            select += f" WHERE (k.since IS NULL OR {latest} >= k.since)"
            # As a value besides, so that engines can pass over what is older without a join.
            known = f"SELECT MIN(k.since), COUNT(*) - COUNT(k.since) FROM {touched} AS k"
            first, unknown = self._session.query(known)[0]
            if first is not None and not unknown:
                select += f" AND {latest} >= $first"
                values = {"first": first}
        self._temp(f"scope_{table.name}", select, values)

    def _songs_asked_for(self) -> str:
        """The staged songs that have a name by which one of the plays asks."""
        return (
            f"SELECT n.* FROM {self._names[STAGING_SONGS.name]} AS n JOIN ("
            f"SELECT DISTINCT {_names('s', *_IN_EVENTS)} "
            f"FROM {quoted(f'scope_{SONGPLAY.name}')} AS s) AS a "
            f"ON {_has_names('n', *_IN_SONGS, 'a')}"
        )

    def _stored(self, table: Table, keys: str) -> str:
        return (
            f"SELECT {column_list(table.column_names, 'r')} FROM {self._names[table.name]} AS r "
            f"JOIN {quoted(keys)} AS k ON {_is_touched(table, 'r')}"
        )

    def _known(self) -> str:
        """The touched plays that may be stored, as the star has seen an event of theirs before.

        Of a new day there are none or few, and looking for them among all plays costs nothing.
        """
        keys, grain = exact_key(SONGPLAY, "s"), _grain(SONGPLAY)
        retired = self._names[RETIRED[grain.source].name]
        self._temp(
            "known_songplay",
            f'SELECT {keys} FROM "scope_songplay" AS s WHERE s.load_id <= {self._since:d} '
            # Of plays alone, as what is touched: other events may have a play's key, too.
            f"UNION SELECT {keys} FROM {retired} AS s WHERE {grain.where}",
        )
        return "known_songplay"

    def _touched(self, table: Table) -> str:
        """The keys whose rows may be others than before, in the form in which they compare."""
        grain = _grain(table)
        keys = exact_key(table, "s")
        if table is TIME:
            return (
                f'SELECT {keys} FROM "added_songplay" AS s UNION '
                f'SELECT {keys} FROM "removed_songplay" AS s'
            )
        staged = self._names[grain.source]
        came = f"FROM {staged} AS s WHERE s.load_id > {self._since:d} AND {grain.where}"
        went = f"FROM {self._names[RETIRED[grain.source].name]} AS s WHERE {grain.where}"
        if grain.latest:
            by = column_list(table.key, "t")
            kind = TABLES[grain.source].column(grain.latest).type
            return (
                f"SELECT {by}, CASE WHEN MAX(t.retired) = 0 THEN MAX(t.since) END AS since FROM ("
                f"SELECT {keys}, s.{quoted(grain.latest)} AS since, 0 AS retired {came} "
                f"UNION ALL SELECT {keys}, CAST(NULL AS {kind}), 1 {went}) AS t GROUP BY {by}"
            )
        select = f"SELECT {keys} {came} UNION SELECT {keys} {went}"
        if table is SONGPLAY:
            self._temp("touched_names", self._touched_names())
            select += (
                f" UNION SELECT {keys} FROM {staged} AS s "
                f"JOIN touched_names AS n ON {_has_names('s', *_IN_EVENTS, 'n')} "
                f"WHERE {grain.where}"
            )
        return select

    def _touched_names(self) -> str:
        """Titles and artists whose plays must be matched anew."""
        trimmed = f"SELECT {_names('s', *_IN_SONGS)}"
        songs = self._names[STAGING_SONGS.name]
        retired = self._names[RETIRED[STAGING_SONGS.name].name]
        return (
            f"{trimmed} FROM {songs} AS s WHERE s.load_id > {self._since:d} "
            f"UNION {trimmed} FROM {retired} AS s"
        )


def rematched(session: Session, before: str, now: str) -> int:
    """Plays that stand in both relations with another song.

    Args:
        before: Name of a temporary table.
    """
    rows = session.query(
        f"SELECT COUNT(*) FROM {quoted(before)} AS g JOIN {now} AS a "
        f"ON {same_key(SONGPLAY, 'g', 'a')} "
        "WHERE COALESCE(g.song_id || CHR(1), '') <> COALESCE(a.song_id || CHR(1), '')"
    )
    return int(rows[0][0])


def sql_of(table: Table) -> str:
    """The file of a star table's SELECT, below `model/sql`."""
    assert table.sql is not None, f"{table.name}: a star table has SQL"
    return table.sql


def _grain(table: Table) -> Grain:
    assert table.grain is not None, f"{table.name}: a star table has a grain"
    return table.grain


def _names(alias: str, title: str, artist: str) -> str:
    """Title and artist of a row as they are compared, under the names they have for songs."""
    return f"{_trimmed(alias, title)} AS title, {_trimmed(alias, artist)} AS artist_name"


def _has_names(alias: str, title: str, artist: str, those: str) -> str:
    """Condition that a row has the title and artist that stand in `those`."""
    return (
        f"{those}.title = {_trimmed(alias, title)} "
        f"AND {those}.artist_name = {_trimmed(alias, artist)}"
    )


def _trimmed(alias: str, column: str) -> str:
    return f"TRIM(BOTH ' ' FROM {alias}.{column})"


def _needed(table: Table) -> list[str]:
    """The columns of its source that a table's SELECT, its key or its grain names, and the load."""
    grain = _grain(table)
    spoken = sql_text(sql_of(table)), grain.where, *table.key, "load_id"
    return TABLES[grain.source].columns_in(*spoken)


def _is_touched(table: Table, alias: str) -> str:
    """Condition that a row's key is among the touched ones (alias `k`)."""
    return " AND ".join(f"k.{quoted(key)} = {exact(table, key, alias)}" for key in table.key)


def _differing(table: Table, these: str, those: str) -> str:
    """The rows of one relation that the other has not, or has with other values."""
    key = quoted(table.key[0])
    differs = [_differs(table, column) for column in table.columns if column.name not in table.key]
    return (
        f"SELECT {column_list(table.column_names, 'x')} FROM {these} AS x "
        f"LEFT JOIN {those} AS y ON {same_key(table, 'x', 'y')} "
        f"WHERE {' OR '.join([f'y.{key} IS NULL', *differs])}"
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
