"""Change is a digest, not a time: what differs between the lake and what was loaded.

Pure functions of listings and recorded digests. No times are compared, nothing is remembered
outside the warehouse.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sparkify_dagster.lake.objects import LakeObject

NOTHING = "empty"
"""The digest of a part without objects, whatever the code or the JSONPaths."""

CATALOGUE_PARTS = 64


@dataclass(frozen=True, slots=True)
class Part:
    """A unit of change: a log day, or a part of the song catalogue.

    Attributes:
        name: The day as `YYYY-MM-DD`, or the part's number as two hex digits.
        digest: Differs when anything that decides the part's rows differs.
    """

    name: str
    objects: tuple[LakeObject, ...]
    digest: str

    @property
    def size(self) -> int:
        """Bytes as stored in the lake."""
        return sum(item.size for item in self.objects)


@dataclass(frozen=True, slots=True)
class ObjectChanges:
    """What must be done to bring one part's rows up to date, object by object."""

    read: list[LakeObject] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def digest(objects: Iterable[LakeObject], context: str) -> str:
    """Digest of a set of objects, whatever their order, and of what else decides their rows."""
    lines = sorted(f"{item.key}\0{item.size}\0{item.token}" for item in objects)
    if not lines:
        return NOTHING
    return hashlib.sha256(
        "\n".join([context, *lines]).encode("utf-8", "surrogateescape")
    ).hexdigest()


def make_parts(groups: Mapping[str, Iterable[LakeObject]], context: str) -> dict[str, Part]:
    """Parts by name, from objects by name."""
    held = {name: tuple(items) for name, items in groups.items()}
    return {name: Part(name, items, digest(items, context)) for name, items in held.items()}


def catalogue_parts(objects: Iterable[LakeObject]) -> dict[str, list[LakeObject]]:
    """Song objects cut into parts by their key, however keys are laid out."""
    groups: list[list[LakeObject]] = [[] for _ in range(CATALOGUE_PARTS)]
    for item in objects:
        number = zlib.crc32(item.key.encode("utf-8", "surrogateescape")) % CATALOGUE_PARTS
        groups[number].append(item)
    return {f"{number:02x}": items for number, items in enumerate(groups) if items}


def changed_parts(lake: Mapping[str, Part], loaded: Mapping[str, str]) -> list[Part]:
    """The parts whose digest differs from what was loaded, vanished ones included, by name.

    Args:
        loaded: Digest of each part as it was last published.
    """
    present = [part for name, part in lake.items() if loaded.get(name, NOTHING) != part.digest]
    vanished = [
        Part(name, (), NOTHING)
        for name, recorded in loaded.items()
        if name not in lake and recorded != NOTHING
    ]
    return sorted([*present, *vanished], key=lambda part: part.name)


def object_changes(
    objects: Iterable[LakeObject], loaded: Mapping[str, tuple[int, str]]
) -> ObjectChanges:
    """Which objects of a part must be read, and which loaded ones are gone from it.

    Args:
        loaded: Size and token of each object as it was last loaded.
    """
    if not loaded:
        return ObjectChanges(read=list(objects))
    present = {item.key: item for item in objects}
    return ObjectChanges(
        read=[i for i in present.values() if loaded.get(i.key) != (i.size, i.token)],
        gone=[key for key in loaded if key not in present],
    )
