"""Which keys are data, and which log day each belongs to."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify_dagster.lake.objects import (
    DayRange,
    LakeObject,
    Objects,
    Unroutable,
    by_day,
    endings_of,
    is_data_key,
    is_packed,
    key_of,
    line_of,
    log_day,
    not_yet,
    object_of,
)

NOVEMBER = DayRange(date(2018, 11, 1), date(2018, 11, 30))
ANY_DAY = DayRange(date.min)


@pytest.mark.parametrize(
    "key",
    [
        "2018-11-01-events.json",
        "2018-11-01-events.json.gz",
        "2018/11/2018-11-01-events.json",
        "A/B/C/TRABCAK128F932A9E3.json",
        "a_b/c.d.json",
        "plus+sign and 'quote' \"ü\".json",
        "x.json/y.json",
        "-.json",
        "x.JSON",
        "x.jsonl",
        "x.ndjson.gz",
        "x.NDJson.Gz",
        "x.JSONL.GZ",
    ],
)
def test_keys_of_json_plain_or_packed_are_data_in_any_case(key: str) -> None:
    assert is_data_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "x.txt",
        "x.json.bz2",
        "x.json.gz.gz",
        "x.json.gzip",
        "x.gz",
        "json",
        "xjson",
        "x.json/",
        "x.json.gz/",
        ".json",
        "_SUCCESS",
        "_x.json",
        ".x.json",
        ".ipynb_checkpoints/2018-11-01-events-checkpoint.json",
        "2018/.ipynb_checkpoints/2018-11-01-events.json",
        "2018/_temporary/0/2018-11-01.json",
        "2018/11/.2018-11-01.json",
        "2018/11/_2018-11-01.json.gz",
        "../x.json",
    ],
)
def test_other_endings_markers_and_hidden_segments_are_no_data(key: str) -> None:
    assert not is_data_key(key)


@pytest.mark.parametrize(
    ("endings", "key", "data"),
    [
        (".log, .Txt", "x.LOG", True),
        (".log, .Txt", "x.txt.gz", True),
        (".log, .Txt", "x.json", False),
        ("*", "delivery-2018-11-01-00-00-00-0a1b", True),
        ("*", "x.gz", True),
        ("*", "_SUCCESS", False),
        ("*", "marker/", False),
        ("*", "a/.hidden/x", False),
        ("*", "", False),
    ],
)
def test_the_setting_says_which_endings_data_has(endings: str, key: str, data: bool) -> None:
    assert is_data_key(key, endings_of(endings)) is data


@pytest.mark.parametrize("key", ["x.json.gz", "x.json.GZ", "x.gZ", "x.json"])
def test_gz_in_any_case_means_gzip(key: str) -> None:
    assert is_packed(key) is (key != "x.json")


@pytest.mark.parametrize(
    ("today", "latest", "end"),
    [
        ("2018-11-20", "", "2018-11-20"),
        ("2018-11-20", "2018-11-19", "2018-11-20"),
        ("2018-11-20", "2018-11-30", "2018-11-30"),
        ("1970-01-01", "2018-11-30", "2018-11-30"),
    ],
)
def test_an_open_end_is_today_or_the_latest_day_ever_published(
    today: str, latest: str, end: str
) -> None:
    open_range = DayRange(date(1960, 1, 1))
    found = open_range.until(date.fromisoformat(today), latest)
    assert found == DayRange(date(1960, 1, 1), date.fromisoformat(end))


def test_an_end_that_is_set_stays_whatever_was_published() -> None:
    assert NOVEMBER.until(date(2020, 1, 1), "2019-01-01") == NOVEMBER


def test_a_day_ahead_is_told_to_load_by_itself_and_never_to_change_the_settings() -> None:
    today = date(2018, 11, 30)
    assert not_yet(date(2018, 12, 1), today) == (
        "2018-12-01 has not begun in UTC: it loads by itself when it has"
    )
    far = not_yet(date(2018, 12, 2), today)
    assert "lies in the future by this machine's clock, which says 2018-11-30" in far
    assert "LAST" not in far


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("2018-11-01-events.json", date(2018, 11, 1)),
        ("2018/11/2018-11-02-events.json.gz", date(2018, 11, 2)),
        ("events-2018-11-03.json", date(2018, 11, 3)),
        ("2018-11-04T2018-11-05.json", date(2018, 11, 4)),
        ("2018/11/06/events.json", date(2018, 11, 6)),
        ("logs/eu/2018/11/07/part-0.json", date(2018, 11, 7)),
        ("2018/11/08/part/0.json", date(2018, 11, 8)),
        ("2017/01/01/2018-11-09.json", date(2018, 11, 9)),
        ("2018/11/2018/11/10/x.json", date(2018, 11, 10)),
        ("120181-2018-11-11.json", date(2018, 11, 11)),
        ("52018-11-12.json", date(2018, 11, 12)),
        ("2018-11-13/2018/11/14/x.json", date(2018, 11, 14)),
        ("2016-02-29.json", date(2016, 2, 29)),
    ],
)
def test_the_first_day_in_the_name_counts_then_the_one_in_the_path(key: str, day: date) -> None:
    assert log_day(key, ANY_DAY) == day


NO_DAY = "no day in its name or path: name it YYYY-MM-DD….json or put it under YYYY/MM/DD/"


@pytest.mark.parametrize(
    "key",
    [
        "events.json",
        "20181101.json",
        "2018-1-1.json",
        "2018_11_01.json",
        "2018/11/events.json",
        "2018/11/01.json",
        "x2018/11/01/events.json",
        "2018/11/01x/events.json",
        "2018-11-01/events.json",
        "\u0662\u0660\u0661\u0668-\u0661\u0661-\u0660\u0661.json",
        "2018-11\n-01.json",
    ],
)
def test_a_key_without_a_day_is_told_how_to_get_one(key: str) -> None:
    assert log_day(key, ANY_DAY) == NO_DAY


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("2018-02-30.json", "2018-02-30 is no calendar date: rename the object"),
        ("2018-13-01-2018-11-01.json", "2018-13-01 is no calendar date: rename the object"),
        ("2018/00/01/x.json", "2018-00-01 is no calendar date: rename the object"),
        ("0000-01-01.json", "0000-01-01 is no calendar date: rename the object"),
        ("2017-02-29.json", "2017-02-29 is no calendar date: rename the object"),
    ],
)
def test_a_day_that_no_calendar_has_is_named(key: str, reason: str) -> None:
    assert log_day(key, ANY_DAY) == reason


def test_a_day_outside_the_range_names_the_setting_to_change() -> None:
    early = "2018-10-31 is before the first day, 2018-11-01: change [DAYS] FIRST to load it"
    late = "2018-12-01 is after the last day, 2018-11-30: change [DAYS] LAST to load it"
    assert log_day("2018-10-31.json", NOVEMBER) == early
    assert log_day("2018-12-01.json", NOVEMBER) == late


def test_both_ends_of_the_range_are_in_it() -> None:
    assert log_day("2018-11-01.json", NOVEMBER) == date(2018, 11, 1)
    assert log_day("2018-11-30.json", NOVEMBER) == date(2018, 11, 30)


def test_a_range_without_a_last_day_is_open() -> None:
    assert date.max in DayRange(date(2018, 11, 1))
    assert date(2018, 10, 31) not in DayRange(date(2018, 11, 1))


def test_a_range_is_read_from_two_texts() -> None:
    assert DayRange.parse("2018-11-01", "2018-11-30") == NOVEMBER
    assert DayRange.parse("2018-11-01", "2018-11-01").last == date(2018, 11, 1)
    assert DayRange.parse("2018-11-01", "") == DayRange(date(2018, 11, 1), None)
    assert DayRange.parse("", "2018-11-30") == DayRange(date.min, date(2018, 11, 30))


def test_a_reversed_range_is_refused() -> None:
    with pytest.raises(ValueError, match="reversed: 2018-11-02 is after 2018-11-01"):
        DayRange.parse("2018-11-02", "2018-11-01")


@pytest.mark.parametrize("text", ["2018-11-31", "yesterday", "2018-11"])
def test_a_range_of_something_else_than_dates_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)isoformat|month"):
        DayRange.parse(text, "")


TEXTS = st.text(st.characters(codec=None))


@given(st.lists(st.builds(LakeObject, TEXTS, st.integers(0, 1 << 63), st.just("a.b.c"))))
def test_objects_held_as_texts_are_the_same_objects(objects: list[LakeObject]) -> None:
    held = Objects.of(objects)
    assert list(held) == objects
    assert list(map(key_of, held.lines)) == [item.key for item in objects]
    assert held.bytes == sum(item.size for item in objects)
    assert (len(held), held[1:]) == (len(objects), Objects.of(objects[1:]))


NAMES = st.text(st.characters(codec=None, exclude_characters="\0"))


@given(NAMES, NAMES)
def test_objects_held_as_texts_stand_in_the_order_of_their_keys(one: str, other: str) -> None:
    in_order = sorted([line_of(one, 2, "t"), line_of(other, 1, "t")])
    assert [object_of(line).key for line in in_order] == sorted([one, other])


def test_objects_are_grouped_by_day_and_those_without_are_kept_with_the_reason() -> None:
    first, again = LakeObject("2018-11-01.json", 1, "a"), LakeObject("2018/11/01/x.json", 2, "b")
    other, lost = LakeObject("2018-11-02.json.gz", 3, "c"), LakeObject("notes.json", 4, "d")
    routed, unroutable = by_day([first, lost, other, again], NOVEMBER)
    assert {day: list(objects) for day, objects in routed.items()} == {
        "2018-11-01": [first, again],
        "2018-11-02": [other],
    }
    assert unroutable == [Unroutable("notes.json", NO_DAY)]


def test_a_day_before_the_year_1000_keeps_its_four_digits() -> None:
    item = LakeObject("0999-01-01.json", 1, "a")
    assert by_day([item], ANY_DAY) == ({"0999-01-01": Objects.of([item])}, [])
