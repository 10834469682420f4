"""The connection on to PostgreSQL.

What belongs here: running statements there, quietly or for the client to see, and feeding its
COPY. What only Redshift says is put into the errors on the way.
"""

from __future__ import annotations

import select
from collections.abc import Callable

from sparkify_dagster_tests.redshift_double.wire import (
    Described,
    Gone,
    SqlError,
    Stream,
    columns_of,
    error_response,
    fields_of,
    frame,
    query,
    row_of,
)

_FLUSH = 1 << 16
# No statement of any SQL: what it leaves is an aborted transaction.
_ABORT = "the double aborts this transaction"

IDLE, IN_BLOCK, ABORTED = b"I", b"T", b"E"


class Link:
    """A session in PostgreSQL.

    Attributes:
        status: Whether it is in a transaction block: IDLE, IN_BLOCK or ABORTED.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._feeding = False
        self.status = IDLE

    def ask(self, sql: str) -> list[tuple[str | None, ...]]:
        """Runs a statement the client does not see.

        Raises:
            SqlError: It failed.
        """
        self._stream.send(query(sql))
        return self._answer()

    def ask_described(self, sql: str) -> tuple[list[Described], list[tuple[str | None, ...]]]:
        """The same of a SELECT, with what its columns are.

        Raises:
            SqlError: It failed.
        """
        self._stream.send(query(sql))
        kind, body = self._next()
        if kind == b"T":
            return columns_of(body), self._answer()
        return [], self._answer(_error(body))

    def relay(self, sql: str, out: Callable[[bytes], None]) -> bool:
        """Runs a statement and passes on all it says but that it is ready for the next.

        Returns:
            Whether it worked.
        """
        self._stream.send(query(sql))
        worked, said = True, bytearray()
        while True:
            kind, body = self._stream.message()
            if kind == b"Z":
                break
            if kind == b"E":
                worked = False
                said += _redshift_error(body)
            elif not _hidden(kind, body):
                said += frame(kind, body)
            if len(said) > _FLUSH or not self._stream.pending():
                out(bytes(said))
                said.clear()
        out(bytes(said))
        self.status = body[:1]
        return worked

    def abort(self) -> None:
        """Makes the open transaction one that can only be rolled back."""
        if self.status == IN_BLOCK:
            try:
                self.ask(_ABORT)
            except SqlError:
                return

    def begin_copy(self, table: str, columns: str) -> None:
        """Opens a COPY that takes rows.

        Raises:
            SqlError: It cannot be opened.
        """
        self._stream.send(query(f"COPY {table} ({columns}) FROM STDIN"))
        kind, body = self._next()
        if kind != b"G":
            self._answer(_error(body))
        self._feeding = True

    def feed(self, rows: str) -> None:
        """Gives the open COPY some rows.

        Raises:
            SqlError: PostgreSQL gave up, as it does after `statement_timeout`.
        """
        self._stream.send(frame(b"d", rows.encode()))
        if self._has_spoken():
            self._feeding = False
            self._answer()

    def end_copy(self) -> None:
        """Ends the open COPY; its rows are in.

        Raises:
            SqlError: PostgreSQL did not take them.
        """
        self._feeding = False
        self._stream.send(frame(b"c"))
        self._answer()

    def give_up_copy(self) -> None:
        """Makes the open COPY, if there is one, fail: its rows are gone."""
        if not self._feeding:
            return
        self._feeding = False
        self._stream.send(frame(b"f", b"given up\0"))
        try:
            self._answer()
        except SqlError:
            return

    def close(self) -> None:
        """Cuts the connection; PostgreSQL rolls back what is open."""
        self._stream.close()

    def _answer(self, error: SqlError | None = None) -> list[tuple[str | None, ...]]:
        rows = []
        while True:
            kind, body = self._stream.message()
            if kind == b"D":
                rows.append(row_of(body))
            elif kind == b"E":
                error = _error(body)
            elif kind == b"Z":
                self.status = body[:1]
                if error is not None:
                    raise error
                return rows

    def _next(self) -> tuple[bytes, bytes]:
        """The next message that is no notice."""
        while True:
            kind, body = self._stream.message()
            if kind not in (b"N", b"S"):
                return kind, body

    def _has_spoken(self) -> bool:
        try:
            return self._stream.pending() or bool(select.select([self._stream.sock], [], [], 0)[0])
        except (OSError, ValueError) as error:
            raise Gone from error


def _hidden(kind: bytes, body: bytes) -> bool:
    return kind == b"S" and body.startswith(b"standard_conforming_strings")


def _error(body: bytes) -> SqlError:
    said = fields_of(body)
    error = SqlError(said.get("C", "XX000"), said.get("M", ""), said.get("D"), said.get("S", ""))
    return _conflict() if error.sqlstate == "40001" else error


def _redshift_error(body: bytes) -> bytes:
    """The error as it came, but for conflicts, and for what would tell of the double's workings."""
    if b"\0C40001\0" in body or b"double_" in body:
        return error_response(_error(body))
    return frame(b"E", body)


def _conflict() -> SqlError:
    return SqlError(
        "XX000",
        "1023",
        "Serializable isolation violation on table - 100001, transactions forming the cycle are: "
        "1001, 1002 (pid:1)",
    )
