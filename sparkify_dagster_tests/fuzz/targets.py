"""What is read from outside: objects, JSONPaths and settings documents, messages of a queue.

What belongs here: for each the odd inputs, and what must hold of every one of them.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sparkify_dagster.lake.errors import DocumentError
from sparkify_dagster.lake.jsonpaths import parse_jsonpaths
from sparkify_dagster.lake.notifications import Message, Watched, told_by
from sparkify_dagster.lake.reader import records as cutting
from sparkify_dagster.lake.reader.formats import what_it_is
from sparkify_dagster.lake.reader.reader import Reader
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.settings import SettingsError, describe_settings, load_settings
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.lakes import jsonpaths
from sparkify_dagster_tests.properties import test_reader_properties as reading
from sparkify_dagster_tests.record_cases import EVENT_FIELDS, SONG_FIELDS

# --- objects of the lake ---------------------------------------------------------------------


@cache
def _reader(songs: bool) -> Reader:
    # Small bounds, so that those which large objects have stand within small ones.
    cutting._CHUNK_ROWS, cutting._SAMPLE = 3, 1200
    if songs:
        return Reader(loaded_columns(STAGING_SONGS), oracle.SONG_FIELDS, threads=1)
    return Reader(loaded_columns(STAGING_EVENTS), reading.LOG_FIELDS, threads=1)


def logs_are_read_as_the_oracle_reads_them(contents: list[bytes]) -> None:
    found = _reader(songs=False).read_lines(contents)
    reading.assert_same(reading.read(found), reading.expected_logs(contents))


def songs_are_read_as_the_oracle_reads_them(contents: list[bytes]) -> None:
    found = _reader(songs=True).read_wholes(contents)
    reading.assert_same(reading.read(found), reading.expected_songs(contents))


def bytes_are_read_without_an_exception(contents: list[bytes]) -> None:
    """Whatever they are: what is no record is a reject."""
    _reader(songs=False).read_lines(contents)
    for content in contents:
        said = what_it_is(content[:4096])
        assert said is None or said.isprintable()


_packed = st.binary(max_size=300).map(lambda data: gzip.compress(data, mtime=0))
_bytes = st.binary(max_size=400) | _packed | reading.damaged(_packed) | st.text().map(
    lambda text: text.encode("utf-16", "surrogatepass")
)  # fmt: skip

# --- JSONPaths documents ---------------------------------------------------------------------


def a_jsonpaths_document_is_refused_in_words_or_names_the_fields(text: bytes) -> None:
    try:
        found = parse_jsonpaths(text, len(reading.LOG_FIELDS), "paths.json")
    except DocumentError:
        return
    assert len(found.fields) == len(reading.LOG_FIELDS)
    for field in found.fields:
        assert field
        assert "\0" not in field
        field.encode()  # No half of a surrogate pair.
    _the_same_by_the_oracle(text, found.fields)


def _the_same_by_the_oracle(text: bytes, fields: tuple[str, ...]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(text)
        with contextlib.suppress(oracle.SettingsError):  # It takes fewer spellings.
            assert oracle.event_fields(Path(file.name)) == fields


_path = st.one_of(
    st.from_regex(r"\$(\.|\[')[a-zA-Z .'\\\]\[\"*]{0,6}('\])?", fullmatch=True),
    st.text(st.characters(codec=None), max_size=8).map("$.{}".format),
    st.text(st.characters(codec=None), max_size=8).map("$['{}']".format),
    reading.json_texts,
)
_paths = st.lists(st.just("$.a") | _path, min_size=17, max_size=19).map(
    lambda paths: json.dumps({"jsonpaths": paths}).encode()
)
_documents = _paths | reading.damaged(st.just(jsonpaths()) | _paths) | st.binary(max_size=60)

# --- settings documents ----------------------------------------------------------------------

_SECRET = "hunter2-9f81"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def settings_are_refused_in_words_or_taken_and_show_no_secret(text: bytes) -> None:
    path = Path(_folder().name) / "dwh.cfg"
    path.write_bytes(text)
    try:
        shown = repr(load_settings(path, {}, path.parent))
    except SettingsError as error:
        shown = str(error)
    assert _SECRET not in shown


_values = st.one_of(
    st.sampled_from(
        ["", "yes", "0", "-1", "1e3", "9" * 25, "nan", "s3://b/k", "https://u:p@h", "~"]
    ),
    st.sampled_from(
        ["2018-11-01", "s3://", "/", "..", "\0", "'", '"', "'a", "%(x)s", "\u202e", "[x]"]
    ),
    st.text(max_size=12),
)
_known = st.sampled_from([(info.section, info.key) for info in describe_settings()])
_settings = st.lists(st.tuples(_known, _values), max_size=6).map(
    lambda given: "".join(
        f"[{section}]\n{key}={value}\n" for (section, key), value in given
    ).encode("utf-8", "surrogatepass")
)  # fmt: skip
_cluster = f"[CLUSTER]\nHOST=h.example\nDB_USER=u\nDB_PASSWORD={_SECRET}\n".encode()
_with_secret = st.builds(lambda more, at: more[:at] + _cluster + more[at:], _settings, st.just(0))
_documents_of_settings = st.one_of(
    *(_settings, _with_secret, reading.damaged(_settings), st.binary(max_size=80)),
    reading.damaged(st.just(_cluster)).filter(
        lambda text: b"\nDB_PASSWORD=" + _SECRET.encode() in text
    ),
)

# --- messages of a queue ---------------------------------------------------------------------

_WATCHED = Watched(("s3://lake/log_data", "s3://lake/song_data", "s3://lake/paths.json"))
_GOOD = json.dumps(
    {"Records": [{"s3": {"bucket": {"name": "lake"}, "object": {"key": "log_data/a.json"}}}]}
)


def a_message_is_counted_and_hides_none_beside_it(bodies: list[str]) -> None:
    messages = [Message(str(number), body) for number, body in enumerate([*bodies, _GOOD])]
    told = told_by(messages, _WATCHED)
    assert told.ours
    assert str(len(bodies)) in told.dealt
    assert len(told.dealt) + told.foreign == len(messages)


_named = st.fixed_dictionaries(
    {},
    optional={
        name: st.deferred(lambda: _json)
        for name in ("bucket", "object", "name", "key", "s3", "Records", "source", "detail",
                     "Message", "TopicArn", "Event")
    },
)  # fmt: skip
_json: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 5, 1e300, "lake", "aws.s3", "s3:TestEvent", "log_data/%00", _GOOD])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | _named,
    max_leaves=8,
)
_bodies = st.one_of(
    *(_json.map(json.dumps), st.text(max_size=30), reading.json_texts),
    reading.damaged(st.just(_GOOD.encode())).map(lambda body: body.decode(errors="replace")),
    st.integers(1, 30_000).map(lambda deep: '{"Records":[' * deep),
)

TARGETS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]] = {
    "log objects": (
        reading.several_logs | st.lists(reading.streams(EVENT_FIELDS), max_size=3),
        logs_are_read_as_the_oracle_reads_them,
    ),
    "song objects": (
        reading.several_songs | st.lists(reading.streams(SONG_FIELDS), max_size=3),
        songs_are_read_as_the_oracle_reads_them,
    ),
    "any bytes": (st.lists(_bytes, max_size=4), bytes_are_read_without_an_exception),
    "JSONPaths": (_documents, a_jsonpaths_document_is_refused_in_words_or_names_the_fields),
    "settings": (_documents_of_settings, settings_are_refused_in_words_or_taken_and_show_no_secret),
    "messages": (st.lists(_bodies, max_size=4), a_message_is_counted_and_hides_none_beside_it),
}
