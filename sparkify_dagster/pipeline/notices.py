"""What people should know before a load changes anything: about lake, ledger and clock.

What belongs here: finding it and saying it. That a load says it is `load`'s, that a command does
the command line's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sparkify_dagster.core.text import cited
from sparkify_dagster.lake.changes import NOTHING
from sparkify_dagster.lake.objects import Unroutable
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.pipeline.plan import Loaded, Pending
from sparkify_dagster.warehouse import ledger

_CLOCKS_DIFFER = timedelta(hours=1)
"""By so much the clocks of those who load may differ."""
_NAMED = 20
"""Log objects without a day that are named."""


def notices(
    lake: Lake, snapshot: Snapshot, held: Loaded, todo: Pending, attempts: int
) -> Iterator[str]:
    """All there is to say, in sentences.

    Args:
        attempts: Loads after which a part is given up.
    """
    yield from _without_day(snapshot.unroutable)
    yield from snapshot.told
    yield from filter(None, [clock_problem(ledger.utc_now(), held.newest)])
    for half in vanished(snapshot, held):
        yield f"{all_gone(half, lake)} Its rows go."
    for part in todo.given_up:
        yield (
            f"{part.name} has failed {attempts} times as it is now and is left alone until the "
            "lake changes or somebody loads it (`sparkify retry`)."
        )


def clock_problem(now: datetime, newest: datetime | None) -> str:
    """What to say of a clock that is behind the newest entry of the history; blank: nothing."""
    if newest is None or newest - now <= _CLOCKS_DIFFER:
        return ""
    return (
        f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, and load_history has a load of "
        f"{newest:%Y-%m-%d %H:%M} UTC: one of the two is wrong. Set the clock right; what is "
        "published stays."
    )


def vanished(snapshot: Snapshot, held: Loaded) -> list[str]:
    """Which half of the lake is empty though it was loaded: `songs`, `logs`.

    That is followed, as any deletion is. But it is what a mistyped prefix looks like, too.
    """
    halves = {"songs": (snapshot.songs, held.songs), "logs": (snapshot.days, held.days)}
    return [
        name
        for name, (there, known) in halves.items()
        if not there and any(digest != NOTHING for digest in known.values())
    ]


def all_gone(half: str, lake: Lake) -> str:
    """What to say of a half of the lake that is empty though it was loaded."""
    setting, store = {
        "songs": ("SONG_DATA", lake.songs),
        "logs": ("LOG_DATA", lake.logs),
    }[half]
    return (
        f"{store.location} holds nothing any more, and was loaded before. Is [S3] {setting} right?"
    )


def _without_day(found: Sequence[Unroutable]) -> Iterator[str]:
    """What to say of log objects that belong to no day."""
    for item in found[:_NAMED]:
        yield f"not loaded: {cited(item.key)}: {item.reason}"
    if len(found) > _NAMED:
        more = len(found) - _NAMED
        yield f"and {more:,} more; `sparkify status --json` lists them all"
