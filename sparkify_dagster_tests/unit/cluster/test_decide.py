"""What is done in which state of a stack, and what its events say."""

from __future__ import annotations

from typing import Any

import pytest

from sparkify_dagster.cluster import decide
from sparkify_dagster.cluster.decide import Stack
from sparkify_dagster.cluster.template import ClusterError, template

OURS = template()["Description"]


def stack(status: str, description: str = OURS) -> Stack:
    return Stack("dwh", "arn:stack/dwh/1", status, description, {}, {}, {})


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (None, "make"),
        ("REVIEW_IN_PROGRESS", "make"),
        ("CREATE_IN_PROGRESS", "wait"),
        ("UPDATE_IN_PROGRESS", "wait"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait"),
        ("CREATE_COMPLETE", "change"),
        ("UPDATE_COMPLETE", "change"),
        ("UPDATE_ROLLBACK_COMPLETE", "change"),
    ],
)
def test_create_makes_changes_or_takes_up_what_is_going_on(status: str | None, step: str) -> None:
    assert decide.creating("dwh", stack(status) if status else None) == step


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("ROLLBACK_COMPLETE", "Take it away, then create it again: `sparkify cluster delete dwh`"),
        ("ROLLBACK_FAILED", "`sparkify cluster delete dwh`"),
        ("CREATE_FAILED", "`sparkify cluster delete dwh`"),
        ("DELETE_FAILED", "Why: `sparkify cluster status dwh`"),
        ("ROLLBACK_IN_PROGRESS", "is being undone by AWS (ROLLBACK_IN_PROGRESS). Wait"),
        ("DELETE_IN_PROGRESS", "is being deleted (DELETE_IN_PROGRESS). Wait"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name dwh"),
    ],
)
def test_create_says_what_must_be_done_first_with_a_stack_that_failed(
    status: str, told: str
) -> None:
    with pytest.raises(ClusterError) as refused:
        decide.creating("dwh", stack(status))
    assert told in str(refused.value)
    assert status in str(refused.value)


def test_a_stack_of_somebody_else_is_left_alone_by_every_command() -> None:
    theirs = stack("CREATE_COMPLETE", "Our billing")
    for ask in (decide.creating, decide.deleting, decide.existing):
        with pytest.raises(ClusterError, match=r"somebody else's.*It is left alone"):
            ask("dwh", theirs)


def test_what_is_not_there_is_not_deleted_and_the_reader_learns_why_it_may_be_seen() -> None:
    with pytest.raises(ClusterError, match=r"somebody made it otherwise.*--region"):
        decide.deleting("dwh", None)
    with pytest.raises(ClusterError, match="`sparkify cluster create dwh`"):
        decide.existing("dwh", None)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "DELETE_FAILED", "REVIEW_IN_PROGRESS"])
def test_what_failed_or_was_never_begun_can_be_deleted(status: str) -> None:
    assert decide.deleting("dwh", stack(status)).status == status


def event(name: str, status: str, reason: str = "") -> dict[str, Any]:
    of_stack = name == "dwh"
    return {
        "StackId": "arn:stack/dwh/1", "LogicalResourceId": name, "ResourceStatus": status,
        "PhysicalResourceId": "arn:stack/dwh/1" if of_stack else name,
        "ResourceStatusReason": reason,
    }  # fmt: skip


EVENTS = [  # The newest first, as CloudFormation tells them.
    event("dwh", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Vpc]."),
    event("Queue", "CREATE_FAILED", "Resource creation cancelled"),
    event("Vpc", "CREATE_FAILED", "The maximum number of VPCs has been reached (VpcLimitExceeded)"),
    event("Key", "CREATE_COMPLETE"),
    event("Vpc", "CREATE_IN_PROGRESS"),
    event("dwh", "CREATE_IN_PROGRESS", "User Initiated"),
    event("dwh", "DELETE_COMPLETE"),
    event("Lake", "DELETE_FAILED", "of an earlier operation"),
]


def test_the_first_failure_is_told_with_its_next_step_and_what_only_followed_is_not() -> None:
    last = decide.of_last_operation(EVENTS)
    assert len(last) == 6
    (told,) = decide.failures(last)
    assert told.startswith("Vpc: The maximum number of VPCs has been reached")
    assert "quota" in told
    assert decide.how_far(last) == (1, "Queue")


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("Service quota exceeded for workgroups", "have it raised (Service Quotas)"),
        ("dwh-lake already exists", "choose another"),
        ("User x is not authorized to perform: kms:CreateKey", "take another profile"),
        ("The subnets are in too few Availability Zones", "--set EnhancedVpcRouting=false"),
        ("The vpc 'vpc-1' has dependencies and cannot be deleted", "take that away first"),
        ("Something nobody foresaw", "Something nobody foresaw."),
    ],
)
def test_what_aws_says_of_a_failure_comes_with_what_to_do(reason: str, step: str) -> None:
    assert decide.advised(reason).startswith(reason)
    assert step in decide.advised(reason)


def test_a_change_set_without_changes_is_none_and_any_other_failure_is_told() -> None:
    decide.failed_change_set("The submitted information didn't contain changes.")
    decide.failed_change_set("No updates are to be performed.")
    with pytest.raises(ClusterError, match="CloudFormation does not take it: Access denied"):
        decide.failed_change_set("Access denied for operation 'x'")
