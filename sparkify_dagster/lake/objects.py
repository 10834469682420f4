"""What an object of the lake is, which keys count, and which log day a key belongs to.

Pure functions of keys; the stores (`folder`) do the listing. Rules: data contract, "The lake".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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


class Aside(NamedTuple):
    """What a listing shows and nobody reads.

    Attributes:
        others: How many keys have an ending that no data has.
        example: The first of them.
        links: Links that are not followed, as they lead nowhere, out or back, by key; folders that
            cannot be listed, too.
    """

    others: int = 0
    example: str = ""
    links: tuple[str, ...] = ()


_NOTHING = Aside()


class Objects(Sequence[LakeObject]):
    """Objects of a listing, each held as one text: a third of the memory of a tuple of values.

    Attributes:
        lines: Key, size and token of each with a NUL between them; in order when the keys are.
        aside: What the listing shows besides.
    """

    __slots__ = ("aside", "lines")

    def __init__(self, lines: list[str], aside: Aside = _NOTHING) -> None:
        self.lines = lines
        self.aside = aside

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
    """A range of log days, both ends included; `last` None is open."""

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

    def until(self, today: date, latest: str = "") -> DayRange:
        """The same, ended where it is open: today, or with the latest day ever published.

        Whichever is later, so that a clock that went back takes nothing out.
        """
        if self.last is not None:
            return self
        return DayRange(self.first, max(today, date.fromisoformat(latest or str(today))))


EVERY_DAY = DayRange(date.min)
LINKED = "@"
"""Begins the token of a file that a link leads to."""
NOT_FOLLOWED = (
    "a link that is not followed, as it leads nowhere, out of this folder or round in it: bring "
    "back what it leads to, put that in its place, or set [S3] FOLLOW_LINKS"
)

NOT_LISTED = "a folder that cannot be listed: let this account read it, or move it less deep"


def is_unfollowed(key: str) -> bool:
    """Whether a key stands for all that lies below a link to a folder that is not followed."""
    return key.endswith("/")


_DAY_IN_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_IN_PATH = re.compile(r"(?:^|/)([0-9]{4})/([0-9]{2})/([0-9]{2})/")


def endings_of(text: str) -> tuple[str, ...]:
    """The endings of data, lower case, each with and without `.gz`, from a list; `*`: any."""
    words = text.lower().replace(",", " ").split()
    if words == ["*"]:
        return ("",)
    return tuple(word + packed for word in words for packed in ("", ".gz"))


ENDINGS = ".json .jsonl .ndjson"
DATA_ENDINGS = endings_of(ENDINGS)


def is_ignored(key: str) -> bool:
    """Whether a key below the prefix is none of our business: a marker, or hidden on its path."""
    return not key or key[0] in "._" or key[-1] == "/" or "/." in key or "/_" in key


def is_data_key(key: str, endings: tuple[str, ...] = DATA_ENDINGS) -> bool:
    """Whether a key below the prefix is data by its ending, in any case, and by its path."""
    return key.lower().endswith(endings) and not is_ignored(key)


def is_packed(key: str) -> bool:
    """Whether an object is a gzip file, which its key tells."""
    return key[-3:].lower() == ".gz"


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


def not_yet(day: date, today: date) -> str:
    """Why a day after the open end of the range is not loaded."""
    if day - today == timedelta(days=1):
        return f"{day} has not begun in UTC: it loads by itself when it has"
    return (
        f"{day} lies in the future by this machine's clock, which says {today} in UTC: is its name "
        "wrong, or the clock? It loads by itself when its day comes"
    )


def by_day(
    objects: Iterable[LakeObject], days: DayRange
) -> tuple[dict[str, Objects], list[Unroutable]]:
    """Log objects grouped by day (`YYYY-MM-DD`), and those that have none."""
    routed: dict[str, list[str]] = {}
    unroutable: list[Unroutable] = []
    for line in Objects.of(objects).lines:
        day = log_day(key_of(line), days)
        if isinstance(day, str):
            unroutable.append(Unroutable(key_of(line), day))
        else:
            routed.setdefault(day.isoformat(), []).append(line)
    return {day: Objects(lines) for day, lines in routed.items()}, unroutable
