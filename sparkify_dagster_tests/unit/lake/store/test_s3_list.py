"""Listing in ranges gives what a listing page by page gives, whatever the keys."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import product
from string import ascii_uppercase
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sparkify_dagster.lake.store.s3_list import PLAIN_PAGES, Listed, Page, list_all, parse_page


class Bucket:
    """Keys, and the answers S3 would give about them.

    Attributes:
        asked: Requests so far, by whether they asked for folders.
    """

    def __init__(self, keys: list[str], page: int) -> None:
        self.keys = sorted(set(keys), key=lambda key: key.encode())
        self.page = page
        self.asked: Counter[bool] = Counter()
        self._lock = threading.Lock()

    def ask(self, prefix: str, *, after: str = "", token: str = "", folders: bool = False) -> Page:
        with self._lock:
            self.asked[folders] += 1
        start = max(bisect_left(self.keys, prefix), bisect_right(self.keys, after) if after else 0)
        start = int(token) if token else start
        objects: list[Listed] = []
        found: list[str] = []
        for index in range(start, len(self.keys)):
            key = self.keys[index]
            if not key.startswith(prefix):
                break
            name, slash, _ = key.removeprefix(prefix).partition("/")
            folder = f"{prefix}{name}/"
            if folders and slash and found[-1:] == [folder]:
                continue
            if len(objects) + len(found) == self.page:
                return Page(objects, found, str(index))
            if folders and slash:
                found.append(folder)
            else:
                objects.append(Listed(key, 1, "e"))
        return Page(objects, found, "")

    def listed(self, prefix: str) -> list[str]:
        return [item.key for item in list_all(self.ask, prefix, 4)]

    def plain_requests(self, prefix: str) -> int:
        """How many pages there are."""
        below = sum(key.startswith(prefix) for key in self.keys)
        return max(-(-below // self.page), 1)


NAMES = st.text(
    st.sampled_from(["a", "b", "/", ".", " ", "%", "+", "\x01", "é", "\U0001f3b5", "\ue000"])
)


@given(
    keys=st.lists(NAMES.map("p/".__add__) | NAMES, max_size=120),
    page=st.integers(1, 6),
    prefix=st.sampled_from(["", "p/", "p/a/", "p//"]),
)
@settings(deadline=None)
@example(keys=["p/", "p/a", "p/a/", "p/a/b", "p0", "o", "p"] * 9, page=1, prefix="p/")
def test_ranges_give_every_key_once_and_in_order(keys: list[str], page: int, prefix: str) -> None:
    bucket = Bucket([key for key in keys if key], page)
    assert bucket.listed(prefix) == [key for key in bucket.keys if key.startswith(prefix)]
    assert bucket.asked.total() <= bucket.plain_requests(prefix) + 4 * 16 + 64


class Restless(Bucket):
    """A bucket in which keys come and go between any two answers."""

    def __init__(self, keys: list[str], page: int, changes: list[tuple[bool, str]]) -> None:
        super().__init__(keys, page)
        self._changes = changes
        self._turn = threading.Lock()

    def ask(self, prefix: str, *, after: str = "", token: str = "", folders: bool = False) -> Page:
        after, token = token or after, ""  # As in S3, a token stands for a key, not for a place.
        with self._turn:
            if self._changes:
                comes, key = self._changes.pop()
                kept = {*self.keys, key} if comes else {*self.keys} - {key}
                self.keys = sorted(kept, key=lambda key: key.encode())
            told = super().ask(prefix, after=after, folders=folders)
        last = max([*(item.key for item in told.objects), *told.folders], default="")
        return Page(told.objects, told.folders, last if told.token else "")


@given(
    keys=st.lists(NAMES.map("p/".__add__), max_size=60),
    page=st.integers(1, 6),
    changes=st.lists(st.tuples(st.booleans(), NAMES.map("p/".__add__)), max_size=20),
)
@settings(deadline=None)
def test_a_listing_has_each_key_once_that_was_there_all_the_while_whatever_comes_and_goes(
    keys: list[str], page: int, changes: list[tuple[bool, str]]
) -> None:
    touched = {key for _, key in changes}
    listed = Restless(keys, page, changes).listed("p/")
    assert len(listed) == len(set(listed))
    assert set(keys) - touched <= set(listed) <= set(keys) | touched


def test_a_small_lake_is_listed_with_as_many_requests_as_there_are_pages() -> None:
    bucket = Bucket([f"p/{a}/x.json" for a in range(1000 * PLAIN_PAGES)], 1000)
    assert len(bucket.listed("p/")) == 1000 * PLAIN_PAGES
    assert bucket.asked == {False: PLAIN_PAGES}


def test_a_large_catalogue_is_cut_at_its_first_level_and_costs_few_requests_more() -> None:
    names = product(ascii_uppercase, repeat=3)
    keys = [f"s/{a}/{b}/{c}/{n}.json" for a, b, c in names for n in range(6)]
    bucket = Bucket(keys, 1000)
    assert len(bucket.listed("s/")) == len(keys)
    plain = bucket.plain_requests("s/")
    assert bucket.asked[True] == 1
    assert bucket.asked[False] <= plain + 26


def test_many_tiny_folders_cost_few_requests_more_than_pages() -> None:
    bucket = Bucket([f"p/{number:06}/x.json" for number in range(100_000)], 1000)
    assert len(bucket.listed("p/")) == 100_000
    assert bucket.asked.total() <= bucket.plain_requests("p/") + 1 + 64


def test_a_folder_without_folders_costs_one_request_more_than_pages() -> None:
    bucket = Bucket([f"p/{number:06}.json" for number in range(10_000)], 1000)
    assert len(bucket.listed("p/")) == 10_000
    assert bucket.asked.total() <= bucket.plain_requests("p/") + 2


def test_a_page_that_fails_in_any_range_fails_the_listing() -> None:
    bucket = Bucket([f"p/{a}/{n:04}" for a in ascii_uppercase for n in range(500)], 100)

    def ask(prefix: str, *, after: str = "", token: str = "", folders: bool = False) -> Page:
        page = bucket.ask(prefix, after=after, token=token, folders=folders)
        if any(item.key == "p/Q/0450" for item in page.objects):
            raise ConnectionError
        return page

    with pytest.raises(ConnectionError):
        list_all(ask, "p/", 4)


SPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def _answer(
    contents: str, more: str = "<IsTruncated>false</IsTruncated>", space: str = SPACE
) -> bytes:
    return f"<ListBucketResult{space}>{more}{contents}</ListBucketResult>".encode()


OBJECT = "<Contents><Key>{}</Key><ETag>&quot;e-2&quot;</ETag><Size>7</Size></Contents>"


@pytest.mark.parametrize("space", ["", SPACE])
def test_an_answer_is_read_with_or_without_its_name_space(space: str) -> None:
    body = _answer(OBJECT.format("a b"), space=space)
    assert parse_page(body) == Page([Listed("a b", 7, "e-2")], [], "")


@pytest.mark.parametrize(("text", "key"), [("a+b%2Bc%20%C3%A9", "a b+c é"), ("%252F", "%2F")])
def test_keys_are_decoded_only_where_the_answer_says_they_are_encoded(text: str, key: str) -> None:
    assert parse_page(_answer(OBJECT.format(text))).objects[0].key == text
    encoded = "<EncodingType>url</EncodingType>"
    assert parse_page(_answer(encoded + OBJECT.format(text))).objects[0].key == key


def test_the_token_of_a_page_that_is_the_last_is_blank() -> None:
    token = "<NextContinuationToken>t</NextContinuationToken>"
    assert parse_page(_answer("", f"<IsTruncated>true</IsTruncated>{token}")).token == "t"
    assert parse_page(_answer("", f"<IsTruncated>false</IsTruncated>{token}")).token == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not a listing: no element found"),
        (_answer(OBJECT.format("x"))[:-9], "not a listing: unclosed token"),
        (b"<html/>", "not a listing but html"),
        (_answer("", "<IsTruncated>true</IsTruncated>"), "there is more and not where"),
        (_answer("<Contents><Key>x</Key><Size>1</Size></Contents>"), "without key, size or ETag"),
    ],
    ids=["empty", "cut", "another", "no-token", "no-etag"],
)
def test_what_is_no_whole_listing_is_an_error(body: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=escape(words)):
        parse_page(body)
