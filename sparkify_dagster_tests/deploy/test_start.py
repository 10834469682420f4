"""What stops a process from starting is one message with the next step, and no traceback."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sparkify_dagster_tests.deploy.services import DEPLOY, START, Services, database, environment
from sparkify_dagster_tests.integration.cli_process import lake
from sparkify_dagster_tests.s3_server import S3Server

WRONG, LATER = 78, 75
"""Exit codes: set something otherwise, which systemd does not try again; it may be well later."""
ROLES = ("code-server", "webserver", "daemon")


def started(*words: str, **environ: str) -> tuple[int, str]:
    """Exit code and message of a start that comes to nothing."""
    said = subprocess.run(
        [str(START), *words],
        env={"PATH": "/usr/bin:/bin"} | environ,
        capture_output=True,
        text=True,
    )
    assert not said.stdout
    return said.returncode, said.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(DEPLOY / "dagster", folder)
    return folder


@pytest.mark.parametrize("role", [*ROLES, "sparkify"])
def test_a_home_that_is_not_set_not_there_or_empty_is_said(tmp_path: Path, role: str) -> None:
    told = [
        started(role),
        started(role, DAGSTER_HOME="/nowhere"),
        started(role, DAGSTER_HOME=str(tmp_path)),
    ]
    assert [code for code, _ in told] == [WRONG] * 3
    for (_, message), part, step in zip(
        told,
        ("is not set", "names /nowhere, which is no folder", "no dagster.yaml can be read"),
        ("Set it to", "Make or mount it", "Copy deploy/dagster/dagster.yaml to it"),
        strict=True,
    ):
        assert part in message
        assert step in message
        assert message.count("\n") == 1


def test_a_folder_for_temporary_files_that_is_not_there_or_not_writable_is_said(
    home: Path,
) -> None:
    code, message = started("daemon", DAGSTER_HOME=str(home))
    assert (code, "TMPDIR is not set. Set it to" in message) == (WRONG, True)
    code, message = started("daemon", DAGSTER_HOME=str(home), TMPDIR="/nowhere")
    assert (code, "TMPDIR names /nowhere" in message, "Make it or mount it" in message) == (
        WRONG,
        True,
        True,
    )


def test_a_role_that_is_none_is_said(home: Path) -> None:
    given = {"DAGSTER_HOME": str(home), "TMPDIR": str(home)}
    assert "Name code-server, webserver, daemon or a command" in started(**given)[1]
    assert "no process was started here yet" in started("health", **given)[1]
    assert started("health", "wrbserver", **given)[0] == WRONG


def test_any_other_command_runs_as_it_is(home: Path) -> None:
    given = {"DAGSTER_HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin"}
    words = [str(START), "sh", "-c", 'echo "$TMPDIR" "$1"', "sh", "a  b"]
    said = subprocess.run(words, env=given, capture_output=True, text=True, check=True)
    assert said.stdout == f"{home} a  b\n"


@pytest.mark.drill
def test_a_database_that_is_absent_or_refuses_the_password_is_said_without_the_password(
    tmp_path: Path, s3: S3Server
) -> None:
    with database() as held:
        services = Services(tmp_path, environment(tmp_path, held, s3))
        wrong = services.run("daemon", DAGSTER_PG_PASSWORD="geheim")
        none = services.run("code-server", DAGSTER_PG_PORT="1")
        unset = services.run("webserver", DAGSTER_PG_HOST="")
        lake(tmp_path)
        load = services.run("sparkify", "etl", DAGSTER_PG_PORT="1")
    for said, part in (
        (wrong, 'password authentication failed for user "dagster"'),
        (none, 'connection to server at "127.0.0.1", port 1 failed: Connection refused'),
        (unset, "dagster.yaml takes DAGSTER_PG_HOST from the environment, where it is not set"),
    ):
        flat = " ".join(said.stderr.split())
        assert said.returncode == LATER, flat
        assert part in flat
        assert "start the database" in flat
        assert "Traceback" not in flat
        assert "geheim" not in flat
        assert held.password not in flat
    assert load.returncode == 1
    assert "Connection refused); nothing was loaded" in " ".join(load.stderr.split())
    assert "Traceback" not in load.stderr
