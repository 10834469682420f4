"""Local folders that tell of their changes, so that somebody can look at once.

What belongs here: listening, as far as the system tells. What has changed a listing says: what lies
behind links, what another machine writes into a share and what is written into without ever being
closed is found when one looks next anyway.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparkify_dagster.core.local_files import identity_of

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import Inotify, InotifyEvent

_QUIET = 0.1
"""Seconds without news after which those who copy many files are taken to have come to an end."""
_LONGEST = 2.0


class FolderEvents:
    """Listens to folders, and to files that lie elsewhere.

    Args:
        folders: Listened to with all that is below them.
        files: Single ones.
    """

    def __init__(self, folders: Collection[str], files: Collection[str] = ()) -> None:
        whole_folders = {*map(os.path.abspath, folders)}
        wanted = dict.fromkeys(whole_folders, frozenset[str]())
        for path in map(os.path.abspath, files):
            folder = os.path.dirname(path)
            if not any(f"{folder}/".startswith(f"{whole}/") for whole in whole_folders):
                wanted[folder] = wanted.get(folder, frozenset()) | {path}
        self._wanted = wanted
        self._news = threading.Event()
        self._ears: dict[str, _Ear] = {}
        self._deaf = sys.platform != "linux"

    def listen(self) -> bool:
        """Begins to, where it does not yet and there is a folder; says whether it does everywhere.

        Where the system has no room for more listeners, it is not asked again.
        """
        for path, files in self._wanted.items():
            here = identity_of(path)
            ear = self._ears.get(path)
            if ear and (ear.is_over or ear.identity != here):
                self._ears.pop(path).close()
            if path not in self._ears and here and not self._deaf:
                try:
                    self._ears[path] = _Ear(path, here, files, self._news)
                except OSError:
                    self._deaf = True
        return self._ears.keys() == self._wanted.keys()

    def wait(self, seconds: float) -> bool:
        """Waits for news that nobody has waited for yet, and until they cease; says if any came."""
        came = self._news.wait(seconds)
        for _ in range(round(_LONGEST / _QUIET)):
            if not self._news.is_set():
                break
            self._news.clear()
            self._news.wait(_QUIET)
        return came

    def close(self) -> None:
        """Ends listening."""
        while self._ears:
            self._ears.popitem()[1].close()


@dataclass(slots=True)
class _Ear:
    """Listens to one folder, in a thread of its own.

    Attributes:
        identity: Which folder it was.
        files: Files in it that news are about; none: all that is below it.
    """

    path: str
    identity: tuple[int, int]
    files: frozenset[str]
    news: threading.Event
    is_over: bool = False
    _source: Inotify = field(init=False)

    def __post_init__(self) -> None:
        from watchdog.observers.inotify_c import Inotify, InotifyConstants

        wanted = (
            InotifyConstants.IN_CLOSE_WRITE
            | InotifyConstants.IN_MOVE
            | InotifyConstants.IN_CREATE
            | InotifyConstants.IN_DELETE
            | InotifyConstants.IN_DELETE_SELF
        )
        path = os.fsencode(self.path)
        self._source = Inotify(path, recursive=not self.files, event_mask=wanted)
        threading.Thread(target=self._listen, name="lake-events", daemon=True).start()

    def close(self) -> None:
        self.is_over = True
        self._source.close()

    def _listen(self) -> None:
        while not self.is_over:
            try:
                events = self._source.read_events()
            except Exception:  # Whatever it is, one looks as often as where nothing tells.
                self.is_over = True
                return
            if any(map(self._is_news, events)):
                self.news.set()

    def _is_news(self, event: InotifyEvent) -> bool:
        path: Any = os.fsdecode(event.src_path)
        if self.files and path not in self.files:
            return False
        if os.path.basename(path)[:1] in (".", "_"):  # What is no object.
            return False
        # A file that was just made is not written yet: it is told of when it is closed.
        return bool(event.is_directory or not event.is_create)
