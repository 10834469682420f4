"""What S3 tells of its objects: event notifications, and whether they are about our lake.

Pure functions of message texts. An event only says that it is time to look: the listing that
follows tells what changed, so a duplicate, a late or a missing event can do no harm.
Source: Amazon S3, "Event message structure"; Amazon EventBridge, "Amazon S3 events".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

Kind = Literal["ours", "test", "foreign"]


@dataclass(frozen=True, slots=True)
class Watched:
    """The places of a lake in S3: prefixes and single objects as `s3://` URIs."""

    uris: tuple[str, ...]

    def holds(self, bucket: str, key: str) -> bool:
        """Whether an object is one of them or lies below one of them."""
        uri = f"s3://{bucket}/{key}"
        return any(uri == place or uri.startswith(f"{place.rstrip('/')}/") for place in self.uris)


def kind_of(body: str, watched: Watched) -> Kind:
    """What a message is: about our lake, S3's test of the connection, or somebody else's."""
    try:
        message = json.loads(body)
    except ValueError:
        return "foreign"
    if not isinstance(message, dict):
        return "foreign"
    if isinstance(message.get("Message"), str) and "TopicArn" in message:  # By way of SNS.
        return kind_of(message["Message"], watched)
    if message.get("Event") == "s3:TestEvent":
        return "test"
    return "ours" if any(watched.holds(*item) for item in _objects(message)) else "foreign"


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
        return [(str(bucket), unquote_plus(key) if encoded else str(key))]
    except (KeyError, TypeError):
        return []
