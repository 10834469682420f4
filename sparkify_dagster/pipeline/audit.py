"""Running the checks of the model: inside a load before it is committed, or alone.

What belongs here: asking and judging. What a check claims and asks is `model.checks`'; how Dagster
shows it is `checks`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sparkify_dagster.core.masking import mask_value
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.check import OFFENDERS, Check
from sparkify_dagster.model.ddl import qualified
from sparkify_dagster.model.statements import statement
from sparkify_dagster.warehouse.engine import Session, Warehouse
from sparkify_dagster.warehouse.schema import difference

_EXAMPLES = 3
FOR_EXAMPLE = " For example: "
"""Where, in what is told of a check, the keys of rows begin."""
MOST_TABLES = 9
"""How many tables the questions that are asked in one statement read together."""
_TABLE = re.compile(r"\b(?:JOIN|FROM)\s+(?!\()")
_SHAPE = (OFFENDERS, "n1", "n2", "n3", "n4")
"""The columns of every answer, whatever its question calls them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        passed: Whether its claim holds.
        numbers: What was counted and compared.
        sample: A few offending keys, a mapping each; what is personal in them is masked.
        of_load: Only the rows that a load touched were looked at.
    """

    check: Check
    passed: bool
    numbers: Mapping[str, int]
    sample: tuple[Mapping[str, str], ...] = ()
    of_load: bool = False

    @property
    def stops(self) -> bool:
        """Whether the rows must not be published."""
        return self.check.blocking and not self.passed

    @property
    def asked_nothing(self) -> bool:
        """Whether there were no rows to look at: what was found before still holds."""
        return self.of_load and self.passed and not any(self.numbers.values())

    @property
    def sentence(self) -> str:
        """The verdict, with a few offenders where there are any."""
        examples = "; ".join(map(_example, self.sample[:_EXAMPLES]))
        return f"{self.verdict}{FOR_EXAMPLE}{examples}." if examples else self.verdict

    @property
    def verdict(self) -> str:
        """The claim with what was compared; where it failed, what is the case and what to do.

        Names no row.
        """
        looked_at = ["of the rows of this load"] if self.of_load else []
        if self.passed:
            numbers = {name: f"{value:,}" for name, value in self.numbers.items()}
            compared = self.check.compared.format_map(numbers)
            return _sentence(self.check.claim, [compared, *looked_at])
        return f"{_sentence(self.check.failure(self.numbers), looked_at)} {self.check.remedy}"


def _sentence(said: str, more: Sequence[str]) -> str:
    told = f" ({', '.join(more)})" if more else ""
    return f"{said.removesuffix('.')}{told}."


class AuditFailed(Exception):
    """A blocking check failed; nothing of the load may be seen.

    Attributes:
        findings: All that was found, the good ones included.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(f.verdict for f in self.findings if f.stops))


@dataclass(frozen=True, slots=True)
class Stored:
    """Reads whole tables, but for those that are replaced by a part of them.

    Attributes:
        parts: For some tables, the relation that holds just the rows a load touched.
    """

    schema: str
    parts: Mapping[str, str] = field(default_factory=dict)

    def touched(self, table: str) -> str:
        """The rows the load touched; all rows when what is stored is checked."""
        return self.parts.get(table) or qualified(self.schema, table)

    def whole(self, table: str) -> str:
        """All rows of the table."""
        return qualified(self.schema, table)


def loaded_by(schema: str, load_id: int, tables: Iterable[str]) -> Stored:
    """Reads only what one load has written to the given tables."""
    return Stored(
        schema,
        {
            table: f"(SELECT * FROM {qualified(schema, table)} WHERE load_id = {load_id:d})"
            for table in tables
        },
    )


def examine(session: Session, checks: Iterable[Check], rows: Stored) -> list[Finding]:
    """Asks each check's question; fetches a sample of keys where it fails."""
    asked = tuple(checks)
    there = session.tables() if any(check.question is None for check in asked) else {}
    answered = _answered(session, [(check, rows) for check in asked])
    return [
        _hold(session, check, there.get(check.table, {}))
        if check.question is None
        else next(answered)
        for check in asked
    ]


def examine_stored(warehouse: Warehouse, checks: Sequence[Check]) -> list[Finding]:
    """As `examine`, of what is stored now."""
    return warehouse.read_only(lambda session: examine(session, checks, Stored(session.schema)))


