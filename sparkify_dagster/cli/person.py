"""`sparkify person`: everything that is held about somebody who asks, as one file.

What belongs here: showing and writing it. Looking it up is `pipeline.person`'s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from sparkify_dagster.cli.console import grid, near, note, print_json, say, show, size
from sparkify_dagster.cli.forget import user_ids
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core import local_files
from sparkify_dagster.core.text import count, json_ready
from sparkify_dagster.factory import limits_of, open_lake, open_warehouse
from sparkify_dagster.pipeline.person import find_person
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse.ledger import utc_now

_ENDINGS = (".json", ".html")


def run_person(
    settings: Settings, word: str, output: Path | None, *, force: bool, as_json: bool
) -> None:
    """Says how much is held about a person and where; all of it in a file, or as JSON."""
    (user_id,) = user_ids([word])
    if output and as_json:
        raise typer.BadParameter("a file takes all of it; leave --json out.")
    if output and output.suffix.lower() not in _ENDINGS:
        raise typer.BadParameter(f"{output}: the ending says how to write: {', '.join(_ENDINGS)}.")
    if output:
        local_files.require_absent(output, force=force)
    warehouse = open_warehouse(settings)
    with watching():
        bounds = limits_of(settings.load).bounds
        person = find_person(warehouse, open_lake(settings), bounds, user_id)
    logs = settings.s3.log_data.removesuffix("/")
    found = {
        "user_id": user_id,
        "at": utc_now().isoformat(timespec="seconds") + "Z",
        "warehouse": near(warehouse.location),
        "forgotten": person.is_forgotten,
        "rows": person.rows,
        "lake": [{"object": f"{logs}/{key}", "lines": at} for key, at in person.lines.items()],
        "not_searched": [f"{logs}/{key}" for key in person.not_searched],
    }
    if as_json:
        print_json(found)
        return
    _show(found, nothing=person.is_nothing)
    if output:
        _write(found, output, force=force)
    elif not person.is_nothing:
        note("--output FILE writes all of it, as .json or .html; it is personal data.")


def _write(found: dict[str, Any], path: Path, *, force: bool) -> None:
    if path.suffix.lower() == ".html":
        from sparkify_dagster.report.person_page import render_person

        text = render_person(found)
    else:
        text = json.dumps(json_ready(found), indent=2, ensure_ascii=False, default=str) + "\n"
    with local_files.output(path, force=force) as beside:
        beside.write_bytes(text.encode("utf-8", "replace"))
    say(f"Written: {near(path)}, {size(path.stat().st_size)}. Personal data is in it.")


def _show(found: dict[str, Any], *, nothing: bool) -> None:
    who = f"user {found['user_id']}"
    if found["forgotten"]:
        say(f"{who} is forgotten: no table may hold anything, and nothing is loaded any more.")
    if nothing:
        say(f"Nothing is held about {who}.")
    elif any(found["rows"].values()):
        table = grid("table", "rows", right=("rows",))
        for name, rows in found["rows"].items():
            table.add_row(name, f"{len(rows):,}")
        show(table)
    for place in found["lake"]:
        lines = place["lines"]
        say(
            f"{place['object']}: {count(len(lines), 'line')}, {', '.join(map(str, lines[:20]))}"
            f"{', …' if len(lines) > 20 else ''}"
        )
    if found["not_searched"]:
        left = count(len(found["not_searched"]), "log object")
        note(f"Not searched: {left} of no log day, or that could not be read; --json names them.")
