"""What differs between the lake and what was loaded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify_dagster.lake.changes import (
    NOTHING,
    ObjectChanges,
    Part,
    catalogue_parts,
    changed_parts,
    digest,
    empty_part,
    make_parts,
    object_changes,
)
from sparkify_dagster.lake.objects import LakeObject, Objects

A = LakeObject("a.json", 1, "t1")
B = LakeObject("b.json", 2, "t2")


def test_a_digest_is_the_same_whatever_the_order_of_the_objects() -> None:
    assert digest([A, B], "x") == digest([B, A], "x")


def test_a_digest_is_the_same_on_every_machine() -> None:
    known = "d980d64ee3edb1f6eb8a9a52c30a5b6586a1b24e96284ae5e98eac6a0772b6a2"
    assert digest([A, B], "context") == known


@pytest.mark.parametrize(
    "objects",
    [
        [A],
        [A, B, LakeObject("c.json", 0, "")],
        [A, LakeObject("b.json", 3, "t2")],
        [A, LakeObject("b.json", 2, "t3")],
        [A, LakeObject("c.json", 2, "t2")],
        [LakeObject("a.json", 2, "t2"), LakeObject("b.json", 1, "t1")],
    ],
)
def test_a_digest_differs_when_an_object_is_added_removed_or_changed(
    objects: list[LakeObject],
) -> None:
    assert digest(objects, "x") != digest([A, B], "x")


def test_a_digest_differs_with_what_else_decides_the_rows() -> None:
    assert digest([A], "reader 1") != digest([A], "reader 2")


def test_nothing_is_nothing_whatever_the_code() -> None:
    assert digest([], "reader 1") == digest([], "reader 2") == NOTHING == "empty"


def test_a_name_that_is_not_utf8_has_a_digest_too() -> None:
    assert digest([LakeObject("\udcff.json", 1, "t")], "x") != digest([A], "x")


def test_parts_hold_their_objects_digest_and_size() -> None:
    parts = make_parts({"2018-11-01": [A, B], "2018-11-02": []}, "x")
    assert parts == {
        "2018-11-01": Part("2018-11-01", Objects.of([A, B]), digest([A, B], "x")),
        "2018-11-02": empty_part("2018-11-02"),
    }
    assert [part.size for part in parts.values()] == [3, 0]


def test_the_catalogue_is_cut_by_the_key_alone() -> None:
    keys = ["A/A/A/TR1.json", "A/A/B/TR2.json", "TR3.json", "ü+\udcff.json"]
    there = {
        key: name
        for name, items in catalogue_parts(LakeObject(k, 1, "t") for k in keys).items()
        for (key, _, _) in items
    }
    assert there == {
        "A/A/A/TR1.json": "34",
        "A/A/B/TR2.json": "19",
        "TR3.json": "34",
        "ü+\udcff.json": "1d",
    }
    moved = catalogue_parts([LakeObject("TR3.json", 9, "other")])
    assert list(moved) == ["34"]


def test_a_big_catalogue_fills_sixty_four_parts_evenly() -> None:
    parts = catalogue_parts(LakeObject(f"A/B/C/TR{n:06}.json", 1, "t") for n in range(6400))
    assert sorted(parts) == [f"{number:02x}" for number in range(64)]
    assert max(map(len, parts.values())) < 150


def test_only_parts_that_differ_are_changed_vanished_ones_included_in_order() -> None:
    alone = Objects.of([A])
    same, new = Part("b", alone, "1"), Part("a", alone, "3")
    other = Part("d", Objects.of([B]), "2")
    lake = {part.name: part for part in (same, other, new)}
    loaded = {"b": "1", "d": "old", "c": "gone"}
    assert changed_parts(lake, loaded) == [new, empty_part("c"), other]


def test_a_part_that_vanished_and_was_emptied_is_no_change_any_more() -> None:
    assert changed_parts({}, {"a": NOTHING}) == []
    assert changed_parts({"a": empty_part("a")}, {}) == []


def test_a_part_that_comes_back_is_a_change() -> None:
    back = Part("a", Objects.of([A]), "1")
    assert changed_parts({"a": back}, {"a": NOTHING}) == [back]


def test_objects_that_are_new_or_differ_are_read_and_missing_ones_are_gone() -> None:
    resized, retold = LakeObject("s.json", 5, "t"), LakeObject("r.json", 6, "new")
    loaded = {"a.json": (1, "t1"), "s.json": (4, "t"), "r.json": (6, "old"), "z.json": (9, "t")}
    changes = object_changes([A, B, resized, retold], loaded)
    assert changes == ObjectChanges(Objects.of([B, resized, retold]), gone=["z.json"])


def test_nothing_is_to_be_done_for_objects_that_are_as_they_were_loaded() -> None:
    assert object_changes([A], {"a.json": (1, "t1")}) == ObjectChanges(Objects([]))


keys = st.text(st.characters(codec=None), min_size=1, max_size=4)
digests = st.sampled_from(["1", "2", NOTHING])


@given(lake=st.dictionaries(keys, digests), loaded=st.dictionaries(keys, digests))
def test_loading_what_changed_leaves_nothing_to_load(
    lake: dict[str, str], loaded: dict[str, str]
) -> None:
    parts = {name: Part(name, Objects([]), told) for name, told in lake.items()}
    after = loaded | {part.name: part.digest for part in changed_parts(parts, loaded)}
    assert changed_parts(parts, after) == []
    assert {n: d for n, d in after.items() if d != NOTHING} == {
        n: d for n, d in lake.items() if d != NOTHING
    }
