"""A warehouse in memory that writes down what a load has each session send to Redshift.

DuckDB gives the answers, on which it may hang what is sent next. What belongs here: standing in for
the engine and the lake. Which loads are run on it is `sql_preview`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import TokenType
from sqlglot.dialects.redshift import Redshift

from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject, Objects
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import (
    Engine,
    column_list,
    create_lock,
    create_schema,
    create_table,
    qualified,
    quoted,
    take_lock,
)
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.warehouse.duckdb.session import DuckDBSession, prepare_dialect
from sparkify_dagster.warehouse.engine import (
    Columns,
    LakeObjects,
    Result,
    Rows,
    Session,
    TableSize,
    Values,
)
from sparkify_dagster.warehouse.redshift.copy import LAST_COPY_QUERY, copy_text
from sparkify_dagster.warehouse.redshift.statements import TABLES_QUERY
from sparkify_dagster.warehouse.schema import create_tables

COLUMNS = loaded_columns(STAGING_EVENTS)
_RECORD = {
    "artist": "Muse", "auth": "In", "item_in_session": 0, "length": 304.8, "page": "NextSong",
    "session_id": 1, "song": "Uprising", "ts": 0, "user_id": 1,
}  # fmt: skip
EVENT = json.dumps(_RECORD).encode()
"""A log object of one record, its fields named as the columns."""

_MADE = re.compile(r"CREATE (?:SCHEMA|(?:TEMP )?TABLE) (?:IF NOT EXISTS )?(\S+)")
_PLAIN = {"VARCHAR": "VARCHAR(65535)", "DOUBLE": "DOUBLE PRECISION", "HUGEINT": "DECIMAL(38, 0)"}
"""DuckDB's types that have another name on Redshift."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where COPY reads, as the settings say.

    Attributes:
        staging: URI of the staging area.
        role: ARN of the role with which COPY reads S3.
        region: Region of the buckets; blank where it is not set.
    """

    staging: str
    role: str
    region: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """Rows that a session was given, or objects that it was to copy."""

    relation: str
    columns: tuple[str, ...]
    source: pa.Table | LakeObjects


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement that a session would send.

    Attributes:
        text: Where values are bound, `$name` or `%s` stands.
        values: Those of `$name`.
        bulk: What to give a session to have it send this, where that is more than the text.
        stand_in: Of a statement that makes a table: one that makes it of the plainest types.
    """

    text: str
    values: Values | None = None
    bulk: Bulk | None = None
    stand_in: str = ""

    @property
    def made(self) -> str:
        """The table or schema it makes; blank if it makes none."""
        found = _MADE.match(self.text)
        return found[1] if found else ""

    @property
    def shape(self) -> str:
        """What it has in common with those that differ by numbers alone."""
        return re.sub(r"\d+", "7", self.text)


@dataclass(slots=True)
class Prefix:
    """A prefix of a lake that holds one object."""

    key: str
    data: bytes
    version: int = 1
    location: str = "nowhere"

    def put(self, data: bytes) -> None:
        """Overwrites the object."""
        self.data, self.version = data, self.version + 1

    def list_objects(self) -> Objects:
        """The one object."""
        return Objects.of([LakeObject(self.key, len(self.data), f"version {self.version}")])

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """Its bytes."""
        for item in objects:
            yield item, self.data

    def uri_of(self, key: str) -> str:
        """Where it would be."""
        return f"s3://lake/log_data/{key}"

    def changed(self, objects: Sequence[LakeObject]) -> list[str]:
        """Nothing changes meanwhile."""
        return []

    def region(self) -> str:
        """As for COPY of our own; a real load asks S3 for it."""
        return ""


