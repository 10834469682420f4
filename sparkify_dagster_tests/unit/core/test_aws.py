"""How AWS is reached, with and without Dagster, and what is said when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore import exceptions

from sparkify_dagster.core.aws import AwsAccess, AwsError
from sparkify_dagster_tests.faulty_s3 import FaultyS3, Refusal, faulty_s3
from sparkify_dagster_tests.s3_server import KEY_ID, SECRET_KEY, S3Server

ROLE = "arn:aws:iam::123456789012:role/loader"
OTHER_ROLE = "arn:aws:iam::210987654321:role/lake"
SECRETS = {"access_key_id": KEY_ID, "secret_access_key": SECRET_KEY}


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An account without credentials, profiles or a region."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def front(s3: S3Server) -> Iterator[FaultyS3]:
    """A front that answers as a test tells it to."""
    with faulty_s3(s3.endpoint) as front:
        yield front


def _refused(access: AwsAccess) -> str:
    with pytest.raises(AwsError) as caught:
        access.credentials()
    assert SECRET_KEY not in str(caught.value)
    return str(caught.value)


def who(access: AwsAccess) -> str:
    """The account as AWS sees it."""
    return str(access.client("sts").get_caller_identity()["Arn"])


def test_keys_of_the_environment_are_found_as_anywhere(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environ().items():
        monkeypatch.setenv(name, value)
    access = AwsAccess(endpoint_url=s3.endpoint)
    assert access.credentials()[:2] == (KEY_ID, SECRET_KEY)
    assert access.client("s3").meta.region_name == s3.region
    assert access.client("s3").list_buckets()["Buckets"] is not None


def test_a_profile_gives_keys_and_region(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile lake]\nregion = eu-west-3\n")
    (tmp_path / "credentials").write_text(
        "[lake]\naws_access_key_id = A\naws_secret_access_key = B\n"
    )
    access = AwsAccess(profile="lake")
    assert access.credentials()[:2] == ("A", "B")
    assert access.client("s3").meta.region_name == "eu-west-3"
    assert access.client("s3", "eu-west-1").meta.region_name == "eu-west-1"


def test_a_session_is_made_once_and_a_client_each_time() -> None:
    access = AwsAccess(region="us-west-2", **SECRETS)
    assert access.session() is access.session()
    assert access.client("s3") is not access.client("s3")


def test_a_client_tries_as_often_as_told_does_not_wait_for_ever_and_names_itself() -> None:
    config = AwsAccess(region="us-west-2", max_attempts=7).client("s3").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 7}
    assert (config.connect_timeout, config.read_timeout) == (10, 60)
    assert "sparkify" in config.user_agent_extra


def test_a_request_is_tried_max_attempts_times(front: FaultyS3) -> None:
    front.always(Refusal(503, "SlowDown"))
    access = AwsAccess(region="us-west-2", endpoint_url=front.endpoint, max_attempts=2, **SECRETS)
    with pytest.raises(exceptions.ClientError):
        access.client("s3").list_buckets()
    assert len(front.asked) == 2


@pytest.mark.parametrize(
    ("roles", "name"), [(ROLE, "loader"), (f"{ROLE},{OTHER_ROLE}", "lake")], ids=["one", "chained"]
)
def test_a_role_is_assumed(s3: S3Server, roles: str, name: str) -> None:
    access = AwsAccess(region="us-west-2", endpoint_url=s3.endpoint, role_arn=roles, **SECRETS)
    assert f"assumed-role/{name}/sparkify" in who(access)
    assert access.credentials().access_key != KEY_ID
    assert access.credentials().token


def test_a_role_is_assumed_when_first_asked_and_again_when_its_keys_expire(
    front: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = AwsAccess(region="us-west-2", endpoint_url=front.endpoint, role_arn=ROLE, **SECRETS)
    access.session()
    assert front.asked == []
    before = access.credentials()
    assert access.credentials() == before
    assert len(front.asked) == 1
    later = datetime.now(UTC) + timedelta(minutes=58)
    monkeypatch.setattr("botocore.credentials._local_now", lambda: later)
    access.session().get_credentials()._time_fetcher = lambda: later
    assert access.credentials() != before
    assert len(front.asked) == 2


def test_no_credentials_names_the_ways_to_give_them() -> None:
    words = (
        "AWS: no credentials. Set [AWS] PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "or give this machine a role."
    )
    assert _refused(AwsAccess()) == words
    assert _refused(AwsAccess(region="us-west-2", role_arn=ROLE)) == words


def test_no_such_profile_is_named() -> None:
    assert _refused(AwsAccess(profile="lake")) == "AWS: no profile lake. Mend [AWS] PROFILE."


def test_half_of_the_keys_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    assert _refused(AwsAccess()).startswith("AWS: no credentials.")


def test_a_service_that_needs_a_region_asks_for_one() -> None:
    with pytest.raises(AwsError, match=r"AWS: no region. Set \[AWS\] REGION"):
        AwsAccess(**SECRETS).client("redshift")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refusal(403, "AccessDenied"), f"AWS: role {ROLE} cannot be assumed (AccessDenied). Let"),
        (Refusal(403, "ExpiredToken"), "AWS: the credentials have expired. Log in again"),
        (Refusal(403, "InvalidClientTokenId"), "AWS: the access key is not known to AWS."),
    ],
    ids=lambda value: getattr(value, "code", "") or None,
)
def test_a_role_that_cannot_be_assumed_says_why(
    front: FaultyS3, refusal: Refusal, words: str
) -> None:
    front.always(refusal)
    access = AwsAccess(
        region="us-west-2", endpoint_url=front.endpoint, role_arn=ROLE, max_attempts=1, **SECRETS
    )
    assert _refused(access).startswith(words)


def test_a_network_that_is_not_there_is_told_with_its_address() -> None:
    access = AwsAccess(
        region="us-west-2",
        endpoint_url="http://127.0.0.1:9",
        role_arn=ROLE,
        max_attempts=1,
        **SECRETS,
    )
    assert _refused(access).startswith("AWS: http://127.0.0.1:9 cannot be reached (Endpoint")


def test_a_login_that_ran_out_is_told_from_other_failures() -> None:
    access = AwsAccess()
    ran_out = exceptions.UnauthorizedSSOTokenError()
    assert "Log in again (`aws sso login`)" in str(access.error(ran_out))
    assert access.reason(exceptions.DataNotFoundError(data_path="x")) is None
    assert access.reason(KeyError()) is None


def test_keys_are_never_shown() -> None:
    shown = repr(AwsAccess(**SECRETS, session_token="token-of-a-session"))
    assert KEY_ID not in shown
    assert SECRET_KEY not in shown
    assert "token-of-a-session" not in shown
