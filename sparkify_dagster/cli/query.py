"""`sparkify query`: one statement, its answer as a table, record by record, or as JSON.

What belongs here: asking and showing. The warehouse is open only while it answers, and read-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from sparkify_dagster.analysis.answers import ask, fetch, on_disk
from sparkify_dagster.cli.console import (
    faint,
    fits,
    grid,
    near,
    note,
    print_json,
    say,
    say_lines,
    show,
    size,
)
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import count, printable, unique
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse.engine import Row, Rows

EXAMPLE = "SELECT title, artist_name, plays FROM most_played LIMIT 5"
"""A first statement to try; its answer fits a terminal of 80 columns."""

_SHOWN = 100
_DECIMALS, _DIGITS = 6, 7
_NUMBERS = (int, float, Decimal)


def run_query(
    settings: Settings,
    sql: str,
    *,
    limit: int | None,
    as_json: bool,
    output: Path | None = None,
    force: bool = False,
) -> None:
    """Runs a statement and prints what it gives, or writes all of it to a file."""
    if not sql.strip(" \t\r\n;"):
        raise typer.BadParameter(
            f"nothing to ask; try `sparkify query '{EXAMPLE}'`.", param_hint="'SQL'"
        )
    if output:
        if as_json or limit is not None:
            raise typer.BadParameter(
                "a file takes all rows, as its ending says; leave --json and --limit out.",
                param_hint="'--output'",
            )
        _write(settings, sql, output, force=force)
        return
    if limit is None:
        limit = 0 if as_json else _SHOWN
    most = limit + 1 if limit else None
    with watching():
        rows = open_warehouse(settings).read_only(lambda session: fetch(session, sql, most))
    cut = bool(limit) and len(rows) > limit
    rows = Rows(rows.names, rows[:limit]) if cut else rows
    if as_json:
        print_json(rows.records())
    else:
        show_rows(rows.names, rows)
    if cut:
        note(f"The first {limit:,} rows; --limit 0 gives all.")


def _write(settings: Settings, sql: str, path: Path, *, force: bool) -> None:
    from sparkify_dagster.analysis.files import writer_for

    write = writer_for(path, force=force)
    with watching():
        warehouse = open_warehouse(settings)
        rows = warehouse.read_only(lambda session: ask(session, sql, clear=True, kept=on_disk))
        write(rows)
    say(f"Written: {count(rows.num_rows, 'row')} to {near(path)}, {size(path.stat().st_size)}.")


def show_rows(names: Sequence[str], rows: Sequence[Row]) -> None:
    """Prints rows as a table, numbers to the right; one by one where a table would be too wide.

    What is but a text of several lines, as the answer of EXPLAIN is, is printed as that.
    """
    keys = [printable(name) for name in unique(names)]
    table = _table(keys, rows)
    if rows and all(_is_text(row) for row in rows):
        _show_texts(rows)
    elif fits(table):
        show(table)
    else:
        _show_records(keys, rows)
    note(count(len(rows), "row"))


def _table(keys: Sequence[str], rows: Sequence[Row]) -> Table:
    numeric = [
        key
        for at, key in enumerate(keys)
        if all(row[at] is None or _is_number(row[at]) for row in rows) and rows
    ]
    table = grid(*keys, right=numeric)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _is_text(row: Row) -> bool:
    """Whether it is a text of several lines, at most with a name before it."""
    return len(row) <= 2 and all(isinstance(value, str) for value in row) and "\n" in row[-1]


def _show_texts(rows: Sequence[Row]) -> None:
    for *name, text in rows:
        for each in name:
            say(each, "bold")
        say_lines(text.replace("\r\n", "\n").removesuffix("\n"))


def _show_records(keys: Sequence[str], rows: Sequence[Row]) -> None:
    """Prints each row as lines of its own: the columns' names left, the values right."""
    for number, row in enumerate(rows, 1):
        if number > 1:
            say()
        say(f"record {number:,}", "bold")
        table = grid("column", "value")
        table.show_header = False
        for key, value in zip(keys, row, strict=True):
            table.add_row(key, _cell(value))
        show(table)


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _cell(value: object) -> Text:
    if value is None:
        return faint("NULL")
    return Text(rounded(value) if isinstance(value, float) else printable(value))


def rounded(value: float) -> str:
    """A double to be read: up to six decimals as it is, else seven digits, two of them decimals."""
    exact = repr(value)
    if "e" in exact:
        return f"{value:.{_DECIMALS}g}"
    if len(exact.partition(".")[2]) <= _DECIMALS:
        return exact
    whole = len(str(abs(int(value))))
    text = f"{value:.{max(_DIGITS - whole, 2)}f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
