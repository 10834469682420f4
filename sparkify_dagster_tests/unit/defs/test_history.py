"""What is written through connections that stay open is what Dagster's own storage reads."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef

from sparkify_dagster.defs import history
from sparkify_dagster.defs.history import HeldEvents, held_open


@dg.asset(check_specs=[dg.AssetCheckSpec("good", asset="thing")])
def thing() -> dg.MaterializeResult:  # type: ignore[type-arg]
    """An asset with a check."""
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True, check_name="good")]
    )


def run(reference: InstanceRef) -> str:
    """A run that is written into an instance; gives its id."""
    with dg.DagsterInstance.from_ref(reference) as instance:
        return dg.materialize([thing], instance=instance).run_id


def seen(reference: InstanceRef, run_id: str) -> list[str]:
    """What an instance knows of a run and of what it made, without times."""
    key = dg.AssetKey("thing")
    with dg.DagsterInstance.from_ref(reference) as instance:
        record = instance.get_run_by_id(run_id)
        latest = instance.get_latest_materialization_event(key)
        assert record is not None
        assert latest is not None
        assert latest.asset_materialization is not None
        told = [record.status.value, str(latest.asset_materialization.metadata)]
        told += [f"{log.step_key} {log.message}" for log in instance.all_logs(run_id)]
        checks = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(key, "good"), limit=5
        )
        return [*told, *(check.status.value for check in checks)]


@pytest.fixture
def stock(tmp_path: Path) -> InstanceRef:
    """An instance as Dagster itself makes it."""
    return InstanceRef.from_dir(str(tmp_path))


def test_dagsters_own_storage_reads_what_was_written_and_the_other_way_round(
    stock: InstanceRef,
) -> None:
    held = held_open(stock)
    for writer in (held, stock):
        run_id = run(writer)
        assert seen(stock, run_id) == seen(held, run_id)
        assert seen(stock, run_id)[0] == "SUCCESS"
        assert seen(stock, run_id)[-1] == "SUCCEEDED"


def test_two_processes_may_write_at_the_same_time(stock: InstanceRef) -> None:
    with dg.DagsterInstance.from_ref(held_open(stock)) as ours:
        dg.materialize([thing], instance=ours)
        other = run(stock)
        again = dg.materialize([thing], instance=ours).run_id
        assert {record.run_id for record in ours.get_runs()} >= {other, again}
    assert seen(stock, other)[0] == seen(stock, again)[0] == "SUCCESS"


def test_the_files_of_older_runs_are_let_go_of(stock: InstanceRef) -> None:
    with dg.DagsterInstance.from_ref(held_open(stock)) as instance:
        events = instance.event_log_storage
        assert isinstance(events, HeldEvents)
        for _ in range(3):
            last = dg.materialize([thing], instance=instance).run_id
        assert set(events._engines) == {"index", last}
    assert not events._engines


def test_a_history_that_is_not_in_sqlite_is_left_alone(stock: InstanceRef) -> None:
    assert stock.storage_data is not None
    other = stock._replace(storage_data=stock.storage_data._replace(class_name="PostgresStorage"))
    assert held_open(other) is other
    assert held_open(held_open(stock)).storage_data == held_open(stock).storage_data
    assert history.HeldStorage.__name__ != stock.storage_data.class_name
