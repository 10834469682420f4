"""Old history goes; what says how things stand stays."""

from __future__ import annotations

import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef

from sparkify_dagster.defs import retention
from sparkify_dagster.defs.history import held_open
from sparkify_dagster.defs.retention import prune_runs
from sparkify_dagster.pipeline.plan import loaded
from sparkify_dagster.warehouse import ledger
from sparkify_dagster_tests.lakes import (
    TinyLake,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)

DAY = "2018-11-01"


def test_history_that_is_past_goes_and_the_warehouse_still_knows_what_it_holds(
    tmp_path: Path,
) -> None:
    lake, warehouse = TinyLake(tmp_path / "lake"), warehouse_at(tmp_path / "warehouse.duckdb")
    lake.put_song("a.json", song())
    for item in range(3):
        lake.put_log(log_key(DAY), event(itemInSession=item))
        bring_up_to_date(lake.open(), warehouse)
    before = loaded(warehouse)
    later = ledger.utc_now() + timedelta(days=2)
    with warehouse.transaction() as session:
        gone = ledger.prune(session, keep_days=1, now=later)
    with warehouse.reading() as session:
        history = ledger.relation(session, "load_history")
        left = session.query(f"SELECT target, part, COUNT(*) FROM {history} GROUP BY ALL")
    assert gone > 0
    assert {count for _, _, count in left} == {1}
    assert loaded(warehouse) == before


def test_a_failure_that_stands_is_remembered_with_its_attempts_however_old(tmp_path: Path) -> None:
    lake, warehouse = TinyLake(tmp_path / "lake"), warehouse_at(tmp_path / "warehouse.duckdb")
    other = "2018-11-02"
    for day in (DAY, other):
        lake.put_log(log_key(day), b"broken")
    for _ in range(2):
        bring_up_to_date(lake.open(), warehouse)
    lake.put_log(log_key(other), event())
    bring_up_to_date(lake.open(), warehouse)
    before = loaded(warehouse)
    assert before.failed_days[DAY].attempts == 3
    with warehouse.transaction() as session:
        gone = ledger.prune(session, keep_days=1, now=ledger.utc_now() + timedelta(days=2))
    assert gone > 0
    assert loaded(warehouse) == before
    with warehouse.reading() as session:
        history = ledger.relation(session, "load_history")
        told = session.query(f"SELECT part, status FROM {history} WHERE part LIKE '2018%'")
    assert sorted(told) == [*[(DAY, "failed")] * 3, (other, "published")]


def test_history_that_is_young_stays(tmp_path: Path) -> None:
    lake, warehouse = TinyLake(tmp_path / "lake"), warehouse_at(tmp_path / "warehouse.duckdb")
    lake.put_song("a.json", song())
    lake.put_log(log_key(DAY), event())
    bring_up_to_date(lake.open(), warehouse)
    with warehouse.transaction() as session:
        assert ledger.prune(session, keep_days=1, now=ledger.utc_now()) == 0


def test_old_runs_go_but_for_those_that_made_what_is_there_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        retention, "_AT_ONCE", 1
    )  # The oldest is needed: it must not stop the rest.
    days = dg.StaticPartitionsDefinition(["one", "two"])

    @dg.asset
    def whole() -> None: ...

    @dg.asset(partitions_def=days)
    def parted() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        one = dg.materialize([parted], instance=instance, partition_key="one")
        first = dg.materialize([whole], instance=instance)
        second = dg.materialize([whole], instance=instance)
        two = dg.materialize([parted], instance=instance, partition_key="two")
        now = ledger.utc_now()
        assert prune_runs(instance, keep_days=1, now=now) == 0
        assert prune_runs(instance, keep_days=-1, now=now) == 1
        left = {run.run_id for run in instance.get_runs()}
        materialized = instance.get_materialized_partitions(dg.AssetKey("parted"))
    assert left == {one.run_id, second.run_id, two.run_id}
    assert first.run_id not in left
    assert materialized == {"one", "two"}


@dg.asset
def chatty() -> None:
    """Prints something."""
    print("said")


def left(home: Path) -> tuple[set[str], set[str]]:
    """The runs of which something printed is left, and those of which a file of events is."""
    printed = {path.parent.name for path in home.glob("storage/*/compute_logs")}
    return printed, {path.name.partition(".")[0] for path in home.glob("history/runs/*-*-*")}


def test_the_files_of_a_run_go_with_its_record(tmp_path: Path) -> None:
    reference = InstanceRef.from_dir(str(tmp_path))
    with held_open(dg.DagsterInstance.from_ref(reference)) as instance:
        first = dg.materialize([chatty], instance=instance).run_id
        second = dg.materialize([chatty], instance=instance).run_id
        assert left(tmp_path) == ({first, second}, {first, second})
        assert prune_runs(instance, -1, ledger.utc_now()) == 1
        assert left(tmp_path) == ({second}, {second})
        third = dg.materialize([chatty], instance=instance).run_id
        assert {log.run_id for log in instance.all_logs(third)} == {third}
    assert left(tmp_path) == ({second, third}, {second, third})


def test_what_deleted_runs_left_behind_goes_when_it_is_old_and_nothing_else(
    tmp_path: Path,
) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        young, old, kept = (dg.materialize([chatty], instance=instance).run_id for _ in range(3))
        for run_id in (young, old):
            instance.delete_run(run_id)
        long_ago = ledger.utc_now().timestamp() - 9 * 86_400
        for run_id in (old, kept, "index"):
            os.utime(tmp_path / "history" / "runs" / f"{run_id}.db", (long_ago, long_ago))
        for run_id in (old, kept):
            os.utime(tmp_path / "storage" / run_id / "compute_logs", (long_ago, long_ago))
        with sqlite3.connect(tmp_path / "history" / "runs.db") as runs:
            runs.execute("UPDATE runs SET create_timestamp = '2018-11-01 00:00:00'")
        prune_runs(instance, 7, ledger.utc_now())
        assert left(tmp_path) == ({young, kept}, {young, kept})
        assert (tmp_path / "history" / "runs" / "index.db").exists()
