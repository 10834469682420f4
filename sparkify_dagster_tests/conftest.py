"""Fixtures that several rooms of tests share.

What stands in for AWS and Redshift is imported only where a test asks for it: most tests need
neither.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sparkify_dagster_tests.s3_server import S3Server, s3_server
from sparkify_dagster_tests.surroundings import LIVE_CONFIG, Watch, undisturbed

if TYPE_CHECKING:
    from sparkify_dagster_tests.pairs import Pair
    from sparkify_dagster_tests.redshift_double import Double

PAIRS = ("duckdb-folder", "duckdb-s3", "redshift-s3")
INSIDE = "-environment"
"""Ends the name of a pair whose warehouse is an environment beside one."""


def pytest_configure(config: pytest.Config) -> None:
    """Ctrl-C is tested: it must reach us, and what we start, even from a shell's background job."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):  # One watches for all workers.
        config.pluginmanager.register(Watch(Path(__file__).resolve().parents[1]))


@pytest.fixture(scope="session", autouse=True)
def _surroundings() -> Iterator[None]:
    with undisturbed():
        yield


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A server that stands in for AWS, one per process of tests; each test makes its buckets."""
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def double(s3: S3Server) -> Iterator[Double]:
    """What stands in for Redshift, one per process of tests; each test makes its schemas."""
    from sparkify_dagster_tests.redshift_double import redshift_double

    with redshift_double(s3.endpoint) as running:
        yield running
        # Each has failed already, unless somebody caught it.
        assert running.refused() == [], "Redshift would refuse what the platform sent"


_LIVE = pytest.param(
    "redshift-live",
    marks=[
        pytest.mark.redshift,
        pytest.mark.skipif(
            not os.environ.get(LIVE_CONFIG),
            reason=f"needs a real Redshift: {LIVE_CONFIG} names its dwh.cfg",
        ),
    ],
)


_INSIDE = [pytest.param(f"{PAIRS[0]}{INSIDE}", marks=pytest.mark.drill)]


@pytest.fixture(params=[*PAIRS, *_INSIDE, _LIVE])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Each pair of warehouse and lake in turn."""
    from sparkify_dagster_tests.pairs import opened

    def fixture(name: str) -> Any:
        return request.getfixturevalue(name)

    config = os.environ.get(LIVE_CONFIG, "")
    with opened(
        request.param, tmp_path, lambda: fixture("s3"), lambda: fixture("double"), config
    ) as made:
        yield made
