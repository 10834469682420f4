"""Decisions of the warehouse: rebuild or refresh, too many rejects, what is pending or differs."""

from __future__ import annotations

from datetime import date

import pytest

from sparkify_dagster.lake.changes import NOTHING, make_parts
from sparkify_dagster.lake.objects import DayRange, LakeObject, Objects
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.plan import NEVER_LOADED, Loaded, Request, pending
from sparkify_dagster.pipeline.publish import over_limit
from sparkify_dagster.pipeline.star import decide
from sparkify_dagster.warehouse.schema import difference
from sparkify_dagster.warehouse.standing import FAILED, StarPosition

VERSIONS = {"song": "a", "songplay": "b"}


def positions(
    song: int | None, songplay: int | None, version: str = "b"
) -> dict[str, StarPosition]:
    return {"song": StarPosition(song, "a"), "songplay": StarPosition(songplay, version)}


@pytest.mark.parametrize(
    ("taken", "pending_rows", "mode"),
    [
        (positions(7, 7), 0, "nothing"),
        (positions(5, 5), 10, "refresh"),
        (positions(5, 5), 26, "rebuild"),
        (positions(None, None), 0, "rebuild"),
        (positions(7, None), 0, "rebuild"),
        (positions(7, 6), 0, "rebuild"),
        (positions(7, 7, version="older"), 0, "rebuild"),
    ],
)
def test_the_star_is_refreshed_where_it_can_be_and_rebuilt_where_it_must_be(
    taken: dict[str, StarPosition], pending_rows: int, mode: str
) -> None:
    assert decide(taken, VERSIONS, staged=7, pending=pending_rows, total=100) == mode


@pytest.mark.parametrize(
    ("records", "rejects", "limit", "allowed"),
    [
        (0, 0, 0.1, True),
        (10, 1, 0.1, True),
        (10, 2, 0.1, False),
        (100, 29, 0.29, True),
        (1, 1, 1.0, True),
        (5, 1, 0.0, False),
        (5, 0, 0.0, True),
    ],
)
def test_rejects_up_to_the_limit_are_allowed(
    records: int, rejects: int, limit: float, allowed: bool
) -> None:
    assert (over_limit(records, rejects, limit, "a day", "--day x") is None) is allowed


def test_too_many_rejects_say_how_many_and_how_to_see_just_them() -> None:
    said = over_limit(111, 37, 0.1, "2018-11-03", "--day 2018-11-03")
    assert said is not None
    assert said.startswith("37 of 111 records of 2018-11-03 were rejected (33.3%), more than 10.0%")
    assert "`sparkify rejects --day 2018-11-03`" in said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": "INTEGER", "b": "DATE"}, []),
        ({"a": "INTEGER"}, ["column b is missing"]),
        ({"a": "INTEGER", "b": "DATE", "c": "DATE"}, ["column c is not in the model"]),
        ({"a": "BIGINT", "b": "DATE"}, ["column a is BIGINT, the model says INTEGER"]),
        ({"b": "DATE", "a": "INTEGER"}, []),
    ],
)
def test_an_altered_table_is_described_by_what_differs(
    found: dict[str, str], said: list[str]
) -> None:
    assert difference(found, {"a": "INTEGER", "b": "DATE"}) == said


def snapshot() -> Snapshot:
    days = {f"2018-11-0{n}": [LakeObject(f"2018-11-0{n}.json", n, f"t{n}")] for n in (1, 2, 3)}
    songs = {"00": [LakeObject("a.json", 1, "t")]}
    return Snapshot(make_parts(songs, "s"), make_parts(days, "e"), [], ())


def held(lake: Snapshot) -> Loaded:
    songs = {name: part.digest for name, part in lake.songs.items()}
    days = {name: part.digest for name, part in lake.days.items()}
    return Loaded(songs, days, star_behind=False)


def test_nothing_is_pending_when_all_digests_are_as_loaded() -> None:
    lake = snapshot()
    assert pending(lake, held(lake)).is_nothing


def test_all_is_pending_when_nothing_was_ever_loaded() -> None:
    todo = pending(snapshot(), NEVER_LOADED)
    assert [part.name for part in todo.days] == ["2018-11-01", "2018-11-02", "2018-11-03"]
    assert [part.name for part in todo.songs] == ["00"]


def test_what_failed_vanished_or_differs_is_pending() -> None:
    lake = snapshot()
    loaded = held(lake)
    loaded.days.update({"2018-11-01": FAILED, "2018-11-03": "other", "2018-11-09": "was there"})
    todo = pending(lake, loaded)
    assert [part.name for part in todo.days] == ["2018-11-01", "2018-11-03", "2018-11-09"]
    assert todo.days[-1].digest == NOTHING
    assert todo.days[-1].objects == Objects([])


def test_a_range_of_days_leaves_other_days_and_the_songs_alone() -> None:
    day = date(2018, 11, 2)
    todo = pending(snapshot(), NEVER_LOADED, Request(within=DayRange(day, day)))
    assert [part.name for part in todo.days] == ["2018-11-02"]
    assert todo.songs == []


def test_a_star_that_is_behind_is_pending_by_itself() -> None:
    lake = snapshot()
    loaded = held(lake)
    assert pending(lake, Loaded(loaded.songs, loaded.days, star_behind=True)).star


def test_days_that_are_asked_for_are_loaded_whether_the_lake_has_them_or_not() -> None:
    days = "2018-11-02", "2018-12-24"
    lake = snapshot()
    asked = Request("asked", tables=frozenset({STAGING_EVENTS.name}), days=days)
    todo = pending(lake, held(lake), asked)
    assert [(part.name, len(part.objects)) for part in todo.days] == [(days[0], 1), (days[1], 0)]
    assert (todo.songs, todo.star) == ([], False)
