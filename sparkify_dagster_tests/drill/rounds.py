"""The rounds of the failure drill: each state of a run, and what is killed in it.

A run of the sensor is held in a state. Either what it does not need is killed and started again
while it stays as it is, and then the process it hangs on; or all processes are killed at once.
After the restart all is loaded, each day once. `status`, `doctor` and the UI say what happened; the
two commands also while it is not mended. How long it took is printed (`-s`): about a minute where
nothing else runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Thread

import duckdb

from sparkify_dagster_tests.drill.platform import PROCESSES, Platform

ALL = ("postgres", "worker", *PROCESSES)
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"
_ENDED = "was ended: |terminated unexpectedly|unexpectedly exited|was terminated by"


@dataclass(frozen=True)
class State:
    """A state of a run.

    Attributes:
        status: What its record says.
        point: Where a process is held in it: before or after an event; "warehouse": in the load,
            waiting for the warehouse.
        holder: The process that is held, on which the run hangs.
        stays: It stays so for as long as that process does.
        ends: How the run has ended after that process was killed, and after the restart.
    """

    status: str
    point: str
    holder: str
    ends: str
    stays: bool = True

    @property
    def bystanders(self) -> list[str]:
        """The processes that the run does not hang on."""
        names = ("web", "daemon", "code", "postgres") if self.stays else ()
        return [name for name in names if name != self.holder]


STATES = {
    "not started": State("NOT_STARTED", "before-PIPELINE_ENQUEUED", "daemon", "SUCCESS"),
    "queued": State("QUEUED", "before-PIPELINE_STARTING", "daemon", "SUCCESS"),
    # After two seconds such a run counts as lost: what launches it takes no time.
    "starting, nobody asked": State(
        "STARTING", "after-PIPELINE_STARTING", "daemon", "FAILURE", stays=False
    ),
    "starting": State("STARTING", "before-PIPELINE_START", "worker", "FAILURE"),
    "started": State("STARTED", "warehouse", "worker", "FAILURE"),
    "committed, not recorded": State(
        "STARTED", "before-ASSET_MATERIALIZATION", "worker", "FAILURE"
    ),
    "canceling": State("CANCELING", "before-PIPELINE_CANCELED", "worker", "CANCELED"),
}
ROUNDS = [(state, how) for state in STATES for how in ("one by one", "all at once")]


def play(platform: Platform, name: str, how: str) -> None:
    """Plays a round, and says how long the platform took to be well again."""
    platform.well()
    state, before = STATES[name], platform.runs()
    dropped = [platform.drop_a_day()]
    with held_in(platform, state):
        (run,) = platform.runs().keys() - before.keys()
        for bystander in state.bystanders if how == "one by one" else ():
            platform.kill(bystander)
            platform.start(bystander, wait=False)
            platform.until(lambda: _expect(platform.runs()[run], state.status))
        platform.kill(*(ALL if how == "all at once" else (state.holder,)))
    dropped.append(platform.drop_a_day())
    _tell(platform, "Dagster's history cannot be" if platform.is_down() else _of_unended(run))
    took = platform.well()
    print(f"{platform.storage}, {name}, {how}: loaded after {took:.0f} s")
    runs = [status for id_, status in platform.runs().items() if id_ not in before]
    _expect(runs, [state.ends, *["SUCCESS"] * (state.ends != "SUCCESS")])
    _expect(platform.times_loaded(*dropped), [1, 1])
    _expect(platform.dev.finished(run), state.ends)
    if runs == ["SUCCESS"]:
        _tell(platform, "Up to date|Dagster's runs are kept in")
        return
    assert any(re.search(_ENDED, message) for message in platform.messages(run))
    _tell(platform, f"run {run[:8]}: .*({_ENDED})")


def _of_unended(run: str) -> str:
    """What is said of a run that has not ended, or that Dagster's code server has just ended."""
    return f"Run {run[:8]} is ([A-Z_]+ since|not at work)|run {run[:8]}: .*({_ENDED})"


def _tell(platform: Platform, pattern: str) -> None:
    """Both commands say what is wrong with the platform, or was."""
    for said in platform.told():
        assert re.search(pattern, said), f"not {pattern} in {said}"


def _expect(found: object, wanted: object) -> None:
    assert found == wanted, f"{found}, not {wanted}"


@contextmanager
def held_in(platform: Platform, state: State) -> Iterator[None]:
    """Waits until the run that is about to come is in a state, and holds it there."""
    with ExitStack() as stack:
        if state.point.startswith(("before-PIPELINE_CANCELED", "warehouse")):
            stack.enter_context(_waiting_for_the_warehouse(platform))
        if state.status == "CANCELING":
            stack.enter_context(_ended_by_a_person(platform))
        if state.point != "warehouse":
            stack.enter_context(platform.held(state.point))
        yield


@contextmanager
def _waiting_for_the_warehouse(platform: Platform) -> Iterator[None]:
    with platform.held("before-PIPELINE_START"):
        warehouse = platform.until(lambda: duckdb.connect(str(platform.warehouse)))
    platform.until(lambda: _expect(len(platform.at_work()), 1))
    try:
        yield
    finally:
        warehouse.close()


@contextmanager
def _ended_by_a_person(platform: Platform) -> Iterator[None]:
    """Asks for the end of the run; that is answered only when its process has ended."""
    (run,) = platform.at_work()

    def ask() -> None:
        with suppress(OSError):
            platform.dev.ask(TERMINATE, id=run)

    (platform.brakes / "before-PIPELINE_CANCELED").touch()
    Thread(target=ask, daemon=True).start()
    yield
