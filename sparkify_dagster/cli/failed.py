"""The parts whose last load failed.

What belongs here: just that list, which several commands show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.warehouse.engine import Session
from sparkify_dagster.warehouse.standing import FAILED, Standing, standing

CATALOGUE = "song catalogue"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class FailedParts:
    """What was not published when it was last tried.

    Attributes:
        songs: A part of the song catalogue was not.
        days: Log days that were not, in their order.
    """

    songs: bool
    days: list[str]


def failed_parts(session: Session) -> FailedParts:
    """What the ledger says; its tables must be there."""
    now = standing(session)
    return FailedParts(bool(_failed(now, STAGING_SONGS.name)), _failed(now, STAGING_EVENTS.name))


def named(days: Sequence[str]) -> str:
    """A few of the days and how many more there are."""
    more = f" and {len(days) - _NAMED:,} more" if len(days) > _NAMED else ""
    return ", ".join(days[:_NAMED]) + more


def _failed(now: Standing, target: str) -> list[str]:
    return sorted(part for part, digest in now.digests(target).items() if digest == FAILED)
