"""The SQL of loads: every statement that Redshift would be sent, in order, and none is.

Loads run, on an empty DuckDB in memory and a lake of one song and one log object, and their
statements are written down. So what a DBA reviews is what the code does, not what somebody wrote
about it. What belongs here: standing in for the engine and the lake. Printing is the command
line's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import DayRange, LakeObject, Objects
from sparkify_dagster.lake.snapshot import Lake, loaded_columns
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.ddl import (
    Engine,
    column_list,
    create_schema,
    create_table,
    qualified,
    take_lock,
)
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.plan import Request
from sparkify_dagster.warehouse.duckdb.session import DuckDBSession, prepare_dialect
from sparkify_dagster.warehouse.engine import (
    Columns,
    LakeObjects,
    Result,
    Row,
    Session,
    TableSize,
    Values,
)
from sparkify_dagster.warehouse.redshift.copy import Copy, copy_text
from sparkify_dagster.warehouse.redshift.session import LAST_COPY_QUERY, TABLES_QUERY

_COLUMNS = loaded_columns(STAGING_EVENTS)
_DAY = "2018-11-01"
_MADE = {
    "auth": "In", "item_in_session": 0, "page": "NextSong", "session_id": 1, "ts": 0, "user_id": 1,
}  # fmt: skip
_EVENT = json.dumps(_MADE).encode()
_SONG = (
    b'{"song_id": "SO1", "artist_id": "AR1", "title": "Uprising", "artist_name": "Muse", '
    b'"duration": 304.8}'
)
_PATHS = json.dumps({"jsonpaths": [f"$['{column.name}']" for column in _COLUMNS]}).encode()


@dataclass(frozen=True, slots=True)
class Stage:
    """The statements of one transaction.

    Attributes:
        title: What it does.
        tables: The tables it loads.
    """

    title: str
    tables: tuple[str, ...]
    statements: list[str]


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


def preview(schema: str, place: Place) -> list[Stage]:
    """The transactions of loads of changed objects: copied, read by us, and failed."""
    star = tuple(table.name for table in (*STAR, *MARTS))
    with closing(duckdb.connect(":memory:")) as connection:
        warehouse = _Recorder(connection, schema, place)
        songs, logs = _Prefix("A/A/A/song.json", _SONG), _Prefix(f"{_DAY}-events.json", _EVENT)
        lake = Lake(songs, logs, lambda: _PATHS, "", DayRange.parse(_DAY, _DAY), threads=1)

        def loaded(limits: Limits) -> list[list[str]]:
            warehouse.transactions.clear()
            list(load(Request(), warehouse, lake, limits, "run"))
            return [*warehouse.transactions]

        loaded(Limits())  # Of rows that are there the keys are kept when others replace them.
        songs.put(_SONG)
        logs.put(_EVENT)
        changed, copied, whole, pruned = loaded(Limits(rebuild_from=-1.0))
        logs.put(_EVENT)
        read, refreshed, _ = loaded(Limits(direct_copy=False, rebuild_from=math.inf))
        logs.put(b"[]")
        failed, *_ = loaded(Limits(direct_copy=False))
    songs_table, events_table = STAGING_SONGS.name, STAGING_EVENTS.name
    return [
        Stage(f"Changed song objects to {songs_table}", (songs_table,), changed),
        Stage(f"A log day to {events_table}, copied from the lake", (events_table,), copied),
        Stage("Star and marts, built whole", star, whole),
        Stage(f"The same day again, read by our reader to {events_table}", (events_table,), read),
        Stage(f"The day failed, of {events_table}: its rows stay", (events_table,), failed),
        Stage("Star and marts, refreshed where staging changed", star, refreshed),
        Stage("At the end of each load: history that is too old", ("load_history",), pruned),
    ]


@dataclass(slots=True)
class _Prefix:
    """A prefix of a lake that holds one object."""

    key: str
    data: bytes
    version: int = 1
    location: str = "nowhere"

    def put(self, data: bytes) -> None:
        self.data, self.version = data, self.version + 1

    def list_objects(self) -> Objects:
        return Objects.of([LakeObject(self.key, len(self.data), f"version {self.version}")])

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        for item in objects:
            yield item, self.data

    def uri_of(self, key: str) -> str:
        return f"s3://lake/log_data/{key}"

    def changed(self, objects: Sequence[LakeObject]) -> list[str]:
        return []

    def region(self) -> str:
        return ""  # As for COPY of our own; a real load asks S3 for it.


class _Recorder:
    """A warehouse in memory that writes down what each transaction says."""

    engine: Engine = "redshift"
    location = "nowhere"

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str, place: Place) -> None:
        self.schema = schema
        self.meter = Meter()
        self.transactions: list[list[str]] = []
        self._place = place
        self._connection = connection
        prepare_dialect(connection)
        connection.execute(create_schema(schema))
        for table in TABLES.values():
            connection.execute(create_table(table, schema, "duckdb"))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Writes down all that is said in the block."""
        statements = ["BEGIN", take_lock(self.schema)]
        session = _Session(self._connection, self.schema, self._place, statements)
        yield session
        statements.append("COMMIT")
        session.drop_temporary()
        self.transactions.append(statements)

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        with self.transaction() as session:
            return work(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """What only looks is not written down."""
        yield _Session(self._connection, self.schema, self._place, [])

    def read_only(self, work: Callable[[Session], Result]) -> Result:
        with self.reading() as session:
            return work(session)

    def sizes(self) -> dict[str, TableSize]:
        return {}

    def clean_up(self) -> str:
        return ""


class _Session(DuckDBSession):
    """A session that writes down what Redshift would be sent, and asks DuckDB for the answers."""

    engine: Engine = "redshift"

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        schema: str,
        place: Place,
        said: list[str],
    ) -> None:
        super().__init__(connection, schema)
        self._place = place
        self._base = f"{place.staging.rstrip('/')}/<session>"
        self._said = said

    def query_named(self, sql: str, values: Values | None = None) -> tuple[list[str], list[Row]]:
        self._said.append(sql)
        if "OCTET_LENGTH(" in sql:  # The one text DuckDB does not know: lengths in bytes.
            return ["count"], [(0,)]
        return super().query_named(sql, values)

    def execute(self, sql: str, values: Values | None = None) -> int:
        self._said.append(sql)
        return super().execute(sql, values)

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        if relation in [qualified(self.schema, table.name) for table in STAGING]:
            self._say_copy(relation, columns, packed=True)
        else:
            values = ", ".join(["%s"] * len(columns))
            self._said.append(
                f"INSERT INTO {relation} ({column_list(columns)}) VALUES ({values}), …"
            )
        super().append(relation, columns, rows)
        self._said.pop()  # What DuckDB was told for it.

    def copy(self, relation: str, columns: Sequence[str], objects: LakeObjects) -> int:
        paths = f"{self._base}/<digest>.jsonpaths"
        self._say_copy(relation, columns, paths=paths, times="epochmillisecs")
        # One row, so that what follows a COPY that found something is shown.
        required = [column for column in _COLUMNS if column.required]
        names = column_list(c.name for c in required)
        made = ", ".join(
            "TIMESTAMP '1970-01-01 00:00:00'" if c.name == "ts" else f"'{_MADE[c.name]}'"
            for c in required
        )
        super().execute(f"INSERT INTO {relation} ({names}) SELECT {made}")
        return 1

    def tables(self) -> dict[str, Columns]:
        self._said.append(TABLES_QUERY)
        return {table.name: Columns(self.declared(table)) for table in TABLES.values()}

    def drop_temporary(self) -> None:
        """Ends what ends with a session."""
        for (name,) in super().query_named(
            "SELECT table_name FROM duckdb_tables() WHERE temporary"
        )[1]:
            super().execute(f'DROP TABLE "{name}"')

    def _say_copy(self, relation: str, columns: Sequence[str], **more: Any) -> None:
        copy = Copy(
            relation=relation,
            columns=tuple(columns),
            manifest=f"{self._base}/<digest>.manifest",
            role=self._place.role,
            region=self._place.region or "<region of the bucket>",
            **more,
        )
        self._said += [copy_text(copy), LAST_COPY_QUERY]
