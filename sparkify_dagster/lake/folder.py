"""A folder as an object store.

Tokens are (mtime, ctime, inode): whatever changes the bytes changes one of them, as long as the
clock of the file system has moved on. So files younger than two seconds are looked at again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

from sparkify_dagster.lake.errors import LakeError, ObjectError
from sparkify_dagster.lake.objects import LakeObject, is_data_key
from sparkify_dagster.lake.store import unpacked

SETTLING_SECONDS = 2.0
_UNSETTLED = "~"


class Folder:
    """The objects below one folder.

    Args:
        root: The folder.
        setting: The setting that names it, for messages.
        settling: Age in seconds from which a file is taken to have settled.
    """

    def __init__(self, root: Path, setting: str, settling: float = SETTLING_SECONDS) -> None:
        self._root = root
        self._prefix = os.path.join(root, "")
        self._setting = setting
        self._settling = settling

    @property
    def location(self) -> str:
        """The folder's path."""
        return str(self._root)

    def list_objects(self) -> list[LakeObject]:
        """All data objects below the folder; waits for the youngest to have settled.

        A file that keeps changing is listed with a token that it loses once it has settled, so
        that it is then found changed.

        Raises:
            LakeError: There is no such folder, or a part of it cannot be listed.
        """
        found = self._scan()
        youngest = max((changed for _, changed in found), default=0.0)
        wait = youngest + self._settling - time.time()
        if 0 < wait <= self._settling:
            time.sleep(wait)
            found = self._scan()
        settled = time.time() - self._settling
        return [_marked(item) if changed > settled else item for item, changed in found]

    def read(
        self, objects: Iterable[LakeObject]
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The bytes of each object, unpacked, or why they could not be read whole."""
        for item in objects:
            try:
                yield item, unpacked(item.key, self._bytes(item))
            except ObjectError as error:
                yield item, error

    def _bytes(self, item: LakeObject) -> bytes:
        if not _is_text(item.key):
            raise ObjectError(ascii(item.key), "its name is not UTF-8; rename it")
        try:
            handle = os.open(self._prefix + item.key, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ObjectError(item.key, _because(error)) from None
        try:
            data = _read_all(handle, item.size)
            token = _token(os.fstat(handle))
        except OSError as error:
            raise ObjectError(item.key, _because(error)) from None
        finally:
            os.close(handle)
        if token != item.token.removesuffix(_UNSETTLED) or len(data) != item.size:
            raise ObjectError(item.key, "changed while it was read; load it again")
        return data

    def _scan(self) -> list[tuple[LakeObject, float]]:
        """Data objects, each with the time of its latest change in seconds of the epoch."""
        if not self._root.is_dir():
            raise LakeError(
                f"{self._root}: no such folder ({self._setting}). Make a sample lake with "
                f"`sparkify generate`, or set {self._setting} to where the data lies."
            )
        found: list[tuple[LakeObject, float]] = []
        folders = [("", str(self._root))]
        while folders:
            prefix, path = folders.pop()
            self._scan_one(prefix, path, folders, found)
        return found

    def _scan_one(
        self,
        prefix: str,
        path: str,
        folders: list[tuple[str, str]],
        found: list[tuple[LakeObject, float]],
    ) -> None:
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    name = entry.name
                    if name[0] in "._":
                        continue
                    if entry.is_dir():
                        folders.append((f"{prefix}{name}/", entry.path))
                    elif is_data_key(name):
                        self._add(prefix + name, entry, found)
                    elif entry.is_symlink() and not os.path.exists(entry.path):
                        # It may have been a folder: what lay below must not seem deleted.
                        raise LakeError(
                            f"{entry.path}: a link to nothing. Is what it leads to not mounted? "
                            "Bring it back, or remove the link."
                        )
        except OSError as error:
            if prefix and isinstance(error, FileNotFoundError):
                return  # It vanished while the lake was listed: so did its objects.
            raise LakeError(
                f"{path}: cannot be listed ({_because(error)}). Check {self._setting} and the "
                "folder's permissions."
            ) from None

    def _add(
        self, key: str, entry: os.DirEntry[str], found: list[tuple[LakeObject, float]]
    ) -> None:
        try:
            stat = entry.stat()
        except FileNotFoundError:
            if not entry.is_symlink():
                return  # It vanished while the folder was listed: it is not in the lake.
            stat = entry.stat(follow_symlinks=False)
            found.append((LakeObject(key, stat.st_size, _token(stat)), stat.st_ctime))
            return  # A link to nothing is listed: reading it fails, and its day keeps its rows.
        if not S_ISREG(stat.st_mode):
            return  # A pipe, a socket or a device is no object; to open one might wait forever.
        # Age is told by ctime alone: it is the kernel's own, while mtime can be set to anything.
        found.append((LakeObject(key, stat.st_size, _token(stat)), stat.st_ctime))


def _token(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns:x}.{stat.st_ctime_ns:x}.{stat.st_ino:x}"


def _is_text(key: str) -> bool:
    """Whether a key holds no byte that stood outside UTF-8 in the file's name."""
    return key.isascii() or not any("\udc80" <= char <= "\udcff" for char in key)


def _marked(item: LakeObject) -> LakeObject:
    return item._replace(token=item.token + _UNSETTLED)


def _read_all(handle: int, size: int) -> bytes:
    """All bytes of an open file; one system call where the size is as listed."""
    data = os.read(handle, size + 1)
    while len(data) < size and (more := os.read(handle, size + 1 - len(data))):
        data += more
    return data


def _because(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "vanished after it was listed, or is a link to nothing; load again"
    if isinstance(error, PermissionError):
        return "permission denied; let this account read it"
    return error.strerror or str(error)
