"""Reading many objects at once, in the order asked for, with no more than a few chunks in memory.

What belongs here: threads and the order of what they give. What one object is read with is the
store's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from threading import Event
from typing import Generic, TypeVar

from sparkify_dagster.lake.objects import LakeObject

_T = TypeVar("_T")

CHUNK_BYTES = 32 << 20
CHUNK_OBJECTS = 4096
_CHUNKS = 2


def chunks(objects: Iterable[LakeObject]) -> Iterator[list[LakeObject]]:
    """Objects cut into chunks by their number and listed size; one larger than that is alone."""
    chunk: list[LakeObject] = []
    size = 0
    for item in objects:
        if chunk and (len(chunk) == CHUNK_OBJECTS or size + item.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += item.size
    if chunk:
        yield chunk


def in_order(
    objects: Iterable[LakeObject], fetch: Callable[[LakeObject], _T], threads: int
) -> Iterator[tuple[LakeObject, _T]]:
    """What `fetch` gives of each object, many at once; the next chunk comes in meanwhile.

    Raises what `fetch` raises, and then asks for no more.
    """
    stop = Event()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="sparkify-read")
    waiting: deque[_Chunk[_T]] = deque()
    try:
        for items in chunks(objects):
            waiting.append(_Chunk(items, fetch, stop))
            waiting[-1].start(pool, threads)
            if len(waiting) == _CHUNKS:
                yield from waiting.popleft().results()
        while waiting:
            yield from waiting.popleft().results()
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


class _Chunk(Generic[_T]):
    """Objects on their way; whichever thread is free takes the next one."""

    def __init__(
        self, items: list[LakeObject], fetch: Callable[[LakeObject], _T], stop: Event
    ) -> None:
        self._items = items
        self._fetch = fetch
        self._stop = stop
        self._next = iter(range(len(items)))  # Python gives each number of it to one thread.
        self._found: dict[int, _T] = {}
        self._threads: list[Future[None]] = []

    def start(self, pool: ThreadPoolExecutor, threads: int) -> None:
        wanted = min(threads, len(self._items))
        self._threads = [pool.submit(self._work) for _ in range(wanted)]

    def results(self) -> Iterator[tuple[LakeObject, _T]]:
        for thread in as_completed(self._threads):
            thread.result()
        for index, item in enumerate(self._items):
            yield item, self._found.pop(index)

    def _work(self) -> None:
        for index in self._next:
            if self._stop.is_set():
                return
            self._found[index] = self._fetch(self._items[index])
