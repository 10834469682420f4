"""How long a young file is waited for: as long as the clock that stamps it takes to move on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparkify_dagster.lake.store.clocks import TICKS, WALL, Clock, clock_of, kind_of
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster_tests.integration.dagster_dev import ROOT
from sparkify_dagster_tests.lakes import SETTLED_AT_ONCE

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
31 27 0:28 / /mnt rw,relatime - autofs systemd-1 rw
40 31 0:40 / /mnt/share rw,relatime - nfs4 host:/lake rw
41 31 8:17 / /mnt/share/stick rw,relatime - vfat /dev/sdb1 rw
42 31 0:41 /sub /mnt/a\\040b rw,relatime - btrfs /dev/sdc rw
43 27 0:42 / /twice rw,relatime - nfs host:/x rw
44 27 0:43 / /twice rw,relatime - xfs /dev/sdd rw
nonsense
"""
_NO_MOUNT = 77
FRACTION, WHOLE = 1_541_030_400_123_456_789, 1_541_030_400_000_000_000


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/", "ext4"),
        ("/home/lake", "ext4"),
        ("/mnt", "autofs"),
        ("/mntx", "ext4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/logs", "nfs4"),
        ("/mnt/share/stick/2018", "vfat"),
        ("/mnt/a b/lake", "btrfs"),
        ("/twice/lake", "xfs"),
    ],
)
def test_a_folder_lies_in_what_is_mounted_nearest_above_it(place: str, kind: str) -> None:
    assert kind_of(place, MOUNTS) == kind


def test_without_a_table_of_mounts_nothing_is_known() -> None:
    assert kind_of("/home", "") == ""


@pytest.mark.parametrize(
    ("youngest", "places", "clock"),
    [
        (FRACTION, ["/home", "/twice", "/mnt/a b"], TICKS),
        (FRACTION, ["/home", "/mnt/share"], WALL),
        (FRACTION, ["/mnt/share/stick"], WALL),
        (WHOLE, ["/home"], WALL),
        (0, ["/home"], WALL),
    ],
)
def test_the_kernels_ticks_count_where_all_that_is_seen_says_so(
    youngest: int, places: list[str], clock: Clock
) -> None:
    wanted = clock if sys.platform == "linux" else WALL
    assert clock_of(youngest, places, MOUNTS) is wanted
    assert clock_of(youngest, places, "") is WALL


def test_a_stamp_far_in_the_future_is_not_waited_for() -> None:
    begun = time.monotonic()
    for clock in (TICKS, WALL):
        clock.wait_for(time.time_ns() + 3_600 * 10**9)
    assert time.monotonic() - begun < 2


def _missed(folder: Path, clock: Clock | None, rounds: int = 100) -> int:
    """How often a second write at once, of as many bytes, left the listing as it was."""
    path, lake, missed = folder / "x.json", Folder(folder, "[S3] LOG_DATA", clock), 0
    for _ in range(rounds):
        tokens = []
        for text in (b"first", b"later"):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT)
            os.write(handle, text)
            os.close(handle)
            listing = lake.list_objects()
            assert [data for _, data in lake.read(listing)] == [text]
            tokens += [item.token for item in listing]
        missed += tokens[0] == tokens[1]
    return missed


def on_coarse_files(folder: str) -> None:
    """In a process that has ramfs there: Linux stamps its files with ticks, and nothing finer."""
    assert _missed(Path(folder), SETTLED_AT_ONCE), "no two writes came within a tick"
    assert _missed(Path(folder), None) == 0


def test_two_writes_within_a_tick_are_told_apart(tmp_path: Path) -> None:
    assert _missed(tmp_path, None) == 0
    mount = f'mount -t ramfs none "{tmp_path}" || exit {_NO_MOUNT}; exec "$@"'
    child = f"import {__name__} as here; here.on_coarse_files({str(tmp_path)!r})"
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    command = [*words, sys.executable, "-c", child]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no Linux")
    if done.returncode == _NO_MOUNT or "unshare:" in done.stderr:
        pytest.skip("no file system may be mounted here")
    assert done.returncode == 0, done.stderr
