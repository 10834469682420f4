"""Unknown fields are counted, however many there are and however long their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparkify_dagster.warehouse.ledger import latest, unknown_as_text
from sparkify_dagster_tests.lakes import (
    TinyLake,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)


@pytest.mark.parametrize(
    "unknown",
    [
        {"a": 1},
        {f"unknown_field_number_{n:04}": 20 for n in range(400)},
        {"x" * 5_000: 1},
        {"é" * 900: 3, "y": 1},
        {'"\\': 1},
    ],
)
def test_they_stand_as_json_within_the_column(unknown: dict[str, int]) -> None:
    text = unknown_as_text(unknown)
    assert len(text.encode()) <= 4096
    told = json.loads(text)
    left_out = told.pop("…", 0)
    assert len(told) + left_out == len(unknown)
    assert told.items() <= unknown.items()


def test_the_most_frequent_come_first() -> None:
    unknown = {f"rare_{n:03}": 1 for n in range(300)} | {"often": 9}
    assert next(iter(json.loads(unknown_as_text(unknown)))) == "often"


def test_a_day_with_very_many_is_loaded_and_loads_again(tmp_path: Path) -> None:
    lake, warehouse = TinyLake(tmp_path / "lake"), warehouse_at(tmp_path / "warehouse.duckdb")
    lake.put_song("a.json", song())
    strange = {f"unknown_field_number_{n:04}": n for n in range(400)}
    lake.put_log(log_key("2018-11-01"), event() | strange | {"z" * 5_000: 1})
    bring_up_to_date(lake.open(), warehouse)
    with warehouse.reading() as session:
        (day,) = [entry for entry in latest(session) if entry.part == "2018-11-01"]
    assert day.row_count == 1
    assert day.unknown_fields is not None
    assert day.unknown_fields["…"] > 200
    lake.put_log(log_key("2018-11-01"), event())
    bring_up_to_date(lake.open(), warehouse)
