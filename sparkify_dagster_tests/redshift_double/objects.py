"""What COPY reads from S3 and UNLOAD writes there, and what they say when they cannot.

What belongs here: roles, regions, manifests, prefixes, objects. The wording of errors follows
Redshift's as far as it is known; each names the object.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

CLUSTER_REGION = "us-west-2"
ROLE = "arn:aws:iam::123456789012:role/copy"
_READERS = 8
_AHEAD = 32


class S3Failed(Exception):
    """COPY cannot read what it was told to; says which object and why."""


class Missing(S3Failed):
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class Source:
    """An object COPY is to read.

    Attributes:
        mandatory: Whether it must be there.
    """

    uri: str
    mandatory: bool = True


@dataclass
class S3:
    """S3 as the cluster's role sees it.

    Attributes:
        denied: Objects the role may not read, and prefixes below which it may not write.
    """

    endpoint: str
    denied: set[str] = field(default_factory=set)
    _client: Any = None
    _regions: dict[str, str] = field(default_factory=dict)

    def connect(self) -> None:
        """Makes the client, which takes a moment the first time."""
        import boto3
        from botocore.config import Config

        self._client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=CLUSTER_REGION,
            aws_access_key_id="double",
            aws_secret_access_key="double",
            config=Config(
                s3={"addressing_style": "path"},
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": 3},
                max_pool_connections=2 * _READERS,
            ),
        )

    def read(self, uri: str) -> bytes:
        """The bytes of an object.

        Raises:
            S3Failed: There is none, or it may not be read.
        """
        if uri in self.denied:
            raise S3Failed(_service_exception("Access Denied", 403, "AccessDenied", uri))
        bucket, key = _parted(uri)
        return bytes(
            self._call(uri, lambda s3: s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        )

    def write(self, uri: str, data: bytes) -> None:
        """Writes an object.

        Raises:
            S3Failed: It may not be written.
        """
        if any(uri.startswith(prefix) for prefix in self.denied):
            raise S3Failed(_service_exception("Access Denied", 403, "AccessDenied", uri))
        bucket, key = _parted(uri)
        self._call(uri, lambda s3: s3.put_object(Bucket=bucket, Key=key, Body=data))

    def check_region(self, uri: str, region: str | None) -> None:
        """Holds the region a COPY names, or else the cluster's own, against the bucket's."""
        bucket, _ = _parted(uri)
        if bucket not in self._regions:
            said = self._call(uri, lambda s3: s3.get_bucket_location(Bucket=bucket))
            self._regions[bucket] = said.get("LocationConstraint") or "us-east-1"
        found = self._regions[bucket]
        if found != (region or CLUSTER_REGION):
            raise S3Failed(
                _service_exception(
                    "The S3 bucket addressed by the query is in a different region from this "
                    f"cluster; the bucket is in this region: {found}.",
                    301, "PermanentRedirect", uri,
                )
            )  # fmt: skip

    def under(self, prefix: str) -> list[str]:
        """The objects whose names begin so: all of them, whatever they hold."""
        bucket, key = _parted(prefix)

        def keys(s3: Any) -> list[str]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
            return [item["Key"] for page in pages for item in page.get("Contents", ())]

        return [f"s3://{bucket}/{key}" for key in self._call(prefix, keys)]

    def _call(self, uri: str, ask: Callable[[Any], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask(self._client)
        except ClientError as error:
            said, status = error.response["Error"], error.response["ResponseMetadata"]
            failed = Missing if said["Code"] == "NoSuchKey" else S3Failed
            raise failed(
                _service_exception(
                    said.get("Message", ""), status.get("HTTPStatusCode", 0), said["Code"], uri
                )
            ) from error
        except BotoCoreError as error:
            raise S3Failed(_service_exception(str(error), 500, "InternalError", uri)) from error


def check_roles(roles: Sequence[str], user: str) -> None:
    """Whether the cluster may assume the roles of the chain.

    Raises:
        S3Failed: Not each of them.
    """
    for role in roles:
        if role not in (ROLE, "default"):
            raise S3Failed(
                f"User arn:aws:redshift:{CLUSTER_REGION}:123456789012:dbuser:double/{user} "
                f"is not authorized to assume IAM Role {role}"
            )


def sources(s3: S3, uri: str, *, manifest: bool) -> list[Source]:
    """The objects a COPY is to read, in order.

    Raises:
        S3Failed: There is none.
    """
    found = _of_manifest(s3, uri) if manifest else [Source(each) for each in s3.under(uri)]
    if not found:
        raise nothing_found(uri)
    return found


def nothing_found(uri: str) -> S3Failed:
    """The error for a prefix or a manifest that leads to no object."""
    return S3Failed(f"The specified S3 prefix '{_parted(uri)[1]}' does not exist ({uri})")


def _of_manifest(s3: S3, uri: str) -> list[Source]:
    try:
        data = s3.read(uri)
    except S3Failed as error:
        raise S3Failed(f"Problem reading manifest file {uri} - {error}") from error
    try:
        entries = json.loads(data.decode())["entries"]
        return [Source(str(e["url"]), bool(e.get("mandatory", False))) for e in entries]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise S3Failed(f"Manifest file {uri} is not in correct json format") from error


def read_ahead(
    s3: S3, found: Sequence[Source], *, packed: bool
) -> Iterator[tuple[Source, Future[bytes | None]]]:
    """The data of objects, in order, a few of them read before they are asked for.

    Data is None where an object is missing that may be.
    """
    pool = ThreadPoolExecutor(_READERS, thread_name_prefix="s3")
    try:
        waiting: deque[tuple[Source, Future[bytes | None]]] = deque()
        for source in found:
            waiting.append((source, pool.submit(_plain, s3, source, packed)))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _plain(s3: S3, source: Source, packed: bool) -> bytes | None:
    try:
        data = s3.read(source.uri)
    except Missing:
        if source.mandatory:
            raise
        return None
    if not packed:
        return data
    try:
        return gzip.decompress(data)  # all members; an end that is missing is an error
    except (OSError, EOFError, zlib.error) as error:
        raise S3Failed(f"gzip: {error} in file {source.uri}") from error


def _parted(uri: str) -> tuple[str, str]:
    if not uri.startswith("s3://"):
        raise S3Failed(f"{uri!r} is not an S3 path")
    bucket, _, key = uri[5:].partition("/")
    return bucket, key


def _service_exception(message: str, status: int, code: str, uri: str) -> str:
    return (
        f"S3ServiceException:{message},Status {status},Error {code},Rid 0,ExtRid 0,CanRetry 1 "
        f"({uri})"
    )
