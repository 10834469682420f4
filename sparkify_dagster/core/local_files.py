"""Files of this machine: documents read with bounds, results made for their owner alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EFBIG, EINVAL, EPERM
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4

from sparkify_dagster.core.errors import PlainError

LARGEST = 1_000_000
"""Bytes that a document of settings may have; those in use have some hundreds."""
OTHERS = 0o077
"""What group and others may do, as bits of a mode."""


def read_bounded(path: Path, most: int = LARGEST) -> bytes:
    """The bytes of a file that a setting names.

    Raises:
        OSError: It cannot be read, is none (a pipe or a device might never end), or is too large.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        with open(handle, "rb", closefd=False) as file:
            if not S_ISREG(os.fstat(handle).st_mode):
                raise OSError(EINVAL, "is a pipe or a device, not a file")
            data = file.read(most + 1)
    finally:
        os.close(handle)
    if len(data) > most:
        raise OSError(EFBIG, f"has more than {most:,} bytes")
    return data


def require_trusted(*paths: Path) -> None:
    """Refuses what another user of the machine has put where it is found without being named.

    What it says would be done in our name, or what is ours be written to it. Root, and who owns
    this code, need no such detour. A link counts as whoever made it, too.

    Raises:
        OSError: One of them, if it is there, belongs to somebody else.
    """
    trusted = {0, os.geteuid(), os.stat(__file__).st_uid}
    for path in paths:
        for follow in (False, True):
            with suppress(FileNotFoundError, NotADirectoryError):
                owner = os.stat(path, follow_symlinks=follow).st_uid
                if owner not in trusted:
                    raise OSError(EPERM, f"belongs to another user (id {owner})", str(path))


class OutputError(PlainError):
    """What was asked for cannot be written; says where, why and what to do."""


def identity_of(path: str | Path) -> tuple[int, int] | None:
    """Which file or folder is there now: its device and inode; None where there is none."""
    with suppress(OSError):
        stat = os.stat(path)
        return stat.st_dev, stat.st_ino
    return None


_lock = threading.Lock()
_asked = 0
_before = 0


@contextmanager
def made_for(*, all_users: bool = False) -> Iterator[None]:
    """Files and folders made meanwhile are their owner's alone, or everybody's as the umask says.

    The umask is the process's: it is back as it was when the last of several threads has left.
    """
    global _asked, _before
    if all_users:
        yield
        return
    with _lock:
        if not _asked:
            _before = os.umask(OTHERS)
        _asked += 1
    try:
        yield
    finally:
        with _lock:
            _asked -= 1
            if not _asked:
                os.umask(_before)


@contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A file beside `path` that takes its place when the block ends, and goes when it raises.

    The folder is made where there is none. A file that is not shared keeps the mode it was given,
    if it was there.

    Raises:
        OSError: It cannot be written.
    """
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with made_for(all_users=shared):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield beside
        if not shared and path.exists():
            before = path.lstat()  # Neither another user nor a link says who may read it.
            if S_ISREG(before.st_mode) and before.st_uid == os.geteuid():
                beside.chmod(before.st_mode & 0o777)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


@contextmanager
def output(path: Path, *, force: bool) -> Iterator[Path]:
    """The same for a file that somebody has named to be written.

    Args:
        force: Replace it, if it is there.

    Raises:
        OutputError: It is there, or cannot be written.
    """
    try:
        with replacing(path) as beside:
            yield beside
            require_absent(path, force=force)  # Somebody else may have made it meanwhile.
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}).") from None


def require_absent(path: Path, *, force: bool) -> None:
    """Refuses to write over a file.

    Raises:
        OutputError: It is there, and nobody said that it may go.
    """
    if path.exists() and not force:
        raise OutputError(f"{path}: is there already; --force replaces it.")
