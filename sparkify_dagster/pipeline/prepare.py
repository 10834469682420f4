"""Objects read and judged, ready to be staged: everything that can be done before a transaction.

What belongs here: reading objects through a store and a reader, counting per object. What does not:
the warehouse.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sparkify_dagster.core.text import cited, count
from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import Objects, is_packed, key_of
from sparkify_dagster.lake.reader.reader import Batch
from sparkify_dagster.lake.reader.rejects import Rejects, TooMuch
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds, ObjectStore
from sparkify_dagster.pipeline.suppress import NOBODY, Suppression
from sparkify_dagster.warehouse.engine import OutOfMemory

Read = Callable[[Sequence[bytes], int, int], Batch]
Columns = tuple[pa.Array, pa.Array, pa.Array]
_PARSED_AT_ONCE = 32_000_000
"""Bytes: enough to keep all threads busy; while they are parsed, as many more are read."""
_OBJECTS_AT_ONCE = 16_384
"""Likewise, of small ones."""
_NAMED, _FIRST = 3, 5
"""Objects that a message names; of those that cannot be read."""
_GZIP_GIVES = 10
"""Bytes of text for each byte of a gzip file, about; of logs it is 8 to 12."""
_NAMES, _NAMES_HELD = 100, 10_000
"""Unknown fields that are told of a part, the most frequent; and held while it is read."""
LEFT_OUT = "…"
"""Stands for the number of unknown fields that are not told."""
OUT_OF_MEMORY = (MemoryError, duckdb.OutOfMemoryException, OutOfMemory)
"""What is raised where there is not enough memory; Arrow's is a MemoryError."""


