"""Where one of several rows is taken, nothing of it is left to chance.

A row that is delivered twice differs somewhere; which one is taken must not hang on the order in
which an engine reads them. So every column that a ranking hands on stands in its ORDER BY.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlglot import exp, parse_one

from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.ddl import quoted
from sparkify_dagster.model.statements import statement

BY_NAME = {name: quoted(name) for name in TABLES}
SELECTS = {t.sql: statement(t.sql, BY_NAME) for t in TABLES.values() if t.sql}
SETTLED_BY_A_KEY = {
    # Of `songplay`, which is joined by its key; that is the partition.
    "mart/plays_by_song.sql": {"play_date", "song_id"},
    # Of each rank and closeness `asked` has one row, and `firsts` has one for it.
    "mart/unmatched_plays.sql": {"song_id", "title", "artist_name"},
}
"""Columns that a key settles which a statement joins by, with the reason."""


def rankings(text: str) -> Iterator[tuple[exp.Select, exp.Window]]:
    """The SELECTs of a statement that rank rows, with their ROW_NUMBER()."""
    for select in parse_one(text, dialect="redshift").find_all(exp.Select):
        for each in select.selects:
            if isinstance(each.unalias(), exp.Window):
                window = each.unalias()
                if isinstance(window.this, exp.RowNumber):
                    yield select, window


def left_to_chance(text: str) -> set[str]:
    """The columns of ranked rows that neither the partition nor the order settles."""
    found: set[str] = set()
    for select, window in rankings(text):
        order = window.args.get("order")
        terms = [*(window.args.get("partition_by") or []), *(order.expressions if order else [])]
        settled = {bare(term) for term in terms}
        if key_of_source(select) <= settled:
            continue
        given = (each for each in select.selects if each.unalias() is not window)
        found |= {column.name for each in given for column in each.find_all(exp.Column)} - settled
    return found


def bare(term: exp.Expr) -> str:
    """The column that a term orders by, exactly: `x` or `x || CHR(1)`; blank for another term."""
    inner = term.this if isinstance(term, exp.Ordered) else term
    if isinstance(inner, exp.DPipe) and isinstance(inner.expression, exp.Chr):
        inner = inner.this
    return inner.name if isinstance(inner, exp.Column) else ""


def key_of_source(select: exp.Select) -> set[str]:
    """By what the only source of a SELECT is grouped; the impossible where it is not."""
    unknown = {"no such column"}
    source = select.args["from_"].this
    named = {cte.alias: cte.this for cte in select.root().find_all(exp.CTE)}
    inner = named.get(source.name)
    if select.args.get("joins") or not isinstance(inner, exp.Select) or not inner.args.get("group"):
        return unknown
    return {term.name for term in inner.args["group"].expressions} or unknown


@pytest.mark.parametrize("file", SELECTS)
def test_every_column_of_a_ranked_row_stands_in_the_order_that_ranks_it(file: str) -> None:
    left = left_to_chance(SELECTS[file]) - SETTLED_BY_A_KEY.get(file, set())
    assert not left, (
        f"{file} takes one of several rows, and {sorted(left)} may differ among them: add it to "
        "the ORDER BY of the ROW_NUMBER()"
    )


def test_the_test_of_orders_sees_a_column_that_is_left_out() -> None:
    songplay = parse_one(SELECTS["star/songplay.sql"], dialect="redshift")
    assert left_to_chance(songplay.sql("redshift")) == set()
    (_, deliveries), *_ = rankings(songplay.sql("redshift"))
    terms = deliveries.args["order"].expressions
    assert len(terms) >= 8
    for term in terms:
        without = deliveries.copy()
        without.args["order"].set("expressions", [each for each in terms if each != term])
        text = songplay.sql("redshift").replace(deliveries.sql("redshift"), without.sql("redshift"))
        assert left_to_chance(text) == {bare(term)}
