"""What S3 tells of its objects: event notifications, and whether they are about our lake.

Pure functions of message texts. An event only says that it is time to look: the listing that
follows tells what changed, so a duplicate, a late or a missing event can do no harm.
Source: Amazon S3, "Event message structure"; Amazon EventBridge, "Amazon S3 events".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_plus

Kind = Literal["ours", "test", "foreign"]


class Message(NamedTuple):
    """A message of a queue, and the receipt to delete it with."""

    receipt: str
    body: str


@dataclass(frozen=True, slots=True)
class Notified:
    """What messages come down to.

    Attributes:
        ours: Something happened in our lake.
        dealt: Receipts of the messages that are dealt with once that is remembered.
        foreign: Messages that are about something else; they are left to whom they belong, or to
            the queue's redrive policy.
    """

    ours: bool
    dealt: tuple[str, ...]
    foreign: int


@dataclass(frozen=True, slots=True)
class Watched:
    """The places of a lake in S3: prefixes and single objects as `s3://` URIs."""

    uris: tuple[str, ...]

    def holds(self, bucket: str, key: str) -> bool:
        """Whether an object is one of them or lies below one of them."""
        uri = f"s3://{bucket}/{key}"
        return any(uri == place or uri.startswith(f"{place.rstrip('/')}/") for place in self.uris)


def told_by(messages: Sequence[Message], watched: Watched) -> Notified:
    """What messages say of a lake."""
    kinds = [kind_of(message.body, watched) for message in messages]
    dealt = [m.receipt for m, kind in zip(messages, kinds, strict=True) if kind != "foreign"]
    return Notified("ours" in kinds, tuple(dealt), kinds.count("foreign"))


def kind_of(body: str, watched: Watched) -> Kind:
    """What a message is: about our lake, S3's test of the connection, or somebody else's."""
    message = _message(body)
    if isinstance(message.get("Message"), str) and "TopicArn" in message:  # By way of SNS.
        message = _message(message["Message"])
    if message.get("Event") == "s3:TestEvent":
        return "test"
    return "ours" if any(watched.holds(*item) for item in _objects(message)) else "foreign"


def _message(text: str) -> dict[str, Any]:
    """The object that a text is; an empty one for whatever else it may be."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):  # Also a number of 5,000 digits, or 100,000 brackets.
        return {}
    return message if isinstance(message, dict) else {}


def _objects(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Bucket and key of every object a message speaks of."""
    records = message.get("Records")
    for record in records if isinstance(records, list) else ():
        yield from _named(record.get("s3") if isinstance(record, dict) else None, encoded=True)
    if message.get("source") == "aws.s3":  # EventBridge encodes nothing.
        yield from _named(message.get("detail"), encoded=False)


def _named(told: Any, *, encoded: bool) -> Iterable[tuple[str, str]]:
    try:
        bucket, key = told["bucket"]["name"], told["object"]["key"]
    except (KeyError, TypeError):
        return []
    if not (isinstance(bucket, str) and isinstance(key, str)):
        return []
    return [(bucket, unquote_plus(key) if encoded else key)]
