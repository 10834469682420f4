"""Rejects are read like a list, and held as columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sparkify_dagster.lake.reader import rejects as module
from sparkify_dagster.lake.reader.rejects import RAW_LIMIT, SCHEMA, Reject, Rejects

TWO = [Reject(0, 3, "why", None, "{"), Reject(2, 1, "status is missing", "status", '{"é":1}')]


def test_what_was_put_in_comes_out() -> None:
    rejects = Rejects.of(TWO)
    assert (len(rejects), list(rejects), rejects[1]) == (2, TWO, TWO[1])
    assert rejects == TWO
    assert rejects != TWO[:1]
    assert rejects.table.schema == SCHEMA
    assert Rejects() == Rejects.of([]) == []


def test_they_are_added_and_cut_like_a_list() -> None:
    rejects = Rejects.of(TWO) + TWO[:1] + Rejects()
    assert rejects == [*TWO, TWO[0]]
    assert rejects[1:] == [TWO[1], TWO[0]]
    assert rejects[:1_000] == rejects
    assert isinstance(rejects[:1], Rejects)


@pytest.mark.parametrize("number", [100_000])
def test_a_reject_takes_what_its_texts_take(number: int) -> None:
    before = pa.total_allocated_bytes()
    rejects = Rejects.of(Reject(0, line, "why", None, "{") for line in range(number))
    assert (pa.total_allocated_bytes() - before) / len(rejects) < 64


def texts(*texts: str, kind: str | None = None) -> Rejects:
    """Rejects of an object, a text a line."""
    lines = list(range(1, len(texts) + 1))
    rows = {"object": pa.array([0] * len(texts), pa.int32()), "line": pa.array(lines, pa.int32())}
    kinds = pa.array([kind] * len(texts), pa.string())
    return Rejects.of_texts(pa.table({**rows, "text": pa.array(texts), "kind": kinds}))


def test_why_a_text_is_no_json_is_found_out_of_those_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rejects = texts(*(f'{{"a":{number}\n' for number in range(100)), "x" * RAW_LIMIT)
    assert rejects.table["reason"].null_count == len(rejects)
    asked: list[str] = []
    why = module.why_no_object
    monkeypatch.setattr(module, "why_no_object", lambda k, text: asked.append(text) or why(k, text))
    assert rejects.first(1) == [
        Reject(0, 1, "not valid JSON: Expecting ',' delimiter at character 7", None, '{"a":0')
    ]
    assert asked == ['{"a":0']


def test_a_text_of_which_a_part_is_kept_is_explained_by_all_of_it() -> None:
    text = '["' + "x" * RAW_LIMIT
    why = "not valid JSON: Unterminated string starting at at character 2"
    assert texts(text, "x")[0] == Reject(0, 1, why.replace("at at", "at"), None, text[:RAW_LIMIT])
    assert texts('["' + "x" * RAW_LIMIT + '"', kind="ARRAY")[0].reason == (
        "not a JSON object but an array"
    )


def test_a_text_keeps_what_stands_around_it_but_for_one_line_break() -> None:
    assert [item.raw_text for item in texts("a\n", " b \n\n", "c\r\n", "d")] == [
        *("a", " b \n", "c\r", "d")
    ]


def test_the_first_are_those_of_the_first_objects_and_lines() -> None:
    places = [(1, 1), (0, 7), (2, 1), (0, 3)]
    rejects = Rejects.of(Reject(*place, "why", None, "") for place in places)
    assert [item[:2] for item in rejects.first(3)] == [(0, 3), (0, 7), (1, 1)]
    assert rejects.first(9) == sorted(rejects)
