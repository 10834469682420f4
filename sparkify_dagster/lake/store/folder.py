"""A folder as an object store.

Tokens are (mtime, ctime, inode): whatever changes the bytes changes one of them, as long as the
clock of the file system has moved on. So files younger than its last tick are looked at again.

What belongs here: what files mean as objects, and when other processes help. Asking the system is
`files`', helping `worker_pool`'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sparkify_dagster.lake.errors import LakeError, ObjectError
from sparkify_dagster.lake.objects import (
    DATA_ENDINGS,
    NOT_FOLLOWED,
    NOT_LISTED,
    LakeObject,
    Objects,
    is_unfollowed,
)
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, NO_MEMORY, Bounds, unpacked
from sparkify_dagster.lake.store.clocks import TICKS, WALL, Clock, clock_of
from sparkify_dagster.lake.store.files import (
    ANYWHERE,
    UNSETTLED,
    Changed,
    Files,
    LeadsOut,
    Unlisted,
    changed_at,
    is_text,
    read_whole,
)
from sparkify_dagster.lake.store.worker_pool import WorkerPool, pool_size

POOL_FROM = 25_000
"""Files from which it surely saves time to start processes for them, in a cache or not."""
_SMALL = 16_384
"""Bytes that files may have on average: the calls for them must cost more than their bytes."""
_AT_ONCE = 1_000


class Folder:
    """The objects below one folder.

    Args:
        root: The folder.
        setting: The setting that names it, for messages.
        clock: What stamps the files; None: that of the file systems they are found in.
        pool_from: Number of files from which other processes help.
        endings: What the names of data end in, as `endings_of` tells them.
        follow_links: Links are followed wherever they lead.
    """

    def __init__(
        self,
        root: Path,
        setting: str,
        clock: Clock | None = None,
        pool_from: int = POOL_FROM,
        endings: tuple[str, ...] = DATA_ENDINGS,
        *,
        follow_links: bool = False,
    ) -> None:
        self._root = root
        self._within = ANYWHERE if follow_links else os.path.realpath(root)
        self._prefix = os.path.join(root, "")
        self._setting = setting
        self._clock = clock
        self._pool_from = pool_from
        self._endings = endings

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self._root)

    def list_objects(self) -> Objects:
        """All data objects below the folder; waits for the youngest to have settled.

        A file that keeps changing is listed with a token that it loses once it has settled, so
        that it is then found changed.

        Raises:
            LakeError: There is no such folder, or a part of it cannot be listed.
        """
        found, clock, settled = self._looked()
        if found.youngest >= settled:
            clock.wait_for(found.youngest)
            found, clock, settled = self._looked()
        if found.youngest < settled:
            return Objects(found.lines, found.aside)
        # A line ends with the token.
        return Objects(
            [line + UNSETTLED if changed_at(line) >= settled else line for line in found.lines],
            found.aside,
        )

    def _looked(self) -> tuple[Files, Clock, int]:
        """A listing, the clock of its files, and before when they had settled as it began."""
        clocks = [self._clock] if self._clock else [WALL, TICKS]
        settled = {clock: clock.settled() for clock in clocks}
        found = self._scan()
        clock = self._clock or clock_of(found.youngest, found.places.values())
        return found, clock, settled[clock]

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The bytes of each object, unpacked, or why they could not be read whole."""
        items = Objects.of(objects)
        if len(items) < self._pool_from or items.bytes > _SMALL * len(items):
            for item in items:
                yield item, self._bytes(item, bounds)
            return
        with WorkerPool(pool_size()) as pool:
            yield from self._read_by(pool, items, bounds)

    def _read_by(
        self, pool: WorkerPool, items: Objects, bounds: Bounds
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The same by other processes; what they could not read is tried here, and then told."""
        chunks = [items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE)]
        work = (("read", self._prefix, chunk.lines, self._within) for chunk in chunks)
        for chunk, answer in zip(chunks, pool.answers(work), strict=True):
            ends, data = answer or ([-1] * len(chunk), b"")
            start = 0
            for item, end in zip(chunk, ends, strict=True):
                if end < 0:
                    yield item, self._bytes(item, bounds)
                else:
                    yield item, _unpacked(item, data[start:end], bounds)
                    start = end

    def _bytes(self, item: LakeObject, bounds: Bounds) -> bytes | ObjectError:
        if is_unfollowed(item.key):
            is_link = os.path.islink(self._prefix + item.key[:-1])
            return ObjectError(item.key, NOT_FOLLOWED if is_link else NOT_LISTED)
        if not is_text(item.key):
            return ObjectError(ascii(item.key), "its name is not UTF-8; rename it")
        try:
            bounds.check_size(item.key, item.size)
            data = read_whole(self._prefix, item.key, item.size, item.token, self._within)
        except OSError as error:
            return ObjectError(item.key, _because(error))
        except LeadsOut:
            return ObjectError(item.key, NOT_FOLLOWED)
        except Changed:
            return ObjectError(item.key, "changed while it was read; load it again")
        except MemoryError:
            return ObjectError(item.key, NO_MEMORY)
        except ObjectError as error:
            return error
        return _unpacked(item, data, bounds)

    def _scan(self) -> Files:
        if not self._root.is_dir():
            raise LakeError(
                f"{self._root}: no such folder ({self._setting}). Make a sample lake with "
                f"`sparkify generate`, or set {self._setting} to where the data lies."
            )
        found = Files([("", str(self._root))], self._within)
        try:
            alone = True
            for _ in found.scan(self._endings):
                if alone and len(found.folders) > 1 and len(found.lines) >= self._pool_from:
                    alone = False
                    _scan_by_pool(found, self._within, self._endings)
        except Unlisted as folder:
            raise LakeError(
                f"{folder.path}: cannot be listed ({_because(folder.error)}). Check "
                f"{self._setting} and the folder's permissions."
            ) from None
        return found


def _scan_by_pool(found: Files, within: str, endings: tuple[str, ...]) -> None:
    """Has other processes list the folders that are left; those they cannot are left again."""
    folders = found.folders[:]
    found.folders.clear()
    with WorkerPool(pool_size()) as pool:
        answers = pool.answers(("scan", *folder, within, endings) for folder in folders)
        for folder, more in zip(folders, answers, strict=True):
            if more is None:
                found.folders.append(folder)
            else:
                found.add(*more)


def _unpacked(item: LakeObject, data: bytes, bounds: Bounds) -> bytes | ObjectError:
    try:
        return unpacked(item.key, data, bounds)
    except ObjectError as error:
        return error


def _because(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "vanished after it was listed, or is a link to nothing; load again"
    if isinstance(error, PermissionError):
        return "permission denied; let this account read it"
    return error.strerror or str(error)
