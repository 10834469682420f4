"""What DuckDB says, told for the person who reads it.

What belongs here: telling errors apart, naming the file, who holds it and the next step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from sparkify_dagster.core.text import cited
from sparkify_dagster.warehouse.engine import OutOfMemory, WarehouseError

OWN_TABLES_ONLY = (
    "only the warehouse's own tables can be asked here, no files and no other databases"
)
_HOLDER = re.compile(r"\(PID (\d+)\)")


@contextmanager
def told(where: str, *, writes: bool) -> Iterator[None]:
    """Errors of the engine become ours; what Ctrl-C interrupts stays as it is.

    Args:
        where: The file, for the message.
        writes: Something was being changed.
    """
    kept = " Nothing half-done was kept." if writes else ""
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(
            f"{where}: out of memory ({_first_line(error)}). Raise [DUCKDB] MEMORY_LIMIT "
            f"or lower [LOAD] BATCH_MB.{kept}"
        ) from error
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        # A COMMIT on a full disk is a TransactionException, a broken file a FatalException.
        raise WarehouseError(
            f"{where}: could not be written or read ({_first_line(error)}). Is the disk "
            f"full or the file read-only?{kept}"
        ) from error
    except duckdb.Error as error:
        raise WarehouseError(
            f"{where}: a statement was refused ({first_words(error)}).{kept}"
        ) from error


def first_words(error: Exception) -> str:
    """What the engine says, on one line, without the statement repeated."""
    said = str(error).partition("\n\nLINE ")[0]
    if "file system operations are disabled" in said:
        return OWN_TABLES_ONLY
    return cited(" ".join(said.split()))


def is_held(error: duckdb.Error) -> bool:
    """Whether the file cannot be opened because somebody else has it open."""
    text = str(error)
    # The last two: this same process has it open the other way, in another thread.
    return (
        "Could not set lock" in text
        or "different configuration" in text
        or "already open" in text
        or "already attached" in text
    )


def holder(error: duckdb.Error) -> str:
    """Who that is, as far as the system tells."""
    found = _HOLDER.search(str(error))
    if not found:
        return "another connection of this process"
    pid = found.group(1)
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    command = " ".join(b" ".join(words[:4]).decode(errors="replace").split())
    return f"process {pid} ({cited(command)})"


def opening_failed(path: Path, error: duckdb.Error) -> WarehouseError:
    """Why the file cannot be opened at all, and what to do."""
    text = _first_line(error)
    if "Permission denied" in text or "read-only" in text.lower():
        return WarehouseError(
            f"{path}: cannot be opened for writing. Let this account write the file and its "
            "folder, or point [DUCKDB] PATH elsewhere."
        )
    if "replaying WAL" in text and "does not match" in text:
        return WarehouseError(
            f"{path}: its log {path}.wal belongs to another file or to another "
            "version of this one. Put back the file and the log that were together; "
            "or delete the log, if nothing that was written with it is wanted."
        )
    return WarehouseError(
        f"{path}: cannot be opened as a DuckDB file ({text}). Check [DUCKDB] PATH."
    )


def _first_line(error: duckdb.Error) -> str:
    return cited(str(error).splitlines()[0])
