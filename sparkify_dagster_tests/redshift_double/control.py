"""The line between the test and the proxy: one JSON document there, one back.

What belongs here: both ends of it, and nothing of what is asked for. Each question is a connection
of its own, so any process of the test may ask.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Answer = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Control:
    """The test's end.

    Attributes:
        port: Where the proxy listens for it.
    """

    port: int

    def ask(self, do: str, **values: object) -> Any:
        """Asks the proxy for something; gives its answer.

        Raises:
            RuntimeError: The proxy could not do it; says why.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line:
            line.sendall(json.dumps({"do": do, **values}).encode() + b"\n")
            with line.makefile("rb") as answer:
                said = json.loads(answer.readline())
        if "error" in said:
            raise RuntimeError(said["error"])
        return said["answer"]


def listen(answer: Answer) -> int:
    """The proxy's end: answers in threads of its own. Gives the port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = json.loads(self.rfile.readline())
            try:
                said = {"answer": answer(asked)}
            except Exception as error:
                said = {"error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps(said).encode() + b"\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])
