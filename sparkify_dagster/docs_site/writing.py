"""Writing the site into a folder: built beside it, then put in its place.

What belongs here: files. A folder with anything in it that was not written here is never touched.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

MARKER = ".sparkify-docs"
_SAYS = "This folder is written by `sparkify docs`, and replaced as a whole.\n"


class NotOurs(Exception):
    """The folder holds something that was not written here."""


def write_site(target: Path, files: Mapping[str, str]) -> None:
    """Puts the files into a folder, which holds nothing else then.

    Raises:
        NotOurs: The folder (or file) is there, and is no site of ours.
        OSError: It cannot be written.
    """
    target = target.resolve()
    if not _may_replace(target):
        raise NotOurs(target)
    made, old = (target.with_name(f".{target.name}.{word}") for word in ("new", "old"))
    for left_over in (made, old):  # Of a process that was killed.
        _remove(left_over)
    made.mkdir(parents=True)
    (made / MARKER).write_text(_SAYS, encoding="utf-8")
    for name, text in files.items():
        (made / name).write_text(text, encoding="utf-8", newline="\n")
    if target.exists():
        target.rename(old)
    made.rename(target)
    _remove(old)


def _may_replace(folder: Path) -> bool:
    if not folder.exists():
        return True
    return folder.is_dir() and ((folder / MARKER).is_file() or not any(folder.iterdir()))


def _remove(folder: Path) -> None:
    if folder.exists():
        if not _may_replace(folder):
            raise NotOurs(folder)
        shutil.rmtree(folder)
