"""Tiny lakes in a folder, loading them, and holding what was loaded against the oracle.

What belongs here: making and changing lakes, bringing a DuckDB file up to date with one, reading
its tables back, and comparing them. What a test claims stands in the test.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from sparkify_dagster.defs.resources import LakeResource
from sparkify_dagster.generator import LakeSpec, generate_lake, records
from sparkify_dagster.lake.documents import Document
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.snapshot import Lake, Snapshot
from sparkify_dagster.lake.store.base import ObjectStore
from sparkify_dagster.lake.store.clocks import Clock
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.pipeline.events import CATALOGUE, Ended, Omitted, PartResult, Planned
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.plan import Pending, Request
from sparkify_dagster.pipeline.star import REBUILD_FROM, StarResult
from sparkify_dagster.settings import DaysSettings, DuckDBSettings, LakeSettings, Settings
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.oracle import EVENTS_TABLE, SONGS_TABLE, Expected, Row
from sparkify_dagster_tests.oracle_marts import marts_expected

SCHEMA = "sparkify"
FIRST_DAY = date(2018, 11, 1)
SETTLED_AT_ONCE = Clock(time.time_ns, 0)
"""The clock of the folders here: every write makes a new file, so tokens always differ."""
LOG_FIELDS = records.LOG_FIELDS


# --------------------------------------------------------------------------------------------------
# Records and objects
# --------------------------------------------------------------------------------------------------


def event(**values: object) -> dict[str, object]:
    """A log record: a play by user 1, with the given fields replaced."""
    return {
        "artist": "Muse", "auth": "Logged In", "firstName": "Ada", "gender": "F",
        "itemInSession": 0, "lastName": "Byron", "length": 200.5, "level": "free",
        "location": "Reno, NV", "method": "PUT", "page": "NextSong",
        "registration": 1540000000000.0, "sessionId": 1, "song": "Uprising", "status": 200,
        "ts": 1541116800000, "userAgent": "Mozilla/5.0", "userId": "1",
    } | values  # fmt: skip


def song(**values: object) -> dict[str, object]:
    """A song record, with the given fields replaced."""
    return {
        "num_songs": 1, "artist_id": "AR1", "artist_latitude": None, "artist_longitude": None,
        "artist_location": "", "artist_name": "Muse", "song_id": "SO1", "title": "Uprising",
        "duration": 200.5, "year": 2009,
    } | values  # fmt: skip


def lines(*records: object) -> bytes:
    """Records as NDJSON; bytes among them stand as they are."""
    return b"".join(
        (record if isinstance(record, bytes) else json.dumps(record).encode()) + b"\n"
        for record in records
    )


def jsonpaths(fields: Sequence[str] = LOG_FIELDS) -> bytes:
    """A JSONPaths document for the given fields."""
    return json.dumps({"jsonpaths": [f"$['{name}']" for name in fields]}).encode()


def log_key(day: date | str, name: str = "events.json") -> str:
    """The key of a log object as the sample names it."""
    return f"{str(day)[:4]}/{str(day)[5:7]}/{day}-{name}"


class TinyLake:
    """A lake in a folder of the test: `song_data`, `log_data`, `log_json_path.json`.

    Where `aliases.ndjson` or `forgotten.txt` are there, the settings name them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.songs = root / "song_data"
        self.logs = root / "log_data"
        self.document = root / "log_json_path.json"
        self.aliases = root / "aliases.ndjson"
        self.forgotten = root / "forgotten.txt"
        self.songs.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        if not self.document.exists():
            self.document.write_bytes(jsonpaths())

    @classmethod
    def generated(cls, root: Path, spec: LakeSpec) -> TinyLake:
        """A lake made by the project's generator."""
        generate_lake(root, spec)
        return cls(root)

    @property
    def paths(self) -> oracle.LakePaths:
        """The three places, for the oracle."""
        documents = (p if p.exists() else None for p in (self.aliases, self.forgotten))
        return oracle.LakePaths(self.songs, self.logs, self.document, *documents)

    @property
    def named(self) -> dict[str, Path]:
        """The documents that are there, by the setting that names them."""
        documents = {"aliases": self.aliases, "forgotten": self.forgotten}
        return {name: path for name, path in documents.items() if path.exists()}

    def put_log(self, key: str, *records: object) -> None:
        """Writes or overwrites a log object of these records; `.gz` is packed."""
        data = lines(*records)
        put(self.logs / key, gzip.compress(data) if key.endswith(".gz") else data)

    def put_song(self, key: str, *records: object) -> None:
        """Writes or overwrites a song object; several records make it NDJSON."""
        put(self.songs / key, lines(*records))

    def keys(self, table: str) -> list[str]:
        """The keys of the objects that feed a staging table."""
        return oracle.object_keys(self.logs if table == EVENTS_TABLE else self.songs)

    def expected(self, published: Expected | None = None, **options: Any) -> Expected:
        """What the tables must hold after a load of the lake as it is now."""
        return oracle.expected_tables(self.paths, published=published, **options)

    def open(self, logs: ObjectStore | None = None, last_day: date | None = None) -> Lake:
        """The same lake as the platform sees it; changes need no time to settle."""
        return Lake(
            songs=Folder(self.songs, "[S3] SONG_DATA", SETTLED_AT_ONCE),
            logs=logs or Folder(self.logs, "[S3] LOG_DATA", SETTLED_AT_ONCE),
            read_jsonpaths=self.document.read_bytes,
            jsonpaths=str(self.document),
            days=DayRange(FIRST_DAY, last_day),
            **{name: Document(str(path), path.read_bytes) for name, path in self.named.items()},
        )

    def resource(self, last_day: str = "2018-11-30") -> HastyLakeResource:
        """The same lake as Dagster's assets are given it."""
        places = LakeSettings(
            song_data=str(self.songs),
            log_data=str(self.logs),
            log_jsonpath=str(self.document),
            **{name: str(path) for name, path in self.named.items()},
        )
        last = date.fromisoformat(last_day) if last_day else None
        days = DaysSettings(first=FIRST_DAY, last=last)
        return HastyLakeResource(Settings(s3=places, days=days))