def examine_at_once(
    session: Session, checks: Iterable[tuple[Check, Stored]]
) -> dict[str, tuple[Finding, ...]]:
    """As `examine`, each check with the rows it is asked of; gives what was found by table.

    Checks without a question are left out.
    """
    found: dict[str, tuple[Finding, ...]] = {}
    for finding in _answered(session, checks):
        table = finding.check.table
        found[table] = (*found.get(table, ()), finding)
    return found


def enforce(findings: Mapping[str, tuple[Finding, ...]]) -> None:
    """Lets a load pass only if no blocking check failed.

    Args:
        findings: What was found, by table.

    Raises:
        AuditFailed: One did.
    """
    found = tuple(finding for of_table in findings.values() for finding in of_table)
    if any(finding.stops for finding in found):
        raise AuditFailed(found)


def _hold(session: Session, check: Check, found: Mapping[str, str]) -> Finding:
    """Holds a table's columns against the model's; a table that is not there has none."""
    declared = session.declared(TABLES[check.table])
    said = difference(found, declared) if found else ["the table is not there"]
    numbers = {"offenders": len(said), "found": len(found), "declared": len(declared)}
    sample = tuple({"difference": words} for words in said[:5])
    return Finding(check, not said, numbers, sample)


def _answered(session: Session, checks: Iterable[tuple[Check, Stored]]) -> Iterator[Finding]:
    """What was found by the checks that have a question, in their order.

    Each statement takes a while to reach Redshift, and one of very many tables is dear to plan: so
    questions go in few statements of a bounded number of tables, all of one shape.
    """
    asked = [(check, rows, check.question(rows)) for check, rows in checks if check.question]
    answers: dict[int, tuple[int, ...]] = {}
    for piece in pieces([question for *_, question in asked]):
        branches = (_branch(number, asked[number][0], asked[number][2]) for number in piece)
        for number, *counted in session.query("\nUNION ALL\n".join(branches)):
            answers[int(number)] = tuple(map(int, counted))
    for number, (check, rows, _) in enumerate(asked):
        numbers = dict(zip(check.numbers, answers[number], strict=False))
        yield _finding(session, check, numbers, rows)


def pieces(questions: Sequence[str]) -> list[list[int]]:
    """Questions to be asked in one statement each, by their places: as full as may be."""
    made: list[tuple[list[int], int]] = []
    for number, question in enumerate(questions):
        tables = len(_TABLE.findall(question))
        at = next((i for i, (_, n) in enumerate(made) if n + tables <= MOST_TABLES), len(made))
        numbers, there = made[at] if at < len(made) else ([], 0)
        made[at : at + 1] = [([*numbers, number], there + tables)]
    return [numbers for numbers, _ in made]


def _branch(number: int, check: Check, question: str) -> str:
    """A question as one row of the shape that all have: its number, then what it counts."""
    named = (
        f"q.{name} AS {column}"
        for name, column in zip(check.numbers, _SHAPE[: len(check.numbers)], strict=True)
    )
    padded = (f"0 AS {column}" for column in _SHAPE[len(check.numbers) :])
    numbers = ", ".join((*named, *padded))
    return statement("check/answer.sql", number=number, numbers=numbers, question=question)


def _finding(session: Session, check: Check, numbers: Mapping[str, int], rows: Stored) -> Finding:
    """What a check's answer says, with a sample where it fails."""
    passed = numbers[OFFENDERS] == 0
    of_load = _is_of_load(check, rows)
    if passed or check.sample is None:
        return Finding(check, passed, numbers, of_load=of_load)
    offenders = session.query(check.sample(rows)).records()
    sample = tuple(_named(check.table, offender) for offender in offenders)
    return Finding(check, passed, numbers, sample, of_load)


def _named(table: str, offender: Mapping[str, object]) -> Mapping[str, str]:
    """An offender's key. It goes into logs, alerts and Dagster's history: no place for people."""
    personal = {column.name for column in TABLES[table].columns if column.personal}
    return {
        key: mask_value(value) if key in personal and value is not None else str(value)
        for key, value in offender.items()
    }


def _is_of_load(check: Check, rows: Stored) -> bool:
    """Whether the check reads a part of what is stored: some read all of it in any case."""
    question = check.question
    return question is not None and question(rows) != question(Stored(rows.schema))


def _example(row: Mapping[str, str]) -> str:
    """An offender in words: its key, or what is wrong and how often.

    Between backticks: keys come from the lake, and where Markdown is read they must be no markup.
    """
    if "difference" in row:
        said = row["difference"]
    elif "reason" in row:
        said = f"{row['reason']} ({row['records']})"
    else:
        said = ", ".join(f"{name} {value}" for name, value in row.items())
    return f"`{' '.join(said.replace('`', chr(39)).split())}`"
