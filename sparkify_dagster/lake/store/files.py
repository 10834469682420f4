"""The files of a folder as the system shows them: which there are, and the bytes of one.

What belongs here: calls of the system and nothing that takes long to import, as processes are
started for it (`worker_pool`). What a file means is the other modules'.

Whoever may write to the lake may put a link, a pipe or a device anywhere in it, at any moment. So
where something really lies is asked of what is open already: a path may lead elsewhere by the time
it is used. A file that was listed is known by its token, whatever its path leads to later.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from errno import EACCES, EINVAL, ELOOP, ENAMETOOLONG
from stat import S_ISDIR, S_ISREG

from sparkify_dagster.lake.objects import LINKED, Aside, line_of

_PLAIN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""No link is followed, and opening a pipe or a device waits for nobody."""
UNSETTLED = "~"
"""Ends a token that does not last, as the file was too young to tell it from its successor."""
ANYWHERE = "/"
"""The folder that every link leads into."""
_CLOSED = (EACCES, ELOOP, ENAMETOOLONG)
"""Why a folder cannot be listed through the doing of whoever may write to the lake."""


class Changed(Exception):
    """A file is not what was listed."""


class Unlisted(Exception):
    """A folder cannot be listed.

    Attributes:
        path: The folder.
        error: What the system says.
    """

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(path)
        self.path = path
        self.error = error


class LeadsOut(Exception):
    """A link that is not followed."""


class Files:
    """Data files of a listing; what is to be listed yet.

    Args:
        within: The folder, as it really lies, out of which no link may lead.

    Attributes:
        lines: Each file as `objects.line_of` writes an object. The key is its path below the root,
            parts joined by `/`.
        youngest: The latest change of a file in nanoseconds of the epoch. It is told by ctime
            alone, the kernel's own, while mtime can be set to anything.
        places: A folder in each file system that files were found in, as it really lies, by the
            number of its device.
        folders: Folders that were found and not yet looked into: key with `/` at its end, path.
        others: Files with other endings; `example` is the first of them, by key.
        links: Links that are not followed, as they lead nowhere, out or back, by key; folders that
            are closed, too.
    """

    __slots__ = ("_within", "example", "folders", "lines", "links", "others", "places", "youngest")

    def __init__(self, folders: list[tuple[str, str]], within: str) -> None:
        self._within = within
        self.lines: list[str] = []
        self.youngest = 0
        self.places: dict[int, str] = {}
        self.folders = folders
        self.others = 0
        self.example = ""
        self.links: list[str] = []

    @property
    def found(self) -> tuple[list[str], int, dict[int, str], int, str, list[str]]:
        """All but the folders, as `add` takes it."""
        return self.lines, self.youngest, self.places, self.others, self.example, self.links

    @property
    def aside(self) -> Aside:
        """What is there and not read."""
        return Aside(self.others, self.example, tuple(sorted(self.links)))

    def add(
        self,
        lines: list[str],
        youngest: int,
        places: dict[int, str],
        others: int,
        example: str,
        links: list[str],
    ) -> None:
        """What another listing has found."""
        self.lines += lines
        self.youngest = max(self.youngest, youngest)
        self.places |= places
        self.others += others
        self.example = min(filter(None, (self.example, example)), default="")
        self.links += links

    def scan(self, endings: tuple[str, ...]) -> Iterator[None]:
        """Looks into one folder after the other, those that are found on the way, too.

        Args:
            endings: What the names of data end in, lower case.

        Raises:
            Unlisted: A folder cannot be listed; one that vanished meanwhile is just left out, and
                one that is closed, or lies too deep, is told like a link that is not followed.
        """
        while self.folders:
            prefix, path = self.folders.pop()
            try:
                self._scan_one(prefix, path, endings)
            except OSError as error:
                if prefix and error.errno in _CLOSED:
                    self.links.append(prefix[:-1])
                elif not (prefix and isinstance(error, (FileNotFoundError, NotADirectoryError))):
                    raise Unlisted(path, error) from None
                # It vanished while the lake was listed: so did its objects.
            yield

    def _scan_one(self, prefix: str, path: str, endings: tuple[str, ...]) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            here = _place_of(handle, path)
            if not _lies_in(here, self._within):  # It was a folder when it was listed.
                self.links.append(prefix[:-1])
                return
            self.places.setdefault(os.fstat(handle).st_dev, here)
            with os.scandir(handle) as entries:
                for entry in entries:
                    name = entry.name
                    if name[0] in "._":
                        continue
                    if entry.is_symlink():
                        is_data = name.lower().endswith(endings)
                        self._add_link(prefix, f"{path}/{name}", here, entry, is_data=is_data)
                    elif entry.is_dir(follow_symlinks=False):
                        self.folders.append((f"{prefix}{name}/", f"{path}/{name}"))
                    elif name.lower().endswith(endings):
                        self._add(prefix + name, entry)
                    elif entry.is_file(follow_symlinks=False):
                        self._add_other(prefix + name)
        finally:
            os.close(handle)

    def _add(self, key: str, entry: os.DirEntry[str]) -> None:
        try:
            stat = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # It vanished while the folder was listed: it is not in the lake.
        if S_ISREG(stat.st_mode):  # A pipe, a socket or a device is no object.
            self._add_line(key, stat, _token(stat))

    def _add_other(self, key: str) -> None:
        self.others += 1
        self.example = min(self.example or key, key)

    def _add_link(
        self, prefix: str, path: str, here: str, entry: os.DirEntry[str], *, is_data: bool
    ) -> None:
        """A file or a folder that a link leads to, or the link where it is not followed."""
        key = prefix + entry.name
        try:
            target = os.path.realpath(path, strict=True)
            stat = os.stat(target, follow_symlinks=False)
        except OSError:
            self._add_refused(key, entry, is_data=is_data)
            return
        inside = _lies_in(target, self._within)
        if S_ISDIR(stat.st_mode):
            if inside and not _lies_in(here, target) and self._is_unlinked(prefix, here):
                self.folders.append((f"{key}/", path))
            else:
                self._add_refused(key, entry, is_data=is_data)
        elif not inside:
            self._add_refused(key, entry, is_data=is_data)
        elif S_ISREG(stat.st_mode):
            if is_data:
                self.places.setdefault(stat.st_dev, os.path.dirname(target))
                self._add_line(key, stat, LINKED + _token(stat))
            else:
                self._add_other(key)

    def _is_unlinked(self, prefix: str, here: str) -> bool:
        """Whether no link led here. Below one, no other is followed: they could multiply."""
        return self._within == ANYWHERE or _below(self._within, prefix) == _below(here, "")

    def _add_refused(self, key: str, entry: os.DirEntry[str], *, is_data: bool) -> None:
        try:
            stat = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # It vanished, and what it led to was not in the lake.
        self.links.append(key)
        if is_data:  # Reading it fails, and its day keeps its rows.
            self._add_line(key, stat, LINKED + _token(stat))

    def _add_line(self, key: str, stat: os.stat_result, token: str) -> None:
        self.lines.append(line_of(key, stat.st_size, token))
        if stat.st_ctime_ns > self.youngest:
            self.youngest = stat.st_ctime_ns


