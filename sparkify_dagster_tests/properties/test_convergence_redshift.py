"""The state machine of `test_convergence` over Redshift and S3.

What belongs here: where the machine runs, and what happens only there: connections that are cut,
conflicts, COPY. To look further than the suite does:

    python -m sparkify_dagster_tests.properties.test_convergence_redshift 60 [shrink]
"""

from __future__ import annotations

import functools
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster.warehouse.redshift import warehouse as redshift
from sparkify_dagster_tests.lakes import TinyLake
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake, redshift_at
from sparkify_dagster_tests.properties.test_convergence import (
    Convergence,
    load_once,
    modes,
    run,
    steps,
)
from sparkify_dagster_tests.redshift_double import Double, redshift_double
from sparkify_dagster_tests.s3_server import S3Server, s3_server

pytestmark = pytest.mark.integration
CONFLICT = "1023: Detail: Serializable isolation violation on table in Redshift"
WHERE = (".", ".", "^COMMIT", "^COPY", "^LOCK", '^INSERT INTO .*"songplay"', "^SELECT")

cuts = st.sampled_from(["cut_before", "cut_during", "cut_after"])


class _Behind:
    """The warehouse for an onlooker who meets none of the faults that are meant for loads."""

    def __init__(self, double: Double, schema: str) -> None:
        self._connection = double.behind()
        self._connection.set_session(isolation_level="REPEATABLE READ", autocommit=False)
        self.schema = schema

    @contextmanager
    def reading(self) -> Iterator[_Behind]:
        """One transaction."""
        yield self
        self._connection.rollback()

    def query(self, sql: str) -> list[Any]:
        """Rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def tables(self) -> set[str]:
        """Names."""
        found = "SELECT tablename FROM pg_tables WHERE schemaname = "
        return {name for (name,) in self.query(f"{found}'{self.schema}'")}


class RedshiftConvergence(Convergence):
    """The same lake in a bucket, and a schema of what stands in for Redshift."""

    def __init__(self, double: Double, s3: S3Server) -> None:
        self.double = double
        self.s3 = s3
        self.schema = f"t{uuid.uuid4().hex[:12]}"
        self._threads = ThreadPoolExecutor(1)
        super().__init__()

    def clean_up(self) -> None:
        self._threads.shutdown()
        self.calm()
        self.drop_warehouse("warehouse")
        super().clean_up()

    def new_lake(self) -> TinyLake:
        return cloud_lake(self.s3, self.folder / "lake")

    def new_warehouse(self, name: str = "warehouse") -> Warehouse:
        assert isinstance(self.lake, SyncedLake)
        return redshift_at(self.double, self.s3, self.lake, f"{self.schema}_{name}")

    def looked_at(self) -> Callable[[], Any]:
        return functools.partial(_Behind, self.double, f"{self.schema}_warehouse")

    def drop_warehouse(self, name: str) -> None:
        with self.double.behind() as connection, connection.cursor() as cursor:
            cursor.execute(f'DROP SCHEMA IF EXISTS "{self.schema}_{name}" CASCADE')

    def begin_a_load_beside(self, rebuild_from: float) -> Future[None]:
        assert isinstance(self.lake, SyncedLake)
        self.lake.sync()
        warehouse = self.new_warehouse()

        def beside() -> None:
            load_once(self.lake, warehouse, rebuild_from=rebuild_from)

        return self._threads.submit(beside)

    def calm(self) -> None:
        self.double.faults.clear()

    def left_behind(self) -> set[str]:
        assert isinstance(self.lake, SyncedLake)
        return set(self.s3.keys(f"{self.lake.base}/_staging"))

    @rule(number=steps, cut=cuts, where=st.sampled_from(WHERE), rebuild_from=modes)
    def load_over_a_connection_that_breaks_once(
        self, number: int, cut: str, where: str, rebuild_from: float
    ) -> None:
        self._disturbed(number, cut, where, 1, rebuild_from)

    @rule(number=steps, cut=cuts, where=st.sampled_from(WHERE), rebuild_from=modes)
    def load_over_a_connection_that_breaks_each_time(
        self, number: int, cut: str, where: str, rebuild_from: float
    ) -> None:
        self._disturbed(number, cut, where, 99, rebuild_from)

    @rule(number=steps, rebuild_from=modes)
    def load_while_another_load_is_in_the_way(self, number: int, rebuild_from: float) -> None:
        def refuse() -> None:
            self.double.faults.fail("^(INSERT|DELETE|COMMIT)", "XX000", CONFLICT)

        self._stumble_at(number, refuse, rebuild_from, ends=WarehouseError)

    def _disturbed(
        self, number: int, cut: str, where: str, times: int, rebuild_from: float
    ) -> None:
        def arm() -> None:
            getattr(self.double.faults, cut)(where, times=times)

        self._stumble_at(number, arm, rebuild_from, ends=WarehouseError)


def _explore(examples: int, *, shrink: bool) -> None:
    redshift._PAUSE = 0.01
    with s3_server() as s3, redshift_double(s3.endpoint) as double:
        run(
            examples,
            same_every_time=False,
            shrink=shrink,
            machine=lambda: RedshiftConvergence(double, s3),
        )


def test_after_any_history_the_tables_in_redshift_are_those_of_the_lake(
    double: Double, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redshift, "_PAUSE", 0.01)
    run(
        3,
        same_every_time=True,
        machine=lambda: RedshiftConvergence(double, s3),
        steps_each=12,
    )


if __name__ == "__main__":
    _explore(int(sys.argv[1]), shrink="shrink" in sys.argv)
