"""Loading log days without touching a byte of them: the warehouse reads the lake by itself.

Redshift's COPY reads a day's objects straight from S3 into a temporary table that is strict about
types, lengths and what is required. Where COPY refuses anything, or might have read something in
another way than the contract says, the transaction is rolled back and the day takes the careful
path: our reader (`load_events`).

What belongs here: that path and when it is left. Which engine can do it is `warehouse`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from sparkify_dagster.core import progress
from sparkify_dagster.core.text import cited
from sparkify_dagster.lake.changes import Part, objects_in
from sparkify_dagster.lake.objects import LakeObject, is_packed
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model.ddl import Names, create_incoming, quoted, relations
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Column, Type
from sparkify_dagster.pipeline import load_events
from sparkify_dagster.pipeline.audit import AuditFailed
from sparkify_dagster.pipeline.events import PartResult
from sparkify_dagster.pipeline.loading import Loading, Published, RemoteStore
from sparkify_dagster.pipeline.prepare import in_groups
from sparkify_dagster.pipeline.publish import entry_of, recorded
from sparkify_dagster.pipeline.suppress import write_suppressed
from sparkify_dagster.warehouse.engine import CopyRefused, Cost, LakeObjects, Row, Session
from sparkify_dagster.warehouse.ledger import append_rows, relation

_TABLE = STAGING_EVENTS
INCOMING = "incoming_events"
"""The temporary table that COPY fills."""

_COLUMNS = loaded_columns(STAGING_EVENTS)
# As a text: a bare number of that size may be taken for a NUMERIC, which holds none so large.
_LARGEST = "CAST('1.7976931348623157E308' AS DOUBLE PRECISION)"


class AmbiguousCopy(Exception):
    """COPY succeeded, but may have read what the contract does not accept, or reads differently."""


def load_log_days(loading: Loading, parts: Sequence[Part]) -> Iterator[PartResult]:
    """Loads log days as the lake holds them, whether they changed or not.

    Yields:
        One result a day, as soon as its fate is sealed.

    Raises:
        WarehouseError: The warehouse cannot be written at all.
    """
    store = loading.copied_from
    if store is None:
        yield from load_events.load_days(loading, parts)
        return
    done, total = 0, objects_in(parts)
    for group in in_groups(parts, loading.limits.batch_bytes):
        yield from _settle(loading, store, group, done, total)
        done += objects_in(group)
        progress.report("reading log objects", done, total)


def doubts(columns: Sequence[Column], rows: str = quoted(INCOMING)) -> str:
    """SELECT that counts, of some rows, those that COPY may have read otherwise than our reader.

    Nested values arrive as their text; so may texts that only look like them. A text that fills its
    column may have lost trailing blanks. Infinity and NaN come from quoted texts.
    """
    doubts = [_in_doubt(column, f"i.{quoted(column.name)}") for column in columns]
    where = " OR ".join(filter(None, doubts))
    return f"SELECT COUNT(*) FROM {rows} AS i WHERE {where}"


def _in_doubt(column: Column, name: str) -> str:
    if column.type is Type.VARCHAR:
        length = f"OCTET_LENGTH({name}) >= {column.length}"
        return f"{name} LIKE '[%' OR {name} LIKE '{{%' OR {length}"
    if column.type is Type.DOUBLE:
        return f"NOT {name} BETWEEN -{_LARGEST} AND {_LARGEST}"
    if column.type is Type.TIMESTAMP:
        return f"NOT {name} BETWEEN '0001-01-01 00:00:00' AND '9999-12-31 23:59:59.999'"
    return ""


def _settle(
    loading: Loading, store: RemoteStore, group: Sequence[Part], before: int, total: int
) -> Iterator[PartResult]:
    """Copies some days in one transaction; if one of them spoils it, each gets its own.

    Args:
        before: How many objects were loaded before, of so many in `total`.
    """
    started = time.monotonic()
    copied: list[PartResult] = []

    def work(session: Session) -> Published:
        copied.clear()
        return _publish(session, loading, store, group, copied)

    try:
        with loading.phases.during("wait"):
            done = loading.transact(work)
    except (CopyRefused, AmbiguousCopy, AuditFailed) as error:
        if len(group) > 1:
            for part in group:
                yield from _settle(loading, store, [part], before, total)
                before += len(part.objects)
        else:
            setup_problem = isinstance(error, CopyRefused) and not error.of_records
            for result in load_events.load_days(loading, group, before, total):
                seconds = time.monotonic() - started
                yield replace(
                    result,
                    copy_refusal=str(error),
                    setup_problem=setup_problem,
                    seconds=seconds,
                )
        return
    phases = loading.phases.lap()
    for day in copied:
        yield replace(
            day,
            entry=replace(day.entry, load_id=done.load_id, run_id=loading.run_id),
            findings=done.findings,
            seconds=time.monotonic() - started,
            phases=phases,
        )


def _publish(
    session: Session,
    loading: Loading,
    store: RemoteStore,
    group: Sequence[Part],
    copied: list[PartResult],
) -> Published:
    load = loading.begin(session, _TABLE.name)
    load_id = load.load_id
    load_events.remove_days(session, loading, [part.name for part in group], load)
    session.send(create_incoming(INCOMING, _COLUMNS))
    objects: list[Row] = []
    left: dict[LakeObject, tuple[str, int]] = {}
    for part in group:
        before = len(session.cost.query_ids)
        loading.phases.now("copy")
        rows = _copy(session, store, loading.reader.fields, part)
        loading.phases.now("load")
        suppressed = _leave_out(session, loading) if rows else 0
        if rows:
            _stage(session, part, load_id)
        objects += _objects(part, rows, suppressed, load_id)
        if suppressed and len(filled := _filled(part)) == 1:
            left[filled[0]] = part.name, suppressed
        cost = Cost(session.cost.query_ids[before:], rows)
        entry = entry_of(_TABLE, part, rows, suppressed=suppressed)
        copied.append(PartResult(entry, path="copy", cost=cost))
    append_rows(session, "load_objects", objects)
    write_suppressed(session, left, load_id)
    if session.cost.copied:
        _require_no_doubts(session, group, load_id)
    if changed := store.changed([item for part in group for item in part.objects]):
        raise AmbiguousCopy(f"{cited(changed[0])} changed while it was read")
    entries = [day.entry for day in copied]
    return Published(load_id, recorded(session, loading, _TABLE, entries, load_id), session.cost)


def _copy(session: Session, store: RemoteStore, fields: tuple[str, ...], part: Part) -> int:
    """Copies a day into the temporary table; gives its rows.

    All of a COPY is packed or none, so a day with both takes two.
    """
    copied = 0
    for packed in (False, True):
        objects = [item for item in _filled(part) if is_packed(item.key) is packed]
        if objects:
            uris = tuple(store.uri_of(item.key) for item in objects)
            source = LakeObjects(uris, packed, fields, store.region())
            names = [column.name for column in _COLUMNS]
            copied += session.copy(quoted(INCOMING), names, source)
    return copied


def _require_no_doubts(session: Session, group: Sequence[Part], load_id: int) -> None:
    """Looks at all that was copied, in one question.

    Raises:
        AmbiguousCopy: Something there may have been read otherwise.
    """
    rows = f"(SELECT * FROM {relation(session, _TABLE.name)} WHERE load_id = {load_id:d})"
    if doubtful := session.query(doubts(_COLUMNS, rows))[0][0]:
        days = ", ".join(part.name for part in group)
        raise AmbiguousCopy(f"{doubtful:,} records of {days} need a closer look")


def _leave_out(session: Session, loading: Loading) -> int:
    """Takes out what was copied of forgotten people; gives how many records."""
    return sum(
        session.execute(f"DELETE FROM {quoted(INCOMING)} WHERE {theirs}")
        for theirs in loading.leave_out.conditions()
    )


def _filled(part: Part) -> list[LakeObject]:
    """The objects of a day that hold something.

    Raises:
        AmbiguousCopy: An empty one is no whole gzip file.
    """
    for item in part.objects:
        if not item.size and is_packed(item.key):
            raise AmbiguousCopy(f"{cited(item.key)} is empty, so no whole gzip file")
    return [item for item in part.objects if item.size]


def _stage(session: Session, part: Part, load_id: int) -> None:
    """Moves the day's rows from the temporary table to staging."""
    filled = _filled(part)
    values = {
        "day": date.fromisoformat(part.name),
        # Of several objects nobody knows which one a row came from.
        "object": filled[0].key if len(filled) == 1 else None,
    }
    add = statement(
        "load/copied.sql",
        relations(session.schema),
        columns=Names(column.name for column in _COLUMNS),
        load_id=load_id,
        incoming=quoted(INCOMING),
    )
    session.send(add, values)
    session.send(f"DELETE FROM {quoted(INCOMING)}")


def _objects(part: Part, copied: int, suppressed: int, load_id: int) -> list[Row]:
    """The day's rows of `load_objects`."""
    alone = len(_filled(part)) == 1
    rows = list[Row]()
    for item in part.objects:
        records = copied if alone and item.size else None if item.size else 0
        counts = (records, records and records - suppressed, 0)
        rows.append((_TABLE.name, part.name, item.key, item.size, item.token, *counts, load_id))
    return rows
