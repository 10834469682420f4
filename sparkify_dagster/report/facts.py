"""The answers to the report's questions, and the headline figures among them.

What belongs here: asking an open session. What does not: the
questions (`questions`), words for the answers (`listening`, `people`, `trust`) and pictures of them
(`charts`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sparkify_dagster.lake.documents import Alias
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.model.ddl import quoted, relations
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.matching import SONG_ALIASES
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.audit import Finding, Stored, examine
from sparkify_dagster.pipeline.marts import are_behind
from sparkify_dagster.pipeline.unmatched import idle_aliases
from sparkify_dagster.report.questions import Grain, Question, grain_of, headline, over_time, single
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, WarehouseMissing
from sparkify_dagster.warehouse.standing import standing

Record = dict[str, Any]
"""One row of an answer, by column."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The figures that stand first.

    Attributes:
        matched: Plays whose song is in the catalogue.
        days: Days with plays.
        listeners: People who played something; `people` are all who were ever identified.
        minutes: Length of all sessions together, in minutes.
        data_until: Moment of the latest event, UTC; None without events.
        last_load: When something was last published, UTC; None when nothing ever was.
        rejects: Records that were not accepted, without those of failed loads.
    """

    plays: int
    matched: int
    days: int
    first_day: date | None
    last_day: date | None
    listeners: int
    people: int
    sessions: int
    minutes: float
    songs_in_sessions: int
    songs: int
    artists: int
    data_until: datetime | None
    last_load: datetime | None
    rejects: int

    @property
    def match_rate(self) -> float:
        """Share of the plays whose song is in the catalogue, 0 to 1; 0 without plays."""
        return self.matched / self.plays if self.plays else 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the report knows.

    Attributes:
        answers: The rows that answer each question, by its name; periods in their order.
        questions: The same questions, by name.
        warnings: What the checks found that warn and block nothing.
        lags: The marts have not taken in what the star has.
        idle_aliases: Aliases that do not help, each with why.
    """

    headline: Headline
    grain: Grain
    answers: Mapping[str, list[Record]]
    questions: Mapping[str, Question]
    warnings: Sequence[Finding] = ()
    lags: bool = False
    idle_aliases: Mapping[Alias, str] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many parts failed to load since they were last published."""
        return len(self.answers["failed_parts"]) + self.left_out("failed_parts")

    def left_out(self, name: str) -> int:
        """How many rows there are beyond those that a question asks for at most."""
        rows = self.answers[name]
        return int(rows[0]["in_all"]) - len(rows) if rows else 0

    def figures(self) -> dict[str, int | float | str | None]:
        """The headline figures as plain values, for programs."""
        head = self.headline
        return {
            "plays": head.plays,
            "matched": head.matched,
            "match_rate": round(head.match_rate, 6),
            "listeners": head.listeners,
            "people": head.people,
            "sessions": head.sessions,
            "songs": head.songs,
            "artists": head.artists,
            "days": head.days,
            "first_day": _text(head.first_day),
            "last_day": _text(head.last_day),
            "data_until": _text(head.data_until),
            "last_load": _text(head.last_load),
            "rejects": head.rejects,
            "failed_parts": self.failed,
        }


def gather(session: Session) -> Facts:
    """Asks every question.

    Raises:
        WarehouseMissing: Nothing was ever loaded, or a table the report reads is not there.
        WarehouseError: The engine refuses a statement.
    """
    first, always = headline(), single()
    there = _require([first, *always, *over_time("day")], session)
    head = Headline(**_ask(session, first)[0])
    grain = grain_of(head.first_day, head.last_day)
    timed = over_time(grain)
    answers = {question.name: _ask(session, question) for question in (*timed, *always)}
    for question in timed:
        answers[question.name].reverse()  # The latest periods were asked for, latest first.
    # The others were passed by all that is published; asking them again costs as much as a load.
    warnings = examine(session, [c for c in all_checks() if c.warning], Stored(session.schema))
    questions = {question.name: question for question in (first, *timed, *always)}
    idle = idle_aliases(session) if SONG_ALIASES.name in there else {}
    return Facts(head, grain, answers, questions, warnings, _lags(session), idle)


def typed(question: Question) -> str:
    """The statement as a person may type it: tables without their schema."""
    names = {name: quoted(name) if name == "user" else name for name in TABLES}
    return question.sql(names)


class _Typed:
    """Tables in the SQL of a check as a person may type them."""

    def touched(self, table: str) -> str:
        """All rows of the table."""
        return quoted(table) if table == "user" else table

    whole = touched


def typed_check(check: Check) -> str:
    """The statement of a check likewise."""
    assert check.question is not None, f"{check.name}: a check that warns has SQL"
    return check.question(_Typed())


def _ask(session: Session, question: Question) -> list[Record]:
    return session.query(question.sql(relations(session.schema))).records()


def _require(questions: Iterable[Question], session: Session) -> Collection[str]:
    """The tables that are there, all that the questions read among them."""
    there = ledger.ready_tables(session)
    for name in sorted(set().union(*(question.tables for question in questions))):
        if name not in there:
            raise WarehouseMissing(
                f"table {session.schema}.{name} is not there yet, and the report reads it. "
                "`sparkify etl` makes it."
            )
    return there


def _lags(session: Session) -> bool:
    now = standing(session)
    taken = {position.load_id or 0 for position in now.positions(STAR).values()}
    return are_behind(now.positions(MARTS), max(taken)) if any(taken) else False


def _text(moment: date | datetime | None) -> str | None:
    return moment.isoformat() if moment else None
