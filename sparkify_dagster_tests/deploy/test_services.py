"""The platform as in production, on a read-only root: it starts, loads by itself, and is well."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from sparkify_dagster_tests.deploy import sandbox
from sparkify_dagster_tests.deploy.services import (
    BUCKET,
    Database,
    Services,
    answers,
    database,
    environment,
    waited_for,
)
from sparkify_dagster_tests.integration.cli_process import lake
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(sandbox.BWRAP is None, reason="needs bubblewrap, which .ci/run installs"),
]
TICKS = 50


@dataclass
class Platform:
    """All that runs, and the database it runs on."""

    services: Services
    held: Database
    folder: Path


@pytest.fixture(scope="module")
def platform(s3: S3Server) -> Iterator[Platform]:
    """Code server, webserver and daemon, of which none can write outside its temporary files."""
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
    home = platform.services.environ["DAGSTER_HOME"]
    for place in ("/usr/x", "/opt/x", "$DAGSTER_HOME/x", "/etc/x", f"{home}/y"):
        said = platform.services.run("sh", "-c", f'touch "{place}"')
        assert said.returncode, place
    assert "uid=0" not in platform.services.run("id").stdout or not sandbox.IMAGE_ROOT


def test_a_second_webserver_for_those_who_only_look_refuses_to_change_anything(
    platform: Platform,
) -> None:
    services = platform.services
    services.begin("webserver", "--read-only", name="analysts", DAGSTER_WEB_PORT="0")


def test_postgresql_keeps_its_connections_over_fifty_ticks(platform: Platform) -> None:
    services = platform.services
    query = "{ instance { daemonHealth { id } } sensorsOrError(repositorySelector: "
    query += '{repositoryName: "__repository__", repositoryLocationName: "sparkify_dagster"})'
    query += "{ ... on Sensors { results { name sensorState { ticks(limit: 200) { id } } } } } }"

    def ticks() -> int:
        sensors = services.ask(query)["sensorsOrError"]["results"]
        return sum(len(sensor["sensorState"]["ticks"]) for sensor in sensors)

    first, most = ticks(), list[int]()
    waited_for(lambda: ticks() > first + 2, 60)
    while ticks() < first + TICKS:
        most.append(platform.held.connections())
        time.sleep(1)
        assert services.processes["daemon"].poll() is None
    print(most)
    assert max(most) < 30, most
    early, late = most[: len(most) // 3], most[-len(most) // 3 :]
    assert max(late) <= max(early) + 3, most


_ = re, answers
