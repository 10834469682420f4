"""Links, pipes and devices in a lake: who may write to it reads nothing else with our rights."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import NOT_FOLLOWED
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster_tests.lakes import (
    SETTLED_AT_ONCE,
    TinyLake,
    bring_up_to_date,
    event,
    put,
    song,
    warehouse_at,
)

SECRET = b"the loader's alone"


@pytest.fixture
def in_time() -> Iterator[None]:
    """Fails a test that waits for something that never comes."""

    def fail(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of one object, beside a file that is not for it."""
    put(tmp_path / "lake" / "days" / "x.json", b"ours")
    put(tmp_path / "outside" / "x.json", SECRET)
    return tmp_path / "lake"


def folder_of(lake: Path, **options: bool) -> Folder:
    return Folder(lake, "[S3] LOG_DATA", SETTLED_AT_ONCE, **options)


def found(lake: Path, **options: bool) -> dict[str, bytes | str]:
    """What is read of each object that is listed, or why it is not; and links, with a `/`."""
    folder = folder_of(lake, **options)
    listed = folder.list_objects()
    links = {f"{key}/" for key in listed.aside.links} - {f"{item.key}/" for item in listed}
    return dict.fromkeys(links, NOT_FOLLOWED) | {
        item.key: data.reason if isinstance(data, ObjectError) else data
        for item, data in folder.read(listed)
    }


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("to", ["outside/x.json", "outside", "", "lake-beside", "chained"])
def test_a_link_that_leads_out_of_the_lake_is_refused_by_name(
    lake: Path, tmp_path: Path, to: str, relative: bool
) -> None:
    put(tmp_path / "lake-beside" / "x.json", SECRET)
    (lake / ".chain").symlink_to(tmp_path / "outside" / "x.json")
    target = lake / ".chain" if to == "chained" else tmp_path / to
    is_folder = target.is_dir()
    link = lake / "days" / ("linked" if is_folder else "linked.json")
    link.symlink_to(os.path.relpath(target, link.parent) if relative else target)
    key = "days/linked/" if is_folder else "days/linked.json"
    assert found(lake) == {"days/x.json": b"ours", key: NOT_FOLLOWED}


def test_a_setting_lets_links_lead_anywhere(lake: Path, tmp_path: Path) -> None:
    (lake / "linked.json").symlink_to(tmp_path / "outside" / "x.json")
    (lake / "linked").symlink_to(tmp_path / "outside")
    assert found(lake, follow_links=True) == {
        "days/x.json": b"ours", "linked.json": SECRET, "linked/x.json": SECRET,
    }  # fmt: skip


def test_links_within_the_lake_are_followed_even_where_the_lake_itself_is_a_link(
    lake: Path, tmp_path: Path
) -> None:
    (lake / "linked.json").symlink_to("days/x.json")
    (lake / "linked").symlink_to(lake / "days")
    (tmp_path / "mounted").symlink_to(lake)
    (tmp_path / "upper").symlink_to(tmp_path)
    keys = ("days/x.json", "linked.json", "linked/x.json")
    for root in (lake, tmp_path / "mounted", tmp_path / "upper" / "mounted"):
        assert found(root) == dict.fromkeys(keys, b"ours")


def test_links_in_a_circle_cost_themselves(lake: Path) -> None:
    (lake / "loop").symlink_to("loop")
    (lake / "loop.json").symlink_to("loop.json")
    (lake / "days" / "up").symlink_to("..")
    (lake / "days" / "same").symlink_to(".")
    assert found(lake) == {
        "days/x.json": b"ours", "loop.json": "Too many levels of symbolic links",
        "loop/": NOT_FOLLOWED, "days/up/": NOT_FOLLOWED, "days/same/": NOT_FOLLOWED,
    }  # fmt: skip


def test_links_to_folders_of_links_do_not_multiply(lake: Path) -> None:
    for level in range(12):  # Followed wherever they lead, these are four to the twelfth.
        for name in "abcd":
            link = lake / f"level{level}" / name
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(lake / f"level{level + 1}")
    put(lake / "level12" / "x.json", b"ours")
    assert len(found(lake)) < 12 * 4 * 6


@pytest.mark.parametrize("special", ["/dev/zero", "/dev/tty", "pipe", "socket"])
def test_what_is_no_file_is_neither_listed_nor_opened(
    lake: Path, tmp_path: Path, special: str
) -> None:
    if special == "pipe":
        os.mkfifo(lake / "days" / "y.json")
        (lake / "days" / "z.json").symlink_to("y.json")
        assert found(lake) == {"days/x.json": b"ours"}
    else:
        (lake / "days" / "z.json").symlink_to(special)
        assert set(found(lake)) == {"days/x.json", "days/z.json"}
        assert found(lake)["days/z.json"] != b""


def _a_pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _a_link_out(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "x.json")


def _a_link_to_a_device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def _a_folder(path: Path, _: Path) -> None:
    path.mkdir()


