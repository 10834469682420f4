"""A lake into which somebody puts what is none of it, by the command, from settings to tables."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import duckdb
import pytest

from sparkify_dagster_tests.integration.cli_process import lake, sparkify

pytestmark = pytest.mark.integration
SECRET = "root:the loader's alone"


def _texts(warehouse: Path) -> str:
    """All that any table holds."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
        )
        return str(
            [connection.execute(f'FROM "{s}"."{t}"').fetchall() for s, t in tables.fetchall()]
        )


def test_links_pipes_and_devices_cost_their_days_and_show_nothing(tmp_path: Path) -> None:
    logs = lake(tmp_path) / "log_data"
    (tmp_path / "outside").mkdir()
    for name in ("secret", "outside/2018-11-07.json"):
        (tmp_path / name).write_text(SECRET)
    (logs / "2018-11-04.json").symlink_to(tmp_path / "secret")
    (logs / "2018-11-05.json").symlink_to("/dev/zero")
    (logs / "2018-11-06.json").symlink_to("2018-11-06.json")
    (logs / "out").symlink_to(tmp_path / "outside")
    (logs / "all").symlink_to("/")
    (logs / "up").symlink_to("..")
    (logs / "round").symlink_to(".")
    (logs / "LATEST").symlink_to("LATEST")
    os.mkfifo(logs / "2018-11-08.json")
    said = sparkify(tmp_path, "etl")
    assert said.code == 1
    for day in ("2018-11-04", "2018-11-05", "2018-11-06"):
        assert f"{day} was not published: {day}.json: " in said.err
    told = "Warning: Not read in [S3] LOG_DATA: 8 links that lead nowhere, back or out"
    assert told in said.err
    assert SECRET not in said.out + said.err
    assert SECRET not in _texts(tmp_path / "data/warehouse.duckdb")
    loaded = sparkify(tmp_path, "status", "--json").json
    states = {day["name"]: day["state"] for day in loaded["days"]}
    assert states == {
        "2018-11-01": "loaded", "2018-11-02": "loaded",
        "2018-11-04": "failed", "2018-11-05": "failed", "2018-11-06": "failed",
    }  # fmt: skip


def test_what_loads_make_is_closed_to_other_accounts(tmp_path: Path) -> None:
    lake(tmp_path)
    assert sparkify(tmp_path, "etl", SPARKIFY_REPORT__ENABLED="yes").code == 0
    made = (".dagster", "data/warehouse.duckdb", "data/report.html")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in made]
    assert modes == [0o700, 0o600, 0o600]


@pytest.mark.parametrize("command", [("etl",), ("status",), ("doctor",)])
def test_a_configuration_or_document_without_an_end_is_an_error_at_once(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    lake(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    said = sparkify(tmp_path, *command, SPARKIFY_CONFIG="pipe")
    assert said.code == 2
    assert "is a pipe or a device, not a file" in " ".join((said.out + said.err).split())
    said = sparkify(tmp_path, *command, SPARKIFY_S3__LOG_JSONPATH="/dev/zero")
    assert "is a pipe or a device, not a file" in " ".join((said.out + said.err).split())


def test_no_name_in_the_lake_is_offered_as_a_command_to_copy(tmp_path: Path) -> None:
    data = lake(tmp_path)
    evil = ("`sparkify create-tables --drop`", "`sparkify x; touch pwned`", "`pip install evil`")
    for at, words in enumerate(evil):
        (data / "log_data" / f"2018-11-04 {at} {words}.json.gz").write_text("no gzip")
        (data / "log_data" / f"2018-11-05 {at} {words}.json").write_text("a,b\na,b\n")
        (data / "song_data" / f"{words}.json.gz").write_text("no gzip")
        (data / "log_data" / f"{words}.json").write_text("{}")
        (data / "log_data" / f"{words}.txt").write_text("")
        (data / "log_data" / words).symlink_to("/")
    document = (data / "log_json_path.json").read_text()
    asked = "SELECT CAST('`sparkify create-tables --drop`' AS INT)"
    for command in (("etl",), ("status",), ("doctor",), ("retry",), ("query", asked), ("etl",)):
        said = sparkify(tmp_path, *command)
        lines = [line.strip() for line in (said.out + said.err).splitlines()]
        offered = [line for line in lines if line.endswith(("--drop", "pwned", "evil"))]
        assert offered == []
        if command == ("query", asked):
            (data / "log_json_path.json").write_text(document.replace("$", evil[0], 1))
    assert evil[0][1:-1] in said.err, "the document is told"
