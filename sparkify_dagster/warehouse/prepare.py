"""Objects read and judged, ready to be staged: everything that can be done before a transaction.

What belongs here: reading objects through a store and a reader, counting per object. What does not:
the warehouse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject
from sparkify_dagster.lake.reader import Batch, Reject
from sparkify_dagster.lake.store import ObjectStore

Read = Callable[[Sequence[bytes], int], Batch]


@dataclass(frozen=True, slots=True)
class Counts:
    """Records of one object: `rows` accepted, `rejects` rejected."""

    rows: int
    rejects: int

    @property
    def records(self) -> int:
        """All of them."""
        return self.rows + self.rejects


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

    def counts(self) -> list[Counts]:
        """Records of each object, in their order."""
        held = self.batch.rows["object"].to_numpy()
        rows = np.bincount(held, minlength=len(self.objects))
        rejects = Counter(reject.object for reject in self.batch.rejects)
        return [Counts(int(n), rejects[i]) for i, n in enumerate(rows)]

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
    batch_bytes: int,
    on_read: Callable[[int], None] = lambda _: None,
) -> Prepared:
    """Reads objects, a batch of bytes at a time.

    Args:
        objects: Each with the part it belongs to.
        batch_bytes: Unpacked bytes that are parsed at once.
        on_read: Told after each batch how many objects were read in it.
    """
    wanted = list(objects)
    part_of = {item.key: part for part, item in wanted}
    prepared = Prepared([], [], read([], 0))
    for chunk in _chunks(store.read([item for _, item in wanted]), batch_bytes):
        texts: list[bytes] = []
        first = len(prepared.objects)
        for item, data in chunk:
            if isinstance(data, ObjectError):
                prepared.errors.append((part_of[item.key], data))
                continue
            prepared.objects.append(item)
            prepared.parts.append(part_of[item.key])
            texts.append(data)
        prepared.batch.add(read(texts, first))
        on_read(len(chunk))
    return prepared


def in_groups(parts: Sequence[Part], group_bytes: int) -> Iterator[list[Part]]:
    """Parts in groups of about so many bytes as stored, at least one part each."""
    group: list[Part] = []
    size = 0
    for part in parts:
        if group and size + part.size > group_bytes:
            yield group
            group, size = [], 0
        group.append(part)
        size += part.size
    if group:
        yield group


def rejects_of(prepared: Prepared, part: str) -> list[Reject]:
    """The rejects of one part."""
    return [r for r in prepared.batch.rejects if prepared.parts[r.object] == part]


def _chunks(
    read: Iterable[tuple[LakeObject, bytes | ObjectError]], size: int
) -> Iterator[list[tuple[LakeObject, bytes | ObjectError]]]:
    chunk: list[tuple[LakeObject, bytes | ObjectError]] = []
    held = 0
    for item, data in read:
        chunk.append((item, data))
        held += 0 if isinstance(data, ObjectError) else len(data)
        if held >= size:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
