"""The documents that people keep: what they say, and what is no line of theirs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sparkify_dagster.core.match_name import match_name
from sparkify_dagster.defs.sensors.triggers import seen
from sparkify_dagster.factory import open_lake
from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.documents import (
    Aliases,
    Document,
    Forgotten,
    alias_line,
    appended,
    read_aliases,
    read_forgotten,
)
from sparkify_dagster.lake.errors import DocumentError, LakeError
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.settings import LakeSettings, Settings


def document(text: str | bytes) -> Document:
    """A document of that text."""
    data = text if isinstance(text, bytes) else text.encode()
    return Document("s3://lake/document", lambda: data)


def test_the_last_line_for_the_same_names_counts_whatever_their_order_and_spelling() -> None:
    first = '{"song": "A", "artist": "BjÃ¶rk", "song_id": "SO1"}'
    last = '{"song_id": "SO2", "song": " A ", "artist": "Björk", "note": "by Ada"}'
    other = '{"song": "B", "artist": "", "song_id": "SO3"}'
    said = read_aliases(document("\n".join([first, "", last, other, ""])))
    assert said.rows == {("A", "Björk", "SO2"), ("B", "", "SO3")}
    assert read_aliases(document(f"{other}\r\n{last}")) == said


@pytest.mark.parametrize("read", [read_aliases, read_forgotten])
def test_no_document_an_empty_one_and_blank_lines_say_the_same(read) -> None:  # type: ignore[no-untyped-def]
    assert read(None) == read(document("")) == read(document("\n \r\n\n"))
    assert read(None).token == NOTHING


@pytest.mark.parametrize(
    "line",
    [
        '{"song": "a", "artist": null, "song_id": "SO1"}',
        '{"song": "a", "artist": "b", "song_id": 1}',
        '{"song": "a", "artist": "b\\u0000", "song_id": "SO1"}',
        '{"song": "a", "artist": "\\ud800", "song_id": "SO1"}',
        f'{{"song": "{"ä" * 513}", "artist": "b", "song_id": "SO1"}}',
        "[" * 100_000,
        "null",
    ],
)
def test_a_line_that_is_no_alias_is_named(line: str) -> None:
    with pytest.raises(DocumentError, match=r"s3://lake/document.*line 2: no alias"):
        read_aliases(document(f"\n{line}"))


def test_ids_stand_one_a_line_with_comments_and_each_counts_once() -> None:
    said = read_forgotten(document("# who asked\r\n 7 # Ada\n-1\n\n007\n9223372036854775807"))
    assert said.ids == (7, -1, 2**63 - 1)


@pytest.mark.parametrize("line", ["", "٣", "1e3", "+7", "0x7", "9" * 40, "7,8"])
def test_a_line_that_is_no_id_is_named(line: str) -> None:
    with pytest.raises(DocumentError, match=r"line 2: "):
        read_forgotten(document(f"1\n{line}".encode() if line else b"1\n\xff"))


def test_whoever_was_forgotten_surely_is_so_still_where_ids_were_added_at_the_end() -> None:
    one, two = Forgotten((7,)), Forgotten((7, 8))
    assert all(two.extends(token) for token in (NOTHING, one.token, two.token))
    assert not any(f.extends(two.token) for f in (one, Forgotten((8, 7)), Forgotten()))
    assert not any(f.extends("?") for f in (one, two, Forgotten()))


def test_the_sensor_sees_each_document_change() -> None:
    before = Snapshot({}, {}, [], ())
    aliases = Aliases(frozenset({("a", "b", "SO1")}), "0123")
    states = {
        seen(snapshot).state
        for snapshot in (
            before,
            replace(before, aliases=aliases),
            replace(before, forgotten=Forgotten((7,))),
            replace(before, forgotten=Forgotten((8,))),
        )
    }
    assert len(states) == 4


@pytest.mark.parametrize(
    "names", [("A", "Björk"), ('"\n\u2028\\', "مرحبا 🎵"), ("", "x" * 1024), ("BjÃ¶rk", " ")]
)
def test_a_line_that_is_added_says_what_it_was_made_of(names: tuple[str, str]) -> None:
    line = alias_line(*names, "SO1")
    assert line is not None
    data = appended(appended(None, [line]).rstrip(b"\n"), [line])
    assert data.count(b"\n") == 2
    expected = {(*map(match_name, names), "SO1")}
    assert read_aliases(document(data)).rows == expected


@pytest.mark.parametrize("texts", [("x" * 1025, ""), ("é" * 513, ""), ("a\0", ""), ("", "\udcff")])
def test_no_line_is_made_that_would_be_refused(texts: tuple[str, str]) -> None:
    assert alias_line(*texts, "SO1") is None


@pytest.mark.parametrize("name", ["FORGOTTEN", "ALIASES"])
def test_a_document_that_a_setting_names_and_that_is_not_there_is_no_empty_one(
    tmp_path: Path, name: str
) -> None:
    places = LakeSettings(**{name.lower(): str(tmp_path / "gone")})
    lake = open_lake(Settings(s3=places))
    document_ = lake.forgotten if name == "FORGOTTEN" else lake.aliases
    assert document_ is not None
    with pytest.raises(LakeError, match=f"not taken for an empty one.*blank .S3. {name}"):
        document_.read()


@pytest.mark.drill
def test_a_million_lines_are_read_and_each_id_counts_once() -> None:
    ids = "\n".join(map(str, range(500_000)))
    forgotten = read_forgotten(document(f"{ids}\n{ids}"))
    assert forgotten.ids == tuple(range(500_000))
    assert forgotten.extends(Forgotten((0, 1)).token)
