"""Reading what is typed: days, ranges of days, names of tables, a yes.

What belongs here: turning a word into a value or into a usage error (exit code 2).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches

import typer

from sparkify_dagster.cli.errors import FAILED
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.model.catalog import STAGING, TABLES

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def day(text: str) -> str:
    """A day as `YYYY-MM-DD`.

    Raises:
        typer.BadParameter: It is none.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is not a day; write it as YYYY-MM-DD.")


def day_range(text: str) -> DayRange:
    """A day, or a range of days `A..B`, both ends included.

    Raises:
        typer.BadParameter: It is neither, or A is after B.
    """
    first, dots, last = text.partition("..")
    start, end = day(first), day(last if dots else first)
    try:
        return DayRange.parse(start, end)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; write {end}..{start}.") from None


def any_table(text: str) -> str:
    """The name of a table, quoted as in SQL or not.

    Raises:
        typer.BadParameter: There is no such table.
    """
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return _one_of(text[1:-1] if quoted else text, list(TABLES))


def staging_table(text: str) -> str:
    """The name of a table that is loaded from the lake.

    Raises:
        typer.BadParameter: There is no such table.
    """
    return _one_of(text, [table.name for table in STAGING])


def no_such(
    told: str, close: Iterable[str], known: Iterable[str], argument: str | None = None
) -> typer.BadParameter:
    """That there is nothing of a name, what may be meant, and what there is."""
    meant = " or ".join(close)
    hint = f" Did you mean {meant}?" if meant else ""
    message = f"{told}{hint} There are: {', '.join(known)}."
    return typer.BadParameter(message, param_hint=argument)


def confirm(question: str, unasked: str, nothing_done: str, argument: str | None = None) -> None:
    """Lets the person confirm what cannot be undone.

    Raises:
        typer.BadParameter: Nobody is there to ask.
        typer.Exit: The answer is no.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"nobody is there to confirm it; {unasked}", param_hint=argument)
    if not typer.confirm(question, err=True):
        typer.echo(nothing_done)
        raise typer.Exit(FAILED)


def _one_of(text: str, known: list[str]) -> str:
    if text not in known:
        raise no_such(f"no table {text!r}.", get_close_matches(text.lower(), known, n=1), known)
    return text
