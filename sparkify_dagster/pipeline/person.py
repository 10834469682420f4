"""Everything that is held about a person, for who asks what that is: rows, and lines of the lake.

What belongs here: looking it up. The lake is read where no table can say on which lines they stand:
days that Redshift read by itself, that have changed or failed, that the person was left out of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sparkify_dagster.core import progress
from sparkify_dagster.lake.changes import Part, objects_in
from sparkify_dagster.lake.documents import Forgotten
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.lake.store.base import Bounds
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import column_list
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.environment import foreseen
from sparkify_dagster.pipeline.held_of import OF_PEOPLE
from sparkify_dagster.pipeline.plan import Loaded, pending
from sparkify_dagster.pipeline.prepare import prepare
from sparkify_dagster.pipeline.suppress import OnlyTheirs, Suppression, user_id_field
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse

_REJECTS = TABLES["load_rejects"]

Rows = list[dict[str, object]]
Line = tuple[str, int]
"""Key of an object, and where a record begins in it."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is held about a person.

    Attributes:
        is_forgotten: The document says so: no table may hold anything.
        rows: By table, also where there are none.
        lines: Where they stand in the lake, by object.
        not_searched: Log objects that may hold more: no day's, or not to be read now.
    """

    is_forgotten: bool
    rows: Mapping[str, Rows]
    lines: Mapping[str, list[int]]
    not_searched: list[str]

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was found, neither in tables nor in the lake."""
        return not (self.lines or any(self.rows.values()))


def find_person(warehouse: Warehouse, lake: Lake, bounds: Bounds, user_id: int) -> Person:
    """Looks up all that is held about a person.

    Raises:
        LakeError: The lake cannot be listed.
        WarehouseMissing: Nothing was loaded yet.
    """
    progress.report("looking at the lake")
    _, seen, held = foreseen(lake.snapshot(), warehouse)
    people = OnlyTheirs(Forgotten((user_id,)), user_id_field(seen.fields))
    rows = warehouse.read_only(lambda session: _rows(session, people))
    is_forgotten = user_id in seen.forgotten.ids
    staged = rows[STAGING_EVENTS.name]
    days = _to_read(seen, held, staged, is_forgotten=is_forgotten)
    unread = [item.key for item in seen.unroutable]
    found = {
        *_read(lake, [seen.days[d] for d in sorted(days & {*seen.days})], bounds, people, unread)
    }
    for row in (*staged, *rows[_REJECTS.name]):
        if row["log_date"] and str(row["log_date"]) not in days:
            found.add((str(row["object"]), int(str(row["line"]))))
    lines: dict[str, list[int]] = {}
    for key, line in sorted(found):
        lines.setdefault(key, []).append(line)
    return Person(is_forgotten, rows, lines, sorted(unread))


def _rows(session: Session, people: Suppression) -> dict[str, Rows]:
    """Their rows of every table that is there, and the rejected records that name them."""
    there = ledger.ready_tables(session)
    (theirs,) = people.conditions()
    found = {t.name: _of(session, t, theirs) for t in OF_PEOPLE if t.name in there}
    rejected = _of(session, _REJECTS, f"target_table = '{STAGING_EVENTS.name}'")
    named = [row for row in rejected if people.is_of(str(row["raw_text"] or ""))]
    return found | {_REJECTS.name: named}


def _of(session: Session, table: Table, where: str) -> Rows:
    columns = column_list(table.column_names)
    order = f" ORDER BY {column_list(table.key)}" if table.key else ""
    relation = ledger.relation(session, table.name)
    return session.query(f"SELECT {columns} FROM {relation} WHERE {where}{order}").records()


def _to_read(seen: Snapshot, held: Loaded, staged: Rows, *, is_forgotten: bool) -> set[str]:
    """The log days whose objects alone can say on which lines the person stands."""
    days = {part.name for part in pending(seen, held).days}
    days |= {str(row["log_date"]) for row in staged if None in (row["object"], row["line"])}
    return days | held.suppressed if is_forgotten else days


def _read(
    lake: Lake, days: list[Part], bounds: Bounds, people: OnlyTheirs, unread: list[str]
) -> Iterator[Line]:
    """The person's records in some days' objects; what cannot be read is added to `unread`."""
    if not days:
        return
    reader, done, total = lake.log_reader(lake.paths().fields), 0, objects_in(days)
    try:
        for day in days:
            wanted = ((line, day.name) for line in day.objects.lines)
            made = prepare(lake.logs, reader.read_lines, wanted, bounds=bounds, leave_out=people)
            unread += [error.key for _, error in made.errors]
            for records in (made.batch.rows, made.batch.rejects.table):
                places = zip(
                    records["object"].to_pylist(), records["line"].to_pylist(), strict=True
                )
                yield from ((made.objects[at].key, line) for at, line in places)
            done += len(day.objects)
            progress.report("reading log objects", done, total)
    finally:
        reader.close()
