"""Logging in with IAM at a serverless workgroup, which nothing here can stand in for but a stub.

The other ways are tested against real answers over HTTP (`integration.test_redshift_trouble`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.login import Credentials, PasswordLogin, WorkgroupLogin

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
    login = WorkgroupLogin("dwh", "dev", Access())
    assert login.credentials() == Credentials("IAMR:loader", "hidden")
    stub.assert_no_pending_responses()


def test_a_workgroup_that_refuses_is_named_with_the_permission_it_takes(stub: Stubber) -> None:
    stub.add_client_error("get_credentials", "AccessDeniedException", "not authorized", 403)
    with pytest.raises(WarehouseError) as told:
        WorkgroupLogin("dwh", "dev", Access()).credentials()
    assert "no login from the workgroup dwh" in str(told.value)
    assert "redshift-serverless:GetCredentials" in str(told.value)


def test_a_password_is_asked_for_each_time_and_shown_nowhere() -> None:
    given = iter(["first", "second"])
    login = PasswordLogin("me", lambda: next(given))
    assert [login.credentials().password for _ in range(2)] == ["first", "second"]
    assert "first" not in repr(Credentials("me", "first"))
