"""A webhook that means ill holds up nobody, and learns nothing it was not sent."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from sparkify_dagster.core.webhook import post
from sparkify_dagster.defs.sensors.alert_policy import _listed, send

DEADLINE = 1.0
PIECES: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "a status line, byte by byte": (b"HTTP/1.1 200 ", b"x"),
    "a header, byte by byte": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "answers that are none yet, one after the other": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "blank space before the answer": (b"HTTP/1.1", b" "),
}
"""What a server sends at once, and then again and again."""


@contextmanager
def server(first: bytes, again: bytes, pause: float = 0.05) -> Iterator[int]:
    """A server that sends to whoever comes, until it is left; gives its port."""
    left = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(100)
            connection.sendall(first)
            while not left.wait(pause):
                connection.sendall(again)

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=listening.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        left.set()


@pytest.mark.parametrize("kind", PIECES)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_ends_is_left_when_the_time_is_up(kind: str, scheme: str) -> None:
    with server(*PIECES[kind]) as port:
        began = time.monotonic()
        with pytest.raises((TimeoutError, ConnectionError)) as raised:
            post(f"{scheme}://127.0.0.1:{port}/", "{}", DEADLINE)
        took = time.monotonic() - began
    assert took < 10
    # TLS is not fooled by these; it fails, or waits for the rest of a record.
    assert scheme == "https" or raised.type is TimeoutError


def test_a_tls_handshake_byte_by_byte_is_left_when_the_time_is_up() -> None:
    began = time.monotonic()
    with server(b"\x16\x03\x03\x40\x00\x02", b"\x00") as port, pytest.raises(TimeoutError):
        post(f"https://127.0.0.1:{port}/", "{}", DEADLINE)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("first", "again", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1_000, "HTTPException"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 100_000, "LineTooLong"),
        (b"garbage", b"\r\n" * 1_000, "BadStatusLine"),
    ],
)
def test_an_answer_without_measure_is_none_and_takes_no_memory(
    first: bytes, again: bytes, said: str
) -> None:
    with server(first, again, 0.0) as port, pytest.raises(ConnectionError, match=said):
        post(f"http://127.0.0.1:{port}/", "{}", 20.0)


def test_an_endless_text_after_the_answer_is_not_waited_for() -> None:
    with server(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1_000) as port:
        assert post(f"http://127.0.0.1:{port}/", "{}", 20.0) == 200


def test_a_redirect_to_itself_is_an_answer() -> None:
    with server(b"HTTP/1.1 307 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", b"") as port:
        assert post(f"http://127.0.0.1:{port}/", "{}", 20.0) == 307


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example"])
def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(name: str) -> None:
    said: list[object] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(name).configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            connection, _ = listening.accept()
            try:
                said.append(context.wrap_socket(connection, server_side=True).recv(100))
            except OSError as error:
                said.append(error)

        serving = threading.Thread(target=accept, daemon=True)
        serving.start()
        with pytest.raises(ConnectionError):
            post(f"https://127.0.0.1:{listening.getsockname()[1]}/token", "{}", 20.0)
        serving.join(20)
    assert [type(each) for each in said] in ([ssl.SSLError], [bytes])
    assert b"token" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc, as ps does")
def test_ps_shows_no_url_of_a_webhook() -> None:
    shown: list[bytes] = []
    with server(b"", b"") as port:
        url = f"http://127.0.0.1:{port}/the-token"
        posting = threading.Thread(
            target=lambda: send(url, {"text": "x"}, timeout=3.0), daemon=True
        )
        posting.start()
        ended = time.monotonic() + 3
        while time.monotonic() < ended and not any(b"webhook" in each for each in shown):
            for child in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                for number in child.read_text().split():
                    with suppress(OSError):
                        process = Path("/proc", number)
                        shown += [(process / n).read_bytes() for n in ("cmdline", "environ")]
    assert any(b"webhook" in each for each in shown), "the process that posts was seen"
    assert not any(b"the-token" in each for each in shown)


def test_three_tries_at_a_server_that_never_ends_take_three_times_as_long_at_most() -> None:
    with server(*PIECES["a header, byte by byte"]) as port:
        began = time.monotonic()
        found = send(f"http://127.0.0.1:{port}/token", {"text": "x"}, timeout=DEADLINE, pause=0.01)
        took = time.monotonic() - began
    assert (found.state, found.why) == ("unreachable", "did not answer within 1 s")
    assert took < 15


@pytest.mark.parametrize(
    "key",
    [
        "http://evil.invalid/login.json", "evil.com.json", "<https://evil.invalid|the report>.json",
        "*all is well*", "_all is well_", "~never mind~", "`rm`.json", "<!channel>.json",
        "![](http://evil.invalid/pixel).json", "```x```.json",
    ],
)  # fmt: skip
def test_a_key_of_the_lake_is_neither_link_nor_markup(key: str) -> None:
    (line,) = _listed([f"2018-11-01 was not published: {key}: permission denied"], "lines")
    assert line.startswith("• `2018-11-01 was not published: ")
    assert line.endswith(": permission denied`")
    assert line.count("`") == 2
    assert "<" not in line
