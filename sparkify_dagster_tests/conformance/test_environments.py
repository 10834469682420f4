"""An environment gives what production gives, and leaves production as it is, on every pair."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.snapshot import Lake
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.pipeline.diff import Diff, TableDiff, compare
from sparkify_dagster.warehouse import environments
from sparkify_dagster.warehouse.engine import Row, Warehouse, WarehouseError, WarehouseMissing
from sparkify_dagster.warehouse.rights import apply, planned
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.changed_model import changed_model
from sparkify_dagster_tests.conformance import test_pairs
from sparkify_dagster_tests.conformance.test_evolution import (
    NO_NUMBER,
    OPTIONAL,
    WIDER,
    WIDER_NAME,
    WIDER_YEARS,
)
from sparkify_dagster_tests.lakes import (
    LOG_FIELDS,
    Outcome,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    jsonpaths,
    log_key,
    put,
    song,
)
from sparkify_dagster_tests.pairs import Pair, environment_of

ENGINES = pytest.mark.parametrize("pair", ["duckdb-folder", "redshift-s3"], indirect=True)
SWAPPED = tuple({"firstName": "lastName", "lastName": "firstName"}.get(n, n) for n in LOG_FIELDS)


@pytest.fixture
def loaded(pair: Pair) -> Pair:
    """A pair with a small lake, in whose warehouse it is loaded."""
    test_pairs.fill(pair.lake)
    plays = (event(sessionId=9, itemInSession=n) for n in range(12))
    pair.lake.put_log(log_key("2018-11-04"), *plays, b"broken")
    test_pairs.load(pair)
    return pair


@pytest.fixture
def inside(loaded: Pair) -> Pair:
    """The same lake, and an environment beside its warehouse."""
    assert create(loaded)
    return replace(loaded, warehouse=environment_of(loaded.warehouse))


def create(pair: Pair, name: str = "ci") -> bool:
    return environments.create(environment_of(pair.warehouse, name, makes=True), pair.warehouse)


def held(warehouse: Warehouse) -> dict[str, list[Row] | str]:
    """All that a warehouse holds, row by row; of a file every byte as well."""
    with warehouse.reading() as session:
        found: dict[str, list[Row] | str] = {
            name: sorted(session.query(f'SELECT * FROM {session.schema}."{name}"'), key=repr)
            for name in TABLES
        }
    if warehouse.engine == "duckdb":
        path = Path(warehouse.location)
        found["bytes"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@ENGINES
def test_an_environment_follows_production_and_leaves_it_as_it_is(
    loaded: Pair, inside: Pair
) -> None:
    lake, before = loaded.lake, held(loaded.warehouse)
    outcome = test_pairs.load(inside)
    assert outcome.songs is None, "its staging is production's"
    assert not outcome.days
    expected = lake.expected()
    assert_equals_oracle(inside.warehouse, expected)
    assert test_pairs.load(inside).todo.is_nothing
    assert held(loaded.warehouse) == before

    # What only production may load waits for it.
    lake.put_log(log_key("2018-11-02", "a.json"), event(sessionId=2, firstName="Grace"))
    (lake.logs / log_key("2018-11-01")).unlink()
    lake.put_song("A/A/A/TR1.json", song(title="Uprising ", duration=199))
    put(lake.forgotten, b"3\n")
    assert test_pairs.load(inside).todo.is_nothing
    assert_equals_oracle(inside.warehouse, expected)
    test_pairs.load(loaded)
    before = held(loaded.warehouse)
    outcome = test_pairs.load(inside)
    assert outcome.star is not None
    assert outcome.star.mode == "rebuild", "the keys of what production replaced are gone"
    assert_equals_oracle(inside.warehouse, lake.expected(expected))
    assert test_pairs.load(inside).todo.is_nothing

    assert_differences_are_found(loaded.warehouse, inside.warehouse)
    assert held(loaded.warehouse) == before
    assert environments.names_of(loaded.warehouse) == ["ci"]
    assert environments.look(inside.warehouse).shares_staging
    environments.drop(inside.warehouse)
    assert environments.names_of(loaded.warehouse) == []
    assert held(loaded.warehouse) == before
    with pytest.raises(WarehouseMissing, match="no such environment"):
        test_pairs.load(inside)


def differences(
    production: Warehouse, environment: Warehouse, days: DayRange | None = None
) -> Diff:
    there = production.read_only(lambda session: session.tables())
    return environment.read_only(
        lambda session: compare(session, environment.production, there, days)
    )


def assert_differences_are_found(production: Warehouse, environment: Warehouse) -> None:
    """Rows of an environment are changed, and just these are told, personal values masked."""

    def found(days: DayRange | None = None) -> dict[str, TableDiff]:
        told = differences(production, environment, days)
        return {diff.name: diff for diff in told.tables if not diff.is_same}

    assert found() == {}
    with environment.transaction() as session:
        for change in (
            "UPDATE {}.songplay SET location = 'Nome', song_id = NULL WHERE session_id = 9",
            "DELETE FROM {}.plays_by_hour",
            "UPDATE {}.song SET song_id = 'SO7' WHERE song_id = 'SO2'",
            "UPDATE {}.sessions SET minutes = minutes + 0.0000000001, songs = songs + 5",
            "UPDATE {}.artist SET name = name || ' '",
        ):
            session.execute(change.format(session.schema))
    told = found()
    assert set(told) == {"songplay", "plays_by_hour", "song", "sessions", "artist"}
    plays, song_ids = told["songplay"], told["song"]
    assert (plays.differing, plays.only_here, plays.only_there) == (12, 0, 0)
    assert plays.columns == {"song_id": 12, "location": 12}
    assert plays.examples[0].key["user_id"] == "x"
    assert plays.examples[0].values["location"] == ("xxxx", "xxxx, xx")
    assert (told["plays_by_hour"].only_there, told["plays_by_hour"].rows_here) == (1, 0)
    assert told["plays_by_hour"].totals["plays"] == (0, 14)
    assert (song_ids.only_here, song_ids.only_there, song_ids.differing) == (1, 1, 0)
    assert [(e.kind, e.key["song_id"]) for e in song_ids.examples] == [
        ("only_here", "SO7"),
        ("only_there", "SO2"),
    ]
    assert set(told["sessions"].columns) == {"songs"}, "doubles differ by what nobody sees"
    assert told["artist"].columns == {"name": 2}, "trailing blanks count"
    without = DayRange(date(2018, 11, 9), date(2018, 11, 9))
    assert set(found(without)) == {"song", "artist"}
    assert differences(production, environment, without).is_blank


@pytest.mark.parametrize(
    ("pair", "table", "column"),
    [("duckdb-folder", "load_objects", "rejects"), ("redshift-s3", "load_history", "run_id")],
    indirect=["pair"],
)
def test_where_production_notes_less_than_this_code_does_staging_is_its_own(
    loaded: Pair, table: str, column: str
) -> None:
    assert create(loaded, "before")
    with loaded.warehouse.transaction() as session:  # As an older version has it.
        session.execute(f"ALTER TABLE {session.schema}.{table} DROP COLUMN {column}")
    assert create(loaded)
    for name in ("ci", "before"):
        inside = replace(loaded, warehouse=environment_of(loaded.warehouse, name))
        assert test_pairs.load(inside).songs is not None
        assert not environments.look(inside.warehouse).shares_staging
        assert_equals_oracle(inside.warehouse, loaded.lake.expected())


@ENGINES
def test_code_that_only_asks_less_of_columns_still_reads_productions_staging(loaded: Pair) -> None:
    before = held(loaded.warehouse)
    inside = replace(loaded, warehouse=environment_of(loaded.warehouse))
    with changed_model(NO_NUMBER, OPTIONAL, *WIDER_YEARS):
        assert create(loaded)
        outcome = test_pairs.load(inside)
        assert (outcome.songs, outcome.days) == (None, [])
        assert environments.look(inside.warehouse).shares_staging
        assert test_pairs.load(inside).todo.is_nothing
        told = differences(loaded.warehouse, inside.warehouse).tables
        assert [diff.name for diff in told if not diff.is_same] == ["song"]
        with inside.warehouse.reading() as session:
            rows = session.query(f"SELECT * FROM {session.schema}.staging_songs_table AS s")
            wide = f"SELECT MAX(s.year * 10000000) FROM {session.schema}.staging_songs_table AS s"
            assert session.query(wide)[0][0] > 2**31
        assert "num_songs" not in rows.names
    assert held(loaded.warehouse) == before


@pytest.mark.parametrize("pair", ["duckdb-folder"], indirect=True)
def test_what_production_could_not_load_again_is_read_by_no_other_code(loaded: Pair) -> None:
    loaded.lake.put_song("broken.json", *[b"{"] * 50)
    assert test_pairs.load(loaded, everything=True).failed == {"songs"}
    assert create(loaded)
    inside = replace(loaded, warehouse=environment_of(loaded.warehouse))
    assert test_pairs.load(inside).songs is None
    assert environments.look(inside.warehouse).shares_staging


_OF_ITS_OWN = {
    "test_songs_an_older_reader_read_are_read_anew_and_of_others_what_changed",
    "test_the_tables_can_be_made_twice_and_made_anew",
    "test_the_sample_lake_loads_to_the_rows_of_the_contract",
}
"""They write into staging, which is production's, or need what is not everywhere."""
_TESTS = {
    name: test
    for name, test in vars(test_pairs).items()
    if name.startswith("test_")
    and name not in _OF_ITS_OWN
    and [*signature(test).parameters] == ["pair"]
}


