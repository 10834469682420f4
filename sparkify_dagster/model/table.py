"""The vocabulary of the data model: columns, keys, references, physical design.

What belongs here: the small immutable types in which a table is declared. What does not: the
declarations themselves (`staging`, `star`, `marts`, `ledger`) and the text made from them (`ddl`,
`checks`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from sparkify_dagster.model.statements import placeholders


class Type(StrEnum):
    """The column types the platform uses, by the name both engines know."""

    VARCHAR = "VARCHAR"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE PRECISION"
    TIMESTAMP = "TIMESTAMP"
    DATE = "DATE"
    BOOLEAN = "BOOLEAN"


class Layer(StrEnum):
    """Where in the house a table stands."""

    STAGING = "staging"
    STAR = "star"
    MART = "mart"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type, what it means, and what must hold for it.

    Attributes:
        length: Longest value in bytes of UTF-8; for VARCHAR only.
        required: NULL is refused.
        accepted: The values that are expected. In staging and star others are a warning, not an
            error; of a mart, whose SQL makes them of such, this only tells what they may be.
        audit: Says where the row came from, not what happened; no part of the contract's columns.
        source: The field of the JSON object it is read from, or how it comes about.
        personal: Why it is personal data, if it is: it says who a person is or what is theirs. Such
            values are hidden wherever rows are shown without being asked for. What is done (page,
            song, moment) stays: without these columns it is nobody's. So does what the catalogue
            says of artists, which is public.
        was: Its name before, where what is stored under that is to be kept; blank: it is new,
            although another column of its type goes at the same time.
    """

    name: str
    type: Type
    meaning: str
    length: int | None = None
    required: bool = False
    accepted: tuple[str, ...] = ()
    audit: bool = False
    source: str = ""
    personal: str = ""
    was: str | None = None

    @property
    def sql_type(self) -> str:
        """The type as it stands in DDL, length included."""
        return f"{self.type}({self.length})" if self.length else str(self.type)


@dataclass(frozen=True, slots=True)
class Reference:
    """Every value of `column` that is not NULL stands in `table` as its key `target`."""

    column: str
    table: str
    target: str


@dataclass(frozen=True, slots=True)
class Grain:
    """What one row of a star table stands for: one distinct `key` among the rows of `source`.

    From it come the row-count check, and, when only a part of the source changed, which rows of the
    table are touched.

    Attributes:
        source: Name of the table whose rows are counted.
        where: SQL condition on the source (alias `s`) that a row must meet to count.
        latest: Column of the source, if only the rows decide that have the largest value of it
            among those of their key: where rows came and none went, older ones need no look.
    """

    source: str
    where: str
    latest: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A table whose changed rows tell which refresh keys of a mart are touched.

    Attributes:
        table: Its name.
        values: For each column of the refresh keys, the SQL expression that gives it from a row of
            the table (alias `s`).
        where: SQL condition that a row of a staging table must meet to count.
        retired: The values can be read from the kept keys of replaced rows, too, and must be.
        scoped: The mart's SELECT needs just the rows of touched refresh keys. Not so where it joins
            the table to one that is scoped.
        moment: The time whose day is what names a key, if that is so: an engine then passes over
            what it knows to lie before or after the touched days.
    """

    table: str
    values: tuple[str, ...]
    where: str = ""
    retired: bool = False
    scoped: bool = True
    moment: str = ""


@dataclass(frozen=True, slots=True)
class RefreshKeys:
    """The pieces in which a mart is brought up to date.

    The rows of a slice come from rows of the same slice of each source and from nothing else.

    Attributes:
        name: What the pieces are. Marts with the same pieces share them, so that a source may be
            one that only some of them read.
        columns: The mart's columns that name a piece.
        unchanged: File with a SELECT of the pieces that new rows do not change, as far as these
            rows tell, in place of which it reads its source; one column. None: new rows may
            change any.
    """

    name: str
    columns: tuple[str, ...]
    sources: tuple[Source, ...]
    unchanged: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """What a column of a mart adds up to, however its rows are cut.

    Attributes:
        table: Table that knows the number, too.
        expected: SQL that gives it from all rows of that table (alias `s`).
        meaning: The number in words.
    """

    column: str
    table: str
    expected: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Physical:
    """Distribution and sorting on Redshift, and why. DuckDB needs neither.

    Attributes:
        style: `AUTO`, `EVEN`, `ALL`, or `KEY` with `distkey`.
    """

    style: str = "AUTO"
    distkey: str | None = None
    sortkey: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the warehouse, declared once.

    Attributes:
        key: The columns that name a row. Their values are unique together, but not where they are
            an origin: several records may begin on one line.
        sql: File of its defining SELECT below `model/sql`, for the tables that have one.
        refresh_keys: How a mart is brought up to date piece by piece; None: it is built whole.
        total: What one of a mart's columns must add up to.
        fact: The table of the star that the others describe.
    """

    name: str
    layer: Layer
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    grain: Grain | None = None
    sql: str | None = None
    refresh_keys: RefreshKeys | None = None
    total: Total | None = None
    physical: Physical = field(default_factory=Physical)
    fact: bool = False

    @property
    def kind(self) -> str:
        """Its layer; of the star, what part it plays there."""
        if self.layer is not Layer.STAR:
            return self.layer.value
        return "fact" if self.fact else "dimension"

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that its defining SELECT names."""
        return placeholders(self.sql) if self.sql else ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns in their order, audit columns last."""
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that refuse NULL."""
        return tuple(c.name for c in self.columns if c.required)

    def columns_in(self, *texts: str) -> list[str]:
        """The columns that texts of SQL may speak of: those whose names stand in one."""
        words = set(re.findall(r"\w+", " ".join(texts)))
        return [name for name in self.column_names if name in words]

    def encoding(self, column: Column) -> str:
        """How Redshift compresses a column; DuckDB chooses by itself.

        AZ64 for numbers and times, ZSTD for what it does not know. The first sort key stays RAW:
        a compressed block would hold so many rows that less of the table could be skipped.
        """
        if column.name in self.physical.sortkey[:1]:
            return "RAW"
        return "ZSTD" if column.type in (Type.VARCHAR, Type.DOUBLE, Type.BOOLEAN) else "AZ64"

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: The table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")
