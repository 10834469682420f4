"""A load rehearsed: every statement that Redshift would be sent, in order, and none is.

The loads themselves run, on an empty DuckDB in memory and a lake of one song and one log object,
and what they say is written down. So what a DBA reviews is what the code does, not what somebody
wrote about it. What belongs here: standing in for the engine and the lake. Printing is the command
line's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.changes import Part
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject, Objects
from sparkify_dagster.lake.reader.reader import Reader
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds
from sparkify_dagster.model.catalog import TABLES
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
from sparkify_dagster.pipeline.copy_load import doubts, load_log_days
from sparkify_dagster.pipeline.load_songs import load_songs
from sparkify_dagster.pipeline.publish import Direct, Loading
from sparkify_dagster.pipeline.star import publish_star
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.duckdb.session import DuckDBSession, prepare_dialect
from sparkify_dagster.warehouse.engine import LakeObjects, Result, Row, Session, TableSize, Values
from sparkify_dagster.warehouse.redshift.copy import AUTO, Copy, copy_text
from sparkify_dagster.warehouse.redshift.session import LAST_COPY_QUERY, TABLES_QUERY

_DAY = "2018-11-01"
_EVENTS = (STAGING_EVENTS.name,)
_UNSAID = ""
_STAR = tuple(table.name for table in (*STAR, *MARTS))
_MADE = {"auth": "In", "item_in_session": 0, "page": "NextSong", "session_id": 1, "ts": 0}
_SONG = (
    b'{"song_id": "SO1", "artist_id": "AR1", "title": "Uprising", "artist_name": "Muse", '
    b'"duration": 304.8}'
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The statements of one transaction.

    Attributes:
        title: What it does.
        tables: The tables it loads.
    """

    title: str
    tables: tuple[str, ...]
    statements: list[str] = field(default_factory=list)


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


def rehearse(schema: str, place: Place, fields: Sequence[str] = ()) -> list[Stage]:
    """The transactions of a full load and of a refresh of star and marts.

    Args:
        fields: The log fields that feed `staging_events_table`; by default its columns' names.
    """
    columns = loaded_columns(STAGING_EVENTS)
    with closing(duckdb.connect(":memory:")) as connection:
        prepare_dialect(connection)
        connection.execute(create_schema(schema))
        for table in TABLES.values():
            connection.execute(create_table(table, schema, "duckdb"))
        stage = _Rehearsal(schema, place, connection)
        names = tuple(fields) or tuple(column.name for column in columns)
        stage.next(_UNSAID, ())  # A star that is there: from then on replaced keys are kept.
        publish_star(stage, "run")
        _songs(stage, _SONG)
        stage.next(f"A log day to {STAGING_EVENTS.name}, copied from the lake", _EVENTS)
        _day(stage, names, _event(names), copied=True)
        stage.next("Star and marts, built whole", _STAR)
        publish_star(stage, "run", rebuild=True)
        stage.next(f"The same day again, read by our reader to {STAGING_EVENTS.name}", _EVENTS)
        _day(stage, names, _event(names), copied=False)
        stage.next(f"The day failed, of {STAGING_EVENTS.name}: its rows stay", _EVENTS)
        _day(stage, names, b"[]", copied=False)
        stage.next("Star and marts, refreshed where staging changed", _STAR)
        publish_star(stage, "run", rebuild_from=1.0)
        stage.next("At the end of each load: history that is too old", ("load_history",))
        stage.transact(lambda session: ledger.prune(session, 365, ledger.utc_now()))
        return [done for done in stage.stages if done.title]


def _songs(stage: _Rehearsal, data: bytes) -> None:
    stage.next(f"Changed song objects to {STAGING_SONGS.name}", (STAGING_SONGS.name,))
    stage.data = data
    part = Part("00", _one("A/A/A/song.json", data), "digest")
    columns = loaded_columns(STAGING_SONGS)
    with closing(Reader(columns, [c.name for c in columns], 1)) as reader:
        load_songs(Loading(stage, stage, reader, run_id="run"), [part])


def _day(stage: _Rehearsal, fields: tuple[str, ...], data: bytes, *, copied: bool) -> None:
    stage.data = data
    part = Part(_DAY, _one(f"2018/11/{_DAY}-events.json", data), "digest")
    with closing(Reader(loaded_columns(STAGING_EVENTS), fields, 1)) as reader:
        direct = Direct(stage, fields) if copied else None
        list(load_log_days(Loading(stage, stage, reader, run_id="run", direct=direct), [part]))


def _one(key: str, data: bytes) -> Objects:
    return Objects.of([LakeObject(key, len(data), "etag")])


def _event(fields: tuple[str, ...]) -> bytes:
    """A play with what is required and by whom, under the fields that feed it."""
    made = _MADE | {"user_id": 1}
    columns = zip(fields, loaded_columns(STAGING_EVENTS), strict=True)
    return json.dumps({name: made[c.name] for name, c in columns if c.name in made}).encode()


