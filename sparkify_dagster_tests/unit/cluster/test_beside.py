"""What is asked of AWS beside the stack, against botocore's own model of the services.

A stub takes no request and gives no answer that the model does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from sparkify_dagster.cli import cluster as command
from sparkify_dagster.cluster import beside, stack
from sparkify_dagster.cluster.cloud import Cloud, Refused
from sparkify_dagster.cluster.config import config_text
from sparkify_dagster.cluster.decide import Stack
from sparkify_dagster.cluster.template import ClusterError, defaults, template
from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.settings import load_settings

ARN = "arn:aws:redshift-serverless:us-west-2:123456789012:workgroup/1a2b3c4d-0000"
SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:redshift!dwh-sparkify_admin-x"
QUEUE = "arn:aws:sqs:us-west-2:123456789012:dwh-lake-events"
MADE = Stack(
    name="dwh",
    id="arn:aws:cloudformation:us-west-2:123456789012:stack/dwh/1",
    status="CREATE_COMPLETE",
    description=template()["Description"],
    parameters=defaults(),
    outputs={
        "Host": "dwh.123456789012.us-west-2.redshift-serverless.amazonaws.com",
        "Port": "5439", "Database": "dev", "WorkgroupArn": ARN,
        "CopyRoleArn": "arn:aws:iam::123456789012:role/dwh-copy-us-west-2",
        "LoaderRoleArn": "arn:aws:iam::123456789012:role/dwh-loader-us-west-2",
        "LakeBucket": "our-lake", "QueueArn": QUEUE,
        "QueueUrl": "https://sqs.us-west-2.amazonaws.com/123456789012/dwh-lake-events",
    },
    tags={},
)  # fmt: skip
CHOSEN = defaults()


class Script:
    """An account that answers from a script, each service in order."""

    def __init__(self, cloud: Cloud, within: ExitStack) -> None:
        self.cloud = cloud
        self._within, self._stubs = within, dict[str, Stubber]()

    def of(self, service: str) -> Stubber:
        if service not in self._stubs:
            stub = Stubber(self.cloud._client(service))
            self._stubs[service] = self._within.enter_context(stub)
        return self._stubs[service]

    def done(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    keys = {"access_key_id": "x", "secret_access_key": "y"}
    return Cloud(AwsAccess(region="us-west-2", max_attempts=1, **keys))


@pytest.fixture
def aws(cloud: Cloud) -> Iterator[Script]:
    with ExitStack() as within:
        script = Script(cloud, within)
        yield script
        script.done()


def group(status: str = "AVAILABLE") -> dict[str, Any]:
    return {"workgroup": {"status": status, "workgroupName": "dwh"}}


def space() -> dict[str, Any]:
    return {"namespace": {"namespaceName": "dwh", "adminPasswordSecretArn": SECRET}}


LIMIT = {"usageLimitId": "l-1", "resourceArn": ARN, "period": "daily"}


def test_a_workgroup_without_a_usage_limit_gets_one_that_turns_queries_off(aws: Script) -> None:
    serverless = aws.of("redshift-serverless")
    asked = {"resourceArn": ARN, "usageType": "serverless-compute"}
    serverless.add_response("list_usage_limits", {}, asked)
    new = asked | {"period": "daily", "amount": 8, "breachAction": "deactivate"}
    serverless.add_response("create_usage_limit", {"usageLimit": LIMIT}, new)
    beside.limit_usage(aws.cloud, MADE)


@pytest.mark.parametrize(
    ("there", "changed"),
    [
        ({"amount": 8, "breachAction": "deactivate"}, False),
        ({"amount": 99, "breachAction": "deactivate"}, True),
        ({"amount": 8, "breachAction": "log"}, True),
    ],
)
def test_a_usage_limit_that_is_there_is_changed_only_where_it_differs(
    aws: Script, there: dict[str, Any], changed: bool
) -> None:
    serverless = aws.of("redshift-serverless")
    serverless.add_response("list_usage_limits", {"usageLimits": [LIMIT | there]}, ANY_WORDS)
    if changed:
        new = {"usageLimitId": "l-1", "amount": 8, "breachAction": "deactivate"}
        serverless.add_response("update_usage_limit", {"usageLimit": LIMIT}, new)
    beside.limit_usage(aws.cloud, MADE)


ANY_WORDS = {"resourceArn": ANY, "usageType": ANY}


def test_status_tells_a_missing_usage_limit(aws: Script) -> None:
    serverless = aws.of("redshift-serverless")
    serverless.add_response("get_workgroup", group(), {"workgroupName": "dwh"})
    serverless.add_response("get_namespace", space(), {"namespaceName": "dwh"})
    serverless.add_response("list_usage_limits", {}, ANY_WORDS)
    assert beside.described(aws.cloud, MADE) == "available, NO USAGE LIMIT"


def test_the_loader_is_made_the_owner_of_its_schema_once_and_again_without_harm(
    aws: Script,
) -> None:
    serverless, data = aws.of("redshift-serverless"), aws.of("redshift-data")
    serverless.add_response("get_workgroup", group())
    serverless.add_response("get_namespace", space())
    asked = {"Database": "dev", "SecretArn": SECRET, "WorkgroupName": "dwh"}
    user, schema = beside.owner_sql(MADE, "sparkify")
    assert user == 'CREATE USER "IAMR:dwh-loader-us-west-2" PASSWORD DISABLE'
    assert schema.endswith('"sparkify" AUTHORIZATION "IAMR:dwh-loader-us-west-2"')
    data.add_response("execute_statement", {"Id": "1"}, asked | {"Sql": user})
    failed = {"Id": "1", "Status": "FAILED", "Error": 'user "IAMR:…" already exists'}
    data.add_response("describe_statement", failed, {"Id": "1"})
    data.add_response("execute_statement", {"Id": "2"}, asked | {"Sql": schema})
    data.add_response("describe_statement", {"Id": "2", "Status": "FINISHED"}, {"Id": "2"})
    beside.make_owner(aws.cloud, MADE, "sparkify")


def test_a_statement_that_redshift_refuses_is_named(aws: Script) -> None:
    serverless, data = aws.of("redshift-serverless"), aws.of("redshift-data")
    serverless.add_response("get_workgroup", group())
    serverless.add_response("get_namespace", space())
    data.add_response("execute_statement", {"Id": "1"})
    data.add_response("describe_statement", {"Id": "1", "Status": "FAILED", "Error": "no right"})
    with pytest.raises(ClusterError, match=r"Redshift refused CREATE USER .*: no right"):
        beside.make_owner(aws.cloud, MADE, "sparkify")


# --------------------------------------------------------------------------------------------------
# Before anything is made
# --------------------------------------------------------------------------------------------------


def test_a_name_that_a_workgroup_has_is_taken_and_nothing_is_made(aws: Script) -> None:
    aws.of("redshift-serverless").add_response("get_workgroup", group())
    aws.of("redshift-serverless").add_response("get_namespace", space())
    with pytest.raises(ClusterError, match=r"The name dwh is taken: a workgroup .* another name"):
        beside.require_new(aws.cloud, "dwh", CHOSEN)


def test_a_name_that_nobody_has_passes(aws: Script) -> None:
    code = "ResourceNotFoundException"
    aws.of("redshift-serverless").add_client_error("get_workgroup", code, "no such workgroup")
    beside.require_new(aws.cloud, "dwh", CHOSEN)


def test_one_zone_only_is_told_with_how_many_it_takes(aws: Script) -> None:
    zones = {"AvailabilityZones": [{"ZoneName": "us-west-2a"}]}
    aws.of("ec2").add_response("describe_availability_zones", zones)
    with pytest.raises(ClusterError) as told:
        beside.require_zones(aws.cloud, CHOSEN)
    assert "us-west-2 has 1 availability zones (us-west-2a); the warehouse needs 3." in str(
        told.value
    )


def test_two_zones_are_told_with_the_setting_to_which_they_are_enough(aws: Script) -> None:
    subnets = [{"AvailabilityZone": f"us-west-2{letter}"} for letter in "aab"]
    aws.of("ec2").add_response("describe_subnets", {"Subnets": subnets})
    with pytest.raises(ClusterError, match="Two are enough with --set EnhancedVpcRouting=false"):
        beside.require_zones(aws.cloud, CHOSEN | {"SubnetIds": "subnet-1,subnet-2,subnet-3"})


def test_a_bucket_in_another_region_is_refused_with_both_ways_out(aws: Script) -> None:
    aws.of("s3").add_response("head_bucket", {"BucketRegion": "eu-west-1"})
    with pytest.raises(ClusterError, match=r"our-lake lies in eu-west-1.*--region eu-west-1.*or"):
        beside.lake_to_use(aws.cloud, "dwh", CHOSEN | {"LakeBucket": "our-lake"})


@pytest.mark.parametrize(
    ("status", "told"), [(404, "There is no bucket our-lake"), (403, "another account's")]
)
def test_a_bucket_that_cannot_be_used_is_named(aws: Script, status: int, told: str) -> None:
    aws.of("s3").add_client_error("head_bucket", str(status), "", status)
    with pytest.raises(ClusterError, match=told):
        beside.lake_to_use(aws.cloud, "dwh", CHOSEN | {"LakeBucket": "our-lake"})


def test_expired_credentials_are_told_with_how_to_log_in_again(aws: Script) -> None:
    aws.of("cloudformation").add_client_error("describe_stacks", "ExpiredToken", "expired")
    with pytest.raises(ClusterError, match=r"credentials have expired. Log in again \(`aws sso"):
        stack.look(aws.cloud, "dwh")


def test_what_the_account_may_not_do_is_told_with_the_right_it_lacks(aws: Script) -> None:
    words = "User: bob is not authorized to perform: cloudformation:DescribeStacks"
    aws.of("cloudformation").add_client_error("describe_stacks", "AccessDenied", words)
    with pytest.raises(Refused, match=r"bob is not authorized.*Let your account do that"):
        stack.look(aws.cloud, "dwh")


# --------------------------------------------------------------------------------------------------
# Pausing and deleting
# --------------------------------------------------------------------------------------------------

NODES = replace(MADE, parameters={**CHOSEN, "Warehouse": "provisioned"})


def clusters(status: str) -> dict[str, Any]:
    return {"Clusters": [{"ClusterIdentifier": "dwh", "ClusterStatus": status}]}


def test_pausing_waits_until_it_is_paused(aws: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_PAUSE", 0)
    redshift = aws.of("redshift")
    redshift.add_response("describe_clusters", clusters("available"))
    redshift.add_response("pause_cluster", {}, {"ClusterIdentifier": "dwh"})
    redshift.add_response("describe_clusters", clusters("pausing"))
    redshift.add_response("describe_clusters", clusters("paused"))
    assert beside.switch(aws.cloud, "dwh", pause=True) == "paused"


@pytest.mark.parametrize("pause", [True, False])
def test_pausing_serverless_asks_nothing_of_it_and_says_what_it_does_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pause: bool
) -> None:
    monkeypatch.setattr(command, "cloud_of", lambda *_: None)
    monkeypatch.setattr(stack, "look", lambda *_: MADE)
    command.run_switch("dwh", load_settings(None), "", pause=pause)
    said = " ".join(capsys.readouterr().out.split())
    assert f"there is nothing to {'pause' if pause else 'resume'}. It sleeps by itself" in said
    assert "After 8 RPU-hours in a day queries are turned off" in said
    assert "cluster create dwh --set DailyRpuHours=1" in said


def test_what_is_paused_already_is_asked_for_nothing(aws: Script) -> None:
    for _ in range(2):
        aws.of("redshift").add_response("describe_clusters", clusters("paused"))
    assert beside.switch(aws.cloud, "dwh", pause=True) == "paused"


def test_a_cluster_that_is_busy_is_not_paused(aws: Script) -> None:
    aws.of("redshift").add_response("describe_clusters", clusters("resizing"))
    with pytest.raises(ClusterError, match=r"dwh is resizing: Redshift is busy with it. Wait"):
        beside.switch(aws.cloud, "dwh", pause=True)


def test_a_paused_cluster_is_woken_before_it_is_deleted(aws: Script) -> None:
    aws.of("redshift").add_response("describe_clusters", clusters("paused"))
    with pytest.raises(ClusterError, match=r"no final snapshot .*`sparkify cluster resume dwh`"):
        beside.require_deletable(aws.cloud, NODES)


def test_a_protected_stack_is_told_with_the_command_that_ends_it(aws: Script) -> None:
    words = "Stack [dwh] cannot be deleted while TerminationProtection is enabled"
    aws.of("cloudformation").add_client_error("delete_stack", "ValidationError", words)
    with pytest.raises(ClusterError, match="--no-enable-termination-protection --stack-name dwh"):
        stack.delete(aws.cloud, MADE)


# --------------------------------------------------------------------------------------------------
# The lake's events, and the settings
# --------------------------------------------------------------------------------------------------

OTHERS = {
    "TopicConfigurations": [{"TopicArn": "arn:aws:sns:us-west-2:1:t", "Events": ["s3:*"]}],
    "QueueConfigurations": [{"QueueArn": "arn:aws:sqs:us-west-2:1:q", "Events": ["s3:*"]}],
}


def test_the_notifications_of_others_stay_when_ours_come_and_go() -> None:
    ours = beside.with_events(OTHERS, QUEUE, wanted=True)
    assert ours["TopicConfigurations"] == OTHERS["TopicConfigurations"]
    assert [each["QueueArn"] for each in ours["QueueConfigurations"]] == [
        "arn:aws:sqs:us-west-2:1:q",
        QUEUE,
    ]
    assert beside.with_events(ours, QUEUE, wanted=True) == ours
    assert beside.with_events(ours, QUEUE, wanted=False) == OTHERS
    assert beside.with_events({}, QUEUE, wanted=False) == {}


def test_a_bucket_that_tells_the_queue_already_is_not_written_to(aws: Script) -> None:
    told = beside.with_events(OTHERS, QUEUE, wanted=True)
    aws.of("s3").add_response("get_bucket_notification_configuration", told)
    beside.subscribe(aws.cloud, MADE, wanted=True)


@pytest.mark.parametrize("made", [MADE, NODES], ids=["serverless", "provisioned"])
def test_the_settings_it_writes_are_good_and_hold_no_password(made: Stack, tmp_path: Any) -> None:
    file = tmp_path / "dwh.cfg"
    file.write_text(config_text(made, "us-west-2", {"PROFILE": "", "ENDPOINT_URL": ""}))
    settings = load_settings(file, environ={})
    assert settings.engine == "redshift"
    login = settings.cluster.workgroup or settings.cluster.cluster_id
    assert login == "dwh"
    assert settings.aws.role_arn.endswith("role/dwh-loader-us-west-2")
    assert settings.cluster.db_password.get_secret_value() == ""
    assert settings.s3.queue == made.outputs["QueueUrl"]
    assert "PROFILE" not in file.read_text()
