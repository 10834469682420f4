"""The platform as in production: its processes, on a PostgreSQL and an S3 that stand in.

What belongs here: starting `deploy/image/start` with the environment of the image's
`Containerfile`, on this machine as it is or on a read-only root, and looking at what comes of it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkify_dagster_tests.redshift_double.postgres import Postgres
from sparkify_dagster_tests.s3_server import S3Server

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
START = DEPLOY / "image" / "start"
BIN = Path(sys.executable).parent
DATABASE = USER = "dagster"
BUCKET = "dagster-logs"

Wrap = Callable[[Sequence[str], dict[str, str], Path], list[str]]
"""From a command, its environment and its folder for temporary files to the command that is run."""


def containerfile() -> list[tuple[str, str]]:
    """The instructions of the image, each with its words."""
    text = (DEPLOY / "image" / "Containerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (name, " ".join(words.split()))
        for name, _, words in (line.partition(" ") for line in text.splitlines() if line)
    ]


def image_environment() -> dict[str, str]:
    """The variables the image sets."""
    (said,) = (
        words for name, words in containerfile() if name == "ENV" and "DAGSTER_HOME" in words
    )
    return dict(pair.split("=", 1) for pair in said.split())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def in_place(words: Sequence[str], environ: dict[str, str], temporary: Path) -> list[str]:
    """As it stands on this machine."""
    return ["env", "-i", *(f"{name}={value}" for name, value in environ.items()), *words]


def waited_for(what: Callable[[], Any], seconds: float, said: Callable[[], str] = str) -> Any:
    """The first answer that is not empty."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError(f"nothing within {seconds} s: {said()}")


@dataclass
class Services:
    """Processes of one instance.

    Attributes:
        folder: Of their logs and temporary files.
        environ: What all of them get.
        start: Where the start script is for them.
        processes: Those that run, by role.
    """

    folder: Path
    environ: dict[str, str]
    start: Path = START
    wrap: Wrap = in_place
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environ['DAGSTER_WEB_PORT']}"

    def command(self, *words: str, name: str = "once", **variables: str) -> list[str]:
        """The whole command of a process, environment and all."""
        temporary = self.folder / name
        temporary.mkdir(parents=True, exist_ok=True)
        temporary.chmod(0o777)
        environ = self.environ | {"TMPDIR": str(temporary)} | variables
        environ = {key: value for key, value in environ.items() if value}
        return self.wrap([str(self.start), *words], environ, temporary)

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a process to its end."""
        command = self.command(*words, **variables)
        given = {"cwd": self.folder, "stdin": subprocess.DEVNULL, "timeout": 120}
        return subprocess.run(command, capture_output=True, text=True, check=False, **given)

    def begin(self, role: str, *words: str, name: str = "", **variables: str) -> None:
        """Starts a process that stays."""
        name = name or role
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                self.command(role, *words, name=name, **variables),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def healthy(self, role: str, name: str = "", seconds: float = 90, **variables: str) -> None:
        """Waits until the health check of a process that was begun says it is well."""
        name = name or role
        command = self.command("health", name=name, **variables)

        def look() -> bool:
            assert self.processes[name].poll() is None, self.log(name)
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

        waited_for(look, seconds, lambda: self.log(name))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def ask(self, query: str, url: str = "", **variables: object) -> dict[str, Any]:
        """Sends a GraphQL query; fails on errors in the answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{url or self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def statuses(self) -> list[str]:
        """Of all runs, the newest first."""
        found = self.ask("{ runsOrError { ... on Runs { results { status } } } }")
        return [run["status"] for run in found["runsOrError"]["results"]]

    def end(self) -> None:
        """Ends all of them."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Database:
    """A PostgreSQL with a database and a password for Dagster."""

    server: Postgres
    password: str

    def environ(self) -> dict[str, str]:
        return {
            "DAGSTER_PG_HOST": "127.0.0.1",
            "DAGSTER_PG_PORT": str(self.server.port),
            "DAGSTER_PG_DB": DATABASE,
            "DAGSTER_PG_USER": USER,
            "DAGSTER_PG_PASSWORD": self.password,
        }

    def connections(self) -> int:
        """How many there are to Dagster's database."""
        with closing(self.server.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [DATABASE])
            return int(cursor.fetchone()[0])


@contextmanager
def database() -> Iterator[Database]:
    """A PostgreSQL that asks for the password."""
    server, password = Postgres(), f"of/the@test:{secrets.token_hex(8)}"
    server.start()
    try:
        with closing(server.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{password}'")
            cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")
            rules = server.folder / "data" / "pg_hba.conf"
            trusted = "host all postgres 127.0.0.1/32 trust\n"
            rules.write_text(trusted + "host all all 127.0.0.1/32 scram-sha-256\n")
            cursor.execute("SELECT pg_reload_conf()")
        yield Database(server, password)
    finally:
        server.stop()


def environment(folder: Path, held: Database, s3: S3Server) -> dict[str, str]:
    """What the processes are given: the image's variables, and what a place adds to them."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    for path in (DEPLOY / "dagster").glob("*.yaml"):
        shutil.copy(path, home)
    kept = {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
    return (
        image_environment()
        | kept
        | held.environ()
        | s3.environ()
        | {
            "PATH": f"{BIN}:/usr/bin:/bin",
            "DAGSTER_HOME": str(home),
            "DAGSTER_LOGS_BUCKET": BUCKET,
            "AWS_ENDPOINT_URL_S3": s3.endpoint,
            "DAGSTER_CODE_HOST": "127.0.0.1",
            "DAGSTER_CODE_BIND": "127.0.0.1",
            "DAGSTER_WEB_BIND": "127.0.0.1",
            "DAGSTER_CODE_PORT": str(free_port()),
            "DAGSTER_WEB_PORT": str(free_port()),
            "SPARKIFY_S3__LOG_DATA": str(folder / "data" / "lake" / "log_data"),
            "SPARKIFY_S3__LOG_JSONPATH": str(folder / "data" / "lake" / "log_json_path.json"),
            "SPARKIFY_S3__SONG_DATA": str(folder / "data" / "lake" / "song_data"),
            "SPARKIFY_DUCKDB__PATH": str(folder / "data" / "warehouse.duckdb"),
            "SPARKIFY_REPORT__PATH": str(folder / "data" / "report.html"),
            "SPARKIFY_SENSOR__INTERVAL": "5",
        }
    )
