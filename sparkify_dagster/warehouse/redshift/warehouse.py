"""Redshift as a warehouse: transactions, one writer at a time, tries.

What belongs here: when a transaction begins, ends and is done again. What a session can do is
`session`'s.
"""

from __future__ import annotations

import contextlib
import random
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from psycopg2 import errorcodes

from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.store.staging_area import StagingArea
from sparkify_dagster.model.ddl import Engine, create_lock, create_schema, quoted, take_lock
from sparkify_dagster.settings import ClusterSettings
from sparkify_dagster.warehouse.engine import (
    CopyRefused,
    Result,
    Row,
    Session,
    TableSize,
    Transient,
    WarehouseError,
    close_all,
    no_environment,
)
from sparkify_dagster.warehouse.redshift.connection import connect
from sparkify_dagster.warehouse.redshift.login import Login
from sparkify_dagster.warehouse.redshift.session import (
    BatchFailed,
    RedshiftSession,
    StaleConnection,
)

TRIES = 4
_PAUSE = 0.5
_CLOCKS_DIFFER = timedelta(minutes=10)
_LEFT_FOR_DEAD = timedelta(days=1)
SIZES = (
    'SELECT i."table", i.size, i.skew_rows, i.unsorted FROM svv_table_info AS i '
    'WHERE i."schema" = $schema'
)
_NOTED_AFTER = (0.0, 0.5, 1.0, 2.0)
"""Seconds to wait before each look at what Redshift noted of a COPY: its views lag behind."""
_MISSING = (errorcodes.UNDEFINED_TABLE, errorcodes.INVALID_SCHEMA_NAME)


