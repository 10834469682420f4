"""`sparkify access`: showing what rights are to be given and taken, and doing so.

What belongs here: finding the file, and printing. What is decided is `warehouse.rights`'.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from sparkify_dagster.cli.console import folded, grid, note, offer, print_json, say, show
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import printable
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.model.access import ROLES, Right
from sparkify_dagster.settings import Settings
from sparkify_dagster.settings.access import ACCESS_NAME, Declared, read_access
from sparkify_dagster.warehouse.engine import Session
from sparkify_dagster.warehouse.rights import Plan, apply, order, planned, standing


def run_plan(settings: Settings, file: Path | None, *, as_json: bool) -> None:
    """Prints what would be done."""
    declared = _declared(settings, file)
    with watching():
        plan, _ = open_warehouse(settings).read_only(lambda session: planned(session, declared))
    _print(plan, settings, as_json=as_json)
    if plan.steps and not as_json:
        offer("Do it with `sparkify access apply`.")


def run_apply(settings: Settings, file: Path | None, *, as_json: bool) -> None:
    """Does it, and prints what was done."""
    declared = _declared(settings, file)

    def work(session: Session) -> Plan:
        plan, now = planned(session, declared)
        apply(session, plan, now)
        return plan

    with watching():
        plan = open_warehouse(settings).transact(work)
    _print(plan, settings, as_json=as_json)
    if plan.steps and not as_json:
        say("Done.")


def run_status(settings: Settings, *, as_json: bool) -> None:
    """Prints what our roles have, whoever gave it to them."""
    with watching():
        now = open_warehouse(settings).read_only(standing)
    ours = [f"{settings.load.schema_name}_{name}" for name in ROLES]
    seen = [r for r in now.rights if r.role in ours or r.kind == "theirs" or r in now.made]
    given = [("us" if r in now.made else "others", r) for r in sorted(seen, key=order)]
    if as_json:
        print_json({"rights": [{"given_by": by} | asdict(right) for by, right in given]})
    elif given:
        _show("given by", [(by, right, "") for by, right in given])
    else:
        say("No rights are given yet: `sparkify access plan` shows what would be.")


def _declared(settings: Settings, file: Path | None) -> Declared:
    """What the file declares; on DuckDB, without one, the masked views."""
    folder = settings.source.parent if settings.source else Path.cwd()
    path = file or folder / ACCESS_NAME
    if file is None and not settings.cluster.host and not path.exists():
        return {"reader": {}}
    return read_access(path, ROLES)


def _print(plan: Plan, settings: Settings, *, as_json: bool) -> None:
    schema = settings.load.schema_name
    if as_json:
        steps = [
            {"change": step.change, "statement": step.statement(schema), "reason": step.reason}
            | asdict(step.right)
            for step in plan.steps
        ]
        print_json({"steps": steps, "notes": plan.notes})
        return
    if plan.steps:
        _show("change", [(step.change, step.right, step.reason) for step in plan.steps])
    else:
        say("Nothing to do: all rights are as declared.")
    for text in plan.notes:
        note(text)


def _show(first: str, rights: list[tuple[str, Right, str]]) -> None:
    """A table of rights, those that are alike in a row."""

    def alike(row: tuple[str, Right, str]) -> tuple[str, ...]:
        word, right, why = row
        kind = right.detail if right.kind in ("schema", "table") else right.kind
        return word, kind or right.kind, right.role, why

    table = grid(first, "right", "of", "on", "why")
    for (word, kind, role, why), rows in groupby(rights, alike):
        what = folded(printable(right.what or role) for _, right, _ in rows)
        table.add_row(*map(printable, (word, kind, role)), what, printable(why))
    show(table)
