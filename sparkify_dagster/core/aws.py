"""How AWS is reached: profile, region, role, tries; and what to say when it cannot be.

What belongs here: sessions, clients, credentials. What does not: buckets and objects
(`lake.store.s3`). Nothing is looked up until it is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore import exceptions
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
    ReadOnlyCredentials,
)

from sparkify_dagster.core.errors import CloudError
from sparkify_dagster.core.text import in_a_line

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 60
USER_AGENT = "sparkify"
_CONNECTIONS = 64

_NO_CREDENTIALS = (
    "no credentials. Set [AWS] PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
    "this machine a role."
)
_EXPIRED = "the credentials have expired. Log in again (`aws sso login`), or renew the token."
_NO_REGION = "no region. Set [AWS] REGION, or AWS_DEFAULT_REGION."
_BY_CODE = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidToken": "the session token is not valid. Renew it, or set [AWS] PROFILE.",
    "InvalidAccessKeyId": "the access key is not known to AWS. Set another [AWS] PROFILE or key.",
    "InvalidClientTokenId": "the access key is not known to AWS. Set another [AWS] PROFILE or key.",
    "UnrecognizedClientException": "the access key is not known to AWS. Set another key.",
    "SignatureDoesNotMatch": "the secret key does not fit the access key. Mend the credentials.",
    "RequestTimeTooSkewed": "this machine's clock is wrong. Set it.",
}


class NoAnswer(exceptions.BotoCoreError):  # type: ignore[misc]
    """An answer that botocore cannot read. What it says of it may quote what was in it."""

    fmt = "an answer that is none ({kind}); try again, or check [AWS] ENDPOINT_URL"


class AwsError(CloudError):
    """AWS cannot be reached as this account: credentials, role, profile, region or network."""


class _Held:
    """The session of one `AwsAccess`: made once, at the first question."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.session: Any = None


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Who we are and where AWS is.

    Attributes:
        profile: Of the AWS configuration; blank is the usual chain of credentials.
        region: Blank is the profile's or the environment's.
        endpoint_url: Another address of all services, for tests and look-alikes.
        role_arn: Role to assume; several joined by commas are assumed one from another.
        max_attempts: How often a request is tried in all.
        access_key_id: With the next two, keys instead of the usual chain.
    """

    profile: str = ""
    region: str = ""
    endpoint_url: str = ""
    role_arn: str = ""
    max_attempts: int = 5
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    _held: _Held = field(default_factory=_Held, init=False, repr=False, compare=False)

    def session(self) -> Any:
        """The boto3 session; credentials of a role are renewed before they expire.

        Raises:
            AwsError: There is no such profile, or nobody to assume the role.
        """
        with self._held.lock:
            if self._held.session is None:
                self._held.session = self._new_session()
            return self._held.session

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client that tries again and does not wait for ever.

        Args:
            region: Another one than that of the session.

        Raises:
            AwsError: No such profile, no region, or nobody to assume the role.
        """
        session = self.session()
        try:
            with self._held.lock:  # A session's factory of clients is not safe among threads.
                return answering(
                    session.client(
                        service,
                        region_name=region or None,
                        endpoint_url=self.endpoint_url or None,
                        config=self._config(),
                    )
                )
        except (exceptions.BotoCoreError, ValueError) as error:
            raise self.error(error) from None

    def credentials(self) -> ReadOnlyCredentials:
        """Keys as they are valid now, renewed where they were about to expire.

        Raises:
            AwsError: There are none, they have expired, or the role may not be assumed.
        """
        session = self.session()
        try:
            found = session.get_credentials()
            if found is None:
                raise exceptions.NoCredentialsError
            with _readable():
                frozen: ReadOnlyCredentials = found.get_frozen_credentials()
            return frozen
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise self.error(error) from None

    def error(self, error: Exception) -> AwsError:
        """What to say of any failure of a call to AWS."""
        return AwsError(f"AWS: {self.reason(error) or in_a_line(error)}")

    def reason(self, error: Exception) -> str | None:
        """What to say of a failure that the account or the network is to blame for, else None."""
        if isinstance(error, AwsError):
            return str(error).removeprefix("AWS: ")
        if isinstance(error, exceptions.ClientError):
            return self._refused(error)
        if isinstance(error, exceptions.ProfileNotFound):
            return f"no profile {self.profile or 'as AWS_PROFILE names'}. Mend [AWS] PROFILE."
        if isinstance(error, exceptions.NoRegionError):
            return _NO_REGION
        if isinstance(error, exceptions.PartialCredentialsError | exceptions.NoCredentialsError):
            return _NO_CREDENTIALS
        if isinstance(error, _LOGIN):
            return f"{_EXPIRED} ({in_a_line(error)})"
        if isinstance(error, _NETWORK):
            where = self.endpoint_url or "AWS"
            return (
                f"{where} cannot be reached ({type(error).__name__}). Check the network and "
                "[AWS] ENDPOINT_URL and REGION."
            )
        return None

    def _refused(self, error: exceptions.ClientError) -> str | None:
        code = in_a_line(error.response.get("Error", {}).get("Code") or "", 60)
        if error.operation_name == "AssumeRole" and code not in _BY_CODE:
            return (
                f"role {self.role_arn} cannot be assumed ({code or 'refused'}). Let this account "
                "sts:AssumeRole it, let the role trust this account, or mend [AWS] ROLE_ARN."
            )
        return reason_of_code(code)

    def _config(self) -> Config:
        return Config(
            retries={"mode": "standard", "total_max_attempts": self.max_attempts},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            user_agent_extra=USER_AGENT,
            max_pool_connections=_CONNECTIONS,
            s3={"addressing_style": "path"} if self.endpoint_url else {},
        )

    def _new_session(self) -> Any:
        try:
            session = boto3.Session(
                profile_name=self.profile or None,
                region_name=self.region or None,
                aws_access_key_id=self.access_key_id or None,
                aws_secret_access_key=self.secret_access_key or None,
                aws_session_token=self.session_token or None,
            )
            for role in filter(None, self.role_arn.split(",")):
                session = self._assumed(session, role.strip())
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise self.error(error) from None
        return session

    def _assumed(self, session: Any, role: str) -> Any:
        """A session as a role. The role is assumed at the first use, and again when need be."""
        source = session.get_credentials()
        if source is None:
            raise exceptions.NoCredentialsError
        inner: Any = botocore.session.Session()
        fetcher = AssumeRoleCredentialFetcher(
            partial(
                inner.create_client,
                region_name=session.region_name,
                endpoint_url=self.endpoint_url or None,
                config=self._config(),
            ),
            source,
            role,
            extra_args={"RoleSessionName": USER_AGENT},
        )
        inner._credentials = DeferredRefreshableCredentials(
            refresh_using=fetcher.fetch_credentials, method="assume-role"
        )
        return boto3.Session(botocore_session=inner, region_name=session.region_name)


_LOGIN = (
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
    exceptions.UnauthorizedSSOTokenError,
)
_NETWORK = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ReadTimeoutError,
    exceptions.ConnectionClosedError,
    exceptions.HTTPClientError,
)


def answering(client: Any) -> Any:
    """The client, which says of any answer that it cannot read just that."""
    ask = client._make_api_call

    def asked(*operation: Any) -> Any:
        with _readable():
            return ask(*operation)

    client._make_api_call = asked
    return client


@contextmanager
def _readable() -> Iterator[None]:
    """Whatever botocore stumbles over inside the block becomes an error of its kind."""
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError):
        raise
    except Exception as error:
        raise NoAnswer(kind=type(error).__name__) from None


def reason_of_code(code: str) -> str | None:
    """What to say of an error code that blames the account as a whole, else None."""
    return _BY_CODE.get(code)
