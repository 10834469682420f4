"""Messages about objects: whose they are, however they arrive."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify_dagster.lake.notifications import Message, Notified, Watched, kind_of, told_by

WATCHED = Watched(("s3://lake/log_data", "s3://lake/song_data/", "s3://other/paths.json"))


def s3_event(*objects: tuple[str, str], name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """As S3 puts it into a queue."""
    return {
        "Records": [
            {"eventSource": "aws:s3", "eventName": name,
             "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}}}
            for bucket, key in objects
        ]
    }  # fmt: skip


def by_eventbridge(bucket: str, key: str) -> dict[str, Any]:
    return {
        "source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }  # fmt: skip


def by_sns(message: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:…", "Message": json.dumps(message)}


KEY = "log_data/2018/11/a b+c%20ü'.json"


@pytest.mark.parametrize(
    "message",
    [
        s3_event(("lake", KEY)),
        s3_event(("lake", KEY), name="ObjectRemoved:DeleteMarkerCreated"),
        s3_event(("lake", KEY), name="ObjectCreated:CompleteMultipartUpload"),
        s3_event(("elsewhere", "x"), ("lake", "song_data/A/x.json")),
        s3_event(("other", "paths.json")),
        by_eventbridge("lake", KEY),
        by_sns(s3_event(("lake", KEY))),
    ],
)
def test_a_message_about_the_lake_is_ours_by_whatever_way_it_comes(message: dict[str, Any]) -> None:
    assert kind_of(json.dumps(message), WATCHED) == "ours"


@pytest.mark.parametrize(
    "message",
    [
        s3_event(("lake", "log_data2/x.json")),
        s3_event(("lake", "log_data")) | {"Records": []},
        s3_event(("other", "paths.json.bak")),
        by_eventbridge("elsewhere", KEY),
        by_sns({"hello": 1}),
        {"Records": "none"}, {"Records": [None, 1, {"s3": None}, {"s3": {"bucket": {}}}]},
        {"source": "aws.s3"}, {"Records": [{"s3": {"bucket": {"name": "lake"}, "object": {}}}]},
        [], 1, None, "text",
    ],
)  # fmt: skip
def test_what_is_not_about_the_lake_is_foreign(message: object) -> None:
    assert kind_of(json.dumps(message), WATCHED) == "foreign"


def test_the_test_of_a_new_connection_is_known() -> None:
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake"}
    assert kind_of(json.dumps(test), WATCHED) == "test"


@given(st.text())
def test_no_text_is_too_strange(body: str) -> None:
    assert kind_of(body, WATCHED) == "foreign"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON, JSON, JSON)
def test_no_value_in_any_place_of_a_message_is_too_strange(
    record: object, bucket: object, key: object, told: object
) -> None:
    named = {"bucket": {"name": bucket}, "object": {"key": key}}
    for message in (
        {"Records": [record, {"s3": record}, {"s3": named}]},
        {"source": "aws.s3", "detail": named},
        {"source": told, "Event": told, "Records": told, "detail": told},
        {"TopicArn": told, "Message": told},
        {"TopicArn": 1, "Message": json.dumps({"Records": [{"s3": named}]})},
    ):
        assert kind_of(json.dumps(message), WATCHED) == "foreign"


POISON = (
    json.dumps(s3_event(("lake", KEY))).replace(json.dumps(quote_plus(KEY)), "5"),
    json.dumps(by_eventbridge("lake", KEY)).replace(json.dumps(KEY), "[]"),
    "[" * 100_000,
    '{"Records":' * 20_000,
    "1" * 100_000,
    '{"Records": 1e999999}',
    '"\\ud800"',
    json.dumps(by_sns(by_sns(by_sns({"Records": [{"s3": 5}]})))),
    json.dumps({"TopicArn": "x", "Message": "[" * 100_000}),
    "",
)
"""Bodies that no service sends, and anybody may who may write to the queue."""


def test_a_poisoned_message_is_counted_and_those_beside_it_are_heard() -> None:
    good = Message("good", json.dumps(s3_event(("lake", KEY))))
    bad = [Message(f"bad {number}", body) for number, body in enumerate(POISON)]
    assert told_by([*bad, good], WATCHED) == Notified(True, ("good",), len(POISON))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_key_below_a_prefix_is_recognised(key: str) -> None:
    body = json.dumps(s3_event(("lake", f"log_data/{key}")))
    assert kind_of(body, WATCHED) == "ours"