class HastyLakeResource(LakeResource):
    """A lake in folders whose changes need no time to settle."""

    def open(self) -> Lake:
        lake = super().open()
        return Lake(
            songs=Folder(Path(self.settings.s3.song_data), "[S3] SONG_DATA", SETTLED_AT_ONCE),
            logs=Folder(Path(self.settings.s3.log_data), "[S3] LOG_DATA", SETTLED_AT_ONCE),
            read_jsonpaths=lake.read_jsonpaths,
            jsonpaths=lake.jsonpaths,
            days=lake.days,
            today=lake.today,
            aliases=lake.aliases,
            forgotten=lake.forgotten,
        )


_numbers = itertools.count()


def put(path: Path, data: bytes) -> None:
    """Writes a file that appears whole and is another one than what was there before.

    Both exist for a moment, so the inode differs; the times need not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{next(_numbers)}.new"
    beside.write_bytes(data)
    os.replace(beside, path)


# --------------------------------------------------------------------------------------------------
# Loading
# --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Outcome:
    """What a load did.

    Attributes:
        seen: The lake as it was listed.
        todo: What was found to do.
        omitted: What could not be done beside.
    """

    seen: Snapshot
    todo: Pending
    songs: PartResult | None = None
    days: list[PartResult] = field(default_factory=list)
    star: StarResult | None = None
    omitted: list[str] = field(default_factory=list)

    @property
    def failed(self) -> set[str]:
        """The days that were not published, and `songs`."""
        parts = {day.entry.part for day in self.days if not day.published}
        return parts | {"songs"} if self.songs and not self.songs.published else parts


def warehouse_at(
    path: Path, on_wait: Callable[[str], None] = lambda _: None, **options: Any
) -> DuckDBWarehouse:
    """A DuckDB file as the warehouse."""
    return DuckDBWarehouse(DuckDBSettings(path=path, **options), SCHEMA, on_wait)


def bring_up_to_date(
    lake: Lake,
    warehouse: Warehouse,
    *,
    everything: bool = False,
    days: Iterable[str] | None = None,
    limits: Limits | None = None,
    rebuild_from: float = REBUILD_FROM,
    direct: bool = True,
    star: bool = True,
) -> Outcome:
    """A load of whatever changed; what it says, put together.

    Args:
        everything: Of all there is, changed or not.
        days: Of these days and the star.
        rebuild_from: See `Limits`; so is `direct`.
        star: Publish the star, too; always so with whatever changed.

    Raises:
        PlainError: The load was broken off by it.
    """
    request = Request("everything" if everything else "changes")
    if days is not None:
        tables = frozenset({EVENTS_TABLE, *(STAR_NAMES if star else ())})
        request = Request("asked", tables=tables, days=tuple(days))
    bounds = replace(limits or Limits(), rebuild_from=rebuild_from, direct_copy=direct)
    happened = list(load(request, warehouse, lake, bounds, "a run"))
    ended = happened[-1]
    assert isinstance(ended, Ended)
    if ended.error is not None:
        raise ended.error
    (plan,) = [event for event in happened if isinstance(event, Planned)]
    parts = [event for event in happened if isinstance(event, PartResult)]
    outcome = Outcome(
        plan.snapshot,
        plan.todo,
        next((part for part in parts if part.entry.target == SONGS_TABLE), None),
        [part for part in parts if part.entry.target == EVENTS_TABLE],
        next((event for event in happened if isinstance(event, StarResult)), None),
        [event.text for event in happened if isinstance(event, Omitted)],
    )
    if outcome.star:
        assert outcome.star.marts_failed is None, outcome.star.marts_failed
    failed = {"songs" if part.name == CATALOGUE else part.name for part in ended.failed}
    assert failed == outcome.failed, ended.failed
    return outcome


# --------------------------------------------------------------------------------------------------
# Comparing
# --------------------------------------------------------------------------------------------------

STAR_NAMES = ("songplay", "user", "song", "artist", "time")
ORIGIN = ("log_date", "object", "line")
COLUMNS = {
    table.name: [c.name for c in table.columns if not c.audit or c.name in ORIGIN]
    for table in (*STAGING, *(TABLES[name] for name in STAR_NAMES), *MARTS)
}
"""What is compared: all columns that no load makes up."""


def rows_of(warehouse: Warehouse, table: str) -> list[Row]:
    """All rows of a table, without audit columns, in the oracle's order."""
    return tables_of(warehouse, [table])[table]


