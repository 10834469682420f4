"""`sparkify report`: what the tables say, as a page or as figures.

What belongs here: where the page goes, what is said of it, and opening it for a person. Making it
is `report`'s, which is also what a load does.
"""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import typer

from sparkify_dagster.cli.console import near, print_json, say, size
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.report.facts import Facts, gather
from sparkify_dagster.report.writing import write_report
from sparkify_dagster.settings import Settings


def run_report(settings: Settings, output: Path | None, *, browse: bool, as_json: bool) -> None:
    """Writes the page, or prints its figures.

    Args:
        output: Where to, instead of where the settings say.
        browse: Open it, if there is somebody to see it.

    Raises:
        WarehouseError: Nothing was ever loaded, or the warehouse cannot be asked.
        ReportError: The page cannot be written.
        typer.BadParameter: The folder it is to go to is not there.
    """
    path = (output or settings.report.path).absolute()
    if path != settings.report.path and not path.parent.is_dir():
        raise typer.BadParameter(
            f"{path.parent}: no such folder; make it, or name another file.",
            param_hint="'--output'",
        )
    warehouse = open_warehouse(settings)
    if as_json and output is None:
        with watching():
            facts = warehouse.read_only(gather)
        print_json(_figures(facts, None))
        return
    with watching():
        written = write_report(warehouse, path, shared=settings.report.shared)
    if as_json:
        print_json(_figures(written.facts, str(written.path)))
        return
    say(f"Wrote {near(written.path)} ({size(written.bytes)}).")
    if browse and can_show():
        webbrowser.open(written.path.as_uri())


def can_show() -> bool:
    """Whether a person sits before a screen: a terminal and a display of this machine."""
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    on_a_desktop = sys.platform in ("darwin", "win32")
    return on_a_desktop or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _figures(facts: Facts, path: str | None) -> dict[str, object]:
    return {
        "path": path,
        "figures": facts.figures(),
        "grain": facts.grain,
        "answers": facts.answers,
    }
