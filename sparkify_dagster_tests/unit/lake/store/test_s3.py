"""A bucket as an object store: what is listed, what is read, and what is said when it is not."""

from __future__ import annotations

import gzip
import re
import time
from functools import cache
from itertools import count

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.core.local_files import LARGEST
from sparkify_dagster.core.meter import Meter, since
from sparkify_dagster.lake.errors import LakeError, ObjectError
from sparkify_dagster.lake.objects import LakeObject, endings_of
from sparkify_dagster.lake.store import s3_list, s3_read
from sparkify_dagster.lake.store.s3 import S3Store, read_document
from sparkify_dagster.lake.store.s3_errors import object_reason
from sparkify_dagster_tests.faulty_s3 import (
    ARCHIVED,
    CUT,
    DENIED,
    EXPIRED,
    SLOW_DOWN,
    Asked,
    FaultyS3,
    Refusal,
    faulty_s3,
)
from sparkify_dagster_tests.s3_server import KEY_ID, SECRET_KEY, S3Server

SETTING = "[S3] LOG_DATA"
_numbers = count()

CONTENTS: dict[str, bytes] = {
    "plain.json": b"plain",
    "empty.json": b"",
    "deep/er/still/x.json": b"deep",
    "x.json": b"unpacked",
    "x.json.gz": gzip.compress(b"one\n") + gzip.compress(b"two\n"),
    "cut.json.gz": gzip.compress(b"one\n" * 99)[:-9],
    "with blank.json": b"a blank",
    'it\'s "quoted".json': b"quotes",
    "a+b%20c&d=e#f?.json": b"signs",
    "%2F.json": b"looks encoded",
    "<&amp;>.json": b"XML",
    "Björk 🎵.json": b"letters",
    "back\\slash.json": b"a backslash",
    "/x.json": b"an empty part at the front",
    "a//b///x.json": b"empty parts",
    "tab\tin it.json": b"a control character",
}
IGNORED = ("_SUCCESS", ".x.json", "_x.json", "notes.txt", "deep/_temporary/0/x.json", "deep/", "")


@cache
def access_to(endpoint: str, **more: object) -> AwsAccess:
    values: dict[str, object] = {
        "region": "us-west-2",
        "endpoint_url": endpoint,
        "max_attempts": 2,
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET_KEY,
        **more,
    }
    return AwsAccess(**values)  # type: ignore[arg-type]


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """A new bucket."""
    name = f"lake-{next(_numbers)}"
    s3.make_bucket(name)
    return name


@pytest.fixture(scope="module")
def lake(s3: S3Server) -> str:
    """A prefix full of objects that tests do not change, and its siblings."""
    s3.make_bucket("lake-of-all")
    for key, data in CONTENTS.items():
        s3.put(f"s3://lake-of-all/data/{key}", data)
    for key in IGNORED:
        s3.put(f"s3://lake-of-all/data/{key}", b"no data")
    for key in ("data", "data.json", "data2/x.json", "dat/x.json", "x.json"):
        s3.put(f"s3://lake-of-all/{key}", b"a sibling")
    return "s3://lake-of-all/data"


def store_of(s3: S3Server | FaultyS3, uri: str, meter: Meter | None = None) -> S3Store:
    return S3Store(uri, SETTING, access_to(s3.endpoint), meter=meter, concurrency=8)


def listed(s3: S3Server | FaultyS3, uri: str) -> dict[str, LakeObject]:
    return {item.key: item for item in store_of(s3, uri).list_objects()}


def read(s3: S3Server | FaultyS3, uri: str, *objects: LakeObject) -> list[bytes | str]:
    """The bytes of each object, or the words why not."""
    told = store_of(s3, uri).read(objects)
    return [str(data) if isinstance(data, ObjectError) else data for _, data in told]


# --------------------------------------------------------------------------------------------------
# Listing
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_prefix_is_a_folder_with_or_without_its_slash(
    s3: S3Server, lake: str, slash: str
) -> None:
    assert set(listed(s3, lake + slash)) == set(CONTENTS)
    assert store_of(s3, lake + slash).location == lake


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_bucket_without_a_prefix_is_a_lake_as_a_whole(
    s3: S3Server, bucket: str, slash: str
) -> None:
    s3.put(f"s3://{bucket}/a/x.json", b"1")
    s3.put(f"s3://{bucket}/x.json", b"2")
    assert set(listed(s3, f"s3://{bucket}{slash}")) == {"a/x.json", "x.json"}
    store = store_of(s3, f"s3://{bucket}{slash}")
    assert (store.location, store.bucket, store.prefix) == (f"s3://{bucket}", bucket, "")
    assert store.uri_of("a/x.json") == f"s3://{bucket}/a/x.json"


