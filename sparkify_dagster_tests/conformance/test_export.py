"""The exported files hold the tables; what did not change is not written again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pyarrow import parquet

from sparkify_dagster.analysis.export import EXPORTED, Exported, export
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.lakes import (
    COLUMNS,
    assert_same_tables,
    bring_up_to_date,
    event,
    log_key,
    song,
    tables_expected,
    without_origin,
)
from sparkify_dagster_tests.pairs import Pair

ENGINES = pytest.mark.parametrize("pair", ["duckdb-folder", "redshift-s3"], indirect=True)


def loaded(pair: Pair) -> None:
    assert not bring_up_to_date(pair.lake.open(), pair.warehouse).failed


def held(state: Path) -> dict[str, list[oracle.Row]]:
    """The rows of every table as a reader finds them, in the oracle's order."""
    manifest = json.loads((state / "manifest.json").read_text())
    found = {}
    for table in manifest["tables"]:
        paths = [state / part["file"] for part in table["parts"]]
        assert sorted(paths) == sorted((state / table["name"]).iterdir())
        rows = [row for p in paths for row in parquet.read_table(p).to_pylist()]
        assert len(rows) == table["rows"]
        columns = COLUMNS[table["name"]]
        found[table["name"]] = oracle.in_order(tuple(row[c] for c in columns) for row in rows)
    return found


def assert_holds_the_lake(pair: Pair, done: Exported) -> None:
    found, wanted = held(done.state), tables_expected(pair.lake.expected())
    if pair.warehouse.engine == "redshift":
        found, wanted = without_origin(found), without_origin(wanted)
    assert_same_tables(found, wanted)


@ENGINES
def test_an_export_holds_every_table_and_the_next_writes_only_what_changed(
    pair: Pair, tmp_path: Path
) -> None:
    folder, lake = tmp_path / "out", pair.lake
    lake.put_song("a.json", song())
    for day in ("2018-11-01", "2018-11-02", "2018-11-03"):
        lake.put_log(log_key(day), event(sessionId=int(day[-2:]), ts=1541030400000))
    loaded(pair)
    first = export(pair.warehouse, folder)
    assert_holds_the_lake(pair, first)
    assert first.tables == len(EXPORTED)
    assert len(first.written) == first.files
    assert (folder / "current").resolve() == first.state
    assert export(pair.warehouse, folder) == Exported(
        first.state, first.tables, first.files, first.rows, ()
    )

    lake.put_log(log_key("2018-11-02"), event(sessionId=2, ts=1541030400000, location="Elsewhere"))
    loaded(pair)
    second = export(pair.warehouse, folder)
    assert_holds_the_lake(pair, second)
    assert set(second.written) == {
        "staging_events_table/2018-11-02.parquet",
        "songplay/2018-11-02.parquet",
        "plays_by_place/plays_by_place.parquet",
    }
    for name in ("songplay/2018-11-01.parquet", "song/song.parquet"):
        assert os.path.samefile(first.state / name, second.state / name)
    assert first.state.exists(), "who reads the state before goes on reading it"

    (lake.logs / log_key("2018-11-03")).unlink()
    loaded(pair)
    third = export(pair.warehouse, folder)
    assert_holds_the_lake(pair, third)
    assert not (folder / "current" / "songplay" / "2018-11-03.parquet").exists()
    assert not first.state.exists()

    plain = export(pair.warehouse, folder, personal=False)
    for table in json.loads((plain.state / "manifest.json").read_text())["tables"]:
        assert not any(column["personal"] for column in table["columns"])
        for part in table["parts"]:
            names = parquet.read_schema(plain.state / part["file"]).names
            assert names == [column["name"] for column in table["columns"]]
    assert not (plain.state / "user").exists()
