"""Changing a document that people keep, in a folder or in S3, so that two at once lose nothing.

What belongs here: reading it, having it changed, writing it whole if nobody wrote it meanwhile.
What it says is `lake.documents`'.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sparkify_dagster.core.local_files import read_bounded, replacing
from sparkify_dagster.lake.errors import LakeError

if TYPE_CHECKING:
    from sparkify_dagster.core.aws import AwsAccess

Amend = Callable[[bytes | None], bytes | None]
"""From a document, None if it is not there, to what it is to be; None if it is that already."""
LONGEST = 512_000_000
"""Bytes that such a document may have."""
_TRIES = 30
_MOMENT = 0.05
_LOST_RACES = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_GONE = {"NoSuchKey", "404"}


def amend_file(place: str, amend: Amend) -> None:
    """Replaces a file by what it is to be; it is never seen half-written.

    Raises:
        LakeError: It cannot be read or written.
    """
    path = Path(os.path.realpath(place))  # What a link leads to is written, not the link.
    try:
        while not _amended(path, amend):
            pass  # Somebody replaced it while we waited for our turn.
    except OSError as error:
        raise LakeError(
            f"{place}: cannot be written ({error.strerror}). Its folder and the file must be "
            "yours to write."
        ) from None


def _amended(path: Path, amend: Amend) -> bool:
    """Whether it was still the document when its lock was ours."""
    new = None if path.exists() else amend(None)
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | (0 if new is None else os.O_CREAT)
    handle = os.open(path, flags, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        held = os.fstat(handle)
        if not path.exists() or not os.path.samestat(held, path.stat()):
            return False
        text = amend(read_bounded(path, LONGEST))
        if text is not None:
            with replacing(path) as beside:
                _write(beside, text, held)
    finally:
        os.close(handle)
    return True


def _write(path: Path, text: bytes, like: os.stat_result) -> None:
    """Writes it to the disk, for whoever could read the file before."""
    with path.open("xb") as file:
        file.write(text)
        file.flush()
        try:
            os.fchown(file.fileno(), -1, like.st_gid)
            os.fchown(file.fileno(), like.st_uid, -1)
        except PermissionError:
            pass  # Only root gives files away.
        os.fchmod(file.fileno(), like.st_mode & 0o777)
        os.fsync(file.fileno())


def amend_object(place: str, setting: str, access: AwsAccess, amend: Amend) -> None:
    """Puts an object as it is to be, under the condition that it is still as it was read.

    Raises:
        LakeError: It cannot be read or written; or others are always faster.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from sparkify_dagster.core.aws import AwsError
    from sparkify_dagster.lake.store.s3 import split_uri
    from sparkify_dagster.lake.store.s3_errors import code_of, lake_error

    bucket, key = split_uri(place)
    needed = "s3:GetObject"
    try:
        client = access.client("s3")
        for _ in range(_TRIES):
            data, condition = None, {"IfNoneMatch": "*"}
            needed = "s3:GetObject"
            try:
                found = client.get_object(Bucket=bucket, Key=key)
                data, condition = found["Body"].read(LONGEST + 1), {"IfMatch": found["ETag"]}
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
            if len(data or b"") > LONGEST:
                raise LakeError(f"{place} ({setting}): has more than {LONGEST:,} bytes.")
            if (text := amend(data)) is None:
                return
            needed = "s3:PutObject"
            try:
                client.put_object(Bucket=bucket, Key=key, Body=text, **condition)
                return
            except ClientError as error:
                if code_of(error) not in _LOST_RACES | _GONE:
                    raise
            time.sleep(_MOMENT * random.uniform(0.5, 2))
    except (BotoCoreError, ClientError, OSError, AwsError) as error:
        raise lake_error(error, place, setting, access, needed) from None
    raise LakeError(f"{place} ({setting}): others wrote it {_TRIES} times meanwhile; try again.")
