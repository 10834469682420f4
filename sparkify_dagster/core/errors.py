"""Errors that several packages raise or catch, and what may be said of one.

What belongs here: just these. An error of one package stands there.
"""

from __future__ import annotations

import traceback
from pathlib import Path

_PACKAGE = __name__.partition(".")[0]


class PlainError(Exception):
    """Its message says all that a person needs, and holds no value of a record."""


class CloudError(PlainError):
    """A cloud cannot be used as who we are: credentials, role, profile, region or network."""


def why(error: Exception) -> str:
    """Why it failed; of an error nobody foresaw only where, as its text may hold anything."""
    if isinstance(error, PlainError | OSError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _PACKAGE in frame.filename] or frames
    where = f" in {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{where}"
