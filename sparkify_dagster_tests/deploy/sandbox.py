"""A read-only root for a process, as a container with `readOnlyRootFilesystem` has one.

What belongs here: bubblewrap's words. By default the root is this machine's own; the variable
`SPARKIFY_IMAGE_ROOT` names the file system of an image instead (docs/production.md, chapter 3).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sparkify_dagster_tests.deploy.services import START, Wrap, image_environment

BWRAP = shutil.which("bwrap")
IMAGE_ROOT = os.environ.get("SPARKIFY_IMAGE_ROOT", "")
USER = "10001"
_IN_IMAGE = image_environment()
SCRIPT = Path("/opt/sparkify/start") if IMAGE_ROOT else START


def read_only(data: Path) -> Wrap:
    """Runs commands as a user without rights who can write his temporary files and some data."""

    def wrap(words: Sequence[str], environ: dict[str, str], temporary: Path) -> list[str]:
        assert BWRAP
        command = [*_nobody(), BWRAP, "--die-with-parent"]
        command += ["--ro-bind", IMAGE_ROOT or "/", "/", "--dev", "/dev", "--proc", "/proc"]
        command += ["--bind", str(temporary), "/tmp" if IMAGE_ROOT else str(temporary)]
        command += ["--bind", str(data), str(data), "--clearenv"]
        for name, value in environ.items():
            command += ["--setenv", name, _IN_IMAGE[name] if name in _OF_IMAGE else value]
        return [*command, "--", *words]

    return wrap


_OF_IMAGE = {"PATH", "DAGSTER_HOME", "TMPDIR"} if IMAGE_ROOT else set[str]()


def _nobody() -> list[str]:
    """Makes a command that user's; without an image it has only no rights, as root without any."""
    if IMAGE_ROOT and os.geteuid() == 0:
        return ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]
    return []


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that the user of the image can reach, and write once it is his."""
    with tempfile.TemporaryDirectory(prefix="sparkify-deploy-", dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


def hand_over(folder: Path) -> None:
    """Makes a folder and what is in it the image's user's."""
    if _nobody():
        subprocess.run(["chown", "-R", f"{USER}:{USER}", str(folder)], check=True)