class _Rehearsal:
    """Warehouse, object store and remote store in one: nothing behind it but memory."""

    engine: Engine = "redshift"
    location = "nowhere"

    def __init__(self, schema: str, place: Place, connection: duckdb.DuckDBPyConnection) -> None:
        self.schema = schema
        self.meter = Meter()
        self.stages: list[Stage] = []
        self.data = b""
        self._place = place
        self._connection = connection

    def next(self, title: str, tables: tuple[str, ...]) -> None:
        """Opens the next page."""
        self.stages.append(Stage(title, tables))

    def transaction(self) -> AbstractContextManager[Session]:
        """Not rehearsed: loads use `transact`."""
        raise AssertionError("a load does its work with transact()")

    def reading(self) -> AbstractContextManager[Session]:
        """Looks before a load are the ledger's own business and are not written down."""
        session = _Session(self._connection, self.schema, self._place, [])
        return nullcontext(session)

    def transact(
        self,
        work: Callable[[Session], Result],
        was_committed: Callable[[Session, Result], bool] = lambda _session, _result: False,
    ) -> Result:
        """Does the work in memory and writes down what it says."""
        statements = self.stages[-1].statements
        session = _Session(self._connection, self.schema, self._place, statements)
        statements += ["BEGIN", take_lock(self.schema)]
        result = work(session)
        statements.append("COMMIT")
        session.drop_temporary()
        return result

    def look(self, work: Callable[[Session], Result]) -> Result:
        """As `reading`."""
        return work(_Session(self._connection, self.schema, self._place, []))

    def sizes(self) -> dict[str, TableSize]:
        """Nothing is stored."""
        return {}

    def tidy(self) -> str:
        """Nothing is left."""
        return ""

    def list_objects(self) -> Objects:
        """No load lists."""
        return Objects([])

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        """The one object there is."""
        for item in objects:
            yield item, self.data

    def uri_of(self, key: str) -> str:
        """As in a lake."""
        return f"s3://lake/log_data/{key}"

    def changed(self, objects: Sequence[LakeObject]) -> list[str]:
        """Nothing changes here."""
        return []

    def region(self) -> str:
        """As set; a real load asks S3 where it is not."""
        return self._place.region or "<region of the bucket>"


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
        self._said = said

    def query_named(self, sql: str, values: Values | None = None) -> tuple[list[str], list[Row]]:
        self._said.append(sql)
        if sql == doubts(
            loaded_columns(STAGING_EVENTS)
        ):  # The one text DuckDB does not know: lengths in bytes.
            return ["count"], [(0,)]
        return super().query_named(sql, values)

    def execute(self, sql: str, values: Values | None = None) -> int:
        self._said.append(sql)
        return super().execute(sql, values)

    def append(self, relation: str, columns: Sequence[str], rows: pa.Table) -> None:
        staged = relation in (
            qualified(self.schema, STAGING_SONGS.name),
            qualified(self.schema, STAGING_EVENTS.name),
        )
        if staged:
            self._said += [self._copy_text(relation, columns, packed=True), LAST_COPY_QUERY]
        else:
            values = ", ".join(["%s"] * len(columns))
            self._said.append(
                f"INSERT INTO {relation} ({column_list(columns)}) VALUES ({values}), …"
            )
        super().append(relation, columns, rows)

    def copy(self, relation: str, columns: Sequence[str], objects: LakeObjects) -> int:
        text = self._copy_text(
            relation, columns, paths="<digest>.jsonpaths", times="epochmillisecs"
        )
        self._said += [text, LAST_COPY_QUERY]
        # One row, so that what follows a COPY that found something is shown.
        required = [c for c in loaded_columns(STAGING_EVENTS) if c.required]
        names = column_list(c.name for c in required)
        made = ", ".join(
            "TIMESTAMP '1970-01-01 00:00:00'" if c.name == "ts" else f"'{_MADE[c.name]}'"
            for c in required
        )
        super().execute(f"INSERT INTO {relation} ({names}) SELECT {made}")
        return 1

    def tables(self) -> dict[str, dict[str, str]]:
        self._said.append(TABLES_QUERY)
        return {table.name: self.declared(table) for table in TABLES.values()}

    def drop_temporary(self) -> None:
        """Ends what ends with a session."""
        for (name,) in super().query_named(
            "SELECT table_name FROM duckdb_tables() WHERE temporary"
        )[1]:
            super().execute(f'DROP TABLE "{name}"')

    def _copy_text(
        self,
        relation: str,
        columns: Sequence[str],
        *,
        paths: str = AUTO,
        times: str = AUTO,
        packed: bool = False,
    ) -> str:
        base = f"{self._place.staging.rstrip('/')}/<session>"
        return copy_text(
            Copy(
                relation=relation,
                columns=tuple(columns),
                manifest=f"{base}/<digest>.manifest",
                role=self._place.role,
                region=self._place.region or "<region of the bucket>",
                paths=paths if paths == AUTO else f"{base}/{paths}",
                times=times,
                packed=packed,
            )
        )
