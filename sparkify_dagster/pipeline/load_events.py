"""Loading log days: each is replaced as a whole, audited, and published in one transaction.

Good days share a transaction. A day that cannot be read whole or has too many rejects falls out
before it; when the audit of a shared transaction fails, or memory does not suffice for it, its days
are tried one by one, so that the bad one falls out alone. A day that falls out keeps the rows it
last published.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from sparkify_dagster.lake.changes import Part, objects_in
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.audit import AuditFailed, Finding
from sparkify_dagster.pipeline.events import PartResult
from sparkify_dagster.pipeline.loading import Loading, Published
from sparkify_dagster.pipeline.prepare import (
    OUT_OF_MEMORY,
    Prepared,
    first_of,
    in_groups,
    kept_of,
    why_too_much,
)
from sparkify_dagster.pipeline.publish import entry_of, over_limit, publish, record_failure, retire
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session
from sparkify_dagster.warehouse.ledger import Entry, one_of

_TABLE = STAGING_EVENTS


def load_days(
    loading: Loading, parts: Sequence[Part], done: int = 0, total: int | None = None
) -> Iterator[PartResult]:
    """Loads log days as the lake holds them, whether they changed or not.

    Args:
        done: How many objects were read before, of so many in `total`: for the progress.

    Yields:
        One result a day, as soon as its fate is sealed.

    Raises:
        WarehouseError: The warehouse cannot be written at all.
    """
    total = done + objects_in(parts) if total is None else total
    for group in in_groups(parts, loading.limits.batch_bytes):
        started = time.monotonic()
        for result in _load_or_split(loading, group, done, total):
            yield replace(result, seconds=time.monotonic() - started)
        done += objects_in(group)


def _load_or_split(
    loading: Loading, group: Sequence[Part], done: int, total: int
) -> Iterator[PartResult]:
    """Loads a group; where memory does not suffice, day by day, so that just one fails."""
    try:
        wanted = ((line, part.name) for part in group for line in part.objects.lines)
        prepared = loading.read(loading.reader.read_lines, wanted, "log objects", done, total)
    except OUT_OF_MEMORY as error:
        why, kept = why_too_much(error), kept_of(error, loading.reader.read_lines)
    else:
        counts = prepared.counts().by_part(prepared.parts)
        entries = [_judged(loading, p, prepared, *counts.get(p.name, (0, 0))) for p in group]
        yield from _settle(loading, entries, prepared)
        return
    # Not in the handler: the error holds on to what was made till then.
    if len(group) == 1:
        rejects, name = len(kept.batch.rejects), group[0].name
        entry = entry_of(_TABLE, group[0], rejects, rejects, kept.unknown_of(name))
        yield _fail(loading, _without_memory(entry, why), kept, ())
        return
    for part in group:
        yield from _load_or_split(loading, [part], done, total)
        done += len(part.objects)


def _without_memory(entry: Entry, why: str) -> Entry:
    return replace(entry, status="failed", message=f"{entry.part}: {why}")


def _judged(loading: Loading, part: Part, prepared: Prepared, records: int, rejects: int) -> Entry:
    """The day's entry: published, unless an object or the number of rejects forbids it."""
    suppressed = prepared.suppressed_of(part.name)
    entry = entry_of(_TABLE, part, records, rejects, prepared.unknown_of(part.name), suppressed)
    unread = [error for name, error in prepared.errors if name == part.name]
    if unread:
        return replace(entry, status="failed", message=first_of(unread))
    over = over_limit(
        entry.records,
        entry.rejects,
        loading.limits.rejects,
        part.name,
        f"--day {part.name}",
        prepared.no_streams(part.name),
    )
    return replace(entry, status="failed", message=over) if over else entry


def _settle(loading: Loading, entries: Sequence[Entry], prepared: Prepared) -> Iterator[PartResult]:
    """Publishes the good days of a group together, and records the bad ones."""
    good = [entry for entry in entries if entry.status == "published"]
    bad = [entry for entry in entries if entry.status == "failed"]
    if good:
        yield from _publish_or_split(loading, good, prepared)
    for entry in bad:
        yield _fail(loading, entry, prepared, ())


def _publish_or_split(
    loading: Loading, entries: Sequence[Entry], prepared: Prepared
) -> Iterator[PartResult]:
    findings: tuple[Finding, ...] = ()
    try:
        done = _publish(loading, entries, prepared)
    except AuditFailed as error:
        failed, findings = replace(entries[0], status="failed", message=str(error)), error.findings
    except OUT_OF_MEMORY as error:
        failed = _without_memory(entries[0], why_too_much(error))
    else:
        phases = loading.phases.lap()
        for entry in entries:
            published = replace(entry, load_id=done.load_id, run_id=loading.run_id)
            yield PartResult(published, done.findings, entry.objects, cost=done.cost, phases=phases)
        return
    if len(entries) == 1:
        yield _fail(loading, failed, prepared, findings)
        return
    for entry in entries:
        yield from _publish_or_split(loading, [entry], prepared)


def _publish(loading: Loading, entries: Sequence[Entry], prepared: Prepared) -> Published:
    """One transaction: replace the days' rows, write the ledger, audit, commit."""
    days = [entry.part for entry in entries]
    kept = prepared.only(set(days))
    dates = {day: date.fromisoformat(day) for day in days}
    log_days = [dates[part] for part in kept.parts]

    def work(session: Session) -> Published:
        load = loading.begin(session, _TABLE.name)
        remove_days(session, loading, days, load)
        findings = publish(session, loading, _TABLE, entries, kept, load.load_id, log_days)
        return Published(load.load_id, findings, session.cost)

    with loading.phases.during("wait"):
        return loading.transact(work)


def remove_days(
    session: Session, loading: Loading, days: Sequence[str], load: ledger.NextLoad
) -> None:
    """Removes what the days hold: their rows, objects and rejects."""
    where, values = one_of("log_date", [date.fromisoformat(day) for day in days])
    retire(session, _TABLE, where, values, load)
    ledger.remove(session, "load_rejects", _TABLE.name, where, values)
    ledger.remove(session, "load_objects", _TABLE.name, *one_of("part", days))
    loading.leave_out.clear(session, days)


def _fail(
    loading: Loading, entry: Entry, prepared: Prepared, findings: tuple[Finding, ...]
) -> PartResult:
    """Records a failed day and its rejects; the rows it last published stay."""
    rejects = prepared.rejects_of(entry.part)
    day = date.fromisoformat(entry.part)
    (recorded,) = record_failure(loading, _TABLE, [entry], prepared, rejects, day)
    return PartResult(recorded, findings)
