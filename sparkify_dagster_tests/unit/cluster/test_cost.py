"""What it costs is arithmetic on a dated table, and has a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify_dagster.cluster.cost import cost, prices
from sparkify_dagster.cluster.template import ClusterError, defaults


def test_serverless_costs_nothing_asleep_and_is_bound_by_its_limits() -> None:
    found = cost(defaults(), prices())
    awake = found.lines[0]
    assert (awake.hour, awake.month) == (8 * 0.375, 8 * 31 * 0.375)
    assert found.idle_month == pytest.approx(1.6)
    assert found.most_month == pytest.approx(94.6)
    assert "8 RPU-hours in a day (DailyRpuHours)" in found.bound


def test_a_day_has_no_more_hours_than_a_day_has() -> None:
    found = cost({**defaults(), "DailyRpuHours": "10000"}, prices())
    assert found.lines[0].month == 8 * 24 * 31 * 0.375


def test_nodes_cost_by_the_hour_until_they_are_paused() -> None:
    chosen = {**defaults(), "Warehouse": "provisioned", "NodeCount": "3"}
    found = cost(chosen, prices())
    assert found.lines[0].hour == pytest.approx(3 * 0.543)
    assert found.idle_month == pytest.approx(3 * 0.543 * 730 + 1.6)
    assert found.most_month == pytest.approx(found.idle_month)
    assert "cluster pause" in found.bound


def test_own_prices_go_before_the_packaged_ones_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "frankfurt.toml"
    file.write_text('dated = "2027-01-01"\n[hour]\nrpu = 0.451\n')
    found = cost(defaults(), prices(file))
    assert found.lines[0].hour == pytest.approx(8 * 0.451)
    assert found.lines[1].month == 1.0
    assert (found.dated, found.region) == ("2027-01-01", "frankfurt.toml")


@pytest.mark.parametrize(
    "text", ["no table", "hour = 3", "[hour]\nrpu = 'dear'", "[hour]\nrpu = []"]
)
def test_a_file_that_is_no_table_of_prices_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(ClusterError, match=r"prices.toml: no table of prices .*\[hour\]"):
        prices(file)