@pytest.mark.drill
@pytest.mark.parametrize("name", _TESTS)
@pytest.mark.parametrize("pair", ["duckdb-folder"], indirect=True)
def test_over_productions_staging_everything_holds_that_holds_in_production(
    pair: Pair, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = environment_of(pair.warehouse)

    def follow(lake: Lake, warehouse: Warehouse, **options: Any) -> Outcome:
        outcome = bring_up_to_date(lake, pair.warehouse, **options)
        create(pair)
        bring_up_to_date(lake, warehouse, limits=options.get("limits"))
        return outcome

    monkeypatch.setattr(test_pairs, "bring_up_to_date", follow)
    _TESTS[name](replace(pair, warehouse=inside))
    assert environments.look(inside).shares_staging


@ENGINES
def test_where_production_has_rejected_what_this_code_takes_staging_is_its_own(
    loaded: Pair,
) -> None:
    loaded.lake.put_song(
        "far.json",
        *[song(song_id=f"SO{n}") for n in range(20, 40)],
        song(song_id="SO50", artist_location="x" * 1500),
    )
    assert test_pairs.load(loaded).failed == set()
    inside = replace(loaded, warehouse=environment_of(loaded.warehouse))
    with changed_model(WIDER, WIDER_NAME):
        assert create(loaded)
        assert test_pairs.load(inside).songs is not None
        assert not environments.look(inside.warehouse).shares_staging
        told = differences(loaded.warehouse, inside.warehouse)
        assert [d.only_here for d in told.tables if d.name == "song"] == [1]
        assert [*told.rejects.values()] == [(0, 1)]


@pytest.mark.parametrize("pair", ["duckdb-folder"], indirect=True)
def test_a_view_that_older_code_made_shows_all_that_this_code_reads(loaded: Pair) -> None:
    assert create(loaded)
    inside = replace(loaded, warehouse=environment_of(loaded.warehouse))
    with inside.warehouse.transaction() as session:
        at = f"{session.schema}.load_objects"
        session.execute(f"DROP VIEW {at}")
        rows = f"{inside.warehouse.production}.load_objects"
        session.execute(f"CREATE VIEW {at} AS SELECT b.object FROM {rows} AS b")
    test_pairs.load(inside)
    with inside.warehouse.reading() as session:
        assert session.query(f"SELECT SUM(records) FROM {at}")[0][0] > 0


@ENGINES
@pytest.mark.drill
def test_in_one_that_reads_the_lake_otherwise_everything_holds_that_holds_in_production(
    loaded: Pair, inside: Pair
) -> None:
    before = held(loaded.warehouse)
    for path in (*inside.lake.songs.rglob("*"), *inside.lake.logs.rglob("*")):
        if path.is_file():
            path.unlink()
    put(inside.lake.document, jsonpaths(SWAPPED))
    test_pairs.test_a_lake_loads_changes_and_loads_again_to_the_rows_of_the_contract(inside)
    assert not environments.look(inside.warehouse).shares_staging
    assert held(loaded.warehouse) == before
    environments.drop(inside.warehouse)
    assert held(loaded.warehouse) == before


@ENGINES
def test_only_what_an_environment_made_is_ever_dropped(loaded: Pair) -> None:
    inside = environment_of(loaded.warehouse)
    with pytest.raises(WarehouseMissing, match="no such environment"):
        environments.drop(inside)
    assert create(loaded)
    assert not create(loaded), "it is there already"
    with inside.transaction() as session:
        create_tables(session)
        session.execute(f"CREATE TABLE {session.schema}.of_ada (a INTEGER)")
        session.execute(f"CREATE VIEW {session.schema}.of_bob AS SELECT 1 AS b")
        if session.engine == "duckdb":
            session.execute("CREATE SCHEMA of_cy")
            session.execute("CREATE SEQUENCE of_cy.numbers")
            session.execute("CREATE MACRO of_cy.same(a) AS a")
    before = held(inside)
    more = ", of_cy.numbers and 1 more" if inside.engine == "duckdb" else ", which"
    with pytest.raises(WarehouseError, match=rf"of_ada, of_bob{more}.*Nothing was dropped"):
        environments.drop(inside)
    assert held(inside) == before
    with inside.transaction() as session:
        session.execute(f"DROP TABLE {session.schema}.of_ada")
        session.execute(f"DROP VIEW {session.schema}.of_bob")
        if session.engine == "duckdb":
            session.execute("DROP SCHEMA of_cy CASCADE")
        if session.engine == "duckdb":
            apply(session, *planned(session, {"reader": {}}))
    environments.drop(inside)
    assert environments.names_of(loaded.warehouse) == []

    with environment_of(loaded.warehouse, makes=True).transaction() as session:
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {session.schema}")
        session.execute(f"CREATE TABLE {session.schema}.of_eve (a INTEGER)")
    with pytest.raises(WarehouseError, match=r"is no environment: it holds of_eve"):
        create(loaded)
    with pytest.raises(WarehouseMissing, match="no such environment"):
        environments.drop(inside)


@ENGINES
def test_beside_a_production_that_holds_nothing_no_environment_is_made(pair: Pair) -> None:
    with pytest.raises(WarehouseMissing, match="sparkify etl"):
        create(pair)
    assert environments.names_of(pair.warehouse) == []
    with pytest.raises(WarehouseMissing, match="no such environment"):
        test_pairs.load(replace(pair, warehouse=environment_of(pair.warehouse)))
