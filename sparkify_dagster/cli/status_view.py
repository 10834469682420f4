"""`sparkify status` for people.

What belongs here: words and tables. What they say is gathered in `status`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from sparkify_dagster.cli.console import grid, near, offer, offer_named, say, show, size, title
from sparkify_dagster.cli.failed import named
from sparkify_dagster.cli.home import ENDED_BY
from sparkify_dagster.cli.status_types import LakeStatus, PartStatus, Status, WarehouseStatus
from sparkify_dagster.core.text import count

_COLOURS = {"loaded": "green", "failed": "red"}
_SHOWN = 40
_UNROUTABLE = 5
_UNKNOWN = "\N{EN DASH}"


def show_status(found: Status) -> None:
    """Prints lake, warehouse, days, tables and the next step."""
    _show_lake(found.lake)
    _show_warehouse(found.warehouse)
    parts = ([found.catalogue] if found.catalogue else []) + found.days
    if parts:
        _show_parts(parts)
    say()
    for told in found.lost_runs:
        say(f"{told} {ENDED_BY}.", "yellow")
    for note in found.run_notes:
        say(note, "yellow")
    if found.warehouse.held_back and not found.up_to_date:
        say(f"Of what starts itself, {found.warehouse.held_back}.")
    offer(_next_step(found, parts))


def _show_lake(lake: LakeStatus) -> None:
    say("Lake", "bold")
    if lake.problem:
        say(lake.problem, "red")
        offer_named(lake.problem)
        return
    songs, logs = count(lake.song_objects, "object"), count(lake.log_objects, "object")
    table = grid("", "where", "objects", "size", right=("size",))
    table.show_header = False
    table.add_row("songs", near(lake.song_data), songs, size(lake.song_bytes))
    days = count(lake.log_days, "day")
    table.add_row("logs", near(lake.log_data), f"{logs}, {days}", size(lake.log_bytes))
    show(table)
    if lake.unroutable:
        say(f"{count(len(lake.unroutable), 'log object')} not loaded:", "yellow")
        for item in lake.unroutable[:_UNROUTABLE]:
            say(f"  {item['object']}: {item['reason']}")
        if (more := len(lake.unroutable) - _UNROUTABLE) > 0:
            say(f"  and {more:,} more; --json lists them all")
    for said in lake.told:
        say(said, "yellow")


def _show_warehouse(warehouse: WarehouseStatus) -> None:
    title("Warehouse")
    where = f"{near(warehouse.location)} ({warehouse.engine}, schema {warehouse.schema})"
    if not warehouse.exists:
        say(f"{where}: nothing loaded yet")
        return
    say(f"{where}; the star is {warehouse.star}")
    if warehouse.clock:
        say(warehouse.clock, "yellow")
    table = grid("table", "rows", right=("rows",))
    for name, rows in warehouse.tables.items():
        table.add_row(name, f"{rows:,}")
    say()
    show(table)


def _suppressed(part: PartStatus) -> str:
    """How many records of forgotten people were left out, if any."""
    left = part.records - part.rows - part.rejects
    return f", {left:,} suppressed" if left > 0 else ""


def _show_parts(parts: Sequence[PartStatus]) -> None:
    title("Loads")
    shown, hidden = _worth_showing(parts)
    columns = ("part", "state", "objects", "size", "rows", "rejected", "loaded")
    table = grid(*columns, right=("objects", "size", "rows", "rejected"))
    for part in shown:
        style = "dim" if _is_of_before(part) else ""
        table.add_row(
            part.name,
            Text(part.state, style=_COLOURS.get(part.state, "yellow")),
            _UNKNOWN if part.objects is None else f"{part.objects:,}",
            _UNKNOWN if part.bytes is None else size(part.bytes),
            Text(f"{part.rows:,}", style),
            Text(f"{part.rejects:,}{_suppressed(part)}", style),
            Text(_plainly(part.loaded_at), style),
        )
    show(table)
    if stale := [part.name for part in shown if _is_of_before(part)]:
        say(
            f"What failed published nothing: rows, rejected and loaded of {named(stale)} are of "
            "the last good load, objects and size of the lake now.",
            "yellow",
        )
    if hidden:
        rows = sum(part.rows for part in hidden)
        say(
            f"and {count(len(hidden), 'loaded day')} more, "
            f"{hidden[0].name} to {hidden[-1].name}: "
            f"{rows:,} rows; --json lists them all"
        )
    for part in parts:
        if part.message:
            say(f"{part.name}, {_plainly(part.failed_at)}{_tried(part)}: {part.message}", "red")


def _is_of_before(part: PartStatus) -> bool:
    """Whether what stands in the warehouse is of a load before the one that failed."""
    return part.state == "failed" and part.loaded_at is not None


def _tried(part: PartStatus) -> str:
    """How often, and whether it is left alone now."""
    often = f", {part.attempts} times" if part.attempts > 1 else ""
    return often + ", not tried again by itself" * part.given_up


def _worth_showing(parts: Sequence[PartStatus]) -> tuple[list[PartStatus], list[PartStatus]]:
    """What is shown, and the loaded days of long ago that are only summed up."""
    loaded = [part for part in parts[1:] if part.state in ("loaded", "not known")]
    hidden = loaded[:-_SHOWN]
    gone = {id(part) for part in hidden}
    return [part for part in parts if id(part) not in gone], hidden


def _plainly(moment: str | None) -> str:
    return moment.replace("T", " ").replace("Z", " UTC") if moment else ""


def _next_step(found: Status, parts: Sequence[PartStatus]) -> str:
    if found.up_to_date:
        return "Up to date: the warehouse holds what the lake holds."
    if found.lake.problem:
        return "The lake cannot be seen, so what is pending is not known."
    failed = sum(part.state == "failed" for part in parts)
    pending = sum(part.state != "loaded" for part in parts) - failed
    told = []
    if failed:
        whose = "its" if failed == 1 else "their"
        mend = f"mend {whose} objects as said above, then run `sparkify etl`."
        told.append(f"{count(failed, 'part')} failed: {mend}")
    if pending:
        told.append(f"{count(pending, 'part')} to load: run `sparkify etl`.")
    if told:
        return " ".join(told)
    if not parts:
        if any(item["others"] for item in found.lake.not_read):
            return "The lake is empty. Rename what is not read, or name its ending in [S3] ENDINGS."
        return "The lake is empty. Make one with `sparkify generate`."
    return "The star or the marts are behind: run `sparkify etl`."
