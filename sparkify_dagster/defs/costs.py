"""What a load asked of S3 and Redshift, and what S3 is estimated to cost by prices declared here.

What belongs here: prices, the sum, and how both are told. Counting is `core.meter`'s. What is not
in it: Redshift's compute, storage, and traffic that leaves the region.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sparkify_dagster.core.meter import CONNECTIONS, ROUND_TRIPS
from sparkify_dagster.warehouse.redshift.usage import Usage

_DOLLARS = {"PUT": 0.005, "LIST": 0.005, "GET": 0.0004, "HEAD": 0.0004}
"""Of a thousand requests by kind: S3 Standard, region us-west-2, as listed in 2025."""
PRICES_TOLD = (
    "Estimate: S3 requests at the 2025 list prices of us-west-2 (S3 Standard, aws.amazon.com/s3/"
    f"pricing): PUT and LIST ${_DOLLARS['PUT']:g} per 1,000; GET and HEAD ${_DOLLARS['GET']:g} per "
    "1,000; DELETE free. Redshift's compute, storage and traffic are not in it."
)


def estimate(requests: Mapping[str, int]) -> float:
    """Dollars that requests cost.

    Args:
        requests: How many of each kind; what has no price, such as bytes, costs nothing.
    """
    return sum(number * _DOLLARS.get(kind, 0.0) / 1000 for kind, number in requests.items())


def cost_metadata(requests: Mapping[str, int], copied: int = 0) -> dict[str, Any]:
    """Connections, round trips, requests, bytes, and dollars where S3 was asked anything.

    Args:
        requests: What was asked, by kind, and bytes either way, as `core.meter` counts.
        copied: Objects that Redshift read by itself, a request each at least.
    """
    of_redshift = {CONNECTIONS, ROUND_TRIPS}
    told: dict[str, Any] = {w: n for w, n in requests.items() if w in of_redshift}
    requests = {what: number for what, number in requests.items() if what not in of_redshift}
    for what, number in sorted(requests.items()):
        name = f"s3_{what}" if what.startswith("bytes") else f"s3_{what.lower()}_requests"
        told[name] = number
    if requests or copied:
        dollars = estimate(Counter(requests) + Counter(GET=copied))
        told["s3_dollars_estimated"] = round(dollars, 7)
        told["s3_prices"] = PRICES_TOLD
    return told


def usage_metadata(usage: Usage | None, hour_price: float) -> dict[str, Any]:
    """What a load took of the cluster up to then, and what that is estimated to cost.

    Args:
        hour_price: Dollars for an hour awake; 0: no estimate.
    """
    if usage is None:
        return {}
    told: dict[str, Any] = {
        "queries": usage.queries,
        "query_seconds": round(usage.seconds, 3),
        "seconds_awake": round(usage.awake, 3),
    }
    if hour_price:
        told["cluster_dollars_estimated"] = round(usage.dollars(hour_price), 4)
        told["cluster_price"] = f"Estimate: ${hour_price:g} an hour awake ([LOAD] HOUR_PRICE)."
    return told
