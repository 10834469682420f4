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

from sparkify_dagster.settings import ClusterSettings
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


def connect(cluster: ClusterSettings, credentials: Credentials, label: str) -> Connection:
    """An open connection in autocommit: transactions are begun and ended by statement.

    Args:
        label: Marks the queries in Redshift's system views (30 characters of it).

    Raises:
        WarehouseError: There is none; says why and what to do.
    """
    if cluster.sslrootcert and not os.path.isfile(cluster.sslrootcert):
        raise WarehouseError(
            f"{cluster.sslrootcert}: no such file. [CLUSTER] SSLROOTCERT names root certificates; "
            "blank, those of the certifi package are taken."
        )
    try:
        opened: Connection = psycopg2.connect(**_parameters(cluster, credentials))
    except psycopg2.Error as error:
        said = not_connected(
            error, cluster.host, cluster.db_port, credentials.user, credentials.password
        )
        kind = Transient if "server closed the connection" in said else WarehouseError
        raise kind(said) from None
    except ValueError:  # Its words quote the value.
        raise WarehouseError(
            f"{cluster.location}: the user's name or the password holds a character that cannot be "
            "sent. Mend the login of [CLUSTER]."
        ) from None
    opened.autocommit = True
    try:
        with told(cluster.location, hidden=credentials.password), opened.cursor() as cursor:
            for statement, value in zip(
                SETTINGS, (cluster.statement_timeout * 1000, label[:30]), strict=True
            ):
                cursor.execute(statement, (value,))
    except WarehouseError:
        opened.close()
        raise
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
