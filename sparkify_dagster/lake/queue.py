"""An SQS queue into which S3 puts what happens in the lake's buckets.

What belongs here: receiving and deleting messages. What they mean is `events`'. It imports boto3,
so it is imported only where the settings name a queue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sparkify_dagster.core.aws import AwsAccess, AwsError
from sparkify_dagster.core.text import in_a_line
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.notifications import Message, Notified, Watched, told_by

SETTING = "[S3] QUEUE"
_AT_ONCE = 10
_MESSAGES_AT_ONCE = 200
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.")
_ERRORS = (BotoCoreError, ClientError, AwsError)


class EventQueue:
    """A queue by its URL."""

    def __init__(self, url: str, access: AwsAccess) -> None:
        self._url = url
        self._access = access

    def told(self, watched: Watched, dealt: Sequence[str]) -> Notified:
        """What waits in the queue comes down to, for a lake.

        Args:
            dealt: Receipts of what was told before and is remembered by now: it is deleted first.

        Raises:
            LakeError: There is no such queue, or this account may not use it.
        """
        self.delete(dealt)
        return told_by(self.receive(), watched)

    def receive(self, most: int = _MESSAGES_AT_ONCE) -> list[Message]:
        """Messages that wait, a bounded number; they stay in the queue, unseen by others a while.

        Raises:
            LakeError: There is no such queue, or this account may not read it.
        """
        found: list[Message] = []
        while len(found) < most:
            before = len(found)
            told = self._ask("receive_message", "sqs:ReceiveMessage", MaxNumberOfMessages=_AT_ONCE)
            batch = told.get("Messages", ())
            found += [
                Message(item["ReceiptHandle"], str(item.get("Body", "")))
                for item in batch
                if item and "ReceiptHandle" in item
            ]
            if not batch or len(found) == before:
                break
        return found

    def delete(self, receipts: Sequence[str]) -> None:
        """Deletes messages. One whose receipt has lapsed comes again, which does no harm.

        Raises:
            LakeError: There is no such queue, or this account may not delete from it.
        """
        for first in range(0, len(receipts), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt}
                for number, receipt in enumerate(receipts[first : first + _AT_ONCE])
            ]
            self._ask("delete_message_batch", "sqs:DeleteMessage", Entries=entries)

    def _ask(self, operation: str, permission: str, **more: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(QueueUrl=self._url, **more)
        except _ERRORS as error:
            raise LakeError(self._said(error, permission)) from None
        return answer

    @cached_property
    def _client(self) -> Any:
        region = _REGION.match(self._url)
        return self._access.client("sqs", region[1] if region else "")

    def _said(self, error: Exception, permission: str) -> str:
        code = str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else ""
        if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
            return f"{self._url} ({SETTING}): no such queue. Mend its URL, or blank it."
        if "AccessDenied" in code:
            return f"{self._url} ({SETTING}): access denied. Let this account {permission}."
        reason = self._access.reason(error) or in_a_line(error)
        return f"{self._url} ({SETTING}): AWS: {reason}"