def _a_folder_on_the_way(path: Path, outside: Path) -> None:
    path.parent.rename(path.parent.with_name(".away"))
    path.parent.symlink_to(outside)


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize(
    "exchange", [_a_pipe, _a_link_out, _a_link_to_a_device, _a_folder, _a_folder_on_the_way]
)
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_put_in_the_place_of_an_object_after_listing_is_never_read(
    lake: Path, tmp_path: Path, exchange: Callable[[Path, Path], None], linked: bool
) -> None:
    (tmp_path / "outside" / "x.json").write_bytes(b"else")  # As long as what was listed.
    if linked:
        (lake / "linked.json").symlink_to("days/x.json")
    folder = folder_of(lake)
    key = "linked.json" if linked else "days/x.json"
    objects = [item for item in folder.list_objects() if item.key == key]
    if exchange is not _a_folder_on_the_way:
        (lake / "days" / "x.json").unlink()
    exchange(lake / "days" / "x.json", tmp_path / "outside")
    ((_, data),) = folder.read(objects)
    assert isinstance(data, ObjectError)


def test_a_folder_that_is_exchanged_for_a_link_while_it_is_listed_is_refused(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ = os.open

    def exchanged(path: str, *more: int) -> int:
        if path == str(lake / "days"):
            (lake / "days").rename(lake / ".away")
            (lake / "days").symlink_to(tmp_path / "outside")
            monkeypatch.undo()
        return open_(path, *more)

    monkeypatch.setattr(os, "open", exchanged)
    listed = folder_of(lake).list_objects()
    assert (list(listed), listed.aside.links) == ([], ("days",))


def test_a_link_that_vanishes_while_it_is_looked_at_takes_no_other_object_with_it(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lake / "days" / "link").symlink_to(tmp_path)
    real = os.path.realpath

    def vanished(path: str, **options: bool) -> str:
        target = real(path, **options)
        if path.endswith("link"):
            os.unlink(path)
        return target

    folder = folder_of(lake)
    monkeypatch.setattr(os.path, "realpath", vanished)
    assert [item.key for item in folder.list_objects()] == ["days/x.json"]


def test_a_system_that_does_not_tell_where_open_files_lie_is_asked_by_path(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lake / "linked").symlink_to("days")
    (lake / "out").symlink_to(tmp_path)

    expected, real = found(lake), os.readlink
    assert set(expected) == {"days/x.json", "linked/x.json", "out/"}

    def untold(path: str) -> str:
        if path.startswith("/proc/self/fd/"):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "readlink", untold)
    assert found(lake) == expected


def test_what_was_loaded_from_behind_a_link_stays_and_fails_by_name(tmp_path: Path) -> None:
    lake, warehouse = TinyLake(tmp_path / "lake"), warehouse_at(tmp_path / "w.duckdb")
    lake.put_log("mine/2018-11-01.json", event())
    lake.put_log("theirs/2018-11-02.json", event(sessionId=2))
    lake.put_song("mine/a.json", song())
    lake.put_song("theirs/b.json", song(song_id="SO2"))
    assert not bring_up_to_date(lake.open(), warehouse).failed

    for place in (lake.logs, lake.songs):
        away = tmp_path / f"away {place.name}"
        (place / "theirs").rename(away)
        (place / "theirs").symlink_to(away)
    lake.put_log("mine/2018-11-03.json", event(sessionId=3))
    outcome = bring_up_to_date(lake.open(), warehouse)
    assert outcome.failed == {"2018-11-02", "songs"}
    failed = [day.entry.message for day in outcome.days if not day.published]
    assert failed == [f"theirs/: {NOT_FOLLOWED}"]
    assert {aside.links for aside in outcome.seen.aside.values()} == {("theirs",)}
    with warehouse.reading() as session:
        days = session.query('SELECT log_date FROM "sparkify"."staging_events_table" ORDER BY 1')
        songs = session.query('SELECT song_id FROM "sparkify"."staging_songs_table" ORDER BY 1')
    assert [str(day) for (day,) in days] == ["2018-11-01", "2018-11-02", "2018-11-03"]
    assert songs == [("SO1",), ("SO2",)]

    for place in (lake.logs, lake.songs):  # The link is gone: now it was deleted.
        (place / "theirs").unlink()
    assert not bring_up_to_date(lake.open(), warehouse).failed
    with warehouse.reading() as session:
        days = session.query('SELECT log_date FROM "sparkify"."staging_events_table" ORDER BY 1')
    assert [str(day) for (day,) in days] == ["2018-11-01", "2018-11-03"]


def test_a_link_behind_which_nothing_was_loaded_is_told_and_costs_nothing(tmp_path: Path) -> None:
    lake, warehouse = TinyLake(tmp_path / "lake"), warehouse_at(tmp_path / "w.duckdb")
    lake.put_log("2018-11-01.json", event())
    lake.put_song("a.json", song())
    (lake.logs / "out").symlink_to(tmp_path)
    (lake.songs / "out").symlink_to(tmp_path)
    outcome = bring_up_to_date(lake.open(), warehouse)
    assert not outcome.failed
    assert [said.split(",")[0] for said in outcome.seen.told] == [
        f"Not read in [S3] {setting}: 1 link that leads nowhere"
        for setting in ("SONG_DATA", "LOG_DATA")
    ]
    assert bring_up_to_date(lake.open(), warehouse).todo.is_nothing
