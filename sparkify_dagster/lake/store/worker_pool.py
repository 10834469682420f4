"""Processes that list folders and read small files for this one.

A file of 300 bytes costs calls of the system and Python around them, which threads do one after the
other, and where it is in no cache, a wait for the disk. What belongs here: starting, asking and
ending those processes. They only ever save time: what they do not answer, their caller does itself.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sparkify_dagster.lake.store.worker import receive, send

_MOST = 8
_PIPE_BYTES = 1 << 20
"""An answer fits into a pipe, so that a process need not wait for this one to have read it."""
_PACKAGES = str(Path(__file__).resolve().parents[3])
# Without site-packages a process is there in a fiftieth of a second.
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from sparkify_dagster.lake.store.worker import main; main()"
)


def pool_size() -> int:
    """How many processes are worth starting: while one waits for the disk, another computes."""
    return min(2 * (os.cpu_count() or 1), _MOST)


class WorkerPool:
    """A few processes, each doing one piece of work at a time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[bytes]] = []
        with contextlib.suppress(OSError):  # No more processes to be had: with those there are.
            for _ in range(size):
                self._processes.append(_started())
                self._free.put(self._processes[-1])

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            with contextlib.suppress(OSError):  # What was not read any more.
                process.communicate()

    def answers(self, work: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """The answer to each piece of work, in order; None where there is none.

        Args:
            work: The name of a function of `worker` and its arguments. Asked for a few ahead.
        """
        waiting: deque[Future[Any]] = deque()
        with ThreadPoolExecutor(self._size, "workers") as pool:
            for piece in work:
                waiting.append(pool.submit(self._answer, piece))
                if len(waiting) > 2 * self._size:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _answer(self, piece: tuple[Any, ...]) -> Any:
        if not self._processes:
            return None
        process = self._free.get()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(piece, process.stdin)
            return receive(process.stdout)
        except (OSError, EOFError):
            return None  # It was killed.
        finally:
            self._free.put(process)


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _PROGRAM, _PACKAGES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pipesize=_PIPE_BYTES,
        start_new_session=True,  # Ctrl-C is for this process to answer.
    )
