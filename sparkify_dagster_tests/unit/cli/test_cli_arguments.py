"""Words become values, or usage errors."""

from datetime import date

import pytest
import typer

from sparkify_dagster.cli.arguments import any_table, day, day_range, staging_table
from sparkify_dagster.lake.objects import DayRange


def test_a_range_has_both_ends() -> None:
    assert day_range("2018-11-01..2018-11-03") == DayRange(date(2018, 11, 1), date(2018, 11, 3))


def test_a_day_is_a_range_of_one() -> None:
    assert day_range("2018-11-02") == DayRange(date(2018, 11, 2), date(2018, 11, 2))


@pytest.mark.parametrize("text", ["", "2018-11", "01.11.2018", "2018-W44-4", "2018-11-31", "x..y"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a day"):
        day_range(text)


def test_a_reversed_range_is_refused_with_the_right_one() -> None:
    with pytest.raises(typer.BadParameter, match=r"reversed.*write 2018-11-01\.\.2018-11-02"):
        day_range("2018-11-02..2018-11-01")


def test_a_day_is_given_back_as_text() -> None:
    assert day("2018-11-02") == "2018-11-02"


def test_tables_are_known_by_name() -> None:
    assert any_table("load_history") == "load_history"
    assert any_table('"user"') == "user"
    assert staging_table("staging_songs_table") == "staging_songs_table"
    with pytest.raises(typer.BadParameter, match="There are: staging_songs_table"):
        staging_table("load_history")
