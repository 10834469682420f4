"""What a load says of itself while it runs: plain events, in the order in which things happen.

What belongs here: events and what they hold. When each comes is `load`'s. Whoever shows them,
Dagster or a command, puts them into words of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.pipeline.audit import Finding
from sparkify_dagster.pipeline.plan import Loaded, Pending
from sparkify_dagster.pipeline.star import StarResult
from sparkify_dagster.warehouse.engine import Cost
from sparkify_dagster.warehouse.ledger import Entry
from sparkify_dagster.warehouse.standing import Failure

CATALOGUE, STAR, MARTS = "the song catalogue", "the star", "the marts"
"""What can fail beside log days, each under its date."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The lake was held against the warehouse: it is known what is to be done."""

    snapshot: Snapshot
    held: Loaded
    todo: Pending


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something about lake, ledger or clock that people should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Omitted:
    """Something beside the load could not be done; what is published stays."""

    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What checks found that belong to no published part or table."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class PartResult:
    """What became of a log day, or of the song catalogue.

    Attributes:
        entry: As written to `load_history`; for the song load the sum of its parts.
        findings: What the checks found; empty when it did not come to them.
        objects_read: Objects that were opened.
        path: Who read them: `reader`, or `copy` where Redshift did.
        copy_refusal: Why Redshift was not left to read them, where it was tried.
        setup_problem: That was not for the records' sake: something is set up wrong.
        seconds: What the load took, from the first byte read to COMMIT; days that share a
            transaction share it, too.
        cost: What the transaction took, likewise shared.
        phases: Where its seconds went, likewise shared; see `Phases`.
    """

    entry: Entry
    findings: tuple[Finding, ...] = ()
    objects_read: int = 0
    path: Literal["reader", "copy"] = "reader"
    copy_refusal: str = ""
    setup_problem: bool = False
    seconds: float = 0.0
    cost: Cost = field(default_factory=Cost)
    phases: Mapping[str, float] = field(default_factory=dict)

    @property
    def published(self) -> bool:
        """Whether the part's rows are what the lake holds now."""
        return self.entry.status == "published"


@dataclass(frozen=True, slots=True)
class DaysLoaded:
    """All log days of the load, after the last of them.

    Attributes:
        phases: Where the seconds of all of them went.
    """

    days: tuple[PartResult, ...]
    phases: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FailedPart:
    """A part of a load that failed.

    Attributes:
        name: A log day, or such as `the marts`; blank: it is no part's failure but all of it.
        tried: How often, as it is now; 0: that is not known.
        given_up: It is left alone until the lake changes or somebody loads it.
    """

    name: str
    reason: str
    tried: int = 0
    given_up: bool = False

    def after(self, failures: Collection[Failure], attempts: int) -> FailedPart:
        """The same, with how often it was tried: given up when each piece of it was."""
        if not failures:
            return self
        tries = [failure.attempts for failure in failures]
        return replace(self, tried=max(tries), given_up=min(tries) >= attempts)


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of every load.

    Attributes:
        up_to_date: Tables that hold what the lake says, whether the load changed them or not;
            log days are not among them.
        error: What broke the load off; None when it came to its end.
    """

    failed: tuple[FailedPart, ...] = ()
    up_to_date: frozenset[str] = frozenset()
    error: Exception | None = None


Event = Planned | Noticed | Omitted | Checked | PartResult | DaysLoaded | StarResult | Ended
