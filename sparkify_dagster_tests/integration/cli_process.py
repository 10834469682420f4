"""The `sparkify` command as a process of its own, in a folder of its own, on tiny lakes.

What belongs here: starting it and reading what it says. What a test claims stands in the test.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparkify_dagster.generator import LakeSpec, generate_lake
from sparkify_dagster_tests.integration.dagster_dev import environment

COMMAND = (sys.executable, "-m", "sparkify_dagster")
SPEC = LakeSpec(songs=5, events=60, days=2)


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as JSON: there must be nothing else on it."""
        return json.loads(self.out)


def sparkify(folder: Path, *words: str, **variables: str) -> Said:
    """Runs the command in a folder and waits for its end."""
    ended = subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return Said(ended.returncode, ended.stdout, ended.stderr)


def lake(folder: Path, spec: LakeSpec = SPEC) -> Path:
    """A generated lake where the default settings look for it."""
    root = folder / "data" / "lake"
    generate_lake(root, spec)
    return root


def runs(folder: Path) -> int:
    """How many Dagster runs the folder's history has."""
    kept = folder / ".dagster" / "history" / "runs"
    return sum(path.stem != "index" for path in kept.glob("*.db")) if kept.exists() else 0
