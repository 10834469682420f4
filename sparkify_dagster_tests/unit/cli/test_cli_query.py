"""How the answer to a query is shown: as a table, or record by record; doubles to be read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console

from sparkify_dagster.cli import console
from sparkify_dagster.cli.query import EXAMPLE, rounded, run_query, show_rows
from sparkify_dagster.core.local_files import OutputError
from sparkify_dagster.settings import load_settings
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import warehouse_at

ROOT = Path(__file__).resolve().parents[3]
NAMES = ["id", "who", "where", "secs"]
ROWS = [(1, "Ada", "Syracuse, NY", 578.3166666666667), (20, "Bo", None, 2.5)]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], StringIO]:
    """Makes the console a terminal of some width; gives what is written to it."""

    def made(width: int) -> StringIO:
        screen = StringIO()
        shown = Console(file=screen, width=width, force_terminal=True, color_system=None)
        monkeypatch.setattr(console, "out", lambda: shown)
        return screen

    return made


def lines(screen: StringIO) -> list[str]:
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_an_answer_that_fits_the_terminal_is_a_table(terminal: Callable[[int], StringIO]) -> None:
    screen = terminal(37)
    show_rows(NAMES, ROWS)
    assert lines(screen) == [
        "id   who   where              secs",
        "─" * 34,
        " 1   Ada   Syracuse, NY   578.3167",
        "20   Bo    NULL                2.5",
    ]


def test_an_answer_too_wide_for_the_terminal_is_shown_record_by_record(
    terminal: Callable[[int], StringIO],
) -> None:
    screen = terminal(33)
    show_rows(NAMES, ROWS)
    assert lines(screen) == [
        "record 1",
        "id      1",
        "who     Ada",
        "where   Syracuse, NY",
        "secs    578.3167",
        "",
        "record 2",
        "id      20",
        "who     Bo",
        "where   NULL",
        "secs    2.5",
    ]


def test_in_a_pipe_every_answer_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(["short", "long"], [("a", "b" * 3000), ("c", "d")])
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_text_of_several_lines_is_printed_as_a_text(terminal: Callable[[int], StringIO]) -> None:
    screen = terminal(20)
    plan = "╭─ Seq Scan ─────────────────╮\n│\tTable: song \x1b[31m│\r\n╰───╯\n"
    show_rows(["explain_key", "explain_value"], [("logical_plan", plan), ("physical\x07", "a\nb")])
    show_rows(["text"], [("c\n\n  d",)])
    assert lines(screen) == [
        "logical_plan",
        "╭─ Seq Scan ─────────────────╮",
        r"│       Table: song \x1b[31m│",
        "╰───╯",
        r"physical\x07",
        "a",
        "b",
        "c",
        "",
        "  d",
    ]


@pytest.mark.parametrize(
    ("names", "row"),
    [(["id", "text"], (1, "a\nb")), (["x", "y", "z"], ("a", "b", "a\nb")), (["x"], ("a\x1bb",))],
)
def test_in_a_table_line_breaks_and_what_steers_the_terminal_are_seen(
    names: list[str], row: tuple[object, ...], terminal: Callable[[int], StringIO]
) -> None:
    screen = terminal(80)
    show_rows([f"{name}\x1b[31m" for name in names], [row])
    head, _, shown = lines(screen)
    assert r"\x1b[31m" in head
    assert r"a\nb" in shown or r"a\x1bb" in shown
    assert "\x1b" not in screen.getvalue()


def test_the_plan_of_a_statement_is_read_as_it_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse_at(tmp_path / "data" / "warehouse.duckdb").transact(create_tables)
    settings = load_settings(environ={}, cwd=tmp_path)
    run_query(settings, "EXPLAIN SELECT * FROM song", limit=None, as_json=False)
    drawn = capsys.readouterr().out.splitlines()
    assert drawn[0] == "physical_plan"
    assert len(drawn) > 3
    assert all(line[0] in "╭│╰┌└" for line in drawn[1:])
    run_query(settings, "EXPLAIN SELECT * FROM song", limit=None, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["explain_value"].splitlines() == drawn[1:]


def test_all_rows_of_an_answer_are_written_to_a_file_by_its_ending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse_at(tmp_path / "data" / "warehouse.duckdb").transact(create_tables)
    settings, path = load_settings(environ={}, cwd=tmp_path), tmp_path / "answer.csv"
    sql = "SELECT range AS n, '=' AS t FROM range(1000)"
    run_query(settings, sql, limit=None, as_json=False, output=path)
    assert capsys.readouterr().out.startswith("Written: 1,000 rows to ")
    assert path.read_text().splitlines()[:2] == ['"n","t"', '0,"\'="']
    assert len(path.read_text().splitlines()) == 1001
    with pytest.raises(OutputError, match="is there already"):
        run_query(settings, sql, limit=None, as_json=False, output=path)
    with pytest.raises(typer.BadParameter, match="a file takes all rows"):
        run_query(settings, sql, limit=5, as_json=False, output=path, force=True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (578.3166666666667, "578.3167"),
        (218.93179, "218.93179"),
        (-95.845023, "-95.845023"),
        (1 / 3, "0.333333"),
        (-2 / 3, "-0.666667"),
        (1234567.891234567, "1234567.89"),
        (0.99999999999, "1.0"),
        (3.0, "3.0"),
        (0.0, "0.0"),
        (1.23456789e-07, "1.23457e-07"),
        (1e300, "1e+300"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_double_is_shown_with_as_many_decimals_as_say_something(value: float, shown: str) -> None:
    assert rounded(value) == shown


def test_json_tells_a_double_exactly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    warehouse_at(tmp_path / "data" / "warehouse.duckdb").transact(create_tables)
    settings = load_settings(environ={}, cwd=tmp_path)
    asked = "SELECT 1::DOUBLE / 3 AS third"
    run_query(settings, asked, limit=None, as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"third": 1 / 3}]
    run_query(settings, asked, limit=None, as_json=False)
    assert capsys.readouterr().out.splitlines()[-1] == "0.333333"


@pytest.mark.parametrize("page", ["README.md", "sparkify_dagster/docs_site/templates/index.html"])
def test_a_first_query_is_the_same_everywhere(page: str) -> None:
    assert f"sparkify query '{EXAMPLE}'" in (ROOT / page).read_text(encoding="utf-8")
