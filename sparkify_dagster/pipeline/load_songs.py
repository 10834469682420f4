"""Loading the song catalogue: only the objects that changed, published as one or not at all."""

from __future__ import annotations

import contextlib
import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import pyarrow as pa

from sparkify_dagster.lake.changes import NOTHING, Part, object_changes
from sparkify_dagster.lake.objects import Objects, key_of
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.pipeline.audit import AuditFailed, Finding
from sparkify_dagster.pipeline.events import PartResult
from sparkify_dagster.pipeline.loading import Loading, Published
from sparkify_dagster.pipeline.prepare import (
    OUT_OF_MEMORY,
    Prepared,
    first_of,
    kept_of,
    why_too_much,
)
from sparkify_dagster.pipeline.publish import entry_of, over_limit, publish, record_failure, retire
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, WarehouseMissing
from sparkify_dagster.warehouse.ledger import Entry, one_of, relation
from sparkify_dagster.warehouse.standing import standing

_TABLE = STAGING_SONGS
_REPLACED = "replaced_objects"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a song load reads and removes, and what it leaves as it stands.

    Attributes:
        as_of: The last song load that was published when the plan was made.
        read: Objects by part.
        anew: Parts of which nothing stays that was loaded.
        replaced: Keys of loaded objects of other parts that changed or are gone.
        kept_records: Records of the objects it does not touch, by part; rejects likewise.
    """

    as_of: int
    parts: tuple[Part, ...]
    read: dict[str, Objects]
    anew: list[str]
    replaced: set[str]
    kept_records: dict[str, int]
    kept_rejects: dict[str, int]


@dataclass(frozen=True, slots=True)
class _LedgerState:
    """What the ledger says of the catalogue.

    Attributes:
        objects: Those of the parts that may keep some of them.
        records: Records and rejects of each part.
        as_of: The last song load that was published.
    """

    objects: dict[str, ledger.LoadedObject]
    records: dict[str, tuple[int, int]]
    as_of: int


class _Overtaken(Exception):
    """Another load of the catalogue was published since the plan was made."""


def load_songs(loading: Loading, parts: Sequence[Part], *, everything: bool = False) -> PartResult:
    """Loads what changed in the given parts of the catalogue.

    Args:
        everything: Read every object of the parts anew, changed or not.

    Returns:
        One result for all of it.

    Raises:
        WarehouseError: The warehouse cannot be written at all.
    """
    while True:
        with contextlib.suppress(_Overtaken):
            return _load(loading, tuple(parts), everything)


def _load(loading: Loading, parts: tuple[Part, ...], everything: bool) -> PartResult:
    started = time.monotonic()
    plan = _plan(loading, parts, everything)
    # In the order of their keys, as neighbours lie near each other on a disk.
    wanted = heapq.merge(*(zip(read.lines, repeat(part)) for part, read in plan.read.items()))
    number = sum(map(len, plan.read.values()))
    failed = None
    try:
        prepared = loading.read(loading.reader.read_wholes, wanted, "song objects", 0, number)
    except OUT_OF_MEMORY as error:
        prepared, failed = kept_of(error, loading.reader.read_wholes), _without_memory(error)
    entries = _entries(plan, prepared)
    failed = failed or _why_not(loading, plan, entries, prepared)
    if failed:
        return _fail(loading, entries, prepared, failed, ())
    findings: tuple[Finding, ...] = ()
    try:
        done = _publish(loading, plan, entries, prepared)
    except AuditFailed as error:
        failed, findings = str(error), error.findings
    except OUT_OF_MEMORY as error:
        failed = _without_memory(error)
    if failed:  # Not in the handler: an error holds on to what was made till then.
        return _fail(loading, entries, prepared, failed, findings)
    entry = replace(_sum(entries), load_id=done.load_id, run_id=loading.run_id)
    return PartResult(
        entry,
        done.findings,
        len(prepared.objects),
        seconds=time.monotonic() - started,
        cost=done.cost,
        phases=loading.phases.lap(),
    )


def _plan(loading: Loading, parts: tuple[Part, ...], everything: bool) -> _Plan:
    names = [part.name for part in parts]

    def look(session: Session) -> _LedgerState:
        ledger.ready_tables(session)
        now = standing(session)
        # What another version of the code has read is read anew, as its rows may be others.
        current = set() if everything else now.current_parts(_TABLE.name)
        return _LedgerState(
            ledger.loaded_objects(session, _TABLE.name, [n for n in names if n in current]),
            ledger.loaded_records(session, _TABLE.name),
            now.last_published([_TABLE]),
        )

    try:
        held = loading.warehouse.read_only(look)
    except WarehouseMissing:
        held = _LedgerState({}, {}, 0)
    loaded = held.objects
    known: dict[str, dict[str, tuple[int, str]]] = {name: {} for name in names}
    for key, item in loaded.items():
        known[item.part][key] = item.size, item.token
    anew = [name for name in names if name in held.records and not known[name]]
    changes = {part.name: object_changes(part.objects, known[part.name]) for part in parts}
    read = {name: change.read for name, change in changes.items()}
    replaced = {key for change in changes.values() for key in change.gone}
    if loaded:
        lines = (line for objects in read.values() for line in objects.lines)
        replaced.update(key for key in map(key_of, lines) if key in loaded)
    kept_records = {part: records for part, (records, _) in held.records.items()}
    kept_rejects = {part: rejects for part, (_, rejects) in held.records.items()}
    for name in anew:
        kept_records[name] = kept_rejects[name] = 0
    for key in replaced:
        kept_records[loaded[key].part] -= loaded[key].records
        kept_rejects[loaded[key].part] -= loaded[key].rejects
    return _Plan(held.as_of, parts, read, anew, replaced, kept_records, kept_rejects)


def _entries(plan: _Plan, prepared: Prepared) -> list[Entry]:
    """One entry per part, as it would stand after the load."""
    records, rejects = dict(plan.kept_records), dict(plan.kept_rejects)
    for part, (more, rejected) in prepared.counts().by_part(prepared.parts).items():
        records[part] = records.get(part, 0) + more
        rejects[part] = rejects.get(part, 0) + rejected
    return [
        entry_of(
            _TABLE, p, records.get(p.name, 0), rejects.get(p.name, 0), prepared.unknown_of(p.name)
        )
        for p in plan.parts
    ]


def _why_not(
    loading: Loading, plan: _Plan, entries: Sequence[Entry], prepared: Prepared
) -> str | None:
    """Why the catalogue cannot be published; None when it can."""
    if prepared.errors:
        return first_of([error for _, error in prepared.errors])
    loaded = {entry.part for entry in entries}
    records = sum(n for part, n in plan.kept_records.items() if part not in loaded)
    rejects = sum(n for part, n in plan.kept_rejects.items() if part not in loaded)
    records += sum(entry.records for entry in entries)
    rejects += sum(entry.rejects for entry in entries)
    return over_limit(
        records,
        rejects,
        loading.limits.rejects,
        "the song catalogue",
        f"--table {_TABLE.name}",
        prepared.no_streams(),
    )


def _publish(
    loading: Loading, plan: _Plan, entries: Sequence[Entry], prepared: Prepared
) -> Published:
    """One transaction: replace the rows of the changed objects, write the ledger, audit, commit."""

    def work(session: Session) -> Published:
        load = loading.begin(session, _TABLE.name)
        if load.last_published > plan.as_of:
            raise _Overtaken
        _remove(session, plan, load)
        findings = publish(session, loading, _TABLE, entries, prepared, load.load_id)
        return Published(load.load_id, findings, session.cost)

    with loading.phases.during("wait"):
        return loading.transact(work)


def _remove(session: Session, plan: _Plan, load: ledger.NextLoad) -> None:
    """Removes what the changed and vanished objects had given; rejects of failed loads, too."""
    ledger.remove(session, "load_rejects", _TABLE.name, "NOT published")
    if not (plan.replaced or plan.anew):
        return
    session.send(f"CREATE TEMP TABLE {_REPLACED} (object VARCHAR(1024))")
    if plan.replaced:
        keys = pa.table({"object": pa.array(sorted(plan.replaced), pa.string())})
        session.append(_REPLACED, ["object"], keys)
    if plan.anew:
        where, values = one_of("o.part", plan.anew)
        objects = relation(session, "load_objects")
        add = statement("load/replace.sql", replaced=_REPLACED, load_objects=objects, where=where)
        session.send(add, {"target": _TABLE.name, **values})
    replaced = f"object IN (SELECT g.object FROM {_REPLACED} AS g)"
    retire(session, _TABLE, replaced, {}, load)
    for table in ("load_rejects", "load_objects"):
        ledger.remove(session, table, _TABLE.name, replaced)


def _fail(
    loading: Loading,
    entries: Sequence[Entry],
    prepared: Prepared,
    message: str,
    findings: tuple[Finding, ...],
) -> PartResult:
    """Records the failed load and its rejects; the rows stay."""
    failed = [replace(entry, status="failed", message=message) for entry in entries]
    recorded = record_failure(loading, _TABLE, failed, prepared, prepared.batch.rejects)
    return PartResult(_sum(recorded), findings)


def _without_memory(error: BaseException) -> str:
    return f"the song catalogue: {why_too_much(error)}"


def _sum(entries: Sequence[Entry]) -> Entry:
    """The entries of all parts as one."""
    first = entries[0] if entries else Entry(_TABLE.name, "all", "published", NOTHING)
    unknown: dict[str, int] = {}
    for entry in entries:
        for name, records in (entry.unknown_fields or {}).items():
            unknown[name] = unknown.get(name, 0) + records
    return replace(
        first,
        part="all",
        objects=sum(e.objects for e in entries),
        bytes=sum(e.bytes for e in entries),
        records=sum(e.records for e in entries),
        row_count=sum(e.row_count for e in entries),
        rejects=sum(e.rejects for e in entries),
        unknown_fields=unknown or None,
    )
