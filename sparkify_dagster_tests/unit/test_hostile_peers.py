"""What the other end of a connection answers, whatever it is, costs a message and no more.

The servers are real sockets of this machine; what they say is what no AWS and no Redshift would.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.core.errors import CloudError
from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import LakeError, ObjectError
from sparkify_dagster.lake.notifications import Watched
from sparkify_dagster.lake.queue import EventQueue
from sparkify_dagster.lake.store.s3 import S3Store
from sparkify_dagster.lake.store.staging_area import StagingArea
from sparkify_dagster.settings import ClusterSettings
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.login import Login, as_set, from_cluster, from_secret
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster_tests.redshift_double import wire

TOKEN = "Session0Token" * 20
PASSWORD = "Hunter2  Secret"
ESCAPES = "\x9b2J\u202e"
ROLE = "arn:aws:iam::123456789012:role/loader"
SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:dwh"
CLUSTER = ClusterSettings(
    host="127.0.0.1",
    db_name="dev",
    db_user="u",
    db_password=SecretStr(PASSWORD),
    sslmode="disable",
    secret_arn=SECRET,
    cluster_id="dwh",
)
LOGS = ("s3://lake/logs", "[S3] LOG_DATA")
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(answer: Callable[[str], Answer]) -> Iterator[str]:
    """The address of a server that gives an answer for each path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def access(address: str, role: str = "") -> AwsAccess:
    keys = {"access_key_id": "AKID", "secret_access_key": "SECRET", "session_token": TOKEN}
    return AwsAccess("", "us-west-2", address, role, max_attempts=1, **keys)


def listing(*objects: tuple[str, str], more: str = "") -> bytes:
    told = "".join(
        f"<Contents><Key>{key}</Key><Size>{size}</Size><ETag>e</ETag></Contents>"
        for key, size in objects
    )
    return f"<ListBucketResult>{told}{more}</ListBucketResult>".encode()


AGAIN = "<IsTruncated>true</IsTruncated><NextContinuationToken>T</NextContinuationToken>"
LISTINGS = {
    "the same page for ever": listing(("logs/a.json", "5"), more=AGAIN),
    "an empty page for ever": listing(more=AGAIN),
    "an object twice": listing(("logs/a.json", "5"), ("logs/a.json", "5")),
    "an object of somewhere else": listing(("other/a.json", "5")),
    "a negative size": listing(("logs/a.json", "-5")),
    "a size of other digits": listing(("logs/a.json", "\u0663")),
    "a size that no disk has": listing(("logs/a.json", "9" * 40)),
}


@pytest.mark.parametrize("page", LISTINGS.values(), ids=list(LISTINGS))
def test_a_listing_that_cannot_be_true_ends_with_a_message(page: bytes) -> None:
    with (
        answering(lambda _: (200, {}, page)) as address,
        pytest.raises(LakeError, match=r"s3://lake/logs \(\[S3\] LOG_DATA\): .*a listing"),
    ):
        S3Store(*LOGS, access(address)).list_objects()


@pytest.mark.parametrize(
    "headers",
    [{"Content-Length": "1000000000000"}, {"ETag": '"other"'}],
    ids=["a terabyte", "another version"],
)
def test_an_object_that_is_not_what_was_listed_is_not_taken(headers: dict[str, str]) -> None:
    usual = {"ETag": '"e"', "Last-Modified": "Mon, 30 Nov 2026 10:00:00 GMT"}

    def answer(path: str) -> Answer:
        if "list-type" in path:
            return 200, {}, listing(("logs/a.json", "5"))
        return (200, usual | headers, b"12345") if path.endswith(".json") else (200, {}, b"")

    with answering(answer) as address:
        store = S3Store(*LOGS, access(address))
        ((_, found),) = store.read(store.list_objects())
    assert isinstance(found, ObjectError)
    assert "changed while it was read" in str(found)


