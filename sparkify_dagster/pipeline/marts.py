"""Publishing the marts, in the transaction in which the star is published.

A mart is built whole, or key by key: of the rows that changed in what it reads it is known which
refresh keys they touch, its one SELECT runs over the rows with these keys, and they are replaced.
Both give the same table. What belongs here: deciding which way, and doing it. That a mart may not
hold up the star is seen to in `star`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from datetime import time as clock
from typing import Any

from sparkify_dagster.model.catalog import STAGING, TABLES, model_version
from sparkify_dagster.model.checks import audits_of
from sparkify_dagster.model.ddl import Names, quoted, relations
from sparkify_dagster.model.ledger import RETIRED
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.statements import sql_text, statement
from sparkify_dagster.model.table import RefreshKeys, Source, Table
from sparkify_dagster.pipeline.audit import AuditFailed, Finding, Stored, enforce, examine_at_once
from sparkify_dagster.pipeline.refresh import (
    ChangedRows,
    Mode,
    TableResult,
    counted,
    insert,
    rows_in,
)
from sparkify_dagster.warehouse.engine import Session, Transient, Values, WarehouseError
from sparkify_dagster.warehouse.evolving import require_lengths
from sparkify_dagster.warehouse.standing import StarPosition


class MartsFailed(Exception):
    """The marts cannot be published as things are; nothing is wrong with the star.

    Attributes:
        findings: What the checks found, if it came to them.
    """

    def __init__(self, why: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(why)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class StarChange:
    """What has just been done to the star, in the same transaction.

    Attributes:
        since: The last staging load it had taken in before.
        changed: Star tables of which a row was written or taken out.
        rows: Where these rows are kept; after a refresh alone.
    """

    mode: Mode
    since: int
    changed: frozenset[str] = frozenset()
    rows: Mapping[str, ChangedRows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MartsResult:
    """What a publication did to the marts; those that were up to date are left out.

    Attributes:
        findings: What the checks found, by mart; none where nothing was done.
    """

    tables: Mapping[str, TableResult]
    findings: Mapping[str, tuple[Finding, ...]]


def are_behind(positions: Mapping[str, StarPosition], position: int) -> bool:
    """Whether a mart has not taken in what the star has, or its model changed.

    Args:
        positions: What each mart has taken in.
        position: The last staging load the star has taken in.
    """
    return any(not _is_current(table, positions[table.name], position) for table in MARTS)


def way_to(table: Table, position: StarPosition, star: StarChange, moved: Iterable[str]) -> Mode:
    """How a mart is brought up to date.

    Args:
        position: What it has taken in.
        moved: Tables that have changed since the star was published before, as far as is known.
    """
    if star.mode == "rebuild" or not _is_current(table, position, star.since):
        return "rebuild"
    if not set(table.reads).intersection(moved):
        return "nothing"
    return "refresh" if table.refresh_keys and star.mode == "refresh" else "rebuild"


def publish_marts(
    session: Session,
    positions: Mapping[str, StarPosition],
    star: StarChange,
    on_table: Callable[[str], None] = lambda _: None,
) -> MartsResult:
    """Brings the marts up to date with the star and audits them.

    Args:
        positions: What each mart has taken in.
        on_table: Told the name of each mart when its turn comes; then `audit`.

    Raises:
        MartsFailed: A blocking check failed, or a statement did; the transaction is lost.
    """
    try:
        return _published(session, positions, star, on_table)
    except Transient:
        raise
    except AuditFailed as error:
        raise MartsFailed(str(error), error.findings) from error
    except WarehouseError as error:
        raise MartsFailed(str(error)) from error


def _published(
    session: Session,
    positions: Mapping[str, StarPosition],
    star: StarChange,
    on_table: Callable[[str], None],
) -> MartsResult:
    if star.mode == "nothing" and not are_behind(positions, star.since):
        return MartsResult({}, {})
    work = _Marts(session, star)
    done: dict[str, tuple[Mode, int]] = {}
    for table in MARTS:
        on_table(table.name)
        done[table.name] = work.build(table, positions[table.name])
    if star.mode == "nothing":
        done = {name: told for name, told in done.items() if told[0] != "nothing"}
    on_table("audit")
    findings = work.examine(name for name, told in done.items() if told[0] != "nothing")
    now = work.count()
    tables = {
        name: TableResult(how, now[name], now[name] - work.before[name] + removed, removed)
        for name, (how, removed) in done.items()
    }
    return MartsResult(tables, findings)


class _Marts:
    """One publication.

    Attributes:
        before: Rows that marts held when it began.
    """

    def __init__(self, session: Session, star: StarChange) -> None:
        self._session = session
        self._star = star
        self._names = relations(session.schema)
        self._moved = set(star.changed)
        self._parts: dict[str, str] = {}
        self._scopes: dict[str, dict[str, str]] = {}
        if star.mode == "refresh":
            self._moved.update(table.name for table in STAGING)
        kinds = self._keep_touched() if star.mode == "refresh" else []
        found = self._count({f"touched {keys.name}": _touched(keys) for keys in kinds})
        self._touched = {keys.name: found[f"touched {keys.name}"] for keys in kinds}
        self.before = found

    def build(self, table: Table, position: StarPosition) -> tuple[Mode, int]:
        """Brings a mart up to date; gives how, and the rows taken out."""
        how = way_to(table, position, self._star, self._moved)
        keys = table.refresh_keys
        if how == "refresh" and keys is not None and not self._touched[keys.name]:
            how = "nothing"
        if how == "nothing":
            return how, 0
        self._moved.add(table.name)
        if how == "refresh" and keys is not None:
            return how, self._replace_touched(table, keys)
        self._session.send(f"DELETE FROM {self._names[table.name]}")
        self._insert(table, self._names)
        return how, self.before[table.name]

    def examine(self, names: Iterable[str]) -> dict[str, tuple[Finding, ...]]:
        """Checks the marts named: where refresh keys were replaced, their rows.

        Raises:
            AuditFailed: A blocking check failed.
            WarehouseError: A text is longer than its column allows.
        """
        rows, built = Stored(self._session.schema, self._parts), list(names)
        found = examine_at_once(
            self._session, ((check, rows) for name in built for check in audits_of(name))
        )
        enforce(found)
        require_lengths(self._session, {name: rows.touched(name) for name in built})
        return found

    def count(self) -> dict[str, int]:
        """Rows that marts hold now."""
        return self._count({})

    def _keep_touched(self) -> list[RefreshKeys]:
        """Keeps the refresh keys that changed rows touch in a table for each kind of key."""
        kinds = list(
            {t.refresh_keys.name: t.refresh_keys for t in MARTS if t.refresh_keys}.values()
        )
        for keys in kinds:
            selects = [s for source in keys.sources for s in self._changed(keys, source)]
            changed = " UNION ALL ".join(selects)
            columns = Names(keys.columns)
            touched = f"SELECT DISTINCT {columns:t} FROM ({changed}) AS t"
            self._session.send(f"CREATE TEMP TABLE {_touched(keys)} AS\n{touched}")
        return kinds

    def _changed(self, keys: RefreshKeys, source: Source) -> Iterator[str]:
        """SELECTs of the refresh keys of a source's rows that came or went."""
        named = zip(source.values, keys.columns, strict=True)
        select = f"SELECT {', '.join(f'{value} AS {quoted(name)}' for value, name in named)} FROM"
        if source.table not in RETIRED:  # A star table: what its refresh wrote and took out.
            rows = self._star.rows[source.table]
            yield f"{select} {rows.added} AS s"
            yield f"{select} {rows.removed} AS s"
            return
        staged = self._names[source.table]
        new = f"(SELECT n.* FROM {staged} AS n WHERE n.load_id > {self._star.since:d})"
        changed = ""
        if keys.unchanged:
            unchanged = statement(keys.unchanged, self._names | {source.table: new})
            changed = f" AND {source.values[0]} NOT IN (\n{unchanged})"
        yield f"{select} {new} AS s WHERE {source.where}{changed}"
        if source.retired:
            retired = self._names[RETIRED[source.table].name]
            yield f"{select} {retired} AS s WHERE {source.where}"

    def _replace_touched(self, table: Table, keys: RefreshKeys) -> int:
        """Gives the rows taken out."""
        target, touched = self._names[table.name], _touched(keys)
        same = _same_keys(keys, target)
        remove = _sql("remove", target=target, keys=touched, same=same)
        removed = self._session.execute(remove)
        if keys.name not in self._scopes:
            self._scopes[keys.name] = {
                source.table: self._scope(keys, source) for source in keys.sources if source.scoped
            }
        columns, same = Names(table.column_names), _same_keys(keys, "s")
        now = _sql("rows_of_keys", columns=columns, rows=target, keys=touched, same=same)
        self._parts[table.name] = f"({now})"
        self._insert(table, self._names | self._scopes[keys.name])
        return removed

    def _scope(self, keys: RefreshKeys, source: Source) -> str:
        """Keeps the rows of a source that belong to touched refresh keys, for all marts so cut."""
        scope, touched = quoted(f"scope_{keys.name}_{source.table}"), _touched(keys)
        columns = Names(TABLES[source.table].columns_in(*_texts(keys)))
        named = zip(source.values, keys.columns, strict=True)
        same = " AND ".join(f"k.{quoted(name)} = {value}" for value, name in named)
        rows = self._names[source.table]
        select = _sql("rows_of_keys", columns=columns, rows=rows, keys=touched, same=same)
        values: Values | None = None
        if source.moment:
            moment = quoted(source.moment)
            days = _sql("days", touched=touched, day=Names(keys.columns[:1]))
            first, last = self._session.query(days)[0]
            select += f" WHERE s.{moment} >= $first AND s.{moment} <= $last"
            values = {"first": first, "last": datetime.combine(last, clock.max)}
        self._session.send(f"CREATE TEMP TABLE {scope} AS\n{select}", values)
        return scope

    def _count(self, more: Mapping[str, str]) -> dict[str, int]:
        """Rows of the marts, and of relations besides, under the names given to them."""
        held_in = {**more, **{table.name: self._names[table.name] for table in MARTS}}
        return counted(self._session, {name: rows_in(r) for name, r in held_in.items()})

    def _insert(self, table: Table, names: Mapping[str, str]) -> None:
        assert table.sql is not None, f"{table.name}: a mart has SQL"
        select = statement(table.sql, names)
        columns = Names(table.column_names)
        self._session.send(insert(self._names[table.name], columns, select))


def _sql(file: str, **given: Any) -> str:
    return statement(f"refresh/{file}.sql", **given)


def _is_current(table: Table, position: StarPosition, star: int) -> bool:
    return position == StarPosition(star, model_version(table.name))


def _texts(keys: RefreshKeys) -> Iterator[str]:
    """The SELECTs of the marts that are cut into such refresh keys."""
    for table in MARTS:
        if table.sql and table.refresh_keys and table.refresh_keys.name == keys.name:
            yield sql_text(table.sql)


def _touched(keys: RefreshKeys) -> str:
    return quoted(f"touched_{keys.name}")


def _same_keys(keys: RefreshKeys, alias: str) -> str:
    """Condition that a row of a mart belongs to a touched slice (alias `k`)."""
    return " AND ".join(f"k.{quoted(c)} = {alias}.{quoted(c)}" for c in keys.columns)
