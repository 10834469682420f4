"""The lakes that are measured: generated, packed, laid together and changed.

What belongs here: files. The generator's lakes are the same bytes on every machine. A world is a
lake that may be changed beside others that may not: it links what they share.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.measure import ROOT

_SETTLED = 0.1
"""Seconds after which a file counts as settled: before, the platform would wait for it."""
_SEED = 42


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is in a lake.

    Attributes:
        files: Log files, each a day of its own.
        packed: The log files are gzipped.
    """

    events: int
    songs: int
    files: int = 30
    packed: bool = False

    @property
    def making(self) -> float:
        """Seconds that making such a lake may take."""
        seconds = self.events / 100_000 + self.songs / 5_000
        return seconds * (2 if self.packed else 1)

    def __str__(self) -> str:
        packed = ", gzip" if self.packed else ""
        return (
            f"{short(self.events)} events in {self.files} files{packed}, {short(self.songs)} songs"
        )


def short(number: int) -> str:
    """A round number as one says it: 10 k, 1 M."""
    if number >= 1_000_000:
        return f"{number / 1_000_000:g} M"
    return f"{number / 1_000:g} k" if number >= 1_000 else str(number)


class Lakes:
    """Generated lakes below a folder, each made once.

    Args:
        python: The Python that has the platform.
    """

    def __init__(self, folder: Path, python: str) -> None:
        self._folder = folder
        self._python = python

    def has(self, size: Size) -> bool:
        """Whether the lake of a size has been made."""
        return self._root(size).exists()

    def get(self, size: Size) -> Path:
        """The lake of a size, made if it is not there yet."""
        root = self._root(size)
        if not root.exists():
            if size.packed:
                _gzipped(self.get(Size(size.events, size.songs, size.files)), root)
            else:
                self._generate(root, size, "2018-11-01")
            time.sleep(_SETTLED)
        return root

    def days(self, songs: int, days: int, events: int) -> list[Path]:
        """Log files of days that come after all lakes here, each of about so many events."""
        root = self._folder / f"days-{songs}-{days}-{events}"
        if not root.exists():
            # After three hundred days of the largest lake.
            self._generate(root, Size(days * events, songs, days), "2020-01-01")
        return sorted((root / "log_data").rglob("*.json"))

    def drop(self, size: Size) -> None:
        """Removes a lake that is no longer needed."""
        shutil.rmtree(self._root(size), ignore_errors=True)

    def _root(self, size: Size) -> Path:
        return self._folder / f"{size.events}-{size.songs}-{size.files}{'-gz' * size.packed}"

    def _generate(self, root: Path, size: Size, start: str) -> None:
        numbers = {
            "--songs": size.songs, "--events": size.events, "--days": size.files,
            "--start": start, "--seed": _SEED,
        }  # fmt: skip
        words = [str(word) for pair in numbers.items() for word in pair]
        subprocess.run(
            [self._python, "-m", "sparkify_dagster", "generate", str(root), *words],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )


class World:
    """A lake that can be changed, and a folder for what is made of it."""

    def __init__(self, root: Path, base: Path) -> None:
        self.lake = root / "lake"
        self.out = root / "out"
        self.out.mkdir(parents=True)
        for part in ("song_data", "log_data"):
            (self.lake / part).mkdir(parents=True)
            for entry in sorted((base / part).iterdir()):
                (self.lake / part / entry.name).symlink_to(entry)
        shutil.copy(base / "log_json_path.json", self.lake)
        self._song = json.loads(_first_file(base / "song_data").read_bytes())

    def add_day(self, log: Path) -> None:
        """Puts a log file of a new day into the lake."""
        target = self.lake / "log_data" / "later"
        target.mkdir(exist_ok=True)
        shutil.copy(log, target)

    def change_song(self, version: int) -> None:
        """Writes another form of one song, which is in the lake from version 0 on."""
        folder = self.lake / "song_data" / "changed"
        folder.mkdir(exist_ok=True)
        record = self._song | {"song_id": "SOBENCHMARK0000001", "duration": 100.0 + version}
        (folder / "song.json").write_text(json.dumps(record))


def _first_file(folder: Path) -> Path:
    """The first file below a folder; not by a list of all, which would take up memory."""
    first = min(folder.iterdir())
    return _first_file(first) if first.is_dir() else first


def settle() -> None:
    """Waits until what was just written counts as settled."""
    time.sleep(_SETTLED)


def _gzipped(base: Path, root: Path) -> None:
    root.mkdir(parents=True)
    (root / "song_data").symlink_to(base / "song_data")
    shutil.copy(base / "log_json_path.json", root)
    logs = sorted((base / "log_data").rglob("*.json"))
    targets = [root / f"{path.relative_to(base)}.gz" for path in logs]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_gzip, logs, targets))


def _gzip(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as plain, gzip.open(target, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
