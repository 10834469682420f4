"""What is said of the cluster at the end of a load."""

from __future__ import annotations

from sparkify_dagster.cli.outcome import cluster_line
from sparkify_dagster.defs.costs import usage_metadata
from sparkify_dagster.defs.instance import LoadResult
from sparkify_dagster.warehouse.redshift.usage import Usage


def said(hour_price: float) -> str:
    told = usage_metadata(Usage(200, 41.26, 120.0), hour_price)
    return cluster_line(LoadResult("run", success=True, materialized={"songplay": told}))


def test_what_a_load_took_of_the_cluster_is_said_with_its_price() -> None:
    work = "Cluster: 200 queries, 41.26 s of work in 120.0 s awake"
    assert said(3.0) == f"{work}, about $0.1 ([LOAD] HOUR_PRICE)."
    assert said(0) == f"{work}."


def test_nothing_is_said_of_it_where_the_engine_does_not_tell() -> None:
    assert cluster_line(LoadResult("run", success=True, materialized={"songplay": {}})) == ""
    assert cluster_line(LoadResult("run", success=True)) == ""
