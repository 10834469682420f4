"""What a load does in an environment whose staging is production's: the star and the marts alone.

What belongs here: what such a load leaves out, and how it would find things. What an environment
is, `warehouse.environments` knows.
"""

from __future__ import annotations

from dataclasses import replace

from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.pipeline.plan import Loaded, Pending, held_against, loaded_in, with_all_days
from sparkify_dagster.warehouse.engine import Session, Warehouse
from sparkify_dagster.warehouse.environments import follow

ALWAYS = -1.0
"""As the share of changed rows above which the star is built whole. The keys of rows that
production replaced are gone once its own star has taken them in: no refresh can go by them."""


def of_star(todo: Pending) -> Pending:
    """What is to be done without what production does: it loads songs and days, and forgets."""
    return replace(todo, songs=[], days=[], given_up=[], forget=False, wipe=False)


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
