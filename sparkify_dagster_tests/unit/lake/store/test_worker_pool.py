"""Processes that list folders and read small files: they change how long it takes, nothing else."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import NOT_FOLLOWED, LakeObject, endings_of
from sparkify_dagster.lake.store import folder, worker_pool
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster.lake.store.worker_pool import WorkerPool
from sparkify_dagster_tests.lakes import SETTLED_AT_ONCE

SETTING = "[S3] SONG_DATA"
NEVER, ALWAYS = 1 << 30, 0
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


def folder_of(root: Path, pool_from: int) -> Folder:
    """A folder whose files need not settle."""
    return Folder(root, SETTING, SETTLED_AT_ONCE, pool_from)


def told(of: Folder, objects: list[LakeObject]) -> list[tuple[LakeObject, bytes | str]]:
    """What is read of each object, errors as their words."""
    return [(i, str(d) if isinstance(d, ObjectError) else d) for i, d in of.read(objects)]


def same(root: Path) -> list[tuple[LakeObject, bytes | str]]:
    """What a pool lists and reads, which must be what one process does."""
    alone, by_pool = folder_of(root, NEVER), folder_of(root, ALWAYS)
    objects = sorted(alone.list_objects())
    assert sorted(by_pool.list_objects()) == objects
    found = told(by_pool, objects)
    assert found == told(alone, objects)
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of work that pools were asked for."""
    kinds: list[str] = []
    answer = WorkerPool._answer

    def counted(self: WorkerPool, piece: tuple[str, ...]) -> object:
        kinds.append(piece[0])
        return answer(self, piece)

    monkeypatch.setattr(WorkerPool, "_answer", counted)
    return kinds


def test_a_pool_lists_and_reads_what_one_process_does(lake: Path, asked: list[str]) -> None:
    found = same(lake)
    assert {item.key for item, _ in found} == set(FILES)
    assert {"scan", "read"} == set(asked)


def test_a_few_files_are_not_worth_a_pool(lake: Path, asked: list[str]) -> None:
    few = Folder(lake, SETTING, SETTLED_AT_ONCE)
    assert len(told(few, few.list_objects())) == len(FILES)
    assert not asked


def test_large_files_are_read_by_this_process(lake: Path, asked: list[str]) -> None:
    (lake / "large.json").write_bytes(b"x" * 10_000_000)
    same(lake)
    assert set(asked) == {"scan"}


def test_a_large_file_among_many_small_ones_is_left_to_this_process(
    lake: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_SMALL", 1 << 20)
    (lake / "large.json").write_bytes(b"x" * 100_000)
    read_here: list[str] = []
    read_whole = folder.read_whole

    def noted(root: str, key: str, *of: Any) -> bytes:
        read_here.append(os.path.basename(key))
        return read_whole(root, key, *of)

    monkeypatch.setattr(folder, "read_whole", noted)
    by_pool = folder_of(lake, ALWAYS)
    assert dict(by_pool.read(by_pool.list_objects()))
    assert set(asked) == {"scan", "read"}
    assert read_here == ["large.json"]


def test_more_work_than_is_asked_for_ahead_is_answered_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_AT_ONCE", 2)
    for number in range(101):
        path = tmp_path / f"{number % 7}" / f"{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(str(number).encode())
    assert [data for _, data in same(tmp_path)] == [
        item.key.rpartition("/")[2].removesuffix(".json").encode() for item, _ in same(tmp_path)
    ]


def _overwritten(path: Path) -> None:
    path.write_bytes(b"another text")


def _removed(path: Path) -> None:
    path.unlink()


def _made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [_overwritten, _removed, _made_a_folder])
def test_what_changed_since_it_was_listed_is_told_and_the_others_are_read(
    lake: Path, change: Callable[[Path], None]
) -> None:
    objects = sorted(folder_of(lake, NEVER).list_objects())
    change(lake / "B/x/0.json")
    found = told(folder_of(lake, ALWAYS), objects)
    assert found == told(folder_of(lake, NEVER), objects)
    wrong = [item.key for item, data in found if isinstance(data, str)]
    assert "B/x/0.json" in wrong
    assert len(wrong) == 1 + sum("cut" in key for key in FILES)


