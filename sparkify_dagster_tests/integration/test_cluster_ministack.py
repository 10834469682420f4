"""What moto does not make of the template, made by ministack: policies, events, alarms.

It knows neither Redshift nor rules of security groups by themselves: these are taken out first. It
needs a botocore of its own, so it has an environment of its own, which `make drills` makes.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.cluster import beside, stack
from sparkify_dagster.cluster.cloud import Cloud
from sparkify_dagster.cluster.template import defaults, template
from sparkify_dagster.core.aws import AwsAccess

PROGRAM = Path(__file__).resolve().parents[2] / ".venv-ministack" / "bin" / "ministack"
NAME, LAKE = "mini", "mini-lake-000000000000-us-west-2"

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(
        not PROGRAM.exists(), reason="needs .venv-ministack (`make drills` makes it)"
    ),
]


def without_redshift() -> str:
    """The template without what ministack refuses to know."""
    whole: dict[str, Any] = json.loads(json.dumps(template()))
    for name, of in list(whole["Resources"].items()):
        if "Redshift" in of["Type"] or of["Type"].endswith(("Egress", "Ingress")):
            del whole["Resources"][name]
    of_redshift = ("Host", "UsageLimit", "WorkgroupArn")
    whole["Outputs"] = {k: v for k, v in whole["Outputs"].items() if k not in of_redshift}
    (load,) = whole["Resources"]["LoaderRole"]["Properties"]["Policies"]
    for statement in load["PolicyDocument"]["Statement"]:
        if statement.get("Fn::If", [""])[0] == "Serverless":
            statement["Fn::If"][1]["Resource"] = "arn:aws:redshift-serverless:x:1:workgroup/y"
    return json.dumps(whole)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = {"PATH": os.environ["PATH"], "HOME": str(tmp_path_factory.mktemp("home"))}
    process = subprocess.Popen(
        [PROGRAM], env=known | {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        keys = {"access_key_id": "test", "secret_access_key": "test"}
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with closing(socket.socket()) as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Cloud(AwsAccess(region="us-west-2", endpoint_url=url, **keys))
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def made(cloud: Cloud) -> stack.Stack:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "text", without_redshift)
        patch.setattr(stack, "_PAUSE", 0.1)
        change_set, changes = stack.prepare(cloud, NAME, defaults(), None)
        assert changes
        stack.execute(cloud, NAME, change_set)
        found = stack.look(cloud, NAME)
        assert found is not None
        found = stack.wait(cloud, found, len(changes))
    assert found is not None
    assert found.status == "CREATE_COMPLETE", stack.reasons(cloud, found)
    return found


def attributes(cloud: Cloud, url: str) -> dict[str, str]:
    told = cloud.ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    there: dict[str, str] = told["Attributes"]
    return there


def test_the_lake_that_was_made_is_private_and_its_events_reach_the_queue(
    cloud: Cloud, made: stack.Stack
) -> None:
    assert made.outputs["LakeBucket"] == LAKE
    block = cloud.ask("s3", "get_public_access_block", Bucket=LAKE)
    assert set(block["PublicAccessBlockConfiguration"].values()) == {True}
    (denied,) = json.loads(cloud.ask("s3", "get_bucket_policy", Bucket=LAKE)["Policy"])["Statement"]
    assert (denied["Effect"], denied["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )
    url = made.outputs["QueueUrl"]
    before = int(attributes(cloud, url)["ApproximateNumberOfMessages"])
    cloud.ask("s3", "put_object", Bucket=LAKE, Key="log_data/2018/11/x.json", Body=b"{}")
    assert int(attributes(cloud, url)["ApproximateNumberOfMessages"]) == before + 1


def test_the_queues_policy_and_the_alarms_were_made(cloud: Cloud, made: stack.Stack) -> None:
    allowed, denied = json.loads(attributes(cloud, made.outputs["QueueUrl"])["Policy"])["Statement"]
    assert allowed["Principal"] == {"Service": "s3.amazonaws.com"}
    assert allowed["Condition"]["ArnEquals"] == {"aws:SourceArn": f"arn:aws:s3:::{LAKE}"}
    assert denied["Effect"] == "Deny"
    alarms = {
        alarm["AlarmName"]: (alarm["MetricName"], alarm["Threshold"])
        for alarm in cloud.ask("cloudwatch", "describe_alarms")["MetricAlarms"]
    }
    assert alarms == {
        "mini-lake-events-wait": ("ApproximateAgeOfOldestMessage", 3600),
        "mini-lake-events-dead": ("ApproximateNumberOfMessagesVisible", 0),
    }


def test_events_can_be_taken_back_and_given_again(cloud: Cloud, made: stack.Stack) -> None:
    def queues() -> list[str]:
        told = cloud.ask("s3", "get_bucket_notification_configuration", Bucket=LAKE)
        return [each["QueueArn"] for each in told.get("QueueConfigurations", ())]

    beside.subscribe(cloud, made, wanted=False)
    assert queues() == []
    beside.subscribe(cloud, made, wanted=True)
    assert queues() == [made.outputs["QueueArn"]]


def test_a_stack_that_is_deleted_leaves_the_lake_with_what_is_in_it(
    cloud: Cloud, made: stack.Stack
) -> None:
    cloud.ask("s3", "put_object", Bucket=LAKE, Key="song_data/a.json", Body=b"{}")
    stack.delete(cloud, made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "_PAUSE", 0.1)
        assert stack.wait(cloud, made, 1) is None
    keys = cloud.ask("s3", "list_objects_v2", Bucket=LAKE)["Contents"]
    assert "song_data/a.json" in [each["Key"] for each in keys]
