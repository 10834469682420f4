"""Reading many objects at once: it changes how long it takes, nothing else."""

from __future__ import annotations

import gzip
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject
from sparkify_dagster.lake.store import folder, read_ahead
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster_tests.lakes import SETTLED_AT_ONCE

SETTING = "[S3] SONG_DATA"
FILES = {
    f"{outer}/{inner}/{number}{ending}": text
    for outer in "ABC"
    for inner in ("x", "y")
    for number, (ending, text) in enumerate(
        [
            (".json", b'{"a":1}'),
            (".json", b""),
            (".json.gz", gzip.compress(b"packed")),
            ("-cut.json.gz", gzip.compress(b"packed")[:-3]),
            ("\nline 🎵.json", b"0123456789" * 300),
        ]
    )
}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A folder with folders of small files."""
    root = tmp_path / "songs"
    for key, data in FILES.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the threads that have read a file, of however few files."""
    names: set[str] = set()
    read_whole = folder.read_whole

    def noted(root: str, key: str, size: int, token: str, within: str) -> bytes:
        names.add(threading.current_thread().name.partition("_")[0])
        return read_whole(root, key, size, token, within)

    monkeypatch.setattr(folder, "read_whole", noted)
    monkeypatch.setattr(folder, "_MANY", 0)
    return names


def folder_of(root: Path) -> Folder:
    """A folder whose files need not settle."""
    return Folder(root, SETTING, SETTLED_AT_ONCE)


def told(root: Path, objects: list[LakeObject]) -> list[tuple[LakeObject, bytes | str]]:
    """What is read of each object, errors as their words."""
    read = folder_of(root).read(objects)
    return [(i, str(d) if isinstance(d, ObjectError) else d) for i, d in read]


def same(root: Path, objects: list[LakeObject]) -> list[tuple[LakeObject, bytes | str]]:
    """What several threads read, which must be what one does."""
    found = told(root, objects)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "_MANY", 1 << 30)
        assert found == told(root, objects)
    return found


def listed(root: Path) -> list[LakeObject]:
    """The objects of a folder, by key."""
    return sorted(folder_of(root).list_objects())


def test_threads_read_what_one_does_in_the_order_asked_for(lake: Path, readers: set[str]) -> None:
    objects = listed(lake)[::-1]
    assert [item for item, _ in told(lake, objects)] == objects
    assert readers == {"sparkify-read"}
    assert {item.key for item, _ in same(lake, objects)} == set(FILES)


def test_a_few_files_are_not_worth_a_thread(lake: Path, readers: set[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "_MANY", len(FILES) + 1)
        told(lake, listed(lake))
    assert readers == {"MainThread"}


def test_large_files_are_read_one_by_one(lake: Path, readers: set[str]) -> None:
    (lake / "large.json").write_bytes(b"x" * 10_000_000)
    told(lake, listed(lake))
    assert readers == {"MainThread"}


def test_files_come_in_the_order_asked_for_however_many_chunks_they_are(
    tmp_path: Path, readers: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "CHUNK_OBJECTS", 2)
    for number in range(101):
        path = tmp_path / f"{number % 7}" / f"{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(str(number).encode())
    objects = listed(tmp_path)
    texts = [item.key.rpartition("/")[2].removesuffix(".json").encode() for item in objects]
    assert [data for _, data in told(tmp_path, objects)] == texts
    assert readers == {"sparkify-read"}


def _overwritten(path: Path) -> None:
    path.write_bytes(b"another text")


def _removed(path: Path) -> None:
    path.unlink()


def _made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.usefixtures("readers")
@pytest.mark.parametrize("change", [_overwritten, _removed, _made_a_folder])
def test_what_changed_since_it_was_listed_is_told_and_the_others_are_read(
    lake: Path, change: Callable[[Path], None]
) -> None:
    objects = listed(lake)
    change(lake / "B/x/0.json")
    wrong = [item.key for item, data in same(lake, objects) if isinstance(data, str)]
    assert "B/x/0.json" in wrong
    assert len(wrong) == 1 + sum("cut" in key for key in FILES)


@pytest.mark.usefixtures("readers")
def test_a_name_outside_utf8_is_told_by_threads_too(lake: Path) -> None:
    try:
        with open(os.fsencode(lake) + b"/B/y/caf\xe9.json", "wb") as file:
            file.write(b"{}")
    except OSError:
        pytest.skip("this file system takes no such names")
    (said,) = [data for item, data in same(lake, listed(lake)) if "caf" in item.key]
    assert said == r"'B/y/caf\udce9.json': its name is not UTF-8; rename it"


def test_no_more_than_a_few_chunks_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "CHUNK_BYTES", 100)
    started: list[str] = []
    objects = [LakeObject(str(number), 60, "t") for number in range(50)]

    def fetch(item: LakeObject) -> str:
        started.append(item.key)
        return item.key

    told = read_ahead.in_order(objects, fetch, 4)
    for taken in range(10):
        assert next(told)[1] == str(taken)
        time.sleep(0.01)
        assert len(started) <= taken + 2


def test_chunks_are_cut_by_size_and_number_and_a_large_object_is_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_ahead, "CHUNK_BYTES", 100)
    monkeypatch.setattr(read_ahead, "CHUNK_OBJECTS", 3)
    sizes = [50, 50, 1, 500, 1, 1, 1, 1]
    chunks = read_ahead.chunks(LakeObject("x", size, "t") for size in sizes)
    assert [[item.size for item in chunk] for chunk in chunks] == [
        [50, 50],
        [1],
        [500],
        [1, 1, 1],
        [1],
    ]
