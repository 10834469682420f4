"""What the platform asks of a place that holds objects: a folder, a bucket.

What belongs here: the protocol, and what is the same for every store (unpacking `.gz`).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject, Objects, is_packed


class ObjectStore(Protocol):
    """A prefix of a lake."""

    @property
    def location(self) -> str:
        """The prefix as a person would write it: a path or an `s3://` URI."""
        ...

    def list_objects(self) -> Objects:
        """All data objects below the prefix.

        Raises:
            LakeError: The prefix is not there or cannot be listed.
        """
        ...

    def read(
        self, objects: Iterable[LakeObject]
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The bytes of each object, unpacked, or why they could not be read whole.

        An object whose version token is not the listed one any more is such a reason.
        """
        ...


def unpacked(key: str, data: bytes) -> bytes:
    """The bytes of an object, `.gz` unpacked whole, all its members.

    Raises:
        ObjectError: It does not decompress to its end.
    """
    if not is_packed(key):
        return data
    if not data:
        raise ObjectError(key, "is empty, so no whole gzip file; deliver it again")
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ObjectError(
            key, f"does not decompress to its end ({error}); deliver it again"
        ) from None
