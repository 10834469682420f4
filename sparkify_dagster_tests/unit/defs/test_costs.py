"""What requests are estimated to cost."""

from __future__ import annotations

import pytest

from sparkify_dagster.defs.costs import PRICES_TOLD, cost_metadata, estimate, usage_metadata
from sparkify_dagster.warehouse.redshift.usage import Usage


def test_requests_cost_what_their_price_says_and_bytes_and_deletions_nothing() -> None:
    assert estimate({"PUT": 1000}) == pytest.approx(0.005)
    assert estimate({"LIST": 3, "PUT": 1}) == pytest.approx(4 * 0.005 / 1000)
    assert estimate({"GET": 10_000, "HEAD": 10_000}) == pytest.approx(0.008)
    assert estimate({"DELETE": 10**6, "bytes_read": 10**12, "bytes_written": 1}) == 0
    assert estimate({}) == 0


def test_a_folder_costs_nothing_and_no_dollars_are_told() -> None:
    assert cost_metadata({}) == {}


def test_requests_bytes_and_dollars_are_numbers_with_the_prices_beside_them() -> None:
    told = cost_metadata({"LIST": 2, "GET": 500, "bytes_read": 123_456})
    assert told == {
        "s3_list_requests": 2,
        "s3_get_requests": 500,
        "s3_bytes_read": 123_456,
        "s3_dollars_estimated": 0.00021,
        "s3_prices": PRICES_TOLD,
    }


def test_round_trips_and_connections_are_told_and_cost_no_request() -> None:
    assert cost_metadata({"round_trips": 43, "connections": 1}) == {
        "round_trips": 43,
        "connections": 1,
    }


def test_objects_that_redshift_read_by_itself_cost_a_request_each() -> None:
    told = cost_metadata({"PUT": 2}, copied=100)
    assert told["s3_dollars_estimated"] == pytest.approx(0.00005)
    assert "s3_get_requests" not in told, "we did not send them"


def test_the_prices_say_that_they_are_an_estimate_and_whose_they_are() -> None:
    for word in ("Estimate", "us-west-2", "2025", "$0.005", "$0.0004", "aws.amazon.com/s3/pricing"):
        assert word in PRICES_TOLD


def test_a_cluster_costs_what_it_is_awake_and_a_minute_at_least() -> None:
    told = usage_metadata(Usage(queries=200, seconds=90.0, awake=120.0), hour_price=3.0)
    assert told["cluster_dollars_estimated"] == 0.1
    assert usage_metadata(Usage(1, 0.1, 0.1), 3.0)["cluster_dollars_estimated"] == 0.05
    assert "cluster_dollars_estimated" not in usage_metadata(Usage(1, 0.1, 0.1), 0)
    assert usage_metadata(None, 3.0) == {}
