"""A model that changes over a warehouse that is there: what the plan says, the load does.

Nothing is made anew that can stay, and what comes of it is what the new code makes from nothing.
"""

from __future__ import annotations

import itertools
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sparkify_dagster.cli.plan import Plan, make_plan
from sparkify_dagster.model.catalog import GENERATION, MARTS, STAGING, STAR, TABLES
from sparkify_dagster.model.table import Column, Type
from sparkify_dagster.pipeline.plan import Request, held_against, pending
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.changed_model import ModelChange, altered, changed_model
from sparkify_dagster_tests.integration.test_killed_loads import (
    SMALL_GROUPS,
    MortalWarehouse,
    load_until,
)
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
CHANGES = (
    *WIDER_YEARS,
    SONG_MOOD, LABEL, NO_STATUS, NO_NUMBER, WIDER, OPTIONAL, MEANING, YEARS, WIDER_NAME, LATE,
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


def plan_of(lake: TinyLake, warehouse: Warehouse) -> Plan:
    snapshot, held = held_against(lake.open().snapshot(), warehouse)
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


def evolve_and_compare(pair: Pair, changes: Sequence[ModelChange]) -> Plan:
    with changed_model(*changes):
        document_of(pair.lake)
        plan = plan_of(pair.lake, pair.warehouse)
        outcome = bring_up_to_date(pair.lake.open(), pair.warehouse)
        assert outcome.failed == set()
        assert_done(plan, outcome)
        after = plan_of(pair.lake, pair.warehouse)
        assert after.exit_code == 0, after
        fresh = pair.new_warehouse()
        bring_up_to_date(pair.lake.open(), fresh)
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


@pytest.mark.drill
@pytest.mark.parametrize("engine", ENGINES)
def test_random_changes_of_the_model_over_a_warehouse_that_is_there(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def fixture(name: str) -> Callable[[], Any]:
        return lambda: request.getfixturevalue(name)

    @settings(
        max_examples=12, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(st.sampled_from(CHANGES), unique=True, max_size=5), st.booleans())
    def run(changes: list[ModelChange], more: bool) -> None:
        selects = [change.table for change in changes if change.sql]
        assume(len(selects) == len(set(selects)))
        folder = tmp_path / str(next(_numbers))
        with opened(engine, folder, fixture("s3"), fixture("double")) as pair:
            fill(pair.lake)
            bring_up_to_date(pair.lake.open(), pair.warehouse)
            if more:
                pair.lake.put_log(log_key("2018-11-03"), event(sessionId=9))
            with watched(pair, fixture("double"), fixture("s3")):
                evolve_and_compare(pair, changes)

    run()


UPGRADE = (SONG_MOOD, LABEL, NO_STATUS, *WIDER_YEARS)


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
