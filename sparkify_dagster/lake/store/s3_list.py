"""Listing a prefix of a bucket: fast, and the same as page after page whatever the keys.

A small lake is listed page after page. What is still unread after a few pages is cut into ranges of
keys that are listed at once. The folders of the first levels only say where to cut: a range is
asked for with StartAfter, so a cut at the wrong place costs time and never an object. More requests
than pages: at most one for each folder looked into (fewer than 50) and one for each range (64).
A level with over a thousand folders is cut at the first thousand of them.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol
from urllib.parse import unquote_plus

PLAIN_PAGES = 4
_ENOUGH_CUTS = 16
_MOST_CUTS = 63
_LEVELS = 4
_SIZE = re.compile("[0-9]{1,15}")


class Listed(NamedTuple):
    """One object as S3 lists it: its whole key, size in bytes, ETag without quotes."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to one request.

    Attributes:
        objects: By key, in the order of UTF-8 bytes.
        folders: Common prefixes, where a delimiter was asked for.
        token: To ask for the next page with; blank after the last.
    """

    objects: list[Listed]
    folders: list[str]
    token: str


class Ask(Protocol):
    """One request for a page of keys below a prefix, after a key, or with the token of a page."""

    def __call__(
        self, prefix: str, *, after: str = "", token: str = "", folders: bool = False
    ) -> Page:
        """The page."""


def list_all(ask: Ask, prefix: str, threads: int) -> list[Listed]:
    """All objects whose keys begin with a prefix, by key.

    Raises what `ask` raises: there is no listing with a page missing.
    """
    found: list[Listed] = []
    token = ""
    for _ in range(PLAIN_PAGES):
        page = ask(prefix, token=token)
        found += page.objects
        token = page.token
        if not token:
            return found
    last = found[-1].key if found else ""
    with ThreadPoolExecutor(threads, thread_name_prefix="sparkify-list") as pool:
        cuts = _cuts(ask, pool, prefix, last)
        ranges = [*pairwise([last, *cuts]), ((cuts or [last])[-1], None)]
        for part in pool.map(lambda ends: _range(ask, prefix, *ends), ranges):
            found += part
    return found


def _range(ask: Ask, prefix: str, after: str, until: str | None) -> list[Listed]:
    """The objects after one key up to another one, that one included."""
    found: list[Listed] = []
    page, last, token = ask(prefix, after=after), after, ""
    while True:
        wanted = page.objects
        if page.token == token != "" or (wanted and wanted[0].key <= last):
            raise ValueError("a listing that does not go on from page to page")
        last, token = wanted[-1].key if wanted else last, page.token
        if until is not None:
            wanted = wanted[: bisect_right(wanted, until, key=lambda item: item.key)]
        found += wanted
        if not page.token or len(wanted) < len(page.objects):
            return found
        page = ask(prefix, token=token)


def _cuts(ask: Ask, pool: ThreadPoolExecutor, prefix: str, last: str) -> list[str]:
    """Keys to cut at, all after the last one known, by looking into folders level by level."""
    level = [prefix]
    cuts: list[str] = []
    for _ in range(_LEVELS):
        pages = pool.map(lambda folder: ask(folder, after=last, folders=True), level)
        seen = {name for page in pages for name in page.folders}
        seen.update(_way_to(last, level))
        cuts = sorted({*cuts, *(name for name in seen if name > last)})
        level = sorted(seen)
        if not level or len(cuts) >= _ENOUGH_CUTS or len(level) >= _ENOUGH_CUTS:
            break
    return _thinned(cuts)


def _way_to(last: str, level: Iterable[str]) -> Iterable[str]:
    """The folders one level further down in which the last key known lies."""
    for folder in level:
        name, slash, _ = last.removeprefix(folder).partition("/")
        if slash and last.startswith(folder):
            yield f"{folder}{name}/"


def _thinned(cuts: Sequence[str]) -> list[str]:
    step = -(-len(cuts) // _MOST_CUTS) or 1
    return list(cuts[::step])


def parse_page(body: bytes) -> Page:
    """Reads the answer to ListObjectsV2; an order of magnitude faster than botocore does.

    Raises:
        ValueError: It is no such answer.
    """
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise ValueError(f"not a listing: {error}") from None
    space, found, _ = root.tag.rpartition("ListBucketResult")
    if not found:
        raise ValueError(f"not a listing but {root.tag}")
    encoded = root.findtext(f"{space}EncodingType") == "url"
    truncated = root.findtext(f"{space}IsTruncated") == "true"
    token = root.findtext(f"{space}NextContinuationToken") or ""
    if truncated and not token:
        raise ValueError("a listing that says there is more and not where")
    names = (f"{space}Key", f"{space}Size", f"{space}ETag")
    return Page(
        [_listed(item, names, encoded) for item in root.iterfind(f"{space}Contents")],
        [
            _decoded(item.findtext(f"{space}Prefix") or "", encoded)
            for item in root.iterfind(f"{space}CommonPrefixes")
        ],
        token if truncated else "",
    )


def _listed(item: ElementTree.Element, names: tuple[str, str, str], encoded: bool) -> Listed:
    key, size, etag = map(item.findtext, names)
    if not key or not size or not _SIZE.fullmatch(size) or not etag:
        raise ValueError("a listing without key, size or ETag")
    return Listed(_decoded(key, encoded), int(size), etag.strip('"'))


def _decoded(text: str, encoded: bool) -> str:
    return unquote_plus(text) if encoded else text
