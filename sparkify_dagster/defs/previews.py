"""A few rows of each table, for people who look at it in the UI.

What belongs here: choosing rows and columns, and making values fit to be shown. A preview is table
metadata, which the UI shows as plain text: whatever stands in a value, it is no markup. Dagster
keeps it as long as the run, so personal columns are masked as `sparkify rejects` masks records. The
rows are those found first: none is sorted for it. Beside them rows and rejects are counted, and the
plays of a day summed up from a small mart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from sparkify_dagster.core.masking import mask_value
from sparkify_dagster.defs.plots import MOST_DAYS
from sparkify_dagster.model.ddl import quoted
from sparkify_dagster.model.table import Column, Table, Type
from sparkify_dagster.pipeline.refresh import counted, rows_in
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.engine import Session

PLAYS_BY_HOUR = "plays_by_hour"
LONGEST = 52
"""Characters of a value that are shown."""
_AT_ONCE = 8
"""Tables of which rows are asked for in one statement."""
_EXACT = 2**53
"""Above it a browser's numbers are no longer exact."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What is looked up of tables to be shown with a load.

    Attributes:
        rows: A few rows of each table that has any, by its name.
        counts: Rows that tables hold, by name.
        plays: Plays by day, those with a song of the catalogue and those without one.
        reasons: How many records were rejected for each reason, by log day; see
            `ledger.reject_reasons`.
    """

    rows: Mapping[str, dg.TableMetadataValue] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    plays: Mapping[str, Mapping[date, int]] = field(default_factory=dict)
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def look_at_staged(session: Session, table: Table, load_id: int | None, most: int) -> Preview:
    """Rows and rejects of a staging table.

    Args:
        load_id: Only what this load has written; None for all.
        most: Rows to show at most; 0 for none.
    """
    where = "" if load_id is None else f"WHERE r.load_id = {load_id:d} "
    return Preview(
        _previews(session, [table], most, where),
        _counts(session, [table]),
        reasons=ledger.reject_reasons(session, table.name, load_id),
    )


def look_at(
    session: Session, tables: Iterable[Table], most: int, *, counted: bool = False
) -> Preview:
    """Rows of tables that were published together, and plays by day where they are among them.

    Args:
        most: Rows of each to show at most; 0 for none.
        counted: Count their rows, too.
    """
    found = list(tables)
    plays = _plays_by_day(session) if PLAYS_BY_HOUR in [table.name for table in found] else {}
    counts = _counts(session, found if counted else ())
    return Preview(_previews(session, found, most), counts, plays)


def _counts(session: Session, tables: Sequence[Table]) -> dict[str, int]:
    """How many rows tables hold."""
    asked = {table.name: rows_in(ledger.relation(session, table.name)) for table in tables}
    return counted(session, asked)


def _previews(
    session: Session, tables: Sequence[Table], most: int, where: str = ""
) -> dict[str, dg.TableMetadataValue]:
    """Some rows of each table that has any, whichever are found first.

    Several tables are asked for in one statement: each takes a while to Redshift.
    """
    found = {}
    for first in range(0, len(tables) if most else 0, _AT_ONCE):
        asked = tables[first : first + _AT_ONCE]
        slots = sorted({slot for table in asked for slot in _slots(table)})
        selects = (
            _in_slots(session, t, n, slots, f"{where}LIMIT {most:d}") for n, t in enumerate(asked)
        )
        rows = session.query("\nUNION ALL\n".join(selects))
        for number, table in enumerate(asked):
            at = [slots.index(slot) + 1 for slot in _slots(table)]
            of_table = [[row[place] for place in at] for row in rows if row[0] == number]
            if of_table:
                found[table.name] = _as_table(table, of_table)
    return found


def _slots(table: Table) -> list[tuple[str, int]]:
    """For each column its place in rows that several tables share: the n-th of its type."""
    seen = Counter[str]()
    slots = []
    for column in table.columns:
        kind = "VARCHAR(1024)" if column.type is Type.VARCHAR else str(column.type)
        slots.append((kind, seen[kind]))
        seen[kind] += 1
    return slots


def _in_slots(
    session: Session, table: Table, number: int, slots: Sequence[tuple[str, int]], some: str
) -> str:
    names = [f"r.{quoted(name)}" for name in table.column_names]
    columns = dict(zip(_slots(table), names, strict=True))
    values = (columns.get(slot, f"CAST(NULL AS {slot[0]})") for slot in slots)
    named = (f"{value} AS c{place}" for place, value in enumerate(values))
    rows = f"(SELECT * FROM {ledger.relation(session, table.name)} AS r {some})"
    return f"SELECT {number:d} AS n, {', '.join(named)} FROM {rows} AS r"


def _as_table(table: Table, rows: Iterable[Sequence[object]]) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord({c.name: shown(c, v) for c, v in zip(table.columns, row, strict=True)})
        for row in rows
    ]
    columns = [dg.TableColumn(column.name, column.sql_type) for column in table.columns]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _plays_by_day(session: Session) -> dict[str, dict[date, int]]:
    """Of the last days with plays: the mart is small however many plays there are."""
    rows = session.query(
        "SELECT h.play_date, SUM(h.plays) AS plays, SUM(h.matched) AS matched "
        f"FROM {ledger.relation(session, PLAYS_BY_HOUR)} AS h "
        f"GROUP BY h.play_date ORDER BY h.play_date DESC LIMIT {MOST_DAYS:d}"
    )
    return {
        "with a song of the catalogue": {day: int(matched) for day, _, matched in rows},
        "without a song": {day: int(plays) - int(matched) for day, plays, matched in rows},
    }


def shown(column: Column, value: object) -> str | int | float | bool | None:
    """A value as a preview shows it: no longer than `LONGEST`, masked where it is personal."""
    if value is None:
        return None
    if not column.personal and isinstance(value, bool | float | int):
        return value if isinstance(value, float) or abs(value) < _EXACT else str(value)
    text = mask_value(value) if column.personal else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