def _place_of(handle: int, path: str) -> str:
    """Where something that is open really lies.

    Args:
        path: By which it was opened; it is gone by where the system does not tell.
    """
    if hasattr(fcntl, "F_GETPATH"):  # macOS
        return os.fsdecode(fcntl.fcntl(handle, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    try:
        return os.readlink(f"/proc/self/fd/{handle}")
    except OSError:
        return os.path.realpath(path)


def _below(folder: str, key: str) -> str:
    return os.path.join(folder, key)


def _lies_in(place: str, folder: str) -> bool:
    return f"{place}/".startswith(_below(folder, ""))


def changed_at(line: str) -> int:
    """When a file was last changed, in nanoseconds of the epoch."""
    return int(line.rsplit(".", 2)[1], 16)


def is_text(key: str) -> bool:
    """Whether a key holds no byte that stood outside UTF-8 in the file's name."""
    return key.isascii() or not any("\udc80" <= char <= "\udcff" for char in key)


def read_whole(root: str, key: str, size: int, token: str, within: str) -> bytes:
    """The bytes of a file that is still as it was listed.

    Raises:
        OSError: It cannot be read.
        Changed: It is another one now.
        LeadsOut: It is a link that may not be followed.
    """
    handle = _opened(root + key, within) if token[0] == LINKED else os.open(root + key, _PLAIN)
    try:
        stat = os.fstat(handle)
        if not S_ISREG(stat.st_mode):
            raise OSError(EINVAL, "is no file any more; load again")
        if stat.st_size != size:
            raise Changed
        # One call where the size is as listed.
        data = os.read(handle, size + 1)
        while len(data) < size and (more := os.read(handle, size + 1 - len(data))):
            data += more
        now = _token(os.fstat(handle))
    finally:
        os.close(handle)
    if now != token.removeprefix(LINKED).removesuffix(UNSETTLED) or len(data) != size:
        raise Changed
    return data


def _opened(path: str, within: str) -> int:
    """What a link leads to, open."""
    target = os.path.realpath(path, strict=True)
    if not _lies_in(target, within):
        raise LeadsOut
    handle = os.open(target, _PLAIN)
    if not _lies_in(_place_of(handle, target), within):  # It was moved meanwhile.
        os.close(handle)
        raise LeadsOut
    return handle


def _token(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns:x}.{stat.st_ctime_ns:x}.{stat.st_ino:x}"
