"""Files for COPY: written whole, deleted, and swept up when nobody does."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.store.staging_area import PART_BYTES, StagingArea
from sparkify_dagster_tests.faulty_s3 import DENIED, Asked, FaultyS3, Refusal
from sparkify_dagster_tests.s3_server import KEY_ID, SECRET_KEY, S3Server

_numbers = count()
NOW = timedelta(0)
"""An age that everything has that was there a second ago."""


@cache
def access_to(endpoint: str) -> AwsAccess:
    return AwsAccess(
        region="us-west-2",
        endpoint_url=endpoint,
        max_attempts=2,
        access_key_id=KEY_ID,
        secret_access_key=SECRET_KEY,
    )


@pytest.fixture
def uri(s3: S3Server) -> str:
    """A prefix in a new bucket."""
    name = f"staging-{next(_numbers)}"
    s3.make_bucket(name)
    return f"s3://{name}/_staging"


def area(s3: S3Server | FaultyS3, uri: str, meter: Meter | None = None) -> StagingArea:
    return StagingArea(uri, access_to(s3.endpoint), meter or Meter())


def body(s3: S3Server, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    data: bytes = s3.client().get_object(Bucket=bucket, Key=key)["Body"].read()
    return data


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_file_is_written_below_the_prefix_and_again_is_the_same(
    s3: S3Server, uri: str, slash: str
) -> None:
    meter = Meter()
    staging = area(s3, uri + slash, meter)
    assert staging.put("ab12.json", b"{}") == f"{uri}/ab12.json"
    assert staging.put("ab12.json", b"{}") == f"{uri}/ab12.json"
    assert body(s3, f"{uri}/ab12.json") == b"{}"
    assert meter.snapshot() == {"PUT": 2, "bytes_written": 4}


def test_a_large_local_file_is_written_in_parts(s3: S3Server, uri: str, tmp_path: Path) -> None:
    path = tmp_path / "pack"
    path.write_bytes(os.urandom(1 << 16) * (PART_BYTES // (1 << 16) + 1))
    meter = Meter()
    assert area(s3, uri, meter).put_file("pack", path) == f"{uri}/pack"
    assert body(s3, f"{uri}/pack") == path.read_bytes()
    assert meter.snapshot() == {"PUT": 4, "bytes_written": path.stat().st_size}


def test_the_region_is_that_of_the_bucket(s3: S3Server) -> None:
    s3.make_bucket("staging-in-europe", "eu-west-1")
    assert area(s3, "s3://staging-in-europe/p").region() == "eu-west-1"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_whole_bucket_is_no_staging_area(slash: str) -> None:
    with pytest.raises(LakeError, match=r"\(\[S3\] STAGING\): a whole bucket; what is old below"):
        StagingArea(f"s3://bucket{slash}", AwsAccess(), Meter())


def test_files_are_deleted_however_many_and_those_already_gone_do_not_matter(
    s3: S3Server, uri: str
) -> None:
    meter = Meter()
    staging = area(s3, uri, meter)
    written = [staging.put(f"{number}.json", b"1") for number in range(3)]
    gone = [f"{uri}/{number}-gone.json" for number in range(1500)]
    assert staging.delete([*written, *gone]) == []
    assert s3.keys(uri) == []
    assert meter.snapshot()["DELETE"] == 2


def test_nothing_outside_the_area_is_deleted(s3: S3Server, uri: str) -> None:
    sibling = uri + "-of-another/x.json"
    s3.put(sibling, b"1")
    assert area(s3, uri).delete([sibling]) == [sibling]
    assert s3.keys(uri) == ["_staging-of-another/x.json"]


def test_what_cannot_be_deleted_is_told_and_warned_of_and_no_error(
    front: FaultyS3, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    staging = area(front, uri)
    written = [staging.put("a.json", b"1"), staging.put("b.json", b"1")]
    front.fault = lambda asked: DENIED if asked.method == "POST" else None
    with caplog.at_level(logging.WARNING):
        assert staging.delete(written) == written
    (record,) = caplog.records
    assert record.message.startswith(
        f"{uri}: 2 files could not be removed, such as {uri}/a.json. {uri} ([S3] STAGING): access "
        "denied. Let this account s3:DeleteObject it"
    )


OURS = f"{'0' * 12}/{'f' * 32}.json.gz"


def test_leftovers_are_swept_up_and_what_is_young_or_elsewhere_stays(
    s3: S3Server, uri: str
) -> None:
    staging = area(s3, uri)
    for ending in ("manifest", "jsonpaths"):
        staging.put(f"{'a' * 12}/{'b' * 32}.{ending}", b"1")
    others = [f"{uri}-of-another/{OURS}", f"{uri}/2018-11-01-events.json", f"{uri}/x/{OURS}"]
    for other in others:
        s3.put(other, b"1")
    assert staging.sweep(timedelta(hours=1)) == 0
    # S3 tells its time in whole seconds: what is a minute from now old is old enough.
    assert staging.sweep(timedelta(minutes=-1)) == 2
    assert sorted(s3.keys(uri)) == sorted(other.split("/", 3)[3] for other in others)
    assert staging.sweep(timedelta(minutes=-1)) == 0


def test_an_upload_that_was_never_finished_is_swept_up(s3: S3Server, uri: str) -> None:
    bucket = uri.split("/")[2]
    # The server dates all to 2010.
    for key in (f"_staging/{OURS}", f"_staging-of-another/{OURS}", "_staging/theirs.json"):
        s3.client().create_multipart_upload(Bucket=bucket, Key=key)
    assert area(s3, uri).sweep(timedelta(hours=1)) == 1
    left = s3.client().list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert {item["Key"] for item in left} == {
        f"_staging-of-another/{OURS}",
        "_staging/theirs.json",
    }


def test_an_area_that_cannot_be_listed_cannot_be_swept(front: FaultyS3, uri: str) -> None:
    front.always(DENIED)
    with pytest.raises(LakeError, match=r"access denied. Let this account s3:ListBucket it"):
        area(front, uri).sweep(NOW)


def _puts(asked: Asked) -> Refusal | None:
    return DENIED if asked.method in ("PUT", "POST") else None


def test_an_area_that_may_not_be_written_names_the_setting_and_the_permission(
    front: FaultyS3, uri: str, tmp_path: Path
) -> None:
    front.fault = _puts
    path = tmp_path / "pack"
    path.write_bytes(b"1")
    words = (
        f"{uri} ([S3] STAGING): access denied. Let this account s3:PutObject it, or set another "
        "[AWS] PROFILE."
    )
    for write in (
        lambda: area(front, uri).put("a.json", b"1"),
        lambda: area(front, uri).put_file("pack", path),
    ):
        with pytest.raises(LakeError) as caught:
            write()
        assert str(caught.value) == words
