"""What psycopg2 and the server say, told for the person who reads it.

What belongs here: telling errors apart, naming the thing and the next step. No message of ours ever
holds a password: psycopg2 quotes none, and what may still hold one is cut out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import errorcodes

from sparkify_dagster.core.text import in_a_line
from sparkify_dagster.warehouse.engine import CopyRefused, Transient, WarehouseError

# Redshift has one SQLSTATE (XX000) for conflicts, failed loads and defects: only the text differs.
_CONFLICT = re.compile(
    r"^\s*1023\b|serializable isolation violation|conflict with concurrent transaction"
    r"|could not serialize access|deadlock detected",
    re.IGNORECASE,
)
_COPY = re.compile(r"^\s*COPY\b", re.IGNORECASE)
# What quotes a key, which may hold any word, begins with another one.
_ROLE = re.compile(
    r"(?:(?:ERROR|S3ServiceException):\s*|User \S+ (?:is )?)*"
    r"not authorized to (assume|get credentials of)",
    re.IGNORECASE,
)
_OF_S3 = re.compile(r"S3ServiceException|S3 prefix|s3://")
_LOST = re.compile(
    r"server closed the connection|connection already closed|terminating connection|SSL SYSCALL"
    r"|connection not open|could not receive data|could not send data|connection has been closed"
    r"|connection timed out|connection reset",
    re.IGNORECASE,
)
# IF NOT EXISTS is no lock: two who make the same at once may both find nothing there.
_MADE_MEANWHILE = (
    errorcodes.UNIQUE_VIOLATION,
    errorcodes.DUPLICATE_OBJECT,
    errorcodes.DUPLICATE_SCHEMA,
    errorcodes.DUPLICATE_TABLE,
)
_NOT_FOR_COPY = (errorcodes.QUERY_CANCELED, errorcodes.SYNTAX_ERROR, errorcodes.UNDEFINED_TABLE)


@contextmanager
def told(where: str, sql: str = "", hidden: str = "") -> Iterator[None]:
    """Errors of the driver become ours.

    Args:
        where: The warehouse, for the message.
        sql: The statement that is sent.
        hidden: A secret that must not appear, whatever the server says.
    """
    try:
        yield
    except psycopg2.Error as error:
        raise _judged(error, _said(error, hidden), where, sql) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        # What it says quotes the value.
        kind = type(error).__name__
        raise WarehouseError(
            f"{where}: the driver cannot read or write a value ({kind})."
        ) from None


def _judged(error: psycopg2.Error, said: str, where: str, sql: str) -> WarehouseError:
    code = error.pgcode
    if _COPY.match(sql) and _OF_S3.search(said) and not _ROLE.match(said):
        return CopyRefused(said)  # First of all: it quotes keys, which may hold any word.
    if _CONFLICT.search(said) or code in (
        errorcodes.SERIALIZATION_FAILURE,
        errorcodes.DEADLOCK_DETECTED,
    ):
        return Transient(f"{where}: another load wrote at the same time ({said}).")
    if code is None and (_LOST.search(said) or isinstance(error, psycopg2.InterfaceError)):
        return Transient(f"{where}: the connection was lost ({said}).")
    if code in _MADE_MEANWHILE:
        return Transient(f"{where}: somebody else made the same at the same time ({said}).")
    if code is not None and code.startswith(("08", "57P")):
        return Transient(f"{where}: the server ended the connection ({said}).")
    if code == errorcodes.QUERY_CANCELED:
        return WarehouseError(
            f"{where}: a statement took too long and was stopped ({said}). Is the cluster busy? "
            "[CLUSTER] STATEMENT_TIMEOUT says how long one may take."
        )
    if code == errorcodes.INSUFFICIENT_PRIVILEGE:
        return WarehouseError(
            f"{where}: not allowed ({said}). Let the user of [CLUSTER] own the schema of "
            "[LOAD] SCHEMA, or let it create one (docs/redshift.md has the grants)."
        )
    if code == errorcodes.UNDEFINED_OBJECT and sql.startswith("GRANT"):
        return WarehouseError(
            f"{where}: {said}. [CLUSTER] READER names a role: let an administrator CREATE ROLE it, "
            "or blank READER."
        )
    if _COPY.match(sql) and _ROLE.match(said):
        return WarehouseError(
            f"{where}: COPY cannot act as the role of [IAM_ROLE] ARN ({said}). Attach the role to "
            "the cluster and let it trust redshift.amazonaws.com, or mend the ARN."
        )
    if _COPY.match(sql) and code not in _NOT_FOR_COPY:
        return CopyRefused(said)
    return WarehouseError(f"{where}: {said}")


def _said(error: psycopg2.Error, hidden: str) -> str:
    """The server's first words, on one line, without the statement and without a secret."""
    primary = error.diag.message_primary if error.diag else None
    said = primary or str(error).partition("\nLINE ")[0]
    return in_a_line(said.replace(hidden, "***") if hidden else said, 1_000)


def not_connected(error: psycopg2.Error, host: str, port: int, user: str, hidden: str) -> str:
    """Why there is no connection, and what to do."""
    said = _said(error, hidden)
    return f"{host}:{port}: no connection ({said}). {_next_step(said, user)}"


def _next_step(said: str, user: str) -> str:
    for pattern, step in _STEPS:
        if re.search(pattern, said, re.IGNORECASE):
            return step.format(user=user)
    return "Check [CLUSTER] HOST and DB_PORT, and whether the network lets this machine through."


_STEPS = (
    (
        r"password authentication failed|authentication failed|role .* does not exist|user .* exist"
        r"|login .*expired|credentials",
        "Check the login of {user!r}: DB_USER and DB_PASSWORD, or SECRET_ARN, CLUSTER_ID or "
        "WORKGROUP in [CLUSTER].",
    ),
    (r'database "?.*"? does not exist', "Check [CLUSTER] DB_NAME."),
    (
        r"certificate verify failed|does not match host|certificate",
        "Does [CLUSTER] HOST name the cluster's own endpoint? A name of your own or a load "
        "balancer's does not stand in its certificate. SSLROOTCERT names the roots to trust.",
    ),
    (r"does not support SSL", "The server speaks no TLS: is this the cluster? See SSLMODE."),
    (
        r"could not translate host name|name or service not known|nodename nor servname"
        r"|name resolution",
        "Check [CLUSTER] HOST: no such name is known here.",
    ),
    (
        r"connection refused",
        "Nobody listens there: check [CLUSTER] HOST and DB_PORT, and whether it is paused.",
    ),
    (
        r"timeout expired|timed out",
        "No answer: a security group or a private subnet often is why; does this machine stand in "
        "the cluster's network? Is the cluster paused?",
    ),
    (r"too many connections|connection limit", "Too many are connected already; try again."),
)
