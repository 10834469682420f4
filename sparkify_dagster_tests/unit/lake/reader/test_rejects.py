"""Rejects are read like a list, and held as columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sparkify_dagster.lake.reader.rejects import SCHEMA, Reject, Rejects

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
