"""A prefix of an S3 bucket as an object store.

Tokens are ETags: other bytes, another ETag. Times are never looked at. What belongs here: the store
and its one-object twin for the JSONPaths document. How pages are listed, objects fetched and errors
worded is said in `s3_list`, `s3_read` and `s3_errors`, what a client counts in `s3_client`.

It imports boto3 and obstore, so it is imported only where a lake lies in S3.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import BaseError
from obstore.store import S3Store as RustStore

from sparkify_dagster.core.aws import AwsAccess, AwsError, answering
from sparkify_dagster.core.local_files import LARGEST
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import LakeError, ObjectError
from sparkify_dagster.lake.objects import (
    DATA_ENDINGS,
    Aside,
    LakeObject,
    Objects,
    is_data_key,
    is_ignored,
    line_of,
)
from sparkify_dagster.lake.store import s3_read
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, NO_MEMORY, Bounds, unpacked
from sparkify_dagster.lake.store.s3_client import read_pages_of, watch
from sparkify_dagster.lake.store.s3_errors import (
    CHANGED,
    code_of,
    is_of_credentials,
    is_of_the_lake,
    lake_error,
    object_reason,
    region_in,
)
from sparkify_dagster.lake.store.s3_list import Page, list_all

LISTING_THREADS = 8  # More would only wait for one another: reading an answer is Python's work.
_LIST = "s3:ListBucket"
_GET = "s3:GetObject"
_ERRORS = (BaseError, BotoCoreError, ClientError, OSError, AwsError, ValueError)


class S3Store:
    """The objects below one prefix of a bucket.

    Args:
        uri: `s3://bucket/prefix` or `s3://bucket`; a prefix is a folder, with or without its `/`.
        setting: The setting that names it, for messages.
        meter: Counts what is asked of S3; requests that obstore tries again count once.
        client: Makes a boto3 client for this store alone; else `access` does.
        concurrency: Objects that are asked for at the same time.
        endings: What the keys of data end in, as `endings_of` tells them.
    """

    def __init__(
        self,
        uri: str,
        setting: str,
        access: AwsAccess,
        *,
        meter: Meter | None = None,
        client: Callable[[], Any] | None = None,
        concurrency: int = 64,
        endings: tuple[str, ...] = DATA_ENDINGS,
    ) -> None:
        self.bucket, path = split_uri(uri)
        self.prefix = path.removesuffix("/")
        self._below = f"{self.prefix}/" if path else ""
        self._setting = setting
        self._access = access
        self._meter = meter or Meter()
        self._make_client = client or (lambda: access.client("s3"))
        self._concurrency = concurrency
        self._endings = endings
        self._lock = threading.RLock()
        self._client: Any = None
        self._rust: RustStore | None = None
        self._region = ""

    @property
    def location(self) -> str:
        """The prefix's URI, without a `/` at its end."""
        return f"s3://{self.bucket}/{self.prefix}" if self._below else f"s3://{self.bucket}"

    def uri_of(self, key: str) -> str:
        """The `s3://` URI of an object below the prefix, nothing encoded, as COPY wants it."""
        return f"s3://{self.bucket}/{self._below}{key}"

    def region(self) -> str:
        """The bucket's region, asked for once.

        Raises:
            LakeError: AWS does not tell, as there is no such bucket or no such account.
        """
        with self._lock:
            if not self._region:
                self._region = self._asked_region()
            return self._region

    def list_objects(self) -> Objects:
        """All data objects below the prefix, by key. Below no prefix there are none.

        Raises:
            LakeError: A page cannot be listed.
        """
        client = self._boto()
        threads = min(LISTING_THREADS, client.meta.config.max_pool_connections)
        try:
            found = list_all(self._page, self._below, threads)
        except _ERRORS as error:
            raise self._lake_error(error, _LIST) from None
        cut = len(self._below)
        lines: list[str] = []
        others: list[str] = []
        last = ""
        for whole, size, etag in found:
            if whole <= last or not whole.startswith(self._below):
                strange = ValueError(f"a listing that names {whole} twice, or out of its place")
                raise self._lake_error(strange, _LIST)
            last, key = whole, whole[cut:]
            if is_data_key(key, self._endings):
                lines.append(line_of(key, size, etag))
            elif not is_ignored(key):
                others.append(key)
        return Objects(lines, Aside(len(others), others[0] if others else ""))

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The bytes of each object, unpacked, or why they could not be read whole.

        Raises:
            LakeError: Nothing more can be read: no credentials, no bucket, no network.
        """
        fetch = partial(self._fetch, bounds=bounds)
        for item, data in s3_read.in_order(objects, fetch, self._concurrency):
            try:
                if not isinstance(data, ObjectError):
                    data = unpacked(item.key, data, bounds)
                yield item, data
            except ObjectError as error:
                yield item, error

    def changed(self, objects: Iterable[LakeObject]) -> list[str]:
        """Keys of objects that are no longer as they were listed, or that nobody can vouch for.

        Raises:
            LakeError: Nothing can be asked: no credentials, no bucket, no network.
        """
        told = s3_read.in_order(objects, self._is_changed, self._concurrency)
        return [item.key for item, changed in told if changed]

    def _page(
        self, prefix: str, *, after: str = "", token: str = "", folders: bool = False
    ) -> Page:
        """One request of a listing."""
        more = {
            "StartAfter": after,
            "ContinuationToken": token,
            "Delimiter": "/" if folders else "",
        }
        response = self._boto().list_objects_v2(
            Bucket=self.bucket, Prefix=prefix, **{name: text for name, text in more.items() if text}
        )
        self._region = self._region or region_in(response)
        page: Page = response["Page"]
        return page

    def _fetch(self, item: LakeObject, bounds: Bounds) -> bytes | ObjectError:
        try:
            bounds.check_size(item.key, item.size)
            data = self._bytes(item)
        except MemoryError:
            return ObjectError(item.key, NO_MEMORY)
        except ObjectError as error:
            return error
        except _ERRORS as error:
            if is_of_the_lake(error):
                raise self._lake_error(error, _GET) from None
            return ObjectError(item.key, object_reason(error, self._access.max_attempts))
        if len(data) != item.size:
            return ObjectError(item.key, CHANGED)
        return data

    def _bytes(self, item: LakeObject) -> bytes:
        key = self._below + item.key
        if s3_read.has_path(key):
            rust = self._rust or self._obstore()  # Asked tens of thousands of times.
            self._meter.add("GET")
            data = s3_read.get(rust, key, item.token, item.size)
        else:
            data = self._boto_get(key, item.token)["Body"].read(item.size + 1)
        self._meter.add("bytes_read", len(data))
        return data

    def _is_changed(self, item: LakeObject) -> bool:
        try:
            return self._head(self._below + item.key) != (item.size, item.token)
        except _ERRORS as error:
            if code_of(error) == "404":
                return True
        # The answer to a HEAD has no words. The one to a GET says whether it is the lake's fault.
        try:
            self._boto_get(self._below + item.key, item.token)["Body"].close()
        except _ERRORS as error:
            if is_of_the_lake(error):
                raise self._lake_error(error, _GET) from None
        return True

    def _head(self, key: str) -> tuple[int, str]:
        if s3_read.has_path(key):
            rust = self._rust or self._obstore()  # Asked tens of thousands of times.
            self._meter.add("HEAD")
            return s3_read.head(rust, key)
        told = self._boto().head_object(Bucket=self.bucket, Key=key)
        return told["ContentLength"], told["ETag"].strip('"')

    def _boto_get(self, key: str, etag: str) -> Any:
        return self._boto().get_object(Bucket=self.bucket, Key=key, IfMatch=f'"{etag}"')

    def _boto(self) -> Any:
        with self._lock:
            if self._client is None:
                try:
                    client = answering(self._make_client())
                except _ERRORS as error:
                    raise self._lake_error(error, _LIST) from None
                watch(client, self._meter)
                read_pages_of(client)
                self._client = client
            return self._client

    def _obstore(self) -> RustStore:
        with self._lock:
            if self._rust is None:
                self._access.credentials()  # Says better than obstore why there are none.
                endpoint = self._boto().meta.endpoint_url
                region = self.region()
                if region != self._boto().meta.region_name:
                    endpoint = self._access.client("s3", region).meta.endpoint_url
                self._rust = s3_read.rust_store(self.bucket, region, endpoint, self._access)
            return self._rust

    def _asked_region(self) -> str:
        client = self._boto()
        try:
            return region_in(client.head_bucket(Bucket=self.bucket)) or client.meta.region_name
        except ClientError as error:
            if region := region_in(error.response):  # Told even to those it denies.
                return region
            raise self._lake_error(_no_bucket(error), _LIST) from None
        except _ERRORS as error:
            raise self._lake_error(error, _LIST) from None

    def _lake_error(self, error: Exception, permission: str) -> LakeError:
        if is_of_credentials(error):
            try:
                self._access.credentials()
            except AwsError as reason:
                error = reason
        return lake_error(error, self.location, self._setting, self._access, permission)


def read_document(
    uri: str, setting: str, access: AwsAccess, meter: Meter | None = None, most: int = LARGEST
) -> bytes:
    """The bytes of one object that a setting names.

    Raises:
        LakeError: It is not there or cannot be read; says what to do.
    """
    bucket, key = split_uri(uri)
    meter = meter or Meter()
    try:
        client = access.client("s3")
        watch(client, meter)
        data: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read(most + 1)
    except _ERRORS as error:
        raise lake_error(error, uri, setting, access, _GET) from None
    if len(data) > most:
        raise LakeError(f"{uri} ({setting}): has more than {most:,} bytes. Name another object.")
    meter.add("bytes_read", len(data))
    return data


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and path of an `s3://` URI; the path as it stands, blank for the whole bucket."""
    bucket, _, path = uri.removeprefix("s3://").partition("/")
    return bucket, path


def _no_bucket(error: ClientError) -> ClientError:
    """HeadBucket answers without words: its 404 is a bucket that is not there."""
    if code_of(error) != "404":
        return error
    return ClientError({"Error": {"Code": "NoSuchBucket"}}, "HeadBucket")