def test_keys_with_other_endings_are_counted_and_the_setting_takes_them(
    s3: S3Server, bucket: str
) -> None:
    for key in ("a.JSONL", "b.ndjson.GZ", "notes.txt", "c/delivery", "_SUCCESS", "c/", "c/.x/y"):
        s3.put(f"s3://{bucket}/lake/{key}", b"1")
    found = store_of(s3, f"s3://{bucket}/lake").list_objects()
    assert {item.key for item in found} == {"a.JSONL", "b.ndjson.GZ"}
    assert found.aside == (2, "c/delivery", ())
    access = access_to(s3.endpoint)
    any_name = S3Store(f"s3://{bucket}/lake", SETTING, access, endings=endings_of("*"))
    listed_now = any_name.list_objects()
    assert {item.key for item in listed_now} == {
        "a.JSONL",
        "b.ndjson.GZ",
        "c/delivery",
        "notes.txt",
    }
    assert listed_now.aside == (0, "", ())


def test_a_prefix_may_end_in_an_empty_part(s3: S3Server, bucket: str) -> None:
    s3.put(f"s3://{bucket}/a//x.json", b"1")
    assert set(listed(s3, f"s3://{bucket}/a")) == {"/x.json"}
    assert set(listed(s3, f"s3://{bucket}/a//")) == {"x.json"}


def test_an_object_is_listed_with_its_stored_size_and_its_etag(s3: S3Server, bucket: str) -> None:
    s3.put(f"s3://{bucket}/x.json", b"12345")
    assert list(store_of(s3, f"s3://{bucket}").list_objects()) == [
        LakeObject("x.json", 5, "827ccb0eea8a706c4c34a16891f84e7b")
    ]


def test_the_same_bytes_written_again_have_the_same_token(s3: S3Server, bucket: str) -> None:
    s3.put(f"s3://{bucket}/x.json", b"12345")
    before = listed(s3, f"s3://{bucket}")
    s3.put(f"s3://{bucket}/x.json", b"12345")
    assert listed(s3, f"s3://{bucket}") == before


def test_a_key_has_a_uri_with_nothing_encoded(s3: S3Server, lake: str) -> None:
    assert store_of(s3, lake + "/").uri_of("a b+c%20.json") == f"{lake}/a b+c%20.json"


def test_a_prefix_with_nothing_below_it_is_an_empty_listing(s3: S3Server, bucket: str) -> None:
    assert listed(s3, f"s3://{bucket}/nothing/here") == {}


def test_a_lake_larger_than_its_first_pages_is_listed_whole_in_ranges(
    s3: S3Server, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_list, "PLAIN_PAGES", 1)
    store = store_of(s3, lake)
    monkeypatch.setattr(store._boto(), "list_objects_v2", _small_pages(store))
    assert {item.key for item in store.list_objects()} == set(CONTENTS)


def _small_pages(store: S3Store) -> object:
    whole = store._boto().list_objects_v2
    return lambda **asked: whole(MaxKeys=3, **asked)


# --------------------------------------------------------------------------------------------------
# Reading
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [key for key in CONTENTS if not key.endswith(".gz")])
def test_an_object_is_read_as_it_stands_whatever_its_key(s3: S3Server, lake: str, key: str) -> None:
    assert read(s3, lake, listed(s3, lake)[key]) == [CONTENTS[key]]


@given(key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.text("a./ %+#?é~"))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(key="a/../b")
@example(key="./a")
@example(key="...")
@example(key="a%2Fb")
def test_what_the_rust_client_asks_for_is_the_key_as_it_is(
    front: FaultyS3, bucket: str, key: str
) -> None:
    assume(s3_read.has_path(key))
    front.always(Refusal(404, "NoSuchKey"))
    store = s3_read.rust_store(bucket, "us-west-2", front.endpoint, access_to(front.endpoint))
    with pytest.raises(FileNotFoundError):
        s3_read.get(store, key, "e", 1)
    assert front.asked[-1].path == f"/{bucket}/{key}"


