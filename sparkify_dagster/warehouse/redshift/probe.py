"""Looking, step by step, at what a load on Redshift needs: for `sparkify doctor`.

What belongs here: one small question each, answered in a few words. Nothing that is there is
changed: what must be tried is tried in a transaction that is rolled back.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator

import certifi
import pyarrow as pa
from psycopg2 import errorcodes

from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model.ddl import create_incoming, create_schema, grants, qualified, quoted
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.settings import ClusterSettings
from sparkify_dagster.warehouse.engine import CopyRefused, LakeObjects, Session, WarehouseError
from sparkify_dagster.warehouse.redshift.session import FEW_ROWS
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse, without_rights

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_UNVERIFIED = ("disable", "allow", "prefer", "require")
_TRIED = "tried_by_doctor"


def resolve(cluster: ClusterSettings) -> str:
    """The addresses of the host.

    Raises:
        WarehouseError: No such name is known here.
    """
    try:
        found = socket.getaddrinfo(cluster.host, cluster.db_port, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise WarehouseError(
            f"{cluster.host}: {error.strerror or error}. Check [CLUSTER] HOST, and that this "
            "machine can ask the cluster's name server."
        ) from None
    return f"{cluster.host} is {', '.join(sorted({str(item[4][0]) for item in found}))}"


def greet(cluster: ClusterSettings) -> str:
    """Whether the host speaks TLS with a certificate that is its own.

    Raises:
        WarehouseError: It does not answer, speaks no TLS, or cannot prove who it is.
    """
    if cluster.sslmode == "disable":
        return "not used: [CLUSTER] SSLMODE is disable"
    place = f"{cluster.host}:{cluster.db_port}"
    try:
        address = (cluster.host, cluster.db_port)
        with socket.create_connection(address, timeout=cluster.connect_timeout) as plain:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) != b"S":
                raise WarehouseError(f"{place}: speaks no TLS. Is it the cluster?")
            with _context(cluster).wrap_socket(plain, server_hostname=cluster.host) as secured:
                return f"{secured.version()} with {place}" + _how_sure(cluster)
    except ssl.SSLCertVerificationError as error:
        raise WarehouseError(
            f"{place}: {error.verify_message}. HOST must be the cluster's own endpoint; "
            "[CLUSTER] SSLROOTCERT names the roots to trust."
        ) from None
    except OSError as error:
        raise WarehouseError(
            f"{place}: {error.strerror or error}. Check HOST and DB_PORT, the security group, and "
            "whether the cluster is paused."
        ) from None


def _context(cluster: ClusterSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=cluster.sslrootcert or certifi.where())
    context.check_hostname = cluster.sslmode == "verify-full"
    if cluster.sslmode in _UNVERIFIED:
        context.verify_mode = ssl.CERT_NONE
    return context


def _how_sure(cluster: ClusterSettings) -> str:
    return (
        ""
        if cluster.sslmode == "verify-full"
        else f"; who that is is not proven (SSLMODE is {cluster.sslmode})"
    )


def log_in(warehouse: RedshiftWarehouse) -> str:
    """Who we are there.

    Raises:
        WarehouseError: The login is refused.
    """
    user, version = warehouse.read_only(lambda s: s.query("SELECT current_user, version()")[0])
    return f"{user} at {warehouse.location}, {str(version).rpartition('Redshift ')[2][:40]}"


def rights(warehouse: RedshiftWarehouse) -> str:
    """Whether tables can be made in the schema, and the reader be granted reading them.

    Tried as a load does it, on a table that goes again.

    Raises:
        WarehouseError: They cannot; names the statement of an administrator that helps.
    """
    schema, reader = warehouse.schema, warehouse.cluster.reader
    with _rolled_back(warehouse) as session:
        user, is_there = session.query("SELECT current_user")[0][0], session.has_schema()
        try:
            if not is_there:
                session.execute(create_schema(schema))
            session.execute(f"CREATE TABLE {qualified(schema, _TRIED)} (number BIGINT)")
            for grant in grants(schema, _TRIED, reader):
                session.execute(grant)
        except WarehouseError as error:
            if error.sqlstate != errorcodes.INSUFFICIENT_PRIVILEGE:
                raise
            raise without_rights(schema, str(user), is_there=is_there) from None
    what = f"schema {schema}" + ("" if is_there else ", which the first load makes")
    return f"may make tables in {what}" + (f"; {reader} may be granted reading" if reader else "")


def copy_staged(warehouse: RedshiftWarehouse) -> str:
    """Whether COPY can read what we write to the staging area.

    Raises:
        WarehouseError: It cannot, with what Redshift says of the role.
        LakeError: Nothing can be written there.
    """
    rows = pa.table({"number": pa.array(range(FEW_ROWS + 1), pa.int64())})
    with _rolled_back(warehouse) as session:
        session.execute(f"CREATE TEMP TABLE {quoted(_TRIED)} (number BIGINT)")
        session.append(quoted(_TRIED), ["number"], rows)
    return f"{warehouse.role} reads {warehouse.staging.location}"


def copy_logs(warehouse: RedshiftWarehouse, uri: str, fields: tuple[str, ...], region: str) -> str:
    """Whether COPY can read an object of the logs; whether its records are good does not matter.

    Raises:
        WarehouseError: It cannot, with what Redshift says of the role.
    """
    columns = loaded_columns(STAGING_EVENTS)
    objects = LakeObjects((uri,), uri.endswith(".gz"), fields, region)
    try:
        with _rolled_back(warehouse) as session:
            session.execute(create_incoming(_TRIED, columns))
            session.copy(quoted(_TRIED), [column.name for column in columns], objects)
    except CopyRefused as error:
        if not error.of_records:
            raise _not_readable(uri, warehouse, error) from None
    return f"{warehouse.role} reads {uri}"


def _not_readable(what: str, warehouse: RedshiftWarehouse, error: CopyRefused) -> WarehouseError:
    return WarehouseError(
        f"COPY cannot read {what} as {warehouse.role}: {error} Attach the role to the cluster, let "
        "it s3:GetObject there (docs/redshift.md has the policy), or mend [IAM_ROLE] ARN."
    )


class _Enough(Exception):
    """Everything was tried; nothing of it is to stay."""


@contextlib.contextmanager
def _rolled_back(warehouse: RedshiftWarehouse) -> Iterator[Session]:
    with contextlib.suppress(_Enough), warehouse.trying() as session:
        yield session
        raise _Enough
