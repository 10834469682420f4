"""The real sample, where it lies beside the project: what the contract says of it, to the row."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from sparkify_dagster_tests.lakes import (
    FIRST_DAY,
    TinyLake,
    assert_equals_oracle,
    bring_up_to_date,
    tables_of,
    warehouse_at,
)

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "sample-lake"
PLAYS_PER_DAY = (11, 155, 100, 144, 356, 154, 174, 161, 252, 87)

pytestmark = pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample lake is not here")


@pytest.fixture(scope="module")
def sample() -> TinyLake:
    return TinyLake(SAMPLE)


def test_the_sample_lake_loads_to_what_the_oracle_says(sample: TinyLake, tmp_path: Path) -> None:
    warehouse = warehouse_at(tmp_path / "warehouse.duckdb")
    outcome = bring_up_to_date(sample.open(), warehouse)
    assert outcome.failed == set()
    assert outcome.seen.unroutable == []
    expected = sample.expected()
    assert expected.rejects == []
    assert_equals_oracle(warehouse, expected)


def test_the_sample_lake_has_the_plays_of_the_contract(sample: TinyLake, tmp_path: Path) -> None:
    warehouse = warehouse_at(tmp_path / "warehouse.duckdb")
    bring_up_to_date(sample.open(), warehouse)
    plays = Counter(row[-1] for row in tables_of(warehouse, ["songplay"])["songplay"])
    wanted: dict[date, int] = {
        FIRST_DAY + timedelta(days=number): count for number, count in enumerate(PLAYS_PER_DAY)
    }
    assert dict(plays) == wanted


def test_loading_the_sample_lake_again_finds_nothing_to_do(
    sample: TinyLake, tmp_path: Path
) -> None:
    warehouse = warehouse_at(tmp_path / "warehouse.duckdb")
    bring_up_to_date(sample.open(), warehouse)
    assert bring_up_to_date(sample.open(), warehouse).todo.is_nothing