class Recorder:
    """A warehouse in memory that writes down what each transaction sends.

    Attributes:
        transactions: What was sent from BEGIN to COMMIT in each.
        beside: What sessions ask that only look, and whoever was cut off while it committed; and
            the INSERT that a few rows of a staging table take instead of a COPY.
    """

    engine: Engine = "redshift"
    location = "nowhere"
    production = ""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str, place: Place) -> None:
        self.schema = schema
        self.meter = Meter()
        self.transactions: list[list[Sent]] = []
        self.beside: list[Sent] = []
        self._place = place
        self._connection = connection
        prepare_dialect(connection)
        connection.execute(create_schema(schema))
        for table in TABLES.values():
            connection.execute(create_table(table, schema, "duckdb"))

    def tables_made(self, reader: str) -> list[Sent]:
        """What makes the tables, where they are to be made anew."""
        session = _Maker(self._connection, self.schema, self._place, [], self.beside)
        session.reader = reader
        session.execute(create_schema(self.schema))
        session.execute(create_lock(self.schema))
        create_tables(session, drop=True)
        return session.sent

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Writes down all that is sent in the block."""
        sent = [Sent("BEGIN"), Sent(take_lock(self.schema))]
        session = self._session(sent)
        yield session
        sent.append(Sent("COMMIT"))
        session.drop_temporary()
        self.transactions.append(sent)

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        """Likewise, for work that is done at once."""
        with self.transaction() as session:
            done = work(session)
        was_committed(self._session(self.beside), done)
        return done

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """What only looks stands beside the transactions."""
        yield self._session(self.beside)

    def read_only(self, work: Callable[[Session], Result]) -> Result:
        """Likewise, for work that is done at once."""
        with self.reading() as session:
            return work(session)

    def alone(self, work: Callable[[Session], Result]) -> Result:
        """Beside the transactions, too; in memory there is no cluster to do anything to."""
        return work(self._session(self.beside))

    def sizes(self) -> dict[str, TableSize]:
        """Nothing: memory has none."""
        return {}

    def clean_up(self) -> str:
        """Nothing is left outside."""
        return ""

    def rewrite(self) -> None:
        """There is no file."""

    def _session(self, sent: list[Sent]) -> _Session:
        return _Session(self._connection, self.schema, self._place, sent, self.beside)


class _Session(DuckDBSession):
    """A session that writes down what Redshift would be sent, and asks DuckDB for the answers."""

    engine: Engine = "redshift"

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        schema: str,
        place: Place,
        sent: list[Sent],
        beside: list[Sent],
    ) -> None:
        super().__init__(connection, schema)
        self.sent = sent
        self._place = place
        self._base = f"{place.staging.rstrip('/')}/<session>"
        self._beside = beside

    def query(self, sql: str, values: Values | None = None) -> Rows:
        self._note(sql, values)
        if "OCTET_LENGTH(" in sql:  # The one text DuckDB does not know: lengths in bytes.
            return Rows(["count"], [(0,)])
        return super().query(sql, values)

    def execute(self, sql: str, values: Values | None = None) -> int:
        changed = super().execute(sql, values)
        self._note(sql, values)
        return changed

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        super().append(relation, columns, rows)
        self.sent.pop()  # What DuckDB was sent for it.
        bulk, values = Bulk(relation, tuple(columns), rows), ", ".join(["%s"] * len(columns))
        few = Sent(
            f"INSERT INTO {relation} ({column_list(columns)}) VALUES ({values}), …", bulk=bulk
        )
        if relation in [qualified(self.schema, table.name) for table in STAGING]:
            self._beside.append(few)
            self._note_copy(bulk, packed=True)
        else:
            self.sent.append(few)

    def copy(self, relation: str, columns: Sequence[str], objects: LakeObjects) -> int:
        paths = f"{self._base}/<digest>.jsonpaths"
        bulk = Bulk(relation, tuple(columns), objects)
        self._note_copy(bulk, paths=paths, times="epochmillisecs")
        # One row, so that what follows a COPY that found something is shown.
        names = column_list(_RECORD)
        made = ", ".join(
            "TIMESTAMP '1970-01-01 00:00:00'" if name == "ts" else f"'{value}'"
            for name, value in _RECORD.items()
        )
        super().execute(f"INSERT INTO {relation} ({names}) SELECT {made}")
        self.cost.copied += 1
        return 1

    def has_schema(self) -> bool:
        return True  # Each engine has its own question for it.

    def tables(self) -> dict[str, Columns]:
        self._note(TABLES_QUERY, {"schema": self.schema})
        return {table.name: Columns(self.declared(table)) for table in TABLES.values()}

    def drop_temporary(self) -> None:
        """Ends what ends with a session."""
        for (name,) in super().query("SELECT table_name FROM duckdb_tables() WHERE temporary"):
            super().execute(f'DROP TABLE "{name}"')

    def _note(self, sql: str, values: Values | None = None) -> None:
        """Writes a text down: several statements, if it holds several."""
        for text in _statements(sql):
            made = _MADE.match(text)
            self.sent.append(Sent(text, values, stand_in=self._plain(made[1]) if made else ""))

    def _plain(self, relation: str) -> str:
        temporary = "" if "." in relation else "TEMP "
        try:
            found = self._connection.execute(f"DESCRIBE {relation}").fetchall()
        except duckdb.Error:
            return ""  # The schema, or the lock, which DuckDB has not.
        columns = ", ".join(f"{quoted(row[0])} {_PLAIN.get(row[1], row[1])}" for row in found)
        return f"CREATE {temporary}TABLE {relation} ({columns})"

    def _note_copy(self, bulk: Bulk, **more: Any) -> None:
        text = copy_text(
            relation=bulk.relation,
            columns=bulk.columns,
            manifest=f"{self._base}/<digest>.manifest",
            role=self._place.role,
            region=self._place.region or "<region of the bucket>",
            **more,
        )
        self.sent += [Sent(text, bulk=bulk), Sent(LAST_COPY_QUERY)]


class _Maker(_Session):
    """A session that finds no tables, and makes none."""

    def execute(self, sql: str, values: Values | None = None) -> int:
        self._note(sql, values)
        return -1

    def tables(self) -> dict[str, Columns]:
        self._note(TABLES_QUERY, {"schema": self.schema})
        return {}


def _statements(sql: str) -> list[str]:
    if ";" not in sql:
        return [sql]
    ends = [t.start for t in Redshift().tokenize(sql) if t.token_type is TokenType.SEMICOLON]
    cut = [
        sql[a:b].strip() for a, b in zip([0, *(e + 1 for e in ends)], [*ends, None], strict=True)
    ]
    return [text for text in cut if text]
