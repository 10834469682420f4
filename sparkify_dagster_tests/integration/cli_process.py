"""The `sparkify` command as a process of its own, in a folder of its own, on tiny lakes.

What belongs here: starting it and reading what it says. What a test claims stands in the test.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sparkify_dagster
from sparkify_dagster.generator import LakeSpec, generate_lake
from sparkify_dagster_tests.integration.dagster_dev import environment
from sparkify_dagster_tests.processes import processes

COMMAND = (sys.executable, "-m", "sparkify_dagster")
SPEC = LakeSpec(songs=5, events=60, days=2)


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def flat(self) -> str:
        """All that was said as one line: a name with a blank may be folded there, or not."""
        return " ".join((self.out + self.err).split())

    @property
    def json(self) -> Any:
        """Its stdout as JSON: there must be nothing else on it."""
        return json.loads(self.out)


def sparkify(folder: Path, *words: str, **variables: str) -> Said:
    """Runs the command in a folder and waits for its end."""
    with tempfile.TemporaryDirectory() as said:
        process = processes().Process(
            target=_run, args=(folder, words, environment(variables), Path(said)), daemon=True
        )
        process.start()
        process.join(120)
        assert process.exitcode is not None, f"{words} did not end"
        out, err = ((Path(said) / name).read_text(encoding="utf-8") for name in ("out", "err"))
    assert "Traceback" not in err, err
    return Said(process.exitcode, out, err)


def _run(folder: Path, words: tuple[str, ...], environ: Mapping[str, str], said: Path) -> None:
    """The command in this process, as if it had been typed."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, path in enumerate((Path(os.devnull), said / "out", said / "err")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT
        os.dup2(os.open(path, flags), number)
    sys.argv = [str(Path(sparkify_dagster.__file__).with_name("__main__.py")), *words]
    from sparkify_dagster.cli import main

    main()


def on_terminal(
    folder: Path,
    *words: str,
    stop_after: float = 0,
    columns: int = 80,
    keys: bytes = b"",
    **variables: str,
) -> tuple[int, str]:
    """Runs the command on a terminal of its own; types keys, presses Ctrl-C if asked to."""
    ours, theirs = pty.openpty()
    os.write(ours, keys)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [*COMMAND, *words],
        cwd=folder,
        env=environment({"TERM": "xterm", **variables}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        started, said = time.monotonic(), b""
        while time.monotonic() - started < 60:
            if stop_after and time.monotonic() - started > stop_after:
                process.send_signal(2)
                stop_after = 0
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                said += os.read(ours, 65536)
            except OSError:
                break
        process.wait(10)
    os.close(ours)
    return process.returncode, said.decode(errors="replace")


def lake(folder: Path, spec: LakeSpec = SPEC) -> Path:
    """A generated lake where the default settings look for it."""
    root = folder / "data" / "lake"
    generate_lake(root, spec)
    return root


def runs(folder: Path) -> int:
    """How many Dagster runs the folder's history has."""
    kept = folder / ".dagster" / "history" / "runs"
    return sum(path.stem != "index" for path in kept.glob("*.db")) if kept.exists() else 0


def until(holds: Callable[[], bool]) -> None:
    """Waits for something, a minute at most."""
    over = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < over
        time.sleep(0.2)
