"""A comparison as a page, and the words that page and terminal share.

What belongs here: texts and rows made of what was found. Comparing is `pipeline.diff`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sparkify_dagster import __version__
from sparkify_dagster.core.text import count
from sparkify_dagster.pipeline.diff import TableDiff
from sparkify_dagster.report.page import render_template
from sparkify_dagster.report.words import moment

HEADS = ("table", "rows here", "published", "only here", "only there", "differing", "")
KINDS = {"only_here": "only here", "only_there": "only there", "differing": "differs"}


def render(diffs: Sequence[TableDiff], scope: str, written: datetime) -> str:
    """The whole page.

    Args:
        scope: What was compared.
    """
    return render_template(
        "diff.html",
        scope=scope,
        verdict=verdict(diffs),
        heads=HEADS,
        rows=rows(diffs),
        differing=[diff for diff in diffs if not diff.is_same],
        lines=lines,
        totals=totals,
        examples=examples,
        made=f"Made {moment(written)} by sparkify {__version__}; personal values are masked.",
    )


def verdict(diffs: Sequence[TableDiff]) -> str:
    """What was found, in a sentence."""
    differing = [diff.name for diff in diffs if not diff.is_same]
    unseen = sum(bool(diff.note) and diff.is_same for diff in diffs)
    omitted = f" {count(unseen, 'table')} could not be compared on a sample." if unseen else ""
    if not differing:
        return f"No difference in {count(len(diffs) - unseen, 'table')}.{omitted}"
    named = f"{len(differing)} of {count(len(diffs), 'table')}: {', '.join(differing)}"
    return f"Differences in {named}.{omitted}"


def rows(diffs: Sequence[TableDiff]) -> list[tuple[str, ...]]:
    """Each table with its counts."""
    return [_row(diff) for diff in diffs]


def _row(diff: TableDiff) -> tuple[str, ...]:
    if diff.note:
        return diff.name, "", "", "", "", "", diff.note
    numbers = diff.rows_here, diff.rows_there, diff.only_here, diff.only_there, diff.differing
    return diff.name, *(f"{n:,}" for n in numbers), "same" if diff.is_same else ""


def lines(diff: TableDiff) -> list[str]:
    """What there is to say of a table that differs, a sentence each."""
    told = [f"Columns only here, or of another type: {', '.join(diff.came)}."] if diff.came else []
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
