"""What can go wrong between the lake and the reader, said for the person who reads it."""

from __future__ import annotations

from sparkify_dagster.core.errors import PlainError
from sparkify_dagster.core.text import cited


class LakeError(PlainError):
    """The lake as a whole cannot be used: not there, not listable, no JSONPaths document."""


class DocumentError(LakeError):
    """The JSONPaths document is none: a setting names it, so it is as wrong as a setting."""


class ObjectError(Exception):
    """One object could not be read whole. Its day, or the song load, fails and is tried again.

    Attributes:
        key: The object.
        reason: What happened and what to do.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{cited(key)}: {reason}")
        self.key = key
        self.reason = reason
