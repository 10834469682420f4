"""Change is a digest, not a time: what differs between the lake and what was loaded.

Pure functions of listings and recorded digests. No times are compared, nothing is remembered
outside the warehouse.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sparkify_dagster.lake.objects import LINKED, LakeObject, Objects, key_of, line_of

NOTHING = "empty"
"""The digest of a part without objects, whatever the code or the JSONPaths."""

CATALOGUE_PARTS = 64


@dataclass(frozen=True, slots=True)
class Part:
    """A unit of change: a log day, or a part of the song catalogue.

    Attributes:
        name: The day as `YYYY-MM-DD`, or the part's number as two hex digits.
        objects: By key.
        digest: Differs when anything that decides the part's rows differs.
    """

    name: str
    objects: Objects
    digest: str

    @property
    def size(self) -> int:
        """Bytes as stored in the lake."""
        return self.objects.bytes


@dataclass(frozen=True, slots=True)
class ObjectChanges:
    """What must be done to bring one part's rows up to date, object by object."""

    read: Objects
    gone: list[str] = field(default_factory=list)


def digest(objects: Iterable[LakeObject], context: str) -> str:
    """Digest of a set of objects, whatever their order, and of what else decides their rows."""
    lines = sorted(Objects.of(objects).lines)
    if not lines:
        return NOTHING
    return hashlib.sha256(
        "\n".join([context, *lines]).encode("utf-8", "surrogateescape")
    ).hexdigest()


def make_parts(groups: Mapping[str, Iterable[LakeObject]], context: str) -> dict[str, Part]:
    """Parts by name, from objects by name."""
    held = {name: Objects(sorted(Objects.of(items).lines)) for name, items in groups.items()}
    return {name: Part(name, items, digest(items, context)) for name, items in held.items()}


def with_links(part: Part, links: Iterable[str]) -> Part:
    """The part with links that are not followed as objects, so that it is tried, and fails."""
    unread = [line_of(f"{link}/", 0, LINKED) for link in sorted(links)]
    objects = Objects([*part.objects.lines, *unread])
    return Part(part.name, objects, digest(objects, part.digest))


def objects_in(parts: Iterable[Part]) -> int:
    """How many objects some parts have in all."""
    return sum(len(part.objects) for part in parts)


def empty_part(name: str) -> Part:
    """A part that has no object, or none any more."""
    return Part(name, Objects([]), NOTHING)


def catalogue_parts(objects: Iterable[LakeObject]) -> dict[str, Objects]:
    """Song objects cut into parts by their key, however keys are laid out."""
    groups: list[list[str]] = [[] for _ in range(CATALOGUE_PARTS)]
    for line in Objects.of(objects).lines:
        number = zlib.crc32(key_of(line).encode("utf-8", "surrogateescape")) % CATALOGUE_PARTS
        groups[number].append(line)
    return {f"{number:02x}": Objects(lines) for number, lines in enumerate(groups) if lines}


def changed_parts(lake: Mapping[str, Part], loaded: Mapping[str, str]) -> list[Part]:
    """The parts whose digest differs from what was loaded, vanished ones included, by name.

    Args:
        loaded: Digest of each part as it was last published.
    """
    present = [part for name, part in lake.items() if loaded.get(name, NOTHING) != part.digest]
    vanished = [
        empty_part(name)
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
    listed = Objects.of(objects)
    if not loaded:
        return ObjectChanges(listed)
    known = {line_of(key, *told) for key, told in loaded.items()}
    present = set(map(key_of, listed.lines))
    return ObjectChanges(
        Objects([line for line in listed.lines if line not in known]),
        [key for key in loaded if key not in present],
    )
