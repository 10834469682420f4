"""Loads into Redshift that are killed, and a reader that looks on all the while.

What `test_killed_loads` shows on DuckDB, over S3 and what stands in for Redshift: the load runs in
a process of its own and is ended by SIGKILL at each boundary of each transaction, while a statement
is under way in the cluster, and between statements. Each time the lake has another version, so a
mixture shows; whatever a load left, the next must make it right.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.factory import open_lake
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.plan import loaded, pending
from sparkify_dagster.settings import DaysSettings, DuckDBSettings, Settings
from sparkify_dagster.warehouse.engine import Row, Session
from sparkify_dagster.warehouse.redshift import warehouse as redshift
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster_tests.integration import test_killed_loads as on_duckdb
from sparkify_dagster_tests.lakes import (
    FIRST_DAY,
    SCHEMA,
    assert_equals_oracle,
    bring_up_to_date,
    log_key,
)
from sparkify_dagster_tests.pairs import (
    SyncedLake,
    access_to,
    cloud_lake,
    lake_below,
    redshift_at,
)
from sparkify_dagster_tests.processes import processes
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = [pytest.mark.integration, pytest.mark.drill]
A_DAY_AT_ONCE = Limits(batch_bytes=2_000)
COMMITS = 6
"""The catalogue, a day that COPY refuses (its first try is not committed), two more, the star, and
the pruning of the ledger."""
BETWEEN, ALONE = "statement", "statement in no transaction"

_processes = processes()


@dataclass(frozen=True)
class Spot:
    """Where a lake and its warehouse are, as it can be told to another process."""

    double: Double
    endpoint: str
    base: str
    schema: str

    def lake(self) -> Lake:
        days, one_thread = DaysSettings(first=FIRST_DAY), DuckDBSettings(threads=1)
        settings = Settings(s3=lake_below(self.base), days=days, duckdb=one_thread)
        return open_lake(settings, access=access_to(S3Server(self.endpoint)))

    def warehouse(self) -> RedshiftWarehouse:
        lake = object.__new__(SyncedLake)
        lake.base = self.base
        made = redshift_at(self.double, S3Server(self.endpoint), lake, self.schema)
        assert isinstance(made, RedshiftWarehouse)
        return made


@dataclass(frozen=True)
class Moment:
    """The n-th time, from 0, that a load comes to a boundary, or to a statement."""

    name: str
    number: int


BOUNDARIES = (
    *(Moment("after LOCK", number) for number in (0, 1, 5)),
    *(Moment("before COMMIT", number) for number in range(1, COMMITS)),
    *(Moment("after COMMIT", number) for number in range(COMMITS)),
)


class Mortal:
    """Counts the moments of a load, and kills its process at one of them."""

    def __init__(self, dies_at: Moment | None) -> None:
        self.met: dict[str, int] = {}
        self._dies_at = dies_at

    def step(self, name: str) -> None:
        number = self.met.get(name, 0)
        if self._dies_at == Moment(name, number):
            os.kill(os.getpid(), signal.SIGKILL)
        self.met[name] = number + 1

    def watch(self, warehouse: RedshiftWarehouse) -> None:
        plain = warehouse.transaction

        @contextmanager
        def transaction() -> Iterator[Session]:
            with plain() as session:
                self.step("after LOCK")
                yield MortalSession(session, self)  # type: ignore[misc]
                self.step("before COMMIT")
            self.step("after COMMIT")

        by_itself = warehouse.alone

        def alone(work: Callable[[Any], Any]) -> Any:
            return by_itself(lambda session: work(MortalSession(session, self, ALONE)))

        warehouse.transaction = transaction  # type: ignore[method-assign]
        warehouse.alone = alone  # type: ignore[method-assign, assignment]


class MortalSession:
    """A session that tells of each statement before it is sent."""

    def __init__(self, session: Session, mortal: Mortal, step: str = BETWEEN) -> None:
        self._session = session
        self._mortal = mortal
        self._step = step

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session, name)
        if name in ("query", "send", "execute", "append", "copy"):
            self._mortal.step(self._step)
        return found


def load(spot: Spot, dies_at: Moment | None = None) -> Mortal:
    """A load, in a process that is killed at a moment of it."""
    warehouse, mortal = spot.warehouse(), Mortal(dies_at)
    mortal.watch(warehouse)
    bring_up_to_date(spot.lake(), warehouse, limits=A_DAY_AT_ONCE)
    return mortal


# --------------------------------------------------------------------------------------------------
# A reader
# --------------------------------------------------------------------------------------------------


class InSchema:
    """A session whose statements name another schema."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def tables(self) -> dict[str, dict[str, str]]:
        return self._session.tables()

    def query(self, sql: str) -> list[Row]:
        return self._session.query(sql.replace(f"{SCHEMA}.", f"{self._session.schema}."))


def look_on(spot: Spot, ready: Event, stop: Event, report: Path) -> None:
    """Looks at all tables in one transaction, again and again; writes down what was seen."""
    warehouse = spot.warehouse()
    seen: list[str] = []
    ready.set()
    while not stop.is_set():
        with warehouse.reading() as session:
            seen += on_duckdb._one_look(InSchema(session))  # type: ignore[arg-type]
        time.sleep(0.15)
    report.write_text("\n".join(seen))


