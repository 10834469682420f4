"""The platform as in production, on a read-only root: it starts, loads by itself, and is well."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from sparkify_dagster_tests.deploy import nginx, sandbox
from sparkify_dagster_tests.deploy.services import (
    BUCKET,
    Database,
    Services,
    database,
    environment,
    free_port,
    waited_for,
)
from sparkify_dagster_tests.integration.cli_process import lake
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(sandbox.BWRAP is None, reason="needs bubblewrap, which .ci/run installs"),
]
TICKS = 50
MOST_CONNECTIONS = 12


@dataclass
class Platform:
    """All that runs, and the database it runs on."""

    services: Services
    held: Database
    folder: Path


@pytest.fixture(scope="module")
def platform(s3: S3Server) -> Iterator[Platform]:
    """Code server, webserver and daemon, of which none can write outside its temporary files."""
    with suppress(s3.client().exceptions.BucketAlreadyOwnedByYou):  # Both tests keep logs there.
        s3.make_bucket(BUCKET)
    with database() as held, sandbox.reachable_folder() as folder:
        lake(folder)
        data = folder / "data"
        sandbox.hand_over(data)
        services = Services(
            folder, environment(folder, held, s3), sandbox.SCRIPT, sandbox.read_only(data)
        )
        try:
            for role in ("code-server", "webserver", "daemon"):
                services.begin(role)
            for role in ("code-server", "webserver", "daemon"):
                services.healthy(role)
            yield Platform(services, held, folder)
        finally:
            services.end()


def test_a_load_goes_through_by_itself_and_what_it_printed_is_in_the_bucket(
    platform: Platform, s3: S3Server
) -> None:
    services = platform.services

    def ended() -> list[str]:
        return [status for status in services.statuses() if status in ("SUCCESS", "FAILURE")]

    assert waited_for(ended, 120, lambda: services.log("daemon")) == ["SUCCESS"]
    with duckdb.connect(str(platform.folder / "data" / "warehouse.duckdb"), read_only=True) as held:
        assert held.execute("SELECT count(*) > 0 FROM sparkify.songplay").fetchone() == (True,)
    assert any("compute-logs" in key for key in s3.keys(f"s3://{BUCKET}/dagster"))
    assert (platform.folder / "data" / "report.html").exists()


def test_nothing_but_temporary_files_and_data_can_be_written(platform: Platform) -> None:
    services = platform.services
    for place in ("/usr", "/etc", "/opt", "$DAGSTER_HOME", "$(dirname $(command -v sparkify))"):
        assert services.run("sh", "-c", f'touch "{place}/x"').returncode, place
    assert services.run("sh", "-c", 'touch "$TMPDIR/x"').returncode == 0
    if sandbox.IMAGE_ROOT:
        assert f"uid={sandbox.USER}" in services.run("id").stdout
        for name in ("pip", "cc", "make", "git"):
            assert services.run("sh", "-c", f"command -v {name}").returncode, name


def test_the_command_line_says_that_all_is_well(platform: Platform) -> None:
    said = platform.services.run("sparkify", "doctor")
    assert said.returncode == 0, said.stdout
    assert "kept in postgres" in said.stdout
    assert platform.held.password not in said.stdout + said.stderr


@pytest.mark.skipif(nginx.NGINX is None, reason="needs nginx, which .ci/run installs")
def test_behind_nginx_the_ui_works_and_who_only_looks_changes_nothing(
    platform: Platform, tmp_path: Path
) -> None:
    services = platform.services
    port = free_port()
    services.begin("webserver", "--read-only", name="analysts", DAGSTER_WEB_PORT=str(port))
    services.healthy("webserver", "analysts", DAGSTER_WEB_PORT=str(port))
    operators = int(services.environ["DAGSTER_WEB_PORT"])
    with nginx.running(tmp_path, operators, port) as front:
        for host in (nginx.OPERATORS, nginx.ANALYSTS):
            assert front.ask("/", host)[0] == 200
            assert front.ask("/graphql", host, **_SOCKET)[0] == 101
            assert front.ask("/graphql", host, login=False, **_SOCKET)[0] == 401
            status, said = front.ask("/graphql", host, "POST", _LOOK, Content_Type=_JSON)
            assert (status, list(json.loads(said)["data"])) == (200, ["version"])
        status, said = front.ask("/graphql", nginx.ANALYSTS, "POST", _STOP, Content_Type=_JSON)
        assert "UnauthorizedError" in said
        status, said = front.ask("/graphql", nginx.OPERATORS, "POST", _STOP, Content_Type=_JSON)
        assert "UnauthorizedError" not in said
    path, headers = "/report_asset_materialization/of_the_test", {"Content-Type": _JSON}
    reported = urllib.request.Request(f"http://127.0.0.1:{port}{path}", b"{}", headers)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(reported, timeout=30)


def test_postgresql_keeps_its_connections_over_fifty_ticks(platform: Platform) -> None:
    services, seen = platform.services, list[int]()

    def ticks() -> int:
        sensors = services.ask(_TICKS)["sensorsOrError"]["results"]
        return sum(len(sensor["sensorState"]["ticks"]) for sensor in sensors)

    deadline = time.monotonic() + 240
    while ticks() < TICKS:
        seen.append(platform.held.connections())
        assert time.monotonic() < deadline, services.log("daemon")
        assert services.processes["daemon"].poll() is None, services.log("daemon")
        time.sleep(1)
    # The daemon's, the web servers', those of a look that is just going on.
    assert max(seen) <= MOST_CONNECTIONS, seen


_JSON = "application/json"
_SOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec_WebSocket_Protocol": "graphql-ws",
}
_LOOK = json.dumps({"query": "{ version }"})
_STOP = json.dumps({"query": 'mutation { deletePipelineRun(runId: "x") { __typename } }'})
_TICKS = """{ sensorsOrError(repositorySelector:
    {repositoryName: "__repository__", repositoryLocationName: "sparkify_dagster"})
    { ... on Sensors { results { name sensorState { ticks(limit: 200) { id } } } } } }"""
