"""The test's side of the double: starting it, ending it, and asking things of it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from sparkify_dagster_tests.redshift_double.control import Control
from sparkify_dagster_tests.redshift_double.faults import statements_in
from sparkify_dagster_tests.redshift_double.login import DATABASE
from sparkify_dagster_tests.redshift_double.objects import ROLE

_ROOT = Path(__file__).resolve().parents[2]
_USER = "sparkify"
_PASSWORD = "Sparkify-double-1"
_END_SECONDS = 15


@dataclass(frozen=True)
class Faults:
    """What shall go wrong, each time so many times. Statements are searched for a pattern.

    The pattern is a regular expression, in any case of letters, and `.` is any character.
    """

    control: Control

    def cut_before(self, pattern: str, times: int = 1) -> None:
        """Cuts the connection before PostgreSQL sees the statement."""
        self.control.ask("arm", kind="cut_before", pattern=pattern, times=times)

    def cut_during(self, pattern: str, times: int = 1) -> None:
        """Cuts it while the statement is carried out (of a COPY, some rows are in).

        Nothing of the transaction survives; a COMMIT does not happen.
        """
        self.control.ask("arm", kind="cut_during", pattern=pattern, times=times)

    def cut_after(self, pattern: str, times: int = 1) -> None:
        """Cuts it once the statement is done (a COMMIT is), and the client never hears of it."""
        self.control.ask("arm", kind="cut_after", pattern=pattern, times=times)

    def fail(self, pattern: str, sqlstate: str, message: str, times: int = 1) -> None:
        """Fails instead of running it: the transaction is aborted, the client gets this error."""
        self.control.ask(
            "arm", kind="fail", pattern=pattern, times=times, sqlstate=sqlstate, message=message
        )

    def delay(self, pattern: str, seconds: float, times: int = 1) -> None:
        """Waits first. `statement_timeout` counts it, and a cancel ends it."""
        self.control.ask("arm", kind="delay", pattern=pattern, times=times, seconds=seconds)

    def clear(self) -> None:
        """Disarms all."""
        self.control.ask("clear")


@dataclass(frozen=True)
class Double:
    """A running double; may be pickled and used in other processes.

    Attributes:
        user: An ordinary role, which may make schemas and roles.
        ca_file: What `sslrootcert` is to be; the certificate is `host`'s.
        role: The one role COPY may assume.
    """

    host: str
    port: int
    user: str
    password: str
    database: str
    ca_file: Path
    role: str
    faults: Faults
    control: Control
    postgres_port: int

    def behind(self) -> Any:
        """A superuser's autocommit connection to PostgreSQL itself."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.postgres_port, user="postgres", dbname=self.database
        )
        connection.autocommit = True
        return connection

    def messages(self) -> list[str]:
        """What clients sent since `forget`, in order: a round trip each."""
        said: list[str] = self.control.ask("messages")
        return said

    def statements(self) -> list[str]:
        """The same, statement by statement."""
        return [statement for text in self.messages() for statement in statements_in(text)]

    def connections(self) -> int:
        """How often clients logged in since `forget`."""
        return int(self.control.ask("connections"))

    def refused(self) -> list[str]:
        """What the platform sent and Redshift would refuse, since this was asked last."""
        said: list[str] = self.control.ask("refused")
        return said

    def forget(self) -> None:
        """Begins to count and to list what is sent anew."""
        self.control.ask("forget")

    def allow_login(
        self, user: str, password: str, as_role: str = _USER, seconds: float | None = None
    ) -> None:
        """Lets one more user in, such as `IAMA:sparkify`, for so many seconds.

        Args:
            as_role: Who that is in PostgreSQL; made where there is none.
        """
        self.control.ask("allow", user=user, password=password, role=as_role, seconds=seconds)

    def demand(self, user: str, method: int, detail: bytes = b"") -> None:
        """Asks a user for another proof than MD5, by its number in the protocol."""
        request = struct.pack("!i", method) + detail
        self.control.ask("demand", user=user, request=request.hex())

    def show_errors_late(self, seconds: float) -> None:
        """From now on the errors of a COPY are seen in the system views so much later."""
        self.control.ask("late", seconds=seconds)

    @contextmanager
    def table_info_granted(self) -> Iterator[None]:
        """An administrator lets `user` see SVV_TABLE_INFO, as long as the block lasts."""
        with closing(self.behind()) as connection, connection.cursor() as cursor:
            cursor.execute(f"GRANT SELECT ON svv_table_info TO {_USER}")
            try:
                yield
            finally:
                cursor.execute(f"REVOKE SELECT ON svv_table_info FROM {_USER}")

    def deny_object(self, uri: str) -> None:
        """Takes the right to read an object from the role of COPY."""
        self.control.ask("deny", uri=uri)

    def allow_object(self, uri: str) -> None:
        """Gives it back."""
        self.control.ask("permit", uri=uri)


@contextmanager
def redshift_double(
    s3_endpoint: str, folder: Path | None = None, *, require_tls: bool = False
) -> Iterator[Double]:
    """A double that lives as long as the block, and no longer than this process.

    Args:
        s3_endpoint: Where COPY finds S3.
        folder: Where the certificate and the log go; a temporary one if None.
        require_tls: Whether plain connections are turned away.
    """
    place = folder or Path(tempfile.mkdtemp(prefix="redshift-double-"))
    place.mkdir(parents=True, exist_ok=True)
    settings = {
        "s3_endpoint": s3_endpoint, "ca_file": str(place / "ca.pem"), "require_tls": require_tls,
        "user": _USER, "password": _PASSWORD, "temporary": None if folder else str(place),
    }  # fmt: skip
    process = _start(settings, place / "proxy.log")
    said: dict[str, Any] = {}
    try:
        said = _hello(process, place)
        yield _double(said, place)
    finally:
        _end(process)
        leftover = [said["postgres_folder"]] if said else []  # of a proxy that was killed
        for left in leftover if folder else [*leftover, place]:
            shutil.rmtree(left, ignore_errors=True)


def _start(settings: dict[str, object], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "sparkify_dagster_tests.redshift_double.proxy",
             json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path[1:]])},
            start_new_session=True,  # Ctrl-C is the test run's; we end when that ends.
        )  # fmt: skip


def _hello(process: subprocess.Popen[bytes], place: Path) -> dict[str, Any]:
    """Where the double is, which it says when it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the double does not start:\n{(place / 'proxy.log').read_text()}")
    said: dict[str, Any] = json.loads(line)
    return said


def _double(said: dict[str, Any], place: Path) -> Double:
    control = Control(said["control_port"])
    return Double(
        host="localhost",
        port=said["port"],
        user=_USER,
        password=_PASSWORD,
        database=DATABASE,
        ca_file=place / "ca.pem",
        role=ROLE,
        faults=Faults(control),
        control=control,
        postgres_port=said["postgres_port"],
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
