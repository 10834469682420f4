"""When a load starts by itself: the decisions, alone and in thousands of made-up histories."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkify_dagster.defs.sensors.triggers import (
    OBSERVED_AT_ONCE,
    LakeState,
    RetryPolicy,
    Run,
    RunState,
    SensorCursor,
    decide,
    held_back,
    remembered,
    seen,
    to_observe,
)
from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.snapshot import Snapshot

PATIENCE = RetryPolicy(attempts=3, pause=60)
NOW = LakeState({"2018-11-01": "abc"}, "songs")
DEALT_WITH = SensorCursor(state=NOW.state, request="r1")


def test_a_lake_that_has_changed_is_held_against_the_warehouse() -> None:
    assert decide(NOW, SensorCursor(), [], PATIENCE).look
    assert decide(NOW, replace(DEALT_WITH, state="other"), [Run("success")], PATIENCE).look


def test_nothing_is_asked_while_a_load_runs_whatever_changed() -> None:
    found = decide(NOW, replace(DEALT_WITH, state="other"), [Run("running")], PATIENCE)
    assert (found.look, found.ask) == (False, 0)


def test_a_lake_that_was_loaded_needs_neither_a_look_nor_a_run() -> None:
    for memory, runs in ((DEALT_WITH, [Run("success")]), (replace(DEALT_WITH, request=""), [])):
        found = decide(NOW, memory, runs, PATIENCE)
        assert (found.look, found.ask, found.why) == (False, 0, "nothing new in the lake")


@pytest.mark.parametrize(
    ("clock", "waits"), [(999.0, False), (1_000.0, True), (4_599.0, True), (4_600.0, False)]
)
def test_a_load_is_held_back_for_so_long_after_the_last_one(clock: float, waits: bool) -> None:
    why = held_back(1_000.0, 3_600, clock)
    said = "the next load is not before 1970-01-01 01:16:40 UTC ([SENSOR] LOAD_EVERY)"
    assert why == (said if waits else ""), "a clock that went back waits for nothing"
    assert held_back(1_000.0, 0, clock) == ""


def test_what_was_given_up_is_said_as_long_as_the_lake_stays_as_it_is() -> None:
    memory = replace(DEALT_WITH, request="", given_up=2)
    assert decide(NOW, memory, [], PATIENCE).why == (
        "nothing new in the lake but 2 that failed too often; `sparkify status` says which, "
        "`sparkify retry` tries again"
    )
    assert remembered(memory.text()) == memory
    assert remembered(memory.text().replace('"given_up": 2', '"given_up": "2"')) == SensorCursor()


def test_a_request_that_came_to_nothing_is_made_again_under_the_same_name() -> None:
    assert decide(NOW, DEALT_WITH, [], PATIENCE).ask == 1


@pytest.mark.parametrize(
    ("tried", "ago", "asked"), [(1, 59, 0), (1, 60, 2), (2, 119, 0), (2, 120, 3), (3, 9_999, 0)]
)
def test_a_failed_load_is_tried_again_after_growing_pauses_and_not_for_ever(
    tried: int, ago: float, asked: int
) -> None:
    runs = [Run("failure", ago + 500 * n) for n in range(tried)]
    assert decide(NOW, DEALT_WITH, runs, PATIENCE).ask == asked


@pytest.mark.parametrize(("tried", "asked"), [(1, 2), (3, 0)])
def test_a_load_that_failed_before_the_clock_went_back_is_not_waited_for(
    tried: int, asked: int
) -> None:
    runs = [Run("failure", -27 * 86_400)] * tried
    assert decide(NOW, DEALT_WITH, runs, PATIENCE).ask == asked


def test_a_load_that_failed_for_good_says_so_in_every_tick() -> None:
    found = decide(NOW, DEALT_WITH, [Run("failure", 1e6)] * 3, PATIENCE)
    assert "gave up until the lake changes or somebody loads" in found.why


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_load_whose_process_was_gone_is_begun_again_at_once(attempts: int) -> None:
    patience = replace(PATIENCE, attempts=attempts)
    assert decide(NOW, DEALT_WITH, [Run("lost", 0)], patience).ask == 2


@pytest.mark.parametrize(
    ("ended", "ago", "asked"),
    [
        (["lost"], 59, 0),
        (["lost"], 60, 3),
        (["lost", "lost"], 119, 0),
        (["lost", "lost"], 120, 4),
        (["lost", "lost", "lost"], 9_999, 0),
        (["failure", "failure", "failure"], 9_999, 0),
    ],
)
def test_a_load_that_ends_its_own_process_each_time_is_tried_after_pauses_and_not_for_ever(
    ended: list[RunState], ago: float, asked: int
) -> None:
    runs = [Run("lost", ago), *(Run(state, 1_000 + ago) for state in ended)]
    assert decide(NOW, DEALT_WITH, runs, PATIENCE).ask == asked


def test_a_load_that_somebody_ended_is_not_begun_again() -> None:
    found = decide(NOW, DEALT_WITH, [Run("canceled", 1e6)], PATIENCE)
    assert (found.look, found.ask) == (False, 0)


@pytest.mark.parametrize(
    "cursor",
    [None, "", "garbage", "[]", "{}", "null", '{"version": 0}', '{"version": 1, "state": 3}',
     '{"version": 1, "days": {"2018-11-01": 1}}', '{"version": 1, "days": []}',
     '{"version": 1, "other": ""}', "2018-11-01-events.json",
     '{"version": 1, "days": {"\\ud800": ""}}', '{"version": 1, "request": "\\ud800"}'],
)  # fmt: skip
def test_a_cursor_of_another_time_or_garbage_is_an_empty_memory(cursor: str | None) -> None:
    assert remembered(cursor) == SensorCursor()


@given(
    st.builds(SensorCursor, st.text(), st.text(), st.dictionaries(st.text(), st.text()), st.text())
)
def test_a_memory_survives_being_a_cursor(memory: SensorCursor) -> None:
    assert remembered(memory.text()) == memory
    assert json.loads(memory.text())["version"] == 1


def snapshot(days: dict[str, str], songs: dict[str, str]) -> Snapshot:
    def parts(digests: dict[str, str]) -> dict[str, Part]:
        return {name: Part(name, (), digest) for name, digest in digests.items()}

    return Snapshot(parts(songs), parts(days), [], ())


digests = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x" * 64, "y" * 64]))


@given(digests, digests, digests, digests)
def test_two_lakes_have_the_same_state_just_if_all_their_digests_agree(
    days: dict[str, str], songs: dict[str, str], other_days: dict[str, str], others: dict[str, str]
) -> None:
    one, other = seen(snapshot(days, songs)), seen(snapshot(other_days, others))
    assert (one.state == other.state) == ((days, songs) == (other_days, others))


def test_days_are_told_to_dagster_a_bounded_number_at_once_until_all_are() -> None:
    many = LakeState({f"{number:05}": "d" for number in range(OBSERVED_AT_ONCE * 2 + 1)}, "s")
    memory, told = SensorCursor(), []
    for _ in range(4):
        news, memory = to_observe(many, memory)
        assert len(news.days) <= OBSERVED_AT_ONCE
        told += list(news.days)
    assert told == sorted(many.days)
    gone, memory = to_observe(LakeState({}, "s"), memory)
    assert set(gone.days.values()) == {""}
    assert gone.songs == ""


# --------------------------------------------------------------------------------------------------
# Made-up histories: a lake, a warehouse, a daemon that dies
# --------------------------------------------------------------------------------------------------

happenings = st.lists(
    st.sampled_from(
        ["change", "change back", "tick", "tick", "tick", "tick and die before", "tick and die",
         "run", "run", "run fails", "run is killed", "somebody loads", "cursor is lost", "later"]
    ),
    max_size=40,
)  # fmt: skip


class Daemon:
    """What Dagster does around the decisions: saves the cursor, begins runs, drops known keys."""

    def __init__(self) -> None:
        self.lake = 0
        self.loaded = -1
        self.clock = 0.0
        self.cursor = ""
        self.names = 0
        self.keys: set[str] = set()
        self.runs: list[dict[str, object]] = []

    def tick(self, dies: str = "") -> None:
        memory = remembered(self.cursor)
        now = LakeState({"day": str(self.lake)}, "")
        mine = [r for r in self.runs if memory.request and r["request"] == memory.request]
        states = [Run(r["state"], self.clock - r["ended"]) for r in mine]  # type: ignore[arg-type, operator]
        found = decide(now, memory, states, PATIENCE)
        ask = found.ask
        if found.look:
            self.names += 1
            ask = 0 if self.loaded == self.lake else 1
            memory = replace(memory, state=now.state, request=f"r{self.names}" if ask else "")
        if dies == "before the cursor is saved":
            return
        self.cursor = memory.text()
        if ask and dies != "before the run is begun":
            key = f"{memory.request}#{ask}"
            if key not in self.keys:
                self.keys.add(key)
                run = {"request": memory.request, "state": "running", "ended": 0.0}
                self.runs.append(run)

    def run(self, state: str) -> None:
        for run in self.runs:
            if run["state"] == "running":
                run |= {"state": state, "ended": self.clock}
                if state == "success":
                    self.loaded = self.lake
                return

    def happens(self, what: str) -> None:
        self.clock += 1
        if what == "change":
            self.lake += 1
        elif what == "change back":
            self.lake = max(0, self.lake - 1)
        elif what == "somebody loads":
            self.loaded = self.lake
        elif what == "cursor is lost":
            self.cursor = ""
        elif what == "later":
            self.clock += 1_000
        elif what.startswith("tick"):
            died = {"tick and die before": "before the cursor is saved",
                    "tick and die": "before the run is begun"}  # fmt: skip
            self.tick(died.get(what, ""))
        else:
            self.run({"run": "success", "run fails": "failure"}.get(what, "lost"))


@settings(max_examples=2_000, deadline=None)
@given(happenings)
def test_after_any_history_a_change_of_the_lake_is_loaded(history: list[str]) -> None:
    daemon = Daemon()
    for what in history:
        daemon.happens(what)
    daemon.lake += 1000  # A state that never was.
    for _ in range(6):
        daemon.tick()
        daemon.run("success")
    assert daemon.loaded == daemon.lake


@settings(max_examples=2_000, deadline=None)
@given(happenings, st.sampled_from(["failure", "lost"]))
def test_after_any_history_an_unchanged_lake_is_tried_a_bounded_number_of_times(
    history: list[str], end: str
) -> None:
    daemon = Daemon()
    for what in history:
        daemon.happens(what)
    for _ in range(20):
        daemon.tick()
        daemon.run(end)
        daemon.clock += 10_000
    before = len(daemon.runs)
    for _ in range(5):
        daemon.tick()
    assert len(daemon.runs) == before
    for name in {run["request"] for run in daemon.runs}:
        ends = [run["state"] for run in daemon.runs if run["request"] == name]
        assert len(ends) - min(ends.count("lost"), 1) <= PATIENCE.attempts


@settings(max_examples=1_000, deadline=None)
@given(happenings)
def test_when_all_is_loaded_ticks_ask_for_nothing(history: list[str]) -> None:
    daemon = Daemon()
    for what in history:
        daemon.happens(what)
    for _ in range(6):
        daemon.tick()
        daemon.run("success")
    before = len(daemon.runs)
    for _ in range(5):
        daemon.tick()
    assert len(daemon.runs) == before
