"""A warehouse and a history that the version before made: they work on with this one.

`upgrade/made_by_VERSION.tar.xz` is what that version left in an empty folder after
`sparkify generate data/lake --songs 20 --events 400 --days 3 --seed 7`, `sparkify etl`, two
hundred broken lines more in one log, and `sparkify etl`. A release adds its own.

`upgrade/made_by_VERSION_on_redshift.sql.xz` is what that version left of the same lake on what
stands in for Redshift: the statements that make its schema and its tables as it sent them, and
INSERTs of all their rows, a JSON string each on a line of its own.
"""

from __future__ import annotations

import json
import lzma
import shutil
import tarfile
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2
import pytest

from sparkify_dagster.model.catalog import MARTS, STAGING, STAR
from sparkify_dagster_tests.integration.cli_process import runs, sparkify
from sparkify_dagster_tests.lakes import (
    assert_equals_oracle,
    assert_same_tables,
    bring_up_to_date,
    tables_of,
    without_origin,
)
from sparkify_dagster_tests.pairs import cloud_lake, redshift_at
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = [pytest.mark.integration, pytest.mark.drill]
MADE = sorted((Path(__file__).parents[1] / "upgrade").glob("made_by_*.tar.xz"))
ON_REDSHIFT = sorted((Path(__file__).parents[1] / "upgrade").glob("made_by_*_on_redshift.sql.xz"))
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


def restore(double: Double, dump: Path) -> str:
    """Makes the schema as a client of Redshift; gives its name."""
    statements = [json.loads(line) for line in lzma.decompress(dump.read_bytes()).splitlines()]
    with closing(
        psycopg2.connect(
            host=double.host, port=double.port, user=double.user, password=double.password,
            dbname=double.database, sslmode="verify-full", sslrootcert=str(double.ca_file),
        )
    ) as connection, connection.cursor() as cursor:  # fmt: skip
        for statement in statements:
            cursor.execute(statement)
        connection.commit()
    return str(statements[0]).rpartition(" ")[2].strip('"')


@pytest.mark.parametrize("dump", ON_REDSHIFT, ids=lambda path: path.name)
def test_what_the_version_before_left_on_redshift_is_loaded_on_and_equals_a_fresh_load(
    dump: Path, double: Double, s3: S3Server, tmp_path: Path
) -> None:
    with tarfile.open(dump.with_name(dump.name.replace("_on_redshift.sql", ".tar"))) as packed:
        packed.extractall(tmp_path, filter="data")
    lake = cloud_lake(s3, tmp_path / "data" / "lake")
    before = redshift_at(double, s3, lake, restore(double, dump))
    fresh = redshift_at(double, s3, lake)

    plays = len(tables_of(before, ["songplay"])["songplay"])
    assert plays > 300
    assert bring_up_to_date(lake.open(), before).failed == {"2018-11-02"}
    assert len(tables_of(before, ["songplay"])["songplay"]) == plays, "the rows of the day stay"
    mend(lake.logs / "2018" / "11" / "2018-11-02-events.json")
    for warehouse in (before, fresh):
        assert bring_up_to_date(lake.open(), warehouse).failed == set()
        assert_equals_oracle(warehouse, lake.expected())
    assert_same_tables(without_origin(tables_of(before)), without_origin(tables_of(fresh)))
    again = bring_up_to_date(lake.open(), before)
    assert (again.songs, again.days) == (None, []), "nothing changed"
