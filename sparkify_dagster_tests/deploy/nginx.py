"""A real nginx with the configuration of `deploy/systemd`, on ports of its own.

What belongs here: the main file, certificate and logins around it, and asking it things.
"""

from __future__ import annotations

import base64
import http.client
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from sparkify_dagster_tests.deploy.services import DEPLOY, free_port, waited_for

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
OPERATORS, ANALYSTS = "sparkify.example.com", "look.sparkify.example.com"
PASSWORD = "of-the-test"
_MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/nginx.conf;
}}
"""


@dataclass(frozen=True)
class Nginx:
    """One that runs."""

    port: int
    folder: Path

    def ask(
        self,
        path: str = "/",
        host: str = OPERATORS,
        method: str = "GET",
        body: str | None = None,
        login: bool = True,
        **headers: str,
    ) -> tuple[int, str]:
        """Status and body of an answer; the names of headers with `_` for `-`."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        asked = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        # By address, but with the name that the certificate is for.
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        asked.sock = context.wrap_socket(plain, server_hostname=host)
        sent = {"Host": f"{host}:{self.port}"}
        if login:
            token = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
            sent["Authorization"] = f"Basic {token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            asked.request(method, path, body, sent)
            answer = asked.getresponse()
            return answer.status, "" if answer.status == 101 else answer.read().decode()
        finally:
            asked.close()


@contextmanager
def running(folder: Path, operators: int, analysts: int) -> Iterator[Nginx]:
    """Starts it in front of two web servers."""
    assert NGINX
    port = free_port()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert(OPERATORS, ANALYSTS)
    certificate.cert_chain_pems[0].write_to_path(str(folder / "sparkify.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "sparkify.key"))
    for name in ("nginx.conf", "sparkify-server.inc"):
        text = (DEPLOY / "systemd" / name).read_text()
        text = text.replace("/etc/nginx/", f"{folder}/").replace(" 443 ", f" 127.0.0.1:{port} ")
        text = re.sub(r"\b3000;", f"{operators};", text)
        (folder / name).write_text(re.sub(r"\b3001;", f"{analysts};", text))
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True
    ).stdout
    for name in ("sparkify-operators", "sparkify-analysts"):
        (folder / name).write_text(f"ada:{hashed}")
    user = "user root;\n" if folder.owner() == "root" else ""
    (folder / "main.conf").write_text(user + _MAIN.format(folder=folder))
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", "main.conf", "-e", str(folder / "error.log")],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "stderr.log").open("wb"),
    )
    try:
        waited_for((folder / "nginx.pid").exists, 10, (folder / "stderr.log").read_text)
        yield Nginx(port, folder)
    finally:
        process.terminate()
        process.wait(10)
