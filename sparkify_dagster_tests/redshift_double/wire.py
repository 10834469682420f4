"""PostgreSQL's wire protocol, as much of it as a simple query takes.

What belongs here: framing, the few messages we make ourselves, and the fields of an error.
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3 = 196608

_CHUNK = 1 << 16


class Gone(Exception):
    """The other side closed the connection."""


@dataclass
class SqlError(Exception):
    """An error as SQL clients see it."""

    sqlstate: str
    message: str
    detail: str | None = None
    severity: str = "ERROR"


@dataclass(frozen=True, slots=True)
class Described:
    """A column of an answer: its name, PostgreSQL's number of its type, and what modifies that."""

    name: str
    type: int
    modifier: int


class Stream:
    """One side's socket, read message by message."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()

    def startup(self) -> tuple[int, bytes]:
        """The code and the rest of a message without a type, as connections begin."""
        (length,) = struct.unpack("!i", self._take(4))
        body = self._take(length - 4)
        return struct.unpack("!i", body[:4])[0], body[4:]

    def message(self) -> tuple[bytes, bytes]:
        """The type and the body of the next message."""
        head = self._take(5)
        (length,) = struct.unpack("!i", head[1:])
        return head[:1], self._take(length - 4)

    def pending(self) -> bool:
        """Whether something was read that no one took yet."""
        return bool(self._buffer)

    def send(self, data: bytes | bytearray) -> None:
        """Sends all of it.

        Raises:
            Gone: Nobody is there.
        """
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone from error

    def close(self) -> None:
        """Cuts the connection, in whatever state it is."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            self.sock.close()

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            try:
                data = self.sock.recv(_CHUNK)
            except OSError as error:
                raise Gone from error
            if not data:
                raise Gone
            self._buffer += data
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def frame(kind: bytes, body: bytes = b"") -> bytes:
    """A message ready to be sent."""
    return kind + struct.pack("!i", len(body) + 4) + body


def startup_packet(parameters: dict[str, str]) -> bytes:
    """What a client says first."""
    words = b"".join(f"{k}\0{v}\0".encode() for k, v in parameters.items())
    body = struct.pack("!i", PROTOCOL_3) + words + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def startup_parameters(body: bytes) -> dict[str, str]:
    """The parameters a client's first message gives."""
    words = body.rstrip(b"\0").decode(errors="replace").split("\0")
    return dict(zip(words[::2], words[1::2], strict=False))


def query(sql: str) -> bytes:
    """A statement to run."""
    return frame(b"Q", sql.encode("utf-8", "surrogateescape") + b"\0")


def text_of(body: bytes) -> str:
    """The SQL of a query's body. What is no UTF-8 comes back the same by `query`."""
    return body.rstrip(b"\0").decode("utf-8", "surrogateescape")


def error_response(error: SqlError) -> bytes:
    """An error as a message."""
    return frame(b"E", _fields(error))


def info_response(message: str) -> bytes:
    """An INFO, which psycopg2 keeps among the connection's notices."""
    return frame(b"N", _fields(SqlError("00000", message, severity="INFO")))


def command_complete(tag: str) -> bytes:
    """The end of a statement that worked."""
    return frame(b"C", tag.encode() + b"\0")


def fields_of(body: bytes) -> dict[str, str]:
    """The fields of an error, by their letters."""
    parts = [part for part in body.split(b"\0") if part]
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in parts}


def columns_of(body: bytes) -> list[Described]:
    """The columns of an answer."""
    found, at = [], 2
    while at < len(body):
        end = body.index(b"\0", at)
        _, _, kind, _, modifier, _ = struct.unpack_from("!ihihih", body, end + 1)
        found.append(Described(body[at:end].decode(), kind, modifier))
        at = end + 19
    return found


def row_of(body: bytes) -> tuple[str | None, ...]:
    """The values of a data row, as text."""
    return tuple(_values(body))


def _values(body: bytes) -> Iterator[str | None]:
    at = 2
    while at < len(body):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        if length < 0:
            yield None
        else:
            yield body[at : at + length].decode()
            at += length


def _fields(error: SqlError) -> bytes:
    fields = {"S": error.severity, "V": error.severity, "C": error.sqlstate, "M": error.message}
    if error.detail:
        fields["D"] = error.detail
    return b"".join(f"{k}{v}".encode("utf-8", "replace") + b"\0" for k, v in fields.items()) + b"\0"
