"""Running the checks of the model: inside a load before it is committed, or alone.

What belongs here: asking and judging. What a check claims and asks is `model.checks`'; how Dagster
shows it is `checks`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sparkify_dagster.model.checks import Check
from sparkify_dagster.model.ddl import qualified
from sparkify_dagster.warehouse.engine import Session


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        passed: Whether its claim holds.
        numbers: What was counted and compared.
        sample: A few offending keys, a mapping each.
    """

    check: Check
    passed: bool
    numbers: Mapping[str, int]
    sample: tuple[Mapping[str, str], ...] = ()

    @property
    def stops(self) -> bool:
        """Whether the rows must not be published."""
        return self.check.blocking and not self.passed

    @property
    def sentence(self) -> str:
        """The claim, or how it failed and what to do."""
        if self.passed:
            return self.check.claim
        times = self.numbers["offenders"]
        often = f", {times:,} times" if times > 1 else ""
        return f"Not so{often}: {self.check.claim} {self.check.remedy}"


class AuditFailed(Exception):
    """A blocking check failed; nothing of the load may be seen.

    Attributes:
        findings: All that was found, the good ones included.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(f.sentence for f in self.findings if f.stops))


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
    return [_ask(session, check, rows) for check in checks]


def enforce(findings: Iterable[Finding]) -> None:
    """Lets a load pass only if no blocking check failed.

    Raises:
        AuditFailed: One did.
    """
    found = tuple(findings)
    if any(finding.stops for finding in found):
        raise AuditFailed(found)


def _ask(session: Session, check: Check, rows: Stored) -> Finding:
    names, answer = session.query_named(check.question(rows))
    numbers = {name: int(value) for name, value in zip(names, answer[0], strict=True)}
    passed = numbers["offenders"] == 0
    if passed or check.sample is None:
        return Finding(check, passed, numbers)
    keys, offenders = session.query_named(check.sample(rows))
    sample = tuple(dict(zip(keys, map(str, row), strict=True)) for row in offenders)
    return Finding(check, passed, numbers, sample)
