"""The stack in CloudFormation: looking at it, changing it, waiting for it, deleting it.

What belongs here: requests, and waiting. What to do in which state is decided by `decide`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sparkify_dagster.cluster import decide
from sparkify_dagster.cluster.cloud import Cloud, Refused
from sparkify_dagster.cluster.decide import Change, Stack
from sparkify_dagster.cluster.template import ClusterError, text
from sparkify_dagster.core import progress

CHANGE_SET = "sparkify"
"""One name, so that what a command that was killed left behind is found and replaced."""
TAGS = {"application": "sparkify", "made-by": "sparkify-cluster"}
_PAUSE = 5.0
_PATIENCE = 12


def look(cloud: Cloud, name: str) -> Stack | None:
    """The stack of a name or an id; None: there is none.

    Raises:
        Refused: It cannot be asked for.
    """
    try:
        (found,) = cloud.ask("cloudformation", "describe_stacks", StackName=name)["Stacks"]
    except Refused as error:
        if error.code == "ValidationError" and "does not exist" in error.said:
            return None
        raise
    if found["StackStatus"] == "DELETE_COMPLETE":
        return None
    return Stack(
        name=found["StackName"],
        id=found["StackId"],
        status=found["StackStatus"],
        description=found.get("Description", ""),
        parameters={
            each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", ())
        },
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
        tags={each["Key"]: each["Value"] for each in found.get("Tags", ())},
    )


def prepare(
    cloud: Cloud, name: str, parameters: Mapping[str, str], before: Stack | None
) -> tuple[str, list[Change] | None]:
    """Hands the template over as a change set: its id and what it would change; makes nothing.

    None where nothing differs; an empty list where only parameters or outputs do.

    Raises:
        ClusterError: CloudFormation refuses it.
    """
    fresh = before is None or before.status == "REVIEW_IN_PROGRESS"
    if before is not None:
        with suppress(Refused):  # As a rule there is none; what matters is refused below.
            discard(cloud, name, CHANGE_SET)
    asked = cloud.ask(
        "cloudformation", "create_change_set",
        StackName=name,
        ChangeSetName=CHANGE_SET,
        ChangeSetType="CREATE" if fresh else "UPDATE",
        TemplateBody=text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Tags=[{"Key": k, "Value": v} for k, v in {**TAGS, "stack": name}.items()],
    )  # fmt: skip
    return asked["Id"], _changes(cloud, name, asked["Id"])


def _changes(cloud: Cloud, name: str, change_set: str) -> list[Change] | None:
    found: list[Change] = []
    more: dict[str, str] = {}
    while True:
        told = cloud.ask(
            "cloudformation", "describe_change_set",
            StackName=name, ChangeSetName=change_set, **more,
        )  # fmt: skip
        if told["Status"] == "FAILED":
            decide.failed_change_set(told.get("StatusReason", ""))
            return None
        if told["Status"] != "CREATE_COMPLETE":
            progress.report("AWS compares the template with what is there")
            time.sleep(_PAUSE)
            continue
        found += [_change(each["ResourceChange"]) for each in told.get("Changes", ())]
        if not told.get("NextToken"):
            return found
        more = {"NextToken": told["NextToken"]}


def _change(told: Mapping[str, Any]) -> Change:
    replaced = told.get("Replacement", "False") != "False"
    return Change(told["LogicalResourceId"], told["ResourceType"], told["Action"], replaced)


def execute(cloud: Cloud, name: str, change_set: str) -> None:
    """Lets AWS begin; from here on it goes on by itself."""
    cloud.ask("cloudformation", "execute_change_set", StackName=name, ChangeSetName=change_set)


def discard(cloud: Cloud, name: str, change_set: str) -> None:
    """Takes a change set back."""
    cloud.ask("cloudformation", "delete_change_set", StackName=name, ChangeSetName=change_set)


def wait(cloud: Cloud, stack: Stack, total: int) -> Stack | None:
    """Waits until AWS is done with a stack, telling how far it is; None: it is gone.

    Args:
        total: How many resources it has.
    """
    asked = 0
    while True:
        found, asked = look(cloud, stack.id), asked + 1
        # Just executed, a new stack may not say so yet.
        late = found is not None and found.status == "REVIEW_IN_PROGRESS" and asked < _PATIENCE
        if found is None or not (found.is_busy or late):
            return found
        events = _events(cloud, stack.id)
        done, last = decide.how_far(events)
        what = "Deleting" if found.status.startswith("DELETE") else "Making"
        progress.report(f"{what} {stack.name}: {last}" if last else f"{what} {stack.name}",
                        min(done, total), total)  # fmt: skip
        time.sleep(_PAUSE)


def reasons(cloud: Cloud, stack: Stack) -> list[str]:
    """Why its last operation failed, the first failure first, each with its next step."""
    return decide.failures(_events(cloud, stack.id))


def _events(cloud: Cloud, stack: str) -> list[Mapping[str, Any]]:
    """What happened in the last operation, the newest first; its first page says enough."""
    told = cloud.ask("cloudformation", "describe_stack_events", StackName=stack)["StackEvents"]
    return decide.of_last_operation(told)


def delete(cloud: Cloud, stack: Stack) -> None:
    """Lets AWS begin to delete it.

    Raises:
        ClusterError: It is protected against it.
    """
    try:
        cloud.ask("cloudformation", "delete_stack", StackName=stack.name)
    except Refused as error:
        if "TerminationProtection" in error.said:
            raise ClusterError(
                f"{stack.name} is protected against deletion. If that is meant: `aws "
                "cloudformation update-termination-protection --no-enable-termination-protection "
                f"--stack-name {stack.name}`, then again."
            ) from None
        raise
