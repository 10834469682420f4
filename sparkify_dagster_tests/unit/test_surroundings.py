"""What surrounds the tests does not reach them; a test that writes to the checkout is caught."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparkify_dagster_tests.surroundings import changed, contents, neutral, undisturbed

ROOT = Path(__file__).resolve().parents[2]


def test_of_the_environment_only_what_tests_need_reaches_them() -> None:
    odd = {
        "COLUMNS": "40", "TERM": "dumb", "LC_ALL": "C", "TZ": "Asia/Kolkata", "HOME": "/none",
        "DAGSTER_HOME": "/x", "SPARKIFY_DAYS__LAST": "y", "AWS_PROFILE": "z", "https_proxy": "p",
        "PYTHONWARNINGS": "error", "NO_COLOR": "1", "TMPDIR": f"/tmp/{'long' * 20}",
    }  # fmt: skip
    kept = {"PATH": "/bin", "PG_BINDIR": "/pg", "PYTEST_XDIST_WORKER": "gw0"}
    own = {"HOME": "/home", "TZ": "UTC"}
    assert neutral(odd | kept, Path("/home")) == kept | own
    assert neutral({"TMPDIR": "/a b"}, Path("/home")) == own | {"TMPDIR": "/a b"}


def test_a_live_run_keeps_its_login() -> None:
    live = {"SPARKIFY_LIVE_CONFIG": "dwh.cfg", "AWS_PROFILE": "z", "HOME": "/with/.aws"}
    kept = neutral(live | {"SPARKIFY_DAYS__LAST": "y"}, Path("/h"))
    assert kept == live | {"SPARKIFY_LIVE_CONFIG": os.path.abspath("dwh.cfg"), "TZ": "UTC"}


def test_every_test_stands_in_a_home_of_its_own_far_from_the_checkout() -> None:
    home = Path.home()
    assert not home.is_relative_to(ROOT)
    assert Path.cwd() == home
    assert time.localtime(0).tm_hour == 0


def test_afterwards_all_is_as_it_was_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.chdir(tmp_path)
    before, mask = dict(os.environ), os.umask(0o077)
    with undisturbed():
        assert "COLUMNS" not in os.environ
        assert os.umask(0o022) == 0o022
        place = Path.cwd()
    assert not place.exists()
    assert os.umask(mask) == 0o077
    assert (dict(os.environ), Path.cwd()) == (before, tmp_path)


def test_what_came_went_and_was_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    for name in ("same", "written", "gone"):
        (tmp_path / name).write_text("x")
    before = contents(tmp_path)
    (tmp_path / "gone").unlink()
    (tmp_path / "__pycache__" / "x.pyc").touch()
    (tmp_path / ".dagster").mkdir()
    os.utime(tmp_path / "written", (1, 1))
    assert changed(before, contents(tmp_path)) == [".dagster", "gone", "written"]


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "with workers"])
def test_a_test_that_writes_to_the_checkout_fails_the_run(
    workers: list[str], tmp_path: Path
) -> None:
    # Just what our own does, for another folder.
    conftest = (ROOT / "sparkify_dagster_tests" / "conftest.py").read_text("utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(conftest)
    (tmp_path / "tests" / "test_it.py").write_text(
        "from pathlib import Path\ndef test_it():\n    Path(__file__).with_name('left').touch()\n"
    )
    words = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *workers, "tests"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout
    assert "the checkout has changed while the tests ran" in ended.stdout
    assert "tests/left" in ended.stdout.splitlines()
