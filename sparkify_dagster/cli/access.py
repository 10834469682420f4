"""`sparkify access`: showing what rights are to be given and taken, and doing so.

What belongs here: finding the file, and printing. What is decided is `warehouse.rights`'.
"""

from __future__ import annotations

from pathlib import Path

from sparkify_dagster.cli.console import grid, note, offer, print_json, say, show
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.core.text import count, printable
from sparkify_dagster.factory import open_warehouse
from sparkify_dagster.model.access import MASKED, ROLES
from sparkify_dagster.settings import Settings
from sparkify_dagster.settings.access import ACCESS_NAME, Declared, read_access
from sparkify_dagster.warehouse.engine import Session
from sparkify_dagster.warehouse.rights import Plan, Standing, apply, planned, standing


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
    """Prints who has which role, and what it comes to."""
    with watching():
        now = open_warehouse(settings).read_only(standing)
    if not settings.cluster.host:
        views = sorted(right.what for right in now.made if right.kind == "view")
        if as_json:
            print_json({"masked_views": views})
        else:
            say(f"{count(len(views), 'view')} in schema {MASKED}: {', '.join(views) or 'none'}.")
        return
    roles = [_role(settings.load.schema_name, name, now) for name in ROLES]
    if as_json:
        print_json({"roles": roles, "masks_of_others": [str(mask) for mask in now.masks]})
        return
    table = grid("role", "may see", "granted to", "tables", "masked columns", "given by others")
    for role in roles:
        table.add_row(*(printable(_words(value)) for value in role.values()))
    show(table)


def _role(schema: str, name: str, now: Standing) -> dict[str, object]:
    full = f"{schema}_{name}"
    has = {right for right in now.rights if right.role == full}
    masked = {right.what for right in has if f"{schema}_mask_" in right.detail}
    return {
        "role": full,
        "meaning": ROLES[name].meaning if has else "not there",
        "granted_to": sorted(right.what for right in has if right.kind == "member"),
        "tables": len({right.what for right in has if right.kind == "table"}),
        "masked_columns": len(masked),
        "given_by_others": len(has - now.made),
    }


def _words(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _declared(settings: Settings, file: Path | None) -> Declared:
    """What the file declares; on DuckDB, without one, the masked views."""
    folder = settings.source.parent if settings.source else Path.cwd()
    path = file or folder / ACCESS_NAME
    if file is None and not settings.cluster.host and not path.exists():
        return {"reader": {}}
    return read_access(path, ROLES)


def _print(plan: Plan, settings: Settings, *, as_json: bool) -> None:
    schema = settings.load.schema_name
    steps = [
        {"change": step.change, "statement": step.statement(schema), "reason": step.reason}
        | {"kind": step.right.kind, "role": step.right.role, "what": step.right.what}
        for step in plan.steps
    ]
    if as_json:
        print_json({"steps": steps, "notes": plan.notes})
        return
    for step in steps:
        say(f"{step['statement'] or 'forget ' + step['what']};  -- {step['reason']}")
    if not steps:
        say("Nothing to do: all rights are as declared.")
    for text in plan.notes:
        note(text)
