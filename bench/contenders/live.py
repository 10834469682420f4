"""A lake that changes while somebody follows it: the same three changes for each follower.

What belongs here: the changes and how long each took to be seen. The lake is the one named on the
command line but for its last log file, which is the new day; the song that is overwritten is the
one played most; the log that is deleted is the first.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.contenders.lake import files


def copy_of(lake: Path, live: Path) -> Path:
    """Copies a lake without its last log file, and returns that file where it is.

    Links are followed: not every follower does so.
    """
    shutil.copytree(lake, live, copy_function=os.link)
    *_, last = files(live / "log_data")
    os.unlink(last)
    return lake / Path(last).relative_to(live)


def changes(lake: Path, live: Path, day: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """What happens to the lake: a name, and what does it.

    Args:
        lake: As it was.
        live: As it is followed.
        day: The log file that comes.
    """
    logs = files(live / "log_data")
    song = _most_played(files(live / "song_data"), logs)
    yield "new day", lambda: _replace(live / day.relative_to(lake), day.read_bytes())
    record = json.loads(song.read_bytes())
    other = record | {"title": f"{record['title']} (live)"}
    yield "song overwritten", lambda: _replace(song, json.dumps(other).encode())
    yield "log deleted", lambda: os.unlink(logs[0])


def seen(change: Callable[[], None], last: Callable[[], float], quiet: float) -> float:
    """Makes a change and returns the seconds until the last that was published of it.

    Args:
        last: When something was last published, by the monotonic clock.
        quiet: Seconds without anything more after which nothing more is expected.
    """
    change()
    begun = time.monotonic()
    while last() < begun or time.monotonic() - last() < quiet:
        time.sleep(0.02)
    return last() - begun


def held_mb(process: int) -> float:
    """What a process holds in memory now, in MB (10^6 bytes)."""
    told = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in told.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


def _most_played(songs: list[str], logs: list[str]) -> Path:
    """The file of the song that some log file names most."""
    with open(logs[0], encoding="utf-8") as lines:
        plays = Counter((event["song"], event["artist"]) for event in map(json.loads, lines))
    by_name = {}
    for path in songs:
        record = json.loads(Path(path).read_bytes())
        by_name[record["title"], record["artist_name"]] = path
    return Path(next(by_name[name] for name, _ in plays.most_common() if name in by_name))


def _replace(path: Path, content: bytes) -> None:
    """Writes a file whole under another name and moves it there: links keep what they had."""
    fresh = path.with_name(f".{path.name}.part")
    fresh.write_bytes(content)
    fresh.replace(path)
