"""`python -m sparkify_dagster_tests.redshift_language`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sparkify_dagster_tests.redshift_language.__main__ import run

_ROOT = Path(__file__).resolve().parents[3]
_GOOD = "SELECT a\nFROM t"
_BAD = "SELECT STRING_AGG(a, ',') FROM t"


def test_a_finding_is_a_line_with_the_statements_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([json.dumps(_GOOD), "\n", json.dumps(_BAD)]) == 1
    assert capsys.readouterr().out == ("3: function: STRING_AGG: use a function of Redshift's\n")


def test_nothing_is_printed_where_nothing_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([json.dumps(_GOOD)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("line", ["SELECT 1", '{"sql": "SELECT 1"}', "17", '"SELECT'])
def test_a_line_that_is_no_json_string_is_named(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([json.dumps(_GOOD), line]) == 2
    assert "line 2: not a JSON string" in capsys.readouterr().err


@pytest.mark.parametrize(("sql", "code"), [(_GOOD, 0), (_BAD, 1)])
def test_the_command_ends_with_what_it_found(sql: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sparkify_dagster_tests.redshift_language"],
        input=json.dumps(sql), text=True, capture_output=True, cwd=_ROOT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")
