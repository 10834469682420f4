"""A folder as an object store: what is listed, and what is never read half."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sparkify_dagster.lake.errors import LakeError, ObjectError
from sparkify_dagster.lake.objects import (
    DATA_ENDINGS,
    LINKED,
    NOT_LISTED,
    LakeObject,
    Objects,
    endings_of,
    is_packed,
    key_of,
)
from sparkify_dagster.lake.store.clocks import TICKS, WALL, Clock
from sparkify_dagster.lake.store.files import Files
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster_tests.lakes import SETTLED_AT_ONCE

SETTING = "[S3] LOG_DATA"
LONG_AGO = 1_541_030_400
NOBODY = 65_534


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that tests change nothing in."""
    root = tmp_path_factory.mktemp("settled")
    for key, data in CONTENTS.items():
        _write(root, key, data)
    for key in IGNORED:
        _write(root, key, b"no data")
    (root / "empty").mkdir()
    (root / "link.json").symlink_to("plain.json")
    (root / "linked").symlink_to("deep")
    (root / "dangling.json").symlink_to("nowhere.json")
    os.mkfifo(root / "pipe.json")
    return root


PACKED = gzip.compress(b'{"a":1}\n' * 50)
CONTENTS: dict[str, bytes] = {
    "plain.json": b"plain",
    "empty.json": b"",
    "deep/er/still/x.json": b"deep",
    "folder.json/x.json": b"in a folder with the ending of a file",
    "x.json": b"unpacked",
    "x.json.gz": PACKED,
    "members.json.gz": gzip.compress(b"one\n") + gzip.compress(b"two\n") + gzip.compress(b""),
    "nothing.json.gz": gzip.compress(b""),
    "no-bytes.json.gz": b"",
    "cut.json.gz": PACKED[:-9],
    "cut-member.json.gz": PACKED + PACKED[:15],
    "flipped.json.gz": PACKED[:15] + bytes([PACKED[15] ^ 255]) + PACKED[16:],
    "tailed.json.gz": PACKED + b"tail",
    "never-packed.json.gz": b"plain after all",
    "with blank.json": b"a blank",
    'it\'s "quoted".json': b"quotes",
    "a+b%20c&d=e#f?.json": b"signs",
    "Björk 🎵.json": b"letters",
    "new\nline.json": b"a line feed",
    "back\\slash.json": b"a backslash",
    "X.JSON": b"a large ending",
    "x.jsonl": b"lines",
    "deep/x.ndjson": b"lines, too",
    "x.NDJSON.Gz": PACKED,
}
OTHERS = {"notes.txt", "x.json.bak", "x.json.gzip"}
IGNORED = (
    "_SUCCESS",
    ".x.json",
    "_x.json",
    "notes.txt",
    "x.json.bak",
    "x.json.gzip",
    ".ipynb_checkpoints/plain-checkpoint.json",
    "deep/_temporary/0/x.json",
    "deep/.hidden/er/x.json",
)


def _write(root: Path, key: str, data: bytes) -> Path:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def listed(root: Path) -> dict[str, LakeObject]:
    """The objects below a folder by key."""
    return {item.key: item for item in Folder(root, SETTING).list_objects()}


def seen(root: Path) -> dict[str, LakeObject]:
    """The same without the wait for young files."""
    return {item.key: item for item in Folder(root, SETTING, SETTLED_AT_ONCE).list_objects()}


def read(root: Path, *objects: LakeObject) -> list[bytes | str]:
    """The bytes of each object, or the words why not."""
    told = Folder(root, SETTING).read(objects)
    return [str(data) if isinstance(data, ObjectError) else data for _, data in told]


@pytest.fixture(scope="module")
def lake(settled: Path) -> dict[str, LakeObject]:
    """The listing of the settled lake."""
    return listed(settled)


def test_data_is_listed_at_any_depth_and_links_are_followed(lake: dict[str, LakeObject]) -> None:
    links = {"link.json", "linked/er/still/x.json", "linked/x.ndjson", "dangling.json"}
    assert set(lake) == {*CONTENTS, *links}


def test_a_link_to_nothing_is_listed_and_cannot_be_read(
    settled: Path, lake: dict[str, LakeObject]
) -> None:
    (told,) = read(settled, lake["dangling.json"])
    assert (
        told == "dangling.json: vanished after it was listed, or is a link to nothing; load again"
    )


