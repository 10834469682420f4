"""The marts' oracle, held against stories told by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sparkify_dagster.model.marts import MARTS
from sparkify_dagster_tests.lakes import COLUMNS, TinyLake, log_key, song, tables_expected
from sparkify_dagster_tests.lakes import event as played
from sparkify_dagster_tests.oracle import Event, Expected
from sparkify_dagster_tests.oracle_marts import (
    listeners_by_day,
    marts_expected,
    most_played,
    plays_by_song,
    sessions,
    subscriptions_by_day,
    unmatched_plays,
    user_level_history,
)

NOON = datetime(2018, 11, 1, 12)
DAY = timedelta(days=1)
BLANK: dict[str, Any] = dict.fromkeys(Event._fields)


def event(day: float = 0, item: int = 0, **values: object) -> Event:
    """What user 1 did so many days after the first noon."""
    told = {
        "user_id": 1, "session_id": 1, "item_in_session": item, "page": "Home", "level": "free",
        "ts": NOON + day * DAY, "log_date": date(2018, 11, 1), "auth": "Logged In",
    }  # fmt: skip
    return Event(**(BLANK | told | values))


def test_the_oracle_computes_every_mart() -> None:
    missing = {table.name for table in MARTS} ^ marts_expected(Expected()).keys()
    assert not missing, f"compute them in oracle_marts.py, else nothing holds their rows: {missing}"


def test_the_oracle_computes_every_column(tmp_path: Path) -> None:
    lake = TinyLake(tmp_path)
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-01"), played(), played(song="Unheard", itemInSession=1))
    for name, rows in tables_expected(lake.expected()).items():
        (values,) = {len(row) for row in rows}
        assert values == len(COLUMNS[name]), (
            f"compute {', '.join(COLUMNS[name])} of {name}, in that order, in oracle.py or "
            f"oracle_marts.py: it gives {values} values a row"
        )


def test_a_persons_subscription_changes_ends_and_begins_again() -> None:
    told = list(
        user_level_history(
            [
                event(0),
                event(1),
                event(2, level="paid"),
                event(3, level=None),
                event(4, level="Paid"),
                event(5),
                event(6, page="Cancellation Confirmation"),
                event(7, level="paid"),
            ]
        )
    )
    days = [NOON + number * DAY for number in range(8)]
    assert told == [
        (1, days[0], days[2], "free", "first", "upgrade"),
        (1, days[2], days[5], "paid", "upgrade", "downgrade"),
        (1, days[5], days[6], "free", "downgrade", "cancellation"),
        (1, days[7], None, "paid", "return", None),
    ]
    assert list(subscriptions_by_day(told)) == [
        (days[0].date(), 1, 0, 0, 0, 0),
        (days[2].date(), 0, 1, 1, 0, 0),
        (days[5].date(), 1, 0, 0, 1, 0),
        (days[6].date(), 0, 0, 0, 0, 1),
        (days[7].date(), 0, 1, 0, 0, 0),
    ]


def test_of_several_events_at_one_moment_the_last_counts() -> None:
    at_once = [event(1, item=2), event(1, item=1, level="paid"), event(0)]
    assert list(user_level_history(at_once)) == [(1, NOON, None, "free", "first", None)]
    ended = event(2, item=3, page="Cancellation Confirmation")
    assert list(user_level_history([*at_once, ended, event(2, item=4)])) == [
        (1, NOON, None, "free", "first", None)
    ]


def test_one_who_leaves_at_once_has_a_period_of_no_length() -> None:
    assert list(user_level_history([event(0, page="Cancellation Confirmation")])) == [
        (1, NOON, NOON, "free", "first", "cancellation")
    ]


def test_a_session_counts_an_event_delivered_again_once_and_whole_seconds() -> None:
    last = event(0.5, item=2, page="NextSong", level="paid", ts=NOON + timedelta(seconds=90.9))
    told = sessions([event(0, item=1), last, last, event(0, item=0, page="NextSong")])
    assert list(told) == [(1, 1, NOON, NOON + timedelta(seconds=90.9), 1.5, 3, 2, "paid")]


def test_a_listener_is_new_once() -> None:
    plays = [(event(0), None), (event(1), None), (event(1, user_id=2), None)]
    assert list(listeners_by_day(plays)) == [
        (date(2018, 11, 1), 1, 1, 0),
        (date(2018, 11, 2), 2, 1, 1),
    ]


def test_names_are_trimmed_and_the_smallest_song_stands_for_all() -> None:
    plays = [
        (event(song=" One", artist="U2 "), "SO2"),
        (event(song="One ", artist=" U2"), "SO1"),
        (event(song="One", artist=None), None),
    ]
    assert sorted(plays_by_song(plays), key=str) == [
        (date(2018, 11, 1), "One", "", None, 1, 0),
        (date(2018, 11, 1), "One", "U2", "SO1", 2, 2),
    ]


def test_what_was_played_as_often_is_ranked_by_name_and_what_has_none_is_not() -> None:
    day = date(2018, 11, 1)
    rows = [(day, "B", "Y", None, 1, 0), (day, "A", "Z", None, 1, 1), (day, "", "Y", None, 5, 0)]
    assert list(most_played(rows)) == [
        ("song", 1, "A", "Z", 1, 1, day),
        ("song", 2, "B", "Y", 1, 0, day),
        ("artist", 1, "", "Y", 6, 0, day),
        ("artist", 2, "", "Z", 1, 1, day),
    ]


def test_a_play_without_a_song_is_explained_by_what_comes_closest() -> None:
    catalogue = [
        ("SO1", "Don't Stop", "AC/DC"),
        ("SO2", "One", "Metallica"),
        ("SO3", "Abba Dabba", "ABBA"),
        ("SO4", "!!!", None),
        ("SO5", "Must Be the Moon", "!!!"),
        ("SO6", "Ca$h", "P!nk {live}"),
    ]
    day = date(2018, 11, 1)
    names = [
        ("", "AC/DC"),
        ("dont stop", "Ac-Dc"),
        ("ONE", "U2"),
        ("Waterloo", "Abba"),
        ("???", "!!!"),
        ("! !!", "Nobody"),
        ("%cah", "\\Pnk $live"),
        ("???", "Nobody"),
    ]
    rows = [(day, *name, None, 9 - place, 0) for place, name in enumerate(names)]
    rows.append((day, "Found", "Found", "SO9", 99, 99))
    told = [(row[1], *row[5:9]) for row in unmatched_plays(rows, catalogue)]
    assert told == [
        ("", "the event names no song", None, None, None),
        ("dont stop", "title and artist differ only in spelling", *catalogue[0]),
        ("ONE", "the catalogue has the title by another artist", *catalogue[1]),
        ("Waterloo", "the catalogue has the artist with other titles", *catalogue[2]),
        ("???", "the catalogue has the artist with other titles", *catalogue[4]),
        ("! !!", "the catalogue has the title by another artist", *catalogue[3]),
        ("%cah", "title and artist differ only in spelling", *catalogue[5]),
        ("???", "neither title nor artist is in the catalogue", None, None, None),
    ]
