"""A front before the S3 server that gives the answers the server cannot give.

What belongs here: refusing, being busy, cutting answers short, as a test tells it to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Asked(NamedTuple):
    """A request: its method, its path decoded (`/bucket/key`), its query as it came."""

    method: str
    path: str
    query: str


class Refusal(NamedTuple):
    """An error answer of S3; a status of 200 without a code cuts the true answer after `keep`."""

    status: int
    code: str
    headers: tuple[tuple[str, str], ...] = ()
    keep: int = 0


SLOW_DOWN = Refusal(503, "SlowDown")
DENIED = Refusal(403, "AccessDenied")
EXPIRED = Refusal(400, "ExpiredToken")
ARCHIVED = Refusal(403, "InvalidObjectState")
CUT = Refusal(200, "")

Fault = Callable[[Asked], Refusal | None]


class FaultyS3:
    """The front.

    Attributes:
        endpoint: Its address.
        fault: What is wrong with a request; None passes it on.
        asked: All requests so far.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.ended = False
        self.reset()

    def reset(self) -> None:
        """Nothing is wrong, and nothing was asked."""
        self.fault: Fault = lambda asked: None
        self.asked: list[Asked] = []

    def times(self, number: int, refusal: Refusal, path: str = "") -> None:
        """Refuses the next requests whose path contains a text, then no more."""
        left = iter(range(number))

        def fault(asked: Asked) -> Refusal | None:
            hit = path in asked.path and next(left, None) is not None
            return refusal if hit else None

        self.fault = fault

    def always(self, refusal: Refusal, path: str = "") -> None:
        """Refuses every request whose path contains a text."""
        self.fault = lambda asked: refusal if path in asked.path else None


@contextmanager
def faulty_s3(behind: str) -> Iterator[FaultyS3]:
    """Starts a front on a free port before the server at an address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Front)
    server.daemon_threads = True
    front = FaultyS3(f"http://127.0.0.1:{server.server_port}")
    server.front = front  # type: ignore[attr-defined]
    server.behind = urlsplit(behind).netloc  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.ended = True
        server.shutdown()
        server.server_close()
        thread.join()


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # An answer leaves in one piece; in two, each would wait for the other's ACK.

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        asked = Asked(self.command, unquote(path), query)
        front: FaultyS3 = self.server.front  # type: ignore[attr-defined]
        if front.ended:  # Connections outlive the server that took them.
            self.close_connection = True
            return
        front.asked.append(asked)
        refusal = front.fault(asked)
        if refusal is None or not refusal.code:
            self._pass_on(body, refusal)
        else:
            self._refuse(refusal)

    def handle_expect_100(self) -> bool:
        """Says at once that the body may come."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _refuse(self, refusal: Refusal) -> None:
        words = f"<Error><Code>{refusal.code}</Code><Message>refused</Message></Error>"
        of_s3 = self.path.partition("?")[0] != "/" or self.command == "GET"
        text = (words if of_s3 else f"<ErrorResponse>{words}</ErrorResponse>").encode()
        self.send_response(refusal.status)
        for name, value in refusal.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _pass_on(self, body: bytes, cut: Refusal | None) -> None:
        behind = HTTPConnection(self.server.behind)  # type: ignore[attr-defined]
        behind.request(self.command, self.path, body, dict(self.headers))
        answer = behind.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        size = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", size or "0")
        self.end_headers()
        self.wfile.write(data if cut is None else data[: cut.keep])
        self.close_connection = cut is not None
        behind.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Says nothing."""
