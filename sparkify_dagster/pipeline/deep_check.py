"""Every statement of a load, tried on the cluster it is for: `sparkify doctor --deep`.

The statements are those that `sql_preview` writes down, so none is typed twice, and a new one is
tried by itself. They are sent in a transaction that is rolled back, on tables in the loader's
schema under names of their own: no right is needed that a load does not. Redshift has no SAVEPOINT:
after a refusal the rest goes on in a new transaction, in which the tables are made again.

What belongs here: sending them, and what goes round a refusal. Showing it is the command line's.
"""

from __future__ import annotations

import gzip
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyarrow as pa

from sparkify_dagster.core import progress
from sparkify_dagster.model.ddl import create_schema, drop_table, quoted
from sparkify_dagster.pipeline.sql_preview import Stage, recorded
from sparkify_dagster.pipeline.sql_recorder import EVENT, Bulk, Place, Sent
from sparkify_dagster.warehouse.engine import LakeObjects, Session, Transient, WarehouseError
from sparkify_dagster.warehouse.redshift.copy import LOAD_ERRORS
from sparkify_dagster.warehouse.redshift.session import FEW_ROWS
from sparkify_dagster.warehouse.redshift.usage import QUERIES_TAKEN
from sparkify_dagster.warehouse.redshift.warehouse import SIZES, RedshiftWarehouse

MOST_REFUSALS = 20
"""After so many the rest is not tried: each costs the making of all tables."""

_PREFIX = "tried_by_doctor_"
_LEFT = re.compile(_PREFIX + r"[0-9a-f]{8}_\w+")
_EXPLAINED = re.compile(
    r"(?:\s|--[^\n]*\n)*(?:SELECT|WITH|INSERT|UPDATE|DELETE|CREATE TEMP TABLE \S+ AS)\b"
)
_DROPPED = re.compile(r"^DROP TABLE (?:IF EXISTS )?")
_OF_TRANSACTIONS = re.compile(r"\s*(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|TRUNCATE|VACUUM)\b")
"""Never sent: they would end the transaction in which all is tried."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What goes round a known refusal.

    Attributes:
        statement: What the statement holds, as a regular expression.
        words: What the cluster's words hold; likewise.
        step: What to do.
        is_optional: Loads go well without the statement.
    """

    statement: str
    words: str
    step: str
    is_optional: bool = False


_SQL = "see the administrator's SQL in docs/redshift.md"
REMEDIES = (
    Remedy(
        "svv_table_info",
        "",
        "loads go well without it, and tell no sizes; to have them, let an administrator GRANT "
        "SELECT ON svv_table_info to the loader",
        is_optional=True,
    ),
    Remedy(
        "sys_load_error_detail",
        "",
        "loads go well without it; of a record that COPY refuses they then tell less",
        is_optional=True,
    ),
    Remedy(
        "sys_query_history",
        "",
        "loads go well without it, and tell no seconds and dollars of the cluster",
        is_optional=True,
    ),
    Remedy(
        r"^GRANT\b",
        "",
        "let an administrator CREATE ROLE it, or leave [CLUSTER] READER blank and grant by hand",
    ),
    Remedy(
        r"^COPY\b",
        r"not authorized|access ?denied|S3ServiceException|cannot act as the role",
        "see lines staging and role: let the role of [IAM_ROLE] read the staging area",
    ),
    Remedy("", r"took too long", "raise [CLUSTER] STATEMENT_TIMEOUT, or ask when it is less busy"),
    Remedy(r"^CREATE TEMP\b", r"permission denied|not allowed", f"GRANT TEMPORARY; {_SQL}"),
    Remedy("", r"permission denied|not allowed|must be owner", f"let a right be granted; {_SQL}"),
)
"""Refusals that are known before anybody saw one, in the order in which they are looked up."""

