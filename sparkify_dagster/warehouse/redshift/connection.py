"""Opening a connection to Redshift: TLS, timeouts, labels.

What belongs here: everything that is settled when a connection is opened. What is done with it is
`session`'s.
"""

from __future__ import annotations

import os
from typing import Any

import certifi
import psycopg2
from psycopg2.extensions import connection as Connection

from sparkify_dagster.core.meter import CONNECTIONS, ROUND_TRIPS, Meter
from sparkify_dagster.settings import ClusterSettings
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.errors import LoginRefused, not_connected, told
from sparkify_dagster.warehouse.redshift.login import Credentials, Login

SETTINGS = ("SET statement_timeout TO %s", "SET query_group TO %s")
"""Sent first on each connection, together: milliseconds, and the label of our queries."""
_APPLICATION = "sparkify_dagster"
# A NAT or a load balancer forgets a silent connection after some minutes, and a COPY is silent.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 5,
}


def connect(
    cluster: ClusterSettings, login: Login, label: str, meter: Meter
) -> tuple[Connection, Credentials]:
    """An open connection in autocommit: transactions are begun and ended by statement.

    Args:
        label: Marks the queries in Redshift's system views (30 characters of it).
        meter: Counts connections, and what is sent.

    Returns:
        The connection, and as whom it was opened.

    Raises:
        WarehouseError: There is none; says why and what to do.
    """
    if cluster.sslrootcert and not os.path.isfile(cluster.sslrootcert):
        raise WarehouseError(
            f"{cluster.sslrootcert}: no such file. [CLUSTER] SSLROOTCERT names root certificates; "
            "blank, those of the certifi package are taken."
        )
    credentials = login.credentials()
    try:
        opened = _opened(cluster, credentials)
    except LoginRefused:
        login.forget()  # A password may have been rotated since it was fetched.
        if (newer := login.credentials()) == credentials:
            raise
        credentials = newer
        opened = _opened(cluster, credentials)
    meter.add(CONNECTIONS)
    opened.autocommit = True
    try:
        with told(cluster.location, hidden=credentials.password), opened.cursor() as cursor:
            meter.add(ROUND_TRIPS)
            cursor.execute(";\n".join(SETTINGS), (cluster.statement_timeout * 1000, label[:30]))
    except WarehouseError:
        opened.close()
        raise
    return opened, credentials


def _opened(cluster: ClusterSettings, credentials: Credentials) -> Connection:
    try:
        opened: Connection = psycopg2.connect(**_parameters(cluster, credentials))
    except psycopg2.Error as error:
        user, password = credentials.user, credentials.password
        raise not_connected(error, cluster.host, cluster.db_port, user, password) from None
    except ValueError:  # Its words quote the value.
        raise WarehouseError(
            f"{cluster.location}: the user's name or the password holds a character that cannot be "
            "sent. Mend the login of [CLUSTER]."
        ) from None
    return opened


def _parameters(cluster: ClusterSettings, credentials: Credentials) -> dict[str, Any]:
    return {
        "host": cluster.host,
        "port": cluster.db_port,
        "dbname": cluster.db_name,
        "user": credentials.user,
        "password": credentials.password,
        "sslmode": cluster.sslmode,
        "sslrootcert": str(cluster.sslrootcert or certifi.where()),
        "connect_timeout": cluster.connect_timeout,
        "application_name": _APPLICATION,
        "gssencmode": "disable",
        **_KEEPALIVES,
    }
