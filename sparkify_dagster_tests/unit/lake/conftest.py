"""What the tests of S3 share: a front that answers as the true server cannot be made to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sparkify_dagster_tests.faulty_s3 import FaultyS3, faulty_s3
from sparkify_dagster_tests.s3_server import S3Server


@pytest.fixture(scope="module")
def one_front(s3: S3Server) -> Iterator[FaultyS3]:
    """One front for all tests: each new address would cost a new session."""
    with faulty_s3(s3.endpoint) as front:
        yield front


@pytest.fixture
def front(one_front: FaultyS3) -> FaultyS3:
    """A front that answers as a test tells it to."""
    one_front.reset()
    return one_front
