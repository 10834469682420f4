"""How a run shows that it is at work.

On this machine by the lock on its file. Where Dagster's history is not in files, processes of other
machines look at it, too: the run then changes a tag of its own now and then.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import dagster as dg

from sparkify_dagster.defs.internals import SqliteEventLogStorage
from sparkify_dagster.defs.liveness.locks import FOLDER, holding

BEAT_TAG = ".dagster/sparkify/alive"
"""On runs: their own id (who launches a run again copies its tags) and a number. The UI shows no
tag that begins with `.dagster/`."""
BEAT_SECONDS = 10.0


def running_folder(instance: dg.DagsterInstance) -> Path:
    """Where the files of runs at work are: beside the history, or in the instance's folder."""
    events = instance.event_log_storage
    if isinstance(events, SqliteEventLogStorage):
        return Path(events.path_for_shard("index")).parent.parent / FOLDER.name
    return Path(instance.root_directory) / FOLDER


@contextmanager
def shown_at_work(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Shows inside the block that this process works on a run."""
    in_files = isinstance(instance.event_log_storage, SqliteEventLogStorage)
    beating = nullcontext() if in_files else _beating(instance, run_id)
    with holding(running_folder(instance), run_id), beating:
        yield


@contextmanager
def _beating(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        for number in itertools.count():
            with suppress(Exception):  # Whatever the storage says: a sign of life fails no load.
                instance.add_run_tags(run_id, {BEAT_TAG: f"{run_id}#{number}"})
            if ended.wait(BEAT_SECONDS):
                return

    heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join(2)  # A storage that does not answer holds up nobody.
