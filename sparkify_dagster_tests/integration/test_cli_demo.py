"""The demo, from an empty folder to answers, and the terminal a person sees it on."""

import re
from pathlib import Path

import pytest

from sparkify_dagster.cli.query import EXAMPLE
from sparkify_dagster_tests.integration.cli_process import lake, on_terminal, runs, sparkify

pytestmark = pytest.mark.integration


def test_the_demo_works_in_an_empty_folder_and_again(tmp_path: Path) -> None:
    code, first = on_terminal(tmp_path, "demo", SPARKIFY_REPORT__ENABLED="yes")
    assert code == 0, first
    assert (tmp_path / "dwh.cfg").read_text().startswith("# Written by `sparkify demo`")
    assert (tmp_path / "dwh.cfg").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        "lake", "report.html", "warehouse.duckdb",
    }  # fmt: skip
    assert re.search("reading log objects.*━.*30 of 30", first), "a bar while it works"
    for told in (
        "What was loaded", "logs              30", "The tables and their checks",
        "Which songs are played most?", "██", "free", "data/report.html", "data/warehouse.duckdb",
        "dev -m sparkify_dagster.definitions",
    ):  # fmt: skip
        assert told in first, told
    second = sparkify(tmp_path, "demo")
    assert second.code == 0
    assert second.out.startswith("Nothing changed: data/warehouse.duckdb holds")
    assert "songplay" in second.out
    assert "data/report.html" in second.out
    assert f"query '{EXAMPLE}'" in second.out
    shown = sparkify(tmp_path, "query", EXAMPLE).out.splitlines()
    assert max(map(len, shown)) < 80, "the first query is pleasant to read"
    assert len(shown) == 7
    assert runs(tmp_path) == 1
    again = sparkify(tmp_path, "report", "--output", "again.html")
    assert again.code == 0, again.err
    assert again.out.startswith("Wrote again.html (")
    first_page, second_page = (
        re.sub("Written .*? by", "", (tmp_path / name).read_text("utf-8"))
        for name in ("data/report.html", "again.html")
    )
    assert first_page == second_page, "a load and the command write the same page"


def test_the_demo_respects_settings_of_ones_own(tmp_path: Path) -> None:
    own = "[S3]\nSONG_DATA=songs\nLOG_DATA=logs\nLOG_JSONPATH=paths.json\n"
    (tmp_path / "dwh.cfg").write_text(own)
    said = sparkify(tmp_path, "demo")
    assert said.code == 1
    assert "paths.json are not there" in said.err
    assert (tmp_path / "dwh.cfg").read_text() == own
    assert not (tmp_path / "data").exists()


def test_a_demo_that_fails_says_so_and_not_how_long_it_took(tmp_path: Path) -> None:
    (lake(tmp_path) / "log_data" / "2018-11-03.json").write_text("broken\n")
    said = sparkify(tmp_path, "demo")
    assert said.code == 1
    assert "The load failed; what could be published is published." in said.out
    assert "Loaded in" not in said.out
    assert "2018-11-03 was not published" in said.err
    assert re.search(r"/dagster'? dev -m", said.out)


def test_generate_tells_where_the_lake_is_and_replaces_nothing(tmp_path: Path) -> None:
    words = ["generate", "--songs", "3", "--events", "20", "--days", "1"]
    said = sparkify(tmp_path, *words)
    assert said.code == 0
    assert said.out.startswith("Made a lake of 3 song objects and 20 log records in 1 log object")
    assert "in data/lake." in said.out
    again = sparkify(tmp_path, *words)
    assert again.code == 1
    assert "the generator replaces nothing" in again.err
    assert "in elsewhere." in sparkify(tmp_path, *words, "elsewhere").out
    here = tmp_path / "here"
    here.mkdir()
    assert "in this folder." in sparkify(here, *words, ".").out
    (here / "below").mkdir()
    assert "replaces nothing" in sparkify(here / "below", *words, "..").err


def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    green = "\x1b[32m"
    assert green in on_terminal(tmp_path, "doctor")[1]
    assert green not in on_terminal(tmp_path, "doctor", NO_COLOR="1")[1]
    assert green not in sparkify(tmp_path, "doctor").out


def test_ctrl_c_ends_with_130_and_a_sentence(tmp_path: Path) -> None:
    lake(tmp_path)
    sparkify(tmp_path, "create-tables")
    endless = "SELECT COUNT(*) FROM range(10000000000) AS a WHERE a.range % 7 = 3"
    code, said = on_terminal(tmp_path, "query", endless, stop_after=2.0)
    assert code == 130
    assert "Stopped." in said