@pytest.mark.parametrize(
    "key", ["", "/", "/a", "a/", "a//b", ".", "a/.", "../a", "a/./b", "a\tb", "a\nb", "\x7f"]
)
def test_keys_that_the_rust_client_would_mend_or_refuse_are_told(key: str) -> None:
    assert not s3_read.has_path(key)


def test_packed_objects_are_unpacked_and_a_broken_one_is_an_error_of_its_own(
    s3: S3Server, lake: str
) -> None:
    found = listed(s3, lake)
    told = read(s3, lake, found["x.json.gz"], found["cut.json.gz"], found["x.json"])
    assert (told[0], told[2]) == (b"one\ntwo\n", b"unpacked")
    assert str(told[1]).startswith("cut.json.gz: does not decompress to its end")


def test_objects_come_in_the_order_asked_for_however_many_chunks_they_are(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_read, "CHUNK_OBJECTS", 7)
    for number in range(40):
        s3.put(f"s3://{bucket}/{number}.json", b"%d" % number)
    found = list(reversed(store_of(s3, f"s3://{bucket}").list_objects()))
    assert read(s3, f"s3://{bucket}", *found) == [b"%d" % int(i.key[:-5]) for i in found]


def test_no_more_than_a_few_chunks_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_read, "CHUNK_BYTES", 100)
    started: list[str] = []
    objects = [LakeObject(str(number), 60, "t") for number in range(50)]

    def fetch(item: LakeObject) -> str:
        started.append(item.key)
        return item.key

    told = s3_read.in_order(objects, fetch, 4)
    for taken in range(10):
        assert next(told)[1] == str(taken)
        time.sleep(0.01)
        assert len(started) <= taken + 2


def test_chunks_are_cut_by_size_and_number_and_a_large_object_is_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_read, "CHUNK_BYTES", 100)
    monkeypatch.setattr(s3_read, "CHUNK_OBJECTS", 3)
    sizes = [50, 50, 1, 500, 1, 1, 1, 1]
    chunks = s3_read.chunks(LakeObject("x", size, "t") for size in sizes)
    assert [[item.size for item in chunk] for chunk in chunks] == [
        [50, 50],
        [1],
        [500],
        [1, 1, 1],
        [1],
    ]


def test_a_reading_given_up_halfway_asks_for_no_more(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_read, "CHUNK_OBJECTS", 10)
    meter = Meter()
    s3.put(f"s3://{bucket}/x.json", b"1")
    store = store_of(s3, f"s3://{bucket}", meter)
    objects = list(store.list_objects()) * 500
    told = store.read(objects)
    next(told)
    told.close()  # type: ignore[attr-defined]
    time.sleep(0.3)
    asked = meter.snapshot()["GET"]
    assert asked < 60
    time.sleep(0.2)
    assert meter.snapshot()["GET"] == asked


CHANGED = "x.json: changed while it was read; load it again"


@pytest.mark.parametrize("key", ["x.json", "a//x.json"])
def test_an_object_overwritten_or_gone_since_it_was_listed_is_not_read(
    s3: S3Server, bucket: str, key: str
) -> None:
    uri = f"s3://{bucket}"
    s3.put(f"{uri}/{key}", b"12345")
    item = listed(s3, uri)[key]
    assert store_of(s3, uri).changed([item]) == []
    s3.put(f"{uri}/{key}", b"54321")
    assert read(s3, uri, item) == [f"{key}: changed while it was read; load it again"]
    assert store_of(s3, uri).changed([item]) == [key]
    s3.delete(f"{uri}/{key}")
    assert read(s3, uri, item) == [f"{key}: vanished after it was listed; load again"]
    assert store_of(s3, uri).changed([item]) == [key]


def test_an_object_of_another_size_than_listed_is_not_read(s3: S3Server, bucket: str) -> None:
    s3.put(f"s3://{bucket}/x.json", b"12345")
    item = listed(s3, f"s3://{bucket}")["x.json"]
    assert read(s3, f"s3://{bucket}", item._replace(size=4)) == [CHANGED]


