"""What an object is that is no stream of records."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import time
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkify_dagster.lake.reader.formats import LOOKED_AT, what_it_is
from sparkify_dagster_tests.record_cases import EVENT, SONG, STREAMS

LINES = (EVENT.line() + b"\n") * 3
RECORD = json.loads(EVENT.line())


def zipped() -> bytes:
    """The lines in a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.json", LINES)
    return file.getvalue()


def parquet() -> bytes:
    """A record in a Parquet file."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([RECORD]), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (gzip.compress(LINES, mtime=0), "is gzip: add .gz"),
        (bz2.compress(LINES), "is bzip2: unpack it"),
        (lzma.compress(LINES), "is xz: unpack it"),
        (pa.compress(LINES, "zstd", asbytes=True), "is Zstandard: unpack it"),
        (pa.compress(LINES, "lz4", asbytes=True), "is LZ4: unpack it"),
        (zipped(), "is a zip archive: unpack it"),
        (parquet(), "is Parquet: export it as JSON"),
        (LINES.decode().encode("utf-16"), "is UTF-16: save it as UTF-8"),
        (LINES.decode().encode("utf-16-le"), "looks like UTF-16: save it as UTF-8"),
        (LINES.decode().encode("utf-16-be"), "looks like UTF-16: save it as UTF-8"),
        (LINES.decode().encode("utf-32"), "is UTF-32: save it as UTF-8"),
        (LINES.decode().encode("utf-32-be"), "looks like UTF-32: save it as UTF-8"),
        (LINES.decode().encode("utf-8-sig"), "begins with a byte order mark: save it as UTF-8"),
        (json.dumps([RECORD]).encode(), "is one JSON array: write its objects"),
        (json.dumps([RECORD], indent=2).encode(), "is one JSON array: write its objects"),
        (b"\r\n [" + EVENT.line() + b"]", "is one JSON array: write its objects"),
        (b"\n<!DOCTYPE html>\n<html>", "is HTML: it may be the page of an error"),
        (b"<HTML><head>", "is HTML: it may be the page of an error"),
        (b'<?xml version="1.0"?><Error>', "is XML: it may be the answer of an error"),
        (b"<Error><Code>AccessDenied", "is XML: it may be the answer of an error"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "is a Git LFS pointer: fetch"),
        (b"/annex/objects/MD5E-s1--d4\n", "is a git-annex pointer: fetch"),
        (json.dumps(LINES.decode()).encode(), "holds JSON as texts in quotes: write the objects"),
        (repr(RECORD).encode(), "has single quotes where JSON has double ones"),
        (b"artist,auth,ts\nDes'ree,Logged In,1\n", "looks like CSV: export it as JSON"),
        (b'"artist";"auth";"ts"\n"a";"b";1\n', "looks like CSV: export it as JSON"),
        (bytes(9000), "holds nothing but NUL bytes: deliver it again"),
    ],
)
def test_what_is_no_stream_is_told_by_its_first_bytes(data: bytes, what: str) -> None:
    said = what_it_is(data[:LOOKED_AT])
    assert said is not None
    assert said.startswith(what)


@pytest.mark.parametrize(
    "text", [b"a,", b"a;a,", b"a\t a|", b'"', b'"\\', b"a ", b"{ ", b"\0a", b" ", b"<a", b"'{"]
)
def test_no_first_bytes_take_long_to_look_at(text: bytes) -> None:
    data = (text * LOOKED_AT)[:LOOKED_AT]
    began = time.process_time()
    for tail in (b"", b"\n", b",\n", b"{\n"):
        what_it_is(data[: -len(tail) or None] + tail)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b" \n", LINES, SONG.line(), b"\n\n" + LINES, json.dumps(RECORD, indent=2).encode()),
        *(
            b"{",
            b"oops",
            b"not JSON at all\n",
            b"null",
            b"42",
            b'"a text"',
            b"\xff\x00",
            b"\x00\xff",
        ),
    ],
)
def test_a_stream_and_a_broken_one_are_nothing_else(data: bytes) -> None:
    assert what_it_is(data[:LOOKED_AT]) is None


def test_streams_that_begin_with_a_record_are_nothing_else() -> None:
    streams = [case.of(EVENT.line()) for case in STREAMS]
    assert {what_it_is(data) for data in streams if data.startswith(b"{")} == {None}
