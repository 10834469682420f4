"""Documents that people keep, in a folder and in S3: what is written, and by several at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from sparkify_dagster.lake.documents import appended
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.store.amend import Amend, amend_file, amend_object
from sparkify_dagster.lake.store.s3 import read_document
from sparkify_dagster_tests.pairs import access_to
from sparkify_dagster_tests.s3_server import S3Server

Place = tuple[Callable[[Amend], None], Callable[[], bytes]]
SETTING = "[S3] ALIASES"
_numbers = count()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Changes the same document, which is not there yet; and reads it."""
    if request.param == "folder":
        path = tmp_path / "kept" / "document"
        return lambda amend: amend_file(str(path), amend), path.read_bytes
    s3: S3Server = request.getfixturevalue("s3")
    bucket = f"kept-{os.getpid()}-{next(_numbers)}"
    s3.make_bucket(bucket)
    uri, access = f"s3://{bucket}/document", access_to(s3)
    return (
        lambda amend: amend_object(uri, SETTING, access, amend),
        lambda: read_document(uri, SETTING, access),
    )


def test_a_document_is_made_and_a_line_is_added_to_what_stands_there(place: Place) -> None:
    amend, read = place
    seen: list[bytes | None] = []

    def add(line: str) -> Callable[[bytes | None], bytes]:
        def changed(data: bytes | None) -> bytes:
            seen.append(data)
            return appended(data, [line])

        return changed

    amend(add("7"))
    assert seen[0] is None, "that it is not there is no empty document"
    amend(lambda _: b"7 # kept")
    amend(add("Bj\u00f6rk"))
    assert read() == "7 # kept\nBj\u00f6rk\n".encode()
    amend(lambda _: None)
    assert read() == "7 # kept\nBj\u00f6rk\n".encode()


def test_people_who_write_at_once_lose_nothing(place: Place) -> None:
    amend, read = place
    wanted = [f"{person}.{line}" for person in range(4) for line in range(4)]
    with ThreadPoolExecutor(4) as people:
        for done in [people.submit(amend, lambda d, w=w: appended(d, [w])) for w in wanted]:
            done.result()
    assert sorted(read().decode().split()) == sorted(wanted)


def test_an_object_that_was_written_meanwhile_is_read_again(s3: S3Server) -> None:
    bucket = f"kept-{os.getpid()}-{next(_numbers)}"
    s3.make_bucket(bucket)
    uri, others = f"s3://{bucket}/document", [b"made\n", b"made\nchanged\n"]

    def amend(data: bytes | None) -> bytes:
        if others:
            s3.put(uri, others.pop(0))
        return appended(data, ["ours"])

    amend_object(uri, SETTING, access_to(s3), amend)
    assert read_document(uri, SETTING, access_to(s3)) == b"made\nchanged\nours\n"


def test_what_is_refused_leaves_the_document_as_it_was(place: Place) -> None:
    amend, read = place
    amend(lambda _: b"7\n")

    def refuse(_: bytes | None) -> bytes:
        raise LakeError("no")

    with pytest.raises(LakeError, match="no"):
        amend(refuse)
    assert read() == b"7\n"


def test_a_file_keeps_its_mode_and_the_link_that_leads_to_it(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"7\n")
    file.chmod(0o664)
    link.symlink_to(file)
    amend_file(str(link), lambda data: appended(data, ["8"]))
    assert link.is_symlink()
    assert file.read_bytes() == b"7\n8\n"
    assert file.stat().st_mode & 0o777 == 0o664
    assert sorted(tmp_path.iterdir()) == [file, link], "nothing is left beside it"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, s3: S3Server) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LakeError, match=r"file/x: cannot be written \("):
        amend_file(str(tmp_path / "file" / "x"), lambda _: b"")
    with pytest.raises(LakeError, match=r"no such bucket"):
        amend_object("s3://no-such-bucket-here/x", SETTING, access_to(s3), lambda _: b"")