_NO_WAY = "nothing goes round it: send us the statement, these words, and the version in line login"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A statement that the cluster refused.

    Attributes:
        number: Its place in its stage, from 1.
        statement: As it stands in `sparkify sql`.
        words: The cluster's.
        step: What goes round it.
        is_optional: Loads go well without it.
    """

    number: int
    statement: str
    words: str
    step: str
    is_optional: bool = False


@dataclass(slots=True)
class Tried:
    """What became of the statements of one stage.

    Attributes:
        sent: How many were sent, those that a stage before had left out.
        skipped: How many were not looked at in the end.
    """

    name: str
    title: str
    sent: int = 0
    skipped: int = 0
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeepCheck:
    """What became of all.

    Attributes:
        left_before: Tables of a check that died earlier; they were dropped.
        left_after: Likewise, of this one, though it was rolled back.
    """

    stages: list[Tried]
    left_before: list[str]
    left_after: list[str]


def check_deeply(warehouse: RedshiftWarehouse, region: str) -> DeepCheck:
    """Tries every statement of a load on a cluster, and leaves nothing there.

    Raises:
        WarehouseError: The connection was lost, or cannot be had.
        LakeError: Nothing can be written to the staging area.
    """
    left = _drop_left(warehouse)
    # The schema of the record is none that is there: what is not renamed fails, and harms nothing.
    own = f"{_PREFIX}{uuid.uuid4().hex[:8]}"
    place = Place(warehouse.staging.location, warehouse.role, region)
    stages = [*recorded(own, place, warehouse.cluster.reader), _views(warehouse.schema)]
    file = f"{uuid.uuid4().hex[:12]}/{uuid.uuid4().hex}.json.gz"  # Named as what loads sweep up.
    uri = warehouse.staging.put(file, gzip.compress(EVENT))
    try:
        trial = _Trial(warehouse, own, uri, stages)
        trial.run()
    finally:
        warehouse.staging.delete([uri])
    return DeepCheck(trial.tried, left, _drop_left(warehouse))


def remedy(statement: str, words: str, way_round: str) -> tuple[str, bool]:
    """What goes round a refusal, and whether loads go well without the statement.

    Args:
        way_round: What goes round the stage, where it alone sends such a statement.
    """
    for known in REMEDIES:
        if re.search(known.statement, statement) and re.search(known.words, words, re.IGNORECASE):
            return known.step, known.is_optional
    return way_round or _NO_WAY, False


def _views(schema: str) -> Stage:
    """What loads ask of Redshift's own views, for what they report."""
    since = {"since": datetime.now(UTC).replace(tzinfo=None)}
    label = {"label": "sparkify:doctor"}
    asked = [Sent(SIZES, {"schema": schema}), Sent(LOAD_ERRORS, since), Sent(QUERIES_TAKEN, label)]
    return Stage("views", "Questions to Redshift's own views", (), asked)


def _drop_left(warehouse: RedshiftWarehouse) -> list[str]:
    """Drops tables of a check that was not rolled back; gives their names."""
    with warehouse.looking() as session:
        left = sorted(filter(_LEFT.fullmatch, session.tables()))
        for name in left:
            session.execute(drop_table(name, warehouse.schema))
        return left


@dataclass(frozen=True, slots=True)
class _Step:
    """A statement in the line of all that are tried; `is_last` of its stage."""

    tried: Tried
    number: int
    sent: Sent
    way_round: str
    is_last: bool


class _Enough(Exception):
    """Everything was tried; nothing of it is to stay."""


