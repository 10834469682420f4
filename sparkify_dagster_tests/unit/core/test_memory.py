"""Memory that was let go of does not stay with the process."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from sparkify_dagster.core.memory import give_back


def _held() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Another C library keeps nothing.")
def test_what_lies_below_memory_in_use_is_given_back():
    """Blocks too small to be pages of their own, with one above them that is still in use."""
    texts = [bytes(5_000) for _ in range(20_000)]
    last = texts.pop()
    texts.clear()
    kept = _held()
    give_back()
    assert kept - _held() > 50_000_000
    assert len(last) == 5_000
