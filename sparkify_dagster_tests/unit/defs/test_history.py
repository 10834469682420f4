"""What is written through connections that stay open is what Dagster's own storage reads."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sparkify_dagster.defs.history import HeldEvents, going_on_without, held_open, told_together


@dg.asset(check_specs=[dg.AssetCheckSpec("good", asset="thing")])
def thing() -> dg.MaterializeResult:  # type: ignore[type-arg]
    """An asset with a check."""
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True, check_name="good")]
    )


Opened = Callable[[], dg.DagsterInstance]


def run(opened: Opened) -> str:
    """A run that is written into an instance; gives its id."""
    with opened() as instance:
        return dg.materialize([thing], instance=instance).run_id


def seen(opened: Opened, run_id: str) -> list[str]:
    """What an instance knows of a run and of what it made, without times."""
    key = dg.AssetKey("thing")
    with opened() as instance:
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
def stock(tmp_path: Path) -> Opened:
    """An instance as Dagster itself opens it."""
    return lambda: dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path)))


@pytest.fixture
def held(stock: Opened) -> Opened:
    """The same with connections that stay open."""
    return lambda: held_open(stock())


def layout(opened: Opened, run_id: str) -> list[tuple[str, ...]]:
    """The tables in the file of a run, and the version that they are of."""
    with opened() as instance:
        events = instance.event_log_storage
        assert isinstance(events, SqliteEventLogStorage)
        with closing(sqlite3.connect(events.path_for_shard(run_id))) as file:
            tables = file.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
            return [*tables, *file.execute("SELECT version_num FROM alembic_version")]


def test_dagsters_own_storage_reads_what_was_written_and_the_other_way_round(
    stock: Opened, held: Opened
) -> None:
    for writer in (held, stock):
        run_id = run(writer)
        assert seen(stock, run_id) == seen(held, run_id)
        assert seen(stock, run_id)[0] == "SUCCESS"
        assert seen(stock, run_id)[-1] == "SUCCEEDED"


def test_the_file_of_a_run_has_the_tables_that_dagster_makes(stock: Opened, held: Opened) -> None:
    assert layout(stock, run(held)) == layout(stock, run(stock))


def test_what_is_gathered_is_seen_by_others_once_it_is_told(stock: Opened, held: Opened) -> None:
    key = dg.AssetKey("thing")
    with stock() as other, held() as ours:
        with told_together(ours):
            ours.report_runless_asset_event(dg.AssetMaterialization("thing"))
            assert ours.get_latest_materialization_event(key)
            assert not other.get_latest_materialization_event(key)
        assert other.get_latest_materialization_event(key)


def test_a_load_goes_on_when_what_was_gathered_cannot_be_committed(held: Opened) -> None:
    lost: list[str] = []
    with held() as instance, pytest.MonkeyPatch.context() as patch:
        with going_on_without(instance, lost), told_together(instance):
            instance.report_runless_asset_event(dg.AssetMaterialization("thing"))
            full = OperationalError("COMMIT", {}, Exception("database or disk is full"))
            patch.setattr(Connection, "commit", Mock(side_effect=full))
        assert lost == ["database or disk is full"]
        patch.undo()
        assert not instance.get_latest_materialization_event(dg.AssetKey("thing"))


def test_two_processes_may_write_at_the_same_time(stock: Opened, held: Opened) -> None:
    with held() as ours:
        dg.materialize([thing], instance=ours)
        other = run(stock)
        again = dg.materialize([thing], instance=ours).run_id
        assert {record.run_id for record in ours.get_runs()} >= {other, again}
    assert seen(stock, other)[0] == seen(stock, again)[0] == "SUCCESS"


def test_the_files_of_older_runs_are_let_go_of(held: Opened) -> None:
    with held() as instance:
        events = instance.event_log_storage
        assert isinstance(events, HeldEvents)
        for _ in range(3):
            last = dg.materialize([thing], instance=instance).run_id
        assert set(events._engines) == {"index", last}
    assert not events._engines


def test_a_history_that_is_not_in_sqlite_is_left_alone(held: Opened) -> None:
    with dg.DagsterInstance.ephemeral() as other, held() as ours:
        for instance in (other, ours):
            events = instance.event_log_storage
            assert held_open(instance).event_log_storage is events
