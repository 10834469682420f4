"""Deciding when to load by itself: what changed, what is running, what failed and how often.

Pure functions of what was seen and what is remembered. What belongs here: the decisions of the
sensor and their memory (its cursor). Looking and asking Dagster is `sensors`'.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import ConfigDict

from sparkify_dagster.defs.sensors.cursor import read_cursor
from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.notifications import Notified
from sparkify_dagster.lake.snapshot import Snapshot

CURSOR_VERSION = 1
_SHORT = 12
OBSERVED_AT_ONCE = 200
"""Days told to Dagster in one tick: each is an event to store, and a tick has a minute."""

RunState = Literal["running", "success", "failure", "canceled", "lost"]
"""`lost`: it was ended because its process was gone."""


@dataclass(frozen=True, slots=True)
class LakeState:
    """The lake at one moment, as little of it as tells one state from another.

    Attributes:
        days: Digest of each log day, cut short.
        songs: Digest of the whole catalogue.
        known: Its state, where only that is known.
        documents: What the documents of aliases and of forgotten people say.
    """

    days: Mapping[str, str]
    songs: str
    known: str = ""
    documents: str = ""

    @property
    def state(self) -> str:
        """Differs when anything that could be loaded differs."""
        days = (f"{day} {digest}" for day, digest in sorted(self.days.items()))
        lines = [f"{self.songs}{self.documents}", *days]
        return self.known or _digest(lines)


def seen(snapshot: Snapshot) -> LakeState:
    """What a listing of the lake comes down to."""
    songs = (f"{name} {part.digest}" for name, part in sorted(snapshot.songs.items()))
    return LakeState(
        {name: part.digest[:_SHORT] for name, part in snapshot.days.items()},
        _digest(songs),
        documents="".join(
            token
            for token in (snapshot.aliases.token, snapshot.forgotten.token)
            if token != NOTHING
        ),
    )


@dataclass(frozen=True, slots=True)
class SensorCursor:
    """What the sensor remembers between ticks: its cursor.

    Attributes:
        state: The state of the lake that was dealt with last.
        request: Names the run asked for because of it; blank when none was needed.
        days: The digest with which each day was told to Dagster; `songs` likewise.
        listed: When the lake was listed last, in seconds of the epoch.
        dirty: Something happened in the lake that was not dealt with yet.
        receipts: Messages that have been dealt with, once this is remembered.
        given_up: How many parts of the lake, as it was then, failed too often to be tried again.
    """

    state: str = ""
    request: str = ""
    days: Mapping[str, str] = field(default_factory=dict)
    songs: str = ""
    listed: float = 0.0
    dirty: bool = False
    receipts: tuple[str, ...] = ()
    given_up: int = 0
    version: int = CURSOR_VERSION
    __pydantic_config__ = ConfigDict(extra="forbid")

    def text(self) -> str:
        """As a cursor."""
        return json.dumps(asdict(self))


def remembered(cursor: str | None) -> SensorCursor:
    """The memory in a cursor; an empty one for a cursor of another version, or for no cursor.

    Nothing is lost with it: the lake is then compared with the warehouse as on the first day.
    """
    memory = read_cursor(SensorCursor, cursor)
    return memory if memory and memory.version == CURSOR_VERSION else SensorCursor()


def apply_events(memory: SensorCursor, told: Notified) -> SensorCursor:
    """The memory after what a queue has told.

    The receipts are kept: a message is deleted only when it is sure that what came of it is
    remembered. A message that comes twice costs a listing and nothing else.
    """
    return replace(memory, dirty=memory.dirty or told.ours, receipts=told.dealt)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failed loads are tried again.

    Attributes:
        attempts: How often in all, before it takes a change of the lake or a person.
        pause: Seconds before the second try; doubled for each one after.
    """

    attempts: int = 3
    pause: float = 60

    def wait(self, tried: int) -> float:
        """Seconds to wait after so many tries."""
        return self.pause * 2.0 ** min(tried - 1, 20)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was asked for: how it stands, and how long ago it ended, in seconds."""

    state: RunState
    ended_ago: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What a tick comes to.

    Attributes:
        ask: Ask for a run, the so-manieth try for this state of the lake; 0: none.
        look: Ask the warehouse first whether anything is to be loaded.
        why: In a sentence, for whoever reads the ticks.
    """

    why: str
    ask: int = 0
    look: bool = False


