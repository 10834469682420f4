"""Running the checks of the model: inside a load before it is committed, or alone.

What belongs here: asking and judging. What a check claims and asks is `model.checks`'; how Dagster
shows it is `checks`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sparkify_dagster.core.masking import mask_value
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.ddl import qualified
from sparkify_dagster.warehouse.engine import Row, Session, Warehouse
from sparkify_dagster.warehouse.schema import difference

_EXAMPLES = 3
FOR_EXAMPLE = " For example: "
"""Where, in what is told of a check, the keys of rows begin."""
OFFENDERS = "offenders"


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
    return [
        _hold(session, check, there.get(check.table, {}))
        if check.question is None
        else _ask(session, check, check.question(rows), rows)
        for check in asked
    ]


def examine_stored(warehouse: Warehouse, checks: Sequence[Check]) -> list[Finding]:
    """As `examine`, of what is stored now."""
    return warehouse.read_only(lambda session: examine(session, checks, Stored(session.schema)))


def examine_at_once(
    session: Session, checks: Iterable[tuple[Check, Stored]]
) -> dict[str, tuple[Finding, ...]]:
    """As `examine`, with one statement for all questions: each takes a while to reach Redshift.

    Args:
        checks: Each with the rows it is asked of; those without a question are left out.

    Returns:
        What was found, by table.
    """
    asked = [(c, rows, c.question(rows)) for c, rows in checks if c.question is not None]
    if not asked:
        return {}
    select = ", ".join(f"q{number}.*" for number in range(len(asked)))
    questions = (f"({question}) AS q{number}" for number, (_, _, question) in enumerate(asked))
    names, answer = session.query_named(f"SELECT {select} FROM {' CROSS JOIN '.join(questions)}")
    answers: list[dict[str, int]] = []
    for name, value in zip(names, answer[0], strict=True):
        if name == OFFENDERS:  # Each answer begins with it.
            answers.append({})
        answers[-1][name] = int(value)
    found: dict[str, tuple[Finding, ...]] = {}
    for (check, rows, _), numbers in zip(asked, answers, strict=True):
        finding = _finding(session, check, numbers, rows)
        found[check.table] = (*found.get(check.table, ()), finding)
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


def _ask(session: Session, check: Check, question: str, rows: Stored) -> Finding:
    names, answer = session.query_named(question)
    numbers = {name: int(value) for name, value in zip(names, answer[0], strict=True)}
    return _finding(session, check, numbers, rows)


def _finding(session: Session, check: Check, numbers: Mapping[str, int], rows: Stored) -> Finding:
    """What a check's answer says, with a sample where it fails."""
    passed = numbers[OFFENDERS] == 0
    of_load = _is_of_load(check, rows)
    if passed or check.sample is None:
        return Finding(check, passed, numbers, of_load=of_load)
    keys, offenders = session.query_named(check.sample(rows))
    sample = tuple(_named(check.table, keys, row) for row in offenders)
    return Finding(check, passed, numbers, sample, of_load)


def _named(table: str, keys: Sequence[str], row: Row) -> Mapping[str, str]:
    """An offender's key. It goes into logs, alerts and Dagster's history: no place for people."""
    personal = {column.name for column in TABLES[table].columns if column.personal}
    return {
        key: mask_value(value) if key in personal and value is not None else str(value)
        for key, value in zip(keys, row, strict=True)
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
