"""Processes for tests, forked from one that has imported what they need.

A process of its own costs two seconds of imports otherwise, and the suite begins some hundred of
them. What belongs here: beginning them. What they do stands in the tests.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

_PRELOADED = [
    "sparkify_dagster_tests.lakes",
    "sparkify_dagster.cli.app",
    "sparkify_dagster.cli.etl",
    "sparkify_dagster.cli.status",
    "sparkify_dagster.cli.doctor",
    "sparkify_dagster.defs.instance",
    "sparkify_dagster.core.aws",
    "sparkify_dagster.report.writing",
    # What a load imports on its way.
    "pandas",
    "pyarrow.dataset",
    "boto3.s3.transfer",
    "obstore.store",
    "psycopg2",
]


def processes() -> ForkServerContext:
    """Makes processes; the one they are forked from begins with the first of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context
