"""The platform as it runs in production: code server, webserver, daemon, and where runs are kept.

What belongs here: starting and killing processes, what their records say. Each is a process of its
own, as a service manager starts it; the history is in SQLite, or in a real PostgreSQL.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import yaml

from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.drill.brakes import FOLDER
from sparkify_dagster_tests.integration.dagster_dev import ROOT, Dev, environment
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.redshift_double.postgres import Postgres

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
PROCESSES = ("code", "web", "daemon")
PATIENCE = 240.0
"""Seconds to wait for what takes less than a minute where nothing else runs."""
_BRAKED = [sys.executable, "-m", "sparkify_dagster_tests.drill.brakes"]


class Platform:
    """A lake, a warehouse and the processes that keep the one up to date with the other."""

    def __init__(self, folder: Path, storage: str, **settings: str) -> None:
        self.folder, self.storage = folder, storage
        self.lake = TinyLake(folder / "data" / "lake")
        self.warehouse = folder / "data" / "warehouse.duckdb"
        self.brakes, self.home = folder / "brakes", folder / "home"
        for made in (self.brakes, self.home):
            made.mkdir()
        self.postgres = Postgres(synchronous_commit="on") if storage == "postgres" else None
        if self.postgres:
            self.postgres.start()
        self.ports = {"code": _free_port(), "web": _free_port()}
        self.settings = {
            "SPARKIFY_SENSOR__INTERVAL": "5",
            "SPARKIFY_DAYS__LAST": "2018-12-31",
            "DAGSTER_HOME": str(self.home),
            FOLDER: str(self.brakes),
            **settings,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.dev = Dev(f"http://127.0.0.1:{self.ports['web']}")
        self._days = (str(date(2018, 11, 1) + timedelta(days=n)) for n in count())
        self.lake.put_song("A/A/A/TR1.json", song())
        self._write_home()

    # The lake

    def drop_a_day(self) -> str:
        """Puts a log day into the lake that was not there."""
        day = next(self._days)
        self.lake.put_log(log_key(day), event(sessionId=int(day[-2:])), event(itemInSession=1))
        return day

    def is_loaded(self) -> None:
        """The tables are what the lake holds, and no run is under way."""
        runs = self.runs()
        assert set(runs.values()) <= ENDED, runs
        assert_equals_oracle(warehouse_at(self.warehouse, lock_wait=0), self.lake.expected())

    def well(self) -> float:
        """Starts what is not running, waits until all is loaded, and gives the seconds it took."""
        began = time.monotonic()
        self.start("postgres", *PROCESSES)

        def is_loaded() -> None:
            self.start(*PROCESSES, wait=False)
            self.is_loaded()

        self.until(is_loaded)
        return time.monotonic() - began

    # The processes

    def start(self, *names: str, wait: bool = True) -> None:
        """Starts what is not running, as a service manager does, and waits until it answers.

        What ends by itself meanwhile is started again: of processes that find an empty history at
        once, one may lose the race to make its tables.
        """
        if "postgres" in names and self.postgres:
            self.postgres.start_again()

        def answer() -> None:
            for name in PROCESSES:
                if name in names and not self.lives(name):
                    self.running[name] = self.spawn(name)
            if wait and "web" in names:
                self.dev.ask("{ version }")
            if wait and "code" in names:
                self._connect("code")

        self.until(answer)

    def spawn(self, name: str, *before: str, **variables: str) -> subprocess.Popen[bytes]:
        """Starts a process of that kind, beside those that are there."""
        host = ["--host", "127.0.0.1", "--port", str(self.ports.get(name, 0))]
        words = {
            "code": ["dagster", "api", "grpc", "-m", "sparkify_dagster.definitions", *host],
            "web": ["dagster-webserver", *host, "-w", "workspace.yaml"],
            "daemon": ["sparkify_dagster.defs.daemon", "run", "-w", "workspace.yaml"],
        }[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*before, *_BRAKED, *words],
                cwd=self.folder,
                env=environment(self.settings | variables),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def lives(self, name: str) -> bool:
        """Whether a process that was started is there."""
        return name in self.running and self.running[name].poll() is None

    def kill(self, *names: str) -> None:
        """Kills processes at once, whatever they are at."""
        pids = [self.running[name].pid for name in names if self.lives(name)]
        pids += self.workers() if "worker" in names else []
        pids += self.postgres.processes() if self.postgres and "postgres" in names else []
        for signal_ in (signal.SIGSTOP, signal.SIGKILL):  # Stopped first: none sees another die.
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal_)
        for name in names:
            if name in self.running:
                self.running[name].wait()
        while self.postgres and "postgres" in names and self.postgres.processes():
            time.sleep(0.01)

    def moved(self, **where: str) -> None:
        """All processes are killed, and find Dagster's database elsewhere when they start again."""
        self.kill(*PROCESSES, "worker")
        self.settings |= {f"DAGSTER_PG_{name}": value for name, value in where.items()}

    def is_down(self) -> bool:
        """Whether the history cannot be asked."""
        return self.postgres is not None and not self.postgres.processes()

    def workers(self) -> list[int]:
        """The processes that execute runs."""
        return [
            pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._runs(pid)
        ]

    def stop(self) -> None:
        """Ends all of it."""
        self.release()
        self.kill(*PROCESSES, "worker")
        if self.postgres:
            self.postgres.stop()

    def sparkify(self, *words: str) -> str:
        """What a command prints, on whichever stream."""
        ended = subprocess.run(
            [sys.executable, "-m", "sparkify_dagster", *words],
            cwd=self.folder,
            env=environment(self.settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return ended.stdout + ended.stderr

    def told(self) -> list[str]:
        """What `status` and `doctor` say, each in a line."""
        with ThreadPoolExecutor() as asking:
            said = asking.map(
                lambda words: self.sparkify(*words), (["status"], ["doctor", "history"])
            )
            return [" ".join(one.split()) for one in said]

    def set_clock(self, ahead: float) -> None:
        """Sets the clock of all processes, those that are started later as well.

        Args:
            ahead: Seconds from the true time; that of files and of the database is not changed.
        """
        written = self.brakes / ".clock"
        written.write_text(str(ahead))
        written.replace(self.brakes / "clock")

    # Holding a process

    @contextmanager
    def held(self, point: str, processes: int = 1) -> Iterator[None]:
        """Waits until so many processes are where they are to be killed, and holds them there."""
        (self.brakes / point).touch()

        def are_there() -> None:
            assert len(list(self.brakes.glob(f"{point}.*"))) >= processes

        self.until(are_there)
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Lets everybody go on."""
        for path in sorted(self.brakes.glob("*-*")):  # What holds them first.
            path.unlink(missing_ok=True)

    def until(self, what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Tries until it goes, and gives what it gives."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return what()
            except (
                AssertionError,
                WarehouseError,
                StopIteration,
                OSError,
                duckdb.IOException,
                psycopg2.Error,
                sqlite3.Error,
            ):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    # What the records say

    def runs(self) -> dict[str, str]:
        """The status of each run there ever was, oldest first."""
        return dict(self.rows("SELECT run_id, status FROM runs ORDER BY id"))

    def rows(self, query: str, file: str = "history/runs") -> list[tuple[Any, ...]]:
        """What the history's database answers, or that file of it where it is SQLite's."""
        if self.postgres:
            with (
                closing(self.postgres.connect(self.settings["DAGSTER_PG_DB"])) as held,
                held.cursor() as cursor,
            ):
                cursor.execute(query)
                return list(cursor.fetchall())
        path = self.home / f"{file}.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as held:
            return held.execute(query).fetchall()

    def at_work(self) -> list[str]:
        """The runs whose processes say that they are at work."""
        folder = self.home / "history" / "running"
        with suppress(FileNotFoundError):
            return [name for name in os.listdir(folder) if not name.startswith(".")]
        return []

    def times_loaded(self, *days: str) -> list[int]:
        """How often each day was published."""
        with duckdb.connect(str(self.warehouse), read_only=True) as held:
            query = "SELECT COUNT(*) FROM sparkify.load_history WHERE part = ? AND target = ?"
            return [
                held.execute(query, [day, STAGING_EVENTS.name]).fetchall()[0][0] for day in days
            ]

    def messages(self, run: str) -> list[str]:
        """What the UI shows in the log of a run."""
        query = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
            ... on MessageEvent { message } } } } }"""
        events = self.dev.ask(query, id=run)["logsForRun"]["events"]
        return [shown.get("message") or "" for shown in events]

    def _runs(self, pid: int) -> bool:
        try:
            here = Path(f"/proc/{pid}/cwd").resolve() == self.folder
            return here and b"multiprocessing.spawn" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def _connect(self, name: str) -> None:
        socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()

    def _write_home(self) -> None:
        told = yaml.safe_load((ROOT / "sparkify_dagster/defs/dagster_home.yaml").read_text())
        if self.postgres:
            told = yaml.safe_load((ROOT / "deploy/dagster/dagster.yaml").read_text())
            told.pop("compute_logs")  # In S3.
            where = {"HOST": "127.0.0.1", "PORT": str(self.postgres.port), "DB": "postgres"}
            where |= {"USER": "postgres", "PASSWORD": "none"}
            self.settings |= {f"DAGSTER_PG_{name}": value for name, value in where.items()}
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(told))
        server = {"host": "127.0.0.1", "port": self.ports["code"]}
        server |= {"location_name": "sparkify_dagster"}
        workspace = {"load_from": [{"grpc_server": server}]}
        (self.folder / "workspace.yaml").write_text(yaml.safe_dump(workspace))


@contextmanager
def running(folder: Path, storage: str, **settings: str) -> Iterator[Platform]:
    """A platform that has loaded its first day; it ends with the block."""
    made = Platform(folder, storage, **settings)
    try:
        made.drop_a_day()
        for name in PROCESSES:  # One after the other: Dagster makes its tables without a lock.
            made.start("postgres", name)
        made.well()
        yield made
    finally:
        made.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
