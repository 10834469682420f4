"""What a run of a process of our own prints: kept for the UI, then shown where it would have been.

Dagster starts four processes for each run to show at once what it prints. A load of ours shows
itself how far it is, so that can wait for its end.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

import dagster as dg

from sparkify_dagster.defs.internals import (
    CapturedLogContext,
    LocalComputeLogManager,
    redirect_to_file,
)


def shown_at_the_end(instance: dg.DagsterInstance) -> None:
    """Lets what runs print be shown at their end, where the instance keeps it in files."""
    manager = instance.compute_log_manager
    if type(manager) is LocalComputeLogManager:
        folder = Path(manager.get_captured_local_path(["any"], "out")).parent
        instance._compute_log_manager = Printed(str(folder))


class Printed(LocalComputeLogManager):
    """What runs print, in files."""

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Keeps what is printed inside the block."""
        with ExitStack() as stack:
            for stream, ending in ((sys.stdout, "out"), (sys.stderr, "err")):
                path = Path(self.get_captured_local_path(log_key, ending))
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.callback(_show, path, stream)
                stack.enter_context(redirect_to_file(stream, str(path)))
            yield CapturedLogContext(log_key)
        Path(self.get_captured_local_path(log_key, "complete")).touch()


def _show(path: Path, stream: TextIO) -> None:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as printed:
        shutil.copyfileobj(printed, stream)
