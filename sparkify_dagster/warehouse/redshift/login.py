"""Who we are to Redshift: user and password, in memory till they expire or are refused.

A password that IAM makes lives for minutes, and one in Secrets Manager may be rotated at any
moment. What belongs here: asking for credentials, and keeping them. What does not: using them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sparkify_dagster.core.aws import AwsAccess, AwsError
from sparkify_dagster.core.text import in_a_line
from sparkify_dagster.settings import ClusterSettings
from sparkify_dagster.warehouse.engine import WarehouseError

_LIFETIME = 900
"""Seconds an IAM password is valid: the shortest AWS offers."""
_MARGIN = timedelta(seconds=60)
"""So long before it expires it is not used any more."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and their password; the password stays out of every repr.

    Attributes:
        until: When it expires; None where that is not known.
    """

    user: str
    password: str = field(repr=False)
    until: datetime | None = field(default=None, compare=False)

    @property
    def is_over(self) -> bool:
        """Whether they have expired, or are about to."""
        return self.until is not None and self.until - _MARGIN < datetime.now(UTC)


@dataclass(slots=True)
class Login:
    """A way to get credentials, which are kept till they expire or are refused.

    Attributes:
        ask: Gives new ones.
    """

    ask: Callable[[], Credentials] = field(repr=False)
    _kept: Credentials | None = field(default=None, init=False, repr=False)

    def credentials(self) -> Credentials:
        """User and password, valid now.

        Raises:
            WarehouseError: There are none; says which, why and what to do.
        """
        if self._kept is None or self._kept.is_over:
            self._kept = self.ask()
        return self._kept

    def forget(self) -> None:
        """Lets go of what was refused: the next ones are new."""
        self._kept = None


@cache  # One for all who log in by these settings in this process: a command and its run.
def login_of(cluster: ClusterSettings, access: AwsAccess) -> Login:
    """The way that the settings name."""
    if cluster.secret_arn:
        return Login(partial(from_secret, cluster, access))
    if cluster.cluster_id:
        return Login(partial(from_cluster, cluster, access))
    if cluster.workgroup:
        return Login(partial(from_workgroup, cluster, access))
    return Login(partial(as_set, cluster))


def as_set(cluster: ClusterSettings) -> Credentials:
    """User and password from the settings."""
    return Credentials(cluster.db_user, cluster.db_password.get_secret_value())


def from_secret(cluster: ClusterSettings, access: AwsAccess) -> Credentials:
    """What a secret in Secrets Manager holds now, in the form Redshift's own secrets have."""
    secret = cluster.secret_arn

    def ask() -> Any:
        return access.client("secretsmanager").get_secret_value(SecretId=secret)

    answer = _asked(access, ask, f"the secret {secret}", "secretsmanager:GetSecretValue")
    try:
        held = json.loads(answer["SecretString"])
        return Credentials(str(held["username"]), str(held["password"]))
    except (KeyError, TypeError, ValueError, RecursionError):
        # Not with `from`: the text of the error may quote the secret.
        raise WarehouseError(
            f"the secret {secret} is no JSON object with username and password; "
            "[CLUSTER] SECRET_ARN must name one that Redshift uses."
        ) from None


def from_cluster(cluster: ClusterSettings, access: AwsAccess) -> Credentials:
    """What IAM makes for a provisioned cluster: a named user, or without one the IAM identity."""
    asked: dict[str, Any] = {
        "ClusterIdentifier": cluster.cluster_id,
        "DbName": cluster.db_name,
        "DurationSeconds": _LIFETIME,
    }

    def ask() -> Any:
        client = access.client("redshift")
        if user := cluster.db_user:
            return client.get_cluster_credentials(**asked, DbUser=user, AutoCreate=False)
        return client.get_cluster_credentials_with_iam(**asked)

    what = f"the cluster {cluster.cluster_id}"
    right = "redshift:GetClusterCredentials" + ("" if cluster.db_user else "WithIAM")
    answer = _asked(access, ask, what, right)
    return _made(answer, what, "DbUser", "DbPassword", "Expiration")


def from_workgroup(cluster: ClusterSettings, access: AwsAccess) -> Credentials:
    """What IAM makes for a serverless workgroup."""

    def ask() -> Any:
        return access.client("redshift-serverless").get_credentials(
            workgroupName=cluster.workgroup, dbName=cluster.db_name, durationSeconds=_LIFETIME
        )

    what = f"the workgroup {cluster.workgroup}"
    answer = _asked(access, ask, what, "redshift-serverless:GetCredentials")
    return _made(answer, what, "dbUser", "dbPassword", "expiration")


def _made(answer: Any, what: str, user: str, password: str, until: str) -> Credentials:
    over = answer.get(until) or datetime.now(UTC) + timedelta(seconds=_LIFETIME)
    try:
        return Credentials(str(answer[user]), str(answer[password]), over)
    except KeyError as missing:
        raise WarehouseError(f"no login from {what}: AWS: an answer without {missing}.") from None


def _asked(access: AwsAccess, ask: Callable[[], Any], what: str, right: str) -> Any:
    try:
        return ask()
    except AwsError as error:
        raise WarehouseError(f"no login from {what}: {error}") from None
    except (BotoCoreError, ClientError) as error:
        said = access.reason(error) or _refusal(error, right)
        raise WarehouseError(f"no login from {what}: AWS: {said}") from None


def _refusal(error: Exception, right: str) -> str:
    """What AWS answered, and what to do."""
    if not isinstance(error, ClientError):
        return f"{in_a_line(error)}. Check [CLUSTER] and [AWS]."
    answer = error.response.get("Error", {})
    code, said = in_a_line(answer.get("Code", ""), 60), in_a_line(answer.get("Message", ""))
    if "AccessDenied" in code or "NotAuthorized" in code:
        return f"{code} {said}. It takes the permission {right}."
    return (
        f"{code} {said}. Check the name in [CLUSTER], and whether [AWS] REGION is its region; it "
        f"takes the permission {right}."
    )
