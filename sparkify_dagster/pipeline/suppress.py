"""Forgotten people: their records are left out where they are read, counted and not kept.

What belongs here: telling their records, and what the ledger says of them. Taking out what is
staged already is `forget`'s.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.documents import Forgotten
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.objects import LakeObject
from sparkify_dagster.lake.reader.reader import Batch
from sparkify_dagster.lake.reader.rejects import Rejects
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model.ledger import SEARCHED, SUPPRESSED, WIPED
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session
from sparkify_dagster.warehouse.ledger import Entry, NextLoad, append_rows, one_of, relation
from sparkify_dagster.warehouse.standing import Standing

_TOO_LONG = 20
"""Digits that no id has."""
_IDS_AT_ONCE = 20_000
"""Ids that a statement names."""


@dataclass(frozen=True)
class Suppression:
    """Whose records a load leaves out.

    Attributes:
        name: The field of a log record that holds the user id.
        days: The log days of which records were left out before.
    """

    forgotten: Forgotten = field(default_factory=Forgotten)
    name: str = "userId"
    days: frozenset[str] = frozenset()

    @cached_property
    def _ids(self) -> frozenset[int]:
        return frozenset(self.forgotten.ids)

    @cached_property
    def _named(self) -> re.Pattern[str]:
        """The user id where it stands in the text of a record, bare or in quotes."""
        value = r'[ \t\r\n]*:[ \t\r\n]*(?:"(-?[0-9]+)"|(-?[0-9]+)(?=[ \t\r\n,}]))'
        return re.compile(f'"{re.escape(self.name)}"{value}')

    def is_of(self, text: str) -> bool:
        """Whether the text of a rejected record names one of them."""
        found = (quoted or bare for quoted, bare in self._named.findall(text))
        return any(int(each) in self._ids for each in found if len(each.lstrip("-0")) < _TOO_LONG)

    def conditions(self) -> Iterator[str]:
        """SQL that a row of events is theirs: one condition, or several if they are many."""
        for start in range(0, len(self.forgotten.ids), _IDS_AT_ONCE):
            ids = self.forgotten.ids[start : start + _IDS_AT_ONCE]
            yield f"user_id IN ({', '.join(map(str, ids))})"

    def left(self, batch: Batch) -> tuple[Batch, Counter[int]]:
        """What of a batch is not theirs, and how many records of each object are."""
        if not self._ids:
            return batch, Counter()
        theirs, named = self._found_in(batch)
        gone = Counter(batch.rows["object"].filter(theirs).to_pylist())
        gone.update(batch.rejects.table["object"].filter(named).to_pylist())
        return _filtered(batch, pc.invert(theirs), pc.invert(named)), gone

    def _found_in(self, batch: Batch) -> tuple[pa.ChunkedArray, pa.Array]:
        """Of each row, and of each reject, whether it is theirs."""
        texts = batch.rejects.table["raw_text"].to_pylist()
        named = pa.array([self.is_of(text) for text in texts], pa.bool_())
        return pc.is_in(batch.rows["user_id"], pa.array(self._ids, pa.int64())), named

    def entries(self, entries: Sequence[Entry]) -> list[Entry]:
        """What the history says of the records left out of some days."""
        return [
            suppressed_entry(e.part, e.suppressed, self.forgotten.token)
            for e in entries
            if self._ids or e.part in self.days
        ]

    @staticmethod
    def require_searched(load: NextLoad, token: str) -> None:
        """Lets a transaction go on only if the document that was loaded last is the expected one.

        A load that read an older one could publish people whom another has just taken out.

        Raises:
            LakeError: Another load has read another one since.
        """
        if load.forgotten != token:
            raise LakeError(
                "another load has read another document of forgotten people ([S3] FORGOTTEN) since "
                "this one looked at the lake, so nothing more was published. Load again."
            )

    def clear(self, session: Session, days: Sequence[str]) -> None:
        """Removes what is known of records left out of some days' objects."""
        if self._ids or not self.days.isdisjoint(days):
            ledger.remove(session, "load_objects", SUPPRESSED, *one_of("part", days))


NOBODY = Suppression()


class OnlyTheirs(Suppression):
    """The other way round: everybody else's records are left out, and not counted."""

    def left(self, batch: Batch) -> tuple[Batch, Counter[int]]:
        """What of a batch is theirs."""
        return _filtered(batch, *self._found_in(batch)), Counter()


def _filtered(batch: Batch, rows: pa.ChunkedArray, rejects: pa.Array) -> Batch:
    kept = replace(batch, rows=batch.rows.filter(rows))
    kept.rejects = Rejects(batch.rejects.table.filter(rejects))
    return kept


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the history says of forgotten people.

    Attributes:
        days: The log days of which records were left out, each with the token of the document then.
        searched: The token for which all that is staged was searched last.
        wiped: The token for which DuckDB's file was made anew last, so that no byte is left in it.
    """

    days: Mapping[str, str]
    searched: str
    wiped: str

    def of_others(self, forgotten: Forgotten) -> list[str]:
        """The days of which somebody was left out who may be forgotten no longer."""
        return [day for day, token in self.days.items() if not forgotten.extends(token)]


def left_out(now: Standing) -> LeftOut:
    """What the history says of forgotten people."""
    tokens = now.digests(SUPPRESSED)
    searched = tokens.pop(SEARCHED, NOTHING)
    wiped = tokens.pop(WIPED, NOTHING)
    days = {day: token for day, token in tokens.items() if token != NOTHING}
    return LeftOut(days, searched, wiped)


def user_id_field(fields: Sequence[str]) -> str:
    """The field of a log record that holds the user id.

    Args:
        fields: Those that feed the columns of staged events, in order.
    """
    names = dict(zip(loaded_columns(STAGING_EVENTS), fields, strict=True))
    return names[STAGING_EVENTS.column("user_id")]


def is_staged(session: Session, forgotten: Forgotten) -> bool:
    """Whether anything is staged of any of these people."""
    staged = relation(session, STAGING_EVENTS.name)
    return any(
        session.query(f"SELECT 1 FROM {staged} AS s WHERE {theirs} LIMIT 1")
        for theirs in Suppression(forgotten).conditions()
    )


def suppressed_entry(day: str, records: int, token: str) -> Entry:
    """What the history says of the records left out of a day."""
    return Entry(SUPPRESSED, day, "published", token if records else NOTHING, records=records)


def write_suppressed(
    session: Session, found: Mapping[LakeObject, tuple[str, int]], load_id: int
) -> None:
    """Notes how many records of each object were left out, with its day."""
    rows = [
        (SUPPRESSED, day, item.key, item.size, item.token, records, 0, 0, load_id)
        for item, (day, records) in found.items()
    ]
    append_rows(session, "load_objects", rows)
