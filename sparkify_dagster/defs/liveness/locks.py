"""The runs at work on this machine: a file for each, locked as long as its process lives.

The kernel lets go of a lock when a process ends, however it ends. So a file that is there and is
not locked is a run whose process is gone: no process ids, which are given again, and no clocks.
Nothing here imports Dagster: a look costs no time.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import Literal

FOLDER = Path("history", "running")
"""Where the files are, below the folder that Dagster's history is in."""
Lock = Literal["held", "free", "none"]

_ours: set[Path] = set()


@contextmanager
def holding(folder: Path, run_id: str) -> Iterator[None]:
    """Holds the file of a run, which goes at the end of the block.

    Waits for another process that holds it, as when two daemons have launched the same run. Where
    no file can be made or locked there is none: other signs must do then.
    """
    path = folder / run_id
    descriptor = None
    if path not in _ours:  # Else this process holds it already.
        with suppress(OSError):
            descriptor = _locked(path)
    if descriptor is None:
        yield
        return
    _ours.add(path)
    try:
        yield
    finally:
        _ours.discard(path)
        remove(path)
        os.close(descriptor)


def lock_of(path: Path) -> Lock:
    """How the file of a run stands.

    `free`: its process is gone. `none`: there is no file, or it was locked on another machine,
    whose lock may not be seen from here.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return "none"
    try:
        flock(descriptor, LOCK_SH | LOCK_NB)
        # One that was removed meanwhile is of a run that has just ended as it should.
        is_there = os.fstat(descriptor).st_nlink > 0
        return "free" if is_there and os.read(descriptor, 1024) == _here() else "none"
    except BlockingIOError:
        return "held"
    except OSError:
        return "none"
    finally:
        os.close(descriptor)


def runs_with(lock: Lock, folder: Path) -> list[str]:
    """The runs whose file stands so."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [n for n in names if not n.startswith(".") and lock_of(folder / n) == lock]


def remove(path: Path) -> None:
    """Removes the file of a run; where that is not possible it stays, and does no harm."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _locked(path: Path) -> int:
    """Makes and locks the file of a run; nobody sees it before it is locked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError), path.open("rb") as other:
        flock(other, LOCK_SH)
    hidden = path.with_name(f".{path.name}")
    # Who may open it may lock it, and a run whose process is gone would look alive for ever.
    descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        flock(descriptor, LOCK_EX)
        os.truncate(descriptor, 0)
        os.write(descriptor, _here())
        hidden.replace(path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _here() -> bytes:
    return socket.gethostname().encode()[:1024]
