"""Records that were not accepted: read one by one, held as columns.

A million of them take what their texts take, and not a Python object each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("object", pa.int32()),
        ("line", pa.int32()),
        ("reason", pa.string()),
        ("column", pa.string()),
        ("raw_text", pa.large_string()),
    ]
)


class TooMuch(MemoryError):
    """There is more of it than may be held at once; says of what, and the setting.

    Attributes:
        rejects: The first rejects, to be told all the same.
    """

    def __init__(self, said: str, rejects: Rejects | None = None) -> None:
        super().__init__(said)
        self.rejects = rejects or Rejects()


class Reject(NamedTuple):
    """A record that was not accepted.

    Attributes:
        object: Index of its object.
        line: Its line there, from 1.
        reason: Why, without values.
        column: The column to blame, if one is.
        raw_text: The record as it stands; bytes outside UTF-8 escaped, cut when very long.
    """

    object: int
    line: int
    reason: str
    column: str | None
    raw_text: str


class Rejects(Sequence[Reject]):
    """Rejects, each field of theirs a column of `table`."""

    __slots__ = ("table",)

    def __init__(self, table: pa.Table | None = None) -> None:
        self.table = SCHEMA.empty_table() if table is None else table

    @classmethod
    def of(cls, rejects: Iterable[Reject]) -> Rejects:
        """The same rejects, so held."""
        if isinstance(rejects, Rejects):
            return rejects
        columns = list(zip(*rejects, strict=True)) or [()] * len(SCHEMA)
        arrays = [pa.array(values, f.type) for values, f in zip(columns, SCHEMA, strict=True)]
        return cls(pa.Table.from_arrays(arrays, schema=SCHEMA))

    def where(self, mask: pa.Array) -> Rejects:
        """Those for which it is true."""
        return Rejects(self.table.filter(mask))

    @overload
    def __getitem__(self, at: int) -> Reject: ...

    @overload
    def __getitem__(self, at: slice) -> Rejects: ...

    def __getitem__(self, at: int | slice) -> Reject | Rejects:
        if isinstance(at, slice):
            return Rejects(self.table.take(list(range(len(self)))[at]))
        return Reject(*(column[at].as_py() for column in self.table.columns))

    def __iter__(self) -> Iterator[Reject]:
        for batch in self.table.to_batches():
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Reject(*values)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __add__(self, others: Iterable[Reject]) -> Rejects:
        return Rejects(pa.concat_tables([self.table, Rejects.of(others).table]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Rejects({list(self)!r})"