def test_a_dead_or_circular_link_costs_itself_only_and_is_told(tmp_path: Path) -> None:
    _write(tmp_path, "deep/x.json", b"1")
    (tmp_path / "README").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "self.json").symlink_to("self.json")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "ping").mkdir()
    (tmp_path / "pong").mkdir()
    (tmp_path / "ping" / "to").symlink_to(tmp_path / "pong")
    (tmp_path / "pong" / "to").symlink_to(tmp_path / "ping")
    (tmp_path / "twice").symlink_to("deep")
    found = Folder(tmp_path, SETTING, SETTLED_AT_ONCE).list_objects()
    assert {item.key for item in found} == {"deep/x.json", "twice/x.json", "self.json"}
    assert found.aside == (0, "", tuple(sorted(
        ("README", "deep/up", "ping/to/to", "pong/to/to", "self", "self.json", "twice/up")
    )))  # fmt: skip
    (told,) = read(tmp_path, next(item for item in found if item.key == "self.json"))
    assert told == "self.json: Too many levels of symbolic links"


def test_files_with_other_endings_are_counted_and_one_is_named(settled: Path) -> None:
    found = Folder(settled, SETTING).list_objects()
    assert (found.aside.others, found.aside.example) == (len(OTHERS), "notes.txt")
    assert found.aside.links == ("dangling.json",)


def test_any_name_is_data_where_the_setting_says_so(settled: Path) -> None:
    found = Folder(settled, SETTING, endings=endings_of("*")).list_objects()
    links = {"link.json", "linked/er/still/x.json", "linked/x.ndjson", "dangling.json"}
    assert {item.key for item in found} == {*CONTENTS, *OTHERS, *links}
    assert found.aside.others == 0


def test_the_size_is_that_of_the_stored_bytes(lake: dict[str, LakeObject]) -> None:
    assert {key: lake[key].size for key in CONTENTS} == {k: len(d) for k, d in CONTENTS.items()}


def test_a_listing_of_what_did_not_change_is_the_same(
    settled: Path, lake: dict[str, LakeObject]
) -> None:
    assert listed(settled) == lake


def test_what_is_settled_is_listed_without_a_wait(settled: Path) -> None:
    started = time.monotonic()
    listed(settled)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("key", [key for key in CONTENTS if not is_packed(key)])
def test_an_object_is_read_as_it_stands_whatever_its_name(
    settled: Path, lake: dict[str, LakeObject], key: str
) -> None:
    assert read(settled, lake[key]) == [CONTENTS[key]]


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("x.json.gz", b'{"a":1}\n' * 50),
        ("x.NDJSON.Gz", b'{"a":1}\n' * 50),
        ("members.json.gz", b"one\ntwo\n"),
        ("nothing.json.gz", b""),
    ],
)
def test_a_packed_object_is_unpacked_with_all_its_members(
    settled: Path, lake: dict[str, LakeObject], key: str, data: bytes
) -> None:
    assert read(settled, lake[key]) == [data]


@pytest.mark.parametrize(
    "key",
    [
        "cut.json.gz",
        "cut-member.json.gz",
        "flipped.json.gz",
        "tailed.json.gz",
    ],
)
def test_a_packed_object_that_does_not_unpack_whole_is_an_error_and_no_data(
    settled: Path, lake: dict[str, LakeObject], key: str
) -> None:
    (told,) = read(settled, lake[key])
    assert isinstance(told, str)
    assert told.startswith(f"{key}: does not decompress to its end (")
    assert told.endswith("); deliver it again")


def test_an_object_that_was_never_packed_says_so(
    settled: Path, lake: dict[str, LakeObject]
) -> None:
    (told,) = read(settled, lake["never-packed.json.gz"])
    assert told == "never-packed.json.gz: is not gzip; take .gz off its name, or pack it"


def test_every_cut_of_a_packed_object_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    folder = Folder(tmp_path, SETTING)
    for length in range(len(PACKED)):
        path.write_bytes(PACKED[:length])
        ((_, told),) = folder.read([_as_listed(path)])
        assert isinstance(told, ObjectError), length


def test_one_object_that_cannot_be_read_leaves_the_others(
    settled: Path, lake: dict[str, LakeObject]
) -> None:
    told = read(settled, lake["plain.json"], lake["cut.json.gz"], lake["x.json"])
    assert told[0] == b"plain"
    assert isinstance(told[1], str)
    assert told[2] == b"unpacked"


# --------------------------------------------------------------------------------------------------
# Objects that change between listing and reading
# --------------------------------------------------------------------------------------------------