@dataclass(slots=True)
class _Chunk:
    """Objects on their way to the parser.

    Attributes:
        lines: As they stand in a listing; `parts` and `texts` likewise, one for each.
    """

    lines: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    errors: list[tuple[str, ObjectError]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Counts:
    """Records by object: accepted, rejected, left out; an integer for each object."""

    rows: np.ndarray
    rejects: np.ndarray
    suppressed: np.ndarray | int = 0

    @property
    def records(self) -> np.ndarray:
        """All of them."""
        total: np.ndarray = self.rows + self.rejects + self.suppressed
        return total

    def by_part(self, parts: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Records and rejects of each part.

        Args:
            parts: The part each object belongs to.
        """
        found: dict[str, tuple[int, int]] = {}
        for part, records, rejects in zip(
            parts, self.records.tolist(), self.rejects.tolist(), strict=True
        ):
            more = found.get(part, (0, 0))
            found[part] = more[0] + records, more[1] + rejects
        return found


@dataclass(slots=True)
class Prepared:
    """Objects of one or more parts, read.

    Attributes:
        objects: What was read, in the order of the indices in `batch`.
        parts: The part each object belongs to.
        batch: Rows and rejects, by index of the object.
        errors: Objects that could not be read whole.
        unknown: By part: fields that no column takes, with the number of records that had them.
        suppressed: By index of the object: records of forgotten people, which are in no batch.
    """

    objects: Objects
    parts: list[str]
    batch: Batch
    errors: list[tuple[str, ObjectError]] = field(default_factory=list)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    suppressed: Counter[int] = field(default_factory=Counter)

    def columns(self) -> Columns:
        """Keys, sizes and tokens of the objects, all as texts."""
        lines = pa.array(self.objects.lines, pa.string())
        values = pc.split_pattern(lines, "\0", max_splits=2, reverse=True)
        keys, sizes, tokens = (pc.list_element(values, number) for number in range(3))
        return keys, sizes, tokens

    def pieces(self, most: int) -> Iterator[tuple[int, Prepared]]:
        """The same by so many objects at most, numbered anew; each with its first one's number."""
        if len(self.objects) <= most:
            yield 0, self
            return
        for first in range(0, len(self.objects), most):
            kept = np.zeros(len(self.objects), dtype=bool)
            kept[first : first + most] = True
            yield first, self._chosen(kept)

    def counts(self) -> Counts:
        """Records of each object, in their order."""
        held = self.batch.rows["object"].to_numpy()
        rejected = self.batch.rejects.table["object"].to_numpy()
        objects = len(self.objects)
        suppressed = np.zeros(objects, dtype=np.int64)
        for index, records in self.suppressed.items():
            suppressed[index] = records
        return Counts(
            np.bincount(held, minlength=objects),
            np.bincount(rejected, minlength=objects),
            suppressed,
        )

    def suppressed_of(self, part: str) -> int:
        """How many records of a part are left out."""
        return sum(n for index, n in self.suppressed.items() if self.parts[index] == part)

    def unknown_of(self, part: str) -> dict[str, int]:
        """Unknown fields among a part's records, with how many had them: the most frequent."""
        return dict(_most_frequent(self.unknown.get(part, Counter()), _NAMES))

    def no_streams(self, part: str | None = None) -> str:
        """The objects, of one part or of all, that are no streams of records, and what to do."""
        found = [
            f"{cited(self.objects[index].key)} {what}."
            for index, what in sorted(self.batch.formats.items())
            if part in (None, self.parts[index])
        ]
        more = len(found) - _NAMED
        others = f"{count(more, 'more object')} of the like." if more > 0 else ""
        return " ".join([*found[:_NAMED], others]).strip()

    def only(self, parts: set[str]) -> Prepared:
        """The same with just the objects of some parts, numbered anew."""
        if parts >= set(self.parts):
            return self
        return self._chosen(np.array([part in parts for part in self.parts], dtype=bool))

    def _chosen(self, kept: np.ndarray) -> Prepared:
        """The same with just some objects: for each, whether it is one of them."""
        number = np.cumsum(kept, dtype=np.int32) - 1

        def of(table: pa.Table) -> pa.Table:
            held = table["object"].to_numpy()
            renumbered = pa.array(number[held[kept[held]]], pa.int32())
            place = table.column_names.index("object")
            return table.filter(pa.array(kept[held])).set_column(place, "object", renumbered)

        batch = Batch(of(self.batch.rows), Rejects(of(self.batch.rejects.table)))
        chosen = np.flatnonzero(kept).tolist()
        objects = Objects([self.objects.lines[i] for i in chosen])
        suppressed = Counter({int(number[i]): n for i, n in self.suppressed.items() if kept[i]})
        parts = [self.parts[i] for i in chosen]
        return Prepared(objects, parts, batch, self.errors, self.unknown, suppressed)

    def rejects_of(self, part: str) -> Rejects:
        """The rejects of one part."""
        if set(self.parts) == {part}:
            return self.batch.rejects
        mine = np.array([name == part for name in self.parts], dtype=bool)
        rejects = self.batch.rejects.table
        return Rejects(rejects.filter(pa.array(mine[rejects["object"].to_numpy()])))


class Overfull(TooMuch):
    """There is too much of the objects together.

    Attributes:
        kept: The objects that were read, with some rejects and no rows.
    """

    def __init__(self, said: str, kept: Prepared) -> None:
        super().__init__(said)
        self.kept = kept


def prepare(
    store: ObjectStore,
    read: Read,
    objects: Iterable[tuple[str, str]],
    on_read: Callable[[int], None] = lambda _: None,
    bounds: Bounds = DEFAULT_BOUNDS,
    held_bytes: int = sys.maxsize,
    most_rejects: int = sys.maxsize,
    leave_out: Suppression = NOBODY,
) -> Prepared:
    """Reads objects, and parses them while the next ones are being read.

    Args:
        objects: The line of each in a listing, and the part it belongs to.
        on_read: Told now and then how many more objects were read.
        bounds: How large an object may be.
        held_bytes: How much memory their rows and rejects may take.
        most_rejects: How many rejects there may be.
        leave_out: Whose records are counted and not kept.

    Raises:
        Overfull: There is more.
        OUT_OF_MEMORY: There is no more.
    """
    made = nothing_of(read)
    made.batch.most_rejects = most_rejects
    held = 0
    try:
        for chunk in _ahead(_chunks(store, objects, bounds)):
            more = _read(read, chunk, len(made.parts), most_rejects)
            more, gone = leave_out.left(more)
            made.suppressed.update(gone)
            held += more.rows.nbytes + more.rejects.table.nbytes
            if held > held_bytes:
                raise TooMuch(
                    f"its records take more than {held_bytes // 1_000_000:,} MB of memory; see "
                    "what its objects hold, or raise [LOAD] HELD_MB"
                )
            made.objects.lines += chunk.lines
            made.parts += chunk.parts
            made.errors += chunk.errors
            for (index, name), records in more.unknown.items():
                made.unknown.setdefault(made.parts[index], Counter())[name] += records
            for part, names in made.unknown.items():
                if len(names) > _NAMES_HELD:
                    made.unknown[part] = _most_frequent(names, _NAMES_HELD // 2)
            more.unknown.clear()
            made.batch.add(more)
            on_read(len(chunk.lines) + len(chunk.errors))
    except TooMuch as error:
        rejects = error.rejects or made.batch.rejects
        made.batch = nothing_of(read).batch
        made.batch.rejects = rejects
        made.batch, _ = leave_out.left(made.batch)
        raise Overfull(str(error), made) from None
    return made


def nothing_of(read: Read) -> Prepared:
    """What is prepared of no objects."""
    return Prepared(Objects([]), [], read([], 0, 0))


def kept_of(error: BaseException, read: Read) -> Prepared:
    """What is there to tell of objects whose reading ended with an error."""
    return error.kept if isinstance(error, Overfull) else nothing_of(read)


def _read(
    read: Read, chunk: _Chunk, first: int, most_rejects: int, start: int = 0, end: int | None = None
) -> Batch:
    """Reads a chunk, or some objects of it; one for which memory does not suffice is an error.

    Args:
        first: Index of the chunk's first object.
    """
    end = len(chunk.texts) if end is None else end
    try:
        return read(chunk.texts[start:end], first + start, most_rejects)
    except OUT_OF_MEMORY as error:
        if end - start < 2:
            key = key_of(chunk.lines[start])
            chunk.errors.append((chunk.parts[start], ObjectError(key, why_too_much(error))))
            nothing = read([], 0, 0)
            nothing.rejects = error.rejects if isinstance(error, TooMuch) else nothing.rejects
            return nothing
    # Not in the handler: the error holds on to what was made till then.
    middle = (start + end) // 2
    batch = _read(read, chunk, first, most_rejects, start, middle)
    batch.most_rejects = sys.maxsize
    batch.add(_read(read, chunk, first, most_rejects, middle, end))
    return batch


def why_too_much(error: BaseException) -> str:
    """What is too much for the memory there is, or may be used, and what to do."""
    if isinstance(error, (TooMuch, OutOfMemory)):
        return str(error)
    said = (str(error) or type(error).__name__).splitlines()[0]
    return f"there is not enough memory for it ({said}); deliver less in one, or give it more"


def _most_frequent(names: Counter[str], most: int) -> Counter[str]:
    """So many of the names, and how many more there are."""
    if len(names) <= most:
        return names
    left_out = names.pop(LEFT_OUT, 0)
    ranked = sorted(names.items(), key=lambda item: (-item[1], item[0]))
    return Counter(dict(ranked[:most]) | {LEFT_OUT: left_out + max(len(ranked) - most, 0)})


def in_groups(parts: Sequence[Part], group_bytes: int) -> Iterator[list[Part]]:
    """Parts in groups of about so many unpacked bytes, at least one part each."""
    group: list[Part] = []
    size = 0
    for part in parts:
        more = _unpacked_size(part)
        if group and size + more > group_bytes:
            yield group
            group, size = [], 0
        group.append(part)
        size += more
    if group:
        yield group


def first_of(errors: Sequence[ObjectError]) -> str:
    """The first objects that could not be read, and how many more there are."""
    shown = "; ".join(map(str, errors[:_FIRST]))
    more = len(errors) - _FIRST
    return shown + (f"; and {count(more, 'more object')}" if more > 0 else "")


def _unpacked_size(part: Part) -> int:
    """About how many bytes a part's objects hold, packed ones unpacked."""
    return sum(o.size * (_GZIP_GIVES if is_packed(o.key) else 1) for o in part.objects)


def _chunks(
    store: ObjectStore, objects: Iterable[tuple[str, str]], bounds: Bounds
) -> Iterator[_Chunk]:
    """Objects as they are read, so many at once as are worth parsing together."""
    lines: list[str] = []
    parts: list[str] = []
    for line, part in objects:
        lines.append(line)
        parts.append(part)
    chunk = _Chunk()
    held = 0
    read = store.read(Objects(lines), bounds)
    for line, part, (_, data) in zip(lines, parts, read, strict=True):
        if isinstance(data, ObjectError):
            chunk.errors.append((part, data))
            continue
        chunk.lines.append(line)
        chunk.parts.append(part)
        chunk.texts.append(data)
        held += len(data)
        if held >= _PARSED_AT_ONCE or len(chunk.lines) == _OBJECTS_AT_ONCE:
            yield chunk
            chunk, held = _Chunk(), 0
    if chunk.lines or chunk.errors:
        yield chunk


def _ahead(chunks: Iterator[_Chunk]) -> Iterator[_Chunk]:
    """The same; the next one is made while a caller works on this one."""
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, chunks, None)
            yield chunk
