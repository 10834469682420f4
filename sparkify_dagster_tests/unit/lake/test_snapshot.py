"""A lake at one moment: its parts, what cannot be routed, and what moves their digests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.errors import LakeError, ObjectError
from sparkify_dagster.lake.objects import Aside, DayRange, LakeObject, Objects
from sparkify_dagster.lake.snapshot import Lake, Snapshot, loaded_columns
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster_tests.record_cases import EVENT_FIELDS, EVENT_VALUES, SONG_FIELDS

NOVEMBER = DayRange(date(2018, 11, 1), date(2018, 11, 30))
PATHS = [f"$['{name}']" for name in EVENT_FIELDS]


@dataclass
class Shelf:
    """A store that lists what it is given; a snapshot opens no object."""

    objects: list[LakeObject]
    location: str = "shelf"
    aside: Aside = field(default_factory=Aside)

    def list_objects(self) -> Objects:
        """The objects."""
        return Objects(Objects.of(self.objects).lines, self.aside)

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """Never asked."""
        raise AssertionError(f"a snapshot reads {list(objects)}")


def document(paths: list[str]) -> Callable[[], bytes]:
    """A place that holds a JSONPaths document."""
    return lambda: json.dumps({"jsonpaths": paths}).encode()


SONG = LakeObject("A/A/A/TR1.json", 250, "s1")
LOG = LakeObject("2018-11-01-events.json", 900, "l1")
LATE = LakeObject("2018/11/01/late.json.gz", 90, "l2")
NEXT = LakeObject("2018-11-02-events.json", 800, "l3")
LOST = LakeObject("notes.json", 7, "l4")


@pytest.fixture
def lake() -> Lake:
    """A lake of one song and two days."""
    return Lake(
        Shelf([SONG]), Shelf([LOG, NEXT, LATE, LOST]), document(PATHS), "paths", NOVEMBER, 1
    )


def test_a_snapshot_holds_parts_days_fields_and_what_has_no_day(lake: Lake) -> None:
    snapshot = lake.snapshot()
    assert {name: list(part.objects) for name, part in snapshot.days.items()} == {
        "2018-11-01": [LOG, LATE],
        "2018-11-02": [NEXT],
    }
    assert {name: list(part.objects) for name, part in snapshot.songs.items()} == {"34": [SONG]}
    assert [item.key for item in snapshot.unroutable] == ["notes.json"]
    assert snapshot.fields == tuple(EVENT_FIELDS)


def test_a_snapshot_of_the_same_lake_is_the_same(lake: Lake) -> None:
    assert lake.snapshot() == lake.snapshot()


def test_a_lake_without_anything_to_load_is_empty(lake: Lake) -> None:
    bare = replace(lake, songs=Shelf([]), logs=Shelf([LOST]))
    assert bare.snapshot().is_empty
    assert not replace(lake, songs=Shelf([])).snapshot().is_empty
    assert not replace(lake, logs=Shelf([])).snapshot().is_empty


@pytest.fixture
def ahead(lake: Lake) -> Snapshot:
    """The same lake with an open range of days, on its first day."""
    return replace(lake, days=DayRange(date(2018, 11, 1)), today=date(2018, 11, 1)).snapshot()


def test_a_day_after_today_is_not_loaded_and_says_that_it_will_be(ahead: Snapshot) -> None:
    assert list(ahead.days) == ["2018-11-01"]
    reasons = dict(ahead.unroutable)
    assert set(reasons) == {NEXT.key, LOST.key}
    assert reasons[NEXT.key].endswith("it loads by itself when it has")


@pytest.mark.parametrize("latest", ["2018-11-02", "2018-11-30"])
def test_a_day_that_was_published_is_there_whatever_the_clock_says(
    lake: Lake, ahead: Snapshot, latest: str
) -> None:
    whole = ahead.reaching(latest)
    assert whole.days == lake.snapshot().days
    assert [item.key for item in whole.unroutable] == [LOST.key]
    assert whole.ahead == {}


@pytest.mark.parametrize("latest", ["", "2018-11-01", "2018-10-31"])
def test_a_day_after_all_that_was_published_stays_ahead(ahead: Snapshot, latest: str) -> None:
    assert ahead.reaching(latest) == ahead


def test_the_digests_do_not_hang_on_what_is_not_read(lake: Lake) -> None:
    logs = Shelf([LOG, NEXT, LATE, LOST], aside=Aside(5, "notes.txt", ("README",)))
    assert moved(lake.snapshot(), replace(lake, logs=logs).snapshot()) == set()


def test_what_is_not_read_is_told_of_an_empty_lake_too(lake: Lake) -> None:
    logs = Shelf([], aside=Aside(5, "2018-11-06.csv", ("README",)))
    bare = replace(lake, songs=Shelf([], aside=Aside(1, "caf\udce9.txt")), logs=logs).snapshot()
    assert bare.told == [
        "Not read in [S3] SONG_DATA: 1 object that [S3] ENDINGS does not name, such as "
        r"caf\udce9.txt.",
        "Not read in [S3] LOG_DATA: 5 objects that [S3] ENDINGS does not name, such as "
        "2018-11-06.csv.",
        "Not read in [S3] LOG_DATA: 1 link that leads nowhere, back or out ([S3] FOLLOW_LINKS), "
        "or folder that cannot be listed, such as README.",
    ]
    assert bare.emptiness.startswith("The lake is empty: no song and no log objects to load. Not")
    assert all(said in bare.emptiness for said in bare.told)
    assert lake.snapshot().told == []


def moved(before: Snapshot, after: Snapshot) -> set[str]:
    """The parts whose digests differ."""
    was, is_now = before.songs | before.days, after.songs | after.days
    return {
        name for name in was.keys() | is_now.keys() if digest(was, name) != digest(is_now, name)
    }


def digest(parts: dict[str, object], name: str) -> object:
    """The digest of a part, present or not."""
    return getattr(parts.get(name), "digest", NOTHING)


def test_a_changed_log_object_moves_its_day_alone(lake: Lake) -> None:
    changed = replace(lake, logs=Shelf([LOG, NEXT._replace(token="new"), LATE]))
    assert moved(lake.snapshot(), changed.snapshot()) == {"2018-11-02"}


def test_a_changed_song_object_moves_its_part_alone(lake: Lake) -> None:
    changed = replace(lake, songs=Shelf([SONG._replace(size=251)]))
    assert moved(lake.snapshot(), changed.snapshot()) == {"34"}


def test_other_jsonpaths_move_every_day_and_no_song(lake: Lake) -> None:
    swapped = [PATHS[1], PATHS[0], *PATHS[2:]]
    changed = replace(lake, read_jsonpaths=document(swapped))
    assert moved(lake.snapshot(), changed.snapshot()) == {"2018-11-01", "2018-11-02"}


def test_jsonpaths_that_say_the_same_in_other_words_move_nothing(lake: Lake) -> None:
    dotted = [f"$.{name}" for name in EVENT_FIELDS]
    assert (
        moved(lake.snapshot(), replace(lake, read_jsonpaths=document(dotted)).snapshot()) == set()
    )


def test_a_range_of_days_that_grows_moves_no_day_that_was_in_it(lake: Lake) -> None:
    first = replace(lake, days=DayRange(date(2018, 11, 1), date(2018, 11, 1)))
    assert moved(first.snapshot(), lake.snapshot()) == {"2018-11-02"}
    assert [item.key for item in first.snapshot().unroutable] == [NEXT.key, LOST.key]


def test_a_document_with_another_number_of_paths_stops_the_look(lake: Lake) -> None:
    with pytest.raises(LakeError, match="paths: 17 paths, but staging_events_table has 18"):
        replace(lake, read_jsonpaths=document(PATHS[:17])).snapshot()


def test_the_loaded_columns_are_those_of_the_contract_in_their_order() -> None:
    assert tuple(c.name for c in loaded_columns(STAGING_EVENTS)) == tuple(EVENT_VALUES)
    assert tuple(c.name for c in loaded_columns(STAGING_SONGS)) == tuple(SONG_FIELDS)


def test_the_readers_of_a_lake_fill_the_columns_from_its_fields(lake: Lake) -> None:
    logs, songs = lake.log_reader(lake.snapshot().fields), lake.song_reader()
    event = "{" + ",".join(f'"{k}":{v}' for k, v in EVENT_FIELDS.items()) + "}"
    song = "{" + ",".join(f'"{k}":{v}' for k, v in SONG_FIELDS.items()) + "}"
    try:
        (row,) = logs.read_lines([event.encode()]).rows.to_pylist()
        assert row == {**EVENT_VALUES, "object": 0, "line": 1}
        (row,) = songs.read_wholes([song.encode()]).rows.to_pylist()
        assert row["song_id"] == "SOCIWDW12A8C13D406"
    finally:
        logs.close()
        songs.close()
