"""What a change of code does to the numbers: an environment's tables against production's.

The engine compares: rows of two tables are joined by the key that the model declares, so only
counts and a few examples come here. What belongs here: the statements put together, and what their
answers say. Building the environment is `load`'s, as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sparkify_dagster.core.masking import mask_value
from sparkify_dagster.core.reject_reasons import cause_of
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import Names, quoted, relations, relations_of, same_key
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.model.statements import statement
from sparkify_dagster.model.table import Column, Layer, Table, Type
from sparkify_dagster.pipeline.events import FailedPart
from sparkify_dagster.pipeline.refresh import rows_in
from sparkify_dagster.warehouse.engine import Columns, Row, Session
from sparkify_dagster.warehouse.environments import of_days

_MOST = 3
"""Examples of each kind."""
_CLOSE = "1e-9"
"""Sums of doubles may be made in another order."""
_BOTH = "h.{key} IS NOT NULL AND t.{key} IS NOT NULL"
_COUNTS = 5
"""Rows here, there, only here, only there, and differing."""
_KINDS = {"only_here": "t.{key} IS NULL", "only_there": "h.{key} IS NULL"}
_NEW = "new: not published yet"
_GONE = "gone: published, none of this code's, and left as it is by loads"
_OTHER_KEY = "its key is another one: not compared row by row"
_OF_ALL_DAYS = "its rows hang on all days: not compared on a sample"


@dataclass(frozen=True, slots=True)
class Example:
    """A row that is not the same, as far as it may be shown.

    Attributes:
        kind: `only_here`, `only_there` or `differing`.
        key: The values of the key.
        values: Of columns that differ, the value here and the published one.
    """

    kind: str
    key: Mapping[str, str]
    values: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TableDiff:
    """How the rows of a table here differ from the published ones.

    Attributes:
        columns: Rows that stand on both sides, by the column in which they differ.
        came: Columns that only this code has; `went`: that only the published table has.
        totals: Of a mart, what its counts add up to, here and published.
        note: Why it was not compared; blank: it was.
        of_days: Only rows of some days were compared.
    """

    name: str
    rows_here: int = 0
    rows_there: int = 0
    only_here: int = 0
    only_there: int = 0
    differing: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    totals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    note: str = ""
    of_days: bool = False

    @property
    def is_same(self) -> bool:
        """Whether nothing is known to differ."""
        rows = self.only_here or self.only_there or self.differing
        return not (rows or self.came or self.went or self.note in (_NEW, _GONE, _OTHER_KEY))


@dataclass(frozen=True, slots=True)
class Diff:
    """What this code does to the numbers.

    Attributes:
        failed: Parts of the lake that this code could not load: none of their rows is here.
        rejects: By cause, records that are rejected here, and in production; only what differs.
    """

    tables: Sequence[TableDiff]
    failed: Sequence[FailedPart] = ()
    rejects: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Whether nothing is known to differ."""
        return not self.failed and all(table.is_same for table in self.tables)

    @property
    def is_blank(self) -> bool:
        """Whether some days were to be compared, and neither side has a row of them."""
        of_days = [table for table in self.tables if table.of_days]
        return bool(of_days) and not any(t.rows_here or t.rows_there for t in of_days)


def compare(
    session: Session,
    production: str,
    published: Mapping[str, Columns],
    days: DayRange | None = None,
    failed: Sequence[FailedPart] = (),
) -> Diff:
    """Compares star and marts, and names tables that only one side has.

    Args:
        session: In the environment.
        production: Production's schema, as it stands in SQL.
        published: The columns of production's tables.
        days: Only what hangs on these days alone, and the catalogue; None: everything.
        failed: Parts of the lake that could not be loaded in the environment.
    """
    there, names = session.tables(), relations_of(production)
    diffs = [
        _Comparison(session, production, table, days).of(there[table.name], published)
        for table in (*STAR, *MARTS)
    ]
    targets = session.query(statement("diff/published.sql", names))
    gone = sorted({str(name) for (name,) in targets} & published.keys() - TABLES.keys())
    diffs += [
        TableDiff(name, rows_there=_rows(session, f"{production}.{quoted(name)}"), note=_GONE)
        for name in gone
    ]
    here, published_too = (_rejects(session, of, days) for of in (relations(session.schema), names))
    rejects = {why: (here[why], published_too[why]) for why in sorted(here | published_too)}
    return Diff(diffs, failed, {why: n for why, n in rejects.items() if n[0] != n[1]})


def _rejects(session: Session, names: Mapping[str, str], days: DayRange | None) -> Counter[str]:
    """How many records were rejected, by cause."""
    rows = names["load_rejects"]
    if days:
        rows = of_days(rows, "log_date", days)
    text = statement("ledger/rejects_by_reason.sql", {"load_rejects": rows}, only="1 = 1")
    counts: Counter[str] = Counter()
    for _, reason, records in session.query(text):
        counts[cause_of(str(reason)).reason] += int(records)
    return counts


def _rows(session: Session, relation: str) -> int:
    return int(session.query(rows_in(relation))[0][0])


def moment_of(table: Table) -> str | None:
    """The column that says which rows hang on a day alone; blank: none does; None: on all."""
    if table.grain and table.grain.source == STAGING_SONGS.name:
        return ""
    if table.refresh_keys and any(source.moment for source in table.refresh_keys.sources):
        return table.refresh_keys.columns[0]
    is_of_plays = table.layer is Layer.STAR and "start_time" in table.column_names
    return "start_time" if is_of_plays else None


