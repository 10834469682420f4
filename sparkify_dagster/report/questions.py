"""The questions the report asks, as the SQL that it also shows.

What belongs here: which questions there are, each read from its file in `sql`: one statement over
marts, star and ledger, aggregated so far that an answer has some hundreds of rows at most (of
reasons of rejects, some thousands), in the subset that all engines read alike. A question that asks
for the first rows alone gives how many there are `in_all`. What does not: asking (`facts`), and
anything said of the answers (`listening`, `people`, `trust`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from sparkify_dagster.model.catalog import tables_in
from sparkify_dagster.model.statements import statement

Grain = Literal["day", "week", "month", "year"]
GRAINS: Mapping[Grain, int] = {"day": 92, "week": 2 * 366, "month": 20 * 366, "year": 10**9}
"""The longest span, in days, that is still shown by days, weeks, months, years."""
MOST_PERIODS = 400
"""Periods that are shown at most: the latest ones."""

_SINGLE = (
    "week",
    "top_songs",
    "top_artists",
    "levels",
    "session_minutes",
    "session_songs",
    "places",
    "matched_by",
    "unmatched_reasons",
    "unmatched_close",
    "unmatched_missing",
    "loaded",
    "reject_reasons",
    "failed_parts",
)
MINUTES = ("< 1", "1-10", "10-30", "30-60", "1-2 h", "2-4 h", "4 h +")
"""What the buckets of `session_minutes` hold: each from its first number up to its second."""
SONGS = ("none", "1", "2-5", "6-10", "11-20", "21-50", "51 +")
"""What the buckets of `session_songs` hold."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        name: Names its answer, and its file.
        given: What stands for all that the file leaves open besides tables.
    """

    name: str
    given: Mapping[str, object] = field(default_factory=dict)

    @property
    def tables(self) -> set[str]:
        """The tables it reads."""
        return tables_in(f"{self.name}.sql", "report")

    def sql(self, relations: Mapping[str, str]) -> str:
        """The statement, given what stands for each table."""
        return statement(f"{self.name}.sql", relations, package="report", **self.given)


def grain_of(first: date | None, last: date | None) -> Grain:
    """How finely a span of days is shown, so that what is shown stays readable."""
    span = (last - first).days + 1 if first and last else 0
    return next(grain for grain, longest in GRAINS.items() if span <= longest)


def headline() -> Question:
    """The question whose answer is one row."""
    return Question("headline")


def single() -> tuple[Question, ...]:
    """The questions that are the same for every span of days, besides the headline."""
    return tuple(map(Question, _SINGLE))


def over_time(grain: Grain) -> tuple[Question, ...]:
    """The questions whose answers have a row for each day, week, month or year."""
    return (
        _timed("plays", "d.play_date", grain),
        _timed("listeners", "d.play_date", grain),
        _timed("subscriptions", "d.day", grain),
    )


def tables_read() -> list[str]:
    """All tables that the page's statements name."""
    every = (headline(), *single(), *over_time("day"))
    return sorted(set().union(*(question.tables for question in every)))


def _timed(name: str, day: str, grain: Grain) -> Question:
    """A question whose file leaves open how long a period is, and how many are shown."""
    return Question(name, {"period": _period(day, grain), "most": MOST_PERIODS})


def _period(day: str, grain: Grain) -> str:
    """The first day of the period a date lies in."""
    if grain == "day":
        return day
    return f"CAST(DATE_TRUNC('{grain}', CAST({day} AS TIMESTAMP)) AS DATE)"
