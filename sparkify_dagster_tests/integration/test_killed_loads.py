"""Loads that are killed, and readers that look on while loads run.

A load runs in a process of its own and is ended by SIGKILL: at moments spread over its duration,
between statements, and around each COMMIT. Whatever it left, the next load must make it right.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.generator import LakeSpec
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.settings import DuckDBSettings
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Session, WarehouseBusy, WarehouseMissing
from sparkify_dagster_tests.lakes import (
    SCHEMA,
    TinyLake,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.oracle import Expected
from sparkify_dagster_tests.processes import processes

pytestmark = [pytest.mark.integration, pytest.mark.drill]

SMALL_GROUPS = Limits(batch_bytes=20_000)
DAYS = ("2018-11-01", "2018-11-02", "2018-11-03")

_processes = processes()


# --------------------------------------------------------------------------------------------------
# A load that dies
# --------------------------------------------------------------------------------------------------


class MortalWarehouse(DuckDBWarehouse):
    """A warehouse whose process is killed at its n-th step.

    Steps are the statements in transactions, and the moments just before and after each COMMIT.
    """

    def __init__(self, path: Path, dies_at: int) -> None:
        super().__init__(DuckDBSettings(path=path), SCHEMA)
        self.steps: list[str] = []
        self._dies_at = dies_at

    def step(self, name: str) -> None:
        if len(self.steps) == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps.append(name)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with super().transaction() as session:
            yield MortalSession(session, self)  # type: ignore[misc]
            self.step("before COMMIT")
        self.step("after COMMIT")

    def _detach(self, instance: Any, session: Any) -> None:
        if self.steps and self.steps[-1] == "before COMMIT":
            self.step("after COMMIT into the log")
        super()._detach(instance, session)


class MortalSession:
    """A session that tells its warehouse of each statement before it is sent."""

    def __init__(self, session: Session, warehouse: MortalWarehouse) -> None:
        self._session = session
        self._warehouse = warehouse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session, name)
        if name in ("query", "send", "execute", "append"):
            self._warehouse.step(name)
        return found


def load_until(root: Path, path: Path, dies_at: int) -> None:
    """Loads in a process that is killed at a step."""
    bring_up_to_date(TinyLake(root).open(), MortalWarehouse(path, dies_at), limits=SMALL_GROUPS)


def load_after(root: Path, path: Path, ready: Event) -> None:
    """Loads in a process, after saying that it begins."""
    lake = TinyLake(root).open()
    ready.set()
    bring_up_to_date(lake, warehouse_at(path), limits=SMALL_GROUPS)


class Change:
    """A lake that was loaded, then changed; and what must be there after the next load."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        spec = LakeSpec(songs=80, events=600, days=6, seed=7, mess=True)
        self.lake = TinyLake.generated(folder / "lake", spec)
        self.base = folder / "base.duckdb"
        bring_up_to_date(self.lake.open(), warehouse_at(self.base))
        before = self.lake.expected()
        plain = [key for key in self.lake.keys("staging_events_table") if "events.json" in key]
        (self.lake.logs / plain[0]).unlink()
        lines = (self.lake.logs / plain[1]).read_bytes().splitlines()
        self.lake.put_log(plain[1], *lines[: len(lines) // 2])
        self.lake.put_log(log_key("2018-11-20"), *lines[len(lines) // 4 :])
        for key in self.lake.keys("staging_songs_table")[:30]:
            (self.lake.songs / key).unlink()
        self.lake.put_song("Z/new.json", song(), song(song_id="SO2", title="Hysteria"))
        self.expected: Expected = self.lake.expected(before)

    def copy(self, name: str) -> Path:
        """The warehouse as it was before the change, to load the change into."""
        path = self.folder / f"{name}.duckdb"
        shutil.copyfile(self.base, path)
        return path

    def assert_mended(self, path: Path) -> None:
        """After one more load all is as it must be, and nothing is left to do."""
        warehouse = warehouse_at(path)
        bring_up_to_date(self.lake.open(), warehouse)
        assert_equals_oracle(warehouse, self.expected)
        assert bring_up_to_date(self.lake.open(), warehouse).todo.is_nothing
        remove(path)


def remove(path: Path) -> None:
    """Removes a warehouse with its log, which stays when a load dies after its last COMMIT."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> Change:
    return Change(tmp_path_factory.mktemp("killed"))


def test_a_load_killed_before_or_after_any_commit_is_mended_by_the_next(change: Change) -> None:
    steps = _steps(change)
    commits = [number for number, name in enumerate(steps) if "COMMIT" in name]
    assert len(commits) >= 6, "songs, some groups of days, the star"
    for number in commits:
        _killed_at(change, number)


def test_a_load_killed_between_statements_is_mended_by_the_next(change: Change) -> None:
    steps = _steps(change)
    for number in range(3, len(steps), len(steps) // 6):
        _killed_at(change, number)


def test_a_first_load_killed_at_any_statement_is_mended_by_the_next(change: Change) -> None:
    for number in (0, 1, 30, 90):
        path = change.folder / "first.duckdb"
        _died(_started(load_until, change.lake.root, path, number))
        bring_up_to_date(change.lake.open(), warehouse_at(path))
        assert_equals_oracle(warehouse_at(path), change.lake.expected())
        remove(path)


def test_a_load_killed_at_any_moment_is_mended_by_the_next(change: Change) -> None:
    took = _seconds(change)
    killed = 0
    moments = 8
    for number in range(moments):
        path = change.copy("moment")
        ready = _processes.Event()
        load = _started(load_after, change.lake.root, path, ready)
        assert ready.wait(60)
        time.sleep(0.9 * took * number / moments)
        load.kill()
        load.join()
        killed += load.exitcode == -signal.SIGKILL
        change.assert_mended(path)
    assert killed, "some loads must have been killed while they ran"


def _steps(change: Change) -> list[str]:
    path = change.copy("steps")
    warehouse = MortalWarehouse(path, -1)
    bring_up_to_date(change.lake.open(), warehouse, limits=SMALL_GROUPS)
    remove(path)
    return warehouse.steps


def _seconds(change: Change) -> float:
    path = change.copy("seconds")
    ready = _processes.Event()
    load = _started(load_after, change.lake.root, path, ready)
    assert ready.wait(60)
    started = time.monotonic()
    load.join()
    remove(path)
    return time.monotonic() - started


def _killed_at(change: Change, number: int) -> None:
    path = change.copy("step")
    _died(_started(load_until, change.lake.root, path, number))
    change.assert_mended(path)


def _started(target: Any, *args: object) -> ForkServerProcess:
    process = _processes.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def _died(process: ForkServerProcess) -> None:
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


# --------------------------------------------------------------------------------------------------
# Readers
# --------------------------------------------------------------------------------------------------


def look_on(path: Path, ready: Event, stop: Event, report: Path) -> None:
    """Looks at the warehouse again and again; writes down what was seen and what was wrong.

    Each version of the lake has another `level` on all its events and another number of them, so a
    mixture of two versions shows.
    """
    warehouse = warehouse_at(path, lock_wait=0)
    seen: list[str] = []
    refused = 0
    ready.set()
    while not stop.is_set():
        try:
            with warehouse.reading() as session:
                seen += _one_look(session)
        except (WarehouseBusy, WarehouseMissing):
            refused += 1
        time.sleep(0.003)
    report.write_text("\n".join([f"refused {refused}", *seen]))


def _one_look(session: Session) -> list[str]:
    if "time" not in session.tables():
        return ["empty"]
    days = session.query(
        "SELECT e.log_date, COUNT(*), MIN(e.level), COUNT(DISTINCT e.level) "
        f"FROM {SCHEMA}.staging_events_table AS e GROUP BY e.log_date"
    )
    wrong = [f"WRONG day {d}" for d, n, level, kinds in days if kinds != 1 or n != size_of(level)]
    star = session.query(
        f"""
        SELECT
            (SELECT COUNT(*) FROM (SELECT level FROM {SCHEMA}.songplay
                UNION SELECT level FROM {SCHEMA}."user")),
            (SELECT COUNT(*) FROM {SCHEMA}.songplay AS p
                LEFT JOIN {SCHEMA}."time" AS t ON t.start_time = p.start_time
                LEFT JOIN {SCHEMA}."user" AS u ON u.user_id = p.user_id
                LEFT JOIN {SCHEMA}.song AS s ON s.song_id = p.song_id
                WHERE t.start_time IS NULL OR u.user_id IS NULL OR s.song_id IS NULL),
            (SELECT COUNT(DISTINCT p.start_time) FROM {SCHEMA}.songplay AS p)
                - (SELECT COUNT(*) FROM {SCHEMA}."time"),
            (SELECT COUNT(DISTINCT s.title) FROM {SCHEMA}.song AS s),
            (SELECT COUNT(*) FROM {SCHEMA}.songplay AS p),
            (SELECT MIN(p.level) FROM {SCHEMA}.songplay AS p)
        """
    )[0]
    levels, orphans, times, titles, plays, level = star
    if levels > 1 or orphans or times or titles > 1 or plays not in (0, 3 * size_of(level or "0")):
        wrong.append(f"WRONG star {star}")
    return wrong or [f"version {level}"]


def size_of(level: str) -> int:
    """How many events a day has in the version of the lake that is named by their level."""
    return 40 + 7 * int(level)


def write_version(lake: TinyLake, version: int) -> None:
    """All days, and the one song, in another version."""
    lake.put_song("A/one.json", song(title="Uprising", duration=version))
    for number, day in enumerate(DAYS):
        lake.put_log(
            log_key(day),
            *(
                event(
                    level=str(version),
                    userId=str(item % 5),
                    sessionId=number,
                    itemInSession=item,
                    ts=1541116800000 + 1_000 * item + version,
                )
                for item in range(size_of(str(version)))
            ),
        )


def test_readers_see_each_day_and_the_star_before_or_after_a_load_never_between(
    tmp_path: Path,
) -> None:
    lake, path = TinyLake(tmp_path / "lake"), tmp_path / "warehouse.duckdb"
    report = tmp_path / "report"
    ready, stop = _processes.Event(), _processes.Event()
    reader = _started(look_on, path, ready, stop, report)
    assert ready.wait(60)
    versions = range(6)
    for version in versions:
        write_version(lake, version)
        bring_up_to_date(lake.open(), warehouse_at(path), rebuild_from=-1.0 if version % 2 else 9.0)
        time.sleep(0.1)
    stop.set()
    reader.join(60)
    seen = report.read_text().splitlines()
    assert [line for line in seen if "WRONG" in line] == []
    assert {f"version {version}" for version in versions} <= set(seen)
