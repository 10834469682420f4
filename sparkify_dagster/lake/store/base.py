"""What the platform asks of a place that holds objects: a folder, a bucket.

What belongs here: the protocol, and what is the same for every store (how large an object may be,
unpacking `.gz`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject, Objects, is_packed

_AT_ONCE = 32_768
"""Bytes of a gzip file: what comes behind a member is copied, so it must not be all the rest."""
_HARMLESS = 16_000_000
"""Bytes that an object may hold however small it was packed."""
_MAGIC = b"\x1f\x8b"
_GZIP = 31
"""How zlib is asked for gzip: header, check sum and end are looked at."""
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large an object may be; one that is larger is not read.

    Attributes:
        object_bytes: Bytes, unpacked.
        gzip_ratio: How many times as large as its gzip file, if it is more than a few megabytes.
    """

    object_bytes: int = 1_024 * _MB
    gzip_ratio: int = 200

    def check_size(self, key: str, size: int) -> None:
        """Looks at what a listing says.

        Raises:
            ObjectError: It is too large.
        """
        if size > self.object_bytes:
            raise ObjectError(
                key,
                f"holds more than {self.object_bytes // _MB:,} MB; deliver it in several objects, "
                "or raise [LOAD] OBJECT_MB",
            )

    def check_unpacked(self, key: str, packed: int, held: int) -> None:
        """Looks at what has been unpacked so far.

        Raises:
            ObjectError: It is too much.
        """
        self.check_size(key, held)
        if held > max(_HARMLESS, packed * self.gzip_ratio):
            raise ObjectError(
                key,
                f"holds more than {self.gzip_ratio:,} times the {packed:,} bytes of its gzip file, "
                "as logs never do; deliver it again, or raise [LOAD] GZIP_RATIO",
            )


DEFAULT_BOUNDS = Bounds()
NO_MEMORY = "there is not enough memory to read it; deliver it in several objects"
"""Why an object could not be read."""


class ObjectStore(Protocol):
    """A prefix of a lake."""

    @property
    def location(self) -> str:
        """The prefix as a person would write it: a path or an `s3://` URI."""

    def list_objects(self) -> Objects:
        """All data objects below the prefix.

        Raises:
            LakeError: The prefix is not there or cannot be listed.
        """

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The bytes of each object, unpacked, or why they could not be read whole.

        An object whose version token is not the listed one any more is such a reason, or one that
        is larger than it may be.
        """


def unpacked(key: str, data: bytes, bounds: Bounds = DEFAULT_BOUNDS) -> bytes:
    """The bytes of an object, `.gz` unpacked whole, all its members.

    Raises:
        ObjectError: It does not decompress to its end, or to more than it may hold.
    """
    if not is_packed(key):
        return data
    if not data:
        raise ObjectError(key, "is empty, so no whole gzip file; deliver it again")
    if not data.startswith(_MAGIC):
        raise ObjectError(key, "is not gzip; take .gz off its name, or pack it")
    try:
        return b"".join(_members(key, data, bounds))
    except (EOFError, zlib.error) as error:
        raise ObjectError(
            key, f"does not decompress to its end ({error}); deliver it again"
        ) from None
    except MemoryError:
        raise ObjectError(key, NO_MEMORY) from None


def _members(key: str, data: bytes, bounds: Bounds) -> Iterator[bytes]:
    """What is in a gzip file, bit by bit; zeros may stand behind a member."""
    held = 0
    member = zlib.decompressobj(_GZIP)
    for at in range(0, len(data), _AT_ONCE):
        rest = data[at : at + _AT_ONCE]
        while rest := rest.lstrip(b"\0") if member.eof else rest:
            member = zlib.decompressobj(_GZIP) if member.eof else member
            # It gives a thousand times as much at most.
            text = member.decompress(rest)
            rest = member.unused_data
            held += len(text)
            bounds.check_unpacked(key, len(data), held)
            yield text
    if not member.eof:
        raise EOFError("it is cut off")
