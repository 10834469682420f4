"""From a table as it stands to the table of the model: which steps lead there, and why.

What belongs here: that decision, a pure function of columns. Taking the steps is `evolving`'s; that
a table may change at all, and when, `schema`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sparkify_dagster.model.table import Layer, Table
from sparkify_dagster.warehouse.engine import Columns, WarehouseError

How = Literal["add", "drop", "rename", "retype", "replace", "comment", "design"]
"""`retype`: a column with the stored values in another type, or that may be missing from now on, is
added beside, filled and given the name: Redshift alters no such thing itself. `replace`: the column
goes and comes again, and is filled by the table's SELECT or from the lake. `design`: how the table
lies in the cluster, which is `warehouse.design`'s. In none of them do rows go, or rights."""

_WIDTH = {"smallint": 1, "integer": 2, "bigint": 3}
_VARCHAR = re.compile(r"(?:character varying|varchar)(?:\((\d+)\))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Change:
    """A step.

    Attributes:
        column: Which it concerns; blank: the table.
        why: The difference in words.
        before: The column's name so far, where it gets another.
        narrows: What is stored may not fit.
    """

    how: How
    column: str
    why: str
    before: str = ""
    narrows: bool = False

    @property
    def moves(self) -> bool:
        """Whether the column that is there goes, whatever comes in its place."""
        return self.how in ("drop", "replace", "retype")

    @property
    def destroys(self) -> bool:
        """Whether what is stored goes with it, and nothing brings it back."""
        return self.how == "drop"


def changes(table: Table, found: Columns, declared: Mapping[str, str]) -> list[Change]:
    """The steps from the columns that are there to those that are declared; none: nothing differs.

    In which order columns stand is no difference: a column that is added stands last.

    Args:
        found: What stands in the warehouse.
        declared: The model's columns, in the same words.

    Raises:
        WarehouseError: Nobody can tell what is meant, or stored values cannot be kept.
    """
    made_by_select = table.layer in (Layer.STAR, Layer.MART)
    gone = [name for name in found if name not in declared]
    new = [name for name in declared if name not in found]
    steps: list[Change] = []
    for name in list(new):
        before = table.column(name).was
        if before in gone and not made_by_select:
            assert before is not None
            steps.append(Change("rename", name, f"column {before} is {name} now", before))
            gone.remove(before)
            new.remove(name)
        elif before is None and not made_by_select:
            _ask(table, name, [g for g in gone if found[g] == declared[name]])
    steps += [Change("drop", name, f"column {name} is no longer declared") for name in gone]
    steps += [Change("add", name, f"column {name} is new") for name in new]
    known = {step.column: step.before for step in steps if step.how == "rename"}
    for name in declared:
        if (stored := known.get(name, name)) in found:
            other = _retyped(table, name, found[stored], declared[name])
            if not other and stored in found.required and not table.column(name).required:
                kind: How = "replace" if made_by_select else "retype"
                other = [Change(kind, name, f"column {name} may be missing now")]
            steps += other
    return steps or _meanings(table, found)


def _ask(table: Table, name: str, candidates: list[str]) -> None:
    """Two columns of one type, one gone and one new: whether they are the same is not guessed.

    Raises:
        WarehouseError: There is such a one.
    """
    if candidates:
        old = candidates[0]
        raise WarehouseError(
            f"{table.name}: the model has a new column {name} and no longer {old}, of one type. "
            f'Is it the same under another name? Say so where {name} is declared: was="{old}" '
            f'keeps its values, was="" says that it is another column and lets {old} go.'
        )


def _retyped(table: Table, name: str, before: str, now: str) -> list[Change]:
    """The steps from one type of a column to another."""
    if before == now:
        return []
    why = f"column {name} is {before}, the model says {now}"
    narrower = narrows(before, now)
    if table.layer in (Layer.STAR, Layer.MART):
        return [Change("replace", name, why)]
    if narrower is not None:
        return [Change("retype", name, why, narrows=narrower)]
    if table.layer is Layer.STAGING:
        return [Change("replace", name, why)]
    raise WarehouseError(
        f"{table.name}: {why}, and what is stored cannot be kept in that type. Declare a new "
        "column for it beside the old one."
    )


def narrows(before: str, now: str) -> bool | None:
    """Whether a value of one type may not fit another; None: it is not kept in it at all."""
    lengths = [_VARCHAR.fullmatch(kind) for kind in (before, now)]
    if lengths[0] and lengths[1]:
        old, new = (int(found.group(1) or 0) for found in lengths if found)
        return new < old
    ranks = [_WIDTH.get(kind.lower()) for kind in (before, now)]
    if ranks[0] and ranks[1]:
        return ranks[1] < ranks[0]
    if ranks[0] and now.lower().startswith("double") and before.lower() != "bigint":
        return False
    return None


def _meanings(table: Table, found: Columns) -> list[Change]:
    """What is said of the table and its columns, and now means something else."""
    meanings = {"": table.meaning} | {c.name: c.meaning for c in table.columns}
    return [
        Change("comment", name, f"{f'column {name}' if name else 'the table'} is described anew")
        for name, meaning in meanings.items()
        if found.comments.get(name, meaning) != meaning
    ]
