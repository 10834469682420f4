"""The template: what each choice makes, what it must hold, and what it refuses.

What belongs here: assertions on the template for what no double of AWS makes (Serverless, policies,
secrets, alarms), and the messages for parameters. cfn-lint, checkov and parliament: `make lint`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.cluster import template as t
from sparkify_dagster.cluster.template import ClusterError, require_good, require_name
from sparkify_dagster_tests.policies import EXISTING, Filled

ROOT = Path(__file__).resolve().parents[3]
SERVERLESS, PROVISIONED = Filled(), Filled(Warehouse="provisioned")


def one(filled: Filled, kind: str) -> dict[str, Any]:
    (found,) = filled.of_kind(kind).values()
    return found


def actions(filled: Filled, role: str) -> set[str]:
    found = set()
    for name, policy in filled.policies():
        for statement in policy["Statement"] if name.startswith(role) else ():
            asked = statement["Action"]
            found |= {asked} if isinstance(asked, str) else set(asked)
    return found


def test_the_template_that_is_deployed_is_the_one_that_is_shipped() -> None:
    assert (ROOT / "deploy" / "aws" / "sparkify.yaml").read_text() == t.text()


def test_serverless_sleeps_within_bounds_in_private_and_its_password_is_redshifts() -> None:
    group = one(SERVERLESS, "AWS::RedshiftServerless::Workgroup")
    space = one(SERVERLESS, "AWS::RedshiftServerless::Namespace")
    assert (group["BaseCapacity"], group["MaxCapacity"]) == ("8", "8")
    assert group["PubliclyAccessible"] is False
    assert {"ParameterKey": "require_ssl", "ParameterValue": "true"} in group["ConfigParameters"]
    assert space["ManageAdminPassword"] is True
    assert space["KmsKeyId"] == space["AdminPasswordSecretKmsKeyId"]
    assert space["FinalSnapshotName"] == "sparkify-final-1a2b"
    assert space["FinalSnapshotRetentionPeriod"] == 30
    assert not SERVERLESS.of_kind("AWS::Redshift::Cluster")


def test_a_cluster_is_encrypted_private_and_leaves_a_snapshot() -> None:
    cluster = one(PROVISIONED, "AWS::Redshift::Cluster")
    assert cluster["Encrypted"] is True
    assert cluster["PubliclyAccessible"] is False
    assert cluster["ManageMasterPassword"] is True
    assert cluster["NodeType"].startswith("ra3.")
    assert (cluster["ClusterType"], "NumberOfNodes" in cluster) == ("single-node", False)
    assert PROVISIONED.resources["Cluster"]["DeletionPolicy"] == "Snapshot"
    two = one(Filled(Warehouse="provisioned", NodeCount="2"), "AWS::Redshift::Cluster")
    assert (two["ClusterType"], two["NumberOfNodes"]) == ("multi-node", "2")
    assert not PROVISIONED.of_kind("AWS::RedshiftServerless::Workgroup")


@pytest.mark.parametrize("filled", [SERVERLESS, PROVISIONED], ids=["serverless", "provisioned"])
def test_no_password_is_in_the_template(filled: Filled) -> None:
    assert not [name for name in t.defaults() if "assword" in name]
    said = json.dumps(filled.resources)
    assert "AdminUserPassword" not in said
    assert "MasterUserPassword" not in said
    assert "resolve:" not in said


def test_the_warehouse_has_three_zones_and_two_where_copy_goes_its_own_way() -> None:
    def zones(**more: str) -> int:
        return len(one(Filled(**more), "AWS::RedshiftServerless::Workgroup")["SubnetIds"])

    assert (zones(), zones(EnhancedVpcRouting="false")) == (3, 2)
    assert t.zones_needed({"EnhancedVpcRouting": "true"}) == 3
    subnets = SERVERLESS.of_kind("AWS::EC2::Subnet")
    assert len({of["AvailabilityZone"] for name, of in subnets.items() if name[-1] in "ABC"}) == 3
    own = Filled(VpcId="vpc-1", SubnetIds="subnet-a,subnet-b,subnet-c")
    assert not own.of_kind("AWS::EC2::VPC")
    assert one(own, "AWS::RedshiftServerless::Workgroup")["SubnetIds"] == [
        "subnet-a", "subnet-b", "subnet-c",
    ]  # fmt: skip


def test_nobody_gets_in_but_the_loader_and_private_clients() -> None:
    def let_in(filled: Filled) -> list[Any]:
        groups = filled.of_kind("AWS::EC2::SecurityGroup").values()
        rules = [rule for group in groups for rule in group.get("SecurityGroupIngress", ())]
        return rules + list(filled.of_kind("AWS::EC2::SecurityGroupIngress").values())

    assert [rule["SourceSecurityGroupId"] for rule in let_in(SERVERLESS)] == [
        "LoaderSecurityGroup.GroupId"
    ]
    (_, clients) = let_in(Filled(ClientCidr="10.8.0.0/16"))
    assert (clients["CidrIp"], clients["FromPort"], clients["ToPort"]) == (
        "10.8.0.0/16",
        5439,
        5439,
    )


def test_only_the_loaders_subnet_has_a_way_to_the_internet() -> None:
    joins = SERVERLESS.of_kind("AWS::EC2::SubnetRouteTableAssociation").values()
    out = {each["RouteTableId"] for each in SERVERLESS.of_kind("AWS::EC2::Route").values()}
    assert {each["SubnetId"] for each in joins if each["RouteTableId"] in out} == {"LoaderSubnet"}
    assert len(joins) == 4


def test_the_lake_is_private_encrypted_kept_and_tells_the_queue_of_what_comes_and_goes() -> None:
    lake = one(SERVERLESS, "AWS::S3::Bucket")
    assert set(lake["PublicAccessBlockConfiguration"].values()) == {True}
    assert lake["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert SERVERLESS.resources["Lake"]["DeletionPolicy"] == "Retain"
    told = lake["NotificationConfiguration"]["QueueConfigurations"]
    assert {each["Event"] for each in told} == {"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}
    assert SERVERLESS.resources["Lake"]["DependsOn"] == "QueuePolicy"
    assert not Filled(**EXISTING).of_kind("AWS::S3::Bucket")


def test_only_the_lake_of_this_account_may_write_to_the_queue() -> None:
    for filled, bucket in (
        (SERVERLESS, "sparkify-lake-123456789012-us-west-2"),
        (Filled(**EXISTING), "our-lake"),
    ):
        allowed, denied = one(filled, "AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
        assert allowed["Condition"] == {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
            "StringEquals": {"aws:SourceAccount": "123456789012"},
        }
        assert denied["Effect"] == "Deny"


def test_what_nobody_can_read_goes_to_the_dead_letters_and_what_waits_raises_an_alarm() -> None:
    queue = SERVERLESS.of_kind("AWS::SQS::Queue")["Queue"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"].endswith(":DeadLetters")
    alarms = SERVERLESS.of_kind("AWS::CloudWatch::Alarm")
    age = alarms["AgeAlarm"]
    assert age["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert (age["Threshold"], age["ComparisonOperator"]) == (3600, "GreaterThanThreshold")
    topic = "arn:aws:sns:us-west-2:123456789012:oncall"
    told = Filled(AlarmTopicArn=topic).of_kind("AWS::CloudWatch::Alarm")
    assert [alarm["AlarmActions"] for alarm in told.values()] == [[topic], [topic]]


COPY = {"s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"}
COPY |= {"s3:PutObject", "s3:AbortMultipartUpload"}
LOAD = {
    "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
    "s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads",
    "sqs:ReceiveMessage", "sqs:DeleteMessage",
}  # fmt: skip


def test_each_role_may_do_what_the_page_about_rights_names_and_nothing_else() -> None:
    assert actions(SERVERLESS, "CopyRole") == COPY
    assert actions(SERVERLESS, "LoaderRole") == LOAD | {"redshift-serverless:GetCredentials"}
    assert actions(PROVISIONED, "LoaderRole") == LOAD | {"redshift:GetClusterCredentialsWithIAM"}
    own_key = Filled(**EXISTING)
    assert actions(own_key, "CopyRole") == COPY | {"kms:Decrypt", "kms:GenerateDataKey"}
    page = (ROOT / "docs" / "redshift.md").read_text()
    assert all(action.partition(":")[2] in page for action in LOAD | COPY)


@pytest.mark.parametrize("filled", [SERVERLESS, PROVISIONED, Filled(**EXISTING)])
def test_no_right_is_given_on_everything_and_only_staging_is_written(filled: Filled) -> None:
    for _, policy in filled.policies():
        for statement in policy["Statement"]:
            where = statement["Resource"]
            places = where if isinstance(where, list) else [where]
            assert all(place.startswith("arn:aws:") and place.count(":") >= 5 for place in places)
            if "s3:PutObject" in statement["Action"] or "s3:DeleteObject" in statement["Action"]:
                assert all(place.endswith("/_sparkify_staging/*") for place in places)


def test_every_resource_is_bound_to_its_purpose_or_joins_two_others() -> None:
    joins = ("Association", "Attachment", "Route", "Ingress", "Egress")
    bare = [each for each in t.resources(t.defaults()) if not each.purpose]
    assert all(each.kind.endswith(joins) for each in bare), bare


# --------------------------------------------------------------------------------------------------
# Bad input
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Sparkify", "1st", "a", "x" * 31, "a--b", "a-", "a_b", "ä", ""])
def test_a_name_that_aws_refuses_is_refused_with_what_it_takes(name: str) -> None:
    with pytest.raises(ClusterError, match="2 to 30 lower-case letters, digits"):
        require_name(name)


def test_a_good_name_passes() -> None:
    for name in ("sparkify", "dwh-2", "a1", "x" * 30):
        require_name(name)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ClientCidr": "203.0.113.0/24"}, "ClientCidr is '203.0.113.0/24': it is public"),
        ({"ClientCidr": "0.0.0.0/0"}, "not reachable from the Internet"),
        ({"ClientCidr": "everywhere"}, "private addresses, besides the loader's"),
        ({"VpcPrefix": "8.8"}, "first two numbers of the private addresses"),
        ({"Warehouse": "duckdb"}, "take one of serverless, provisioned"),
        ({"BaseCapacity": "lots"}, "take a whole number from 4 to 1024"),
        ({"BaseCapacity": "16"}, "BaseCapacity 16 is above MaxCapacity 8: raise MaxCapacity"),
        ({"NodeType": "dc2.large"}, "take one of ra3.large"),
        ({"VpcId": "vpc-1a"}, "VpcId and SubnetIds go together"),
        ({"SubnetIds": "subnet-1a"}, "two without EnhancedVpcRouting"),
        ({"LakeBucket": "My_Lake"}, "bucket of the lake that is there already"),
        ({"Capacity": "8"}, "no parameter Capacity. Did you mean"),
    ],
)
def test_a_bad_parameter_is_named_with_what_it_must_be(given: dict[str, str], told: str) -> None:
    with pytest.raises(ClusterError) as refused:
        require_good(given)
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["AdminUserPassword", "MasterPasswd", "DB_PASSWORD", "secret"])
def test_a_password_among_the_parameters_is_refused_and_never_shown(name: str) -> None:
    with pytest.raises(ClusterError) as refused:
        require_good({name: "Hunter2-hunter2"})
    assert "no password is a parameter. Redshift makes the administrator's" in str(refused.value)
    assert "unter2" not in str(refused.value)


def test_the_default_parameters_are_good() -> None:
    require_good({})
    require_good(t.defaults())
