"""How numbers, charts, JSON and odd characters look."""

import json
import math
import shlex
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from sparkify_dagster.cli import console
from sparkify_dagster.cli import watching as module
from sparkify_dagster.cli.console import (
    command,
    commands_in,
    complain,
    err,
    grid,
    near,
    offer,
    out,
    print_json,
    printable,
    say,
    show,
    size,
    typed,
)
from sparkify_dagster.cli.questions import bars
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.progress import report
from sparkify_dagster.core.text import count, unique


def test_amounts_read_well() -> None:
    assert [count(n, "day") for n in (0, 1, 2000)] == ["0 days", "1 day", "2,000 days"]
    assert [size(n) for n in (0, 999, 1500, 2_500_000, 5_000_000_000_000)] == [
        "0 bytes", "999 bytes", "1.5 kB", "2.5 MB", "5,000.0 GB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"), [("a\x1b[31mb", r"a\x1b[31mb"), ("é\n夜\t", r"é\n夜\t"), (12, "12")]
)
def test_no_value_can_steer_the_terminal(value: object, shown: str) -> None:
    assert printable(value) == shown


def test_json_is_valid_whatever_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"n": math.nan, "b": b"\xff", "d": Decimal("1.5"), "s": "\ud83d", "t": ("é",)})
    assert json.loads(capsys.readouterr().out) == {
        "n": "nan", "b": "ff", "d": 1.5, "s": "\ud83d", "t": ["é"],
    }  # fmt: skip


def test_nothing_in_json_can_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b\x7f\x9b\u2028\u202e\u2066\ud83d\U000e0001\n"
    print_json({evil: evil})
    said = capsys.readouterr().out
    assert json.loads(said) == {evil: evil}
    assert all(c.isprintable() or c == "\n" for c in said)


def test_no_line_of_a_table_ends_with_blanks_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = grid("name", "n", "meaning", right=("n",))
    table.add_row("song", "1", "short")
    table.add_row("artist", "20", "a longer one")
    show(table)
    assert capsys.readouterr().out.splitlines() == [
        "name      n   meaning",
        "─" * 26,
        "song      1   short",
        "artist   20   a longer one",
    ]


def test_columns_of_one_name_are_told_apart() -> None:
    assert unique(["a", "b", "a", "a"]) == ["a", "b", "a_2", "a_3"]


def test_the_chart_is_as_high_as_its_highest_hour() -> None:
    chart = bars({0: 8, 12: 4, 23: 1})
    assert len(chart) == 5
    assert chart[0] == "8 ██"
    assert chart[1] == "  ██"
    assert chart[3] == f"  ██{' ' * 34}██{' ' * 31}▄▄"
    assert chart[4].split() == [str(hour) for hour in range(24)]


def test_a_chart_of_nothing_says_so() -> None:
    assert bars({}) == ["(no plays)"]


def test_progress_is_a_few_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = StringIO()
    monkeypatch.setattr(module.sys, "stderr", heard)
    with watching():
        report("looking")
        for done in range(1, 1001):
            report("reading", done, 1000)
        report("publishing: song")
        report("publishing: artist")
    assert heard.getvalue().splitlines() == [
        "looking …", "reading …", "reading, 1,000 of 1,000", "publishing …",
    ]  # fmt: skip


def test_a_stage_that_was_said_is_not_said_again_and_one_that_is_over_has_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = StringIO()
    monkeypatch.setattr(module.sys, "stderr", heard)
    with watching(unsaid="looking"):
        report("starting")
        report("looking")
        report("making songs", 200, 200)
        report("making events", 5_000, 20_000)
    assert heard.getvalue().splitlines() == [
        "starting …", "making songs, 200 of 200",
        "making events …", "making events, 5,000 of 20,000",
    ]  # fmt: skip


def test_a_program_is_typed_by_its_name_only_where_the_path_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "some where" / "dagster"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    assert typed(program) == f"'{program}'"
    monkeypatch.chdir(tmp_path)
    assert typed(program) == "'some where/dagster'"
    monkeypatch.chdir(program.parent)
    assert typed(program) == "./dagster", "which a shell would else look for on the PATH"
    monkeypatch.setenv("PATH", str(program.parent))
    assert typed(program) == "dagster"
    link = tmp_path / "dagster"
    link.symlink_to(program)
    assert typed(link) == shlex.quote(str(link)), "an environment's Python is such a link"


def test_from_the_root_a_path_keeps_its_first_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert near(tmp_path / "data" / "lake") == "data/lake"
    monkeypatch.chdir("/")
    assert near(tmp_path / "data") == str(tmp_path / "data")
    assert near("s3://bucket/data") == "s3://bucket/data"


@pytest.mark.parametrize("width", [10, 60, 200])
def test_a_command_stands_on_a_line_of_its_own_that_nothing_breaks(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = StringIO()
    shown = Console(file=screen, width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr(console, "out", lambda: shown)
    monkeypatch.setattr(console, "called_as", lambda: "'/a b/sparkify'")
    long = "query 'SELECT title, artist_name, plays FROM most_played LIMIT 5'"
    offer(f"3 parts to load: run `sparkify {long}`.")
    offer("`sparkify status` says why; mend it, then `sparkify etl --days 2018-11-01`, or not.")
    offer("To load it again: `sparkify etl`.")
    command("make dev")
    assert screen.getvalue().splitlines() == [
        "3 parts to load:",
        f"'/a b/sparkify' {long}",
        "`sparkify status` says why; mend it, then `sparkify etl --days 2018-11-01`, or not.",
        "'/a b/sparkify' status",
        "'/a b/sparkify' etl --days 2018-11-01",
        "To load it again:",
        "'/a b/sparkify' etl",
        "make dev",
    ]


def test_pip_is_that_of_this_python() -> None:
    (told,) = commands_in("do `pip install -e .`, then `pip install -e .` and `this`")
    assert told.endswith(" -m pip install -e .")
    assert "python" in told


@pytest.mark.parametrize("end", ["; rm x", " | sh", " $(x)", " > x", "\nrm x", " && x", " \\x"])
def test_what_a_shell_takes_for_more_than_words_is_no_command_to_copy(end: str) -> None:
    assert commands_in(f"do `sparkify status{end}` and `pip install x{end}`") == []


def test_nothing_that_is_said_can_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b[31m\x07\x9b2J\r\tb\nc"
    out.cache_clear()
    err.cache_clear()
    say(evil)
    offer(evil)
    complain(evil)
    table = grid(evil)
    table.add_row(evil)
    show(table)
    said = capsys.readouterr()
    assert set("\x1b\x07\x9b\r\t").isdisjoint(said.out + said.err)
    assert r"a\x1b[31m\x07\x9b2J\r" in said.out
    assert "\nc\n" in said.out, "lines of a text that may have several stay lines"
    assert r"\tb\nc" in said.out, "a line stays one"