@dataclass
class RedshiftWarehouse:
    """A Redshift cluster or workgroup as the warehouse.

    Attributes:
        role: ARN of the role with which COPY reads S3, or `default`.
        label: Marks our queries in Redshift's system views.
        on_wait: Told, in a sentence, why something is tried again.
        beside: The schema of production, if this is one of an environment.
        makes: Whether an environment that is not there yet is to be made.
    """

    cluster: ClusterSettings
    login: Login
    schema: str
    staging: StagingArea
    role: str
    meter: Meter = field(default_factory=Meter)
    label: str = "sparkify"
    on_wait: Callable[[str], None] = field(default=lambda _: None, repr=False)
    engine: Engine = "redshift"
    beside: str = ""
    makes: bool = False
    production: str = field(default="", init=False)
    _kept: list[RedshiftSession] = field(default_factory=list, init=False, repr=False)
    _alone: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        """Connections end with what has opened them."""
        self.production = quoted(self.beside) if self.beside else ""
        weakref.finalize(self, close_all, self._kept)

    @property
    def location(self) -> str:
        """Host, port and database."""
        return self.cluster.location

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Writers take turns: their loads are numbered, and a number must not be given twice.
        """
        with self.looking() as session:
            self._begin_writing(session)
            with _ended(session):
                yield session

    @contextlib.contextmanager
    def trying(self) -> Iterator[Session]:
        """A transaction to try something in: no lock is taken, and the caller rolls it back."""
        with self.looking() as session:
            session.begin("BEGIN")
            with _ended(session):
                yield session

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        """Does work in one transaction, and all of it again after a conflict or a lost connection.

        Whether a transaction whose connection broke was committed is asked in the next one. That
        one waits for the lock, so by then the server has made up its mind about the first.
        """
        done: list[Result] = []

        def once() -> Result:
            with self.transaction() as session:
                if done and was_committed(session, done[-1]):
                    return done[-1]
                done.append(work(session))
            return done[-1]

        return self._tried(once)

    def read_only(self, work: Callable[[Session], Result]) -> Result:
        """Does work that only reads, and again where the connection broke."""

        def once() -> Result:
            with self.reading() as session:
                return work(session)

        return self._tried(once)

    def alone(self, work: Callable[[Session], Result]) -> Result:
        """Does work whose statements are committed each by itself."""

        def once() -> Result:
            with self.looking() as session:
                return work(session)

        return self._tried(once)

    def _tried(self, once: Callable[[], Result]) -> Result:
        number = 1
        try:
            while True:
                try:
                    return once()
                except StaleConnection as error:
                    self.on_wait(f"connecting again: {error}")
                    continue
                except BatchFailed:
                    self._alone = True  # Statement by statement, an error is known to be its own.
                    continue
                except Transient as error:
                    if number == TRIES:
                        raise WarehouseError(
                            f"{error} Tried {TRIES} times; run it again when it is calmer."
                        ) from None
                    self.on_wait(f"trying again: {error}")
                time.sleep(_PAUSE * number * random.uniform(0.8, 1.4))
                number += 1
        finally:
            self._alone = False

    def sizes(self) -> dict[str, TableSize]:
        """What the tables take, by name; nothing where we may not look (`SVV_TABLE_INFO`)."""
        try:
            rows = self._tried(self._ask_for_sizes)
        except WarehouseError:
            return {}
        return {
            str(name): TableSize(int(size), _number(skew), _number(unsorted))
            for name, size, skew, unsorted in rows
        }

    def clean_up(self) -> str:
        """Removes files for COPY that loads left when they died, a day ago or earlier."""
        try:
            self.staging.sweep(_LEFT_FOR_DEAD)
        except LakeError as error:
            return str(error)
        return ""

    def rewrite(self) -> None:
        """Redshift's disks are its own: its vacuum, which runs by itself, removes deleted rows."""

    def _ask_for_sizes(self) -> list[Row]:
        with self.looking() as session:
            return session.query(SIZES, {"schema": self.schema})

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A look at what is committed, all of it as of one moment."""
        with self.looking() as session:
            session.begin("BEGIN READ ONLY")
            try:
                yield session
            finally:
                with contextlib.suppress(WarehouseError):
                    session.roll_back()

    @contextlib.contextmanager
    def looking(self) -> Iterator[RedshiftSession]:
        """A connection without a transaction; what it staged for COPY is removed at its end.

        It is kept for who comes next, if it is in no transaction then.
        """
        session = self._kept.pop() if self._kept else self._connected()
        session.alone = self._alone
        try:
            yield session
        finally:
            if session.is_open and not self._kept:
                session.is_kept = True
                self._kept.append(session)
            else:
                session.close()
            session.clean_up()

    def _connected(self) -> RedshiftSession:
        connection, credentials = connect(self.cluster, self.login, self.label, self.meter)
        return RedshiftSession(
            connection,
            self.schema,
            self.staging,
            self.role,
            reader=self.cluster.reader,
            where=self.location,
            hidden=credentials.password,
            production=self.beside,
            meter=self.meter,
        )

    def _begin_writing(self, session: RedshiftSession) -> None:
        session.begin("BEGIN")
        try:
            session.execute(take_lock(self.schema))
            return
        except WarehouseError as error:
            if error.sqlstate not in _MISSING:
                raise
        session.roll_back()
        if self.beside and not self.makes:
            raise no_environment(self.schema)
        is_there = session.has_schema()
        try:
            if not is_there:
                session.execute(create_schema(self.schema))
            session.execute(create_lock(self.schema))
        except WarehouseError as error:
            if error.sqlstate != errorcodes.INSUFFICIENT_PRIVILEGE:
                raise
            ((user,),) = session.query("SELECT current_user")
            raise without_rights(self.schema, str(user), is_there=is_there) from None
        session.begin("BEGIN")
        session.execute(take_lock(self.schema))


def without_rights(schema: str, user: str, *, is_there: bool) -> WarehouseError:
    """That a user may make no tables, with the statement of an administrator that helps."""
    if is_there:
        step = f"make it the owner: ALTER SCHEMA {quoted(schema)} OWNER TO {quoted(user)}"
    else:
        step = f"make it: CREATE SCHEMA {quoted(schema)} AUTHORIZATION {quoted(user)}"
    return WarehouseError(
        f"{user} may not make tables in schema {schema}, or not grant reading them. "
        f"Let an administrator {step}."
    )


@contextlib.contextmanager
def _ended(session: RedshiftSession) -> Iterator[None]:
    """Commits at the end of the block; rolls back when it raises, and asks why a COPY failed."""
    began = datetime.now(UTC).replace(tzinfo=None)
    try:
        yield
        session.commit()
    except BaseException as error:
        with contextlib.suppress(WarehouseError):
            session.roll_back()
        if isinstance(error, CopyRefused):
            raise _with_details(session, error, began) from None
        raise


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _with_details(session: RedshiftSession, error: CopyRefused, began: datetime) -> CopyRefused:
    """The same with what Redshift's own notes say, which outlive the transaction."""
    if error.of_records:
        with contextlib.suppress(WarehouseError):
            for pause in _NOTED_AFTER:
                time.sleep(pause)
                if found := session.load_error(began - _CLOCKS_DIFFER):
                    return CopyRefused(found, of_records=True)
    return error
