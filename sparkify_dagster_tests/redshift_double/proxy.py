"""The process: PostgreSQL behind, clients and the test in front.

What belongs here: starting, listening, doing what the test asks, and ending with the test, however
that ends. Run as `python -m sparkify_dagster_tests.redshift_double.proxy SETTINGS`; it says where
it listens in one line of JSON and lives as long as its stdin is open and its parent is there.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

import trustme
from psycopg2 import sql

from sparkify_dagster_tests.redshift_double.catalog import Catalog
from sparkify_dagster_tests.redshift_double.control import listen
from sparkify_dagster_tests.redshift_double.faults import Fault
from sparkify_dagster_tests.redshift_double.login import DATABASE, Door, Login
from sparkify_dagster_tests.redshift_double.objects import S3
from sparkify_dagster_tests.redshift_double.postgres import Postgres
from sparkify_dagster_tests.redshift_double.session import Cluster

_ORPHAN_CHECK = 0.5


class Proxy:
    """The double as its own process sees it."""

    def __init__(
        self, postgres: Postgres, s3_endpoint: str, ca_file: Path, *, require_tls: bool
    ) -> None:
        self.postgres = postgres
        s3 = S3(s3_endpoint)
        # Both take a while; PostgreSQL is made meanwhile.
        connecting = threading.Thread(target=s3.connect)
        connecting.start()
        self.postgres.start()
        self._cluster = Cluster(Catalog(self.postgres.folder / "records"), s3)
        self._cluster.catalog.install(self.postgres.connect)
        self._door = Door(self._cluster, self.postgres.port, _certified(ca_file), require_tls)
        connecting.join()

    def listen(self) -> int:
        """Takes clients from now on; gives the port."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, args=[listener], daemon=True).start()
        return int(listener.getsockname()[1])

    def answer(self, asked: dict[str, Any]) -> Any:
        """Does what a test asks for."""
        do = asked.pop("do")
        cluster = self._cluster
        if do == "arm":
            cluster.faults.arm(Fault(**asked))
        elif do == "clear":
            cluster.faults.clear()
        elif do == "messages":
            return list(cluster.messages)
        elif do == "connections":
            return cluster.connections
        elif do == "refused":
            refused, cluster.refused = cluster.refused, []
            return refused
        elif do == "forget":
            cluster.messages.clear()
            cluster.connections = 0
        elif do == "deny":
            cluster.s3.denied.add(asked["uri"])
        elif do == "permit":
            cluster.s3.denied.discard(asked["uri"])
        elif do == "allow":
            self.allow(**asked)
        elif do == "late":
            cluster.catalog.late = asked["seconds"]
        elif do == "demand":
            self._door.demands[asked["user"]] = bytes.fromhex(asked["request"])
        else:
            raise ValueError(f"the double cannot {do}")
        return None

    def allow(self, user: str, password: str, role: str, seconds: float | None = None) -> None:
        """Lets somebody in, as a role that is made where there is none."""
        connection = self.postgres.connect(DATABASE)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            cursor.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))
        connection.close()
        until = None if seconds is None else time.monotonic() + seconds
        self._door.logins[user] = Login(password, role, until)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=[sock], daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        session = self._door.enter(sock)
        if session is not None:
            session.serve()


def _certified(ca_file: Path) -> ssl.SSLContext:
    """A certificate for `localhost`, whose authority goes into a file for clients."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def _wait_for_the_end() -> None:
    """Until the test closes our stdin, or is gone: another process may hold the pipe open."""
    parent = os.getppid()
    closed = threading.Event()

    def read() -> None:
        sys.stdin.read()
        closed.set()

    threading.Thread(target=read, daemon=True).start()
    while not closed.wait(_ORPHAN_CHECK) and os.getppid() == parent:
        pass


def main() -> None:
    """Runs until the test ends."""
    settings = json.loads(sys.argv[1])
    postgres = Postgres()
    try:
        proxy = Proxy(
            postgres,
            settings["s3_endpoint"],
            Path(settings["ca_file"]),
            require_tls=settings["require_tls"],
        )
        proxy.allow(settings["user"], settings["password"], "sparkify")
        said = {
            "port": proxy.listen(),
            "postgres_port": postgres.port,
            "postgres_folder": str(postgres.folder),
            "control_port": listen(proxy.answer),
        }
        print(json.dumps(said), flush=True)
        _wait_for_the_end()
        if settings["temporary"]:  # The test may have been killed.
            shutil.rmtree(settings["temporary"], ignore_errors=True)
    finally:
        postgres.stop()
    os._exit(0)  # Sessions may be waiting for ever; they are of no use to anybody.


if __name__ == "__main__":
    main()
