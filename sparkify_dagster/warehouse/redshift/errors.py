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
_MADE_ANEW = re.compile(r"^\s*1018\b")
_COPY = re.compile(r"^\s*COPY\b", re.IGNORECASE)
_UNLOAD = re.compile(r"^\s*UNLOAD\b", re.IGNORECASE)
_OF_RECORDS = re.compile(r"stl_load_errors|sys_load_error_detail")
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

_DISK_FULL = re.compile(r"\bdisk full\b", re.IGNORECASE)
_OF_TABLES: dict[str | None, str] = {
    errorcodes.DISK_FULL: ". The cluster's disks are full, and a table that is altered or rebuilt "
    "needs room for a second copy until that is done. Nothing half-done was kept: make room and "
    "load again.",
    errorcodes.ACTIVE_SQL_TRANSACTION: ". Redshift does not take this in a transaction: {sql}. "
    "Nothing of it was kept. Send it by itself, as the tables' owner, and load again.",
    errorcodes.DEPENDENT_OBJECTS_STILL_EXIST: ". Something of somebody else is bound to what is to "
    "be altered; nothing of it was kept. Let its owner make it late-binding (WITH NO SCHEMA "
    "BINDING), or drop it.",
    errorcodes.STRING_DATA_RIGHT_TRUNCATION: ". A text is longer than its column allows: {sql}. "
    "Nothing of it was kept. Declare the column wider, or let its SQL make it shorter.",
}
"""What to say of statements that alter or fill tables, after the server's own words."""


class LoginRefused(WarehouseError):
    """The server does not know the user, or not with this password."""


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
        problem = _judged(error, _shown(_words(error), hidden), where, sql)
        problem.sqlstate = error.pgcode or ""
        raise problem from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        # What it says quotes the value.
        kind = type(error).__name__
        raise WarehouseError(
            f"{where}: the driver cannot read or write a value ({kind})."
        ) from None


def _judged(error: psycopg2.Error, said: str, where: str, sql: str) -> WarehouseError:
    code, words = error.pgcode, _words(error)  # What is shown may lack a word, being a password.
    if _COPY.match(sql) and _OF_S3.search(words) and not _ROLE.match(words):
        return CopyRefused(said)  # First of all: it quotes keys, which may hold any word.
    if _CONFLICT.search(words) or code in (
        errorcodes.SERIALIZATION_FAILURE,
        errorcodes.DEADLOCK_DETECTED,
    ):
        return Transient(f"{where}: another load wrote at the same time ({said}).")
    if _MADE_ANEW.search(words):
        return Transient(f"{where}: a table was made anew while it was read ({said}).")
    if code is None and (_LOST.search(words) or isinstance(error, psycopg2.InterfaceError)):
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
    if (_COPY.match(sql) or _UNLOAD.match(sql)) and _ROLE.match(words):
        return WarehouseError(
            f"{where}: {sql.split()[0]} cannot act as the role of [IAM_ROLE] ARN ({said}). Attach "
            "the role to the cluster and let it trust redshift.amazonaws.com, or mend the ARN."
        )
    if _UNLOAD.match(sql) and _OF_S3.search(words):
        return WarehouseError(
            f"{where}: UNLOAD cannot write below [S3] STAGING ({said}). Let the role of [IAM_ROLE] "
            "ARN s3:PutObject there (docs/redshift.md, the role's rights)."
        )
    if _COPY.match(sql) and code not in _NOT_FOR_COPY:
        return CopyRefused(said, of_records=bool(_OF_RECORDS.search(words)))
    known = _OF_TABLES.get(errorcodes.DISK_FULL if _DISK_FULL.search(words) else code, "")
    begins = in_a_line(sql.partition("(")[0].strip(), 200)  # Before any value.
    return WarehouseError(f"{where}: {said}{known.format(sql=begins)}")


def _words(error: psycopg2.Error) -> str:
    """The server's first words, without the statement. They may hold a secret."""
    primary = error.diag.message_primary if error.diag else None
    return primary or str(error).partition("\nLINE ")[0]


def _shown(words: str, hidden: str) -> str:
    """The same on one line, without a secret."""
    return in_a_line(words.replace(hidden, "***") if hidden else words, 1_000)


def not_connected(
    error: psycopg2.Error, host: str, port: int, user: str, hidden: str
) -> WarehouseError:
    """Why there is no connection, and what to do."""
    words = _words(error)
    kind: type[WarehouseError] = WarehouseError
    if "server closed the connection" in words:
        kind = Transient
    elif re.search(_REFUSED, words, re.IGNORECASE):
        kind = LoginRefused
    step = _next_step(words).format(user=user)
    return kind(f"{host}:{port}: no connection ({_shown(words, hidden)}). {step}")


def _next_step(words: str) -> str:
    for pattern, step in _STEPS:
        if re.search(pattern, words, re.IGNORECASE):
            return step
    return "Check [CLUSTER] HOST and DB_PORT, and whether the network lets this machine through."


_OTHER_LOGIN = (
    "which this program's driver (psycopg2, libpq) does not know. What works: an ordinary PASSWORD "
    "(ALTER USER … PASSWORD '…', its text or its 'md5…') in DB_PASSWORD or in the secret of "
    "SECRET_ARN, or IAM, by CLUSTER_ID or WORKGROUP in [CLUSTER]."
)
# By the words of libpq, first of all: some of them hold the word "credentials", too.
_UNKNOWN_LOGINS = (
    (r"method 13 not", "keeps the password of {user!r} as PASSWORD 'sha256|…', "),
    (r"method 14 not", "asks {user!r} for a token of an identity provider, "),
    (r"method 6 not|SCM_CRED", "asks {user!r} for the credentials of a socket (SCM), "),
    (r"method (\d+) not", "asks {user!r} for authentication it does not name, "),
    (r"Kerberos \d authentication not", "asks {user!r} for Kerberos, "),
    (r"Crypt authentication not", "asks {user!r} for a password by crypt, "),
    (r"GSSAPI|SSPI", "asks {user!r} for a ticket (Kerberos, GSSAPI, SSPI), "),
    (r"SASL|SCRAM", "asks {user!r} for SASL by a mechanism, "),
)
_REFUSED = (
    r"password authentication failed|authentication failed|role .* does not exist|user .* exist"
    r"|login .*expired|credentials"
)
_STEPS = (
    *((words, f"Redshift {asks}{_OTHER_LOGIN}") for words, asks in _UNKNOWN_LOGINS),
    (
        _REFUSED,
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
