"""`sparkify lineage`: where a column comes from, and where it goes.

What belongs here: finding what was named, and showing it. What comes from what is `lineage`'s work.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import typer
from rich.tree import Tree

from sparkify_dagster.cli.arguments import no_such
from sparkify_dagster.cli.console import faint, grid, print_json, say, show
from sparkify_dagster.lineage.graph import above, below, followed, in_lake, known_tables
from sparkify_dagster.lineage.origin import Origin, Ref, Refs
from sparkify_dagster.lineage.words import by_table, grouped, in_common, made_of
from sparkify_dagster.model.catalog import TABLES

_HINT = "'NAME'"


def run_lineage(name: str, *, down: bool, as_json: bool) -> None:
    """Prints the lineage of a column, of a field of the lake, or of a table's columns.

    Args:
        down: Where it goes, instead of where it comes from. A field of the lake always goes down:
            nothing is above it.

    Raises:
        typer.BadParameter: Nothing has that name.
    """
    table, column = _find(name)
    down = down or table not in TABLES
    if as_json:
        refs = [Ref(table, each) for each in ([column] if column else known_tables()[table])]
        told = [_as_json(ref, down=down) for ref in refs]
        print_json(told[0] if column else told)
    elif column:
        _show_column(Ref(table, column), down=down)
    else:
        _show_table(table, down=down)


def _find(name: str) -> tuple[str, str]:
    """Table and column of a name, quoted as in SQL or not; no column where only a table is named.

    Raises:
        typer.BadParameter: Nothing has that name.
    """
    table, _, column = (part.strip('"') for part in name.partition("."))
    known = known_tables()
    if table not in known:
        if table in TABLES:
            raise typer.BadParameter(
                f"{table} is written by the loads themselves: no column of it comes from another.",
                param_hint=_HINT,
            )
        alike = [f"{each}.{table}" for each, columns in known.items() if table in columns]
        raise no_such(f"no table {table!r}.", alike or _close(table, known), known, _HINT)
    if column and column not in known[table]:
        told = f"{table} has no column {column!r}."
        raise no_such(told, _close(column, known[table]), known[table], _HINT)
    return table, column


def _close(text: str, known: Iterable[str]) -> list[str]:
    return get_close_matches(text.lower(), list(known), n=3)


def _show_column(ref: Ref, *, down: bool) -> None:
    tree = Tree(str(ref), style="bold", guide_style="dim")
    _grow(tree, ref, down=down)
    show(tree)
    if ref.table in TABLES:
        say()
        say(TABLES[ref.table].column(ref.column).meaning)
    reached = _reached(ref, down=down)
    if down:
        _tell("Its value goes into", reached.values)
        _tell("It has a say in", reached.decides)
    else:
        _tell("Its value comes from", in_lake(reached.values))
        _tell("Decided by", in_lake(reached.decides))


def _grow(tree: Tree, ref: Ref, *, down: bool) -> None:
    """Adds a branch for each value, step by step, and a twig for what only decides."""
    step = _step(ref, down=down)
    for table, columns in by_table(step.values).items():
        for column in columns:
            branch = tree.add(f"{table}.{column}", style="not bold")
            _grow(branch, Ref(table, column), down=down)
    if not down and not step.values and ref.table in TABLES:
        tree.add(faint(made_of(ref, step)))
    if step.decides:
        twig = tree.add("decides" if down else "decided by", style="dim not bold")
        for table, columns in by_table(step.decides).items():
            # The many columns of a table that hang on one are all of them, more often than not.
            every = down and len(columns) > 1 and set(columns) == _others(ref, table)
            twig.add(faint(f"{table}: {'every column' if every else ', '.join(columns)}"))


def _others(ref: Ref, table: str) -> set[str]:
    """The columns of a table that do not take their value from a column."""
    values = _step(ref, down=True).values
    return {column for column in known_tables()[table] if Ref(table, column) not in values}


def _show_table(table: str, *, down: bool) -> None:
    found = {column: _step(Ref(table, column), down=down) for column in known_tables()[table]}
    common = frozenset() if down else in_common(found)
    rows = grid(
        "column", *(("goes into", "decides") if down else ("comes from", "also decided by"))
    )
    for column, step in found.items():
        made = grouped(step.values) if down else made_of(Ref(table, column), step)
        rows.add_row(column, made, faint(grouped(step.decides - common)))
    if common:
        say(f"Which rows there are is decided by {grouped(common)}.")
        say()
    show(rows)


def _tell(what: str, refs: Refs) -> None:
    if refs:
        say(f"{what}: {grouped(refs)}")


def _step(ref: Ref, *, down: bool) -> Origin:
    return (below() if down else above()).get(ref, Origin())


def _reached(ref: Ref, *, down: bool) -> Origin:
    return followed(ref, below() if down else above())


def _as_json(ref: Ref, *, down: bool) -> dict[str, object]:
    """One step, and all steps together."""
    step, reached = _step(ref, down=down), _reached(ref, down=down)
    return {
        "column": str(ref),
        "direction": "down" if down else "up",
        "values": _names(step.values),
        "decides": _names(step.decides),
        "all_values": _names(reached.values),
        "all_decides": _names(reached.decides),
    }


def _names(refs: Refs) -> list[str]:
    return [f"{table}.{column}" for table, columns in by_table(refs).items() for column in columns]
