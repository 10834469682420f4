"""A comparison as a page, and the words that page and terminal share.

What belongs here: texts and rows made of what was found. Comparing is `pipeline.diff`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sparkify_dagster import __version__
from sparkify_dagster.core.text import count
from sparkify_dagster.pipeline.diff import Diff, TableDiff
from sparkify_dagster.report.page import render_template
from sparkify_dagster.report.words import moment

HEADS = ("table", "rows here", "published", "only here", "only there", "differing", "")
_NAMED = 3
"""Parts, and causes, that are named."""
KINDS = {"only_here": "only here", "only_there": "only there", "differing": "differs"}


def render(diff: Diff, scope: str, written: datetime) -> str:
    """The whole page.

    Args:
        scope: What was compared.
    """
    return render_template(
        "diff.html",
        scope=scope,
        notes=[verdict(diff), *causes(diff)],
        heads=HEADS,
        rows=rows(diff.tables),
        differing=[table for table in diff.tables if not table.is_same],
        lines=lines,
        totals=totals,
        examples=examples,
        made=f"Made {moment(written)} by sparkify {__version__}; personal values are masked.",
    )


def comment(diff: Diff, scope: str) -> str:
    """The same in Markdown, to be posted as a comment: names and numbers, no values of rows."""
    told = [f"**{verdict(diff)}** ({scope})", *causes(diff)]
    differing = [table for table in diff.tables if not table.is_same]
    if differing:
        told.append("\n".join(_as_markdown(HEADS, rows(differing))))
    for table in differing:
        told += [f"`{table.name}`: {line}" for line in lines(table) if not table.note]
        if sums := [total for total in totals(table) if total[1] != total[2]]:
            heads = f"total of {table.name}", "here", "published"
            told.append("\n".join(_as_markdown(heads, sums)))
    return "\n\n".join(told) + "\n"


def _as_markdown(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    ruler = ["--:" if head and number else "---" for number, head in enumerate(heads)]
    return [f"| {' | '.join(row)} |" for row in (heads, ruler, *cells)]


def verdict(diff: Diff) -> str:
    """What was found, in a sentence."""
    differing = [table.name for table in diff.tables if not table.is_same]
    unseen = sum(bool(table.note) and table.is_same for table in diff.tables)
    omitted = f" {count(unseen, 'table')} could not be compared on a sample." if unseen else ""
    if diff.is_blank:
        omitted += " Nothing of these days was compared: neither side has a row of them."
    if not differing:
        return f"No difference in {count(len(diff.tables) - unseen, 'table')}.{omitted}"
    named = f"{len(differing)} of {count(len(diff.tables), 'table')}: {', '.join(differing)}"
    return f"Differences in {named}.{omitted}"


def causes(diff: Diff) -> list[str]:
    """What of the lake is not here though it is published, or the other way round, and why."""
    told, parts = [], [part.name for part in diff.failed]
    if parts:
        more = f" and {len(parts) - _NAMED:,} more" if len(parts) > _NAMED else ""
        named = ", ".join(parts[:_NAMED]) + more
        told.append(f"This code cannot load {named}: none of their rows is here.")
    most = sorted(diff.rejects.items(), key=lambda item: -abs(item[1][0] - item[1][1]))
    told += [
        f"Records rejected here: {here:,}, in production: {there:,}: {why}."
        for why, (here, there) in most[:_NAMED]
    ]
    return told if most else told + [part.reason for part in diff.failed[:_NAMED]]


def rows(diffs: Sequence[TableDiff]) -> list[tuple[str, ...]]:
    """Each table with its counts."""
    return [_row(diff) for diff in diffs]


def _row(diff: TableDiff) -> tuple[str, ...]:
    if diff.note:
        sides = (f"{n:,}" if n else "" for n in (diff.rows_here, diff.rows_there))
        return diff.name, *sides, "", "", "", diff.note
    numbers = diff.rows_here, diff.rows_there, diff.only_here, diff.only_there, diff.differing
    return diff.name, *(f"{n:,}" for n in numbers), "same" if diff.is_same else "differs"


def lines(diff: TableDiff) -> list[str]:
    """What there is to say of a table that differs, a sentence each."""
    told = [f"{diff.note[:1].upper()}{diff.note[1:]}."] if diff.note else []
    if diff.came:
        told.append(f"Columns only here, or of another type: {', '.join(diff.came)}.")
    if diff.went:
        told.append(f"Columns only published, or of another type: {', '.join(diff.went)}.")
    if diff.columns:
        by_column = sorted(diff.columns.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{name} ({count(n, 'row')})" for name, n in by_column)
        told.append(f"Rows on both sides differ in {named}.")
    return told


def totals(diff: TableDiff) -> list[tuple[str, str, str]]:
    """What a mart's counts add up to, here and published."""
    return [(name, f"{here:,.0f}", f"{there:,.0f}") for name, (here, there) in diff.totals.items()]


def examples(diff: TableDiff) -> list[tuple[str, str, str, str]]:
    """Rows that are not the same, each with its key and the values that differ."""
    return [
        (
            KINDS[example.kind],
            ", ".join(f"{name} {value}" for name, value in example.key.items()),
            ", ".join(f"{name} {here}" for name, (here, _) in example.values.items()),
            ", ".join(f"{name} {there}" for name, (_, there) in example.values.items()),
        )
        for example in diff.examples
    ]