def must_list(
    memory: SensorCursor, runs: Sequence[Run], patience: RetryPolicy, clock: float, every: float
) -> bool:
    """Whether to list the lake where events tell of its changes.

    Args:
        runs: Those asked for because of the remembered state.
        clock: The time, in seconds of the epoch.
        every: Seconds after which it is listed whatever the events say.
    """
    overdue = not memory.listed <= clock < memory.listed + every
    again = bool(runs) and decide(LakeState({}, "", memory.state), memory, runs, patience).ask > 0
    unbegun = bool(memory.request) and not runs
    return memory.dirty or not memory.state or overdue or again or unbegun


def no_events(told: Notified) -> str:
    """Why a look is not needed, for whoever reads the ticks."""
    strange = f"; {told.foreign} messages in the queue are not about it" if told.foreign else ""
    return f"no events of the lake{strange}"


def decide(
    now: LakeState, memory: SensorCursor, runs: Sequence[Run], patience: RetryPolicy
) -> Decision:
    """What is to be done about the lake as it is now.

    Args:
        runs: Those asked for because of the remembered state.
    """
    if any(run.state == "running" for run in runs):
        return Decision("a load is running; what changed meanwhile is loaded after it")
    if now.state != memory.state:
        return Decision("the lake has changed", look=True)
    if not memory.request:
        return Decision(f"nothing new in the lake{_left_alone(memory.given_up)}")
    if not runs:
        return Decision("the load that was asked for never began", ask=1)
    last = min(runs, key=lambda run: run.ended_ago)
    if last.state == "success":
        return Decision("nothing new in the lake")
    if last.state == "canceled":
        return Decision("somebody ended the last load; the next change, or `sparkify etl`, loads")
    lost = sum(run.state == "lost" for run in runs)
    # The first is a power cut, say; one that is lost each time may be what ends its process.
    tried = len(runs) - min(lost, 1)
    if last.state == "lost" and lost == 1 and tried < patience.attempts:
        return Decision("the last load's process was gone; it is loaded again", ask=len(runs) + 1)
    if tried >= patience.attempts:
        return Decision(
            f"the load failed {tried} times: gave up until the lake changes or somebody loads "
            "(`sparkify status` says why it failed)"
        )
    wait = patience.wait(max(tried, 1))
    left = wait - last.ended_ago
    if 0 < left <= wait:  # More: the clock went back, and a wait has no end.
        return Decision(f"the load failed; tried again in {left:.0f} s")
    return Decision("the load failed and is tried again", ask=len(runs) + 1)


def held_back(loaded: float, every: float, clock: float) -> str:
    """Why nothing is loaded by itself yet; blank where it may be.

    Args:
        loaded: When the last load ended, in seconds of the epoch; 0: never.
        every: Seconds from then to the next, at least.
        clock: The time; if it went back to before the last load, nothing is waited for.
    """
    if not loaded <= clock < loaded + every:
        return ""
    then = datetime.fromtimestamp(loaded + every, UTC)
    return f"the next load is not before {then:%Y-%m-%d %H:%M:%S} UTC ([SENSOR] LOAD_EVERY)"


def nothing_due(given_up: int) -> str:
    """Why nothing is loaded though the warehouse was asked.

    Args:
        given_up: How many parts of the lake failed too often to be tried again by themselves.
    """
    if given_up:
        return f"nothing to load{_left_alone(given_up)}"
    return "the warehouse holds what the lake holds"


def _left_alone(given_up: int) -> str:
    if not given_up:
        return ""
    return (
        f" but {given_up} that failed too often; `sparkify status` says which, "
        "`sparkify retry` tries again"
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """What Dagster does not know yet of the lake.

    Attributes:
        days: Digest of each log day that changed; blank for one that is gone.
        songs: Digest of the catalogue if it changed, else blank.
    """

    days: Mapping[str, str]
    songs: str


def to_observe(now: LakeState, memory: SensorCursor) -> tuple[Changes, SensorCursor]:
    """What is news to Dagster, a bounded number of days at once, and the memory of having told."""
    days = {day: digest for day, digest in now.days.items() if memory.days.get(day) != digest}
    days |= {day: "" for day, known in memory.days.items() if known and day not in now.days}
    told = dict(sorted(days.items())[:OBSERVED_AT_ONCE])
    news = Changes(told, now.songs if now.songs != memory.songs else "")
    return news, replace(memory, days={**memory.days, **told}, songs=now.songs)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_SHORT]
