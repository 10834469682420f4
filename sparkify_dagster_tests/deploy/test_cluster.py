"""Runs as Jobs: they load, and one whose pod is evicted is found and made good."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

from sparkify_dagster_tests.deploy import sandbox
from sparkify_dagster_tests.deploy.cluster import Cluster, served
from sparkify_dagster_tests.deploy.services import (
    BUCKET,
    DEPLOY,
    Services,
    database,
    environment,
    waited_for,
)
from sparkify_dagster_tests.integration.cli_process import lake
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(sandbox.BWRAP is None, reason="needs bubblewrap, which .ci/run installs"),
    pytest.mark.skipif(bool(sandbox.IMAGE_ROOT), reason="with this machine's root only"),
]
IMAGE = "registry.example.com/sparkify:1"


@dataclass
class Platform:
    """All that runs."""

    services: Services
    cluster: Cluster
    data: Path


@pytest.fixture
def platform(s3: S3Server) -> Iterator[Platform]:
    """The services as in the cluster; only daemon and web server know how runs start."""
    with suppress(s3.client().exceptions.BucketAlreadyOwnedByYou):  # Both tests keep logs there.
        s3.make_bucket(BUCKET)
    with database() as held, sandbox.reachable_folder() as folder:
        lake(folder)
        data, kubeconfig = folder / "data", folder / "kubeconfig"
        environ = environment(folder, held, s3) | {"SPARKIFY_SENSOR__PAUSE": "1"}
        _instance(Path(environ["DAGSTER_HOME"]), kubeconfig)
        services = Services(folder, environ, wrap=sandbox.read_only(data))
        # The others know no namespace: to them the launcher is a block that cannot be read.
        asking = {"DAGSTER_NAMESPACE": "sparkify"}
        with served(services, kubeconfig) as cluster:
            try:
                services.begin("code-server", DAGSTER_CONTAINER_IMAGE=IMAGE)
                services.begin("webserver", **asking)
                services.begin("daemon", **asking)
                services.healthy("webserver")
                yield Platform(services, cluster, data)
            finally:
                services.end()


def _instance(home: Path, kubeconfig: Path) -> None:
    """The instance of the cluster, with another way to its API and a shorter wait."""
    instance = yaml.safe_load((DEPLOY / "kubernetes" / "base" / "dagster.yaml").read_text())
    instance["run_launcher"]["config"] |= {
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig),
    }
    instance["run_monitoring"]["poll_interval_seconds"] = 5
    (home / "dagster.yaml").write_text(yaml.safe_dump(instance))


def test_a_run_is_a_job_and_what_is_evicted_is_made_good(platform: Platform) -> None:
    services, cluster = platform.services, platform.cluster

    def ended(status: str) -> int:
        return services.statuses().count(status)

    def said() -> str:
        return "\n".join(map(services.log, ["daemon", *cluster.jobs]))

    waited_for(lambda: ended("SUCCESS") == 1, 300, said)
    (job,) = cluster.jobs.values()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert job["spec"]["template"]["metadata"]["labels"]["role"] == "run"

    first = min((platform.data / "lake" / "log_data").rglob("*.json"))
    shutil.copy(first, first.with_name("2018-11-09-events.json"))
    waited_for(lambda: len(cluster.jobs) == 2, 300, said)
    # It imports for seconds, and then waits for the warehouse: it is at work when its pod goes.
    with duckdb.connect(str(platform.data / "warehouse.duckdb")):
        waited_for(lambda: services.statuses()[0] == "STARTED", 300, said)
        evicted = list(cluster.jobs)[-1]
        os.killpg(services.processes[evicted].pid, signal.SIGKILL)
        waited_for(lambda: ended("FAILURE") == 1, 120, said)
    waited_for(lambda: ended("SUCCESS") == 2, 300, said)
    assert sorted(services.statuses()) == ["FAILURE", "SUCCESS", "SUCCESS"]
    assert len(cluster.jobs) == 3