def tables_of(warehouse: Warehouse, names: Iterable[str] = tuple(COLUMNS)) -> dict[str, list[Row]]:
    """All rows of some tables, as of one moment."""
    with warehouse.reading() as session:
        return {
            name: oracle.in_order(
                session.query(
                    f"SELECT {', '.join(f't.{c}' for c in COLUMNS[name])} "
                    f'FROM {session.schema}."{name}" AS t'
                )
            )
            for name in names
        }


def matched_by(warehouse: Warehouse) -> Counter[str]:
    """How many plays each way of matching has found a song for."""
    with warehouse.reading() as session:
        plays = f"{session.schema}.songplay"
        rows = session.query(f"SELECT p.matched_by FROM {plays} AS p WHERE p.song_id IS NOT NULL")
    return Counter(how for (how,) in rows)


def rejects_of(warehouse: Warehouse, *, published: bool) -> list[Row]:
    """Table, object, line and column to blame of every reject."""
    with warehouse.reading() as session:
        return oracle.in_order(
            session.query(
                "SELECT r.target_table, r.object, r.line, r.column_name "
                f"FROM {session.schema}.load_rejects AS r WHERE r.published = $published",
                {"published": published},
            )
        )


def tables_expected(expected: Expected) -> dict[str, list[Row]]:
    """The oracle's tables by their names."""
    star = {name: getattr(expected, name) for name in STAR_NAMES}
    staged = {EVENTS_TABLE: expected.staging_events, SONGS_TABLE: expected.staging_songs}
    return staged | star | marts_expected(expected)


def assert_equals_oracle(warehouse: Warehouse, expected: Expected) -> None:
    """Every table holds just the rows the oracle says, and every reject is where it says."""
    found, wanted = tables_of(warehouse), tables_expected(expected)
    if warehouse.engine == "redshift":
        _assert_known_origins(found[EVENTS_TABLE], wanted[EVENTS_TABLE])
        found, wanted = without_origin(found), without_origin(wanted)
    assert_same_tables(found, wanted)
    assert_same_rejects(warehouse, expected)
    assert_reconciled(warehouse, expected)
    assert matched_by(warehouse) == expected.matched_by


