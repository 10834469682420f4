"""The report's questions are Redshift's SQL, in the subset all engines read alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlfluff.core import FluffConfig, Linter

from sparkify_dagster import report
from sparkify_dagster.report.facts import typed
from sparkify_dagster.report.questions import headline, over_time, single
from sparkify_dagster_tests.unit.model.test_model_sql import DENIED, plain

QUESTIONS = {
    f"{question.name} by {grain}" if question in over_time(grain) else question.name: question
    for grain in ("day", "month")
    for question in (headline(), *single(), *over_time(grain))
}


FILES = {path.stem: path for path in Path(report.__file__).with_name("sql").iterdir()}


def test_every_question_has_a_file_and_every_file_is_a_question() -> None:
    assert set(FILES) == {question.name for question in QUESTIONS.values()}
    assert {path.suffix for path in FILES.values()} == {".sql"}


def test_no_statement_stands_in_the_code_of_the_report() -> None:
    code = Path(report.__file__).parent.glob("*.py")
    assert [path.name for path in code if re.search(r"SELECT\s", path.read_text("utf-8"))] == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_it_is_one_statement(name: str) -> None:
    assert re.match("SELECT ", typed(QUESTIONS[name]))
    assert ";" not in typed(QUESTIONS[name])


@pytest.fixture(scope="module")
def linter() -> Linter:
    return Linter(FluffConfig(overrides={"dialect": "redshift", "templater": "raw"}))


@pytest.mark.parametrize("name", QUESTIONS)
def test_redshift_can_parse_it(linter: Linter, name: str) -> None:
    parsed = linter.parse_string(typed(QUESTIONS[name]))
    assert parsed.violations == []
    assert parsed.tree is not None
    assert list(parsed.tree.recursive_crawl("unparsable")) == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_it_uses_nothing_that_some_engine_lacks(name: str) -> None:
    sql = plain(typed(QUESTIONS[name]))
    words = [rf"(?<!\w)(?:{pattern})(?!_)" for pattern in DENIED]
    assert [word for word in words if re.search(word, sql, re.IGNORECASE)] == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_it_divides_by_no_whole_number(name: str) -> None:
    for divisor in re.findall(r"/\s*(\S.*?)(?= AS )", plain(typed(QUESTIONS[name]))):
        assert "* 1.0" in divisor


@pytest.mark.parametrize("name", QUESTIONS)
def test_it_is_one_row_or_ordered(name: str) -> None:
    one_row = name in ("headline", "levels")
    assert one_row != ("ORDER BY" in typed(QUESTIONS[name]))
