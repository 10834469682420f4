"""What a load does in an environment whose staging is production's: the star and the marts alone.

What belongs here: when that is so, what such a load leaves out, and how it would find things. What
an environment is, `warehouse.environments` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.model.catalog import model_version
from sparkify_dagster.model.ddl import literal
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.plan import Loaded, Pending, held_against, loaded_in, with_all_days
from sparkify_dagster.pipeline.upgrade import altered_columns, gives_same_rows, unchanged_parts
from sparkify_dagster.warehouse import environments
from sparkify_dagster.warehouse.engine import Session, Warehouse
from sparkify_dagster.warehouse.standing import Standing, standing

ALWAYS = -1.0
"""As the share of changed rows above which the star is built whole. The keys of rows that
production replaced are gone once its own star has taken them in: no refresh can go by them."""


def of_star(todo: Pending) -> Pending:
    """What is to be done without what production does: it loads songs and days, and forgets."""
    return replace(todo, songs=[], days=[], given_up=[], forget=False, wipe=False)


def follow(session: Session, warehouse: Warehouse, seen: Snapshot) -> bool:
    """Makes an environment ready for a load; gives whether its staging is production's.

    Raises:
        WarehouseMissing: There is no such environment.
        WarehouseError: Newer code has loaded it.
    """
    return environments.follow(session, warehouse, partial(_is_alike, seen))


def _is_alike(seen: Snapshot, session: Session, production: Mapping[str, str]) -> bool:
    """Whether this code makes of the lake the rows that production has staged."""
    now = standing(session, production)
    return all(
        reads_alike(now, seen, table, parts) and not _is_let_in(session, production, now, table)
        for table, parts in ((STAGING_SONGS, seen.songs), (STAGING_EVENTS, seen.days))
    )


def reads_alike(now: Standing, seen: Snapshot, table: Table, parts: Mapping[str, Part]) -> bool:
    """Whether records of the lake that production has accepted give the rows they gave there.

    A part's digest holds the objects and the ways in which they are read: of many parts few change,
    but with another reader or JSONPaths document all of them do. With another model they do, too,
    but where a column was dropped, widened or may be missing now, rows are still the same. What
    failed since it was published says nothing.
    """
    published = now.parts(table.name)
    if not (both := parts.keys() & published.keys()):
        return True
    if any(parts[name].digest == published[name].digest for name in both):
        return True
    return gives_same_rows(now.declared(table.name), table) and bool(
        unchanged_parts(now, table, seen, parts)
    )


def _is_let_in(
    session: Session, production: Mapping[str, str], now: Standing, table: Table
) -> bool:
    """Whether production has rejected records for a column of which this code asks less."""
    before = now.declared(table.name)
    if not before or now.made_by(table.name) == model_version(table.name):
        return False
    columns = ", ".join(map(literal, sorted(altered_columns(before, table)))) or "NULL"
    text = statement("environment/rejected.sql", production, columns=columns)
    ((number,),) = session.query(text, {"target": table.name})
    return bool(number)


class _Seen(Exception):
    """No error: it ends a transaction of which nothing is to be kept."""

    def __init__(self, held: Loaded, *, borrows: bool) -> None:
        self.held = held
        self.borrows = borrows


def foreseen(seen: Snapshot, warehouse: Warehouse) -> tuple[bool, Snapshot, Loaded]:
    """What `held_against` would give a load, and whether it would borrow staging; nothing changes.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    if not warehouse.production:
        return False, *held_against(seen, warehouse)

    def work(session: Session) -> None:
        borrows = follow(session, warehouse, seen)
        raise _Seen(loaded_in(session, seen), borrows=borrows)

    try:
        warehouse.transact(work)
    except _Seen as found:
        return found.borrows, with_all_days(seen, found.held), found.held
    raise AssertionError("the transaction was kept")
