"""Logging in with IAM at a serverless workgroup, which nothing here can stand in for but a stub.

The other ways are tested against real answers over HTTP (`integration.test_redshift_trouble`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from pydantic import SecretStr

from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.settings import ClusterSettings
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.login import Credentials, from_workgroup, login_of

WORKGROUP = ClusterSettings(workgroup="dwh")
ASKED = {"workgroupName": "dwh", "dbName": "dev", "durationSeconds": 900}


class Access(AwsAccess):
    """The way to AWS with one client that answers from a script."""

    stubbed: Any

    def client(self, service: str, region: str = "") -> Any:
        assert service == "redshift-serverless"
        return type(self).stubbed


@pytest.fixture
def stub() -> Stubber:
    client = boto3.client(
        "redshift-serverless", region_name="us-west-2", aws_access_key_id="x",
        aws_secret_access_key="y",
    )  # fmt: skip
    Access.stubbed = client
    stubber = Stubber(client)
    stubber.activate()
    return stubber


def test_a_workgroup_gives_a_user_and_a_password_for_a_quarter_of_an_hour(stub: Stubber) -> None:
    answer = {"dbUser": "IAMR:loader", "dbPassword": "hidden", "expiration": datetime.now(UTC)}
    stub.add_response("get_credentials", answer, ASKED)
    assert from_workgroup(WORKGROUP, Access()) == Credentials("IAMR:loader", "hidden")
    stub.assert_no_pending_responses()


def test_what_aws_gave_is_kept_till_just_before_it_expires(stub: Stubber) -> None:
    now = datetime.now(UTC)
    for number, minutes in enumerate((0.5, 15, 15)):
        answer = {
            "dbUser": "me",
            "dbPassword": f"p{number}",
            "expiration": now + timedelta(minutes=minutes),
        }
        stub.add_response("get_credentials", answer, ASKED)
    login = login_of.__wrapped__(WORKGROUP, Access())
    assert [login.credentials().password for _ in range(3)] == ["p0", "p1", "p1"]
    login.forget()
    assert login.credentials().password == "p2"
    assert "p2" not in repr(login)


def test_a_workgroup_that_refuses_is_named_with_the_permission_it_takes(stub: Stubber) -> None:
    stub.add_client_error("get_credentials", "AccessDeniedException", "not authorized", 403)
    with pytest.raises(WarehouseError) as told:
        from_workgroup(WORKGROUP, Access())
    assert "no login from the workgroup dwh" in str(told.value)
    assert "redshift-serverless:GetCredentials" in str(told.value)


def test_a_password_that_is_set_is_given_as_it_is_and_shown_nowhere() -> None:
    login = login_of(ClusterSettings(db_user="me", db_password=SecretStr("hidden")), Access())
    assert login.credentials() == Credentials("me", "hidden")
    assert "hidden" not in repr(login) + repr(login.credentials())
