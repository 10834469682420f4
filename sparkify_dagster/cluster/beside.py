"""What stands beside the stack: facts it depends on, and what CloudFormation has no kind for.

That is a usage limit of Serverless, the events of a bucket that was there before, the database's
owner of the schema, pausing and resuming. Each may be done again and does no harm then. What does
not belong here: what the stack itself holds (`stack`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sparkify_dagster.cluster.cloud import Cloud, Refused
from sparkify_dagster.cluster.decide import Stack
from sparkify_dagster.cluster.template import ClusterError, lake_of, zones_needed
from sparkify_dagster.core import progress

_EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
_PAUSE = 1.0
_ASKED_NOTHING = "not known"


# --------------------------------------------------------------------------------------------------
# Before anything is made
# --------------------------------------------------------------------------------------------------


def account(cloud: Cloud) -> str:
    """The account's number; also shows that the credentials are good."""
    return str(cloud.ask("sts", "get_caller_identity")["Account"])


def require_new(cloud: Cloud, name: str, parameters: Mapping[str, str]) -> None:
    """Lets a name pass that no cluster or workgroup of somebody else has.

    Raises:
        ClusterError: One has it.
    """
    with suppress(Refused):  # There is none; or it may not be asked, then CloudFormation will say.
        state(cloud, name, parameters["Warehouse"])
        what = "workgroup" if parameters["Warehouse"] == "serverless" else "cluster"
        raise ClusterError(
            f"The name {name} is taken: a {what} of Redshift is called so, and no stack of that "
            "name made it. Take another name."
        )


def lake_to_use(cloud: Cloud, name: str, parameters: Mapping[str, str]) -> str:
    """The bucket that is there and is to be used; blank: a new one.

    Raises:
        ClusterError: The bucket cannot be used.
    """
    asked = parameters["LakeBucket"]
    bucket = asked or lake_of(name, account(cloud), cloud.region)
    try:
        told = cloud.ask("s3", "head_bucket", Bucket=bucket)
    except Refused as error:
        if not asked and error.code in ("404", "NoSuchBucket"):
            return ""
        if error.code in ("404", "NoSuchBucket"):
            raise ClusterError(
                f"There is no bucket {bucket}. Leave LakeBucket out for a new one, or mend "
                "its name."
            ) from None
        if error.code in ("301", "403", "400"):
            raise ClusterError(
                f"The bucket {bucket} is another account's, in another region, or closed to you. "
                "Take one of yours in the cluster's region, or leave LakeBucket out for a new one."
            ) from None
        raise
    region = told.get("BucketRegion") or cloud.region
    if region != cloud.region:
        raise ClusterError(
            f"The bucket {bucket} lies in {region}, the cluster would be in {cloud.region}: COPY "
            f"would pay for each byte between them. Make the cluster there (--region {region}), or "
            "take another bucket."
        )
    return bucket


def require_zones(cloud: Cloud, parameters: Mapping[str, str]) -> None:
    """Lets a network pass that has subnets in as many zones as the warehouse needs.

    Raises:
        ClusterError: It, or the region, has fewer.
    """
    needed, subnets = zones_needed(parameters), parameters["SubnetIds"]
    if subnets:
        ids = subnets.split(",")
        told = cloud.ask("ec2", "describe_subnets", SubnetIds=ids)["Subnets"]
        where = f"The subnets {subnets} lie in"
    else:
        only = [{"Name": "state", "Values": ["available"]},
                {"Name": "zone-type", "Values": ["availability-zone"]}]  # fmt: skip
        told = cloud.ask("ec2", "describe_availability_zones", Filters=only)
        told = told["AvailabilityZones"]
        where = f"The region {cloud.region} has"
    zones = sorted({each.get("AvailabilityZone") or each["ZoneName"] for each in told})
    if len(zones) >= needed:
        return
    less = " Two are enough with --set EnhancedVpcRouting=false." if needed == 3 else ""
    raise ClusterError(
        f"{where} {len(zones)} availability zones ({', '.join(zones)}); the warehouse needs "
        f"{needed}.{less if len(zones) == 2 else ''} Take subnets in other "
        "zones, or another region."
    )


# --------------------------------------------------------------------------------------------------
# The warehouse
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """The warehouse as Redshift tells of it."""

    status: str
    secret: str


def state(cloud: Cloud, name: str, kind: str) -> State:
    """How the warehouse of a name is.

    Raises:
        Refused: There is none, or it may not be asked.
    """
    if kind == "serverless":
        of_group = cloud.ask("redshift-serverless", "get_workgroup", workgroupName=name)
        of_space = cloud.ask("redshift-serverless", "get_namespace", namespaceName=name)
        secret = of_space["namespace"].get("adminPasswordSecretArn", "")
        return State(of_group["workgroup"]["status"].lower(), secret)
    (found,) = cloud.ask("redshift", "describe_clusters", ClusterIdentifier=name)["Clusters"]
    return State(found["ClusterStatus"], found.get("MasterPasswordSecretArn", ""))


def switch(cloud: Cloud, name: str, *, pause: bool) -> str:
    """Pauses or resumes a provisioned cluster; gives the state it is in then.

    Raises:
        ClusterError: It is in a state from which it cannot.
    """
    before, wanted = state(cloud, name, "provisioned").status, "paused" if pause else "available"
    if before != wanted and before not in ("pausing", "resuming"):
        if before not in ("available", "paused"):
            raise ClusterError(
                f"{name} is {before}: Redshift is busy with it. Wait, then again: `sparkify "
                f"cluster status {name}`."
            )
        operation = "pause_cluster" if pause else "resume_cluster"
        cloud.ask("redshift", operation, ClusterIdentifier=name)
    while (now := state(cloud, name, "provisioned").status) != wanted:
        progress.report(f"{'Pausing' if pause else 'Resuming'} {name}: {now}")
        time.sleep(_PAUSE)
    return now


