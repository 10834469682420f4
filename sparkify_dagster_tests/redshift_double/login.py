"""The beginning of a connection: encryption, who it is, and the way on to PostgreSQL.

What belongs here: everything before the first statement, and cancelling, which is a connection of
its own. PostgreSQL trusts us; passwords are checked here, as Redshift does with MD5.
"""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field

from sparkify_dagster_tests.redshift_double.link import Link
from sparkify_dagster_tests.redshift_double.session import Cluster, Session
from sparkify_dagster_tests.redshift_double.wire import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    PROTOCOL_3,
    SSL_REQUEST,
    Gone,
    SqlError,
    Stream,
    error_response,
    frame,
    startup_packet,
    startup_parameters,
)

DATABASE = "dev"
# As PostgreSQL 8.0, from which Redshift comes, has strings and transactions.
_OPTIONS = (
    "-c standard_conforming_strings=off -c escape_string_warning=off "
    "-c default_transaction_isolation=repeatable\\ read"
)
_SERVER_VERSION = b"server_version\0" + b"8.0.2\0"
_MD5 = 5


@dataclass(frozen=True)
class Login:
    """Somebody who may connect.

    Attributes:
        role: Who that is in PostgreSQL.
        until: When the password ends, by the monotonic clock.
    """

    password: str
    role: str
    until: float | None = None


@dataclass
class Door:
    """Lets clients in.

    Attributes:
        logins: Who may connect, by user name.
        tls: The server's certificate.
        require_tls: Whether plain connections are turned away.
        demands: Authentication requests that take the place of MD5's, by user name.
    """

    cluster: Cluster
    postgres_port: int
    tls: ssl.SSLContext
    require_tls: bool = False
    logins: dict[str, Login] = field(default_factory=dict)
    demands: dict[str, bytes] = field(default_factory=dict)

    def enter(self, sock: socket.socket) -> Session | None:
        """Answers a connection; None where no session comes of it."""
        client = Stream(sock)
        try:
            return self._enter(client)
        except SqlError as error:
            error.severity = "FATAL"
            with suppress(Gone):
                client.send(error_response(error))
        except (Gone, OSError):
            pass
        client.close()
        return None

    def _enter(self, client: Stream) -> Session | None:
        encrypted = False
        while True:
            code, body = client.startup()
            if code == SSL_REQUEST:
                client.send(b"S")
                client.sock = self.tls.wrap_socket(client.sock, server_side=True)
                encrypted = True
            elif code == GSS_REQUEST:
                client.send(b"N")
            elif code == CANCEL_REQUEST:
                self._cancel(body)
                client.close()
                return None
            elif code == PROTOCOL_3:
                return self._log_in(client, startup_parameters(body), encrypted)
            else:
                raise SqlError("0A000", f"unsupported frontend protocol {code >> 16}")

    def _log_in(self, client: Stream, said: dict[str, str], encrypted: bool) -> Session:
        user, database = said.get("user", ""), said.get("database", said.get("user", ""))
        if self.require_tls and not encrypted:
            text = f'no pg_hba.conf entry for user "{user}", database "{database}", SSL off'
            raise SqlError("28000", text)
        role = self._role(client, user)
        if database != DATABASE:
            raise SqlError("3D000", f'database "{database}" does not exist')
        server = self.connect()
        kept = {k: v for k, v in said.items() if k not in ("user", "database", "options")}
        options = f"{_OPTIONS} {said.get('options', '')}".strip()
        server.send(
            startup_packet({**kept, "user": role, "database": DATABASE, "options": options})
        )
        pid = _pass_greeting(server, client)
        return Session(
            self.cluster, client, Link(server), user, pid, said.get("application_name", "")
        )

    def _role(self, client: Stream, user: str) -> str:
        """Asks for the password, and gives the role in PostgreSQL."""
        salt = os.urandom(4)
        client.send(frame(b"R", self.demands.get(user, struct.pack("!i", _MD5) + salt)))
        kind, body = client.message()
        login = self.logins.get(user)
        over = login is not None and login.until is not None and time.monotonic() > login.until
        if login is None or over or kind != b"p" or body[:-1] != _digest(login, user, salt):
            raise SqlError("28000", f'password authentication failed for user "{user}"')
        return login.role

    def connect(self) -> Stream:
        """A bare connection to PostgreSQL."""
        sock = socket.create_connection(("127.0.0.1", self.postgres_port), timeout=10)
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Stream(sock)

    def _cancel(self, body: bytes) -> None:
        """Tells PostgreSQL, and a COPY that waits for S3."""
        server = self.connect()
        server.send(struct.pack("!ii", len(body) + 8, CANCEL_REQUEST) + body)
        server.sock.recv(1)  # Nothing comes: it closes when it has told the process.
        server.close()
        session = self.cluster.sessions.get(struct.unpack("!i", body[:4])[0])
        if session is not None:
            session.cancelled.set()


def _digest(login: Login, user: str, salt: bytes) -> bytes:
    inner = hashlib.md5((login.password + user).encode()).hexdigest().encode()
    return b"md5" + hashlib.md5(inner + salt).hexdigest().encode()


def _pass_greeting(server: Stream, client: Stream) -> int:
    """Passes on what PostgreSQL says to its new session; gives the process's id.

    Raises:
        Gone: It let nobody in; the client knows why.
    """
    pid = 0
    while True:
        kind, body = server.message()
        if kind == b"S" and body.startswith(b"standard_conforming_strings"):
            continue
        if kind == b"S" and body.startswith(b"server_version\0"):
            body = _SERVER_VERSION
        if kind == b"K":
            (pid,) = struct.unpack("!i", body[:4])
        client.send(frame(kind, body))
        if kind == b"E":
            raise Gone
        if kind == b"Z":
            return pid
