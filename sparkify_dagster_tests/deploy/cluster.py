"""A small stand-in for the API of Kubernetes: it runs the command of each Job that is made.

What belongs here: what Dagster's launcher asks for. A Job has one pod, whose process runs where the
services run: with a read-only root, and with what its environment names, nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import yaml

from sparkify_dagster_tests.deploy.services import Services

_JOB = re.compile(r"/apis/batch/v1/namespaces/sparkify/jobs(?:/([\w-]+))?(/status)?$")
_PODS = re.compile(r"/api/v1/namespaces/sparkify/(pods|events)(?:/([\w-]+))?$")


@dataclass
class Cluster:
    """The Jobs that were made, by name."""

    services: Services
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    turn: Lock = field(default_factory=Lock)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and object for a request."""
        path = path.partition("?")[0]
        if found := _JOB.match(path):
            name = found[1] or body["metadata"]["name"]
            with self.turn:
                return self._make(name, body) if method == "POST" else self._of(method, name)
        if found := _PODS.match(path):
            kind = "PodList" if found[1] == "pods" else "EventList"
            return 200, {"apiVersion": "v1", "kind": kind, "metadata": {}, "items": []}
        return 404, _status(404, path)

    def _make(self, name: str, job: dict[str, Any]) -> tuple[int, Any]:
        if name in self.jobs:
            return 409, _status(409, name)
        (container,) = job["spec"]["template"]["spec"]["containers"]
        given = {one["name"]: one["value"] for one in container["env"]}
        # The folder is another one here; all else is as the pod would get it.
        given["DAGSTER_HOME"] = self.services.environ["DAGSTER_HOME"]
        self.services.begin(*container["args"], name=name, **given)
        self.jobs[name] = job
        return 201, job

    def _of(self, method: str, name: str) -> tuple[int, Any]:
        if name not in self.jobs:
            return 404, _status(404, name)
        if method == "DELETE":
            self.services.processes[name].terminate()
            del self.jobs[name]
            return 200, _status(200, name)
        ended = self.services.processes[name].poll()
        states = {None: {"active": 1}, 0: {"succeeded": 1}}
        return 200, self.jobs[name] | {"status": states.get(ended, {"failed": 1})}


def _status(code: int, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "code": code, "message": name}


@contextmanager
def served(services: Services, kubeconfig: Path) -> Iterator[Cluster]:
    """Answers on a free port, which a kubeconfig is written for."""
    cluster = Cluster(services)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            code, answer = cluster.answer(self.command, self.path, body)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    # One thread for all: bubblewrap ends with the thread that began it.
    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    cluster_ = {"server": f"http://127.0.0.1:{server.server_port}"}
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "clusters": [{"name": "here", "cluster": cluster_}],
                "users": [{"name": "here", "user": {}}],
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
            }
        )
    )
    try:
        yield cluster
    finally:
        server.shutdown()