def described(cloud: Cloud, stack: Stack) -> str:
    """The warehouse's state in a few words, with its usage limit."""
    try:
        told = state(cloud, stack.name, stack.parameters["Warehouse"]).status
        if arn := stack.outputs.get("WorkgroupArn"):
            limit = usage_limit(cloud, arn)
            told += f", {limit['amount']} RPU-hours a day" if limit else ", NO USAGE LIMIT"
    except Refused as error:
        return f"{_ASKED_NOTHING} ({error})"
    return told


def require_deletable(cloud: Cloud, stack: Stack) -> None:
    """Lets a warehouse pass of which a final snapshot can be taken.

    Raises:
        ClusterError: It is paused.
    """
    if stack.parameters.get("Warehouse") != "provisioned":
        return
    with suppress(Refused):  # It is gone already, or may not be asked.
        if state(cloud, stack.name, "provisioned").status in ("paused", "pausing"):
            raise ClusterError(
                f"{stack.name} is paused: no final snapshot can be taken of it. Wake it first: "
                f"`sparkify cluster resume {stack.name}`."
            )


def limit_usage(cloud: Cloud, stack: Stack) -> None:
    """Sets the usage limit that the stack's parameters name: beyond it, queries are turned off."""
    arn, amount = stack.outputs["WorkgroupArn"], int(stack.parameters["DailyRpuHours"])
    wanted = {"amount": amount, "breachAction": "deactivate"}
    found = usage_limit(cloud, arn)
    if found is None:
        cloud.ask("redshift-serverless", "create_usage_limit", resourceArn=arn,
                  usageType="serverless-compute", period="daily", **wanted)  # fmt: skip
    elif {key: found.get(key) for key in wanted} != wanted:
        cloud.ask("redshift-serverless", "update_usage_limit",
                  usageLimitId=found["usageLimitId"], **wanted)  # fmt: skip


def usage_limit(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    """The daily limit of a workgroup; None: it has none."""
    told = cloud.ask("redshift-serverless", "list_usage_limits", resourceArn=arn,
                     usageType="serverless-compute")  # fmt: skip
    daily = (limit for limit in told.get("usageLimits", ()) if limit.get("period") == "daily")
    return next(daily, None)


def owner_sql(stack: Stack, schema: str) -> tuple[str, str]:
    """What an administrator runs once, so that the loader owns its schema and needs no more."""
    user = f'"IAMR:{stack.outputs["LoaderRoleArn"].rpartition("/")[2]}"'
    return (
        f"CREATE USER {user} PASSWORD DISABLE",
        f'CREATE SCHEMA IF NOT EXISTS "{schema}" AUTHORIZATION {user}',
    )


def make_owner(cloud: Cloud, stack: Stack, schema: str) -> None:
    """Runs it, as the administrator, by Redshift's Data API: no password comes here.

    Raises:
        ClusterError: It cannot be run, or failed.
    """
    kind = stack.parameters["Warehouse"]
    secret = state(cloud, stack.name, kind).secret
    if not secret:
        raise ClusterError("Redshift tells of no administrator's secret.")
    place = "WorkgroupName" if kind == "serverless" else "ClusterIdentifier"
    for sql in owner_sql(stack, schema):
        asked = cloud.ask(
            "redshift-data", "execute_statement",
            Sql=sql, Database=stack.outputs["Database"], SecretArn=secret, **{place: stack.name},
        )  # fmt: skip
        while (told := cloud.ask("redshift-data", "describe_statement", Id=asked["Id"]))[
            "Status"
        ] not in ("FINISHED", "FAILED", "ABORTED"):
            progress.report("Making the loader the owner of its schema")
            time.sleep(_PAUSE)
        if told["Status"] != "FINISHED" and "already exists" not in told.get("Error", ""):
            raise ClusterError(f"Redshift refused {sql}: {told.get('Error', told['Status'])}.")


# --------------------------------------------------------------------------------------------------
# The lake's events
# --------------------------------------------------------------------------------------------------


def with_events(told: Mapping[str, Any], queue: str, *, wanted: bool) -> dict[str, Any]:
    """A bucket's notifications with, or without, those of a queue; others' stay as they are."""
    kept = dict(told)
    others = [each for each in kept.pop("QueueConfigurations", ()) if each["QueueArn"] != queue]
    own = [{"Id": f"sparkify-{queue.rpartition(':')[2]}", "QueueArn": queue,
            "Events": list(_EVENTS)}]  # fmt: skip
    queues = others + (own if wanted else [])
    return kept | ({"QueueConfigurations": queues} if queues else {})


def subscribe(cloud: Cloud, stack: Stack, *, wanted: bool) -> None:
    """Lets the lake's bucket tell the stack's queue what happens in it, or no more.

    Raises:
        ClusterError: The bucket does not take it, as where it tells others of the same events.
    """
    bucket, queue = stack.outputs["LakeBucket"], stack.outputs["QueueArn"]
    before = cloud.ask("s3", "get_bucket_notification_configuration", Bucket=bucket)
    before.pop("ResponseMetadata", None)
    now = with_events(before, queue, wanted=wanted)
    heard = {e["QueueArn"]: sorted(e["Events"]) for e in before.get("QueueConfigurations", ())}
    if now == before or (wanted and heard.get(queue) == sorted(_EVENTS)):
        return
    cloud.ask("s3", "put_bucket_notification_configuration",
              Bucket=bucket, NotificationConfiguration=now)  # fmt: skip


def waiting(cloud: Cloud, url: str) -> int | str:
    """Messages in a queue; words where they cannot be counted."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    try:
        told = cloud.ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)
    except Refused:
        return _ASKED_NOTHING
