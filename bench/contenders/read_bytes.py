"""Listing and reading every file of a lake in one thread, and nothing else: the files' own cost."""

from __future__ import annotations

from bench.contenders.clock import Clock
from bench.contenders.lake import arguments, files
from bench.contenders.songs import read_bytes

if __name__ == "__main__":
    lake, out = arguments()
    clock = Clock()
    with clock.step("songs"):
        size = sum(len(read_bytes(path)) for path in files(lake / "song_data"))
    clock.tell(bytes=size)
