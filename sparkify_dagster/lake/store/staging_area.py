"""Where files for Redshift's COPY and of its UNLOAD are: gone again after the load or the export.

What belongs here: writing, reading, deleting, and sweeping up what loads that died left behind.
What the files say is the warehouse's affair. It imports boto3, so it is imported only for Redshift.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from sparkify_dagster.core.aws import AwsAccess, AwsError
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.store.s3 import S3Store, split_uri
from sparkify_dagster.lake.store.s3_client import watch
from sparkify_dagster.lake.store.s3_errors import lake_error

SETTING = "[S3] STAGING"
PART_BYTES = 16 << 20
_BATCH = 1000
_OURS = re.compile(r"[0-9a-f]{12}/[0-9a-f]{32}\.(manifest|jsonpaths|json\.gz|\d+\.parquet)")
"""Names of our files. Nothing else is ever swept up, wherever the area was laid by mistake."""

_ERRORS = (Boto3Error, BotoCoreError, ClientError, OSError, AwsError)
_LOG = logging.getLogger(__name__)


class StagingArea:
    """Files below one prefix of a bucket, which nothing else may use.

    Args:
        uri: `s3://bucket/prefix`.

    Raises:
        LakeError: It names a whole bucket, whose objects must not be swept up.
    """

    def __init__(self, uri: str, access: AwsAccess, meter: Meter) -> None:
        self._bucket, path = split_uri(uri)
        self._below = path.removesuffix("/") + "/"
        if self._below == "/":
            raise LakeError(
                f"{uri} ({SETTING}): a whole bucket; what is old below it gets deleted. Give it a "
                "prefix of its own, such as s3://bucket/_sparkify_staging."
            )
        self._access = access
        self._meter = meter
        self._store = S3Store(uri, SETTING, access, meter=meter)

    @property
    def location(self) -> str:
        """The prefix's URI, without a `/` at its end."""
        return self._store.location

    def region(self) -> str:
        """The bucket's region, asked for once.

        Raises:
            LakeError: There is no such bucket, or no such account.
        """
        return self._store.region()

    def put(self, name: str, data: bytes) -> str:
        """Writes a file whole; the same name again is the same file again.

        Returns:
            Its `s3://` URI.

        Raises:
            LakeError: It cannot be written.
        """
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._below + name, Body=data)
        except _ERRORS as error:
            raise self._error(error, "s3:PutObject") from None
        self._meter.add("bytes_written", len(data))
        return self.uri_of(name)

    def put_file(self, name: str, path: Path) -> str:
        """Writes a local file, in parts where it is large.

        Returns:
            Its `s3://` URI.

        Raises:
            LakeError: It cannot be written.
        """
        parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
        with path.open("rb") as file:
            try:
                self._client.upload_fileobj(file, self._bucket, self._below + name, Config=parts)
            except _ERRORS as error:
                raise self._error(error, "s3:PutObject") from None
        self._meter.add("bytes_written", path.stat().st_size)
        return self.uri_of(name)

    def get_file(self, uri: str, path: Path) -> Path:
        """Reads a file of this area into a local one.

        Raises:
            LakeError: It cannot be read.
        """
        key = uri.removeprefix(f"s3://{self._bucket}/")
        try:
            self._client.download_file(self._bucket, key, str(path))
        except _ERRORS as error:
            raise self._error(error, "s3:GetObject") from None
        self._meter.add("bytes_read", path.stat().st_size)
        return path

    def uri_of(self, name: str) -> str:
        """The `s3://` URI of a file of that name."""
        return self._store.uri_of(name)

    def delete(self, uris: Iterable[str]) -> list[str]:
        """Removes files of this area. What cannot be removed is swept up another time.

        Returns:
            The URIs that may still be there, also said in a warning of the log. Never raises for
            what S3 answers; nothing outside the area is touched.
        """
        base = f"s3://{self._bucket}/"
        wanted = list(dict.fromkeys(uris))
        ours = [uri for uri in wanted if uri.startswith(base + self._below)]
        left = [uri for uri in wanted if not uri.startswith(base + self._below)]
        reason = "not in this area" if left else ""
        for first in range(0, len(ours), _BATCH):
            batch = ours[first : first + _BATCH]
            try:
                left += [base + key for key in self._delete([u[len(base) :] for u in batch])]
            except _ERRORS as error:
                left += batch
                reason = str(self._error(error, "s3:DeleteObject"))
        if left:
            _LOG.warning(
                "%s: %d files could not be removed, such as %s. %s",
                self.location,
                len(left),
                left[0],
                reason or "Let this account s3:DeleteObject them.",
            )
        return left

    def sweep(self, older_than: timedelta) -> int:
        """Removes what loads that died left here: files, and uploads that were never finished.

        Args:
            older_than: Age from which a file belongs to no load any more, by S3's own clock.

        Returns:
            How many were removed.

        Raises:
            LakeError: The area cannot be listed.
        """
        try:
            old = list(self._old_files(older_than))
            ended = sum(self._end_upload(item) for item in self._old_uploads(older_than))
        except _ERRORS as error:
            raise self._error(error, "s3:ListBucket") from None
        return len(old) - len(self.delete(old)) + ended

    def _delete(self, keys: list[str]) -> list[str]:
        """Removes up to a thousand keys; those that S3 would not remove."""
        told = self._client.delete_objects(
            Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        return [item["Key"] for item in told.get("Errors", ())]

    def _old_files(self, older_than: timedelta) -> Iterator[str]:
        for page in self._pages("list_objects_v2"):
            limit = _now(page) - older_than
            for item in page.get("Contents", ()):
                if self._is_ours(item["Key"]) and item["LastModified"] < limit:
                    yield f"s3://{self._bucket}/{item['Key']}"

    def _old_uploads(self, older_than: timedelta) -> Iterator[dict[str, Any]]:
        for page in self._pages("list_multipart_uploads"):
            limit = _now(page) - older_than
            for item in page.get("Uploads", ()):
                if self._is_ours(item["Key"]) and item["Initiated"] < limit:
                    yield item

    def _is_ours(self, key: str) -> bool:
        return bool(_OURS.fullmatch(key.removeprefix(self._below)))

    def _end_upload(self, item: dict[str, Any]) -> int:
        try:
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=item["Key"], UploadId=item["UploadId"]
            )
        except _ERRORS as error:
            _LOG.warning("%s", self._error(error, "s3:AbortMultipartUpload"))
            return 0
        return 1

    def _pages(self, operation: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator(operation)
        yield from pages.paginate(Bucket=self._bucket, Prefix=self._below)

    @cached_property
    def _client(self) -> Any:
        client = self._access.client("s3")
        watch(client, self._meter)
        return client

    def _error(self, error: Exception, permission: str) -> LakeError:
        return lake_error(error, self.location, SETTING, self._access, permission)


def _now(response: dict[str, Any]) -> datetime:
    """S3's own time, as its answer tells it: this machine's clock may be wrong."""
    told = response["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)
