"""What comes after a COMMIT fails no load: real processes where a disk is full or read-only."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef

from sparkify_dagster_tests.integration.cli_process import COMMAND, lake, sparkify
from sparkify_dagster_tests.integration.dagster_dev import ROOT, environment
from sparkify_dagster_tests.lakes import rows_of, warehouse_at

pytestmark = pytest.mark.integration
_TRIAL = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]


def _may_mount() -> bool:
    try:
        return subprocess.run(_TRIAL, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


mounts = pytest.mark.skipif(not _may_mount(), reason="no mounts of our own on this machine")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small lake."""
    lake(tmp_path)
    return tmp_path


def plays(folder: Path) -> int:
    """Plays that the warehouse holds."""
    return len(rows_of(warehouse_at(folder / "data" / "warehouse.duckdb"), "songplay"))


def mounted(folder: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a script that may mount what it likes; nobody else sees it."""
    told = subprocess.run(
        ["unshare", "-rm", "sh", "-ec", script, *COMMAND],
        cwd=folder, env=environment(variables), capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert "Traceback" not in told.stderr, told.stderr
    return told


@pytest.mark.drill
@mounts
def test_where_nothing_but_the_history_can_be_written_a_load_is_good_and_has_its_plots(
    folder: Path,
) -> None:
    script = """
        mount --bind "$PWD" "$PWD"; mount -o remount,ro,bind /; here="$PWD"; cd /
        ! touch /tmp/x 2> /dev/null; cd "$here/data"; mount --bind . .
        mount -o remount,ro,bind "$here"; cd /
        exec "$0" "$@" etl"""
    data = folder / "data"
    (data / "home").mkdir()
    shutil.copy(
        ROOT / "sparkify_dagster" / "defs" / "dagster_home.yaml", data / "home" / "dagster.yaml"
    )
    told = mounted(
        folder, script, HOME="/nowhere", TMPDIR="/nowhere",
        DAGSTER_HOME=str(data / "home"), SPARKIFY_REPORT__ENABLED="yes",
        SPARKIFY_REPORT__PATH=str(folder / "report.html"),
        SPARKIFY_DUCKDB__PATH=str(data / "warehouse.duckdb"),
        SPARKIFY_S3__SONG_DATA=str(data / "lake" / "song_data"),
        SPARKIFY_S3__LOG_DATA=str(data / "lake" / "log_data"),
        SPARKIFY_S3__LOG_JSONPATH=str(data / "lake" / "log_json_path.json"),
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Loaded." in told.stdout
    assert f"{folder}/report.html: the report cannot be written (Read-only file system)" in (
        told.stderr
    )
    assert plays(folder) > 0
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(data / "home"))) as instance:
        made = instance.get_latest_materialization_event(dg.AssetKey("songplay"))
    assert made is not None
    assert made.asset_materialization is not None
    assert "plot" in made.asset_materialization.metadata


def test_a_report_that_cannot_be_written_is_a_warning_of_a_load_and_an_error_of_its_own(
    folder: Path,
) -> None:
    (folder / "file").touch()
    variables = {
        "SPARKIFY_REPORT__ENABLED": "yes",
        "SPARKIFY_REPORT__PATH": str(folder / "file" / "report.html"),
    }
    said = sparkify(folder, "etl", **variables)
    assert said.code == 0, said.err
    assert said.out.startswith("Loaded.")
    assert "Warning: The report was not written: " in said.err
    assert "no_" not in said.err
    (folder / "data" / "lake" / "log_data" / "2018" / "11" / "2018-11-02-events.json").unlink()
    told = sparkify(folder, "etl", "--json", **variables).json
    assert told["success"]
    assert told["warnings"][0].startswith("The report was not written: ")
    assert sparkify(folder, "report", **variables).code == 1


_REFUSES = """
    CREATE TRIGGER full BEFORE INSERT ON event_logs
    WHEN NEW.dagster_event_type = 'ASSET_MATERIALIZATION' AND NEW.asset_key LIKE '%songplay%'
    BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"""


def test_a_history_that_breaks_during_a_load_stops_nothing_and_it_is_said(folder: Path) -> None:
    assert sparkify(folder, "etl").code == 0
    before = plays(folder)
    lake_folder = folder / "data" / "lake" / "log_data" / "2018" / "11"
    (lake_folder / "2018-11-02-events.json").unlink()
    index = folder / ".dagster" / "history" / "runs" / "index.db"
    with sqlite3.connect(index) as history:
        history.execute(_REFUSES)
    said = sparkify(folder, "etl")
    assert said.code == 0, said.err
    assert said.out.startswith("Loaded.")
    assert "what was loaded is committed, but Dagster's history in " in said.err
    assert "could not be written (database or disk is full)" in said.err
    assert 0 < plays(folder) < before
    with sqlite3.connect(index) as history:
        history.execute("DROP TRIGGER full")
    assert sparkify(folder, "etl").out.startswith("Nothing changed")


@pytest.mark.drill
@mounts
def test_on_a_full_disk_nothing_is_loaded_where_no_run_can_begin_and_the_next_one_works(
    folder: Path,
) -> None:
    script = """
        mkdir -p .dagster; mount -t tmpfs -o size=16m tmpfs .dagster
        "$0" "$@" etl --days 2018-11-01 > /dev/null 2>&1
        cat /dev/zero > .dagster/filler 2> /dev/null || true
        "$0" "$@" etl && exit 9
        rm .dagster/filler; "$0" "$@" etl"""
    told = mounted(folder, script)
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("Error: Dagster's history cannot be written") == 1
    assert "nothing was loaded" in told.stderr
    assert told.stdout.startswith("Loaded.")


def test_a_history_that_has_no_place_is_said_before_anything_is_loaded(folder: Path) -> None:
    (folder / ".dagster").touch()
    said = sparkify(folder, "etl")
    assert said.code == 1
    assert "Dagster's history cannot be written" in said.err
    assert "set DAGSTER_HOME to another folder" in said.err
    assert not (folder / "data" / "warehouse.duckdb").exists()
