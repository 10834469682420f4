"""The kustomize base: what it renders to is valid, restricted, and starts runs that are, too."""

from __future__ import annotations

import collections
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import kubernetes
import kubernetes_validate
import pytest
import yaml
from dagster_k8s.job import construct_dagster_k8s_job
from dagster_k8s.launcher import K8sRunLauncher

from sparkify_dagster_tests.deploy.services import DEPLOY

FOLDER = DEPLOY / "kubernetes" / "base"
PLACE = DEPLOY / "kubernetes" / "example"
VERSION = "1.34"
KUSTOMIZE = next(
    ([found, *words] for name, words in (("kubectl", ["kustomize"]), ("kustomize", ["build"]))
     if (found := shutil.which(name))), None,
)  # fmt: skip
rendered = pytest.mark.skipif(KUSTOMIZE is None, reason="needs kubectl or kustomize")


@cache
def resources() -> tuple[dict[str, Any], ...]:
    """What the base renders to."""
    assert KUSTOMIZE
    said = subprocess.run([*KUSTOMIZE, PLACE], capture_output=True, text=True, check=True)
    return tuple(yaml.safe_load_all(said.stdout))


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in resources() if found["kind"] == kind}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The specification of each pod, that of a run included."""
    for name, found in of_kind("Deployment").items():
        yield name, found["spec"]["template"]["spec"]
    yield "run", run_job()["spec"]["template"]["spec"]


@cache
def launcher() -> K8sRunLauncher:
    """The launcher that the instance names, without a cluster."""
    config = yaml.safe_load((FOLDER / "dagster.yaml").read_text())["run_launcher"]["config"]
    given = config | {"load_incluster_config": False, "job_namespace": "sparkify"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dagster_k8s.launcher.load_kubernetes_config", lambda **_: None)
        return K8sRunLauncher(**given)


@cache
def run_job(tags: str = "") -> dict[str, Any]:
    """The Job of a run, as the launcher makes it."""
    from dagster_k8s.container_context import K8sContainerContext

    made = launcher()
    context = K8sContainerContext.create_for_run(_run(yaml.safe_load(tags or "{}")), made, True)
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config(job_image="sparkify:1", run_launcher=made),
        args=["dagster", "api", "execute_run", "{}"],
        job_name="dagster-run-1",
        user_defined_k8s_config=context.run_k8s_config,
        component="run_worker",
    )
    return kubernetes.client.ApiClient().sanitize_for_serialization(job)


def _run(tags: dict[str, str]) -> Any:
    import dagster as dg

    return dg.DagsterRun("load", tags=tags)


@rendered
def test_what_it_renders_to_is_valid() -> None:
    for found in (*resources(), run_job()):
        kubernetes_validate.validate(found, VERSION, strict=True)


@rendered
def test_what_is_no_field_would_be_seen() -> None:
    broken = yaml.safe_load(yaml.safe_dump(of_kind("Deployment")["daemon"]))
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


@rendered
def test_every_pod_is_restricted_and_cannot_write_its_root() -> None:
    """What the restricted Pod Security Standard asks for, and a read-only root."""
    for name, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["runAsUser"] == 10001, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        assert pod["enableServiceLinks"] is False, name
        kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "configMap"}, name
        for container in pod["containers"]:
            allowed = container["securityContext"]
            assert allowed == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}, name
            assert {"requests", "limits"} == container["resources"].keys(), name
            assert "memory" in container["resources"]["limits"], name
            assert all("hostPort" not in port for port in container.get("ports", ())), name


@rendered
def test_only_who_starts_runs_may_ask_the_cluster() -> None:
    asking = {name for name, pod in pods() if pod["automountServiceAccountToken"]}
    assert asking == {"daemon", "webserver"}
    for name, pod in pods():
        account = "sparkify-services" if name in asking else "sparkify-loader"
        assert pod["serviceAccountName"] == account


@rendered
def test_no_variable_is_given_twice() -> None:
    given = {
        name: list(found["data"]) for name, found in of_kind("ConfigMap").items()
    } | {"sparkify-secrets": ["DAGSTER_PG_PASSWORD"]}  # fmt: skip
    for name, pod in pods():
        (container,) = pod["containers"]
        names = [one["name"] for one in container.get("env", ())]
        for source in container["envFrom"]:
            ((_, reference),) = source.items()
            names += given[reference["name"]]
        assert [one for one, times in collections.Counter(names).items() if times > 1] == [], name
        assert "DAGSTER_PG_PASSWORD" in names, name


@rendered
def test_a_run_and_a_reload_follow_the_image_of_the_code_server() -> None:
    (container,) = of_kind("Deployment")["code-server"]["spec"]["template"]["spec"]["containers"]
    (named,) = [one for one in container["env"] if one["name"] == "DAGSTER_CONTAINER_IMAGE"]
    assert named["value"] == container["image"]
    assert ":" in container["image"]
    assert launcher().job_image is None


@rendered
def test_two_code_servers_of_which_one_stays_and_one_daemon_at_any_moment() -> None:
    deployments = of_kind("Deployment")
    assert deployments["code-server"]["spec"]["replicas"] == 2
    budget = of_kind("PodDisruptionBudget")["code-server"]["spec"]
    assert budget["minAvailable"] == 1
    chosen = deployments["code-server"]["spec"]["selector"]
    assert budget["selector"] == chosen
    daemon = deployments["daemon"]["spec"]
    assert (daemon["replicas"], daemon["strategy"]) == (1, {"type": "Recreate"})


@rendered
def test_each_process_says_how_it_is() -> None:
    for name, found in of_kind("Deployment").items():
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert {"startupProbe", "livenessProbe"} <= container.keys(), name
        assert container["args"] == [name]


@rendered
def test_nothing_goes_in_or_out_but_what_is_named() -> None:
    policies = of_kind("NetworkPolicy")
    assert policies["nothing"]["spec"] == {
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
    }  # fmt: skip
    ((login,),) = [rule["from"] for rule in policies["webserver"]["spec"]["ingress"]]
    assert login.keys() == {"namespaceSelector", "podSelector"}
    # kustomize adds our own labels to what it takes for a selector of ours.
    assert "app" not in str(login)


def test_tags_of_a_launch_cannot_change_a_pod() -> None:
    tags = {"dagster-k8s/config": '{"pod_spec_config": {"host_network": true}}'}
    with pytest.raises(Exception, match="violated the allowed list"):
        run_job(yaml.safe_dump(tags))


def test_the_memory_of_a_run_is_more_than_a_load_may_hold() -> None:
    settings = dict(
        line.split("=", 1)
        for line in (FOLDER / "settings.env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    (container,) = run_job()["spec"]["template"]["spec"]["containers"]
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Gi")) * 1024
    assert int(settings["SPARKIFY_LOAD__HELD_MB"]) <= limit / 2