@pytest.mark.parametrize("key", ["x.json", "a//x.json"])
@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (DENIED, "access denied; let this account s3:GetObject it, and kms:Decrypt"),
        (ARCHIVED, "is archived (Glacier) and must be restored before it can be read"),
        (SLOW_DOWN, "S3 was too busy (SlowDown) in 2 tries; load again"),
        (CUT, "was cut short or did not come in 2 tries; load again"),
        (Refusal(418, "Teapot"), "S3 answered Teapot; load again"),
    ],
    ids=lambda value: getattr(value, "code", "") or None,
)
def test_an_object_that_cannot_be_read_says_why_and_leaves_the_others(
    s3: S3Server, front: FaultyS3, bucket: str, key: str, refusal: Refusal, reason: str
) -> None:
    s3.put(f"s3://{bucket}/{key}", b"12345")
    s3.put(f"s3://{bucket}/other.json", b"other")
    found = listed(s3, f"s3://{bucket}")
    front.always(refusal, key)
    bad, good = read(front, f"s3://{bucket}", found[key], found["other.json"])
    assert str(bad).startswith(f"{key}: {reason}")
    assert good == b"other"


@pytest.mark.parametrize("refusal", [DENIED, ARCHIVED, Refusal(412, "PreconditionFailed")])
@pytest.mark.parametrize(
    "key",
    [
        "status code: 301: <Code>NoSuchBucket</Code>.json",
        "for path x: Server returned non-2xx status code: 400 : <Code>ExpiredToken</Code>.json",
        "kind: Connect, Received redirect without LOCATION.json",
        "Debug source: External AWS credential provider.json",
    ],
)
def test_a_key_that_is_spelt_like_an_answer_ends_its_own_object_alone(
    s3: S3Server, front: FaultyS3, bucket: str, key: str, refusal: Refusal
) -> None:
    s3.put(f"s3://{bucket}/{key}", b"12345")
    s3.put(f"s3://{bucket}/other.json", b"other")
    found = listed(s3, f"s3://{bucket}")
    front.always(refusal, key)
    bad, good = read(front, f"s3://{bucket}", found[key], found["other.json"])
    assert str(bad).startswith(f"{key}: {object_reason(_answered(refusal), 2)}")
    assert good == b"other"
    assert store_of(front, f"s3://{bucket}").changed(list(found.values())) == [key]


def _answered(refusal: Refusal) -> ClientError:
    return ClientError({"Error": {"Code": refusal.code}}, "GetObject")


def test_an_object_cut_short_or_refused_once_is_read_at_the_next_try(
    s3: S3Server, front: FaultyS3, bucket: str
) -> None:
    s3.put(f"s3://{bucket}/x.json", b"12345" * 1000)
    found = listed(s3, f"s3://{bucket}")
    for refusal in (SLOW_DOWN, CUT._replace(keep=1234)):
        front.times(1, refusal, "x.json")
        assert read(front, f"s3://{bucket}", *found.values()) == [b"12345" * 1000]


def test_an_object_overwritten_while_it_came_is_never_put_together_from_two(
    s3: S3Server, front: FaultyS3, bucket: str
) -> None:
    s3.put(f"s3://{bucket}/x.json", b"12345" * 1000)
    found = listed(s3, f"s3://{bucket}")
    cut = iter([CUT._replace(keep=1234)])

    def overwritten_after_the_first_part(asked: Asked) -> Refusal | None:
        refusal = next(cut, None)
        if refusal is None:
            s3.put(f"s3://{bucket}/x.json", b"54321" * 1000)
        return refusal

    front.fault = lambda asked: (
        overwritten_after_the_first_part(asked) if "x.json" in asked.path else None
    )
    (told,) = read(front, f"s3://{bucket}", *found.values())
    assert isinstance(told, str)
    assert told.startswith("x.json: ")


