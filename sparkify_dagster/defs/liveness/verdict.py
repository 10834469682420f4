"""Judging from signs of life whether a run is lost: whether its process is gone.

A pure function. A run that is alive must never be taken for lost because it is slow, waits or
sleeps; so silence counts only where nothing better is to be had, and is counted in looks of one
observer: clocks of two machines differ, and that of a laptop that slept has jumped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sparkify_dagster.defs.liveness.locks import Lock

Server = Literal["knows it", "does not know it", "is gone", "is not there", "unknown"]

LOOK_SECONDS = 10
"""Between two looks of the sensor."""
UNKNOWN_TO_SERVER, SILENT, NO_SIGN = 2, 9, 90
"""Looks without a sign of life, after which a run is lost: when its code server does not know it
(one more if it used to tell that it lives), when it used to tell so, and when it never did."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is to be seen of a run that has not ended.

    Attributes:
        lock: Its file's. The first thing its op does is to lock it.
        server: Whether the code server that began it knows it; `is gone`: nobody listens where it
            did, for certain, or none was asked; `unknown`: none began it, or it cannot be asked.
        told: Its process has told at least once that it lives.
        silent: Looks in a row in which nothing of it has changed.
        age: Seconds since anything was written of it, where only this machine writes the history.
    """

    lock: Lock = "none"
    server: Server = "unknown"
    told: bool = False
    silent: int = 0
    age: float = 0.0


def why_lost(signs: Signs) -> str:
    """Why a run is lost, in words for a person; blank: it is alive, or that is not known yet."""
    if signs.lock == "held" or signs.server == "knows it":
        return ""
    if signs.lock == "free":
        return "its process is gone: it was killed, or the machine went down"
    if signs.told and signs.server == "does not know it":  # As when both went with their machine.
        return _silence(signs, UNKNOWN_TO_SERVER + 1)
    if signs.told:
        return _silence(signs, SILENT)
    if signs.server == "is gone":
        return "its code server is gone: it was killed, or the machine went down"
    if signs.server in ("does not know it", "is not there") and signs.silent >= UNKNOWN_TO_SERVER:
        return "its code server is gone, or does not know it any more"
    if signs.age >= NO_SIGN * LOOK_SECONDS:
        return f"there was no sign of life of it for {signs.age / 60:,.0f} minutes"
    return _silence(signs, NO_SIGN)


def _silence(signs: Signs, most: int) -> str:
    if signs.silent < most:
        return ""
    return f"there was no sign of life of it for {signs.silent * LOOK_SECONDS} s or more"