# --------------------------------------------------------------------------------------------------
# What is done to them
# --------------------------------------------------------------------------------------------------


class Scene:
    """A lake that gets another version before each load, and a reader."""

    def __init__(self, double: Double, s3: S3Server, folder: Path) -> None:
        self.double = double
        self.s3 = s3
        self.lake = cloud_lake(s3, folder / "lake")
        self.spot = Spot(double, s3.endpoint, self.lake.base, f"killed_{os.getpid()}")
        self.report = folder / "report"
        self.opened = self.spot.lake()
        self.warehouse = self.spot.warehouse()
        self.version = 0
        self.killed = 0
        self._stop, ready = _processes.Event(), _processes.Event()
        self._reader = _started(look_on, self.spot, ready, self._stop, self.report)
        assert ready.wait(60)

    def change(self) -> None:
        """Another version of every day and of the one song; a bad line keeps COPY from one day."""
        on_duckdb.write_version(self.lake, self.version)
        self.lake.put_log(log_key(on_duckdb.DAYS[0], "bad.json"), b"{" * (self.version + 1))
        self.lake.sync()
        self.version += 1

    def dies(self, moment: Moment) -> None:
        """A load of another version that is killed, and one that is not."""
        self.change()
        process = _started(load, self.spot, moment)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, moment
        self.killed += 1
        self.is_mended()

    def dies_while(self, statement: str) -> None:
        """The same, killed while a statement is under way: the cluster does it all the same."""
        self.change()
        self.double.forget()
        self.double.faults.delay(statement, 0.3)
        process = _started(load, self.spot)
        began = time.monotonic()
        while not any(text.startswith(statement.strip("^")) for text in self.double.statements()):
            assert time.monotonic() - began < 60
            time.sleep(0.01)
        process.kill()
        process.join(60)
        self.double.faults.clear()
        self.killed += 1
        self.is_mended()

    def is_mended(self) -> None:
        """After one more load every table is the oracle's, and nothing is left to do."""
        done = bring_up_to_date(self.opened, self.warehouse, limits=A_DAY_AT_ONCE)
        assert done.failed == set()
        assert_equals_oracle(self.warehouse, self.lake.expected())
        assert pending(self.opened.snapshot(), loaded(self.warehouse)).is_nothing

    def loaded_twice(self) -> list[Row]:
        """Parts that were published more than once with what they held at one time."""
        with self.warehouse.reading() as session:
            return session.query(
                f"SELECT h.target, h.part, h.digest, COUNT(*) FROM {self.spot.schema}.load_history "
                "AS h WHERE h.status = 'published' AND h.target LIKE 'staging%' "
                "GROUP BY h.target, h.part, h.digest HAVING COUNT(*) > 1"
            )

    def staged(self) -> list[str]:
        """Files for COPY that are in the staging area."""
        return self.s3.keys(f"{self.lake.base}/_staging")

    def looked(self) -> list[str]:
        """Ends the reader; what it saw."""
        self._stop.set()
        self._reader.join(60)
        return self.report.read_text().splitlines()


@pytest.fixture(scope="module")
def scene(
    double: Double, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    made = Scene(double, s3, tmp_path_factory.mktemp("killed"))
    yield made
    double.faults.clear()
    made._stop.set()


def _started(target: Any, *args: object) -> ForkServerProcess:
    process = _processes.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def test_a_first_load_killed_at_its_first_commit_is_mended_by_the_next(scene: Scene) -> None:
    scene.dies(Moment("before COMMIT", 0))


def test_a_load_killed_at_any_boundary_is_mended_by_the_next_and_nothing_is_loaded_twice(
    scene: Scene,
) -> None:
    scene.change()
    assert load(scene.spot).met["after COMMIT"] == COMMITS
    for boundary in BOUNDARIES:
        scene.dies(boundary)
    assert scene.loaded_twice() == []


def test_a_load_killed_between_statements_is_mended_by_the_next(scene: Scene) -> None:
    scene.change()
    statements = load(scene.spot).met[BETWEEN]
    for number in random.Random(4).sample(range(statements), 3):
        scene.dies(Moment(BETWEEN, number))
    assert scene.loaded_twice() == []


@pytest.mark.parametrize("statement", ["^LOCK", "^COPY", "^COMMIT", "^INSERT"])
def test_a_load_killed_while_the_cluster_works_for_it_is_mended_by_the_next(
    scene: Scene, statement: str
) -> None:
    scene.dies_while(statement)


def test_what_killed_loads_left_in_the_staging_area_is_swept_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scene.staged(), "some loads were killed between writing a file and its COPY"
    assert scene.warehouse.clean_up() == ""
    assert scene.staged(), "what may belong to a running load stays"
    monkeypatch.setattr(redshift, "_LEFT_FOR_DEAD", timedelta(0))
    time.sleep(1.1)
    assert scene.warehouse.clean_up() == ""
    assert scene.staged() == []


def test_a_reader_never_sees_a_day_or_the_star_between_two_loads(scene: Scene) -> None:
    seen = scene.looked()
    assert [line for line in seen if "WRONG" in line] == []
    versions = {line for line in seen if line.startswith("version")}
    assert len(versions) >= scene.version / 2
