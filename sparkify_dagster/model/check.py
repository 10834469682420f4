"""The vocabulary of checks: a claim about a table, and the questions in SQL that test it.

What belongs here: what a check is, and how its question comes from a file below `sql/check`. Which
checks a table has stands in `checks`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Protocol

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import literal
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Table


class Rows(Protocol):
    """Where a check reads: gives the relation that stands for a table's name in its SQL."""

    def touched(self, table: str) -> str:
        """The rows the load touched; all rows when what is stored is checked."""

    def whole(self, table: str) -> str:
        """All rows of the table."""


Question = Callable[[Rows], str]
"""Gives SQL over these rows."""
OFFENDERS = "offenders"
Numbers = Mapping[str, int]
"""What a check counted and compared, by the names of its question's columns."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about one table.

    Attributes:
        claim: What holds when the check passes, as a sentence.
        remedy: What to do when it does not.
        blocking: Rows that break it are not published.
        warning: Breaking it is worth a look, no error.
        question: SELECT giving `offenders` (0 when all is well), then the numbers that were
            compared, each under its own column name. None: asked of the engine's catalogue of
            tables, not of rows.
        compared: These numbers in words, each in braces under its column's name.
        failure: Gives what is the case when the check fails, as a sentence with these numbers.
        sample: SELECT giving a few offending keys, or None.
    """

    table: str
    name: str
    claim: str
    remedy: str
    question: Question | None
    compared: str
    failure: Callable[[Numbers], str]
    sample: Question | None = None
    blocking: bool = False
    warning: bool = False

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of its answer: `offenders`, then those that `compared` names."""
        named = (name for _, name, _, _ in Formatter().parse(self.compared) if name)
        return tuple(dict.fromkeys((OFFENDERS, *named)))

    @property
    def digest(self) -> str:
        """Differs where another question is asked, or its answer has other consequences."""
        asked = self.question(_Named()) if self.question else ""
        return hashlib.sha256(f"{self.blocking} {asked}".encode()).hexdigest()[:8]


class _Named:
    """Rows under the names of their tables: no warehouse is meant."""

    def touched(self, table: str) -> str:
        return f"touched.{table}"

    def whole(self, table: str) -> str:
        return table


def ask(file: str, table: Table, **given: Any) -> Question:
    """The SELECT of a file over the touched `rows` of a table, whose `name` it may want, too.

    Args:
        given: What else it leaves open; a question is asked of the same rows.
    """

    def text(rows: Rows) -> str:
        values = {name: value(rows) if callable(value) else value for name, value in given.items()}
        named = {name: rows.touched(name) for name in TABLES}
        named |= {"rows": rows.touched(table.name), "name": literal(table.name)}
        return statement(f"check/{file}.sql", named, **values)

    return text


def touched(table: str) -> Question:
    """The rows of a table that the load touched, in place of a statement."""
    return lambda rows: rows.touched(table)


def whole(table: str) -> Question:
    """All rows of a table likewise."""
    return lambda rows: rows.whole(table)
