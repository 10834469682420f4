"""How large an object may be, and unpacking what may be made to fill memory."""

from __future__ import annotations

import gzip
import time
import tracemalloc

import pytest

from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.store.base import Bounds, unpacked

ZEROS = gzip.compress(b"\0" * 16_000_000)
"""16 kB."""


def held_by(data: bytes, bounds: Bounds) -> tuple[str, int]:
    """Why an object is not unpacked, and how many bytes it took to find out."""
    tracemalloc.start()
    try:
        with pytest.raises(ObjectError) as raised:
            unpacked("x.json.gz", data, bounds)
        return str(raised.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_not_unpacked_to_its_end() -> None:
    bomb = ZEROS * 64  # A megabyte that holds a gigabyte.
    said, peak = held_by(bomb, Bounds(object_bytes=10**12, gzip_ratio=20))
    assert said == (
        f"x.json.gz: holds more than 20 times the {len(bomb):,} bytes of its gzip file, as logs "
        "never do; deliver it again, or raise [LOAD] GZIP_RATIO"
    )
    assert peak < 120_000_000


def test_an_object_is_unpacked_up_to_the_size_that_is_set() -> None:
    said, peak = held_by(ZEROS * 64, Bounds(object_bytes=32_000_000, gzip_ratio=10**6))
    assert said == (
        "x.json.gz: holds more than 32 MB; deliver it in several objects, or raise [LOAD] OBJECT_MB"
    )
    assert peak < 120_000_000
    assert unpacked("x.json.gz", ZEROS * 2, Bounds(32_000_000, 10**6)) == b"\0" * 32_000_000


def test_what_is_small_when_unpacked_may_have_been_packed_as_tightly_as_it_can() -> None:
    assert unpacked("x.json.gz", gzip.compress(b"\n" * 3_000_000)) == b"\n" * 3_000_000


def test_very_many_members_take_no_more_than_their_length() -> None:
    seconds = []
    for members in (20_000, 80_000):
        started = time.process_time()
        assert unpacked("x.json.gz", gzip.compress(b"{}") * members) == b"{}" * members
        seconds.append(time.process_time() - started)
    assert seconds[1] < 12 * seconds[0]  # Four times the members: sixteen times, if squared.


def test_zeros_may_stand_behind_a_member_and_nothing_else() -> None:
    member = gzip.compress(b"{}")
    assert unpacked("x.json.gz", member + bytes(70_000) + member + bytes(3)) == b"{}{}"
    with pytest.raises(ObjectError, match="does not decompress to its end"):
        unpacked("x.json.gz", member + b"\0{}")


def test_an_object_that_is_not_packed_is_as_large_as_it_is_listed() -> None:
    bounds = Bounds(object_bytes=3_000_000)
    bounds.check_size("x.json", 3_000_000)
    with pytest.raises(ObjectError, match=r"x\.json: holds more than 3 MB; .* OBJECT_MB"):
        bounds.check_size("x.json", 3_000_001)
