"""What the loads of both staging tables share: writing rows, objects, rejects, retired keys.

What belongs here: single steps inside a transaction. Their order and what they mean for a day or
for the catalogue stand in `load_events` and `load_songs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.reader.rejects import Rejects
from sparkify_dagster.model.checks import audits_of
from sparkify_dagster.model.ddl import Names
from sparkify_dagster.model.ledger import RETIRED
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.audit import Finding, enforce, examine_at_once, loaded_by
from sparkify_dagster.pipeline.loading import Loading, Published
from sparkify_dagster.pipeline.prepare import Columns, Prepared
from sparkify_dagster.pipeline.suppress import write_suppressed
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Values
from sparkify_dagster.warehouse.ledger import Entry, append_columns, relation

KEPT_REJECTS = 1_000
"""Rejects of an object that are kept of a load that failed."""
TOUCHED_LEDGERS = ("load_objects", "load_rejects", "load_history")


def append_staged(
    session: Session,
    table: Table,
    prepared: Prepared,
    keys: pa.Array,
    load_id: int,
    days: Sequence[date] | None = None,
) -> None:
    """Stages the rows of a batch with where they came from.

    Args:
        keys: Key of each object of the batch.
        days: For log events, the log day of each object of the batch.
    """
    rows = prepared.batch.rows
    index = rows["object"].combine_chunks()
    values = rows.columns[:-2]
    if days is not None:
        values.append(pa.array(days, pa.date32()).take(index))
    values.append(pa.DictionaryArray.from_arrays(index, keys))
    values.append(rows["line"])
    values.append(pa.repeat(pa.scalar(load_id, pa.int64()), rows.num_rows))
    names = list(table.column_names)
    session.append(relation(session, table.name), names, pa.Table.from_arrays(values, names))


def write_objects(
    session: Session, table: Table, prepared: Prepared, columns: Columns, load_id: int
) -> None:
    """Records the objects of a batch as loaded."""
    counts = prepared.counts()
    keys, sizes, tokens = columns
    append_columns(
        session,
        "load_objects",
        {
            "target": table.name,
            "part": prepared.parts,
            "object": keys,
            "size": sizes,
            "token": tokens,
            "records": counts.records,
            "row_count": counts.rows,
            "rejects": counts.rejects,
            "load_id": load_id,
        },
        len(prepared.objects),
    )


def write_rejects(
    session: Session,
    table: Table,
    prepared: Prepared,
    rejects: Rejects,
    load_id: int,
    run_id: str,
    *,
    published: bool,
) -> None:
    """Records rejects with their object, line, reason and text."""
    if not rejects:
        return
    held = rejects.explained()
    days = [ledger.day_or_none(part, table.name) for part in prepared.parts]
    append_columns(
        session,
        "load_rejects",
        {
            "target_table": table.name,
            "object": pa.DictionaryArray.from_arrays(
                held["object"].combine_chunks(), prepared.columns()[0]
            ),
            "line": held["line"],
            "reason": held["reason"],
            "column_name": held["column"],
            # Redshift keeps no NUL.
            "raw_text": pc.replace_substring(held["raw_text"], "\x00", "\\x00"),
            "log_date": pa.array(days, pa.date32()).take(held["object"]),
            "published": published,
            "load_id": load_id,
            "run_id": run_id,
            "rejected_at": ledger.utc_now(),
        },
        len(rejects),
    )


def publish(
    session: Session,
    loading: Loading,
    table: Table,
    entries: Sequence[Entry],
    prepared: Prepared,
    load_id: int,
    days: Sequence[date] | None = None,
) -> tuple[Finding, ...]:
    """Stages a batch, writes its ledger, and audits what was written.

    Raises:
        AuditFailed: A blocking check failed; the transaction must not be committed.
    """
    for first, piece in prepared.pieces(loading.limits.objects):
        columns = piece.columns()
        append_staged(session, table, piece, columns[0], load_id, days and days[first:])
        write_objects(session, table, piece, columns, load_id)
    found = {prepared.objects[at]: (prepared.parts[at], n) for at, n in prepared.suppressed.items()}
    write_suppressed(session, found, load_id)
    rejects = prepared.batch.rejects
    write_rejects(session, table, prepared, rejects, load_id, loading.run_id, published=True)
    return recorded(session, loading, table, entries, load_id)


def recorded(
    session: Session, loading: Loading, table: Table, entries: Sequence[Entry], load_id: int
) -> tuple[Finding, ...]:
    """Writes the history of rows that are in their table, and audits them.

    Raises:
        AuditFailed: A blocking check failed; the transaction must not be committed.
    """
    more = loading.leave_out.entries(entries)
    ledger.record(session, [*entries, *more], load_id, loading.run_id)
    loading.phases.now("audit")
    touched = loaded_by(session.schema, load_id, (table.name, *TOUCHED_LEDGERS))
    findings = examine_at_once(session, ((check, touched) for check in audits_of(table.name)))
    enforce(findings)
    loading.phases.now("commit")
    return findings[table.name]


def record_failure(
    loading: Loading,
    table: Table,
    entries: Sequence[Entry],
    prepared: Prepared,
    rejects: Rejects,
    day: date | None = None,
) -> list[Entry]:
    """Records a failed load and its rejects in a transaction of its own; staged rows stay.

    Of the rejects of one object only the first are kept, which the entries then say.

    Args:
        day: The log day that failed; None for the song catalogue.

    Returns:
        The entries as they were recorded.
    """
    kept = _first_of_each(rejects)
    if len(kept) < len(rejects):
        note = f"Of its {len(rejects):,} rejects, the first {KEPT_REJECTS:,} an object are kept."
        entries = [replace(entry, message=f"{entry.message} {note}") for entry in entries]
    only = " AND log_date = $day" if day else ""
    values: Values = {"day": day} if day else {}

    def work(session: Session) -> Published:
        load_id = loading.begin(session, table.name).load_id
        ledger.remove(session, "load_rejects", table.name, f"NOT published{only}", values)
        write_rejects(session, table, prepared, kept, load_id, loading.run_id, published=False)
        ledger.record(session, entries, load_id, loading.run_id)
        return Published(load_id)

    load_id = loading.transact(work).load_id
    return [replace(entry, load_id=load_id, run_id=loading.run_id) for entry in entries]


def _first_of_each(rejects: Rejects) -> Rejects:
    """The first rejects of each object, so many as are kept of a load that failed."""
    objects, lines = (rejects.table[name].to_numpy() for name in ("object", "line"))
    order = np.lexsort((lines, objects))
    ordered = objects[order]
    place = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    return Rejects(rejects.table.take(pa.array(order[place < KEPT_REJECTS])))


def retire(
    session: Session, table: Table, where: str, values: Values, load: ledger.NextLoad
) -> None:
    """Removes staged rows; keeps their keys for the next refresh of the star, if it was ever built.

    Args:
        where: Which rows go; columns without alias.
    """
    staged = relation(session, table.name)
    if load.star_loads:
        kept = RETIRED[table.name]
        keep = statement(
            "load/retire.sql",
            retired=relation(session, kept.name),
            staged=staged,
            columns=Names(name for name in kept.column_names if name != "load_id"),
            load_id=load.load_id,
            where=where,
        )
        session.send(keep, values)
    session.send(f"DELETE FROM {staged} WHERE {where}", values)


def entry_of(
    table: Table,
    part: Part,
    records: int,
    rejects: int = 0,
    unknown_fields: Mapping[str, int] | None = None,
    suppressed: int = 0,
) -> Entry:
    """The history entry of a part as if it were published.

    Args:
        records: Records of all its objects, of those that were not read again, too.
        rejects: How many of them are rejected; those that are left out are `suppressed`.
    """
    return Entry(
        target=table.name,
        part=part.name,
        status="published",
        digest=part.digest,
        objects=len(part.objects),
        bytes=part.size,
        records=records,
        row_count=records - rejects - suppressed,
        rejects=rejects,
        unknown_fields=unknown_fields or None,
        suppressed=suppressed,
    )


def over_limit(
    records: int, rejects: int, limit: float, what: str, which: str, no_streams: str = ""
) -> str | None:
    """Why that many rejects are too many, or None when they are not.

    Args:
        which: Options with which `sparkify rejects` shows just these.
        no_streams: What is to be said of objects that are no streams of records.
    """
    if records == 0 or rejects / records <= limit:
        return None
    return (
        f"{no_streams} {rejects:,} of {records:,} records of {what} were rejected "
        f"({rejects / records:.1%}), more than {limit:.1%}. See them with `sparkify rejects "
        f"{which}`, mend the objects, or raise [LOAD] REJECT_LIMIT."
    ).lstrip()
