"""The files of a folder as the system shows them: which there are, and the bytes of one.

What belongs here: calls of the system and nothing that takes long to import, as processes are
started for it (`crew`). What a file means is the other modules'.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISDIR, S_ISREG

from sparkify_dagster.lake.objects import Aside, line_of

UNSETTLED = "~"
"""Ends a token that does not last, as the file was too young to tell it from its successor."""


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


class Files:
    """Data files of a listing; what is to be listed yet.

    Attributes:
        lines: Each file as `objects.line_of` writes an object. The key is its path below the root,
            parts joined by `/`.
        youngest: The latest change of a file in seconds of the epoch. It is told by ctime alone,
            the kernel's own, while mtime can be set to anything.
        folders: Folders that were found and not yet looked into: key with `/` at its end, path.
        others: Files with other endings; `example` is the first of them, by key.
        dead: Links that lead nowhere, or back to a folder that they stand in, by key.
    """

    __slots__ = ("dead", "example", "folders", "lines", "others", "youngest")

    def __init__(self, folders: list[tuple[str, str]]) -> None:
        self.lines: list[str] = []
        self.youngest = 0.0
        self.folders = folders
        self.others = 0
        self.example = ""
        self.dead: list[str] = []

    @property
    def found(self) -> tuple[list[str], float, int, str, list[str]]:
        """All but the folders, as `add` takes it."""
        return self.lines, self.youngest, self.others, self.example, self.dead

    @property
    def aside(self) -> Aside:
        """What is there and not read."""
        return Aside(self.others, self.example, tuple(sorted(self.dead)))

    def add(
        self, lines: list[str], youngest: float, others: int, example: str, dead: list[str]
    ) -> None:
        """What another listing has found."""
        self.lines += lines
        self.youngest = max(self.youngest, youngest)
        self.others += others
        self.example = min(filter(None, (self.example, example)), default="")
        self.dead += dead

    def scan(self, endings: tuple[str, ...]) -> Iterator[None]:
        """Looks into one folder after the other, those that are found on the way, too.

        Args:
            endings: What the names of data end in, lower case.

        Raises:
            Unlisted: A folder cannot be listed; one that vanished meanwhile is just left out.
        """
        while self.folders:
            prefix, path = self.folders.pop()
            try:
                self._scan_one(prefix, path, endings)
            except OSError as error:
                if not (prefix and isinstance(error, FileNotFoundError)):
                    raise Unlisted(path, error) from None
                # It vanished while the lake was listed: so did its objects.
            yield

    def _scan_one(self, prefix: str, path: str, endings: tuple[str, ...]) -> None:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name[0] in "._":
                    continue
                is_dead = entry.is_symlink() and not _leads_on(entry, prefix.count("/") + 1)
                if is_dead:
                    self.dead.append(prefix + name)
                elif entry.is_dir():
                    self.folders.append((f"{prefix}{name}/", entry.path))
                    continue
                if name.lower().endswith(endings):
                    self._add(prefix + name, entry)
                elif not is_dead and entry.is_file():
                    self.others += 1
                    self.example = min(self.example or prefix + name, prefix + name)

    def _add(self, key: str, entry: os.DirEntry[str]) -> None:
        try:
            stat = entry.stat()
        except OSError as error:
            if not entry.is_symlink():
                if isinstance(error, FileNotFoundError):
                    return  # It vanished while the folder was listed: it is not in the lake.
                raise
            # A link to nothing is listed: reading it fails, and its day keeps its rows.
            stat = entry.stat(follow_symlinks=False)
        else:
            if not S_ISREG(stat.st_mode):
                return  # A pipe, a socket or a device is no object; opening one might not end.
        self.lines.append(line_of(key, stat.st_size, _token(stat)))
        if stat.st_ctime > self.youngest:
            self.youngest = stat.st_ctime


def _leads_on(link: os.DirEntry[str], depth: int) -> bool:
    """Whether a link leads to something, and not back to a folder that it stands in.

    Args:
        depth: How many folders of the listing it stands in.
    """
    try:
        target = link.stat()
    except OSError:
        return False
    above = link.path
    for _ in range(depth if S_ISDIR(target.st_mode) else 0):
        above = os.path.dirname(above)
        if os.path.samestat(os.stat(above), target):
            return False
    return True


def changed_at(line: str) -> float:
    """When a file was last changed, in seconds of the epoch."""
    return int(line.rsplit(".", 2)[1], 16) / 1e9


def is_text(key: str) -> bool:
    """Whether a key holds no byte that stood outside UTF-8 in the file's name."""
    return key.isascii() or not any("\udc80" <= char <= "\udcff" for char in key)


def read_whole(path: str, size: int, token: str) -> bytes:
    """The bytes of a file that is still as it was listed.

    Raises:
        OSError: It cannot be read.
        Changed: It is another one now.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # One call where the size is as listed.
        data = os.read(handle, size + 1)
        while len(data) < size and (more := os.read(handle, size + 1 - len(data))):
            data += more
        now = _token(os.fstat(handle))
    finally:
        os.close(handle)
    if now != token.removesuffix(UNSETTLED) or len(data) != size:
        raise Changed
    return data


def _token(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns:x}.{stat.st_ctime_ns:x}.{stat.st_ino:x}"
