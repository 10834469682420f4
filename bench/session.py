"""One session of measurements: contenders in turn, results compared, time kept.

What belongs here: how a measurement is taken and when it counts. A contender whose tables are not
those of the floor is named, and its time is not.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.contenders.lake import platform_variables
from bench.entrants import ENTRANTS
from bench.lakes import Lakes, Size
from bench.measure import ROOT, ChildFailed, Taken, run

_LEAST = 3.0
"""Seconds that must be left for a child to be started at all."""
_ENOUGH = 60.0
"""A contender slower than this many seconds is measured once."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured.

    Attributes:
        kind: A key of `_KINDS`.
        base: The contender the others are held against.
    """

    kind: str
    size: Size
    base: str = "floor"

    @property
    def title(self) -> str:
        """The case in words."""
        return f"{_KINDS[self.kind]}: {self.size}"


_KINDS = {
    "load": "full load",
    "songs": "many song files",
    "day": "one new day on",
    "song": "one changed song on",
    "start": "start-up, nothing to do on",
    "tick": "sensor tick over",
    "frame": "a data frame of all staged events of",
    "shape": "made to do harm",
    "rebuild": "star and marts alone, and what stands around a load, on",
    "new day": "followed: from a new day in the lake until all tables show it, on",
    "song overwritten": "followed: from a song that is overwritten until all tables show it, on",
    "log deleted": "followed: from a log file that is deleted until all tables show it, on",
}
FOLLOWED = ("new day", "song overwritten", "log deleted")
"""The kinds that are measured of who follows a lake, which are what happens to it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One measurement that counts."""

    case: Case
    contender: str
    taken: Taken


@dataclass(slots=True)
class Session:
    """Where measurements are taken and kept.

    Attributes:
        pythons: The Python of the platform and that of the peers.
        begun: When the session began, by the monotonic clock.
        seconds: How long it may take.
        notes: What was left out, and why.
    """

    folder: Path
    pythons: Mapping[str, str]
    begun: float
    seconds: float
    lakes: Lakes
    records: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _share: float = 1.0
    _numbers: int = 0

    def until(self, share: float) -> None:
        """Lets what follows use the time up to this share of the whole: others come after it."""
        self._share = share

    def left(self) -> float:
        """Seconds that are left for what is under way."""
        return self.begun + self.seconds * self._share - time.monotonic()

    def new_folder(self) -> Path:
        """A folder that is not there yet."""
        self._numbers += 1
        return self.folder / f"out-{self._numbers}"

    def rounds(self, case: Case, contenders: Sequence[str], repeats: int) -> None:
        """Measures full loads, all contenders in turn, again and again; slow ones once."""
        lake = self.lake_of(case)
        if lake is None:
            return
        wanted: dict[str, list[str]] | None = None
        walls: dict[str, float] = {}
        for turn in range(repeats):
            for name in contenders:
                # Again only who got to the end, is not slow, and will be ready in time.
                before = walls.get(name, _ENOUGH)
                if turn and (before >= _ENOUGH or 1.5 * before + _LEAST > self.left()):
                    continue
                out = self.new_folder()
                taken = self.child(case, name, lake, out)
                if taken is not None:
                    walls[name] = taken.wall
                    made = self.fingerprint(out)
                    wanted = wanted or made
                    self.keep(case, name, taken, made, wanted)
                shutil.rmtree(out, ignore_errors=True)

    def lake_of(self, case: Case) -> Path | None:
        """The lake of a case; None, and a note, when there is no time to make it."""
        if not self.lakes.has(case.size) and case.size.making > self.left():
            self.note(case, "all", "not run: out of time")
            return None
        return self.lakes.get(case.size)

    def child(self, case: Case, name: str, lake: Path, out: Path) -> Taken | None:
        """Runs a contender; None, and a note, when it did not get to its end."""
        entrant = ENTRANTS[name]
        variables = platform_variables(lake, out) if not entrant.module else {}
        words = entrant.words(self.pythons, lake, out)
        return self.program(case, name, words, out, variables | dict(entrant.settings))

    def program(
        self,
        case: Case,
        name: str,
        words: Sequence[str],
        out: Path,
        variables: Mapping[str, str] | None = None,
    ) -> Taken | None:
        """Runs any program; None, and a note, when it did not get to its end."""
        if self.left() < _LEAST:
            self.note(case, name, "not run: out of time")
            return None
        try:
            return run(words, out, self.left(), variables)
        except ChildFailed as error:
            self.note(case, name, str(error))
            return None

    def keep(
        self,
        case: Case,
        name: str,
        taken: Taken,
        made: Mapping[str, Any] | None,
        wanted: Mapping[str, Any] | None,
    ) -> None:
        """Counts a measurement if the tables are what they must be."""
        if made is None or wanted is None or made != wanted:
            different = [
                table for table in wanted or {} if (made or {}).get(table) != wanted[table]
            ]
            self.note(case, name, f"does not count: other rows in {', '.join(different) or 'all'}")
            return
        self.records.append(Record(case, name, taken))
        print(f"  {name}: {taken.seconds:.2f} s, {taken.peak_mb:.0f} MB", file=sys.stderr)

    def fingerprint(self, out: Path) -> dict[str, list[str]] | None:
        """What stands in the five tables; None where they cannot be read."""
        words = [self.pythons["peers"], "-m", "bench.fingerprint", str(out)]
        try:
            return run(words, ROOT, 120).told
        except ChildFailed as error:
            self.notes.append(f"{out.name}: the tables cannot be read: {error}")
            return None

    def note(self, case: Case, name: str, why: str) -> None:
        """Keeps why something was left out."""
        said = f"{case.title}: {name}: {why}"
        if said not in self.notes:
            self.notes.append(said)
        print(f"  {name}: {why}", file=sys.stderr)

    def plain(self) -> list[dict[str, Any]]:
        """The measurements as plain values."""
        return [
            {
                "kind": record.case.kind,
                "case": record.case.title,
                **asdict(record.case.size),
                "contender": record.contender,
                **asdict(record.taken),
            }
            for record in self.records
        ]
