"""Lakes that were made to fill memory or to take for ever, and as many bytes of good records.

What belongs here: the bytes. All logs of a hostile lake are of one day; the good records stand in
thirty files, a day each.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.contenders.lake import EVENT_FIELDS
from bench.lakes import Size

_FILES = 30
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Shape(Size):
    """A hostile lake.

    Attributes:
        what: What it is, in words.
        held: The bytes that are held against it: its own, unpacked, as far as they are read.
    """

    what: str = ""
    held: int = 0

    def __str__(self) -> str:
        return self.what


Files = Iterable[tuple[str, bytes]]
_SHAPES: dict[Shape, Callable[[], Files]] = {
    Shape(0, 0, 1, packed=True, what="3 M blank lines in 3 kB of gzip", held=3 * _MB): (
        lambda: [("a.json.gz", gzip.compress(b"\n" * 3_000_000))]
    ),
    Shape(0, 0, 1, packed=True, what="1 GB of zeros in 1 MB of gzip", held=200 * _MB): (
        lambda: [("a.json.gz", gzip.compress(bytes(16 * _MB)) * 64)]
    ),
    Shape(100_000, 0, 100_000, what="100 k log files of one record", held=45 * _MB): (
        lambda: ((f"{number:06}.json", _record(number)) for number in range(100_000))
    ),
    Shape(1_000_000, 0, 1, what="1 M rejects of 16 bytes", held=16 * _MB): (
        lambda: [("a.json", b'{"oops": 123456\n' * 1_000_000)]
    ),
    Shape(20_000, 0, 1, what="20 k rejects of 16 kB", held=320 * _MB): (
        lambda: [("a.json", b'{"oops": "%s\n' % (b"x" * 16_000) * 20_000)]
    ),
    Shape(200_000, 0, 1, what="200 k unknown field names", held=115 * _MB): (
        lambda: [("a.json", b"\n".join(_record(n, f"{n:06}{'x' * 90}") for n in range(200_000)))]
    ),
}
SHAPES = tuple(_SHAPES)


def make(shape: Shape, hostile: Path, good: Path) -> None:
    """Writes the lake of a shape, and the one of as many bytes of good records."""
    _write(hostile, ((f"2018-11-01-{name}", data) for name, data in _SHAPES[shape]()))
    _write(good, _good(shape.held))


def _good(size: int) -> Files:
    number = max(size // len(_record(1_000_000)) // _FILES, 1)
    for day in range(_FILES):
        records = (_record(day * number + item) for item in range(number))
        yield f"2018-11-{day + 1:02}.json", b"\n".join(records)


def _write(root: Path, files: Files) -> None:
    for name in ("song_data", "log_data"):
        (root / name).mkdir(parents=True)
    paths = [f"$['{field}']" for field in EVENT_FIELDS]
    (root / "log_json_path.json").write_text(json.dumps({"jsonpaths": paths}), encoding="utf-8")
    for name, data in files:
        (root / "log_data" / name).write_bytes(data)


def _record(number: int, unknown: str = "") -> bytes:
    more = {unknown: 1} if unknown else {}
    return json.dumps(
        {
            "artist": "Harmonia", "auth": "Logged In", "firstName": "Kaylee", "gender": "F",
            "itemInSession": number, "lastName": "Summers", "length": 655.77751, "level": "free",
            "location": "Phoenix-Mesa-Scottsdale, AZ", "method": "PUT", "page": "NextSong",
            "registration": 1540344794796.0, "sessionId": 139, "song": "Sehr kosmisch",
            "status": 200, "ts": 1541106106796 + number, "userId": "8",
            "userAgent": "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Chrome/35.0.1916.153 Safari/537.36",
        } | more
    ).encode()  # fmt: skip


def lakes_of(folder: Path) -> Iterator[tuple[Shape, Path, Path]]:
    """Each shape with its two lakes, made below a folder."""
    for number, shape in enumerate(SHAPES):
        hostile, good = folder / f"{number}-hostile", folder / f"{number}-good"
        make(shape, hostile, good)
        yield shape, hostile, good