def _as_listed(path: Path) -> LakeObject:
    """An object of a folder as a listing would show it, without the wait for young files."""
    return seen(path.parent)[path.name]


def _appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _cut(path: Path) -> None:
    os.truncate(path, 2)


def _replaced(path: Path) -> None:
    other = _write(path.parent, "other", b"other")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def _overwritten_with_its_old_time(path: Path) -> None:
    before = path.stat()
    time.sleep(0.02)  # the clock of the file system moves on
    path.write_bytes(b"other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGED = "x.json: changed while it was read; load it again"
VANISHED = "x.json: vanished after it was listed, or is a link to nothing; load again"


@pytest.mark.parametrize(
    "change", [_appended, _cut, _replaced, _overwritten_with_its_old_time], ids=lambda c: c.__name__
)
def test_an_object_changed_after_it_was_listed_is_not_read(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = _write(tmp_path, "x.json", b"12345")
    item = _as_listed(path)
    assert read(tmp_path, item) == [b"12345"]
    change(path)
    assert read(tmp_path, item) == [CHANGED]


@pytest.mark.parametrize(
    "change", [_appended, _cut, _replaced, _overwritten_with_its_old_time], ids=lambda c: c.__name__
)
def test_an_object_changed_in_any_way_has_another_size_or_token(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = _write(tmp_path, "x.json", b"12345")
    before = _as_listed(path)
    time.sleep(0.02)  # the clock of the file system moves on
    change(path)
    assert _as_listed(path) != before


def test_an_object_listed_with_another_size_is_not_read(tmp_path: Path) -> None:
    item = _as_listed(_write(tmp_path, "x.json", b"12345"))
    assert read(tmp_path, item._replace(size=4)) == [CHANGED]
    assert read(tmp_path, item._replace(size=6)) == [CHANGED]


def test_an_object_that_vanished_is_an_error(tmp_path: Path) -> None:
    path = _write(tmp_path, "x.json", b"12345")
    item = _as_listed(path)
    path.unlink()
    assert read(tmp_path, item) == [VANISHED]


def test_an_object_that_became_a_folder_is_an_error(tmp_path: Path) -> None:
    path = _write(tmp_path, "x.json", b"12345")
    item = _as_listed(path)
    path.unlink()
    path.mkdir()
    assert read(tmp_path, item) == ["x.json: is no file any more; load again"]


def test_an_object_of_megabytes_is_read_whole(tmp_path: Path) -> None:
    data = os.urandom(1 << 16) * 80
    item = _as_listed(_write(tmp_path, "x.json", data))
    assert read(tmp_path, item) == [data]


def test_a_name_outside_utf8_is_listed_and_asks_to_be_renamed(tmp_path: Path) -> None:
    try:
        with open(os.fsencode(tmp_path) + b"/caf\xe9.json", "wb") as file:
            file.write(b"{}")
    except OSError:
        pytest.skip("this file system takes no such names")
    (item,) = seen(tmp_path).values()
    assert item.key == "caf\udce9.json"
    assert read(tmp_path, item) == [r"'caf\udce9.json': its name is not UTF-8; rename it"]


# --------------------------------------------------------------------------------------------------
# Young files
# --------------------------------------------------------------------------------------------------


def test_a_young_file_is_waited_for_and_then_listed_for_good(tmp_path: Path) -> None:
    path = _write(tmp_path, "x.json", b"12345")
    os.utime(path, (LONG_AGO, LONG_AGO))  # the time of its change tells, not its own
    first = {item.key: item for item in Folder(tmp_path, SETTING, WALL).list_objects()}
    assert time.time() - path.stat().st_ctime >= 2
    assert listed(tmp_path) == first
    assert read(tmp_path, first["x.json"]) == [b"12345"]


def test_a_file_dated_in_the_future_is_told_by_its_change_like_any_other(tmp_path: Path) -> None:
    path = _write(tmp_path, "x.json", b"12345")
    tomorrow = time.time() + 86_400
    os.utime(path, (tomorrow, tomorrow))
    found = listed(tmp_path)
    assert listed(tmp_path) == found
    assert not found["x.json"].token.endswith("~")
    assert read(tmp_path, found["x.json"]) == [b"12345"]


def test_a_file_that_keeps_changing_gets_a_token_that_does_not_last(tmp_path: Path) -> None:
    path = _write(tmp_path, "x.json", b"12345")

    def changed_when_asked() -> int:
        now = TICKS.now()
        path.touch()
        return now

    changing = Folder(tmp_path, SETTING, Clock(changed_when_asked, 0))
    (unsettled,) = changing.list_objects()
    assert unsettled.token.endswith("~")
    assert listed(tmp_path)["x.json"].token != unsettled.token


# --------------------------------------------------------------------------------------------------
# Lakes that cannot be listed
# --------------------------------------------------------------------------------------------------


def test_no_folder_names_the_setting_and_the_ways_out(tmp_path: Path) -> None:
    gone = tmp_path / "no" / "lake"
    with pytest.raises(LakeError) as caught:
        listed(gone)
    assert str(caught.value) == (
        f"{gone}: no such folder ([S3] LOG_DATA). Make a sample lake with `sparkify generate`, or "
        "set [S3] LOG_DATA to where the data lies."
    )


def test_a_file_in_place_of_the_folder_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="no such folder"):
        listed(_write(tmp_path, "lake", b""))


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert Folder(tmp_path, SETTING).list_objects() == Objects([])
    assert Folder(tmp_path, SETTING).location == str(tmp_path)


def test_a_folder_that_vanishes_while_the_lake_is_listed_takes_only_its_objects(
    tmp_path: Path,
) -> None:
    _write(tmp_path, "x.json", b"1")
    files = Files([("", str(tmp_path)), ("gone/", str(tmp_path / "gone"))], str(tmp_path))
    assert len(list(files.scan(DATA_ENDINGS))) == 2
    assert list(map(key_of, files.lines)) == ["x.json"]


def test_a_lake_that_vanishes_while_it_is_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_dir", lambda _: True)
    with pytest.raises(LakeError, match=r"cannot be listed \(vanished"):
        listed(tmp_path / "gone")


@contextmanager
def _without_privileges() -> Iterator[None]:
    """Root may read everything: be nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(NOBODY)
    except OSError:
        pytest.skip("root that cannot become another user")
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_listed_costs_itself_only_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "lake/open/x.json", b"1")
    closed = _write(tmp_path, "lake/closed/y.json", b"2").parent
    (tmp_path / "lake").chmod(0o755)
    monkeypatch.chdir(tmp_path / "lake")
    closed.chmod(0)
    try:
        with _without_privileges():
            lake = Folder(Path("."), SETTING, SETTLED_AT_ONCE)
            found = lake.list_objects()
            hidden = read(Path("."), LakeObject("closed/", 0, LINKED))
    finally:
        closed.chmod(0o755)
    assert ([item.key for item in found], found.aside.links) == (["open/x.json"], ("closed",))
    assert hidden == [f"closed/: {NOT_LISTED}"]


def test_a_lake_that_may_not_be_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = _write(tmp_path, "lake/x.json", b"1").parent
    monkeypatch.chdir(closed)
    closed.chmod(0o111)
    try:
        with _without_privileges(), pytest.raises(LakeError) as caught:
            listed(Path("."))
    finally:
        closed.chmod(0o755)
    assert str(caught.value) == (
        ".: cannot be listed (permission denied; let this account read it). Check [S3] LOG_DATA "
        "and the folder's permissions."
    )


def test_folders_too_deep_for_any_path_cost_themselves_only(tmp_path: Path) -> None:
    _write(tmp_path, "x.json", b"1")
    handle = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):  # 30 x 200 characters: more than a path may have.
        os.mkdir("d" * 200, dir_fd=handle)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    found = Folder(tmp_path, SETTING, SETTLED_AT_ONCE).list_objects()
    assert [item.key for item in found] == ["x.json"]
    assert len(found.aside.links) == 1


def test_a_folder_that_becomes_a_file_while_the_lake_is_listed_takes_only_its_objects(
    tmp_path: Path,
) -> None:
    _write(tmp_path, "x.json", b"1")
    files = Files([("", str(tmp_path)), ("x/", str(tmp_path / "x.json"))], str(tmp_path))
    assert len(list(files.scan(DATA_ENDINGS))) == 2
    assert list(map(key_of, files.lines)) == ["x.json"]


def test_an_object_that_may_not_be_read_is_an_error_of_that_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "lake/open.json", b"1")
    _write(tmp_path, "lake/closed.json", b"2").chmod(0)
    (tmp_path / "lake").chmod(0o755)
    monkeypatch.chdir(tmp_path / "lake")
    items = seen(Path("."))
    with _without_privileges():
        told = read(Path("."), items["open.json"], items["closed.json"])
    assert told == [b"1", "closed.json: permission denied; let this account read it"]
