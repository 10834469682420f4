"""A soak: `dagster dev` runs, its lake changes all the time, some of its runs are killed.

    python -m sparkify_dagster_tests.soak [SECONDS] [SEED]

For so many seconds (240) something happens to a lake in a folder about once a second: a file is
added, overwritten, deleted, broken or mended, and now and then the process of a run is ended by
SIGKILL. Then all is left alone. What must come of it: every table is the oracle's, nothing was
published twice, and nothing runs any more. Figures are printed; the exit code says how it went.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.integration.dagster_dev import Dev, dagster_dev, project_folder
from sparkify_dagster_tests.lakes import (
    SCHEMA,
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)

DAYS = tuple(str(date(2018, 11, 1) + timedelta(days=number)) for number in range(20))
TITLES = ("Uprising", "Hysteria", "Starlight", "Madness")
SETTINGS = {
    "SPARKIFY_DAYS__LAST": "2018-11-30",
    "SPARKIFY_SENSOR__INTERVAL": "5",
    "SPARKIFY_SENSOR__PAUSE": "1",
}
BETWEEN_KILLS = 35.0
CONVERGES_WITHIN = 180.0


class Soak:
    """A lake that is changed at random, and what was done to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.lake = TinyLake(folder / "data" / "lake")
        self.path = folder / "data" / "warehouse.duckdb"
        self.done: Counter[str] = Counter()
        self.killed = 0
        self._random = random.Random(seed)
        self._number = 0
        self._next_kill = 0.0
        for title in TITLES:
            self.lake.put_song(f"{title}.json", song(song_id=f"SO{title}", title=title))
        for day in DAYS[:5]:
            self.lake.put_log(log_key(day), *self._plays())

    def change(self) -> None:
        """One thing happens."""
        ways: list[Callable[[], None]] = [
            self.add, self.add, self.overwrite, self.overwrite, self.delete, self.break_a_day,
            self.mend, self.mend, self.release, self.withdraw,
        ]  # fmt: skip
        way = self._random.choice(ways)
        way()
        self.done[way.__name__] += 1

    def add(self) -> None:
        self._number += 1
        self.lake.put_log(log_key(self._day(), f"{self._number}.json"), *self._plays())

    def overwrite(self) -> None:
        if files := self._logs():
            key = self._random.choice(files).relative_to(self.lake.logs)
            self.lake.put_log(str(key), *self._plays())

    def delete(self) -> None:
        if files := self._logs():
            self._random.choice(files).unlink()

    def break_a_day(self) -> None:
        self.lake.put_log(log_key(self._day(), "broken.json"), *[b"{"] * 50)

    def mend(self) -> None:
        for path in self.lake.logs.rglob("*-broken.json"):
            self.lake.put_log(str(path.relative_to(self.lake.logs)), *self._plays())

    def release(self) -> None:
        title = self._random.choice(TITLES)
        artist = f"AR{self._random.randint(1, 3)}"
        self.lake.put_song(f"{title}.json", song(song_id=f"SO{title}", title=title,
                                                 artist_id=artist))  # fmt: skip

    def withdraw(self) -> None:
        (self.lake.songs / f"{self._random.choice(TITLES)}.json").unlink(missing_ok=True)

    def pause(self) -> None:
        """About a second."""
        time.sleep(self._random.uniform(0.5, 1.5))

    def maybe_kill(self, dev_pid: int) -> None:
        """Ends the process of a run, if there is one and the last was some time ago."""
        runs = list(run_processes(dev_pid))
        if runs and time.monotonic() > self._next_kill:
            time.sleep(self._random.uniform(0, 4))  # At whatever it is by then.
            for pid in set(runs) & set(run_processes(dev_pid)):
                os.kill(pid, signal.SIGKILL)
                self.killed += 1
            self._next_kill = time.monotonic() + BETWEEN_KILLS

    def is_loaded(self) -> None:
        """Every table is the oracle's."""
        assert_equals_oracle(warehouse_at(self.path, lock_wait=5), self.lake.expected())

    def published_twice(self) -> int:
        """Parts that were published again with what they held already."""
        with warehouse_at(self.path).reading() as session:
            rows = session.query(
                f"SELECT h.target, h.part, h.digest, h.load_id FROM {SCHEMA}.load_history AS h "
                "WHERE h.status = 'published' AND h.target LIKE 'staging%' ORDER BY h.load_id"
            )
        last: dict[tuple[str, str], str] = {}
        again = 0
        for target, part, digest, _ in rows:
            again += last.get((target, part)) == digest
            last[target, part] = digest
        return again

    def _plays(self) -> list[dict[str, object]]:
        self._number += 1
        return [
            event(
                sessionId=self._number,
                itemInSession=item,
                song=self._random.choice(TITLES),
                userId=str(self._random.randint(1, 9)),
                level=self._random.choice(("free", "paid")),
            )
            for item in range(self._random.randint(1, 30))
        ]

    def _day(self) -> str:
        return self._random.choice(DAYS)

    def _logs(self) -> list[Path]:
        return sorted(self.lake.logs.rglob("*.json"))


