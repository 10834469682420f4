"""`sparkify export`: the tables as Parquet files in a folder.

What belongs here: saying what was written. Which files there are is `analysis.export`'s.
"""

from __future__ import annotations

from pathlib import Path

from sparkify_dagster.analysis.export import CURRENT, export
from sparkify_dagster.cli.console import near, note, print_json, say
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import count
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.settings import Settings


def run_export(settings: Settings, folder: Path, *, personal: bool, as_json: bool) -> None:
    """Brings the folder up to date and says what was written."""
    with watching():
        warehouse, shared = open_warehouse(settings), settings.duckdb.shared
        done = export(warehouse, folder, personal=personal, shared=shared)
    if as_json:
        print_json({"state": str(done.state), "files": done.files, "written": list(done.written)})
        return
    say(
        f"{count(done.tables, 'table')}, {count(done.rows, 'row')} in {count(done.files, 'file')}: "
        f"{near(folder / CURRENT)}"
    )
    say(f"Written: {count(len(done.written), 'file')}; the others are as they were.")
    if personal:
        note("Personal data is in them; --no-personal leaves those columns out.")
