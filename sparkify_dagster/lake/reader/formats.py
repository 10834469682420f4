"""What an object is that is no stream of JSON objects: its format, told from its first bytes.

What belongs here: looking at bytes, and the words for whoever has to mend the object. Who asks is
`lake.reader.reader`, of objects that have rejects.
"""

from __future__ import annotations

import re

LOOKED_AT = 4096
"""Bytes of an object that tell what it is."""

_UNPACK = "unpack it; only gzip is read, as .gz"
_CONVERT = "export it as JSON, one object a line"
_SAVE = "save it as UTF-8 without a byte order mark"
_POINTER = "fetch the file itself (git lfs pull, git annex get)"

_MAGIC = (
    (b"\x1f\x8b", "is gzip", "add .gz to its name; if that is there, it was packed twice"),
    (b"BZh", "is bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "is xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "is Zstandard", _UNPACK),
    (b"\x04\x22\x4d\x18", "is LZ4", _UNPACK),
    (b"\xff\x06\x00\x00sNaPpY", "is Snappy", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive", _UNPACK),
    (b"PK\x03\x04", "is a zip archive", _UNPACK),
    (b"PAR1", "is Parquet", _CONVERT),
    (b"Obj\x01", "is Avro", _CONVERT),
    (b"ORC", "is ORC", _CONVERT),
    (b"SQLite format 3\x00", "is an SQLite file", _CONVERT),
    (b"%PDF-", "is a PDF", _CONVERT),
    (b"\xff\xfe\x00\x00", "is UTF-32", _SAVE),
    (b"\x00\x00\xfe\xff", "is UTF-32", _SAVE),
    (b"\xff\xfe", "is UTF-16", _SAVE),
    (b"\xfe\xff", "is UTF-16", _SAVE),
    (b"\xef\xbb\xbf", "begins with a byte order mark", _SAVE),
    (b"version https://git-lfs", "is a Git LFS pointer", _POINTER),
    (b"/annex/objects/", "is a git-annex pointer", _POINTER),
)
_AGAIN = "deliver it again"
_OBJECTS = "write its objects one after the other, without brackets and commas around them"
_TEXTS = (
    (rb"\x00+\Z", "holds nothing but NUL bytes", _AGAIN),
    (rb"(?:[\x01-\x7f]\x00|\x00[\x01-\x7f]){2}", "looks like UTF-16", _SAVE),
    (rb"(?:[\x01-\x7f]\x00{3}|\x00{3}[\x01-\x7f]){2}", "looks like UTF-32", _SAVE),
    (rb"\s*\[", "is one JSON array", _OBJECTS),
    (rb"\s*(?i:<!doctype html|<html)", "is HTML", "it may be the page of an error; " + _AGAIN),
    (rb"\s*<[?!\w]", "is XML", "it may be the answer of an error; " + _AGAIN),
    (rb'\s*"(?:[^"\\\n]|\\.)*\{', "holds JSON as texts in quotes", "write the objects themselves"),
    (rb"\s*\{\s*'", "has single quotes where JSON has double ones", "write it with a JSON library"),
    # First that the line ends: else each separator would be tried with each other one in vain.
    (rb"(?=[^{}\n]*\n)[^{}\n]*[\w\"'] *([,;\t|])[^{}\n]*\1", "looks like CSV", _CONVERT),
)
_LOOKS = tuple((re.compile(pattern), what, advice) for pattern, what, advice in _TEXTS)


def what_it_is(head: bytes) -> str | None:
    """What an object looks like, if it is no stream of JSON objects, and what to do.

    Args:
        head: Its first bytes, `LOOKED_AT` of them at most.
    """
    for magic, what, advice in _MAGIC:
        if head.startswith(magic):
            return f"{what}: {advice}"
    for look, what, advice in _LOOKS:
        if look.match(head):
            return f"{what}: {advice}"
    return None
