"""Taking forgotten people out of what is loaded: their rows, and the texts of their rejects.

It reads nothing of the lake, so it costs what is held of them, and a day that cannot be loaded now
loses them, too. What belongs here: that one transaction. Who comes back is read again by the load.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from sparkify_dagster.lake.objects import LakeObject
from sparkify_dagster.model.ddl import relations
from sparkify_dagster.model.ledger import SEARCHED, SUPPRESSED, WIPED
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.statements import statement
from sparkify_dagster.pipeline.events import PartResult
from sparkify_dagster.pipeline.held_of import Place, rejects_of, staged_of
from sparkify_dagster.pipeline.publish import retire
from sparkify_dagster.pipeline.suppress import Suppression, suppressed_entry, write_suppressed
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session, Warehouse
from sparkify_dagster.warehouse.ledger import Entry, NextLoad, one_of
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster.warehouse.standing import FAILED, standing

_EVENTS = STAGING_EVENTS.name
_UNKNOWN = "?"
"""The token of a day that somebody left and somebody else is back in: it is read again."""


def forget(
    warehouse: Warehouse, leave_out: Suppression, searched: str, run_id: str
) -> list[PartResult]:
    """Takes these people out; gives the days that held something of them, as they are now.

    Args:
        searched: Token of the document for which the tables were searched before.

    Raises:
        LakeError: Another load has searched them for another document since.
    """

    def work(session: Session) -> tuple[int, list[Entry]]:
        create_tables(session)
        load = ledger.next_load(session, _EVENTS)
        leave_out.require_searched(load, searched)
        return load.load_id, _Forgetting(session, leave_out, load, run_id).done()

    load_id, days = warehouse.transact(
        work, lambda session, done: ledger.holds(session, done[0], run_id)
    )
    return [PartResult(replace(day, load_id=load_id, run_id=run_id)) for day in days]


def wipe(warehouse: Warehouse, token: str, run_id: str) -> None:
    """Removes what they left in the warehouse's own file, and notes up to which document.

    Raises:
        WarehouseError: It cannot be done now; the next load tries it again.
    """
    warehouse.rewrite()

    def work(session: Session) -> int:
        load = ledger.next_load(session, _EVENTS)
        done = Entry(SUPPRESSED, WIPED, "published", token)
        ledger.record(session, [done], load.load_id, run_id)
        return load.load_id

    warehouse.transact(work, lambda session, load_id: ledger.holds(session, load_id, run_id))


class _Forgetting:
    """One search, in its transaction."""

    def __init__(
        self, session: Session, leave_out: Suppression, load: NextLoad, run_id: str
    ) -> None:
        self._session = session
        self._leave_out = leave_out
        self._load = load
        self._run_id = run_id

    def done(self) -> list[Entry]:
        """The new entries of the days that held something."""
        rows, rejects = self._rows(), self._rejects()
        self._move(rows, rejects)
        return self._record(rows, rejects)

    def _rows(self) -> Counter[Place]:
        """Takes out staged rows; gives how many by place."""
        found = staged_of(self._session, self._leave_out)
        for theirs in self._leave_out.conditions() if found else ():
            retire(self._session, STAGING_EVENTS, theirs, {}, self._load)
        return found

    def _rejects(self) -> Counter[Place]:
        """Takes out the rejects that name them; gives how many published ones by place."""
        found: Counter[Place] = Counter()
        where = "object = $object AND line = $line AND raw_text = $text"
        for reject in rejects_of(self._session, self._leave_out):
            values = {"object": reject.place[1], "line": reject.line, "text": reject.text}
            ledger.remove(self._session, "load_rejects", _EVENTS, where, values)
            found[reject.place] += reject.published
        return +found

    def _move(self, rows: Counter[Place], rejects: Counter[Place]) -> None:
        """Moves the numbers of objects from their rows and rejects to what is left out."""
        places = [(day, key) for day, key in {*rows, *rejects} if key is not None]
        days = sorted({day for day, _ in places})
        listed = ledger.loaded_objects(self._session, _EVENTS, days)
        before = ledger.loaded_objects(self._session, SUPPRESSED, days)
        take = statement("ledger/take_from_object.sql", relations(self._session.schema))
        left: dict[LakeObject, tuple[str, int]] = {}
        for day, key in places:
            counts = {"row_count": rows[day, key], "rejects": rejects[day, key]}
            self._session.execute(take, {"target": _EVENTS, "object": key, **counts})
            item = LakeObject(key, listed[key].size, listed[key].token)
            known = before[key].records if key in before else 0
            left[item] = day, known + sum(counts.values())
        if places:
            ours = one_of("object", [key for _, key in places])
            ledger.remove(self._session, "load_objects", SUPPRESSED, *ours)
        write_suppressed(self._session, left, self._load.load_id)

    def _record(self, rows: Counter[Place], rejects: Counter[Place]) -> list[Entry]:
        """Publishes the days as they are now; a day that had failed since has failed still."""
        token = self._leave_out.forgotten.token
        published = {(e.target, e.part): e for e in ledger.latest(self._session)}
        digests = standing(self._session).digests(_EVENTS)
        days, counted = [], []
        for name in sorted({day for day, _ in (*rows, *rejects)}):
            left = sum(n for (day, _), n in rows.items() if day == name)
            gone = sum(n for (day, _), n in rejects.items() if day == name)
            day, before = published[_EVENTS, name], published.get((SUPPRESSED, name))
            known = before.records if before else 0
            told = token
            if before and known and not self._leave_out.forgotten.extends(before.digest):
                told = _UNKNOWN
            counted.append(suppressed_entry(name, known + left + gone, told))
            days.append(
                replace(
                    day,
                    row_count=day.row_count - left,
                    rejects=day.rejects - gone,
                    suppressed=known + left + gone,
                )
            )
        # Of what was never loaded no byte is in a file.
        marks = [SEARCHED, WIPED] if self._load.load_id == 1 else [SEARCHED]
        counted += [Entry(SUPPRESSED, mark, "published", token) for mark in marks]
        ledger.record(self._session, [*days, *counted], self._load.load_id, self._run_id)
        failed = [
            e
            for e in ledger.latest(self._session, "failed")
            if e.target == _EVENTS
            and e.part in {day.part for day in days}
            and digests.get(e.part) == FAILED
        ]
        if failed:
            ledger.record(self._session, failed, self._load.load_id + 1, self._run_id)
        return days
