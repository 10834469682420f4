"""One client's session: its statements, one after the other.

What belongs here: what each kind of statement takes, and carrying out the faults it meets. The
client has logged in before.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sparkify_dagster_tests.redshift_double.catalog import Catalog
from sparkify_dagster_tests.redshift_double.copy_statement import parse_copy
from sparkify_dagster_tests.redshift_double.copying import CopyRun, CutShort
from sparkify_dagster_tests.redshift_double.designs import remember
from sparkify_dagster_tests.redshift_double.faults import ArmedFaults, Fault
from sparkify_dagster_tests.redshift_double.link import ABORTED, IDLE, IN_BLOCK, Link
from sparkify_dagster_tests.redshift_double.masking import MASKED, SELECTS, as_seen
from sparkify_dagster_tests.redshift_double.objects import S3
from sparkify_dagster_tests.redshift_double.refusals import (
    refuse_in_block,
    refuse_outside_block,
)
from sparkify_dagster_tests.redshift_double.translate import Kind, Statement, translate
from sparkify_dagster_tests.redshift_double.unloading import parse_unload, unload
from sparkify_dagster_tests.redshift_double.wire import (
    Gone,
    SqlError,
    Stream,
    command_complete,
    error_response,
    frame,
    info_response,
    text_of,
)

Out = Callable[[bytes], None]
_ENDS = ("COMMIT", "END")
_BLOCKS = {"BEGIN": IN_BLOCK, "START": IN_BLOCK, "ROLLBACK": IDLE} | dict.fromkeys(_ENDS, IDLE)
# The platform's name for itself, and how statements begin that it passes on from people.
_PLATFORM = "sparkify_dagster"
_OF_PEOPLE = ("DECLARE looked_at", "EXPLAIN", "SHOW")
_PATIENCE = 0.1
_TIME = re.compile(r"(\d+)(\w*)")
_UNITS = {"": 0.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Cut(Exception):
    """A test had this connection cut."""


@dataclass
class Cluster:
    """What all sessions share.

    Attributes:
        messages: What clients sent, in order; a message may hold several statements.
        connections: How often clients logged in.
        refused: What the platform itself sent and Redshift would not take.
        sessions: The open sessions by PostgreSQL's process id.
        masks: Whether a masking policy was ever attached.
    """

    catalog: Catalog
    s3: S3
    faults: ArmedFaults = field(default_factory=ArmedFaults)
    messages: list[str] = field(default_factory=list)
    connections: int = 0
    masks: bool = False
    refused: list[str] = field(default_factory=list)
    sessions: dict[int, Session] = field(default_factory=dict)
    query_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(100))


@dataclass
class Session:
    """A client that has logged in, and its session in PostgreSQL.

    Attributes:
        application: Who the client says it is; tests that connect by themselves say nothing.
        cancelled: Set when the client asked to cancel what runs.
    """

    cluster: Cluster
    client: Stream
    link: Link
    user: str
    pid: int
    application: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    _copy_count: int = 0
    _copy_id: int = -1
    _unload_count: int = 0
    _query_id: int = -1
    _last_query_id: int = -1
    _deadline: float | None = None

    def serve(self) -> None:
        """Answers until one side goes."""
        self.cluster.sessions[self.pid] = self
        self.cluster.connections += 1
        try:
            while True:
                kind, body = self.client.message()
                if kind == b"Q":
                    self._query(text_of(body))
                elif kind == b"X":
                    return
                else:
                    text = "the double of Redshift knows simple queries only"
                    self.client.send(error_response(SqlError("0A000", text, severity="FATAL")))
                    return
        except (Gone, Cut):
            return
        except Exception as error:
            text = f"the double of Redshift broke: {error!r}"
            said = error_response(SqlError("XX000", text, severity="FATAL"))
            self.client.send(said + frame(b"Z", self.link.status))
            raise
        finally:
            self.cluster.sessions.pop(self.pid, None)
            self.link.close()
            self.client.close()

    def _query(self, text: str) -> None:
        self.cluster.messages.append(text)
        self.cancelled.clear()
        self._deadline = None
        self._last_query_id, self._query_id = self._query_id, next(self.cluster.query_ids)
        faults = self.cluster.faults.take(text)
        fault = next((f for f in faults if f.kind != "delay"), None)
        cut = fault is not None and fault.kind.startswith("cut_")
        out: Out = _drop if cut else self.client.send
        try:
            self._wait(sum(f.seconds for f in faults if f.kind == "delay"))
            self._meet(fault)
            self._run(text, out, cut_short=fault is not None and fault.kind == "cut_during")
        except SqlError as error:
            self.link.abort()
            out(error_response(error))
        if cut:
            raise Cut
        self.client.send(frame(b"Z", self.link.status))

    # ----------------------------------------------------------------------------------------------
    # Faults
    # ----------------------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        """Waits as a busy cluster would: `statement_timeout` and a cancel end it."""
        if not seconds:
            return
        self._set_deadline()
        over = time.monotonic() + seconds
        while (left := over - time.monotonic()) > 0:
            self.cancelled.wait(min(left, _PATIENCE))
            self._check_time()

    def _meet(self, fault: Fault | None) -> None:
        """Faults that come before the statement is run."""
        if fault is not None and fault.kind == "cut_before":
            raise Cut
        if fault is not None and fault.kind == "fail":
            raise SqlError(fault.sqlstate, fault.message)

    # ----------------------------------------------------------------------------------------------
    # Statements
    # ----------------------------------------------------------------------------------------------

    def _run(self, text: str, out: Out, *, cut_short: bool) -> None:
        """Runs what a client sent.

        Args:
            cut_short: The connection will be cut with the transaction open.
        """
        statements = self._masked(self._translated(text))
        self._check_places(statements)
        if cut_short:
            self._stay_open(statements)
        if all(s.kind is Kind.PLAIN and not s.design for s in statements):
            self._tell_copies(statements)
            self.link.relay(_joined(text, statements), out)
            return
        for statement in statements:
            if not self._run_one(statement, out, cut_short):
                return

    def _translated(self, text: str) -> list[Statement]:
        try:
            return translate(text)
        except SqlError as error:
            if self.application == _PLATFORM and not text.startswith(_OF_PEOPLE):
                self.cluster.refused.append(f"{error.message}: {text[:2000]}")
            raise

    def _masked(self, statements: list[Statement]) -> list[Statement]:
        """The statements as they read what this user may see."""
        self.cluster.masks |= any(s.tokens[0].key == "ATTACH" for s in statements)
        keys = {s.tokens[0].key for s in statements}
        # Asking takes a snapshot, which in a block LOCK would not.
        early = self.link.status == IN_BLOCK and "LOCK" in keys
        if not self.cluster.masks or self.link.status == ABORTED or early or not keys & SELECTS:
            return statements
        masks = {(str(row[0]), str(row[1])): str(row[2]) for row in self.link.ask(MASKED)}
        seen = [(s, as_seen(s.sql, s.tokens, masks)) for s in statements] if masks else []
        return [
            s if sql == s.sql else replace(s, sql=sql, as_written=False) for s, sql in seen
        ] or statements

    def _check_places(self, statements: list[Statement]) -> None:
        status = self.link.status
        for statement in statements:
            if status == IN_BLOCK:
                refuse_in_block(statement.tokens)
            elif status == IDLE:
                refuse_outside_block(statement.tokens)
            status = _BLOCKS.get(statement.tokens[0].key, status)

    def _stay_open(self, statements: list[Statement]) -> None:
        """Sees to it that nothing is committed, so that the cut loses it."""
        if any(s.tokens[0].key in _ENDS for s in statements):
            raise Cut
        if self.link.status == IDLE:
            self.link.ask("BEGIN")

    def _run_one(self, statement: Statement, out: Out, cut_short: bool) -> bool:
        if statement.kind is Kind.COPY:
            self._copy(statement, out, cut_short)
            return True
        if statement.kind is Kind.UNLOAD:
            self._unload(statement, out)
            return True
        self._tell_copies([statement])
        worked = self.link.relay(statement.sql, out)
        if not worked:
            return False
        if statement.kind is Kind.TRUNCATE and self.link.status == IN_BLOCK and not cut_short:
            self.link.ask("COMMIT")
        if statement.design is not None and not statement.design.says_nothing:
            self.link.ask(remember(statement.design))
        return True

    def _tell_copies(self, statements: list[Statement]) -> None:
        """Sets what the functions about the last COPY give; a rollback may have taken it back."""
        if any(s.asks_for_copies for s in statements) and self.link.status in (IDLE, IN_BLOCK):
            self.link.ask(f"SET double.copy_count TO '{self._copy_count}'")
            self.link.ask(f"SET double.unload_count TO '{self._unload_count}'")
            self.link.ask(f"SET double.copy_id TO '{self._copy_id}'")
            self.link.ask(f"SET double.query_id TO '{self._last_query_id}'")

    def _copy(self, statement: Statement, out: Out, cut_short: bool) -> None:
        run = CopyRun(
            parse_copy(statement.tokens), self.link, self.cluster.s3, self.cluster.catalog,
            self.user, self.pid, self._query_id, self._check_time, cut_short,
        )  # fmt: skip
        self._set_deadline()
        try:
            run.run()
        except CutShort as error:
            raise Cut from error
        except SqlError:
            if run.loading:
                self._copy_count = 0
                self._copy_id = self._query_id
            raise
        self._copy_count, self._copy_id = run.rows, self._query_id
        table = run.copy.table_name
        done = f"Load into table '{table}' completed"
        out(info_response(f"{done}, {run.rows} record(s) loaded successfully."))
        if run.errors:
            out(
                info_response(
                    f"{done}, {run.errors} record(s) could not be loaded.  "
                    "Check 'sys_load_error_detail' system table for details."
                )
            )
        out(command_complete("COPY"))

    def _unload(self, statement: Statement, out: Out) -> None:
        parsed = parse_unload(statement.tokens)
        self._set_deadline()
        (select,) = translate(parsed.select)
        self._unload_count = unload(
            parsed, select.sql, self.link, self.cluster.s3, self.user, self._check_time
        )
        done = f"UNLOAD completed, {self._unload_count} record(s) unloaded successfully."
        out(info_response(done) + command_complete("UNLOAD"))

    def _set_deadline(self) -> None:
        """PostgreSQL's own timer only counts while PostgreSQL itself runs something."""
        if self.link.status == ABORTED:
            return
        # Unlike a SELECT this takes no snapshot, which would be the transaction's.
        number, unit = _TIME.match(str(self.link.ask("SHOW statement_timeout")[0][0])).groups()  # type: ignore[union-attr]
        limit = int(number) * _UNITS[unit]
        self._deadline = time.monotonic() + limit if limit else None

    def _check_time(self) -> None:
        """Ends a COPY that was cancelled or took too long."""
        if self.cancelled.is_set():
            raise SqlError("57014", "canceling statement due to user request")
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise SqlError("57014", "canceling statement due to statement timeout")


def _joined(text: str, statements: list[Statement]) -> str:
    """The client's own text where nothing in it had to be changed."""
    if all(s.as_written for s in statements):
        return text
    return ";\n".join(s.sql for s in statements)


def _drop(data: bytes) -> None:
    """Takes what a client is to miss."""
