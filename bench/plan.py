"""What is measured, in which order: the quick plan and the full one.

What belongs here: cases and their sizes. How a measurement is taken is `session`'s.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.lakes import Size, World, settle
from bench.session import FOLLOWED, Case, Session
from bench.shapes import lakes_of

OURS = ("engine", "dagster", "etl")
FAST = ("floor", "floor+marts", *OURS, "plain duckdb", "polars", "pandas", "dbt")
SLOW = ("floor", "floor+marts", "engine", "row by row", "dlt", "pyspark")
CHANGERS = (*OURS, "warm")
FOLLOWERS = ("pathway", "watch")
DAY_EVENTS = 30_000
_LOADS, _CHANGES, _FOLLOWED = 0.35, 0.65, 0.85


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of a session.

    Attributes:
        seconds: After how long it stops, whatever is left.
        load: Full loads: size, contenders, repeats.
        later: Full loads that are done last: what is left of the time is theirs.
        songs: Song files for which reading many of them is measured: the first number early, the
            others last of all, as so many do not stay in the system's caches.
        stored: What is stored in the warehouses that a day is added to.
        looked: What is stored where only looking is measured.
        followed: Lakes that somebody follows while they change.
        repeats: How often each contender adds a day, changes a song, finds nothing to do.
        shapes: Measure lakes that were made to do harm.
    """

    seconds: float
    load: tuple[tuple[Size, tuple[str, ...], int], ...]
    later: tuple[tuple[Size, tuple[str, ...], int], ...]
    songs: tuple[int, ...]
    stored: tuple[Size, ...]
    repeats: int
    looked: tuple[Size, ...] = ()
    followed: tuple[Size, ...] = ()
    shapes: bool = False


QUICK = Plan(
    seconds=172,
    load=((Size(100_000, 1_000), FAST, 2),),
    later=((Size(5_000, 500, 5), SLOW, 1),),
    songs=(),
    stored=(Size(100_000, 1_000),),
    followed=(Size(100_000, 1_000),),
    repeats=1,
)


def full(*, million_songs: bool) -> Plan:
    """The plan of a full session.

    Args:
        million_songs: Measure a million song files, too: seven minutes more, at least.
    """
    small, middle = Size(100_000, 10_000), Size(1_000_000, 10_000)
    ours = ("floor", "floor+marts", "engine")
    return Plan(
        seconds=1_680 + 420 * million_songs,
        load=(
            (small, FAST, 3),
            (middle, FAST, 3),
            *(
                (Size(events, 10_000, files, packed), ours, 2)
                for events in (100_000, 1_000_000)
                for files, packed in _OTHER_FILES
            ),
            (Size(10_000_000, 10_000), (*ours, "etl", "engine, 2 GB"), 2),
        ),
        later=(
            (small, SLOW, 1),
            (Size(10_000_000, 10_000, 300, packed=True), ours, 1),
            (middle, ("floor", "floor+marts", "pyspark"), 1),
            (Size(10_000_000, 10_000, 300), ours, 1),
            (Size(10_000_000, 10_000, packed=True), ours, 1),
        ),
        songs=(100_000, 1_000_000) if million_songs else (100_000,),
        stored=(small, middle, Size(10_000_000, 10_000)),
        repeats=3,
        looked=(Size(1_000, 1_000),),
        followed=(small, middle),
    )


def only(plan: Plan, kind: str) -> Plan:
    """A part of a plan: one of `KINDS`, of which no other plan has `shapes`."""
    loads = () if kind != "loads" else plan.load
    return replace(
        plan,
        load=loads,
        later=plan.later if loads else (),
        songs=plan.songs if kind == "songs" else (),
        stored=plan.stored if kind == "changes" else (),
        looked=plan.looked if kind == "changes" else (),
        followed=plan.followed if kind == "follow" else (),
        shapes=kind == "shapes",
    )


