"""Records that were not accepted: read one by one, held as columns.

A million of them take what their texts take, and not a Python object each. Why a text is no JSON is
found out of those that are asked for: of a load that fails few are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.lake.reader.record_rules import why_no_object

SCHEMA = pa.schema(
    [
        ("object", pa.int32()),
        ("line", pa.int32()),
        ("reason", pa.string()),
        ("column", pa.string()),
        ("raw_text", pa.large_string()),
    ]
)
RAW_LIMIT = 16_000
"""Characters of a record that are kept."""


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
    """Rejects, each field of theirs a column of `table`.

    A reason that is null there has not been looked for yet: `raw_text` is all of a text that is no
    JSON.
    """

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

    @classmethod
    def of_texts(cls, rows: pa.Table) -> Rejects:
        """What is no JSON object: its `object`, `line`, `text` and, as JSON, `kind` or none."""
        kinds = rows["kind"].combine_chunks().dictionary_encode()
        named = [why_no_object(kind) for kind in kinds.dictionary.to_pylist()]
        reasons = pa.array(named, pa.string()).take(kinds.indices)
        texts = pc.replace_substring_regex(rows["text"], r"\n\z", "")
        is_cut = pc.greater(pc.utf8_length(texts), RAW_LIMIT)
        if pc.any(is_cut).as_py():
            reasons = _explained(reasons, pc.if_else(is_cut, texts, None).combine_chunks())
        texts = pc.utf8_slice_codeunits(texts, 0, RAW_LIMIT)
        # Copies: a column of the parser's holds on to the texts beside it.
        places = [pa.array(rows[name].to_numpy().copy()) for name in ("object", "line")]
        values = [*places, reasons, pa.nulls(len(texts), pa.string()), texts]
        return cls(pa.Table.from_arrays(values, schema=SCHEMA))

    def explained(self) -> pa.Table:
        """The table with all reasons."""
        reasons = self.table["reason"]
        if not reasons.null_count:
            return self.table
        pieces = self.table.select(["reason", "raw_text"]).to_batches()
        found = [_explained(*piece.columns) for piece in pieces]
        return self.table.set_column(2, SCHEMA.field(2), pa.chunked_array(found, pa.string()))

    def first(self, most: int) -> Rejects:
        """So many of them, in the order of objects and lines."""
        order = [(name, "ascending") for name in ("object", "line")]
        return Rejects(self.table.take(pc.select_k_unstable(self.table, most, order)))

    @overload
    def __getitem__(self, at: int) -> Reject: ...

    @overload
    def __getitem__(self, at: slice) -> Rejects: ...

    def __getitem__(self, at: int | slice) -> Reject | Rejects:
        if isinstance(at, slice):
            return Rejects(self.table.take(list(range(len(self)))[at]))
        return next(iter(Rejects(self.table.slice(range(len(self))[at], 1))))

    def __iter__(self) -> Iterator[Reject]:
        for batch in self.explained().to_batches():
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


def _explained(reasons: pa.Array, texts: pa.Array) -> pa.Array:
    """The reasons; where there is none, why the text is no JSON, if that is not null."""
    found = pc.if_else(pc.is_null(reasons), texts, None).dictionary_encode()
    why = [why_no_object(None, text) for text in found.dictionary.to_pylist()]
    return pc.coalesce(reasons, pa.array(why, pa.string()).take(found.indices))