def run_processes(ancestor: int) -> Iterator[int]:
    """The processes of runs below a `dagster dev`."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                commands[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")
            except (OSError, UnicodeDecodeError):
                continue
            if fields[0] != "Z":
                parents[int(place.name)] = int(fields[1])
    for pid, command in commands.items():
        if "spawn_main" in command and "resource_tracker" not in command:
            above = parents.get(pid, 0)
            while above and above != ancestor:
                above = parents.get(above, 0)
            if above == ancestor:
                yield pid


def statuses(dev: Dev) -> Counter[str]:
    """How many runs there are of each status."""
    query = "{ runsOrError { ... on Runs { results { status } } } }"
    return Counter(run["status"] for run in dev.ask(query)["runsOrError"]["results"])


def converged(soak: Soak, dev: Dev) -> float:
    """Seconds until all is loaded and nothing runs any more.

    Raises:
        AssertionError: It did not come to that in time.
    """
    began = time.monotonic()
    while True:
        try:
            assert set(statuses(dev)) <= {"SUCCESS", "FAILURE"}, "something still runs"
            soak.is_loaded()
            return time.monotonic() - began
        except (AssertionError, WarehouseError):
            if time.monotonic() - began > CONVERGES_WITHIN:
                raise
            time.sleep(1)


def main(seconds: float, seed: int) -> None:
    """Runs a soak and prints its figures."""
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = project_folder(Path(name))
        soak = Soak(folder, seed)
        with dagster_dev(folder, SETTINGS) as dev:
            pid = next(iter(_children_in(folder)))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                soak.change()
                soak.maybe_kill(pid)
                soak.pause()
            soak.mend()
            took = converged(soak, dev)
            before = statuses(dev)
            time.sleep(12)  # Two more ticks, which must find nothing to do.
            after = statuses(dev)
        print(f"seed {seed}: {sum(soak.done.values())} changes in {seconds:.0f} s")
        for way, times in sorted(soak.done.items()):
            print(f"  {way.replace('_', ' ')}: {times}")
        print(f"runs: {sum(after.values())} ({dict(after)}); killed: {soak.killed}")
        print(f"converged {took:.0f} s after the last change; every table is the oracle's")
        print(f"parts published again unchanged: {soak.published_twice()}")
        assert after == before, "runs that nobody needs"


def _children_in(folder: Path) -> Iterator[int]:
    """Our own children that work in a folder."""
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == os.getpid() and (place / "cwd").resolve() == folder.resolve():
                    yield int(place.name)
            except OSError:
                continue


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        float(given[0]) if given else 240.0,
        int(given[1]) if len(given) > 1 else random.randrange(10_000),
    )
