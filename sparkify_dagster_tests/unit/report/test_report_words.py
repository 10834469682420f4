"""Numbers and dates read as a person would write them."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from sparkify_dagster.report import words

DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, DASH), (0, 7, "0 %"), (7, 7, "100 %"), (1, 8, "12.5 %"),
        (1, 6820, "< 0.1 %"), (6819, 6820, "> 99.9 %"), (999, 1000, "99.9 %"),
    ],
)  # fmt: skip
def test_a_share_is_nothing_or_all_only_where_it_is(part: int, whole: int, said: str) -> None:
    assert words.share(part, whole) == said


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (None, None, "no plays yet"),
        (date(2018, 11, 1), date(2018, 11, 1), "1 November 2018"),
        (date(2018, 11, 1), date(2018, 11, 30), f"1{DASH}30 November 2018"),
        (date(2018, 11, 1), date(2018, 12, 3), f"1 November {DASH} 3 December 2018"),
        (date(2018, 11, 1), date(2019, 1, 3), f"1 November 2018 {DASH} 3 January 2019"),
    ],
)
def test_a_span_says_nothing_twice(first: date | None, last: date | None, said: str) -> None:
    assert words.span(first, last) == said


def test_numbers_and_moments() -> None:
    assert words.number(12_345) == "12,345"
    assert words.number(3.44) == "3.4"
    assert words.number(1234.5) == "1,234"
    assert words.brief(datetime(2018, 11, 5, 7, 4)) == "5 Nov 2018, 07:04"
    assert words.moment(None) == DASH
    assert words.hour(23) == f"23:00{DASH}00:00"
    assert words.weekday(date(2018, 11, 4)) == "Sunday"


def test_what_is_left_out_is_said_only_where_something_is() -> None:
    assert words.more(0, "place", "places") == ""
    assert words.more(1, "place", "places") == "… and 1 more place"
    assert words.more(1_234, "in the table x") == "… and 1,234 more in the table x"


def test_a_text_is_cut_and_cannot_steer_anything() -> None:
    assert words.clean(None) == ""
    assert words.clean("a\tb\x07c\ud800") == "a b\ufffdc\ufffd"
    assert len(words.clean("x" * 5000)) == 120
