"""Making the report of a warehouse, and putting it where it belongs.

What belongs here: the steps from a warehouse to a file. A reader of the file sees the old page or
the new one, never half of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from sparkify_dagster.core.errors import PlainError
from sparkify_dagster.core.local_files import replacing
from sparkify_dagster.report import charts
from sparkify_dagster.report.facts import Facts, gather
from sparkify_dagster.report.listening import plays
from sparkify_dagster.report.page import render
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster.warehouse.ledger import utc_now


class ReportError(PlainError):
    """The report cannot be written; says where and why."""


@dataclass(frozen=True, slots=True)
class Written:
    """A report that was written.

    Attributes:
        bytes: Its size.
        seconds: How long asking, drawing and writing took.
        preview: A chart of it as a data URI; None where there is nothing to draw.
    """

    path: Path
    bytes: int
    seconds: float
    facts: Facts
    preview: str | None


def write_report(warehouse: Warehouse, path: Path, *, shared: bool = False) -> Written:
    """Asks the warehouse and writes the page.

    Args:
        shared: It is everybody's, as the umask says, not its owner's alone.

    Raises:
        ReportError: The file cannot be written.
        WarehouseError: The warehouse cannot be asked, or nothing was ever loaded.
    """
    started = time.monotonic()
    facts = warehouse.read_only(gather)
    page = render(facts, utc_now()).encode("utf-8", "replace")
    put(path, page, shared=shared)
    return Written(path, len(page), time.monotonic() - started, facts, _preview(facts))


def put(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Writes a file whole or not at all; see `replacing`.

    Raises:
        ReportError: It cannot be written.
    """
    try:
        with replacing(path, shared=shared) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise ReportError(
            f"{path}: the report cannot be written ({error.strerror or error}). "
            "Mend that, or name another file with [REPORT] PATH or --output."
        ) from None


def _preview(facts: Facts) -> str | None:
    pictures = plays(facts).pictures
    return charts.as_image(pictures[0].svg) if pictures else None