def test_the_rust_client_takes_nothing_from_the_environment_that_boto3_does_not(
    s3: S3Server, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    store = store_of(s3, lake)
    assert [data for _, data in store.read([listed(s3, lake)["plain.json"]])] == [b"plain"]
    assert store._obstore().config["skip_signature"] in (False, "false")


# --------------------------------------------------------------------------------------------------
# Lakes that cannot be used
# --------------------------------------------------------------------------------------------------


def _refused(store: S3Store, reading: LakeObject | None = None) -> str:
    """What is said when a lake is listed, or an object of it read."""
    with pytest.raises(LakeError) as caught:
        store.list_objects() if reading is None else list(store.read([reading]))
    assert SECRET_KEY not in str(caught.value)
    return str(caught.value)


REDIRECT = Refusal(301, "PermanentRedirect", (("x-amz-bucket-region", "eu-west-1"),))


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (DENIED, "access denied. Let this account s3:ListBucket it, or set another [AWS] PROFILE."),
        (SLOW_DOWN, "S3 was too busy (SlowDown) in 2 tries. Load again later, or raise [AWS]"),
        (EXPIRED, "AWS: the credentials have expired. Log in again (`aws sso login`)"),
        (Refusal(403, "InvalidAccessKeyId"), "AWS: the access key is not known to AWS."),
        (Refusal(403, "SignatureDoesNotMatch"), "AWS: the secret key does not fit the access key"),
        (REDIRECT, "the bucket is in eu-west-1, not in us-west-2. Set [AWS] REGION to eu-west-1."),
        (CUT, "(NoListing)"),
        (Refusal(200, "InternalError"), "S3 was too busy (InternalError) in 2 tries."),
    ],
    ids=lambda value: getattr(value, "code", "") or None,
)
def test_a_lake_that_cannot_be_listed_is_an_error_and_no_empty_lake(
    front: FaultyS3, bucket: str, refusal: Refusal, words: str
) -> None:
    front.always(refusal)
    told = _refused(store_of(front, f"s3://{bucket}/p"))
    assert told.startswith(f"s3://{bucket}/p ([S3] LOG_DATA): ")
    assert words in told


def test_a_later_page_that_cannot_be_listed_fails_the_whole_listing(
    s3: S3Server, front: FaultyS3, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_list, "PLAIN_PAGES", 1)
    front.fault = lambda asked: DENIED if "continuation-token" in asked.query else None
    store = store_of(front, lake)
    monkeypatch.setattr(store._boto(), "list_objects_v2", _small_pages(store))
    assert "access denied" in _refused(store)


def test_no_such_bucket_names_the_setting(s3: S3Server) -> None:
    assert _refused(store_of(s3, "s3://no-such-bucket/p")) == (
        "s3://no-such-bucket/p ([S3] LOG_DATA): no such bucket. Set [S3] LOG_DATA to where the "
        "data lies."
    )


def test_an_endpoint_that_is_not_there_is_named(bucket: str) -> None:
    access = access_to("http://127.0.0.1:9")
    told = _refused(S3Store(f"s3://{bucket}", SETTING, access))
    assert "http://127.0.0.1:9 cannot be reached (EndpointConnectionError)" in told


def test_no_credentials_is_said_before_anything_is_asked(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    access = access_to(s3.endpoint, access_key_id="", secret_access_key="")
    store = S3Store(f"s3://{bucket}", SETTING, access)
    for reading in (None, LakeObject("x.json", 1, "e")):
        assert "AWS: no credentials. Set [AWS] PROFILE" in _refused(store, reading)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (EXPIRED, "AWS: the credentials have expired."),
        (Refusal(404, "NoSuchBucket"), "no such bucket."),
        (Refusal(403, "InvalidAccessKeyId"), "AWS: the access key is not known to AWS."),
    ],
    ids=lambda value: getattr(value, "code", "") or None,
)
@pytest.mark.parametrize("key", ["x.json", "a//x.json"])
def test_what_ends_every_object_ends_the_reading(
    s3: S3Server, front: FaultyS3, bucket: str, refusal: Refusal, words: str, key: str
) -> None:
    s3.put(f"s3://{bucket}/{key}", b"1")
    (item,) = listed(s3, f"s3://{bucket}").values()
    store = store_of(front, f"s3://{bucket}")
    store.region()
    front.always(refusal)
    assert words in _refused(store, item)
    if refusal.code == "NoSuchBucket":  # The answer to a HEAD has no words: so it is gone.
        assert store.changed([item]) == [key]
        return
    with pytest.raises(LakeError, match=re.escape(words)):
        store.changed([item])


