"""Asking AWS, and what to say when it refuses.

What belongs here: one call at a time. What is asked in which order is `stack`'s and `beside`'s.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sparkify_dagster.cluster.template import ClusterError
from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.core.text import in_a_line

_DENIED = ("AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden")


class Refused(ClusterError):
    """AWS answered with an error.

    Attributes:
        code: Its code, such as `ResourceNotFoundException`.
        said: AWS's own words.
    """

    def __init__(self, message: str, code: str, said: str) -> None:
        super().__init__(message)
        self.code = code
        self.said = said


class Cloud:
    """An account in a region."""

    def __init__(self, access: AwsAccess) -> None:
        self._access = access
        self._client = cache(access.client)

    @property
    def region(self) -> str:
        """The region that is asked."""
        return str(self._client("cloudformation").meta.region_name)

    def ask(self, service: str, operation: str, **words: Any) -> dict[str, Any]:
        """The answer to one request.

        Raises:
            Refused: AWS answered with an error, or not at all.
        """
        try:
            answer: dict[str, Any] = getattr(self._client(service), operation)(**words)
            return answer
        except ClientError as error:
            told = error.response.get("Error", {})
            code, said = in_a_line(told.get("Code", ""), 60), in_a_line(told.get("Message", ""))
            raise Refused(self._words(error, code, said), code, said) from None
        except BotoCoreError as error:
            raise Refused(str(self._access.error(error)), "", in_a_line(error)) from None

    def _words(self, error: ClientError, code: str, said: str) -> str:
        if reason := self._access.reason(error):
            return f"AWS: {reason}"
        step = ""
        if any(word in code for word in _DENIED):
            step = f" Let your account do that ({error.operation_name}), or take another profile."
        return f"AWS: {code} {said.rstrip('.')}.{step}"
