"""Publishing the star: five tables in one transaction, rebuilt or refreshed where staging changed.

Each table has one defining SELECT. A rebuild runs it over all of staging; a refresh runs the same
text over the rows of the keys that were touched since the star was last published, and writes just
the rows that differ. Both give the same tables. The marts are published in the same transaction
(`marts`), so that all of them always agree; where they cannot be, the star is published without.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from sparkify_dagster.core import progress
from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.documents import Aliases
from sparkify_dagster.model.catalog import STAGING, model_version
from sparkify_dagster.model.checks import audits_of
from sparkify_dagster.model.ddl import Names, relations
from sparkify_dagster.model.ledger import RETIRED
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.audit import Finding, Stored, enforce, examine_at_once
from sparkify_dagster.pipeline.conditions import to_note
from sparkify_dagster.pipeline.marts import (
    MartsFailed,
    MartsResult,
    StarChange,
    are_behind,
    publish_marts,
)
from sparkify_dagster.pipeline.matching import repair_names, resting_aliases, take_aliases
from sparkify_dagster.pipeline.phases import Phases
from sparkify_dagster.pipeline.refresh import (
    ChangedRows,
    Mode,
    Refresh,
    TableResult,
    counted,
    insert,
    rematched,
    rows_in,
    sql_of,
)
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse
from sparkify_dagster.warehouse.evolving import require_lengths
from sparkify_dagster.warehouse.ledger import Entry, relation
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster.warehouse.standing import Standing, StarPosition, standing

REBUILD_FROM = 0.25
"""Share of staged rows above which a rebuild costs less than looking for what they touch."""
_MATCHES = '"matches_before"'


@dataclass(frozen=True, slots=True)
class StarResult:
    """What a publication did.

    Attributes:
        mode: How the star was brought up to date.
        position: The last staging load the star has taken in.
        tables: The star's tables and the marts that were published.
        matched_by: Plays that have a song, by how it was found.
        rematched: Plays that were there before and now have another song than then, or none.
        findings: What the checks found, by table.
        marts_failed: Why the marts were not published; None when they were, or need not be.
        phases: Where its seconds went: to each table, and to what all of them share.
        resting: The song_ids of aliases that the catalogue does not have.
    """

    mode: Mode
    position: int
    load_id: int
    tables: Mapping[str, TableResult]
    matched_by: Mapping[str, int]
    rematched: int
    findings: Mapping[str, tuple[Finding, ...]]
    marts_failed: MartsFailed | None = None
    seconds: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)
    resting: tuple[str, ...] = ()

    @property
    def matched(self) -> int:
        """Plays that have a song."""
        return sum(self.matched_by.values())


def decide(
    positions: Mapping[str, StarPosition],
    versions: Mapping[str, str],
    staged: int,
    pending: int,
    total: int,
    rebuild_from: float = REBUILD_FROM,
) -> Mode:
    """What must be done to bring the star up to date.

    Args:
        positions: What each star table has taken in, and by which version of the model.
        versions: Today's version of each.
        staged: The last published load of a staging table.
        pending: Staged rows added or retired since the star was published.
        total: Staged rows.
        rebuild_from: Share of them above which `pending` rows make a rebuild the cheaper way.
    """
    taken = {position.load_id for position in positions.values()}
    if None in taken or len(taken) > 1:
        return "rebuild"
    if any(position.version != versions[name] for name, position in positions.items()):
        return "rebuild"
    if taken == {staged}:
        return "nothing"
    return "rebuild" if pending > rebuild_from * total else "refresh"


def is_behind(there: Collection[str], now: Standing, aliases: str | None = None) -> bool:
    """Whether staging, or the model, has moved on since star and marts were published.

    A table that is not there is as far behind as can be.

    Args:
        there: The tables that are.
        aliases: The token of the document of aliases; None: it has no say.
    """
    if not {table.name for table in (*STAR, *MARTS, *MATCHING)} <= set(there):
        return True
    staged, star = now.last_published(), now.positions(STAR)
    behind = decide(star, _versions(), staged, 0, 1) != "nothing"
    behind = behind or aliases not in (None, star[SONGPLAY.name].token)
    return behind or are_behind(now.positions(MARTS), staged)


def publish_star(
    warehouse: Warehouse,
    run_id: str,
    *,
    rebuild: bool = False,
    rebuild_from: float = REBUILD_FROM,
    aliases: Aliases | None = None,
    settings: Mapping[str, str] | None = None,
) -> StarResult:
    """Brings the five tables and the marts up to date with staging, audits them, commits.

    Marts that cannot be published keep their last state: the star is published without them, all
    of it done again in a transaction of its own.

    Args:
        rebuild: Build them whole from staging, whatever changed.
        rebuild_from: Share of staged rows that changed above which it is rebuilt all the same.
        aliases: What the document of aliases says; None: as it stands.
        settings: Those by which the lake was read, to be noted; see `conditions`.

    Raises:
        AuditFailed: A blocking check failed; the star stays as it was.
        WarehouseError: The warehouse cannot be written.
    """
    phases = Phases()

    def turn(name: str) -> None:
        phases.now(name)
        progress.report(f"publishing the star: {name}")

    def work(session: Session, *, with_marts: bool = True) -> StarResult:
        wanted = rebuild, rebuild_from, aliases, settings or {}
        return _published(session, run_id, wanted, turn, with_marts=with_marts)

    def was_committed(session: Session, result: StarResult) -> bool:
        return ledger.holds(session, result.load_id, run_id)

    started = time.monotonic()
    progress.report("publishing the star")
    with phases.during("wait"):
        try:
            result = warehouse.transact(work, was_committed)
        except MartsFailed as error:
            result = warehouse.transact(partial(work, with_marts=False), was_committed)
            result = replace(result, marts_failed=error)
    return replace(result, seconds=time.monotonic() - started, phases=phases.total())


def _published(
    session: Session,
    run_id: str,
    wanted: tuple[bool, float, Aliases | None, Mapping[str, str]],
    on_table: Callable[[str], None],
    *,
    with_marts: bool,
) -> StarResult:
    create_tables(session, evolves=(*STAR, *(MARTS if with_marts else ())))
    now, (rebuild, rebuild_from, aliases, settings) = standing(session), wanted
    now.require_older()
    if not now.knows_model:
        ledger.record_model(session)
    positions, position = now.positions(STAR), now.last_published()
    since = min((p.load_id or 0) for p in positions.values())
    total, pending = _sizes(session, since)
    mode = decide(positions, _versions(), position, pending.total(), total, rebuild_from)
    changed_aliases, token = "", positions[SONGPLAY.name].token
    if aliases is not None and aliases.token != token:
        changed_aliases, token = take_aliases(session, aliases), aliases.token
        mode = "refresh" if mode == "nothing" else mode
    mode = "rebuild" if rebuild else mode
    refreshed = mode == "refresh"
    work = Refresh(session, since, +pending, changed_aliases) if refreshed else _Rebuild(session)
    built: dict[str, TableResult] = {}
    findings: dict[str, tuple[Finding, ...]] = {}
    numbers: dict[str, int] = {}
    if mode != "nothing":
        repair_names(session, since if refreshed else 0)
        for table in STAR:
            on_table(table.name)
            work.build(table)
        counts = {table.name: rows_in(relation(session, table.name)) for table in STAR}
        numbers = counted(session, counts | work.counts())
        built = {t.name: work.result(t.name, numbers[t.name], numbers) for t in STAR}
        on_table("audit")
        written = {table.name: work.written(table) for table in STAR}
        asked = ((check, written[name]) for name in written for check in audits_of(name))
        findings = examine_at_once(session, asked)
        enforce(findings)
        came = {table.name: work.came(table) for table in STAR}
        require_lengths(session, {name: rows for name, rows in came.items() if rows})
    if with_marts:
        changed = frozenset(name for name, done in built.items() if done.added or done.removed)
        marts = publish_marts(
            session, now.positions(MARTS), StarChange(mode, since, changed, work.changed), on_table
        )
    else:
        marts = MartsResult({}, {})
    on_table("commit")
    if built:
        _forget_retired(session)
    tables = {**built, **marts.tables}
    entries = [*_entries(tables, position, token or NOTHING), *to_note(now, settings)]
    ledger.record(session, entries, now.next_load_id, run_id)
    return StarResult(
        mode,
        position,
        now.next_load_id,
        tables,
        _matched_by(session),
        numbers.get("rematched", 0),
        {**findings, **marts.findings},
        resting=tuple(resting_aliases(session)) if token not in (None, NOTHING) else (),
    )


class _Rebuild:
    """Builds each table whole."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names = relations(session.schema)
        self._before: dict[str, int] = {}
        self.changed: dict[str, ChangedRows] = {}

    def build(self, table: Table) -> None:
        """Replaces all rows."""
        target = self._names[table.name]
        if not self._before:
            rows = {star.name: rows_in(self._names[star.name]) for star in STAR}
            self._before = counted(self._session, rows)
        if table is SONGPLAY and self._before[table.name]:
            self._keep_matches()
        self._session.send(f"DELETE FROM {target}")
        select = statement(sql_of(table), self._names)
        self._session.send(insert(target, Names(table.column_names), select))

    def counts(self) -> dict[str, str]:
        """What is to be counted: plays whose song is another one than before, or none, or found."""
        plays = SONGPLAY.name
        return {"rematched": rematched(_MATCHES, self._names[plays])} if self._before[plays] else {}

    def result(self, name: str, rows: int, counts: Mapping[str, int]) -> TableResult:
        """What was done to a table that has so many rows now."""
        return TableResult("rebuild", rows, rows, self._before[name])

    def written(self, _table: Table) -> Stored:
        """The rows to check of a table: all."""
        return Stored(self._session.schema)

    def came(self, table: Table) -> str:
        """The relation that has the rows that came: all."""
        return self._names[table.name]

    def _keep_matches(self) -> None:
        """Keeps the song of each play that is about to be made anew."""
        plays, columns = self._names[SONGPLAY.name], Names((*SONGPLAY.key, "song_id"))
        kept = f"SELECT {columns:p} FROM {plays} AS p"
        self._session.send(f"CREATE TEMP TABLE {_MATCHES} AS\n{kept}")


def _entries(tables: Mapping[str, TableResult], position: int, token: str) -> Iterator[Entry]:
    digests = {SONGPLAY.name: token}
    for name, table in tables.items():
        digest = digests.get(name, NOTHING)
        yield Entry(name, "all", "published", digest, row_count=table.rows, position=position)


def _forget_retired(session: Session) -> None:
    """The star has taken in what was replaced."""
    for retired in RETIRED.values():
        session.send(f"DELETE FROM {relation(session, retired.name)}")


def _sizes(session: Session, since: int) -> tuple[int, Counter[str]]:
    """Staged rows, and how many of each table came or were retired since the star was published."""
    text = statement("load/pending.sql", relations(session.schema), since=since)
    songs, new_songs, old_songs, events, new_events, old_events = session.query(text)[0]
    came = {STAGING[0].name: new_songs + old_songs, STAGING[1].name: new_events + old_events}
    return songs + events, Counter(came)


def _matched_by(session: Session) -> dict[str, int]:
    counted = session.query(statement("load/matched_by.sql", relations(session.schema)))
    return {how: int(number) for how, number in counted}


def _versions() -> dict[str, str]:
    return {table.name: model_version(table.name) for table in STAR}