KINDS = ("loads", "songs", "changes", "follow", "shapes")
_OTHER_FILES = ((300, False), (30, True), (300, True))


def carry_out(plan: Plan, session: Session) -> None:
    """Measures all there is in a plan, as far as the time goes.

    Each kind of work has a share of the time, so that a slow machine leaves something of each out
    and nothing out whole.
    """
    session.until(_LOADS)
    _loads(session, plan.load)
    session.until(_CHANGES)
    for number in plan.songs[:1]:
        _many_songs(session, number, plan.repeats)
    for size in plan.stored:
        _changes(session, size, plan.repeats)
    for size in plan.looked:
        _only_looks(session, size, 1)
    session.until(_FOLLOWED)
    for size in plan.followed:
        _followed(session, size)
    session.until(1.0)
    if plan.shapes:
        _shapes(session, plan.repeats)
    _loads(session, plan.later)
    for number in plan.songs[1:]:
        _many_songs(session, number, plan.repeats)


def _shapes(session: Session, repeats: int) -> None:
    """What lakes take that were made to do harm, and as many bytes of good records."""
    for shape, hostile, good in lakes_of(session.new_folder()):
        case = Case("shape", shape, "good records")
        _say(case.title)
        settle()
        for _ in range(repeats):
            for name, lake in (("good records", good), ("hostile", hostile)):
                out = session.new_folder()
                if (taken := session.child(case, name, lake, out)) is not None:
                    session.keep(case, name, taken, {}, {})
                shutil.rmtree(out, ignore_errors=True)
        for lake in (hostile, good):
            shutil.rmtree(lake)


def _loads(session: Session, loads: Sequence[tuple[Size, tuple[str, ...], int]]) -> None:
    for size, contenders, repeats in loads:
        _say(f"full load: {size}")
        session.rounds(Case("load", size), contenders, repeats)


def _many_songs(session: Session, number: int, repeats: int) -> None:
    """Loads with very many song files; what is loaded then serves for looking at them."""
    size = Size(10_000, number)
    case = Case("songs", size)
    _say(case.title)
    # DuckDB's own reader takes minutes for a million files.
    plain = ("plain duckdb",) if number <= 100_000 else ()
    lake = session.lake_of(case)
    if lake is None:
        return
    for _ in range(repeats):
        if (taken := session.child(case, "read bytes", lake, session.new_folder())) is not None:
            session.keep(case, "read bytes", taken, {}, {})
    session.rounds(case, ("floor", "floor+marts", "engine", *plain), repeats)
    _only_looks(session, size, repeats)
    session.lakes.drop(size)


def _changes(session: Session, size: Size, repeats: int) -> None:
    """What looking costs where nothing changed, and what a new day and a changed song cost."""
    case = Case("day", size, "floor, a day")
    _say(case.title)
    base = session.lake_of(case)
    if base is None:
        return
    days = session.lakes.days(size.songs, repeats * len(CHANGERS), DAY_EVENTS)
    by_hand, ours = (World(session.new_folder(), base) for _ in range(2))
    first = (
        session.child(case, "floor", by_hand.lake, by_hand.out),
        session.child(case, "engine", ours.lake, ours.out),
    )
    if None not in first:
        _looks(session, size, ours, repeats)
        case_of_frame = Case("frame", size, "df")
        _say(case_of_frame.title)
        for _ in range(repeats):
            _each(session, case_of_frame, ("df", "frame"), ours)
            _rebuild(session, size, by_hand, ours)
        turns = [name for _ in range(repeats) for name in CHANGERS]
        for name, log in zip(turns, days, strict=True):
            _one_day(session, case, name, (by_hand, ours), log)
        _each(session, case, ("bare",) * repeats, ours)
        _one_song(session, size, ours, repeats)
    for world in (by_hand, ours):
        shutil.rmtree(world.out.parent)


