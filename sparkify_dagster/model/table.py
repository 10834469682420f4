"""The vocabulary of the data model: columns, keys, references, physical design.

What belongs here: the small immutable types in which a table is declared. What does not: the
declarations themselves (`staging`, `star`, `ledger`) and the text made from them (`ddl`, `checks`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


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
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type, what it means, and what must hold for it.

    Attributes:
        length: Longest value in bytes of UTF-8; for VARCHAR only.
        required: NULL is refused.
        accepted: The values that are expected; others are a warning, not an error.
        audit: Says where the row came from, not what happened; no part of the contract's columns.
        source: The field of the JSON object it is read from, or how it comes about.
    """

    name: str
    type: Type
    meaning: str
    length: int | None = None
    required: bool = False
    accepted: tuple[str, ...] = ()
    audit: bool = False
    source: str = ""

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
    """

    source: str
    where: str


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
        key: The columns whose values are unique together.
        reads: Tables its defining SELECT reads.
        sql: File of its defining SELECT below `model/sql`, for the tables that have one.
    """

    name: str
    layer: Layer
    kind: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    grain: Grain | None = None
    reads: tuple[str, ...] = ()
    sql: str | None = None
    physical: Physical = field(default_factory=Physical)

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns in their order, audit columns last."""
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that refuse NULL."""
        return tuple(c.name for c in self.columns if c.required)

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
