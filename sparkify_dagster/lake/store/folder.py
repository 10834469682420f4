"""A folder as an object store.

Tokens are (mtime, ctime, inode): whatever changes the bytes changes one of them, as long as the
clock of the file system has moved on. So files younger than two seconds are looked at again.

What belongs here: what files mean as objects. Asking the system is `files`'.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from functools import partial
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
from sparkify_dagster.lake.store.read_ahead import in_order

SETTLING_SECONDS = 2.0
_MANY = 1_000
"""Files from which it saves time to wait for several of them at once."""
_SMALL = 16_384
"""Bytes that they may have on average: others are no wait for each, and take memory."""
_THREADS = 8


class Folder:
    """The objects below one folder.

    Args:
        root: The folder.
        setting: The setting that names it, for messages.
        settling: Age in seconds from which a file is taken to have settled.
        endings: What the names of data end in, as `endings_of` tells them.
        follow_links: Links are followed wherever they lead.
    """

    def __init__(
        self,
        root: Path,
        setting: str,
        settling: float = SETTLING_SECONDS,
        endings: tuple[str, ...] = DATA_ENDINGS,
        *,
        follow_links: bool = False,
    ) -> None:
        self._root = root
        self._within = ANYWHERE if follow_links else os.path.realpath(root)
        self._prefix = os.path.join(root, "")
        self._setting = setting
        self._settling = settling
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
        found = self._scan()
        wait = found.youngest + self._settling - time.time()
        if 0 < wait <= self._settling:
            time.sleep(wait)
            found = self._scan()
        settled = time.time() - self._settling
        if found.youngest <= settled:
            return Objects(found.lines, found.aside)
        # A line ends with the token.
        return Objects(
            [line + UNSETTLED if changed_at(line) > settled else line for line in found.lines],
            found.aside,
        )

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The bytes of each object, unpacked, or why they could not be read whole."""
        items, fetch = Objects.of(objects), partial(self._bytes, bounds=bounds)
        if len(items) < _MANY or items.bytes > _SMALL * len(items):
            return ((item, fetch(item)) for item in items)
        return in_order(items, fetch, _THREADS)

    def _bytes(self, item: LakeObject, bounds: Bounds) -> bytes | ObjectError:
        if is_unfollowed(item.key):
            is_link = os.path.islink(self._prefix + item.key[:-1])
            return ObjectError(item.key, NOT_FOLLOWED if is_link else NOT_LISTED)
        if not is_text(item.key):
            return ObjectError(ascii(item.key), "its name is not UTF-8; rename it")
        try:
            bounds.check_size(item.key, item.size)
            data = read_whole(self._prefix, item.key, item.size, item.token, self._within)
            return unpacked(item.key, data, bounds)
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

    def _scan(self) -> Files:
        if not self._root.is_dir():
            raise LakeError(
                f"{self._root}: no such folder ({self._setting}). Make a sample lake with "
                f"`sparkify generate`, or set {self._setting} to where the data lies."
            )
        found = Files([("", str(self._root))], self._within)
        try:
            found.scan(self._endings)
        except Unlisted as folder:
            raise LakeError(
                f"{folder.path}: cannot be listed ({_because(folder.error)}). Check "
                f"{self._setting} and the folder's permissions."
            ) from None
        return found


def _because(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "vanished after it was listed, or is a link to nothing; load again"
    if isinstance(error, PermissionError):
        return "permission denied; let this account read it"
    return error.strerror or str(error)
