"""How many rows each table holds.

What belongs here: just that count, which several commands show.
"""

from __future__ import annotations

from sparkify_dagster.cli.console import warn
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.pipeline.refresh import counted, rows_in
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseError, WarehouseMissing


def rows_now(warehouse: Warehouse) -> dict[str, int]:
    """Rows of every table that is there; none, and a warning, when they cannot be counted.

    It is asked after a load, which is no worse for it.
    """
    try:
        return warehouse.read_only(count_rows)
    except WarehouseMissing:
        pass
    except WarehouseError as error:
        warn(f"rows are not counted: {error}")
    return {}


def count_rows(session: Session) -> dict[str, int]:
    """Rows of every table that is there."""
    there = session.tables()
    present = [name for name in TABLES if name in there]
    counts = counted(session, {n: rows_in(ledger.relation(session, n)) for n in present})
    return {name: counts[name] for name in present}
