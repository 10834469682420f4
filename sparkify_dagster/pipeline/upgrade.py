"""An older model's staging tables become those of today's, with the rows they hold.

Which rows a part of the lake gives is decided by its objects and by the columns. Where the columns
changed so that its rows are still the same (one is gone, or wider, or may be missing, and no record
was rejected for it), the part is not read again: the history says so in a new entry. All others are
loaded again, each replaced as a whole, so that the old rows can be read until then.

What belongs here: telling the two apart, and the transaction that comes before a load's others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from sparkify_dagster.lake.changes import Part, digest
from sparkify_dagster.lake.errors import DocumentError
from sparkify_dagster.lake.jsonpaths import token_of
from sparkify_dagster.lake.reader.reader import READER_VERSION
from sparkify_dagster.lake.snapshot import Snapshot, context_of, loaded_columns
from sparkify_dagster.model.catalog import KEPT, model_version
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.table import Table
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse
from sparkify_dagster.warehouse.evolution import narrows
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster.warehouse.standing import Declared, Load, Standing, standing

_A_FIELD = "$."


def gives_same_rows(before: Sequence[Declared], table: Table) -> bool:
    """Whether records that an older model accepted, all of them, give the rows they gave then."""
    known = {column.name: column for column in before}
    return bool(before) and all(
        (old := known.get(c.name)) is not None
        and (old.sql_type == c.sql_type or narrows(old.sql_type, c.sql_type) is False)
        and (old.required or not c.required)
        and old.source == c.source
        for c in table.columns
    )


def altered_columns(before: Sequence[Declared], table: Table) -> set[str]:
    """The columns that an older model declared otherwise, and those that it alone has."""
    today = {(c.name, c.sql_type, c.required) for c in table.columns}
    return {c.name for c in before if (c.name, c.sql_type, c.required) not in today}


def carried_over(
    now: Standing, snapshot: Snapshot, blamed: Callable[[str], Mapping[str, Collection[str]]]
) -> dict[str, dict[str, str]]:
    """By staging table, the parts that need not be read again, each with its digest of today.

    Args:
        blamed: Gives, of a table, the columns for which records of each part were rejected.
    """
    found = {}
    for table, parts in ((STAGING_SONGS, snapshot.songs), (STAGING_EVENTS, snapshot.days)):
        before = now.declared(table.name)
        is_older = now.made_by(table.name) != model_version(table.name)
        if is_older and gives_same_rows(before, table):
            same, held = unchanged_parts(now, table, snapshot, parts), now.digests(table.name)
            altered = altered_columns(before, table)
            named = blamed(table.name) if any(part.rejects for part in same) else {}
            good = (
                p.part
                for p in same
                if altered.isdisjoint(named.get(p.part, ())) and held[p.part] == p.digest
            )
            found[table.name] = {name: parts[name].digest for name in good}
    return found


def unchanged_parts(
    now: Standing, table: Table, snapshot: Snapshot, parts: Mapping[str, Part]
) -> list[Load]:
    """The parts of a table that an older model loaded from the objects that are there.

    Args:
        parts: Those of the lake.
    """
    before, version = now.declared(table.name), now.made_by(table.name) or ""
    document = _document(before, table, snapshot) if table is STAGING_EVENTS else ""
    context = context_of(table, document, version)
    return [
        load
        for name, load in now.parts(table.name).items()
        if name in parts
        and (load.reader_version, load.model_version) == (READER_VERSION, version)
        and load.digest == digest(parts[name].objects, context)
    ]


def _document(before: Sequence[Declared], table: Table, snapshot: Snapshot) -> str:
    """The token of the JSONPaths document as it was, if the fields that are left are the same."""
    names = (column.name for column in loaded_columns(table))
    fields = dict(zip(names, snapshot.fields, strict=True))
    return token_of(
        fields.get(old.name, old.source.removeprefix(_A_FIELD))
        for old in before
        if old.source.startswith(_A_FIELD)
    )


def require_in_step(now: Standing, snapshot: Snapshot) -> None:
    """Sees to it that the JSONPaths document follows the model, whose columns it goes by in order.

    One that maps other fields to the columns is nobody's mistake; one that names just the fields of
    an older model's columns would feed today's from wrong ones.

    Raises:
        DocumentError: It is of an older model.
    """
    columns = loaded_columns(STAGING_EVENTS)
    declared = (column.source for column in now.declared(STAGING_EVENTS.name))
    before = [source for source in declared if source.startswith(_A_FIELD)]
    named = [f"{_A_FIELD}{field}" for field in snapshot.fields]
    if before == named != [column.source for column in columns]:
        wrong, field = next((c, f) for c, f in zip(columns, named, strict=True) if c.source != f)
        raise DocumentError(
            "the JSONPaths document ([S3] LOG_JSONPATH) names the fields of an older model's "
            f"columns: {wrong.name} would be fed by {field}, not by {wrong.source}. "
            "List the fields of the columns of today's code, in their order."
        )


def evolve(warehouse: Warehouse, carried: Mapping[str, Mapping[str, str]], run_id: str) -> None:
    """Gives staging tables and ledger today's columns, and notes the parts that stay as they are.

    Raises:
        WarehouseError: Stored values do not fit, somebody altered a table, newer code made it, or
            the warehouse cannot be written.
    """

    def work(session: Session) -> None:
        create_tables(session, evolves=KEPT)
        now = standing(session)
        now.require_older()
        ledger.record_model(session)
        entries = [
            replace(entry, digest=carried[entry.target][entry.part])
            for entry in ledger.latest(session)
            if entry.part in carried.get(entry.target, ())
        ]
        ledger.record(session, entries, now.next_load_id, run_id)

    warehouse.transact(work)
