"""A model that changes over a warehouse that is there: what the plan says, the load does.

Nothing is made anew that can stay, and what comes of it is what the new code makes from nothing.
"""

from __future__ import annotations

import itertools
import resource
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sparkify_dagster.cli.plan import Plan, make_plan
from sparkify_dagster.core.text import count
from sparkify_dagster.lake.errors import DocumentError
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.model.catalog import GENERATION, MARTS, STAGING, STAR, TABLES
from sparkify_dagster.model.table import Column, Type
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.plan import Request, held_against, pending
from sparkify_dagster.warehouse.dependents import rights_on
from sparkify_dagster.warehouse.design import design_changes
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.changed_model import ModelChange, altered, changed_model
from sparkify_dagster_tests.integration.test_killed_loads import (
    SMALL_GROUPS,
    MortalWarehouse,
    load_until,
)
from sparkify_dagster_tests.integration.test_killed_loads_redshift import ALONE, Moment, Spot
from sparkify_dagster_tests.integration.test_killed_loads_redshift import load as load_on_redshift
from sparkify_dagster_tests.lakes import (
    Outcome,
    TinyLake,
    bring_up_to_date,
    event,
    jsonpaths,
    log_key,
    put,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.onlooker import Onlooker, look_on
from sparkify_dagster_tests.pairs import Pair, SyncedLake, opened, redshift_at
from sparkify_dagster_tests.processes import processes
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

EVENTS, SONGS = (table.name for table in reversed(STAGING))
ENGINES = ("duckdb-folder", "redshift-s3")
MOOD = Column("mood", Type.VARCHAR, "How it sounds.", length=20)
SONG_MOOD = ModelChange(
    "song",
    "mood",
    MOOD,
    ("r.duration\nFROM", "r.duration, CAST('glad' AS VARCHAR(20)) AS mood\nFROM"),
)
LABEL = ModelChange(
    SONGS, "label", Column("label", Type.VARCHAR, "Who sells it.", length=50, source="$.label")
)
NO_STATUS = ModelChange(EVENTS, "status")
NO_NUMBER = ModelChange(SONGS, "num_songs")
WIDER = altered(SONGS, "artist_location", length=2048)
OPTIONAL = altered(EVENTS, "auth", required=False)
MEANING = altered("artist", "name", meaning="Another meaning.")
YEARS = ModelChange("song", sql=("NULLIF(r.year, 0)", "r.year"))
WIDER_NAME = altered("artist", "location", length=2048)
LATE = ModelChange(
    EVENTS, "mode", Column("mode", Type.VARCHAR, "How it plays.", length=9, source="$.mode")
)
WIDER_YEARS = tuple(altered(table, "year", type=Type.BIGINT) for table in (SONGS, "song"))
RENAMED = ModelChange(
    EVENTS, "method", replace(TABLES[EVENTS].column("method"), name="verb", was="method")
)
NARROWER = altered(EVENTS, "user_agent", length=40)
REORDERED = ModelChange(EVENTS, "page", TABLES[EVENTS].column("page"), first=True)
EXPECTED = altered(EVENTS, "location", accepted=("Reno, NV",))
FEWER_EXPECTED = altered("songplay", "level", accepted=("free",))
CHANGES = (
    *WIDER_YEARS,
    SONG_MOOD, LABEL, NO_STATUS, NO_NUMBER, WIDER, OPTIONAL, MEANING, YEARS, WIDER_NAME, LATE,
    RENAMED, NARROWER, REORDERED, EXPECTED, FEWER_EXPECTED,
)  # fmt: skip
_numbers = itertools.count()


def fill(lake: TinyLake) -> None:
    for day in (1, 2):
        plays = [
            event(itemInSession=n, sessionId=day, userId=str(n % 3), mode="loud") for n in range(6)
        ]
        lake.put_log(log_key(f"2018-11-0{day}"), *plays)
    for number in range(3):
        lake.put_song(
            f"{number}.json", song(song_id=f"SO{number}", label=f"Label {number}", year=0)
        )


@pytest.fixture(params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """A lake and a warehouse that has loaded it."""
    wanted = request.getfixturevalue
    with opened(request.param, tmp_path, lambda: wanted("s3"), lambda: wanted("double")) as pair:
        fill(pair.lake)
        bring_up_to_date(pair.lake.open(), pair.warehouse)
        yield pair


def document_of(lake: TinyLake) -> None:
    """The JSONPaths document that fits the model as it is now."""
    names = [c.source.removeprefix("$.") for c in TABLES[EVENTS].columns if c.source[:2] == "$."]
    put(lake.document, jsonpaths(names))


@dataclass(frozen=True)
class Ways:
    """Settings that have a say in what a load gives."""

    last: date | None = None
    rejects: float = 0.1

    def lake(self, lake: TinyLake) -> Lake:
        return replace(lake.open(last_day=self.last), settings=self.named)

    @property
    def named(self) -> dict[str, str]:
        return {"[DAYS] LAST": str(self.last or ""), "[LOAD] REJECT_LIMIT": f"{self.rejects:g}"}

    def load(self, pair: Pair, warehouse: Warehouse | None = None) -> Outcome:
        limits = Limits(rejects=self.rejects)
        return bring_up_to_date(self.lake(pair.lake), warehouse or pair.warehouse, limits=limits)


USUAL = Ways()


def plan_of(lake: TinyLake, warehouse: Warehouse, ways: Ways = USUAL) -> Plan:
    snapshot, held = held_against(ways.lake(lake).snapshot(), warehouse)
    todo = pending(snapshot, held, Request())
    return make_plan(warehouse, snapshot, held, todo, everything=False)


def contents(warehouse: Warehouse) -> dict[str, list[Any]]:
    """All rows of all tables that the model has, without what loads make up."""
    left_out = {"load_id", "song_load_id", "event_load_id"}
    with warehouse.reading() as session:
        found = {}
        for table in (*STAGING, *STAR, *MARTS):
            names = [c.name for c in table.columns if c.name not in left_out]
            columns = ", ".join(f't."{name}"' for name in names)
            rows = session.query(f'SELECT {columns} FROM {session.schema}."{table.name}" AS t')
            found[table.name] = oracle.in_order(rows)
        return found


def assert_done(plan: Plan, outcome: Outcome) -> None:
    """The load did what the plan said."""
    assert [day.day for day in plan.days] == [day.entry.part for day in outcome.days]
    said = {table.table: table.actions for table in plan.tables}
    star = outcome.star
    assert star is not None or all("rebuilt" not in actions for actions in said.values())
    if "refreshed" in said["songplay"]:
        assert star is not None
        assert star.mode in ("refresh", "rebuild"), "what is staged decides which"
    elif star is not None:
        for table in (*STAR, *MARTS):
            how = star.tables[table.name].how if table.name in star.tables else "nothing"
            assert ("rebuilt" in said[table.name]) == (how == "rebuild"), table.name
    assert ("loaded" in said[SONGS]) == (outcome.songs is not None)


def assert_causes(
    plan: Plan,
    changes: Sequence[ModelChange],
    before: Ways,
    now: Ways,
    silent: Sequence[ModelChange],
) -> None:
    """Each difference of model and settings is named where it stands, and no other table alters.

    Args:
        silent: Changes of columns that the engine does not know.
    """
    told = {table.table: "; ".join((*table.causes, *table.idle)) for table in plan.tables}
    for change in changes:
        if change.sql:
            assert "its SQL or key changed" in told[change.table]
        if change.name and change not in (MEANING, *silent):
            named = change.column.name if change.column else change.name
            assert named in told[change.table], (named, told[change.table])
    for name, value in now.named.items():
        assert (f"{name} is {value or 'blank'}, was" in told[EVENTS]) == (
            value != before.named[name]
        )
    not_columns = (EXPECTED, FEWER_EXPECTED, *silent)
    altered = {c.table for c in changes if (c.name or c.physical) and c not in not_columns}
    assert {t.table for t in plan.tables if "altered" in t.actions} == altered


@dataclass(frozen=True)
class Held:
    """What can be lost: columns by table, rows of days."""

    columns: frozenset[tuple[str, str]]
    days: Mapping[str, int]

    @classmethod
    def of(cls, warehouse: Warehouse) -> Held:
        with warehouse.reading() as session:
            columns = {(t, c) for t, columns in session.tables().items() for c in columns}
            days = f"SELECT e.log_date, COUNT(*) FROM {session.schema}.{EVENTS} AS e GROUP BY 1"
            return cls(frozenset(columns), {str(d): n for d, n in session.query(days)})

    def lost(self, now: Held, changes: Sequence[ModelChange]) -> set[str]:
        """What a plan must have said: what is here and no longer there."""
        renamed = {(c.table, c.column.was) for c in changes if c.column and c.column.was}
        columns = {f"column {t}.{c}" for t, c in self.columns - now.columns - renamed}
        days = {day: rows for day, rows in self.days.items() if day not in now.days}
        left_out = "that [DAYS] leaves out; they come back with the setting"
        rows = f"{count(sum(days.values()), 'row')} of {count(len(days), 'log day')} {left_out}"
        return columns | ({rows} if days else set())


def evolve_and_compare(
    pair: Pair, changes: Sequence[ModelChange], before: Ways = USUAL, now: Ways = USUAL
) -> Plan:
    held = Held.of(pair.warehouse)
    with changed_model(*changes):
        document_of(pair.lake)
        plan = plan_of(pair.lake, pair.warehouse, now)
        outcome = now.load(pair)
        assert outcome.failed == set()
        assert_done(plan, outcome)
        lengths = (WIDER, WIDER_NAME) if pair.warehouse.engine == "duckdb" else ()
        assert_causes(plan, changes, before, now, (REORDERED, *lengths))
        assert set(plan.destroys) == held.lost(Held.of(pair.warehouse), changes)
        assert plan.exit_code == (3 if plan.destroys else 0 if outcome.todo.is_nothing else 2)
        after = plan_of(pair.lake, pair.warehouse, now)
        assert after.exit_code == 0, after
        fresh = pair.new_warehouse()
        now.load(pair, fresh)
        assert contents(pair.warehouse) == contents(fresh)
        with pair.warehouse.reading() as session:
            there = session.tables()
            for table in TABLES.values():
                assert dict(there[table.name]) == session.declared(table)
                assert there[table.name].comments[""] == table.meaning
    return plan


def actions(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {table.table: table.actions for table in plan.tables if not table.is_kept}


def test_what_the_plan_says_the_load_does_and_the_tables_are_those_of_the_new_code(
    filled: Pair,
) -> None:
    plan = evolve_and_compare(filled, [SONG_MOOD, LABEL, NO_STATUS, MEANING])
    said = actions(plan)
    assert said[SONGS] == ("altered", "loaded")
    assert said[EVENTS] == ("altered",), "what is left of a day is as it was: no day is read"
    assert said["song"] == ("altered", "rebuilt")
    assert said["artist"] == ("altered", "rebuilt")
    assert plan.destroys == [f"column {EVENTS}.status"]
    assert plan.exit_code == 3


def test_what_cannot_be_done_stops_the_load_says_why_and_writes_nothing(filled: Pair) -> None:
    lake, warehouse = filled.lake, filled.warehouse
    with warehouse.transaction() as session:
        objects = f"{session.schema}.load_objects"
        session.execute(f"UPDATE {objects} SET size = 3000000000 WHERE object = '1.json'")
    before = contents(warehouse)
    number = TABLES[SONGS].column("num_songs")
    renamed = ModelChange(SONGS, "num_songs", replace(number, name="songs"))
    with changed_model(renamed):
        for act in (plan_of, lambda *_: bring_up_to_date(lake.open(), warehouse)):
            with pytest.raises(WarehouseError, match='was="num_songs" keeps its values, was="" sa'):
                act(lake, warehouse)
    with changed_model(REORDERED):  # And the document goes by the order before.
        for act in (plan_of, lambda *_: bring_up_to_date(lake.open(), warehouse)):
            with pytest.raises(
                DocumentError, match=r"page would be fed by \$\.artist, not by \$\.page"
            ):
                act(lake, warehouse)
    shorter = altered("load_objects", "size", type=Type.INTEGER)
    said = r"load_objects.size is to be INTEGER, and 1 stored value does not fit \(3000000000\)"
    with changed_model(shorter), pytest.raises(WarehouseError, match=said):
        bring_up_to_date(lake.open(), warehouse)
    said = r"name is to be VARCHAR\(3\), and 3 stored values do not fit \(.*Nothing was ch"
    narrow = altered(SONGS, "artist_name", length=3)
    with changed_model(narrow):
        assert "altered" in actions(plan_of(lake, warehouse))[SONGS]
        with pytest.raises(WarehouseError, match=said):
            bring_up_to_date(lake.open(), warehouse)
    assert contents(warehouse) == before
    wanted = ModelChange(SONGS, "num_songs", replace(number, name="songs", was="num_songs"))
    with changed_model(SONG_MOOD, wanted):
        bring_up_to_date(lake.open(), warehouse)
        before = contents(warehouse)
    lake.put_log(log_key("2018-11-03"), event(sessionId=9))
    said = f"newer code has changed these tables.*generation {GENERATION + 1}"
    with pytest.raises(WarehouseError, match=said):
        bring_up_to_date(lake.open(), warehouse)
    with pytest.raises(WarehouseError, match="Nothing was written"):
        plan_of(lake, warehouse)
    with changed_model(SONG_MOOD, wanted):
        assert contents(warehouse) == before


@pytest.mark.parametrize("filled", ["redshift-s3"], indirect=True)
def test_what_others_were_granted_survives_columns_that_become_others(
    filled: Pair, double: Double
) -> None:
    schema = filled.warehouse.schema
    with filled.warehouse.transaction() as session:
        session.execute(f"CREATE ROLE analysts_{schema}")
        for table in ("song", SONGS):
            session.execute(f"GRANT SELECT ON TABLE {schema}.{table} TO ROLE analysts_{schema}")
    plan = evolve_and_compare(filled, [*WIDER_YEARS, altered("song", "title", length=2048)])
    assert actions(plan)[SONGS] == ("altered",)
    assert actions(plan)["song"] == ("altered", "rebuilt")
    assert plan.destroys == []
    with closing(double.behind()) as connection, connection.cursor() as cursor:
        for table in ("song", SONGS):
            cursor.execute(
                f"SELECT has_table_privilege('analysts_{schema}', '{schema}.{table}', 'SELECT')"
            )
            assert cursor.fetchone() == (True,)


# --------------------------------------------------------------------------------------------------
# How tables lie in a cluster
# --------------------------------------------------------------------------------------------------

UPGRADE = (SONG_MOOD, LABEL, NO_STATUS, *WIDER_YEARS)
RESORTED = replace(
    TABLES["songplay"].physical, style="EVEN", distkey=None, sortkey=("user_id", "start_time")
)
LIES_OTHERWISE = ModelChange("songplay", physical=RESORTED)
WIDER_KEY = altered("songplay", "song_id", length=500)
KILLED_AT = (
    Moment(ALONE, 0),
    Moment("before COMMIT", 1),
    Moment("after COMMIT", 1),
    Moment(ALONE, 1),
    Moment(ALONE, 2),
    Moment("before COMMIT", 2),
)
"""There and back by turns: before a key is given up, around the transactions that alter tables, and
between giving sort keys, distribution and encodings."""
on_redshift = pytest.mark.parametrize("filled", ["redshift-s3"], indirect=True)


def lies_as_declared(warehouse: Warehouse) -> bool:
    with warehouse.reading() as session:
        designs = session.designs()
    return not any(design_changes(table, designs[table.name]) for table in TABLES.values())


@on_redshift
def test_keys_distribution_and_encodings_become_the_models_where_the_table_stands(
    filled: Pair, double: Double
) -> None:
    assert lies_as_declared(filled.warehouse)
    kept = f"SELECT c.oid FROM pg_class AS c WHERE c.oid = '{filled.warehouse.schema}.songplay'"
    with closing(double.behind()) as connection, connection.cursor() as cursor:
        cursor.execute(f"{kept}::regclass")
        before = cursor.fetchone()
        plan = evolve_and_compare(filled, [LIES_OTHERWISE])
        assert actions(plan) == {"songplay": ("altered",)}
        (songplay,) = (table for table in plan.tables if table.table == "songplay")
        assert songplay.causes == (
            "sort key is start_time, the model says user_id, start_time",
            "distribution is KEY(song_id), the model says EVEN",
            "start_time, user_id encoded otherwise",
        )
        cursor.execute(f"{kept}::regclass")
        assert cursor.fetchone() == before, "nothing was built beside"
    with changed_model(LIES_OTHERWISE):
        assert lies_as_declared(filled.warehouse)
        double.forget()
        bring_up_to_date(filled.lake.open(), filled.warehouse)
        assert not any("svv_redshift_columns" in text for text in double.statements())


@on_redshift
def test_columns_that_tables_are_sorted_and_distributed_by_can_go_and_become_others(
    filled: Pair,
) -> None:
    number = altered("songplay", "song_id", length=500)
    day = altered(EVENTS, "log_date", required=False)
    plan = evolve_and_compare(filled, [number, day])
    assert actions(plan)["songplay"] == ("altered", "rebuilt")
    assert actions(plan)[EVENTS] == ("altered",)
    with changed_model(number, day):
        assert lies_as_declared(filled.warehouse)


@on_redshift
def test_what_somebody_tuned_by_hand_stays_until_the_model_changes(
    filled: Pair, double: Double
) -> None:
    schema, lake = filled.warehouse.schema, filled.lake
    filled.warehouse.alone(
        lambda session: session.execute(f"ALTER TABLE {schema}.song ALTER DISTSTYLE EVEN")
    )
    lake.put_log(log_key("2018-11-03"), event(sessionId=9))
    bring_up_to_date(lake.open(), filled.warehouse)
    assert not lies_as_declared(filled.warehouse)
    with changed_model(LIES_OTHERWISE):
        bring_up_to_date(lake.open(), filled.warehouse)
        assert lies_as_declared(filled.warehouse)


@on_redshift
def test_a_cluster_that_refuses_to_move_a_table_is_told_and_asked_again(
    filled: Pair, double: Double
) -> None:
    double.faults.fail("ALTER DISTSTYLE", "53100", "Disk Full")
    with changed_model(LIES_OTHERWISE):
        first = bring_up_to_date(filled.lake.open(), filled.warehouse)
        assert first.failed == set()
        assert "Not every table lies" in str(first.omitted), first.omitted
        assert "disks are full" in str(first.omitted)
        assert actions(plan_of(filled.lake, filled.warehouse))
        bring_up_to_date(filled.lake.open(), filled.warehouse)
        assert lies_as_declared(filled.warehouse)
        assert plan_of(filled.lake, filled.warehouse).exit_code == 0


# --------------------------------------------------------------------------------------------------
# What is in the way
# --------------------------------------------------------------------------------------------------


def test_rejects_for_other_columns_stay_and_only_those_for_the_column_that_went_are_read_again(
    filled: Pair,
) -> None:
    lake = filled.lake
    bad = {1: event(sessionId=7, userId="nobody"), 2: event(sessionId=7, status="fine"), 3: "{"}
    for day, record in bad.items():
        lake.put_log(
            log_key(f"2018-12-0{day}"), *(event(itemInSession=n) for n in range(99)), record
        )
    bring_up_to_date(lake.open(), filled.warehouse)
    plan = evolve_and_compare(filled, [NO_STATUS])
    assert [day.day for day in plan.days] == ["2018-12-02"]
    with filled.warehouse.reading() as session:
        rejects = f"{session.schema}.load_rejects"
        assert len(session.query(f"SELECT 1 FROM {rejects}")) == 2


def shorter(table: str, name: str, length: int) -> ModelChange:
    return altered(table, name, length=length)


def test_texts_that_do_not_fit_a_narrowed_column_of_ledger_star_or_mart_are_counted_and_named(
    filled: Pair,
) -> None:
    before = contents(filled.warehouse)
    ledger, star = shorter("load_objects", "object", 3), shorter("song", "title", 2)
    said = {
        ledger: r"load_objects.object is to be VARCHAR\(3\), and 5 stored values do not fit \(0.js",
        star: r"song.title is to be VARCHAR\(2\), and 3 stored values do not fit"
        if filled.warehouse.engine == "duckdb"
        else r"value too long.*longer than its column allows: INSERT INTO .*\"song\"",
    }
    for change, words in said.items():
        with changed_model(change), pytest.raises(WarehouseError, match=words):
            bring_up_to_date(filled.lake.open(), filled.warehouse)
    assert contents(filled.warehouse) == before
    mart = shorter("plays_by_song", "title", 1)
    with changed_model(mart), pytest.raises(AssertionError, match=r"plays_by_song|too long"):
        bring_up_to_date(filled.lake.open(), filled.warehouse)
    assert contents(filled.warehouse)["plays_by_song"] == before["plays_by_song"]
    fits = [shorter("load_objects", "object", 99), shorter("song", "title", 200)]
    with changed_model(*fits, generation=GENERATION + 2):
        bring_up_to_date(filled.lake.open(), filled.warehouse)
        assert contents(filled.warehouse) == before


@on_redshift
def test_a_view_that_is_bound_to_a_column_that_goes_is_named_with_its_owner_and_nothing_changes(
    filled: Pair, double: Double
) -> None:
    schema, before = filled.warehouse.schema, contents(filled.warehouse)
    with closing(double.behind()) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE VIEW {schema}.theirs AS SELECT status FROM {schema}.{EVENTS}")
        cursor.execute(f"CREATE VIEW {schema}.other AS SELECT page FROM {schema}.{EVENTS}")
    said = (
        rf"view {schema}.theirs of \w+ reads {EVENTS}.status. Nothing was changed. Let the owner "
        r"drop the view, or make it late-binding"
    )
    with changed_model(NO_STATUS, YEARS):
        document_of(filled.lake)
        with pytest.raises(WarehouseError, match=said):
            bring_up_to_date(filled.lake.open(), filled.warehouse)
    assert contents(filled.warehouse) == before
    with closing(double.behind()) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP VIEW {schema}.theirs")
    evolve_and_compare(filled, [NO_STATUS])


@on_redshift
@pytest.mark.parametrize(
    ("sqlstate", "words", "said"),
    [
        ("XX000", "Disk Full", "disks are full, and a table that is altered or rebuilt needs room"),
        (
            "25001",
            "ALTER TABLE DROP COLUMN cannot run inside a transaction block",
            r'take this in a transaction: ALTER TABLE "\w+"."\w+" .*Nothing of it was kept',
        ),
        ("2BP01", "cannot drop it", "Something of somebody else is bound to what is to be altered"),
    ],
)
def test_an_alter_that_redshift_refuses_is_said_plainly_and_nothing_is_half_done(
    filled: Pair, double: Double, sqlstate: str, words: str, said: str
) -> None:
    before = contents(filled.warehouse)
    double.faults.fail("ALTER TABLE .* DROP COLUMN", sqlstate, words, times=2)
    with changed_model(LABEL, NO_STATUS):
        document_of(filled.lake)
        with pytest.raises(WarehouseError, match=said):
            bring_up_to_date(filled.lake.open(), filled.warehouse)
    double.faults.clear()
    assert contents(filled.warehouse) == before
    with changed_model(LABEL, NO_STATUS):
        bring_up_to_date(filled.lake.open(), filled.warehouse)


@pytest.mark.parametrize("filled", ["duckdb-folder"], indirect=True)
def test_a_table_that_somebody_indexed_is_built_beside_and_its_indexes_come_again(
    filled: Pair,
) -> None:
    with filled.warehouse.transaction() as session:
        session.execute("CREATE INDEX theirs ON sparkify.song (title)")
        session.execute(f"CREATE INDEX also_theirs ON sparkify.{EVENTS} (status)")
        session.execute(f"CREATE INDEX on_page ON sparkify.{EVENTS} (page, user_id)")
        session.execute("ALTER TABLE sparkify.load_objects ADD PRIMARY KEY (object)")
    changes = [NO_STATUS, OPTIONAL, *WIDER_YEARS, SONG_MOOD, shorter("load_objects", "object", 99)]
    evolve_and_compare(filled, changes)
    with filled.warehouse.reading() as session:
        kept = session.query("SELECT index_name FROM duckdb_indexes() ORDER BY 1")
    assert kept == [("on_page",), ("theirs",)], "that of a column that is gone went with it"


def evolve_in_little_space(root: Path, path: Path) -> None:
    """Loads with another model in a process whose files can hardly grow."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
    with changed_model(*UPGRADE), pytest.raises(WarehouseError, match=r"Is the disk full.*Nothing"):
        bring_up_to_date(TinyLake(root).open(), warehouse_at(path))


@pytest.mark.parametrize("filled", ["duckdb-folder"], indirect=True)
def test_a_disk_that_is_too_small_for_a_second_copy_is_said_and_nothing_is_half_done(
    filled: Pair,
) -> None:
    path, before = Path(filled.warehouse.location), contents(filled.warehouse)
    with changed_model(*UPGRADE):
        document_of(filled.lake)
    small = processes().Process(target=evolve_in_little_space, args=(filled.lake.root, path))
    small.start()
    small.join(60)
    assert small.exitcode == 0
    assert contents(filled.warehouse) == before
    evolve_and_compare(filled, UPGRADE)


# --------------------------------------------------------------------------------------------------
# At random, watched and killed
# --------------------------------------------------------------------------------------------------


@contextmanager
def watched(pair: Pair, double: Callable[[], Any], s3: Callable[[], Any]) -> Iterator[None]:
    """Somebody looks on, in another process or over another connection, and sees nothing torn."""
    if pair.warehouse.engine == "duckdb":
        onlooker = Onlooker(partial(warehouse_at, Path(pair.warehouse.location)))
        yield
        seen = onlooker.stop()
    else:
        assert isinstance(pair.lake, SyncedLake)
        ours, theirs = processes().Pipe()
        opened = partial(redshift_at, double(), s3(), pair.lake, pair.warehouse.schema)
        thread = Thread(target=look_on, args=(opened, theirs), daemon=True)
        thread.start()
        yield
        ours.send("stop")
        assert ours.poll(60), "the onlooker does not answer"
        seen = ours.recv()
    assert seen.wrong == []


RECORDS = st.tuples(*(st.integers(0, most) for most in (2, 2, 2, 3)))
"""A day, a session, a person, a place in the session."""


@dataclass(frozen=True)
class Case:
    """A lake, and what becomes of code and settings over the warehouse that has loaded it."""

    records: Sequence[tuple[int, int, int, int]]
    songs: int
    bad: bool
    changes: Sequence[ModelChange]
    now: Ways
    more: bool

    def fill(self, lake: TinyLake) -> None:
        days: dict[int, list[object]] = {}
        for day, session, person, item in self.records:
            play = event(itemInSession=item, sessionId=session, userId=str(person), mode="loud")
            days.setdefault(day, []).append(play)
        if self.bad:
            days.setdefault(0, []).append(event(ts="yesterday"))
        for day, records in days.items():
            lake.put_log(log_key(f"2018-11-0{day + 1}"), *records)
        for number in range(self.songs):
            lake.put_song(f"{number}.json", song(song_id=f"SO{number}", label="Mute", year=0))


def _fit(changes: Sequence[ModelChange]) -> bool:
    """Whether they speak of different things."""
    of = [(change.table, change.name if not change.sql else "SQL") for change in changes]
    return len(of) == len(set(of))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    changes = draw(st.lists(st.sampled_from(CHANGES), unique=True, max_size=5).filter(_fit))
    bad = draw(st.booleans())
    last = draw(st.sampled_from((None, date(2018, 11, 2))))
    limit = 1.0 if bad else draw(st.sampled_from((0.1, 0.05)))
    records = draw(st.lists(RECORDS, max_size=8, unique=True))
    return Case(
        records, draw(st.integers(1, 3)), bad, changes, Ways(last, limit), draw(st.booleans())
    )


def _run(case: Case, pair: Pair, look_on: Callable[[], AbstractContextManager[None]]) -> None:
    case.fill(pair.lake)
    USUAL.load(pair)
    if case.more:
        pair.lake.put_log(log_key("2018-11-02", "late.json"), event(sessionId=9))
    with strangers(pair) as touched, look_on():
        touched(evolve_and_compare(pair, case.changes, USUAL, case.now))


@contextmanager
def strangers(pair: Pair) -> Iterator[Callable[[Plan], None]]:
    """Somebody else has a view on titles of songs and, on Redshift, rights: they stay, and the plan
    names them."""
    schema, theirs = pair.warehouse.schema, f"bi_{pair.warehouse.schema}"
    whose = f"role analysts_{schema}"
    is_redshift = pair.warehouse.engine == "redshift"
    with pair.warehouse.transaction() as session:
        session.execute(f"CREATE SCHEMA {theirs}")
        session.execute(f"CREATE VIEW {theirs}.titles AS SELECT s.title FROM {schema}.song AS s")
        if is_redshift:
            session.execute(f"CREATE ROLE analysts_{schema}")
            for table in TABLES:
                session.execute(f'GRANT SELECT ON TABLE {schema}."{table}" TO {whose.upper()}')

    def named(plan: Plan) -> None:
        for table in plan.tables:
            hangs = table.is_altered
            assert (f"{theirs}.titles" in table.views) == (hangs and table.table == "song")
            assert (f"SELECT for {whose}" in table.rights) == (hangs and is_redshift)

    yield named
    with pair.warehouse.transaction() as session:
        songs, seen = (
            session.query(f"SELECT COUNT(*) FROM {name}")
            for name in (f"{schema}.song", f"{theirs}.titles")
        )
        assert songs == seen
        kept = rights_on(session, TABLES) if is_redshift else {}
        assert all(f"SELECT for {whose}" in rights for rights in kept.values())
        session.execute(f"DROP SCHEMA {theirs} CASCADE")


@pytest.mark.parametrize("engine", ENGINES)
def test_random_changes_of_model_and_settings_over_random_lakes(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _examples(engine, tmp_path, request, 3, lambda _: nullcontext())


@pytest.mark.drill
@pytest.mark.parametrize("engine", ENGINES)
def test_more_of_them_while_somebody_looks_on(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    s3, double = _fixtures(request)
    _examples(engine, tmp_path, request, 12, lambda pair: watched(pair, double, s3))


def _fixtures(request: pytest.FixtureRequest) -> list[Callable[[], Any]]:
    return [partial(request.getfixturevalue, name) for name in ("s3", "double")]


def _examples(
    engine: str,
    root: Path,
    request: pytest.FixtureRequest,
    number: int,
    look_on: Callable[[Pair], AbstractContextManager[None]],
) -> None:
    @settings(
        max_examples=number, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate,),
    )  # fmt: skip
    @given(cases())
    def run(case: Case) -> None:
        with opened(engine, root / str(next(_numbers)), *_fixtures(request)) as pair:
            _run(case, pair, partial(look_on, pair))

    run()


def upgrade_until(root: Path, path: Path, dies_at: int) -> None:
    """Loads with the new code in a process that is killed at a step."""
    with changed_model(*UPGRADE):
        load_until(root, path, dies_at)


@pytest.mark.drill
@pytest.mark.parametrize("filled", ["duckdb-folder"], indirect=True)
def test_an_upgrade_that_is_killed_at_any_moment_is_gone_on_with_by_the_next_load(
    filled: Pair, tmp_path: Path
) -> None:
    base = Path(filled.warehouse.location)
    with changed_model(*UPGRADE):
        document_of(filled.lake)
        fresh = filled.new_warehouse()
        bring_up_to_date(filled.lake.open(), fresh)
        expected = contents(fresh)
        whole = shutil.copyfile(base, tmp_path / "whole.duckdb")
        steps = MortalWarehouse(whole, -1)
        bring_up_to_date(filled.lake.open(), steps, limits=SMALL_GROUPS)
    for number in range(1, len(steps.steps), max(len(steps.steps) // 12, 1)):
        path = shutil.copyfile(base, tmp_path / f"killed-{number}.duckdb")
        dying = processes().Process(target=upgrade_until, args=(filled.lake.root, path, number))
        dying.start()
        dying.join(120)
        assert dying.exitcode == -signal.SIGKILL, number
        with changed_model(*UPGRADE):
            warehouse = warehouse_at(path)
            bring_up_to_date(filled.lake.open(), warehouse)
            assert contents(warehouse) == expected, number
            assert plan_of(filled.lake, warehouse).exit_code == 0


def evolve_until(
    spot: Spot,
    changes: Sequence[ModelChange],
    generation: int,
    dies_at: Moment | None,
) -> None:
    """Loads from S3 with the model of a generation, in a process that is killed at a moment."""
    with changed_model(*changes, generation=generation):
        load_on_redshift(spot, dies_at)


@pytest.mark.drill
@on_redshift
def test_an_upgrade_on_redshift_that_is_killed_at_any_moment_is_gone_on_with_by_the_next_load(
    filled: Pair, double: Double, s3: S3Server
) -> None:
    lake = filled.lake
    assert isinstance(lake, SyncedLake)
    spot = Spot(double, s3.endpoint, lake.base, filled.warehouse.schema)
    there_and_back = ((*UPGRADE, LIES_OTHERWISE, WIDER_KEY), ())
    expected = {}
    for changes in there_and_back:
        with changed_model(*changes):
            document_of(lake)
            fresh = filled.new_warehouse()
            bring_up_to_date(lake.open(), fresh)
            expected[changes] = contents(fresh)
    with watched(filled, lambda: double, lambda: s3):
        for number, moment in enumerate(KILLED_AT):
            changes, generation = there_and_back[number % 2], GENERATION + 1 + number
            with changed_model(*changes, generation=generation):
                document_of(lake)
                lake.open()
                args = spot, changes, generation, moment
                dying = processes().Process(target=evolve_until, args=args)
                dying.start()
                dying.join(120)
                assert dying.exitcode == -signal.SIGKILL, moment
                bring_up_to_date(lake.open(), filled.warehouse)
                assert contents(filled.warehouse) == expected[changes], moment
                assert lies_as_declared(filled.warehouse), moment
                assert plan_of(lake, filled.warehouse).exit_code == 0, moment
