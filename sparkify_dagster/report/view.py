"""What a page is made of: sections with a finding, pictures, tables, and the SQL behind them.

What belongs here: the shapes. What they say stands in `listening`, `people` and `trust`; how they
look in `page` and its template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["words", "name", "number"]
"""`name`: a text of a record, which may be in any script; `words`: a text of ours."""
Cell = str | tuple[str, str]
"""What stands in a cell; of two texts the second stands below the first, smaller."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    label: str
    kind: Kind = "words"


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers to read.

    Attributes:
        rows: Cells as they are shown, in the order of the columns.
        bars: For each row how long its bar is, 0 to 1; none for a table without bars.
        empty: What to say when there are no rows.
        more: What to say of rows that are not shown.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    bars: Sequence[float] = ()
    empty: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour of a picture stands for."""

    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with its numbers."""

    title: str
    svg: str
    numbers: Table
    legend: Sequence[Legend] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page.

    Attributes:
        finding: The answer in a sentence or two.
        questions: Names of the questions whose answers it shows.
    """

    id: str
    title: str
    finding: str
    questions: Sequence[str]
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Card:
    """A headline figure with a word about it."""

    label: str
    figure: str
    about: str


def bars_of(values: Sequence[float]) -> list[float]:
    """How long each bar is, as a share of the longest."""
    most = max(values, default=0)
    return [value / most if most else 0.0 for value in values]