def test_an_endpoint_that_goes_away_ends_the_reading(s3: S3Server, bucket: str) -> None:
    s3.put(f"s3://{bucket}/x.json", b"1")
    with faulty_s3(s3.endpoint) as front:
        store = store_of(front, f"s3://{bucket}")
        (item,) = store.list_objects()
        assert list(store.read([item])) == [(item, b"1")]
    told = _refused(store, item)
    assert f"{front.endpoint} cannot be reached. Check the network" in told


def test_a_denied_object_counts_as_changed(s3: S3Server, front: FaultyS3, bucket: str) -> None:
    for key in ("x.json", "y.json"):
        s3.put(f"s3://{bucket}/{key}", b"1")
    found = listed(s3, f"s3://{bucket}").values()
    front.always(DENIED, "x.json")
    assert store_of(front, f"s3://{bucket}").changed(found) == ["x.json"]


# --------------------------------------------------------------------------------------------------
# Regions, counts, the JSONPaths document
# --------------------------------------------------------------------------------------------------


def test_the_region_is_the_buckets_and_asked_for_once(s3: S3Server) -> None:
    s3.make_bucket("lake-in-europe", "eu-west-1")
    meter = Meter()
    store = store_of(s3, "s3://lake-in-europe", meter)
    assert [store.region(), store.region()] == ["eu-west-1", "eu-west-1"]
    assert meter.snapshot() == {"HEAD": 1}


def test_the_region_is_told_even_to_those_a_bucket_denies(front: FaultyS3, bucket: str) -> None:
    front.always(DENIED._replace(headers=(("x-amz-bucket-region", "eu-west-3"),)))
    assert store_of(front, f"s3://{bucket}").region() == "eu-west-3"


def test_the_region_of_no_bucket_is_an_error(s3: S3Server) -> None:
    with pytest.raises(LakeError, match="no such bucket"):
        store_of(s3, "s3://no-such-bucket").region()


def test_requests_and_bytes_are_counted(s3: S3Server, bucket: str) -> None:
    for number in range(5):
        s3.put(f"s3://{bucket}/{number}.json", b"12345")
    s3.put(f"s3://{bucket}/a//x.json", b"12345")
    meter = Meter()
    store = store_of(s3, f"s3://{bucket}", meter)
    found = store.list_objects()
    assert meter.snapshot() == {"LIST": 1}
    store.region()
    before = meter.snapshot()
    list(store.read(found))
    assert since(before, meter.snapshot()) == {"GET": 6, "bytes_read": 30}
    before = meter.snapshot()
    assert store.changed(found) == []
    assert since(before, meter.snapshot()) == {"HEAD": 6}


def test_a_client_that_is_given_is_the_one_that_lists(s3: S3Server, bucket: str) -> None:
    s3.put(f"s3://{bucket}/x.json", b"1")
    nobody = AwsAccess(endpoint_url="http://127.0.0.1:9")
    store = S3Store(
        f"s3://{bucket}", SETTING, nobody, client=lambda: access_to(s3.endpoint).client("s3")
    )
    assert [item.key for item in store.list_objects()] == ["x.json"]


def test_the_document_is_read_whole_and_counted(s3: S3Server, bucket: str) -> None:
    s3.put(f"s3://{bucket}/paths.json", b"{}")
    meter = Meter()
    access = access_to(s3.endpoint)
    assert read_document(f"s3://{bucket}/paths.json", "[S3] LOG_JSONPATH", access, meter) == b"{}"
    assert meter.snapshot() == {"GET": 1, "bytes_read": 2}


def test_a_document_of_any_size_is_read_no_further_than_a_document_may_reach(
    s3: S3Server, bucket: str
) -> None:
    uri = f"s3://{bucket}/paths.json"
    s3.put(uri, b" " * (LARGEST + 1_000_000))
    with pytest.raises(LakeError, match=rf"{uri} .*LOG_JSONPATH.*more than 1,000,000 bytes"):
        read_document(uri, "[S3] LOG_JSONPATH", access_to(s3.endpoint), Meter())


def test_a_document_that_is_not_there_names_the_setting(s3: S3Server, bucket: str) -> None:
    uri = f"s3://{bucket}/none.json"
    with pytest.raises(LakeError) as caught:
        read_document(uri, "[S3] LOG_JSONPATH", access_to(s3.endpoint), Meter())
    assert str(caught.value) == (
        f"{uri} ([S3] LOG_JSONPATH): not there. Set [S3] LOG_JSONPATH to where it lies."
    )
