"""`sparkify watch` look by look: it loads what changed and is patient with what fails.

Time is the test's own. With a queue of events it is tested in `integration/test_queue`.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sparkify_dagster.cli.status import look as look_at
from sparkify_dagster.cli.watch import Watch
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.settings import load_settings
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)


def test_what_comes_too_soon_after_a_load_is_gathered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = TinyLake(tmp_path / "data" / "lake")
    environ = {"SPARKIFY_SENSOR__LOAD_EVERY": "3600", "SPARKIFY_REPORT__ENABLED": "no"}
    settings = load_settings(environ=environ, cwd=tmp_path)
    clock = time.time()
    watch = Watch(settings, lambda: clock)

    def look() -> str:
        watch.check()
        return capsys.readouterr().out

    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-01"), event())
    assert "loading what changed" in look(), "the first is not held back"
    lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    assert "the lake has changed; the next load is not before" in look()
    lake.put_log(log_key("2018-11-03"), event(sessionId=3))
    assert look() == "", "said once"
    held = look_at(settings).warehouse.held_back
    assert held is not None
    assert "not before" in held
    clock += 3_601
    assert "loading what changed" in look()
    assert_equals_oracle(warehouse_at(settings.duckdb.path), lake.expected())


def test_each_look_loads_what_changed_and_a_bad_day_is_tried_a_bounded_number_of_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = TinyLake(tmp_path / "data" / "lake")
    settings = load_settings(
        environ={
            "SPARKIFY_SENSOR__ATTEMPTS": "2",
            "SPARKIFY_SENSOR__PAUSE": "60",
            "SPARKIFY_REPORT__ENABLED": "no",
        },
        cwd=tmp_path,
    )
    clock = 0.0
    watch = Watch(settings, lambda: clock)

    def look() -> str:
        watch.check()
        return capsys.readouterr().out

    assert "waiting for the lake to change" in look()
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-01"), event())
    assert "loading what changed" in look()
    warehouse = warehouse_at(settings.duckdb.path)
    assert_equals_oracle(warehouse, lake.expected())
    assert "loading" not in look()

    (lake.logs / log_key("2018-11-01")).unlink()
    (lake.songs / "a.json").unlink()
    assert "loading what changed" in look(), "a lake that was emptied is followed, too"
    assert_equals_oracle(warehouse, lake.expected())

    lake.put_log(log_key("2018-11-02"), b"broken")
    assert "loading what changed" in look()
    assert "tried again in 60 s" in look()
    clock = 61.0
    assert "loading what changed" in look()
    clock = 10_000.0
    assert "failed 2 times" in look()
    assert look() == ""  # Said once.
    newcomer = Watch(settings, lambda: clock)
    newcomer.check()
    assert "nothing to load but 1 that failed too often" in capsys.readouterr().out
    lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    assert "loading what changed" in look()
    assert_equals_oracle(warehouse, lake.expected())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells")
def test_the_lake_is_listed_when_it_told_of_a_change_or_its_time_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake, listed, snapshot = TinyLake(tmp_path / "data" / "lake"), [0], Lake.snapshot

    def counted(lake: Lake) -> Snapshot:
        listed[0] += 1
        return snapshot(lake)

    monkeypatch.setattr(Lake, "snapshot", counted)
    environ = {"SPARKIFY_SENSOR__INTERVAL": "5", "SPARKIFY_REPORT__ENABLED": "no"}
    settings = load_settings(environ=environ, cwd=tmp_path)
    lake.put_song("a.json", song())
    with closing(Watch(settings)) as watch:
        watch.check()
        assert listed == [2], "once for the look, once by the load"
        lake.put_log(log_key("2018-11-01"), event())
        assert watch.wait(), "told"
        watch.check()
        assert listed == [4]
        assert not watch.wait(), "nothing came"
        watch.check()
        assert listed == [5]
    assert_equals_oracle(warehouse_at(settings.duckdb.path), lake.expected())