def shaped(
    table: Table,
    compared: Sequence[Column],
    measures: Sequence[str],
    counts: Row,
) -> TableDiff:
    """What the counts of a table say.

    Args:
        counts: Those of `_COUNTS`, then rows by column that differs, then each measure on both
            sides.
    """
    numbers = [float(value or 0) for value in counts]
    here, there, only_here, only_there, differing = map(int, numbers[:_COUNTS])
    rest = numbers[_COUNTS:]
    by_column = {c.name: int(n) for c, n in zip(compared, rest, strict=False) if n}
    sums = rest[len(compared) :]
    totals = dict(zip(measures, zip(sums[::2], sums[1::2], strict=True), strict=True))
    return TableDiff(
        table.name, here, there, only_here, only_there, differing, by_column, totals=totals
    )


@dataclass(frozen=True, slots=True)
class _Comparison:
    session: Session
    production: str
    table: Table
    days: DayRange | None

    def of(self, here: Columns, published: Mapping[str, Columns]) -> TableDiff:
        name, there = self.table.name, published.get(self.table.name)
        if there is None:
            own = relations(self.session.schema)[name]
            return TableDiff(name, rows_here=_rows(self.session, own), note=_NEW)
        moment = moment_of(self.table)
        if self.days is not None and moment is None:
            return TableDiff(name, note=_OF_ALL_DAYS)
        came = tuple(n for n, kind in here.items() if there.get(n) != kind)
        went = tuple(n for n, kind in there.items() if here.get(n) != kind)
        if set(self.table.key) & {*came, *went}:
            return TableDiff(name, came=came, went=went, note=_OTHER_KEY)
        common = [c for c in self.table.columns if c.name not in (*came, *went)]
        return self._by_key(common, moment or "", came, went)

    def _by_key(
        self, common: Sequence[Column], moment: str, came: tuple[str, ...], went: tuple[str, ...]
    ) -> TableDiff:
        compared = [c for c in common if c.name not in self.table.key]
        measures = [c.name for c in compared if _adds_up(self.table, c)]
        differs = {c.name: self._differs(c) for c in compared}
        measured = [
            f"COALESCE(SUM(CASE WHEN {text} THEN 1 ELSE 0 END), 0) AS differs_{number}"
            for number, text in enumerate(differs.values())
        ]
        measured += [f"SUM({side}.{quoted(m)}) AS {side}_{m}" for m in measures for side in "ht"]
        any_differs = " OR ".join(differs.values()) or "1 = 0"
        sides = self._sides(moment)
        text = statement(
            "diff/counted.sql",
            key=self._key,
            differs=any_differs,
            measured="".join(f",\n    {part}" for part in measured),
            **sides,
        )
        found = shaped(self.table, compared, measures, self.session.query(text)[0])
        kinds = {kind: text.format(key=self._key) for kind, text in _KINDS.items()}
        kinds["differing"] = any_differs
        examples = [
            self._example(kind, common, row)
            for kind, where in kinds.items()
            if getattr(found, kind)
            for row in self.session.query(self._examples(common, where, sides))
        ]
        of_days = self.days is not None and bool(moment)
        return replace(found, came=came, went=went, examples=tuple(examples), of_days=of_days)

    @property
    def _key(self) -> str:
        return quoted(self.table.key[0])

    def _sides(self, moment: str) -> dict[str, Any]:
        name = self.table.name
        sides: dict[str, Any] = {
            "here": relations(self.session.schema)[name],
            "there": relations_of(self.production)[name],
        }
        if self.days is not None and moment:
            sides = {side: of_days(rows, moment, self.days) for side, rows in sides.items()}
        return sides | {"same": same_key(self.table, "h", "t")}

    def _differs(self, column: Column) -> str:
        """Condition that both sides have a row, with another value of a column."""
        name, both = quoted(column.name), _BOTH.format(key=self._key)
        values = f"h.{name} <> t.{name}"
        if column.type is Type.DOUBLE:
            values = f"ABS(h.{name} - t.{name}) > {_CLOSE}"
        elif column.type is Type.VARCHAR:  # Trailing blanks count.
            values = f"h.{name} || CHR(1) <> t.{name} || CHR(1)"
        nulls = f"h.{name} IS NULL AND t.{name} IS NOT NULL"
        return f"({both} AND ({values} OR {nulls} OR h.{name} IS NOT NULL AND t.{name} IS NULL))"

    def _examples(self, common: Sequence[Column], where: str, sides: dict[str, Any]) -> str:
        order = ", ".join(f"COALESCE(h.{quoted(k)}, t.{quoted(k)})" for k in self.table.key)
        return statement(
            "diff/examples.sql",
            columns=Names(c.name for c in common),
            where=where,
            order=order,
            most=_MOST,
            **sides,
        )

    def _example(self, kind: str, common: Sequence[Column], row: Row) -> Example:
        here, there = row[: len(common)], row[len(common) :]
        told = [
            (column, _shown(column, h), _shown(column, t), h == t)
            for column, h, t in zip(common, here, there, strict=True)
        ]
        is_there = kind == "only_there"
        key = {c.name: t if is_there else h for c, h, t, _ in told if c.name in self.table.key}
        values = {
            c.name: (h, t)
            for c, h, t, same in told
            if kind == "differing" and not same and c.name not in self.table.key
        }
        return Example(kind, key, values)


def _adds_up(table: Table, column: Column) -> bool:
    """Whether a mart's column is a count whose sum says something."""
    return table.layer is Layer.MART and column.type is Type.BIGINT and not column.personal


def _shown(column: Column, value: object) -> str:
    """A value as it may be shown."""
    if value is None:
        return "NULL"
    return mask_value(value) if column.personal else str(value)
