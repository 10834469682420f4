"""A folder of exports is ours alone, and its pointer moves at once."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from sparkify_dagster.analysis import export as module
from sparkify_dagster.analysis.export import MARKER, export
from sparkify_dagster.core.local_files import OutputError
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import WarehouseMissing
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import warehouse_at


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    made = warehouse_at(tmp_path / "warehouse.duckdb")
    made.transact(create_tables)
    return made


def test_a_folder_with_anything_else_in_it_is_left_alone(
    tmp_path: Path, warehouse: DuckDBWarehouse
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "state-of-the-art").write_text("kept")
    with pytest.raises(OutputError, match="holds something that is no export"):
        export(warehouse, tmp_path / "mine")
    assert os.listdir(tmp_path / "mine") == ["state-of-the-art"]


def test_two_exports_do_not_write_at_once(tmp_path: Path, warehouse: DuckDBWarehouse) -> None:
    export(warehouse, tmp_path / "out")
    with (tmp_path / "out" / MARKER).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another export is writing it"):
            export(warehouse, tmp_path / "out")
    export(warehouse, tmp_path / "out")


def test_without_a_warehouse_or_a_place_it_says_so(
    tmp_path: Path, warehouse: DuckDBWarehouse
) -> None:
    with pytest.raises(WarehouseMissing, match="sparkify etl"):
        export(warehouse_at(tmp_path / "none.duckdb"), tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        export(warehouse, tmp_path / "file" / "out")


def test_an_export_that_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = export(warehouse, tmp_path / "out")
    monkeypatch.setattr(module, "_published", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(warehouse, tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {MARKER, "current", done.state.name}
    (done.state / "manifest.json").write_text("{")
    with pytest.raises(OutputError, match="Remove the folder"):
        export(warehouse, tmp_path / "out")
