"""How things stand by the history: the last published load of each part, and what failed since.

All of it is one question, as each takes a while to reach Redshift. What belongs here: asking it,
and what follows from the answer. Writing the history is `ledger`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sparkify_dagster.lake.reader.reader import READER_VERSION
from sparkify_dagster.model.catalog import GENERATION, KEPT, STAGING, model_version
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.ledger import DESIGN, MODEL
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Table
from sparkify_dagster.warehouse.engine import Session, WarehouseError, anew

FAILED = "failed"
"""In place of the digest of a part whose last load failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Loads of a part that failed since it was last published.

    Attributes:
        digest: What the last of them tried to load.
        attempts: How many of them, in a row, tried just that.
        last: When the last one failed, UTC.
    """

    digest: str
    attempts: int
    last: datetime


@dataclass(frozen=True, slots=True)
class StarPosition:
    """What a star table has taken in, and by which version of the model.

    Attributes:
        load_id: The last staging load, or None when the table was never published.
        token: Of the document of aliases, for `songplay`.
    """

    load_id: int | None
    version: str | None
    token: str | None = field(default=None, compare=False)


class Load(NamedTuple):
    """A row of the history that still says something; see `model.ledger`."""

    target: str
    part: str
    status: str
    digest: str
    load_id: int
    position: int | None
    reader_version: str
    model_version: str
    loaded_at: datetime
    row_count: int
    rejects: int
    message: str | None
    newest: datetime


class Declared(NamedTuple):
    """A column of a staging table as an earlier version of the model declared it."""

    name: str
    sql_type: str
    required: bool
    source: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The history, as far as it says how things stand.

    Attributes:
        loads: By target and part, and in their order: what was published last, what failed since.
        environment: The environment whose history it is; blank: production's.
    """

    loads: Sequence[Load]
    environment: str = ""

    def digests(self, target: str) -> dict[str, str]:
        """The digest of each part of a staging table as it was last published.

        A part whose last load failed has `FAILED`, which no part of a lake has: it is loaded again
        whatever the lake holds, even if its objects are gone, so that its rejects go with them.
        """
        return {
            load.part: load.digest if load.status == "published" else FAILED
            for load in self.loads
            if load.target == target
        }

    def failures(self, target: str) -> dict[str, Failure]:
        """The parts of a staging table whose last load failed, with how often."""
        found: dict[str, Failure] = {}
        for load in self.loads:
            if load.target == target and load.status == "failed":
                before = found.get(load.part)
                again = before.attempts if before and before.digest == load.digest else 0
                found[load.part] = Failure(load.digest, again + 1, load.loaded_at)
        return found

    def current_parts(self, target: str) -> set[str]:
        """The parts of a staging table that were last published by today's reader and model."""
        today = READER_VERSION, model_version(target)
        published = self._published([target])
        return {p.part for p in published if (p.reader_version, p.model_version) == today}

    def positions(self, tables: Iterable[Table]) -> dict[str, StarPosition]:
        """What each star table has taken in."""
        known = {
            load.target: StarPosition(load.position, load.model_version, load.digest)
            for load in self.loads
            if load.status == "published" and load.position is not None
        }
        return {table.name: known.get(table.name, StarPosition(None, None)) for table in tables}

    def last_published(self, tables: Iterable[Table] = STAGING) -> int:
        """The last published load of any of the tables; 0 when there is none."""
        return max((load.load_id for load in self._published(t.name for t in tables)), default=0)

    @property
    def next_load_id(self) -> int:
        """A number greater than that of every load recorded so far."""
        return max((load.load_id for load in self.loads), default=0) + 1

    @property
    def latest_day(self) -> str:
        """The latest log day that was ever published, by the clocks of who loaded; blank: none."""
        return max((load.part for load in self._published([STAGING[1].name])), default="")

    @property
    def generation(self) -> int:
        """The generation of the model that the tables are by; 0: made before these were noted."""
        return max((p.row_count for p in self._published([MODEL])), default=0)

    def require_older(self) -> None:
        """Sees to it that nothing is written over what newer code has made.

        Raises:
            WarehouseError: Newer code has made it.
        """
        if self.generation > GENERATION:
            raise WarehouseError(
                "newer code has changed these tables: their model is of generation "
                f"{self.generation}, this code's of {GENERATION}. Nothing was written. Load with "
                f"that code, or go back for good: {anew(self.environment)}."
            )

    @property
    def knows_model(self) -> bool:
        """Whether it is noted that the tables are by today's model."""
        noted = {p.part: p.digest for p in self._published([MODEL])}
        today = {table.name: model_version(table.name) for table in KEPT}
        return self.generation == GENERATION and today.items() <= noted.items()

    @property
    def design(self) -> str | None:
        """Digest of how all tables lie in the cluster; None where nothing tells."""
        noted = (p.digest for p in self._published([MODEL]) if p.part == DESIGN)
        return next(noted, None)

    def made_by(self, table: str) -> str | None:
        """The version of the model that a table is by; None where nothing tells."""
        noted = (p.digest for p in self._published([MODEL]) if p.part == table)
        return next(noted, self.loaded_by(table))

    def loaded_by(self, table: str) -> str | None:
        """The version of the model by which a table was last published; None: it never was."""
        loads = sorted(self._published([table]), key=lambda load: load.load_id)
        return loads[-1].model_version if loads else None

    def declared(self, table: str) -> tuple[Declared, ...]:
        """The columns of a table whose rows stay, in the version it is by; none if unknown."""
        noted = (p.message for p in self._published([MODEL]) if p.part == table)
        return tuple(Declared(*column) for column in json.loads(next(noted, None) or "[]"))

    def noted(self, target: str) -> dict[str, str]:
        """What was noted last of something that is no table, by part."""
        return {p.part: p.message or "" for p in self._published([target])}

    def rows(self, table: str) -> int:
        """How many rows a table has, by the history."""
        return sum(p.row_count for p in self._published([table]))

    def parts(self, table: str) -> dict[str, Load]:
        """The last published load of each part of a staging table."""
        return {p.part: p for p in self._published([table])}

    @property
    def newest(self) -> datetime | None:
        """When the newest entry was made, by the clock of who made it; None: there is none."""
        return self.loads[0].newest if self.loads else None

    def _published(self, targets: Iterable[str]) -> Iterator[Load]:
        wanted = set(targets)
        return (p for p in self.loads if p.target in wanted and p.status == "published")


def standing(session: Session, names: Mapping[str, str] | None = None) -> Standing:
    """Asks the history how things stand.

    Args:
        names: What the tables are called whose history it is; None: the session's.
    """
    text = statement("ledger/standing.sql", names or relations(session.schema))
    return Standing([Load(*row) for row in session.query(text)], session.environment)