ECHOED = TOKEN + ESCAPES
JUNK: dict[str, Answer] = {
    "nothing": (200, {}, b""),
    "null": (200, {}, b"null"),
    "a list": (200, {}, b"[]"),
    "no text": (200, {}, b"\xff\xfe"),
    "very deep": (200, {}, b"[" * 200_000),
    "very deep XML": (200, {}, b"<a>" * 100_000 + b"</a>" * 100_000),
    "messages that are none": (200, {}, b'{"Messages": [null, "x"]}'),
    "messages without a receipt": (200, {}, b'{"Messages": [{"Body": "x"}]}'),
    "no keys": (200, {}, b"<R><AssumeRoleResult><Credentials/></AssumeRoleResult></R>"),
    "no password": (200, {}, b"<R><GetClusterCredentialsResult/></R>"),
    "somewhere else": (307, {"Location": "http://127.0.0.1:1/"}, b""),
    "an odd error": (400, {}, b'{"__type": 5, "message": {}}'),
    "an echo": (400, {}, json.dumps({"__type": ESCAPES, "message": ECHOED}).encode()),
    "an echo in XML": (
        400,
        {},
        f"<R><Error><Code>{ESCAPES}</Code><Message>{ECHOED}</Message></Error></R>".encode(),
    ),
}
ASKED: dict[str, Callable[[str], Any]] = {
    "the queue": lambda at: EventQueue(f"{at}/1/q", access(at)).told(Watched(LOGS[:1]), ()),
    "the secret": lambda at: from_secret(CLUSTER, access(at)),
    "the cluster": lambda at: from_cluster(CLUSTER, access(at)),
    "the role": lambda at: access(at, ROLE).credentials(),
    "the lake": lambda at: S3Store(*LOGS, access(at)).list_objects(),
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=list(JUNK))
def test_whatever_a_service_answers_is_told_in_a_line_without_escapes_or_tokens(
    junk: Answer,
) -> None:
    said = []
    with answering(lambda _: junk) as address:
        for asked in ASKED.values():
            try:
                asked(address)
            except (CloudError, LakeError, WarehouseError) as error:
                said.append(str(error))
    assert said
    assert all(text.isprintable() and TOKEN[:50] not in text for text in said)
    assert max(map(len, said)) < 700


class Peer(socketserver.ThreadingTCPServer):
    """Lets anybody in, and gives every statement the next of its answers, the last one for ever."""

    daemon_threads = True
    answers: tuple[bytes, ...] = ()


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Peer)
        answers = list(self.server.answers)
        self.rfile.read(int.from_bytes(self.rfile.read(4)) - 4)
        encoding = wire.frame(b"S", b"client_encoding\0UTF8\0")
        ready = wire.frame(b"Z", b"I")
        self.wfile.write(wire.frame(b"R", bytes(4)) + encoding + ready)
        while self.rfile.read(1) == b"Q":
            self.rfile.read(int.from_bytes(self.rfile.read(4)) - 4)
            self.wfile.write((answers.pop(0) if len(answers) > 1 else answers[0]) + ready)


@contextmanager
def redshift(*answers: bytes) -> Iterator[RedshiftWarehouse]:
    with Peer(("127.0.0.1", 0), _Talk) as peer:
        peer.answers = answers
        threading.Thread(target=peer.serve_forever, daemon=True).start()
        cluster = CLUSTER.model_copy(update={"db_port": peer.server_address[1]})
        yield RedshiftWarehouse(
            cluster,
            Login(lambda: as_set(cluster)),
            "sparkify",
            StagingArea("s3://lake/_staging", access("http://127.0.0.1:1"), Meter()),
            "default",
        )
        peer.shutdown()


ECHO = wire.frame(b"E", f"SERROR\0CXX000\0M{PASSWORD} is bad {ESCAPES}\0\0".encode())
DONE = wire.command_complete("SET")


@pytest.mark.parametrize("before", range(2))
def test_an_error_of_the_server_shows_no_password_and_no_escape_whenever_it_comes(
    before: int,
) -> None:
    with (
        redshift(*[DONE] * before, ECHO) as warehouse,
        pytest.raises(WarehouseError, match=r"\*\*\* is bad") as told,
    ):
        warehouse.read_only(lambda session: session.query("SELECT 1"))
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    ("kind", "value"),
    [(23, b"abc"), (1114, b"20000-01-01 00:00:00"), (1700, b"N'aN"), (1043, b"\xff"), (114, b"[")],
    ids=["a number", "a time", "a decimal", "a text", "JSON"],
)
def test_a_value_that_the_driver_cannot_read_is_told_without_quoting_it(
    kind: int, value: bytes
) -> None:
    column = b"\0\1a\0" + bytes(6) + kind.to_bytes(4) + b"\xff" * 6 + bytes(2)
    row = b"\0\1" + len(value).to_bytes(4) + value
    found = wire.frame(b"T", column) + wire.frame(b"D", row) + wire.command_complete("SELECT 1")
    with (
        redshift(DONE, found) as warehouse,
        pytest.raises(WarehouseError, match=r"cannot read or write a value \(\w+\)\.$"),
    ):
        warehouse.read_only(lambda session: session.query("SELECT 1"))


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_a_password_that_cannot_be_sent_is_told_and_not_shown(character: str) -> None:
    with redshift(DONE) as warehouse:
        password = SecretStr(PASSWORD + character)
        cluster = CLUSTER.model_copy(update={"db_password": password})
        warehouse.login = Login(lambda: as_set(cluster))
        with pytest.raises(WarehouseError, match=r"cannot be sent|invalid dsn") as told:
            warehouse.read_only(lambda session: session.query("SELECT 1"))
    assert PASSWORD not in str(told.value)
