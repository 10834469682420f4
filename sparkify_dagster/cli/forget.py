"""`sparkify forget`: takes people out of all tables, and says what of them is left elsewhere.

What belongs here: asking, writing their ids to the document, the load, and the certificate. What is
held of them is `pipeline.held_of`'s to find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from sparkify_dagster.cli.arguments import confirm
from sparkify_dagster.cli.console import complain, grid, near, note, print_json, say, show
from sparkify_dagster.cli.errors import FAILED, WRONG_USE
from sparkify_dagster.cli.etl import compare, load
from sparkify_dagster.cli.home import end_lost_runs
from sparkify_dagster.cli.outcome import outcome_json, show_outcome
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import cited, count, printable
from sparkify_dagster.factory import amend_document, open_lake, open_warehouse, place_to_keep
from sparkify_dagster.lake.documents import (
    Document,
    Forgotten,
    appended,
    read_forgotten,
    user_id_of,
)
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.pipeline.held_of import Held, held_of, sources
from sparkify_dagster.pipeline.suppress import Suppression, user_id_field
from sparkify_dagster.settings import Settings
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.ledger import utc_now

NOT_REACHED = (
    "the objects of the lake: who owns them must purge them",
    "the document itself, which names the ids and must stay",
    "the engine's query history, which names the ids, its snapshots and backups",
    "environments, until they are dropped and made again: `sparkify env list` names them",
    "reports that were sent, and exports until `sparkify export` is run again",
)
"""Where something of a person may be that no load takes out."""
_IN_BLOCKS = {
    "duckdb": "freed blocks of the DuckDB file: it could not be made anew; the next load tries it",
    "redshift": "rows that Redshift deleted, on its disks until its own vacuum comes",
}


def run_forget(settings: Settings, words: Sequence[str], *, yes: bool, as_json: bool) -> int:
    """Forgets people; gives the exit code: 1 if a row of theirs is left, or the load failed."""
    if settings.production:
        raise typer.BadParameter(
            "people are forgotten in production; environments follow it.", param_hint="'--env'"
        )
    people = Forgotten(user_ids(words))
    place, warehouse = place_to_keep(settings, "FORGOTTEN"), open_warehouse(settings)
    with watching():
        leave_out = Suppression(people, user_id_field(open_lake(settings).paths().fields))
        before = _held(warehouse, leave_out)
    if not yes:
        rows = count(sum(before.rows.values()), "row")
        confirm(
            f"Forget {', '.join(map(str, people.ids))}? The ids are added to {printable(place)}, "
            f"and whatever changed in the lake is loaded, without these people: {rows} of theirs "
            f"in {printable(near(warehouse.location))} go for good.",
            "add --yes.",
            "Nothing was changed.",
        )
    known = _add(settings, people, place, before)
    note(f"In {place}; a load that fails now is made up for by the next one.")
    end_lost_runs()
    # What else has changed is loaded, too: a warehouse is never of two states of its lake.
    result = None if compare(settings).todo.is_nothing else load(settings)
    with watching():
        after = _held(warehouse, leave_out)
        found = warehouse.read_only(lambda s: sources(s, before, after, known=bool(known)))
    logs = settings.s3.log_data.removesuffix("/")
    is_wiped = warehouse.engine == "duckdb" and after.is_wiped
    sure, doubtful = ([f"{logs}/{key}" for key in keys] for keys in found)
    certificate = {
        "user_ids": list(people.ids),
        "forgotten_before": known,
        "at": utc_now().isoformat(timespec="seconds") + "Z",
        "document": place,
        "warehouse": near(warehouse.location),
        "nothing_is_left": not any(after.rows.values()),
        "rows": {
            name: {"before": before.rows.get(name, 0), "after": rows}
            for name, rows in after.rows.items()
        },
        "days_published": sorted(day for day, _ in result.days) if result else [],
        "objects_that_hold_them": sure,
        "objects_that_may_hold_them": doubtful,
        "file_made_anew": is_wiped,
        "not_reached": NOT_REACHED if is_wiped else (*NOT_REACHED, _IN_BLOCKS[warehouse.engine]),
    }
    if as_json:
        print_json(certificate | {"load": outcome_json(result)})
    else:
        if result:
            show_outcome(result, warehouse)
        _show(certificate)
    is_done = certificate["nothing_is_left"] and (result is None or result.success)
    return 0 if is_done else FAILED


def user_ids(words: Sequence[str]) -> tuple[int, ...]:
    """The ids that are typed, each once.

    Raises:
        typer.Exit: Some are none; each was told.
    """
    found = {word: user_id_of(word) for word in words}
    for word, user_id in found.items():
        if user_id is None:
            complain(f"{cited(word)} is no user id: a whole number, as `user_id` has it.")
    if None in found.values():
        raise typer.Exit(WRONG_USE)
    return tuple({user_id: None for user_id in found.values() if user_id is not None})


def _held(warehouse: Warehouse, people: Suppression) -> Held:
    try:
        return warehouse.read_only(lambda session: held_of(session, people))
    except WarehouseMissing:
        return Held()


def _add(settings: Settings, people: Forgotten, place: str, before: Held) -> list[int]:
    """Adds ids to the document; gives those that it had."""
    known: list[int] = []

    def amend(data: bytes | None) -> bytes | None:
        if data is None and before.anybody:
            raise LakeError(
                f"{place} ([S3] FORGOTTEN) is gone, and the warehouse knows of people it named. "
                "Put it back: with a new one they would come back."
            )
        held = {*read_forgotten(Document(place, lambda: data or b"")).ids}
        known[:] = [user_id for user_id in people.ids if user_id in held]
        new = [str(user_id) for user_id in people.ids if user_id not in held]
        return appended(data, new) if new else None

    amend_document(settings, "FORGOTTEN", amend)
    return known


def _show(told: Mapping[str, Any]) -> None:
    say()
    who = ", ".join(map(str, told["user_ids"]))
    say(f"Forgotten: {who}. {told['at']}, {told['warehouse']}", "bold")
    if told["forgotten_before"]:
        say(f"Forgotten before: {', '.join(map(str, told['forgotten_before']))}.")
    if not any(rows["before"] for rows in told["rows"].values()):
        say("No table held anything of them; what comes is left out.")
    table = grid("table", "rows before", "rows after", right=("rows before", "rows after"))
    for name, rows in told["rows"].items():
        table.add_row(name, f"{rows['before']:,}", f"{rows['after']:,}")
    show(table)
    if told["file_made_anew"]:
        say("The DuckDB file was made anew: no freed block of it holds what was deleted.")
    say("Dagster's history shows what is personal only masked, so nothing goes from there.")
    say(f"Log days published anew: {', '.join(told['days_published']) or 'none'}.")
    for title, key in (
        ("Objects of the lake that hold them still:", "objects_that_hold_them"),
        ("Objects that may hold them, or others who are forgotten:", "objects_that_may_hold_them"),
        ("What this platform cannot reach:", "not_reached"),
    ):
        for line in (title, *(f"  {name}" for name in told[key])) if told[key] else ():
            say(line)
    if not told["nothing_is_left"]:
        complain("rows of theirs are left; see why the load failed, then run it again.")