def _rebuild(session: Session, size: Size, by_hand: World, ours: World) -> None:
    """Star and marts alone, and a load's pictures."""
    case = Case("rebuild", size, "selects")
    _say(case.title)
    _each(session, case, ("selects",), by_hand)
    _each(session, case, ("rebuild", "pages"), ours)


def _followed(session: Session, size: Size) -> None:
    """A lake that changes under the eyes of who follows it: how long until each change is seen."""
    whole = Case("new day", size, "pathway")
    _say(f"followed: {size}")
    lake = session.lake_of(whole)
    for name in FOLLOWERS if lake else ():
        out, hand = session.new_folder(), session.new_folder()
        taken = session.child(whole, name, lake, out)
        if taken and session.child(whole, "floor", out / "live", hand):
            made, wanted = session.fingerprint(out), session.fingerprint(hand)
            for change in FOLLOWED:
                seen = replace(taken, seconds=taken.told["steps"][change])
                session.keep(Case(change, size, "pathway"), name, seen, made, wanted)
        for folder in (out, hand):
            shutil.rmtree(folder, ignore_errors=True)


def _one_day(
    session: Session, case: Case, name: str, worlds: tuple[World, World], log: Path
) -> None:
    by_hand, ours = worlds
    for world in worlds:
        world.add_day(log)
    settle()
    floor = session.child(case, case.base, by_hand.lake, by_hand.out)
    taken = session.child(case, name, ours.lake, ours.out)
    if floor is not None and taken is not None:
        wanted = session.fingerprint(by_hand.out)
        session.keep(case, case.base, floor, wanted, wanted)
        session.keep(case, name, taken, session.fingerprint(ours.out), wanted)


def _one_song(session: Session, size: Size, world: World, repeats: int) -> None:
    """A song object that is overwritten: each contender finds another form of it.

    Held against itself: there is no floor of it. That the rows are those of a full load is
    compared once, at the end.
    """
    case = Case("song", size, "engine")
    _say(case.title)
    names = [name for _ in range(repeats) for name in ("engine", "etl")]
    world.change_song(0)
    settle()
    if session.child(case, "engine", world.lake, world.out) is None:
        return
    measured = []
    for version, name in enumerate(names, 1):
        world.change_song(version)
        settle()
        measured.append((name, session.child(case, name, world.lake, world.out)))
    out = session.new_folder()
    if session.child(case, "floor", world.lake, out) is None:
        return
    wanted, made = session.fingerprint(out), session.fingerprint(world.out)
    shutil.rmtree(out)
    for name, taken in measured:
        if taken is not None:
            session.keep(case, name, taken, made, wanted)
    _each(session, case, ("bare",) * repeats, world)


def _only_looks(session: Session, size: Size, repeats: int) -> None:
    """What looking costs in a warehouse of that size, loaded for it."""
    case = Case("tick", size, "tick")
    lake = session.lake_of(case)
    if lake is None:
        return
    world = World(session.new_folder(), lake)
    if session.child(case, "engine", world.lake, world.out) is not None:
        _looks(session, size, world, repeats)
    shutil.rmtree(world.out.parent)


def _looks(session: Session, size: Size, world: World, repeats: int) -> None:
    """What it takes to start, and to find out that there is nothing to do."""
    python = session.pythons["platform"]
    starts = {
        "python": [python, "-c", "pass"],
        "import dagster": [python, "-c", "import dagster"],
    }
    case = Case("start", size, "import dagster")
    _say(case.title)
    for _ in range(repeats):
        for name, words in starts.items():
            if (taken := session.program(case, name, words, world.out)) is not None:
                session.keep(case, name, taken, {}, {})
        _each(session, case, ("help", "status", "etl", "engine"), world)
        _each(session, Case("tick", size, "tick"), ("tick",), world)


def _each(session: Session, case: Case, names: Sequence[str], world: World) -> None:
    for name in names:
        if (taken := session.child(case, name, world.lake, world.out)) is not None:
            session.keep(case, name, taken, {}, {})


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
