"""Whose record a rejected text is, as far as it can be read."""

from __future__ import annotations

import pytest

from sparkify_dagster.lake.documents import Forgotten
from sparkify_dagster.pipeline.suppress import Suppression
from sparkify_dagster_tests import oracle


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"userId": "7", "ts": null}', True),
        ('{"userId":7}', True),
        ('{"userId" :\t007 ,', True),
        ('x {"userId":"7"', True),
        ('{"userId": "70"}', False),
        ('{"userId": 70}', False),
        ('{"userId": 7', False),
        ('{"userId": 7.5}', False),
        ('{"userId": "7x"}', False),
        ('{"sessionId": 7}', False),
        ('{"note": "userId: 7"}', False),
        ("", False),
    ],
)
def test_a_text_is_theirs_where_their_id_can_be_read(text: str, named: bool) -> None:
    assert Suppression(Forgotten((1, 7))).is_of(text) is named
    assert (7 in oracle._people(text.encode(), "userId")) is named


def test_the_id_is_the_field_that_the_jsonpaths_document_names() -> None:
    assert Suppression(Forgotten((7,)), "wer[").is_of('{"wer[": "7"}')


def test_many_people_are_named_in_several_conditions() -> None:
    conditions = list(Suppression(Forgotten(tuple(range(50_000)))).conditions())
    assert len(conditions) == 3
    assert conditions[0].startswith("user_id IN (0, 1, ")
