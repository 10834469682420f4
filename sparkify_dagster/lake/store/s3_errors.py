"""What S3 answered, said for the person who reads it.

What belongs here: from an error code or an exception of botocore or obstore to words with a next
step, and whether it ends one object or the whole lake.
"""

from __future__ import annotations

import re
from typing import Any

from botocore import exceptions

from sparkify_dagster.core.aws import AwsAccess, AwsError, reason_of_code
from sparkify_dagster.core.text import in_a_line
from sparkify_dagster.lake.errors import LakeError

_DENIED = {"AccessDenied", "403", "Forbidden", "AllAccessDisabled", "UnauthorizedAccess"}
_BUSY = {"SlowDown", "503", "ServiceUnavailable", "RequestLimitExceeded", "500", "InternalError"}
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "301", "TemporaryRedirect"}
_CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict"}
_CODE = re.compile(
    r"status code: (\d{3})[^:]*:(?:.*?<Code>([A-Za-z0-9.]{1,60})</Code>)?", re.DOTALL
)

_REDIRECT = "Received redirect without LOCATION"
_OF_ONE_ANSWER = (
    exceptions.IncompleteReadError,
    exceptions.ResponseStreamingError,
    exceptions.ReadTimeoutError,
    exceptions.ConnectionClosedError,
)

CHANGED = "changed while it was read; load it again"
_OF_OBJECT = {
    "NoSuchKey": "vanished after it was listed; load again",
    "404": "vanished after it was listed; load again",
    "InvalidObjectState": "is archived (Glacier) and must be restored before it can be read",
    "KMS.DisabledException": "the KMS key it is encrypted with is disabled; enable the key",
}


def code_of(error: Exception) -> str:
    """The error code of an answer: S3's own, else the HTTP status, else blank."""
    if isinstance(error, exceptions.ClientError):
        return in_a_line(error.response.get("Error", {}).get("Code", ""), 60)
    found = _CODE.search(str(error).partition("Debug source:")[0])
    return (found[2] or found[1]) if found else ""


def object_reason(error: Exception, attempts: int) -> str:
    """Why one object could not be read, and what to do."""
    code = code_of(error)
    if code in _CHANGED:
        return CHANGED
    if code in _DENIED:
        return (
            "access denied; let this account s3:GetObject it, and kms:Decrypt with its key where "
            "it is encrypted with one"
        )
    if code in _BUSY:
        return f"S3 was too busy ({code}) in {attempts} tries; load again"
    if code:
        return _OF_OBJECT.get(code, f"S3 answered {code}; load again")
    return f"was cut short or did not come in {attempts} tries; load again"


def is_of_the_lake(error: Exception) -> bool:
    """Whether an error, met at one object, would end every other, too."""
    if isinstance(error, AwsError):
        return True
    code = code_of(error)
    if code:
        return code in _ELSEWHERE or code == "NoSuchBucket" or bool(reason_of_code(code))
    if isinstance(error, exceptions.BotoCoreError):
        return not isinstance(error, _OF_ONE_ANSWER)
    text = str(error)
    return "kind: Connect," in text or _REDIRECT in text or is_of_credentials(error)


def is_of_credentials(error: Exception) -> bool:
    """Whether obstore was given no credentials."""
    return "External AWS credential provider" in str(error)


def lake_error(
    error: Exception, where: str, setting: str, access: AwsAccess, permission: str
) -> LakeError:
    """What to say of a place that cannot be used.

    Args:
        where: Its URI.
        setting: The setting that names it.
        permission: What this account needs to be allowed, such as `s3:ListBucket`.
    """
    blame = access.reason(error) or reason_of_code(code_of(error))
    if blame:
        return LakeError(f"{where} ({setting}): AWS: {blame}")
    return LakeError(f"{where} ({setting}): {_of_place(error, setting, access, permission)}")


def _of_place(error: Exception, setting: str, access: AwsAccess, permission: str) -> str:
    code = code_of(error)
    if code == "NoSuchBucket":
        if "STAGING" in setting:
            return f"no such bucket. Set {setting} to a prefix that you may write to."
        return f"no such bucket. Set {setting} to where the data lies."
    if code in ("NoSuchKey", "404"):
        return f"not there. Set {setting} to where it lies."
    if code in _DENIED:
        return f"access denied. Let this account {permission} it, or set another [AWS] PROFILE."
    if code in _ELSEWHERE or _REDIRECT in str(error):
        return _elsewhere(error, access)
    if code in _BUSY:
        return (
            f"S3 was too busy ({code}) in {access.max_attempts} tries. Load again later, or raise "
            "[AWS] MAX_ATTEMPTS."
        )
    if "kind: Connect," in str(error):
        where = access.endpoint_url or "AWS"
        return f"{where} cannot be reached. Check the network and [AWS] ENDPOINT_URL and REGION."
    text = in_a_line(str(error).partition("Debug source:")[0])
    return f"{text}. Check {setting}, or load again."


def _elsewhere(error: Exception, access: AwsAccess) -> str:
    region = region_in(getattr(error, "response", {}))
    if not region:
        return "the bucket is in another region. Set [AWS] REGION to the bucket's."
    now = f", not in {access.region}" if access.region else ""
    return f"the bucket is in {region}{now}. Set [AWS] REGION to {region}."


def region_in(response: Any) -> str:
    """The bucket's region where an answer, or an error's answer, names it; else blank."""
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    named = response.get("Error", {}).get("Region", "")
    return str(response.get("BucketRegion") or headers.get("x-amz-bucket-region") or named)
