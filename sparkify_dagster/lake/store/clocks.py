"""The clocks that file systems stamp changes with: from when on the next change looks different.

What belongs here: which clock it was, decided from what is seen, and waiting for it. What a stamp
is good for is `folder`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

_SECOND = 1_000_000_000
_COARSE_CLOCK = 5
"""Linux's `CLOCK_REALTIME_COARSE`, for which Python has no name."""
_BY_TICKS = frozenset({"bcachefs", "btrfs", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "xfs"})
"""File systems of this machine whose files Linux stamps with that clock, or a finer one."""
_MOUNTS = "/proc/self/mountinfo"
_ESCAPES = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock, and how far it may lie from what stamps changes.

    Attributes:
        now: Gives its time in nanoseconds of the epoch.
        settling: Nanoseconds after a change in which another may get the same stamp.
    """

    now: Callable[[], int]
    settling: int

    def settled(self) -> int:
        """Each later change gets another stamp than those that are smaller than this."""
        return self.now() - self.settling

    def wait_for(self, stamp: int) -> None:
        """Waits until a stamp counts as settled; not where it lies in the future."""
        while 0 <= (left := stamp - self.settled()) <= max(self.settling, _SECOND):
            time.sleep(left / _SECOND + 0.001)


WALL = Clock(time.time_ns, 2 * _SECOND)
"""For every file system: the coarsest, FAT, stamps every two seconds."""


def _last_tick() -> int:
    try:
        return time.clock_gettime_ns(_COARSE_CLOCK)
    except OSError:  # No Linux: nothing is settled by this clock.
        return 0


TICKS = Clock(_last_tick, 0)
"""The kernel's own, which moves on every few milliseconds: what it stamps from now on is never
smaller than what it shows."""


def clock_of(youngest: int, places: Collection[str], mounts: str | None = None) -> Clock:
    """The clock that files are stamped with.

    Args:
        youngest: The latest stamp, in nanoseconds of the epoch. One of whole seconds comes from a
            file system that keeps no more: ext4 with small inodes.
        places: A folder in each of the file systems they lie in, as it really lies.
        mounts: See `kind_of`; None: this system's.
    """
    if not (TICKS.now() and youngest % _SECOND):
        return WALL
    mounts = _read_mounts() if mounts is None else mounts
    return TICKS if all(kind_of(place, mounts) in _BY_TICKS for place in places) else WALL


def kind_of(place: str, mounts: str) -> str:
    """The type of the file system that a folder lies in; blank where that is not known.

    Args:
        mounts: Lines as in `/proc/self/mountinfo`; of several at one point the last is seen.
    """
    longest, kind = -1, ""
    for line in mounts.splitlines():
        here, _, there = line.partition(" - ")
        fields = here.split(" ")
        point = fields[4].rstrip("/") if len(fields) > 4 else "?"
        for escape, char in _ESCAPES.items():
            point = point.replace(escape, char)
        if f"{place}/".startswith(f"{point}/") and len(point) >= longest:
            longest, kind = len(point), there.partition(" ")[0]
    return kind


def _read_mounts() -> str:
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
