"""What a load would do to each table, and why, from what a look has shown.

What belongs here: saying in advance what `load` will come to, as values. Words for people are the
command line's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sparkify_dagster.core.text import count
from sparkify_dagster.lake.changes import ObjectChanges, Part
from sparkify_dagster.lake.reader.reader import READER_VERSION
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.model.catalog import TABLES, model_version
from sparkify_dagster.model.ledger import LEDGER
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.model.table import Layer, Table
from sparkify_dagster.pipeline.conditions import (
    changed_checks,
    changed_definitions,
    changed_settings,
)
from sparkify_dagster.pipeline.plan import Loaded, Pending
from sparkify_dagster.warehouse.standing import FAILED

Action = Literal["kept", "made", "altered", "loaded", "rebuilt", "refreshed"]
"""`altered`: its columns, in place. `loaded`: parts of it from the lake. `rebuilt`: all rows by its
SELECT from what is staged. `refreshed`: those that may differ; what touches much is a rebuild."""
Why = Literal[
    "new", "objects", "gone", "left out", "failed before", "again", "model", "reader", "JSONPaths"
]  # fmt: skip
"""`again`: it has not changed and would be read once more. `left out`: by [DAYS]."""
IN_WORDS: Mapping[Why, str] = {
    "new": "new",
    "objects": "other objects in the lake",
    "gone": "no object any more",
    "left out": "[DAYS] leaves it out now",
    "failed before": "failed before",
    "again": "read again, as asked",
    "model": "loaded by columns that have changed",
    "reader": "loaded by another reader",
    "JSONPaths": "the JSONPaths document has changed",
}
SEEN: Mapping[Action, str] = {
    "altered": "the old rows; a column that is new is NULL until its rows are loaded",
    "loaded": "of each part the old rows until its COMMIT",
    "rebuilt": "the old rows until the COMMIT",
    "refreshed": "the old rows until the COMMIT",
}
"""What readers see meanwhile."""


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What a load would do to a table.

    Attributes:
        rows: How many it has now, by the history; None: that does not tell of it.
        megabytes: What it takes now, about; None: nobody tells.
        destroys: What would be gone, in words.
        views: The views that read it, where more is done to it than writing rows.
        rights: Who else may do what with it, likewise; all of it stays.
        readers: What is seen of it meanwhile.
        idle: Checks and settings that have changed, and lead to nothing in it.
    """

    table: str
    actions: tuple[Action, ...]
    causes: tuple[str, ...] = ()
    rows: int | None = None
    megabytes: int | None = None
    destroys: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether nothing is done to it."""
        return self.actions == ("kept",)

    @property
    def is_altered(self) -> bool:
        """Whether more is done to it than writing some rows."""
        return not {"kept", "made", "loaded", "refreshed"}.issuperset(self.actions)


def why_loaded(
    part: Part,
    table: Table,
    snapshot: Snapshot,
    held: Loaded,
    changed: ObjectChanges | None,
    *,
    again: bool,
) -> Why:
    """Why a part of a staging table is loaded.

    Args:
        changed: Its objects against those that were loaded; None: none is known.
        again: All of it is read, changed or not.
    """
    before, load = held.now.digests(table.name).get(part.name), held.now.parts(table.name)
    if before == FAILED:
        return "failed before"
    if not part.objects:
        is_day = table is STAGING_EVENTS
        asked = not is_day or date.fromisoformat(part.name) in snapshot.covers
        return "gone" if asked else "left out"
    if before is None or part.name not in load:
        return "new"
    if before == part.digest:
        return "again"
    if load[part.name].reader_version != READER_VERSION:
        return "reader"
    if load[part.name].model_version != model_version(table.name):
        return "again" if again and part.name in held.carried.get(table.name, ()) else "model"
    return "objects" if changed is None or changed.read or changed.gone else "JSONPaths"


def table_plans(
    snapshot: Snapshot,
    held: Loaded,
    todo: Pending,
    whys: Mapping[str, Counter[Why]],
    *,
    rebuild: bool,
) -> list[TablePlan]:
    """What a load would do to every table.

    Args:
        whys: By staging table, how many parts are loaded for which reason.
        rebuild: Star and marts are built whole, whatever changed.
    """
    star = _star(snapshot, held, todo, rebuild=rebuild)
    checks = changed_checks(held.now)
    settings = changed_settings(held.now, snapshot.settings)
    found = []
    for table in TABLES.values():
        steps = held.changes.get(table.name, ())
        actions = list(_altered(table, held))
        causes = [step.why for step in steps]
        if whys.get(table.name):
            actions.append("loaded")
            causes += _of_parts(table, whys[table.name])
        if table.layer in (Layer.STAR, Layer.MART):
            action, why = _derived(table, held, star)
            actions += [action] if action != "kept" else []
            causes += why
        moved = (*settings.get(table.name, ()), *checks.get(table.name, ()))
        causes += moved if actions else ()
        destroys = tuple(f"{table.name}.{step.column}" for step in steps if step.destroys)
        seen = tuple(dict.fromkeys(SEEN[a] for a in actions if a in SEEN and "made" not in actions))
        made = tuple(actions) or ("kept",)
        found.append(
            TablePlan(
                table.name,
                made,
                tuple(causes),
                None if table in (*LEDGER, *MATCHING) else held.now.rows(table.name),
                destroys=destroys,
                readers=seen,
                idle=() if actions else moved,
            )
        )
    return found


def _altered(table: Table, held: Loaded) -> Iterator[Action]:
    if table.name not in held.there:
        yield "made"
    elif held.changes.get(table.name):
        yield "altered"


def _of_parts(table: Table, whys: Counter[Why]) -> Iterator[str]:
    unit = "log day" if table is STAGING_EVENTS else "part of the catalogue"
    units = "log days" if table is STAGING_EVENTS else "parts of the catalogue"
    for why, number in whys.items():
        yield f"{count(number, unit, units)}: {IN_WORDS[why]}"


def _star(snapshot: Snapshot, held: Loaded, todo: Pending, *, rebuild: bool) -> tuple[Action, str]:
    """What is done to all of the star."""
    positions = held.now.positions(STAR)
    taken = {position.load_id for position in positions.values()}
    changed = [n for n, position in positions.items() if position.version != model_version(n)]
    if todo.is_nothing:
        return "kept", ""
    if rebuild:
        return "rebuilt", "as asked"
    if None in taken or len(taken) > 1 or any(t.name not in held.there for t in STAR):
        return "rebuilt", "the star was never published, or lost a table"
    if changed:
        return "rebuilt", f"published together with {', '.join(changed)}"
    if todo.songs or todo.days or todo.forget or taken != {held.now.last_published()}:
        return "refreshed", "what is staged changes"
    if snapshot.aliases.token != positions[SONGPLAY.name].token:
        return "refreshed", "[S3] ALIASES changed"
    return "kept", ""


def _derived(table: Table, held: Loaded, star: tuple[Action, str]) -> tuple[Action, Sequence[str]]:
    """What is done to a table of the star, or a mart."""
    now = held.now.positions([table])[table.name]
    if now.version is not None and now.version != model_version(table.name):
        return "rebuilt", [*_of_model(table, held)]
    if table in MARTS and star[0] == "kept" and now.load_id != held.now.last_published():
        return "rebuilt", ["it missed a publication of the star"] if now.load_id else []
    return star[0], [star[1]] if star[1] else []


def _of_model(table: Table, held: Loaded) -> Iterator[str]:
    """Why the rows of a table of the star, or of a mart, are others by today's model."""
    before = {name: held.now.made_by(name) for name in table.reads}
    moved = [n for n, version in before.items() if version and version != model_version(n)]
    steps, other = held.changes.get(table.name), changed_definitions(held.now).get(table.name)
    if moved:
        yield f"what it reads changed: {', '.join(moved)}"
    if other or (other is None and not moved and not steps):
        yield "its SQL or key changed"
    elif not (moved or steps):
        yield "a column is declared otherwise"
