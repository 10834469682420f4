"""From measurements to figures: medians, spreads, ratios, and the goals they are held against.

Pure functions over what a session kept. Ratios compare what was measured in the same case of the
same session, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.session import FOLLOWED, Case, Record

ROW_SONGS, ROW_EVENTS = "songs", "events"
_MARTS = "marts, of it"


@dataclass(frozen=True, slots=True)
class Line:
    """A contender in a case.

    Attributes:
        seconds: The median of the work.
        least: The shortest time of it.
        most: The longest.
        wall: The median from the process's start to its end.
        cpu: The median of the processor time of the whole process: others on the machine disturb
            it least.
        steps: The medians of the steps of the work.
        told: All that the last run told.
        ratio: `seconds` as a multiple of those of the case's base; None without a base.
        estimated: Not measured at this size, but worked out from a smaller one.
    """

    case: Case
    contender: str
    times: int
    seconds: float
    least: float
    most: float
    wall: float
    cpu: float
    peak_mb: float
    ratio: float | None
    estimated: bool = False
    steps: Mapping[str, float] = field(default_factory=dict, hash=False)
    told: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio to reach, or a number of seconds where what is said says so.

    Attributes:
        reached: What was measured; at most `bound`, or with `least` at least.
    """

    said: str
    reached: float
    bound: float
    least: bool = False

    @property
    def good(self) -> bool:
        """Whether it is reached."""
        return self.reached >= self.bound if self.least else self.reached <= self.bound


def lines(records: Sequence[Record]) -> list[Line]:
    """A line for each contender of each case, in the order in which they were measured."""
    grouped: dict[tuple[Case, str], list[Record]] = {}
    for record in records:
        grouped.setdefault((record.case, record.contender), []).append(record)
    medians = {
        key: median(record.taken.seconds for record in found) for key, found in grouped.items()
    }
    made = []
    for (case, name), found in grouped.items():
        seconds = [record.taken.seconds for record in found]
        base = medians.get((case, case.base))
        made.append(
            Line(
                case,
                name,
                len(found),
                median(seconds),
                min(seconds),
                max(seconds),
                median(record.taken.wall for record in found),
                median(record.taken.cpu for record in found),
                max(record.taken.peak_mb for record in found),
                median(seconds) / base if base else None,
                steps=_steps(found),
                told=found[-1].taken.told,
            )
        )
    return made + _row_by_row(records, made)


def _row_by_row(records: Iterable[Record], made: Sequence[Line]) -> list[Line]:
    """What row by row would take at the larger sizes, from its seconds per song and event."""
    measured = [record for record in records if record.contender == "row by row"]
    if not measured:
        return []
    taken = measured[-1].taken.told
    per = {what: taken["steps"][what] / taken[what] for what in (ROW_SONGS, ROW_EVENTS)}
    estimates = []
    for floor in made:
        case = floor.case
        if floor.contender != "floor" or case.kind != "load" or case == measured[-1].case:
            continue
        seconds = per[ROW_SONGS] * case.size.songs + per[ROW_EVENTS] * case.size.events
        ratio = seconds / floor.seconds
        estimates.append(
            Line(case, "row by row", 0, seconds, seconds, seconds, seconds, 0, 0, ratio, True)
        )
    return estimates


def _steps(records: Iterable[Record]) -> dict[str, float]:
    told: dict[str, list[float]] = {}
    for record in records:
        for name, seconds in record.taken.told.get("steps", {}).items():
            told.setdefault(name, []).append(seconds)
    return {name: median(seconds) for name, seconds in told.items()}


def goals(made: Sequence[Line]) -> list[Goal]:
    """The goals that can be told from what was measured."""
    found: list[Goal] = []
    for case in dict.fromkeys(line.case for line in made):
        of = {line.contender: line for line in made if line.case == case}
        if case.kind in _LOOKS:
            found += _LOOKS[case.kind](case.title, of)
        elif case.kind in FOLLOWED:
            found += _of_followed(case, of)
        elif "engine" in of and case.kind in _GOALS:
            found += _GOALS[case.kind](case.title, of)
    days = [line for line in made if (line.case.kind, line.contender) == ("day", "engine")]
    if len(days) > 1:
        ratio = days[-1].seconds / days[0].seconds
        found.append(Goal("one new day: on the most that is stored ÷ on the least", ratio, 1.2))
    return found


_LITTLE, _MIDDLE, _MANY, _MANY_SONGS = 100_000, 1_000_000, 10_000_000, 100_000
_BEATS = {
    (_LITTLE, 10_000): {
        "plain duckdb": 2, "dbt": 5, "pyspark": 50, "dlt": 50, "row by row": 200,
    },
    (_MIDDLE, 10_000): {
        "plain duckdb": 1, "dbt": 3, "pandas": 5, "pyspark": 30, "row by row": 500,
    },
}  # fmt: skip
"""By events and song files: how many times as long the others shall take."""


