"""What to do in which state of a stack, and what its events say.

What belongs here: pure functions of what CloudFormation told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sparkify_dagster.cluster.template import ClusterError, template
from sparkify_dagster.core.text import in_a_line

_STEPS = (
    (r"quota|limit|exceeded",
     "A quota of the account is reached: delete what is not needed, or have it raised (Service "
     "Quotas). A network there is already needs no new one: --set VpcId=… --set SubnetIds=…"),
    (r"already exists|in use by|not unique",
     "The name is taken: choose another, or delete what has it."),
    (r"not authorized|access ?denied|forbidden",
     "Let your account do that, or take another profile."),
    (r"subnet|availability zone",
     "Serverless takes subnets in three zones, in two with --set EnhancedVpcRouting=false; some "
     "zones of a region do not have it. Try another region, or subnets of your own."),
    (r"password|secret", "No password is a parameter: leave it to Redshift."),
    (r"not empty|dependen|has a dependent|in use",
     "Something that is not the stack's uses it (a machine in its subnet, a network interface): "
     "take that away first."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation tells of it."""

    name: str
    id: str
    status: str
    description: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]

    @property
    def is_busy(self) -> bool:
        """AWS is at work on it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def is_ready(self) -> bool:
        """It is there as it was asked for."""
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE",
                               "IMPORT_COMPLETE")  # fmt: skip

    @property
    def is_ours(self) -> bool:
        """It was made from this template, by this command or by other tools."""
        # Before it is executed a change set has made nothing but its own name.
        blank = self.status == "REVIEW_IN_PROGRESS"
        return blank or self.description == template()["Description"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a change set would do to a resource.

    Attributes:
        replaced: It is, or may be, made anew: what it held is not in the new one.
    """

    name: str
    kind: str
    action: str
    replaced: bool

    @property
    def loses(self) -> bool:
        """Something that is there goes."""
        return self.action == "Remove" or self.replaced


Step = Literal["make", "change", "wait"]


def creating(name: str, stack: Stack | None) -> Step:
    """What `create` has to do.

    Raises:
        ClusterError: It can do nothing; says what somebody must do first.
    """
    if stack is None or stack.status == "REVIEW_IN_PROGRESS":
        return "make"
    stack = existing(name, stack)
    if stack.is_ready:
        return "change"
    status = stack.status
    if status in (
        "CREATE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    ):
        return "wait"
    if stack.is_busy:
        what = "is being deleted" if status.startswith("DELETE") else "is being undone by AWS"
        raise ClusterError(
            f"{name} {what} ({status}). Wait for its end: `sparkify cluster status {name}`."
        )
    if status == "UPDATE_ROLLBACK_FAILED":
        raise ClusterError(
            f"{name} is in UPDATE_ROLLBACK_FAILED: AWS could not take a change back. When the "
            f"cause is gone: `aws cloudformation continue-update-rollback --stack-name {name}`."
        )
    raise ClusterError(
        f"{name} is in {status}: what was begun before failed, and nothing of it can be used. Why: "
        f"`sparkify cluster status {name}`. Take it away, then create it again: "
        f"`sparkify cluster delete {name}`."
    )


def deleting(name: str, stack: Stack | None) -> Stack:
    """The stack that may be deleted.

    Raises:
        ClusterError: There is none, or somebody else made it.
    """
    none = (
        f"There is no {name} in this region that `sparkify cluster create` made. If a cluster "
        "or workgroup is called so, somebody made it otherwise: delete it where it was made. "
        "Another region: --region."
    )
    return _ours(stack, none, "Delete it by the tool that made it.")


def existing(name: str, stack: Stack | None) -> Stack:
    """The stack to look at, pause or resume.

    Raises:
        ClusterError: There is none, or somebody else made it.
    """
    none = (
        f"There is no {name} in this region. Make it: `sparkify cluster create {name}`; or "
        "name another region: --region."
    )
    return _ours(stack, none, "Take another name.")


def _ours(stack: Stack | None, none: str, step: str) -> Stack:
    if stack is None:
        raise ClusterError(none)
    if not stack.is_ours:
        raise ClusterError(
            f"The stack {stack.name} is somebody else's: it was not made from Sparkify's template. "
            f"It is left alone. {step}"
        )
    return stack


def failed_change_set(reason: str) -> None:
    """Lets pass that a change set failed because nothing differs.

    Raises:
        ClusterError: It failed for another reason.
    """
    if re.search(r"didn't contain changes|no updates are to be performed", reason, re.IGNORECASE):
        return
    raise ClusterError(f"CloudFormation does not take it: {advised(reason)}")


def of_last_operation(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The events since the stack's last operation began, the newest first."""
    last: list[Mapping[str, Any]] = []
    for event in events:
        last.append(event)
        of_stack = event["PhysicalResourceId"] == event["StackId"]
        begun = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        if of_stack and event["ResourceStatus"] in begun:
            break
    return last


def how_far(events: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """How many resources are done, and which one AWS spoke of last."""
    own = [event for event in events if event["PhysicalResourceId"] != event["StackId"]]
    done = {e["LogicalResourceId"] for e in own if e["ResourceStatus"].endswith("_COMPLETE")}
    return len(done), own[0]["LogicalResourceId"] if own else ""


def failures(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """What failed, the first first, with its next step; what only followed is left out."""
    failed = [
        f"{event['LogicalResourceId']}: {advised(event.get('ResourceStatusReason', ''))}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
        if "cancelled" not in event.get("ResourceStatusReason", "").lower()
    ]
    return failed[:3]


def advised(reason: str) -> str:
    """AWS's words, and what to do about them."""
    said = in_a_line(reason).rstrip(".")
    steps = (step for words, step in _STEPS if re.search(words, said, re.IGNORECASE))
    return f"{said}. {next(steps, '')}".rstrip()
