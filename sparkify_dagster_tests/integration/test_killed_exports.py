"""An export is killed at each of its steps: a reader finds the old state or the new one, whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparkify_dagster.analysis.export import export
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster_tests.lakes import (
    TinyLake,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.pairs import cloud_lake, redshift_at
from sparkify_dagster_tests.processes import processes

pytestmark = [pytest.mark.integration, pytest.mark.drill]
DAY = "2018-11-01"
Opened = tuple[TinyLake, Callable[[], Warehouse], int]
"""A lake, what opens its warehouse in any process, and how many steps it is from try to try."""
STEPS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}


def export_until(opened: Callable[[], Warehouse], folder: Path, step: int) -> None:
    """Exports, and kills this process when it is about to change the folder for the nth time."""
    left = step

    def count(name: str, words: tuple[object, ...]) -> None:
        nonlocal left
        if name in STEPS and any(str(folder / "out") in str(word) for word in words):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    export(opened(), folder / "out")


def whole(out: Path) -> str:
    """What a reader finds: the digest of all that `current` leads to, which is whole."""
    state = Path(os.path.realpath(out / "current"))
    manifest = (state / "manifest.json").read_text()
    for table in json.loads(manifest)["tables"]:
        for part in table["parts"]:
            found = hashlib.sha256((state / part["file"]).read_bytes()).hexdigest()
            assert found == part["digest"], part["file"]
    return json.dumps(json.loads(manifest)["tables"])


def on_duckdb(request: pytest.FixtureRequest, folder: Path) -> Opened:
    return TinyLake(folder / "lake"), partial(warehouse_at, folder / "warehouse.duckdb"), 1


def on_redshift(request: pytest.FixtureRequest, folder: Path) -> Opened:
    """Every eighth step there, as each is a process that logs in and unloads."""
    double, s3 = request.getfixturevalue("double"), request.getfixturevalue("s3")
    lake = cloud_lake(s3, folder / "lake")
    place = SimpleNamespace(base=lake.base)
    anywhere = replace(s3)  # Without a client of its own, which no other process could be given.
    return lake, partial(redshift_at, double, anywhere, place, "killed_exports"), 8


@pytest.mark.parametrize("engine", [on_duckdb, on_redshift])
def test_a_reader_finds_the_old_or_the_new_state_wherever_the_export_is_killed(
    request: pytest.FixtureRequest, engine: Callable[..., Opened], tmp_path: Path
) -> None:
    lake, opened, stride = engine(request, tmp_path)
    warehouse = opened()
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-02"), event(sessionId=9))
    lake.put_log(log_key(DAY), event())
    bring_up_to_date(lake.open(), warehouse)
    export(warehouse, tmp_path / "out")
    old = whole(tmp_path / "out")
    lake.put_log(log_key(DAY), event(location="Elsewhere"))
    bring_up_to_date(lake.open(), warehouse)
    shutil.copytree(tmp_path / "out", tmp_path / "before", symlinks=True)
    seen, step, ended = set(), 1 - stride, -signal.SIGKILL
    while ended:
        step += stride
        child = processes().Process(target=export_until, args=(opened, tmp_path, step))
        child.start()
        while child.is_alive():
            whole(tmp_path / "out")
            time.sleep(0.01)
        child.join()
        ended = child.exitcode or 0
        assert ended in (0, -signal.SIGKILL)
        now = whole(tmp_path / "out")
        seen.add(now)
        if now != old:  # It was published before it was killed: from the start again.
            shutil.rmtree(tmp_path / "out")
            shutil.copytree(tmp_path / "before", tmp_path / "out", symlinks=True)
    assert step > 30, "an export takes more steps than that"
    assert old in seen
    assert len(seen) == 2
    export(warehouse, tmp_path / "out")
    assert {whole(tmp_path / "out")} == seen - {old}
    left = {path.name.partition("-")[0] for path in (tmp_path / "out").iterdir()}
    assert left == {".sparkify", "current", "state"}
