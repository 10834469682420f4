"""A warehouse and a history that the version before made: they work on with this one.

`upgrade/made_by_VERSION.tar.xz` is what that version left in an empty folder after
`sparkify generate data/lake --songs 20 --events 400 --days 3 --seed 7`, `sparkify etl`, two
hundred broken lines more in one log, and `sparkify etl`. A release adds its own.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import duckdb
import pytest

from sparkify_dagster.model.catalog import MARTS, STAGING, STAR
from sparkify_dagster_tests.integration.cli_process import runs, sparkify

pytestmark = [pytest.mark.integration, pytest.mark.drill]
MADE = sorted((Path(__file__).parents[1] / "upgrade").glob("made_by_*.tar.xz"))
TABLES = [table.name for table in (*STAGING, *STAR, *MARTS)]


def rows(warehouse: Path, table: str) -> list[tuple[object, ...]]:
    """A table's rows but for the number of the load that brought them."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.sql(f'SELECT * FROM sparkify."{table}"')
        kept = ", ".join(f'"{name}"' for name in found.columns if name != "load_id")
        return sorted(found.project(kept).fetchall(), key=repr)


def mend(log: Path) -> None:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(line for line in lines if line.endswith("}\n")), encoding="utf-8")


@pytest.mark.parametrize("made", MADE, ids=lambda path: path.name)
def test_what_the_version_before_left_is_loaded_on_and_equals_a_fresh_load(
    made: Path, tmp_path: Path
) -> None:
    before, fresh = tmp_path / "before", tmp_path / "fresh"
    with tarfile.open(made) as packed:
        packed.extractall(before, filter="data")
    old = runs(before)
    assert old == 2

    failed = sparkify(before, "status", "--json").json["days"]
    assert [day["name"] for day in failed if day["state"] == "failed"] == ["2018-11-02"]
    assert sparkify(before, "etl").code == 1, "the log is as broken as before"
    mend(before / "data" / "lake" / "log_data" / "2018" / "11" / "2018-11-02-events.json")
    shutil.copytree(before / "data" / "lake", fresh / "data" / "lake")
    assert sparkify(before, "etl").code == 0
    assert sparkify(fresh, "etl").code == 0
    told = {table: rows(before / "data" / "warehouse.duckdb", table) for table in TABLES}
    assert told == {table: rows(fresh / "data" / "warehouse.duckdb", table) for table in TABLES}
    assert len(told["songplay"]) > 300
    assert runs(before) == old + 2, "the history goes on"

    again = sparkify(before, "etl")
    assert (again.code, runs(before)) == (0, old + 2)
    assert "Nothing changed" in again.out
