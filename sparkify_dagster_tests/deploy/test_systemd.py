"""The units of one machine: systemd takes them, and they may do little."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sparkify_dagster_tests.deploy.services import DEPLOY

FOLDER = DEPLOY / "systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="needs systemd-analyze (Debian: systemd)"
)
EXPOSED = 15
"""Tenths of systemd's own measure: 100 is a service that may do everything."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine on which it is installed, as far as systemd looks."""
    folder = tmp_path_factory.mktemp("root")
    units = folder / "etc" / "systemd" / "system"
    shutil.copytree(FOLDER, units)
    for name in ("network-online.target", "multi-user.target", "sysinit.target", "basic.target"):
        (units / name).write_text("[Unit]\n")
    start = folder / "opt" / "sparkify" / "start"
    start.parent.mkdir(parents=True)
    shutil.copy(DEPLOY / "image" / "start", start)
    return folder


def analyzed(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE
    return subprocess.run(
        [ANALYZE, f"--root={root}", "--man=no", *words], capture_output=True, text=True, check=False
    )


@needs_systemd
def test_systemd_takes_every_unit(root: Path) -> None:
    said = analyzed(root, "verify", "--recursive-errors=yes", *UNITS, "sparkify.target")
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_may_do_little(root: Path, unit: str) -> None:
    said = analyzed(root, "security", "--offline=yes", f"--threshold={EXPOSED}", unit)
    assert said.returncode == 0, said.stdout[-3000:] + said.stderr


@needs_systemd
def test_an_error_in_a_unit_would_be_seen(root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "root"
    shutil.copytree(root, broken)
    unit = broken / "etc" / "systemd" / "system" / UNITS[0]
    unit.write_text(unit.read_text().replace("/opt/sparkify/start", "/opt/sparkify/stat"))
    assert analyzed(broken, "verify", "--recursive-errors=yes", UNITS[0]).returncode


def test_all_that_is_started_belongs_to_the_target() -> None:
    wanted = re.findall(r"sparkify-[\w-]+\.service", (FOLDER / "sparkify.target").read_text())
    assert sorted(wanted) == UNITS
    started = [
        re.findall(
            r"^ExecStart=/opt/sparkify/start (.+)$", (FOLDER / unit).read_text(), re.MULTILINE
        )
        for unit in UNITS
    ]
    assert started == [["webserver --read-only"], ["code-server"], ["daemon"], ["webserver"]]