def without_origin(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The same without object and line of events: where Redshift reads, it tells neither."""
    events = oracle.in_order(row[:-2] for row in tables[EVENTS_TABLE])
    return tables | {EVENTS_TABLE: events}


def _assert_known_origins(found: list[Row], wanted: list[Row]) -> None:
    """Rows that tell their object and line are just the rows that stand there."""
    there = {row[-2:]: row for row in wanted}
    for row in found:
        assert row[-1] is None or _close(row, there[row[-2:]])


def assert_same_tables(found: dict[str, list[Row]], wanted: dict[str, list[Row]]) -> None:
    """Row for row the same; doubles to 1e-9."""
    assert found.keys() == wanted.keys(), (
        f"{sorted(found.keys() ^ wanted.keys())}: compute it in oracle_marts.py, or declare it"
    )
    said = [_difference(name, found[name], wanted[name]) for name in wanted]
    assert not any(said), "\n".join(filter(None, said))


def assert_same_rejects(warehouse: Warehouse, expected: Expected) -> None:
    """The rejects beside published rows are the oracle's; so are those of failed loads.

    A failed song load shows the rejects of the objects it read, that is of those that changed: the
    others stand beside the published rows, where the oracle counts them a second time.
    """
    found = rejects_of(warehouse, published=True)
    failed = rejects_of(warehouse, published=False)
    if not (expected.failed_days or expected.songs_failed):
        # Of a record that was rejected twice, for two reasons, the oracle knows only the last; of
        # two on a line, likewise.
        alone = {where for where, n in Counter(expected.rejects).items() if n == 1}
        blamed = [row for row in found if tuple(row[:3]) in alone]
        _assert_same("columns to blame", blamed, _blamed(expected, oracle.in_order(alone)))
    _assert_same("published rejects", _unblamed(found), expected.rejects)
    shown, published = set(_unblamed(failed)), set(_unblamed(found))
    wanted = [
        r
        for r in expected.failed_rejects
        if r[0] != SONGS_TABLE or r in shown or r not in published
    ]
    _assert_same("rejects of failed loads", _unblamed(failed), wanted)


def assert_reconciled(warehouse: Warehouse, expected: Expected) -> None:
    """The ledger counts, for each object, the rows and the rejects that are there."""
    rows = Counter((EVENTS_TABLE, row[-2]) for row in expected.staging_events)
    rows.update((SONGS_TABLE, row[-2]) for row in expected.staging_songs)
    rejects = Counter((table, key) for table, key, _ in expected.rejects)
    gone = expected.suppressed
    wanted = [
        (*name, rows[name] + rejects[name] + gone[name], rows[name], rejects[name])
        for name in {*rows, *rejects, *gone}
    ]
    wanted += [("suppressed", name[1], records, 0, 0) for name, records in gone.items()]
    with warehouse.reading() as session:
        found = session.query(
            "SELECT o.target, o.object, o.records, o.row_count, o.rejects "
            f"FROM {session.schema}.load_objects AS o"
        )
        leftover = session.query(
            f"SELECT (SELECT COUNT(*) FROM {session.schema}.retired_events), "
            f"(SELECT COUNT(*) FROM {session.schema}.retired_songs)"
        )
    # Where Redshift has read several objects at once, it is the day's sum that is checked (by
    # the check `records_reconciled`, in each load).
    unknown = {row[1] for row in found if row[2] is None}
    wanted = [row for row in wanted if row[1] not in unknown]
    _assert_same("load_objects", [row for row in found if row[2]], wanted)
    assert leftover == [(0, 0)], f"rows left in retired_events, retired_songs: {leftover}"


def _blamed(expected: Expected, rejects: Iterable[oracle.Reject]) -> list[Row]:
    return [(*reject, expected.reasons[reject].column) for reject in rejects]


def _unblamed(rejects: Iterable[Row]) -> list[Row]:
    return [tuple(reject[:3]) for reject in rejects]


def _assert_same(name: str, found: Iterable[Row], wanted: Iterable[Row]) -> None:
    said = _difference(name, oracle.in_order(found), oracle.in_order(wanted))
    assert not said, said


def _difference(name: str, found: Sequence[Row], wanted: Sequence[Row]) -> str:
    if found == wanted:
        return ""
    if len(found) == len(wanted) and all(map(_close, found, wanted)):
        return ""
    extra = list((Counter(found) - Counter(wanted)).elements())
    missing = list((Counter(wanted) - Counter(found)).elements())
    said = [f"{name}: {len(found)} rows, the oracle has {len(wanted)}"]
    said += [f"  too much: {row}" for row in extra[:5]]
    said += [f"  missing:  {row}" for row in missing[:5]]
    return "\n".join(said)


def _close(left: Row, right: Row) -> bool:
    return len(left) == len(right) and all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
        if isinstance(a, float) and isinstance(b, float)
        else a == b
        for a, b in zip(left, right, strict=True)
    )