def test_a_name_outside_utf8_is_told_by_a_pool_too(lake: Path) -> None:
    try:
        with open(os.fsencode(lake) + b"/B/y/caf\xe9.json", "wb") as file:
            file.write(b"{}")
    except OSError:
        pytest.skip("this file system takes no such names")
    (said,) = [data for item, data in same(lake) if "caf" in item.key]
    assert said == r"'B/y/caf\udce9.json': its name is not UTF-8; rename it"


def test_a_pool_tells_of_other_endings_and_of_links_that_lead_nowhere_or_back(
    lake: Path, asked: list[str]
) -> None:
    (lake / "C" / "x" / "days").symlink_to("not-mounted")
    (lake / "A" / "x" / "round").symlink_to(lake / "A")
    for folder_name in ("B/x", "A/x"):
        (lake / folder_name / "notes.txt").write_bytes(b"")
    found = folder_of(lake, ALWAYS).list_objects()
    assert found.aside == (2, "A/x/notes.txt", ("A/x/round", "C/x/days"))
    assert found.aside == folder_of(lake, NEVER).list_objects().aside
    assert "scan" in asked
    assert {item.key for item, _ in same(lake)} == set(FILES)


def test_links_that_lead_out_are_refused_by_a_pool_too(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.json").write_bytes(b"not ours")
    for name, to in {"A": lake / "A", "B": tmp_path / "outside", "C": lake / "A"}.items():
        (lake / name / "x" / "link").symlink_to(to)
        (lake / name / "x" / "link.json").symlink_to(tmp_path / "outside" / "x.json")
    refused = {item.key for item, data in same(lake) if NOT_FOLLOWED in str(data)}
    # What C/x/link leads to is in the lake: only the links below it are not followed.
    assert refused == {f"{folder}/x/link.json" for folder in ("A", "B", "C", "C/x/link")}
    links = set(folder_of(lake, ALWAYS).list_objects().aside.links)
    assert links == refused | {"A/x/link", "B/x/link", "C/x/link/x/link"}


def test_a_pool_lists_by_the_endings_of_the_setting(lake: Path) -> None:
    (lake / "A" / "x" / "delivery").write_bytes(b"{}")
    found = Folder(lake, SETTING, SETTLED_AT_ONCE, ALWAYS, endings_of("*")).list_objects()
    assert {item.key for item in found} == {*FILES, "A/x/delivery"}


def test_a_pool_that_is_killed_costs_nothing_but_time(
    lake: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    start = worker_pool._started

    def killed() -> subprocess.Popen[bytes]:
        process = start()
        process.kill()
        process.wait()
        return process

    monkeypatch.setattr(worker_pool, "_started", killed)
    same(lake)
    assert asked


def test_where_no_process_can_be_started_all_is_done_by_this_one(
    lake: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setattr(sys, "executable", str(lake / "no-python"))
    same(lake)
    assert asked


def test_a_reading_that_is_given_up_leaves_no_process(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = worker_pool._started

    def noted() -> subprocess.Popen[bytes]:
        started.append(start())
        return started[-1]

    monkeypatch.setattr(worker_pool, "_started", noted)
    monkeypatch.setattr(folder, "_AT_ONCE", 1)
    of = folder_of(lake, ALWAYS)
    reading = iter(of.read(of.list_objects()))
    next(reading)
    assert any(process.poll() is None for process in started)
    reading.close()
    assert started
    assert all(process.poll() is not None for process in started)


def test_a_process_of_the_pool_imports_nothing_that_takes_long() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import sparkify_dagster.lake.store.worker; "
        "print(len(sys.modules), *(n for n in sys.modules if 'site-packages' in "
        "str(getattr(sys.modules[n], '__file__', ''))))"
    )
    asked_for = [sys.executable, "-I", "-S", "-c", program, worker_pool._PACKAGES]
    said = subprocess.run(asked_for, capture_output=True, text=True, check=True).stdout.split()
    assert said[1:] == []
    # 64 with Python 3.11; `inspect`, by way of `dataclasses`, is a third of them.
    assert int(said[0]) < 100
