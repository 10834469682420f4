"""What is held of people: their rows by table, and the objects of the lake they come from.

What belongs here: looking. Taking them out is `forget`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.ledger import SEARCHED, SUPPRESSED, WIPED
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.pipeline.refresh import counted, rows_in
from sparkify_dagster.pipeline.suppress import Suppression
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session

Place = tuple[str, str | None]
"""Log day and object; no object where Redshift read several."""
OF_PEOPLE = [t for t in TABLES.values() if any(c.name == "user_id" for c in t.columns)]


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of some people.

    Attributes:
        rows: By table, also where there are none.
        places: By log day and object, how many rows and rejects came from there; no object where
            the engine did not tell.
        left_out: Records of anybody that were left out, by log day.
        anybody: Somebody is forgotten, as the last load knows.
        is_wiped: DuckDB's file was made anew since anybody was taken out of it.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[Place, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    anybody: bool = False
    is_wiped: bool = False


def held_of(session: Session, people: Suppression) -> Held:
    """What is held of people, whether they are forgotten or not.

    Raises:
        WarehouseMissing: Nothing was loaded yet.
    """
    there = ledger.ready_tables(session)
    names = relations(session.schema)
    rows = Counter({table.name: 0 for table in OF_PEOPLE if table.name in there})
    for theirs in people.conditions():
        of_theirs = {name: f"(SELECT * FROM {names[name]} WHERE {theirs})" for name in rows}
        rows.update(counted(session, {name: rows_in(of) for name, of in of_theirs.items()}))
    places, rejects = staged_of(session, people), rejects_of(session, people)
    for reject in rejects:
        places[reject.place] += reject.published
    known = {e.part: e for e in ledger.latest(session) if e.target == SUPPRESSED}
    searched, wiped = (e and e.digest for e in map(known.get, (SEARCHED, WIPED)))
    return Held(
        {**rows, "load_rejects": len(rejects)},
        places,
        {day: e.records for day, e in known.items() if e.records},
        anybody=searched not in (None, NOTHING),
        is_wiped=searched == wiped,
    )


def staged_of(session: Session, people: Suppression) -> Counter[Place]:
    """How many staged rows of people came from where."""
    found: Counter[Place] = Counter()
    names = relations(session.schema)
    for theirs in people.conditions():
        text = statement("ledger/staged_of_people.sql", names, where=theirs)
        for day, key, records in session.query(text):
            found[str(day), key] += int(records)
    return found


class Reject(NamedTuple):
    """A rejected record that names somebody; `published` if its neighbours are."""

    place: Place
    line: int
    published: bool
    text: str


def rejects_of(session: Session, people: Suppression) -> list[Reject]:
    """The rejected records that name people."""
    if not people.forgotten.ids:
        return []
    text = statement("ledger/reject_texts.sql", relations(session.schema))
    found = session.query(text, {"target": STAGING_EVENTS.name})
    return [
        Reject((str(day), key), line, bool(published), record)
        for day, key, line, published, record in found
        if people.is_of(record or "")
    ]


def sources(
    session: Session, before: Held, after: Held, *, known: bool
) -> tuple[list[str], list[str]]:
    """The objects of the lake that hold records of the people, and those that may.

    Args:
        known: They were left out before, so that any record that is left out may be theirs.
    """
    told = Counter[str]()
    for (day, _), records in before.places.items():
        told[day] += records
    untold = {day for day, key in before.places if key is None}
    for day, records in after.left_out.items():
        if known or records - before.left_out.get(day, 0) > told[day]:
            untold.add(day)
    sure = {key for _, key in before.places if key is not None}
    left_out = ledger.loaded_objects(session, SUPPRESSED, sorted(untold))
    others = sorted(untold - {item.part for item in left_out.values()})
    doubtful = {*left_out, *ledger.loaded_objects(session, STAGING_EVENTS.name, others)}
    return sorted(sure), sorted(doubtful - sure)
