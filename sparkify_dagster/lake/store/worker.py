"""What a process of the pool does: lists folders, reads small files, answers, until told to end.

What belongs here: the work and how it is asked for. It runs without site-packages, so nothing but
the standard library and modules of ours that need no more.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable
from typing import IO, Any

from sparkify_dagster.lake.objects import object_of
from sparkify_dagster.lake.store.files import (
    Changed,
    Files,
    LeadsOut,
    Unlisted,
    is_text,
    read_whole,
)

_HEADER = 8
_LARGEST = 65_536
"""Bytes of a file from which to copy it twice costs more than what is saved."""


def scan(prefix: str, path: str, within: str, endings: tuple[str, ...]) -> tuple[Any, ...] | None:
    """What is below a folder, as `Files.add` takes it; None where something cannot be listed."""
    files = Files([(prefix, path)], within)
    try:
        for _ in files.scan(endings):
            pass
    except Unlisted:
        return None
    return files.found


def read(root: str, lines: list[str], within: str) -> tuple[list[int], bytes]:
    """The bytes of files of a listing, one after the other, and where each ends.

    That is -1 where a file is left to who asks: it cannot be read whole, or it is large.
    """
    ends: list[int] = []
    texts: list[bytes] = []
    end = 0
    for key, size, token in map(object_of, lines):
        try:
            mine = size <= _LARGEST and is_text(key)
            data = read_whole(root, key, size, token, within) if mine else None
        except (OSError, Changed, LeadsOut):
            data = None
        if data is None:
            ends.append(-1)
        else:
            end += size
            ends.append(end)
            texts.append(data)
    return ends, b"".join(texts)


WORK: dict[str, Callable[..., Any]] = {"scan": scan, "read": read}


def send(message: Any, sink: IO[bytes]) -> None:
    """Writes a message: lists, tuples, numbers, texts and bytes."""
    data = marshal.dumps(message)
    sink.write(len(data).to_bytes(_HEADER, "little"))
    sink.write(data)
    sink.flush()


def receive(source: IO[bytes]) -> Any:
    """Reads a message.

    Raises:
        EOFError: There is none any more.
    """
    header = source.read(_HEADER)
    size = int.from_bytes(header, "little")
    data = source.read(size)
    if len(header) < _HEADER or len(data) < size:
        raise EOFError
    return marshal.loads(data)


def main() -> None:
    """Does what is asked for on standard input, until that is closed."""
    try:
        while True:
            name, *arguments = receive(sys.stdin.buffer)
            send(WORK[name](*arguments), sys.stdout.buffer)
    except (EOFError, BrokenPipeError):
        pass  # Whoever asked has gone.