def _of_load(title: str, of: Mapping[str, Line]) -> list[Goal]:
    engine, floor, size = of["engine"], of.get("floor+marts"), of["engine"].case.size
    found = []
    if floor and size.events >= _LITTLE:
        ratio = engine.seconds / floor.seconds
        found.append(Goal(f"{title}: engine ÷ floor with marts", ratio, 1.15))
    if "plain duckdb" in of:
        ratio = (engine.seconds - engine.steps.get(_MARTS, 0)) / of["plain duckdb"].seconds
        found.append(Goal(f"{title}: engine ÷ plain DuckDB, both without marts", ratio, 1.25))
    if floor and size.events >= _MANY:
        memory = engine.peak_mb / floor.peak_mb
        found.append(Goal(f"{title}: peak memory of engine ÷ floor with marts", memory, 1.5))
    if "engine, 2 GB" in of:
        gigabytes = of["engine, 2 GB"].peak_mb / 1_000
        found.append(Goal(f"{title}: GB of memory with 2 GB for DuckDB", gigabytes, 2))
    for name, times in _BEATS.get((size.events, size.songs), {}).items():
        if name in of:
            ratio = of[name].seconds / engine.seconds
            found.append(Goal(f"{title}: {name} ÷ engine work", ratio, times, least=True))
    return found


def _of_songs(title: str, of: Mapping[str, Line]) -> list[Goal]:
    mine = of["engine"].steps["songs"]
    found: list[Goal] = []
    if of["engine"].case.size.songs < _MANY_SONGS:  # What a load costs at least would decide.
        return found
    if "read bytes" in of:
        ratio = mine / of["read bytes"].seconds
        found.append(Goal(f"{title}: songs ÷ reading their bytes", ratio, 1.5))
    if "plain duckdb" in of:
        ratio = of["plain duckdb"].steps["songs"] / mine
        found.append(Goal(f"{title}: read_json ÷ songs", ratio, 10, least=True))
    return found


def _of_day(title: str, of: Mapping[str, Line]) -> list[Goal]:
    ratio = of["engine"].seconds / of["floor, a day"].seconds
    found = [Goal(f"{title}: engine work ÷ floor (without marts)", ratio, 2)]
    if "warm" in of:
        more = of["warm"].seconds - of["engine"].seconds
        found.append(Goal(f"{title}: seconds of a warm run above the engine's work", more, 1))
    return found + _of_song(title, of)


def _of_song(title: str, of: Mapping[str, Line]) -> list[Goal]:
    if not {"etl", "bare"} <= of.keys():
        return []
    ratio = of["etl"].wall / (of["engine"].seconds + of["bare"].wall)
    return [Goal(f"{title}: etl ÷ (engine work + a bare Dagster run)", ratio, 1.15)]


def _of_followed(case: Case, of: Mapping[str, Line]) -> list[Goal]:
    """What following a lake takes; memory once, after the last change."""
    if "watch" not in of:
        return []
    bound = {"new day": 1.5}.get(case.kind, 1.0)
    found = [Goal(f"{case.title}: seconds of watch", of["watch"].seconds, bound)]
    if case.kind == FOLLOWED[-1]:
        held = of["watch"].told["held_mb"] / 1_000
        found.append(Goal(f"{case.title}: GB that watch holds between changes", held, 0.4))
    return found


def _of_rebuild(title: str, of: Mapping[str, Line]) -> list[Goal]:
    found = []
    if {"rebuild", "selects"} <= of.keys():
        ratio = of["rebuild"].seconds / of["selects"].seconds
        found.append(Goal(f"{title}: rebuild ÷ the floor's SELECTs", ratio, 1.15))
    if "pages" in of:
        seconds = of["pages"].seconds
        found.append(Goal(f"{title}: seconds of previews, plots and report", seconds, 0.3))
    return found


def _of_start(title: str, of: Mapping[str, Line]) -> list[Goal]:
    songs = next(iter(of.values())).case.size.songs
    if songs not in _NOTHING_TO_DO or not {"etl", "import dagster"} <= of.keys():
        return []
    more = of["etl"].wall - of["import dagster"].wall
    return [Goal(f"{title}: seconds of etl above import dagster", more, _NOTHING_TO_DO[songs])]


def _of_tick(title: str, of: Mapping[str, Line]) -> list[Goal]:
    tick = of["tick"]
    if tick.case.size.songs != _MANY_SONGS:
        return []
    return [Goal(f"{title}: seconds", tick.seconds, 1)]


def _of_frame(title: str, of: Mapping[str, Line]) -> list[Goal]:
    if not {"frame", "df"} <= of.keys():
        return []
    frame, df = of["frame"], of["df"]
    return [
        Goal(f"{title}: frame ÷ DuckDB's .df()", frame.seconds / df.seconds, 1.5),
        Goal(f"{title}: peak memory of frame ÷ .df()", frame.peak_mb / df.peak_mb, 1.5),
    ]


def _of_shape(title: str, of: Mapping[str, Line]) -> list[Goal]:
    if not {"hostile", "good records"} <= of.keys():
        return []
    hostile, good = of["hostile"], of["good records"]
    return [
        Goal(f"{title}: processor time ÷ good records", hostile.cpu / good.cpu, 3),
        Goal(f"{title}: peak memory ÷ good records", hostile.peak_mb / good.peak_mb, 3),
    ]


_NOTHING_TO_DO = {_MANY_SONGS: 1, 1_000_000: 5}
"""Seconds by song files."""
_GOALS = {"load": _of_load, "songs": _of_songs, "day": _of_day, "song": _of_song}
"""Of engine work, by kind of case."""
_LOOKS = {
    "start": _of_start,
    "tick": _of_tick,
    "frame": _of_frame,
    "shape": _of_shape,
    "rebuild": _of_rebuild,
}
