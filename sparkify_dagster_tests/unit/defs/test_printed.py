"""What a run prints is kept for the UI and shown once it has ended."""

import sys
from pathlib import Path

import dagster as dg
import pytest

from sparkify_dagster.defs.printed import Printed, shown_at_the_end


def test_what_is_printed_is_kept_and_shown_at_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    printed = Printed(str(tmp_path))
    key = ["run", "compute_logs", "step"]
    with printed.capture_logs(key):
        print("said")
        print("wrong", file=sys.stderr)
        assert not printed.is_capture_complete(key)
        sys.stdout.flush()
        assert printed.get_log_data(key).stdout == b"said\n"
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("said\n", "wrong\n")
    assert printed.is_capture_complete(key)
    kept = printed.get_log_data(key)
    assert (kept.stdout, kept.stderr) == (b"said\n", b"wrong\n")


def test_it_is_found_where_dagsters_own_manager_looks(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        key = ["run", "compute_logs", "step"]
        before = instance.compute_log_manager.get_log_metadata(key)
        shown_at_the_end(instance)
        assert isinstance(instance.compute_log_manager, Printed)
        assert instance.compute_log_manager.get_log_metadata(key) == before
