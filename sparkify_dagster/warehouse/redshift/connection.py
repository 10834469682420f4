"""Opening a connection to Redshift: TLS, timeouts, labels.

What belongs here: everything that is settled when a connection is opened. What is done with it is
`session`'s.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import certifi
import psycopg2
from psycopg2.extensions import connection as Connection

from sparkify_dagster.warehouse.engine import Transient, WarehouseError
from sparkify_dagster.warehouse.redshift.errors import not_connected, told
from sparkify_dagster.warehouse.redshift.login import Credentials

SETTINGS = ("SET statement_timeout TO %s", "SET query_group TO %s")
"""Sent first on each connection: milliseconds, and the label of our queries."""
_APPLICATION = "sparkify_dagster"
# A NAT or a load balancer forgets a silent connection after some minutes, and a COPY is silent.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 5,
}


@dataclass(frozen=True, slots=True)
class Server:
    """Where Redshift is and how it is spoken to.

    Attributes:
        sslmode: libpq's; `verify-full` proves that it is the host that was meant.
        sslrootcert: Root certificates (PEM); blank for certifi's, which hold Amazon's.
        connect_timeout: Seconds.
        statement_timeout: Seconds, 0 for none.
    """

    host: str
    port: int
    database: str
    sslmode: str = "verify-full"
    sslrootcert: str = ""
    connect_timeout: int = 20
    statement_timeout: int = 3600

    @property
    def location(self) -> str:
        """As a person would write it."""
        return f"{self.host}:{self.port}/{self.database}"


def connect(server: Server, credentials: Credentials, label: str) -> Connection:
    """An open connection in autocommit: transactions are begun and ended by statement.

    Args:
        label: Marks the queries in Redshift's system views (30 characters of it).

    Raises:
        WarehouseError: There is none; says why and what to do.
    """
    if server.sslrootcert and not os.path.isfile(server.sslrootcert):
        raise WarehouseError(
            f"{server.sslrootcert}: no such file. [CLUSTER] SSLROOTCERT names root certificates; "
            "blank, those of the certifi package are taken."
        )
    try:
        opened: Connection = psycopg2.connect(**_parameters(server, credentials))
    except psycopg2.Error as error:
        said = not_connected(
            error, server.host, server.port, credentials.user, credentials.password
        )
        kind = Transient if "server closed the connection" in said else WarehouseError
        raise kind(said) from None
    except ValueError:  # Its words quote the value.
        raise WarehouseError(
            f"{server.location}: the user's name or the password holds a character that cannot be "
            "sent. Mend the login of [CLUSTER]."
        ) from None
    opened.autocommit = True
    try:
        with told(server.location, hidden=credentials.password), opened.cursor() as cursor:
            for statement, value in zip(
                SETTINGS, (server.statement_timeout * 1000, label[:30]), strict=True
            ):
                cursor.execute(statement, (value,))
    except WarehouseError:
        opened.close()
        raise
    return opened


def _parameters(server: Server, credentials: Credentials) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "dbname": server.database,
        "user": credentials.user,
        "password": credentials.password,
        "sslmode": server.sslmode,
        "sslrootcert": server.sslrootcert or certifi.where(),
        "connect_timeout": server.connect_timeout,
        "application_name": _APPLICATION,
        "gssencmode": "disable",
        **_KEEPALIVES,
    }