class _Trial:
    """All statements, and how far they came."""

    def __init__(
        self, warehouse: RedshiftWarehouse, own: str, uri: str, stages: Sequence[Stage]
    ) -> None:
        self.tried: list[Tried] = []
        self._warehouse = warehouse
        self._own = own
        self._uri = uri
        self._steps = list(self._line_up(stages))
        self._at = 0
        self._shapes: set[str] = set()  # Of what was sent; and, of that, what was refused.
        self._refused: set[str] = set()
        self._standing: dict[str, str] = {}  # What is there by now, and what makes it again.
        self._lost: set[str] = set()  # What could not be made.
        self._again = ""  # The one of them that is being made again.

    def run(self) -> None:
        """Sends all, in as many transactions as it takes."""
        while self._at < len(self._steps):
            try:
                with suppress(_Enough), self._warehouse.trying() as session:
                    self._send_rest(session)
                    raise _Enough
            except Transient:
                raise
            except WarehouseError as error:
                self._note(str(error))

    def _line_up(self, stages: Sequence[Stage]) -> Iterator[_Step]:
        elsewhere = {sent.shape for stage in stages if not stage.way_round for sent in stage.sent}
        for stage in stages:
            tried = Tried(stage.name, stage.title)
            self.tried.append(tried)
            for number, sent in enumerate(stage.sent, 1):
                way_round = "" if sent.shape in elsewhere else stage.way_round
                yield _Step(tried, number, sent, way_round, number == len(stage.sent))

    def _send_rest(self, session: Session) -> None:
        has_schema = session.has_schema()
        for name, text in self._standing.items():
            self._again = name
            session.execute(text)
        self._again = ""
        while self._at < len(self._steps):
            progress.report("trying statements of a load", self._at, len(self._steps))
            step = self._steps[self._at]
            if _OF_TRANSACTIONS.match(step.sent.text):
                pass
            elif step.sent.text == create_schema(self._own) and has_schema:
                pass  # Asking for it takes a right that many lack; a load does not either.
            elif any(name in self._named(step.sent.text) for name in self._lost):
                step.tried.skipped += 1
            elif step.sent.made or step.sent.shape not in self._shapes:
                self._send(session, self._possible(step.sent))
                step.tried.sent += 1
            if step.is_last:
                self._end_stage(session)
            self._at += 1

    def _possible(self, sent: Sent) -> Sent:
        """The statement, or what stands in for it if one like it was refused."""
        return Sent(sent.stand_in) if sent.shape in self._refused else sent

    def _send(self, session: Session, sent: Sent) -> None:
        text, bulk = self._named(sent.text), sent.bulk
        if bulk is not None:
            self._give(session, bulk, copied=text.startswith("COPY"))
        else:
            if _EXPLAINED.match(text):
                session.query(f"EXPLAIN {text}", sent.values)
            session.execute(text, sent.values)
        self._shapes.add(sent.shape)
        if sent.made:
            self._standing[self._named(sent.made)] = text
        self._standing.pop(_DROPPED.sub("", text), None)

    def _give(self, session: Session, bulk: Bulk, *, copied: bool) -> None:
        relation = self._named(bulk.relation)
        if isinstance(bulk.source, LakeObjects):
            region = self._warehouse.staging.region()
            ours = replace(bulk.source, uris=(self._uri,), packed=True, region=region)
            session.copy(relation, bulk.columns, ours)
        else:
            times = FEW_ROWS + 1 if copied else 1
            session.append(relation, bulk.columns, pa.concat_tables([bulk.source] * times))

    def _end_stage(self, session: Session) -> None:
        """Ends what ends with a session."""
        for name in self._forget_temporary():
            session.execute(f"DROP TABLE IF EXISTS {name}")

    def _forget_temporary(self) -> list[str]:
        made = [name for name, text in self._standing.items() if text.startswith("CREATE TEMP")]
        for name in made:
            del self._standing[name]
        return made

    def _named(self, text: str) -> str:
        """A text in which the tables are in the loader's schema, under names of their own."""
        schema, own = quoted(self._warehouse.schema), self._own
        return text.replace(f'"{own}"."', f'{schema}."{own}_').replace(f'"{own}"', schema)

    def _note(self, words: str) -> None:
        """Notes a refusal, and what to go on with: plain tables where they were refused."""
        if self._again:
            self._lost.add(self._again)  # Not even plainly: what names it is not looked at.
            del self._standing[self._again]
            return
        step = self._steps[self._at]
        sent = step.sent
        text = sent.text.replace(f'"{self._own}"', quoted(self._warehouse.schema))
        way_round, is_optional = remedy(sent.text, words, step.way_round)
        step.tried.refused.append(Refusal(step.number, text, words, way_round, is_optional))
        self._shapes.add(sent.shape)
        self._refused.add(sent.shape)
        if step.is_last:
            self._forget_temporary()
        elif sent.stand_in:
            self._standing[self._named(sent.made)] = self._named(sent.stand_in)
        self._at += 1
        if sum(len(tried.refused) for tried in self.tried) >= MOST_REFUSALS:
            self._give_up()

    def _give_up(self) -> None:
        for step in self._steps[self._at :]:
            step.tried.skipped += 1
        self._at = len(self._steps)
