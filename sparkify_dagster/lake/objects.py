"""What an object of the lake is, which keys count, and which log day a key belongs to.

Pure functions of keys; the stores (`folder`) do the listing. Rules: data contract, "The lake".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, overload


class LakeObject(NamedTuple):
    """One object as a listing shows it.

    Attributes:
        key: Its path below the configured prefix, parts joined by `/`.
        size: Bytes, as stored (compressed size of a `.gz`).
        token: Version token; differs whenever the bytes may differ. Compared for equality only.
    """

    key: str
    size: int
    token: str


class Objects(Sequence[LakeObject]):
    """Objects of a listing, each held as one text: a third of the memory of a tuple of values.

    Attributes:
        lines: Key, size and token of each with a NUL between them; in order when the keys are.
    """

    __slots__ = ("lines",)

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    @classmethod
    def of(cls, objects: Iterable[LakeObject]) -> Objects:
        """The same objects, so held."""
        if isinstance(objects, Objects):
            return objects
        return cls([line_of(item.key, item.size, item.token) for item in objects])

    @property
    def bytes(self) -> int:
        """What they hold, as stored."""
        return sum(int(line.rsplit("\0", 2)[1]) for line in self.lines)

    @overload
    def __getitem__(self, at: int) -> LakeObject: ...

    @overload
    def __getitem__(self, at: slice) -> Objects: ...

    def __getitem__(self, at: int | slice) -> LakeObject | Objects:
        if isinstance(at, slice):
            return Objects(self.lines[at])
        return object_of(self.lines[at])

    def __iter__(self) -> Iterator[LakeObject]:
        return map(object_of, self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Objects) and self.lines == other.lines

    def __repr__(self) -> str:
        return f"Objects({list(self)!r})"


def line_of(key: str, size: int, token: str) -> str:
    """An object as one text."""
    return f"{key}\0{size}\0{token}"


def object_of(line: str) -> LakeObject:
    """The object of a text that `line_of` has made."""
    key, size, token = line.rsplit("\0", 2)
    return LakeObject(key, int(size), token)


def key_of(line: str) -> str:
    """The key of such a text alone."""
    return line.rsplit("\0", 2)[0]


class Unroutable(NamedTuple):
    """An object no log day could be found for, with what to do about it."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class DayRange:
    """The log days that are loaded, both ends included; `last` None is open."""

    first: date
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)

    @classmethod
    def parse(cls, first: str, last: str) -> DayRange:
        """A range from two texts `YYYY-MM-DD`; a blank one leaves that end open.

        Raises:
            ValueError: One is no date, or they stand the wrong way round.
        """
        start = date.fromisoformat(first) if first else date.min
        end = date.fromisoformat(last) if last else None
        if end is not None and end < start:
            raise ValueError(f"the range of days is reversed: {first} is after {last}")
        return cls(start, end)


LINKED = "@"
"""Begins the token of a file that a link leads to."""
NOT_FOLLOWED = (
    "a link that is not followed, as it leads out of this folder or round in it: put what it "
    "leads to in its place, or set [S3] FOLLOW_LINKS"
)


def is_unfollowed(key: str) -> bool:
    """Whether a key stands for all that lies below a link to a folder that is not followed."""
    return key.endswith("/")


_DAY_IN_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_IN_PATH = re.compile(r"(?:^|/)([0-9]{4})/([0-9]{2})/([0-9]{2})/")


def is_data_key(key: str) -> bool:
    """Whether a key below the prefix is data: `.json` or `.json.gz`, nothing hidden on its path."""
    if not key.endswith((".json", ".json.gz")):
        return False
    return not (key[0] in "._" or "/." in key or "/_" in key)


def is_packed(key: str) -> bool:
    """Whether an object is a gzip file, which its key tells."""
    return key.endswith(".gz")


def log_day(key: str, days: DayRange) -> date | str:
    """The log day of an object, or the reason why it has none.

    The day is the first `YYYY-MM-DD` in the file name, else `YYYY/MM/DD` as whole segments of the
    path below the prefix.
    """
    name = key.rpartition("/")[2]
    if found := _DAY_IN_NAME.search(name):
        text = found.group()
    elif path := _DAY_IN_PATH.search(key):
        text = "-".join(path.groups())
    else:
        return "no day in its name or path: name it YYYY-MM-DD….json or put it under YYYY/MM/DD/"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return f"{text} is no calendar date: rename the object"
    if day < days.first:
        return f"{day} is before the first day, {days.first}: change [DAYS] FIRST to load it"
    if day not in days:
        return f"{day} is after the last day, {days.last}: change [DAYS] LAST to load it"
    return day


def by_day(
    objects: Iterable[LakeObject], days: DayRange
) -> tuple[dict[str, Objects], list[Unroutable]]:
    """Log objects grouped by day (`YYYY-MM-DD`), and those that have none."""
    routed: dict[str, list[str]] = {}
    unroutable: list[Unroutable] = []
    for line in Objects.of(objects).lines:
        key = key_of(line)
        day = NOT_FOLLOWED if is_unfollowed(key) else log_day(key, days)
        if isinstance(day, str):
            unroutable.append(Unroutable(key, day))
        else:
            routed.setdefault(day.isoformat(), []).append(line)
    return {day: Objects(lines) for day, lines in routed.items()}, unroutable
