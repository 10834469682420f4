"""Objects read and judged, ready to be staged: everything that can be done before a transaction.

What belongs here: reading objects through a store and a reader, counting per object. What does not:
the warehouse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject, is_packed
from sparkify_dagster.lake.reader import Batch, Reject
from sparkify_dagster.lake.store import ObjectStore

Read = Callable[[Sequence[bytes], int], Batch]
_Chunk = list[tuple[str, LakeObject, bytes | ObjectError]]

_PARSED_AT_ONCE = 32_000_000
"""Bytes: enough to keep all threads busy; while they are parsed, as many more are read."""
_OBJECTS_AT_ONCE = 16_384
"""Likewise, of small ones."""
_GZIP_GIVES = 10
"""Bytes of text for each byte of a gzip file, about; of logs it is 8 to 12."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Records by object: `rows` accepted, `rejects` rejected; an integer for each object."""

    rows: np.ndarray
    rejects: np.ndarray

    @property
    def records(self) -> np.ndarray:
        """All of them."""
        total: np.ndarray = self.rows + self.rejects
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
    """

    objects: list[LakeObject]
    parts: list[str]
    batch: Batch
    errors: list[tuple[str, ObjectError]] = field(default_factory=list)

    def counts(self) -> Counts:
        """Records of each object, in their order."""
        held = self.batch.rows["object"].to_numpy()
        rejected = np.array([reject.object for reject in self.batch.rejects], dtype=np.int64)
        objects = len(self.objects)
        return Counts(
            np.bincount(held, minlength=objects), np.bincount(rejected, minlength=objects)
        )

    def unknown_of(self, part: str) -> dict[str, int]:
        """Unknown fields among a part's records, with how many had them."""
        found: Counter[str] = Counter()
        for (index, name), records in self.batch.unknown.items():
            if self.parts[index] == part:
                found[name] += records
        return dict(found)

    def only(self, parts: set[str]) -> Prepared:
        """The same with just the objects of some parts, numbered anew."""
        if parts >= set(self.parts):
            return self
        kept = np.array([part in parts for part in self.parts], dtype=bool)
        number = np.cumsum(kept, dtype=np.int32) - 1
        held = self.batch.rows["object"].to_numpy()
        rows = self.batch.rows.set_column(
            self.batch.rows.column_names.index("object"),
            "object",
            pa.array(number[held], pa.int32()),
        )
        batch = Batch(
            rows.filter(pa.array(kept[held])),
            [
                replace(reject, object=int(number[reject.object]))
                for reject in self.batch.rejects
                if kept[reject.object]
            ],
            Counter(
                {
                    (int(number[i]), name): n
                    for (i, name), n in self.batch.unknown.items()
                    if kept[i]
                }
            ),
        )
        chosen = [i for i, keep in enumerate(kept) if keep]
        return Prepared(
            [self.objects[i] for i in chosen], [self.parts[i] for i in chosen], batch, self.errors
        )


def prepare(
    store: ObjectStore,
    read: Read,
    objects: Iterable[tuple[str, LakeObject]],
    on_read: Callable[[int], None] = lambda _: None,
) -> Prepared:
    """Reads objects, and parses them while the next ones are being read.

    Args:
        objects: Each with the part it belongs to.
        on_read: Told now and then how many more objects were read.
    """
    prepared = Prepared([], [], read([], 0))
    for chunk in _ahead(_chunks(_read(store, objects))):
        good = chunk
        if bad := [(part, data) for part, _, data in chunk if isinstance(data, ObjectError)]:
            prepared.errors += bad
            good = [told for told in chunk if not isinstance(told[2], ObjectError)]
        parts, items, texts = zip(*good, strict=True) if good else ((), (), ())
        prepared.batch.add(read(texts, len(prepared.objects)))
        prepared.objects += items
        prepared.parts += parts
        on_read(len(chunk))
    return prepared


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


def rejects_of(prepared: Prepared, part: str) -> list[Reject]:
    """The rejects of one part."""
    return [r for r in prepared.batch.rejects if prepared.parts[r.object] == part]


def _unpacked_size(part: Part) -> int:
    """About how many bytes a part's objects hold, packed ones unpacked."""
    return sum(o.size * (_GZIP_GIVES if is_packed(o.key) else 1) for o in part.objects)


def _read(
    store: ObjectStore, objects: Iterable[tuple[str, LakeObject]]
) -> Iterator[tuple[str, LakeObject, bytes | ObjectError]]:
    """The bytes of each object, or why not, with its part."""
    wanted = list(objects)
    told = store.read([item for _, item in wanted])
    for (part, _), (item, data) in zip(wanted, told, strict=True):
        yield part, item, data


def _chunks(told: Iterable[tuple[str, LakeObject, bytes | ObjectError]]) -> Iterator[_Chunk]:
    chunk: _Chunk = []
    held = 0
    for part, item, data in told:
        chunk.append((part, item, data))
        held += 0 if isinstance(data, ObjectError) else len(data)
        if held >= _PARSED_AT_ONCE or len(chunk) == _OBJECTS_AT_ONCE:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _ahead(chunks: Iterator[_Chunk]) -> Iterator[_Chunk]:
    """The same; the next one is made while a caller works on this one."""
    with ThreadPoolExecutor(1, "ahead") as pool:
        coming = pool.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, chunks, None)
            yield chunk
