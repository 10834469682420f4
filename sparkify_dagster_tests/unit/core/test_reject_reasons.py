"""Reasons are told by their cause, the most frequent first, and none is left out unsaid."""

from __future__ import annotations

from sparkify_dagster.core.reject_reasons import Cause, cause_of, causes


def test_reasons_that_differ_in_the_place_alone_have_one_cause() -> None:
    assert cause_of("Expecting value at character 264") == Cause("Expecting value")
    assert cause_of("Expecting value at character 7", "t") == cause_of("Expecting value", "t")
    assert cause_of("it speaks at character 7 of it").reason == "it speaks at character 7 of it"


def test_records_are_summed_up_by_cause_and_ranked_by_their_number() -> None:
    counted = [(cause_of(f"no value at character {n}"), 2) for n in range(30)]
    counted += [(cause_of("ts is missing"), 59), (cause_of("page is missing"), 59)]
    found = causes(counted, 9)
    assert found.told == [
        (Cause("no value"), 60), (Cause("page is missing"), 59), (Cause("ts is missing"), 59),
    ]  # fmt: skip
    assert (found.others, found.other_records) == (0, 0)


def test_one_reason_of_two_tables_is_two_causes() -> None:
    counted = [(cause_of("no value", "a"), 1), (cause_of("no value", "b"), 2)]
    assert [cause.table for cause, _ in causes(counted, 9).told] == ["b", "a"]


def test_what_is_left_out_is_counted() -> None:
    found = causes([(cause_of(f"reason {n}"), n) for n in range(1, 7)], 2)
    assert [records for _, records in found.told] == [6, 5]
    assert (found.others, found.other_records) == (4, 10)
