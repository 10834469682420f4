"""`sparkify cluster` over moto: from an account with nothing in it to a loaded warehouse, and back.

What belongs here: the command as it is typed. Where moto cannot follow (Serverless, IAM's logins)
the test says what stands in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sparkify_dagster.generator import LakeSpec, generate_lake
from sparkify_dagster_tests.integration.cli_process import Said, sparkify
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration

LOADER = "IAMR:{}-loader-us-west-2"


@contextmanager
def with_logins(behind: str, user: str, password: str) -> Iterator[str]:
    """The server with one answer more, that moto lacks: `GetClusterCredentialsWithIAM`."""
    answer = (
        "<GetClusterCredentialsWithIAMResponse><GetClusterCredentialsWithIAMResult>"
        f"<DbUser>{user}</DbUser><DbPassword>{password}</DbPassword>"
        "</GetClusterCredentialsWithIAMResult></GetClusterCredentialsWithIAMResponse>"
    ).encode()

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            action = parse_qs(body.decode(errors="replace")).get("Action")
            if action == ["GetClusterCredentialsWithIAM"]:
                status, headers, data = 200, [], answer
            else:
                server = HTTPConnection(urlsplit(behind).netloc)
                server.request(self.command, self.path, body, dict(self.headers))
                told = server.getresponse()
                status, headers, data = told.status, told.getheaders(), told.read()
                server.close()
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                    self.send_header(name, value)
            length = dict(headers).get("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(folder: Path, endpoint: str, s3: S3Server, *words: str, **variables: str) -> Said:
    return sparkify(
        folder, *words, **s3.environ(), SPARKIFY_AWS__ENDPOINT_URL=endpoint, **variables
    )


@pytest.mark.slow
def test_from_an_empty_account_to_a_loaded_warehouse_and_back(
    tmp_path: Path, s3: S3Server, double: Double
) -> None:
    name, lake = "acme", "acme-lake-123456789012-us-west-2"
    loader, password = LOADER.format(name), "made by IAM"
    double.allow_login(loader, password, as_role=loader)
    there = {
        "SPARKIFY_CLUSTER__HOST": double.host,
        "SPARKIFY_CLUSTER__DB_PORT": str(double.port),
        "SPARKIFY_CLUSTER__SSLROOTCERT": str(double.ca_file),
        "SPARKIFY_IAM_ROLE__ARN": double.role,
        "SPARKIFY_LOAD__SCHEMA": "acme",
        "SPARKIFY_DAYS__LAST": "2018-11-03",
    }
    with with_logins(s3.endpoint, loader, password) as endpoint:

        def typed(*words: str, **variables: str) -> Said:
            return run(tmp_path, endpoint, s3, *words, **variables)

        made = typed("cluster", "create", name, "--provisioned", "--yes")
        assert made.code == 0, made.flat
        assert "Wrote dwh.cfg: login by IAM, no password" in made.flat
        written = (tmp_path / "dwh.cfg").read_text()
        assert "DB_PASSWORD=''" in written
        assert "CLUSTER_ID='acme'" in written

        generate_lake(tmp_path / "lake", LakeSpec(songs=5, events=60, days=3))
        for file in (path for path in (tmp_path / "lake").rglob("*") if path.is_file()):
            s3.put(f"s3://{lake}/{file.relative_to(tmp_path / 'lake')}", file.read_bytes())
        loaded = typed("etl", "--json", **there)
        assert loaded.code == 0, loaded.flat
        assert loaded.json["tables"]["songplay"]["row_count"] > 0

        told = typed("cluster", "status", name, "--json").json
        assert (told["stack"], told["warehouse"]) == ("CREATE_COMPLETE", "provisioned, available")
        assert "acme is paused" in typed("cluster", "pause", name).out
        assert typed("cluster", "status", name, "--json").json["warehouse"] == "provisioned, paused"
        refused = typed("cluster", "delete", name, "--confirm", name)
        assert refused.code == 1
        assert "cluster resume acme" in refused.err
        assert "acme is available" in typed("cluster", "resume", name).out

        gone = typed("cluster", "delete", name, "--confirm", name)
        assert gone.code == 0, gone.flat
        assert f"Kept: the lake (s3://{lake})" in gone.flat
        assert len(s3.keys(f"s3://{lake}")) >= 9, "the lake is untouched"
        assert typed("cluster", "status", name).code == 1
        again = typed("cluster", "create", name, "--provisioned", "--yes", "--force")
        assert again.code == 0, again.flat
        assert f"The lake of an earlier acme is there and is used: s3://{lake}" in again.flat
        s3.put(f"s3://{lake}/log_data/2018/11/2018-11-02-late.json", b"{}")
        waiting = typed("cluster", "status", name, "--json").json["events_waiting"]
        assert waiting > 0, "the bucket that was there before tells the queue"
        assert password not in made.flat + loaded.flat + again.flat
