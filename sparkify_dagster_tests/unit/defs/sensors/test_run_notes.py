"""What `status` and `doctor` say of runs: why they broke off, how long they wait; no more of it.

The instance is real; runs are records only.
"""

from __future__ import annotations

import dagster as dg
import pytest

from sparkify_dagster.defs.liveness.heartbeat import shown_at_work
from sparkify_dagster.defs.sensors import run_notes as notes
from sparkify_dagster.defs.sensors.lost_runs import end_lost
from sparkify_dagster.defs.sensors.run_notes import run_notes
from sparkify_dagster_tests.unit.defs.sensors.test_lost_runs import (
    STATUS,
    begun,
    foreign,
    instance,
    killed,
    load,
)

__all__ = ["instance"]


def test_a_run_that_broke_off_is_named_for_a_day_with_why(instance: dg.DagsterInstance) -> None:
    lost = begun(instance)
    killed(instance, lost)
    said, others = run_notes(instance)
    assert (len(said), others) == (1, [])
    end_lost(instance)
    for number, words in enumerate(("It was terminated by signal 9", "Somebody canceled it")):
        run = instance.get_run_by_id(begun(instance))
        assert run is not None
        instance.report_engine_event(words, run)
        (instance.report_run_canceled if number else instance.report_run_failed)(run)
    said, others = run_notes(instance)
    assert said == []
    assert [f"run {lost[:8]}: Run {lost[:8]} was ended: its process is gone" in others[0],
            "signal 9" in others[1], "Somebody canceled it" in others[2]] == [True] * 3  # fmt: skip


def test_what_is_old_or_not_ours_is_not_named(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job in (foreign, load):
        run = instance.get_run_by_id(begun(instance, job=job))
        assert run is not None
        instance.report_run_failed(run)
        assert len(run_notes(instance)[1]) == (job is load)
    monkeypatch.setattr(notes, "_DAY", 0)
    assert run_notes(instance) == ([], [])


def test_a_run_that_waits_is_named_with_the_daemons_last_sign_of_life(
    instance: dg.DagsterInstance,
) -> None:
    queued = begun(instance, STATUS.QUEUED)
    at_work = begun(instance)
    with shown_at_work(instance, at_work):
        _, (said,) = run_notes(instance)
    assert said.startswith(f"Run {queued[:8]} is QUEUED since ")
    assert said.endswith(" UTC; Dagster's daemon was never seen.")
