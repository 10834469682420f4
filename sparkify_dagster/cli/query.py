"""`sparkify query`: one statement, its answer as a table or as JSON.

What belongs here: asking and showing. The warehouse is open only while it answers, and read-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import typer
from rich.text import Text

from sparkify_dagster.cli.console import faint, grid, note, print_json, printable, show
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.places import open_warehouse
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse.engine import Row, Session

_SHOWN = 100
_NUMBERS = (int, float, Decimal)


def run_query(settings: Settings, sql: str, *, limit: int | None, as_json: bool) -> None:
    """Runs a statement and prints what it gives."""
    if not sql.strip(" \t\r\n;"):
        raise typer.BadParameter(
            "nothing to ask; try 'SELECT * FROM songplay LIMIT 5'.", param_hint="'SQL'"
        )
    if limit is None:
        limit = 0 if as_json else _SHOWN
    with watching(), open_warehouse(settings).reading() as session:
        names, rows = ask(session, sql, limit + 1 if limit else None)
    cut = bool(limit) and len(rows) > limit
    rows = rows[:limit] if cut else rows
    if as_json:
        keys = unique(names)
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        show_rows(names, rows)
    if cut:
        note(f"The first {limit:,} rows; --limit 0 gives all.")


def ask(session: Session, sql: str, most: int | None = None) -> tuple[list[str], list[Row]]:
    """The answer to a statement in which tables may go without their schema.

    Raises:
        WarehouseError: The engine refuses it.
    """
    if "load_history" in session.tables():
        session.execute(f"SET search_path = '{session.schema}'")
    return session.peek(sql, most)


def show_rows(names: Sequence[str], rows: Sequence[Row]) -> None:
    """Prints rows as a table, numbers to the right."""
    keys = unique(names)
    numeric = [
        key
        for at, key in enumerate(keys)
        if all(row[at] is None or _is_number(row[at]) for row in rows) and rows
    ]
    table = grid(*keys, right=numeric)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    show(table)
    note(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}")


def unique(names: Sequence[str]) -> list[str]:
    """Column names, told apart where two are the same: `a`, `a_2`."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return told


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _cell(value: object) -> Text:
    return faint("NULL") if value is None else Text(printable(value))
