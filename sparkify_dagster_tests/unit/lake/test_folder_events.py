"""Folders that tell of their changes: what is told at once, and what the next look has to find."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sparkify_dagster.lake.folder_events import FolderEvents

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells")
SOON, NEVER = 20.0, 0.4


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A folder with a file in a folder."""
    _make(tmp_path / "lake" / "2018" / "old.json")
    _make(tmp_path / "beside.json")
    return tmp_path / "lake"


@pytest.fixture
def events(lake: Path) -> Iterator[FolderEvents]:
    """What it tells, and a file that lies elsewhere."""
    events = FolderEvents([str(lake)], [str(lake.parent / "paths.json")])
    assert events.listen()
    yield events
    events.close()


TOLD: dict[str, Callable[[Path], object]] = {
    "a file is written": lambda lake: _make(lake / "x.json"),
    "a file is overwritten": lambda lake: _make(lake / "2018" / "old.json"),
    "a file comes in from elsewhere": lambda lake: (lake.parent / "beside.json").rename(
        lake / "2018" / "x.json"
    ),
    "a file goes": lambda lake: (lake / "2018" / "old.json").unlink(),
    "a file is renamed": lambda lake: (lake / "2018" / "old.json").rename(lake / "new.json"),
    "a file is written in a folder that was just made": lambda lake: _make(
        lake / "2019" / "11" / "x.json"
    ),
    "a folder goes": lambda lake: (lake / "2018").rename(lake.parent / "gone"),
    "a document elsewhere is written": lambda lake: _make(lake.parent / "paths.json"),
}


@pytest.mark.parametrize("change", TOLD.values(), ids=TOLD)
def test_a_change_is_told_once(
    lake: Path, events: FolderEvents, change: Callable[[Path], object]
) -> None:
    change(lake)
    assert events.wait(SOON)
    assert not events.wait(NEVER)


def test_a_file_in_a_folder_made_later_is_told(lake: Path, events: FolderEvents) -> None:
    (lake / "2019").mkdir()
    assert events.wait(SOON)
    _make(lake / "2019" / "x.json")
    assert events.wait(SOON)


def test_a_file_that_is_being_written_is_told_when_it_is_closed(
    lake: Path, events: FolderEvents
) -> None:
    with (lake / "x.json").open("wb") as file:
        file.write(b"{")
        file.flush()
        assert not events.wait(NEVER)
    assert events.wait(SOON)


@pytest.mark.parametrize("name", ["lake/.x.json.part", "lake/_SUCCESS", "report.html"])
def test_what_is_no_object_is_not_told(lake: Path, events: FolderEvents, name: str) -> None:
    _make(lake.parent / name)
    assert not events.wait(NEVER)


def test_looking_at_the_lake_and_reading_it_are_no_changes(
    lake: Path, events: FolderEvents
) -> None:
    for path in lake.rglob("*.json"):
        path.read_bytes()
    assert not events.wait(NEVER)


def test_a_folder_that_is_put_in_the_place_of_another_is_listened_to(
    lake: Path, events: FolderEvents
) -> None:
    lake.rename(lake.parent / "before")
    assert not events.listen(), "there is none"
    _make(lake / "x.json")
    assert events.listen()
    events.wait(NEVER)
    _make(lake / "y.json")
    assert events.wait(SOON)


def test_what_lies_behind_a_link_is_not_listened_to(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (lake / "link").symlink_to(tmp_path / "far")
    (lake / "round").symlink_to(lake)
    events = FolderEvents([str(lake)])
    assert events.listen()
    _make(tmp_path / "far" / "x.json")
    assert not events.wait(NEVER)
    events.close()


def test_where_the_system_has_no_room_for_listeners_nothing_is_told_and_nothing_fails(
    lake: Path,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    events, first = FolderEvents([str(lake)]), os.dup(0)
    events.listen()  # What it takes is imported.
    events.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (first, hard))
    try:
        deaf = FolderEvents([str(lake)])
        heard = deaf.listen()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(first)
    assert not heard
    assert not deaf.listen(), "it is not asked again"
    assert not deaf.wait(0)
