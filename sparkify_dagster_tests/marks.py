"""Records with marked values in all that is personal, and looking for the marks.

What belongs here: planting and looking. What is run in between stands in the drill.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster_tests.lakes import event

MARK = "Zqx!mark"
"""How every marked text begins; no text that is packed or in base64 holds it by chance."""
PERSON = 7_770_531_917
_NUMBERS = {"user_id": PERSON, "session_id": 880_053_171, "registration": 1_540_071_531_971.0}
_FIELDS = {
    c.source: _NUMBERS.get(c.name, f"{MARK}-{c.name}")
    for c in STAGING_EVENTS.columns
    if c.personal and c.source
}


def marked(**values: object) -> dict[str, object]:
    """A play of the marked person, all that is personal in it marked."""
    return event(**(_FIELDS | {"userId": str(PERSON)} | values))


def broken() -> list[object]:
    """Records that are rejected, each in another way, of no person that can be told or of this."""
    said = f"{MARK}-broken"
    wrong = ("ts", "userId", "sessionId", "itemInSession", "length", "registration", "status")
    return [
        *(marked(**{name: f"{said}-{name}"}) for name in wrong),
        *(marked(firstName=value) for value in ({"x": said}, [said], said * 90)),
        marked(ts=None),
        marked(ts=f"{said}9e99"),
        f'{{"firstName": "{said}-cut", "userId": '.encode(),
        f"{said} is no JSON".encode(),
        f'["{said}"]'.encode(),
        f'"{said}"'.encode(),
        f'{{"userId": "{PERSON}", "userId": "{said}", "ts": 1}}'.encode(),
        f'{{"lastName": "{said}\\u0000", "ts": {said}}}'.encode(),
        f'{{"lastName": "{said}'.encode() + b'\xff\xfe", "ts": 1}',
        f'{{"lastName": "{said}\\ud800", "ts": NaN, "other": {{"deep": "{said}"}}}}'.encode(),
    ]


def marks() -> list[bytes]:
    """What must not be found: every mark, as it may be written."""
    numbers = {str(int(number)) for number in _NUMBERS.values()}
    numbers |= {f"{int(number):,}" for number in _NUMBERS.values()}
    texts = {MARK, *numbers}
    return [text.encode(how) for text in sorted(texts) for how in ("utf-8", "utf-16-le")]


def leaks(found: Iterable[tuple[str, bytes]], wanted: Iterable[bytes] = ()) -> list[str]:
    """Where any of the marks stands, with what is around it."""
    looked = list(wanted) or marks()
    return [
        f"{where}: …{data[max(at - 150, 0) : at + 60]!r}…"
        for where, data in found
        for mark in looked
        if (at := data.find(mark)) >= 0
    ]


def files_in(folder: Path, *but: str) -> Iterator[tuple[str, bytes]]:
    """All files below a folder, what some of their paths begin with left out."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not path.is_symlink() and not name.startswith(but):
            yield name, path.read_bytes()


def rows_in(connection: object, schema: str) -> Iterator[tuple[str, bytes]]:
    """All rows of all tables of a PostgreSQL database's schema; what is packed is unpacked."""
    with closing(connection.cursor()) as cursor:  # type: ignore[attr-defined]
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
            for row in cursor.fetchall():
                yield table, b"\n".join(map(_plain, row))


def _plain(value: object) -> bytes:
    if isinstance(value, bytes | memoryview):
        data = bytes(value)
        try:
            return zlib.decompress(data)
        except zlib.error:
            return data
    return str(value).encode()
