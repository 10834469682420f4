"""Writing files whole, and refusing a folder in use.

The only module of the generator that touches the file system. What is written is decided
elsewhere.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_FOLDERS = ("song_data", "log_data")
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_BLOCK = 65_535


class LakeWriter:
    """Writes new files below one root and counts their bytes."""

    def __init__(self, root: Path) -> None:
        """Take over a root that has no lake yet.

        Raises:
            FileExistsError: There is something where the lake would go.
            NotADirectoryError: The root is a file.
        """
        _refuse_used(root)
        self.bytes = 0
        self._root = str(root)
        self._known_folders: set[str] = set()
        for folder in _FOLDERS:
            self._make_folder(f"{self._root}/{folder}")

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write one file: nobody sees it under its name before it is complete.

        Args:
            key: Path below the root, with slashes.
            chunks: The content, in pieces.

        Raises:
            OSError: The disk is full, the folder read-only or the like. No half file stays.
        """
        path = f"{self._root}/{key}"
        folder, _, name = path.rpartition("/")
        self._make_folder(folder)
        # A leading dot: loads ignore such names, should the process die here.
        hidden = f"{folder}/.{name}.tmp"
        try:
            with open(hidden, "wb") as file:
                for chunk in chunks:
                    self.bytes += file.write(chunk)
            os.rename(hidden, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(hidden)
            raise

    def _make_folder(self, folder: str) -> None:
        if folder not in self._known_folders:
            os.makedirs(folder, exist_ok=True)
            self._known_folders.add(folder)


def stored_gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Gzip without compressing, one member per chunk.

    Compressed bytes differ between builds of zlib (zlib-ng, for one); stored ones are the same
    everywhere. Any gzip reader takes them.
    """
    for chunk in chunks:
        yield _GZIP_HEAD
        for at in range(0, max(len(chunk), 1), _GZIP_BLOCK):
            block = chunk[at : at + _GZIP_BLOCK]
            last = at + _GZIP_BLOCK >= len(chunk)
            yield struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
        yield struct.pack("<II", zlib.crc32(chunk), len(chunk) & 0xFFFFFFFF)


def _refuse_used(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root} is a file. Name a folder for the generated lake.")
    for name in (*_FOLDERS, "log_json_path.json"):
        path = root / name
        if path.is_dir() and not any(path.iterdir()):
            continue
        if path.exists() or path.is_symlink():
            raise FileExistsError(
                f"{path} exists already and the generator replaces nothing. "
                "Name another folder, or move this one away first."
            )
