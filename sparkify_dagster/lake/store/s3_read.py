"""Reading many objects at once, in the order asked for, with no more than a few chunks in memory.

The requests are obstore's (Rust, without Python's lock); a key it has no path for is boto3's. Both
ask with `If-Match`, so what was overwritten since it was listed is never taken for what was listed.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Generic, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as RustStore

from sparkify_dagster.core.aws import CONNECT_TIMEOUT, READ_TIMEOUT, USER_AGENT, AwsAccess
from sparkify_dagster.lake.objects import LakeObject

if TYPE_CHECKING:
    from obstore.store import S3Credential

_T = TypeVar("_T")

CHUNK_BYTES = 32 << 20
CHUNK_OBJECTS = 4096
_CHUNKS = 2
_WHOLE_OBJECT = timedelta(hours=1)
_CREDENTIALS_KEPT = timedelta(minutes=10)
_NO_PATH = re.compile(r"[\x00-\x1f\x7f]|(?:^|/)\.{0,2}(?:/|$)")
"""Control characters and parts that are empty, `.` or `..`: obstore refuses or mends them."""


def has_path(key: str) -> bool:
    """Whether obstore asks for exactly this key."""
    return not _NO_PATH.search(key)


def rust_store(bucket: str, region: str, endpoint: str, access: AwsAccess) -> RustStore:
    """The Rust client for a bucket, with our credentials, tries and timeouts.

    Args:
        endpoint: Address of S3 in that region, without the bucket.
    """

    def credentials() -> S3Credential:
        keys = access.credentials()
        return {
            "access_key_id": keys.access_key or "",
            "secret_access_key": keys.secret_key or "",
            "token": keys.token,
            "expires_at": datetime.now(UTC) + _CREDENTIALS_KEPT,
        }

    return RustStore(
        bucket,
        region=region,
        endpoint=endpoint,
        # What obstore would otherwise read from the environment on its own.
        aws_endpoint_url_s3=endpoint,
        skip_signature=False,
        s3_express=False,
        virtual_hosted_style_request=False,
        credential_provider=credentials,
        client_options={
            "allow_http": endpoint.startswith("http:"),
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT),
            "read_timeout": timedelta(seconds=READ_TIMEOUT),
            "timeout": _WHOLE_OBJECT,
            "user_agent": USER_AGENT,
        },
        retry_config={"max_retries": max(access.max_attempts - 1, 0)},
    )


def get(store: RustStore, key: str, etag: str, size: int) -> bytes:
    """The bytes of an object that still has this ETag; of another one, none of them, or too many.

    Raises obstore's errors. It takes as much memory as an answer says it has bytes, and ends the
    process where there is less.
    """
    try:
        answer = obstore.get(store, key, options={"if_match": f'"{etag}"'})
        meta = answer.meta
        is_asked = meta["size"] == size and (meta["e_tag"] or etag).strip('"') == etag
        return bytes(answer.bytes()) if is_asked else bytes(size == 0)
    except BaseError as error:
        raise _without(key, error) from None


def head(store: RustStore, key: str) -> tuple[int, str]:
    """Size in bytes and ETag of an object; raises obstore's errors."""
    try:
        meta = obstore.head(store, key)
    except BaseError as error:
        raise _without(key, error) from None
    return meta["size"], (meta["e_tag"] or "").strip('"')


def _without(key: str, error: BaseError) -> BaseError:
    """The error without the key, which may be spelt like an answer that ends the whole lake."""
    return type(error)(str(error).replace(key, ""))


def chunks(objects: Iterable[LakeObject]) -> Iterator[list[LakeObject]]:
    """Objects cut into chunks by their number and listed size; one larger than that is alone."""
    chunk: list[LakeObject] = []
    size = 0
    for item in objects:
        if chunk and (len(chunk) == CHUNK_OBJECTS or size + item.size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += item.size
    if chunk:
        yield chunk


def in_order(
    objects: Iterable[LakeObject], fetch: Callable[[LakeObject], _T], threads: int
) -> Iterator[tuple[LakeObject, _T]]:
    """What `fetch` gives of each object, many at once; the next chunk comes in meanwhile.

    Raises what `fetch` raises, and then asks for no more.
    """
    stop = Event()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="sparkify-read")
    waiting: deque[_Chunk[_T]] = deque()
    try:
        for items in chunks(objects):
            waiting.append(_Chunk(items, fetch, stop))
            waiting[-1].start(pool, threads)
            if len(waiting) == _CHUNKS:
                yield from waiting.popleft().results()
        while waiting:
            yield from waiting.popleft().results()
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


class _Chunk(Generic[_T]):
    """Objects on their way; whichever thread is free takes the next one."""

    def __init__(
        self, items: list[LakeObject], fetch: Callable[[LakeObject], _T], stop: Event
    ) -> None:
        self._items = items
        self._fetch = fetch
        self._stop = stop
        self._next = iter(range(len(items)))  # Python gives each number of it to one thread.
        self._found: dict[int, _T] = {}
        self._threads: list[Future[None]] = []

    def start(self, pool: ThreadPoolExecutor, threads: int) -> None:
        wanted = min(threads, len(self._items))
        self._threads = [pool.submit(self._work) for _ in range(wanted)]

    def results(self) -> Iterator[tuple[LakeObject, _T]]:
        for thread in as_completed(self._threads):
            thread.result()
        for index, item in enumerate(self._items):
            yield item, self._found.pop(index)

    def _work(self) -> None:
        for index in self._next:
            if self._stop.is_set():
                return
            self._found[index] = self._fetch(self._items[index])
