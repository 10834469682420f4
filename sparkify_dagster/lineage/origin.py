"""What a column comes from: the words that `select`, `graph` and `words` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Ref(NamedTuple):
    """A column of a table, or a field of a record in the lake."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


Refs = frozenset[Ref]
NONE: Refs = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a column comes from.

    Attributes:
        values: What its expression reads.
        decides: What has a say in which rows there are, or in which of several is taken.
    """

    values: Refs = NONE
    decides: Refs = NONE

    @property
    def all(self) -> Refs:
        """Both."""
        return self.values | self.decides

    def decided_by(self, refs: Refs) -> Origin:
        """The same, with more that decides."""
        return Origin(self.values, self.decides | refs)
