"""From columns that are there to those that are declared: which steps, and what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sparkify_dagster.model.table import Column, Layer, Table, Type
from sparkify_dagster.pipeline.upgrade import altered_columns, gives_same_rows
from sparkify_dagster.warehouse.engine import Columns, WarehouseError
from sparkify_dagster.warehouse.evolution import changes, narrows
from sparkify_dagster.warehouse.standing import Declared

A = Column("a", Type.INTEGER, "A number.", required=True, source="$.a")
B = Column("b", Type.VARCHAR, "A text.", length=10, source="$.b")
DECLARED = {"a": "integer", "b": "character varying(10)"}


def table(*columns: Column, layer: Layer = Layer.STAGING) -> Table:
    return Table("t", layer, "A table.", columns or (A, B), ("a",))


def found(types: Mapping[str, str], *required: str) -> Columns:
    made = Columns(types)
    made.required = set(required)
    return made


def steps(
    stands: Columns, *columns: Column, layer: Layer = Layer.STAGING, **declared: str
) -> list[tuple[str, str]]:
    made = changes(table(*columns, layer=layer), stands, declared or DECLARED)
    return [(step.how, step.column) for step in made]


@pytest.mark.parametrize("layer", Layer)
def test_a_table_that_stands_as_declared_in_whichever_order_takes_no_step(layer: Layer) -> None:
    assert steps(found(DECLARED, "a"), layer=layer) == []
    assert steps(found(dict(reversed(DECLARED.items())), "a"), layer=layer) == []
    assert steps(found(DECLARED), layer=layer) == [], "audits hold what must not be missing"


@pytest.mark.parametrize("layer", Layer)
def test_a_column_that_is_new_or_gone_is_an_alter(layer: Layer) -> None:
    assert steps(found({"a": "integer"}, "a"), layer=layer) == [("add", "b")]
    made = changes(table(layer=layer), found(DECLARED | {"c": "date"}, "a"), DECLARED)
    assert [(step.how, step.column, step.destroys) for step in made] == [("drop", "c", True)]


@pytest.mark.parametrize("layer", Layer)
def test_a_new_column_that_may_not_be_missing_is_added_like_others(layer: Layer) -> None:
    assert steps(found({"b": "character varying(10)"}), layer=layer) == [("add", "a")]


@pytest.mark.parametrize(
    ("before", "now", "narrower"),
    [
        ("character varying(10)", "character varying(20)", False),
        ("character varying(20)", "character varying(10)", True),
        ("integer", "bigint", False),
        ("BIGINT", "INTEGER", True),
        ("INTEGER", "DOUBLE", False),
        ("bigint", "double precision", None),
        ("integer", "character varying(9)", None),
        ("date", "boolean", None),
    ],
)
def test_a_type_is_wider_or_narrower_than_another_or_keeps_nothing_of_it(
    before: str, now: str, narrower: bool | None
) -> None:
    assert narrows(before, now) is narrower


def test_another_type_is_kept_refilled_from_the_lake_or_refused() -> None:
    wider = found(DECLARED | {"a": "smallint"}, "a")
    assert steps(wider) == [("retype", "a")]
    assert steps(wider, layer=Layer.STAR) == [("replace", "a")]
    other = found(DECLARED | {"a": "date"}, "a")
    assert steps(other) == [("replace", "a")], "and nothing is destroyed"
    with pytest.raises(WarehouseError, match=r"t: column a is date.*a new column for it beside"):
        steps(other, layer=Layer.LEDGER)


@pytest.mark.parametrize(("layer", "how"), [(Layer.STAGING, "retype"), (Layer.MART, "replace")])
def test_a_column_that_may_be_missing_now_is_made_beside_or_again(layer: Layer, how: str) -> None:
    assert steps(found(DECLARED, "a", "b"), layer=layer) == [(how, "b")]


def test_whether_a_column_was_renamed_is_asked_where_values_are_kept_and_never_guessed() -> None:
    stands, now = found({"a": "integer", "old": "character varying(10)"}, "a"), (A, B)
    for layer in (Layer.STAGING, Layer.LEDGER):
        with pytest.raises(WarehouseError, match='was="old" keeps its values, was="" says'):
            steps(stands, *now, layer=layer)
    assert steps(stands, layer=Layer.STAR) == [("drop", "old"), ("add", "b")]
    assert steps(stands, A, replace(B, was="old")) == [("rename", "b")]
    assert steps(stands, A, replace(B, was="")) == [("drop", "old"), ("add", "b")]
    assert steps(found({"a": "integer", "old": "date"}, "a")) == [("drop", "old"), ("add", "b")]


def test_a_renamed_column_of_another_type_is_both() -> None:
    stands = found({"a": "integer", "old": "character varying(5)"}, "a")
    assert steps(stands, A, replace(B, was="old")) == [("rename", "b"), ("retype", "b")]


def test_another_meaning_is_a_comment_where_nothing_else_differs() -> None:
    stands = found(DECLARED, "a")
    stands.comments = {"": "Once another.", "a": "A number.", "b": "Something."}
    assert steps(stands) == [("comment", ""), ("comment", "b")]


def declared(column: Column) -> Declared:
    return Declared(column.name, column.sql_type, column.required, column.source)


@pytest.mark.parametrize(
    ("before", "same"),
    [
        ((A, B), True),
        ((B, A), True),
        ((A, B, replace(B, name="gone")), True),
        ((A, replace(B, length=5)), True),
        ((A, replace(B, required=True)), True),
        ((A, replace(B, length=11)), False),
        ((replace(A, required=False), B), False),
        ((A, replace(B, source="$.other")), False),
        ((A,), False),
        ((), False),
    ],
)
def test_records_that_were_all_accepted_give_the_same_rows_where_columns_went_or_got_wider(
    before: tuple[Column, ...], same: bool
) -> None:
    assert gives_same_rows([declared(c) for c in before], table()) is same


@pytest.mark.parametrize(
    ("before", "columns"),
    [
        ((A, B), set()),
        ((A, B, replace(B, name="gone")), {"gone"}),
        ((A, replace(B, length=5)), {"b"}),
        ((replace(A, name="gone"), A, replace(B, required=True)), {"gone", "b"}),
        ((B, A), set()),
    ],
)
def test_records_may_be_accepted_that_were_rejected_for_a_column_that_went_or_takes_more(
    before: tuple[Column, ...], columns: set[str]
) -> None:
    assert altered_columns([declared(c) for c in before], table()) == columns
