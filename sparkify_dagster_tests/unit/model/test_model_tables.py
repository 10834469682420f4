"""The declarations agree with each other and with the data contract."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sparkify_dagster
from sparkify_dagster.model.catalog import GENERATION, STAGING, TABLES, model_version
from sparkify_dagster.model.ledger import LEDGER, RETIRED
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.matching import MATCHING
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import SONGPLAY, STAR
from sparkify_dagster.model.statements import sql_text
from sparkify_dagster.model.table import Column, Layer, Table, Type

PACKAGE = Path(sparkify_dagster.__file__).parent
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
every_star_table = pytest.mark.parametrize("table", STAR, ids=[table.name for table in STAR])
every_mart = pytest.mark.parametrize("table", MARTS, ids=[table.name for table in MARTS])
OF_SONGS = {"plays_by_song", "most_played", "unmatched_plays"}
OF_PLAYS = {"plays_by_hour", "listening_days", "listeners_by_day", "plays_by_place", *OF_SONGS}
OF_EVENTS = {"user_level_history", "subscriptions_by_day", "sessions", *OF_PLAYS}
"""Marts that read plays by song, plays at all, or events at all, directly or through others."""

CONTRACT = {
    "staging_events_table": "artist, auth, first_name, gender, item_in_session, last_name, length, "
    "level, location, method, page, registration, session_id, song, status, ts, user_agent, "
    "user_id",
    "staging_songs_table": "num_songs, artist_id, artist_latitude, artist_longitude, "
    "artist_location, artist_name, song_id, title, duration, year",
    "songplay": "songplay_id, start_time, user_id, level, song_id, artist_id, session_id, "
    "location, user_agent, log_date",
    "user": "user_id, first_name, last_name, gender, level",
    "song": "song_id, title, artist_id, year, duration",
    "artist": "artist_id, name, location, latitude, longitude",
    "time": "start_time, hour, day, week, month, year, weekday",
}
REQUIRED = {
    "staging_events_table": {"ts", "session_id", "item_in_session", "page", "auth"},
    "staging_songs_table": {"song_id", "artist_id", "title", "duration"},
}
TYPES = {
    "staging_events_table": {
        "ts": Type.TIMESTAMP,
        "user_id": Type.BIGINT,
        "session_id": Type.BIGINT,
        "item_in_session": Type.INTEGER,
        "status": Type.INTEGER,
        "length": Type.DOUBLE,
        "registration": Type.DOUBLE,
    },
    "staging_songs_table": {
        "num_songs": Type.INTEGER,
        "year": Type.INTEGER,
        "artist_latitude": Type.DOUBLE,
        "artist_longitude": Type.DOUBLE,
        "duration": Type.DOUBLE,
    },
}
LONG_TEXTS = {"artist", "song", "title", "artist_name", "artist_location", "location", "user_agent"}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_columns_of_the_contract_stand_first_and_in_order(name: str) -> None:
    wanted = tuple(CONTRACT[name].split(", "))
    table = TABLES[name]
    assert table.column_names[: len(wanted)] == wanted, (
        f"CONTRACT, here, and the declaration of {name} give other columns, or in another order"
    )
    told_of_origin = table.columns[len(wanted) :]
    assert all(column.audit for column in told_of_origin)
    assert not any(column.audit for column in table.columns[: len(wanted)])


@pytest.mark.parametrize("name", TYPES)
def test_staged_columns_have_the_types_and_lengths_of_the_contract(name: str) -> None:
    for column in TABLES[name].columns:
        if not column.audit:
            assert column.type is TYPES[name].get(column.name, Type.VARCHAR), column.name
            length = 1024 if column.name in LONG_TEXTS else 256
            assert column.length == (length if column.type is Type.VARCHAR else None), column.name


@pytest.mark.parametrize("name", REQUIRED)
def test_staged_columns_are_required_as_in_the_contract(name: str) -> None:
    assert {c.name for c in TABLES[name].columns if c.required and not c.audit} == REQUIRED[name]


def test_the_star_and_the_staging_tables_are_those_of_the_contract() -> None:
    assert {table.name for table in (*STAGING, *STAR)} == set(CONTRACT)


@every_table
def test_no_column_is_declared_twice(table: Table) -> None:
    assert len({name.lower() for name in table.column_names}) == len(table.columns)


@every_table
def test_the_key_and_the_sort_and_distribution_keys_are_columns(table: Table) -> None:
    physical = table.physical
    distkey = (physical.distkey,) if physical.distkey else ()
    assert set(table.key) | set(physical.sortkey) | set(distkey) <= set(table.column_names)
    assert len(set(table.key)) == len(table.key)


@every_table
def test_every_table_has_a_key_but_for_those_that_gather_retired_rows(table: Table) -> None:
    assert bool(table.key) == (table not in RETIRED.values())


@every_star_table
def test_the_key_of_a_star_table_is_required(table: Table) -> None:
    assert set(table.key) <= set(table.required)


@every_table
def test_a_distribution_key_stands_where_the_style_asks_for_it(table: Table) -> None:
    assert table.physical.style in ("AUTO", "EVEN", "ALL", "KEY")
    assert (table.physical.distkey is not None) == (table.physical.style == "KEY")


def test_the_physical_design_keeps_what_the_original_design_says() -> None:
    assert TABLES["songplay"].physical.distkey == TABLES["song"].physical.distkey == "song_id"
    assert TABLES["user"].physical.sortkey == ("user_id",)
    assert TABLES["user"].physical.style == "AUTO"


@every_table
def test_every_table_and_column_says_what_it_means_and_every_design_why(table: Table) -> None:
    assert table.meaning.endswith(".")
    assert table.physical.why.endswith(".")
    assert [c.name for c in table.columns if not c.meaning.strip()] == []


@every_table
def test_texts_have_a_length_redshift_takes_and_nothing_else_has_one(table: Table) -> None:
    for column in table.columns:
        if column.type is Type.VARCHAR:
            assert column.length is not None, column.name
            assert 0 < column.length <= 65_535, column.name
        else:
            assert column.length is None, column.name


@every_table
def test_accepted_values_are_texts_that_fit(table: Table) -> None:
    for column in table.columns:
        if column.accepted:
            assert column.type is Type.VARCHAR
            assert all("'" not in v and len(v) <= (column.length or 0) for v in column.accepted)


@every_mart
def test_what_a_mart_accepts_is_what_its_sql_can_say(table: Table) -> None:
    for column in table.columns:
        assert all(f"'{value}'" in sql_text(str(table.sql)) for value in column.accepted)


@every_table
def test_references_point_to_the_key_of_a_declared_table_of_the_same_type(table: Table) -> None:
    for reference in table.references:
        target = TABLES[reference.table]
        assert target.key == (reference.target,)
        assert table.column(reference.column).type is target.column(reference.target).type


def test_the_fact_refers_to_every_dimension() -> None:
    dimensions = {table.name for table in STAR if table.kind == "dimension"}
    assert {reference.table for reference in SONGPLAY.references} == dimensions


@every_star_table
def test_the_grain_counts_a_table_that_is_read_and_has_the_key(table: Table) -> None:
    assert table.grain is not None
    source = TABLES[table.grain.source]
    assert source.name in table.reads
    assert set(table.key) <= set(source.column_names)
    named = set(re.findall(r"\bs\.(\w+)", table.grain.where))
    assert named
    assert named <= set(source.column_names)


@every_star_table
def test_a_star_table_reads_what_its_statement_names_and_stands_after_it(table: Table) -> None:
    assert table.sql is not None
    assert set(re.findall(r"\{(\w+)\}", sql_text(table.sql))) == set(table.reads)
    built = [*(t.name for t in STAGING), *(t.name for t in STAR[: STAR.index(table)])]
    assert set(table.reads) <= {*built, *(t.name for t in MATCHING)}


@every_mart
def test_the_key_of_a_mart_is_required(table: Table) -> None:
    assert set(table.key) <= set(table.required)


@every_mart
def test_a_mart_reads_what_its_statement_names_and_stands_after_it(table: Table) -> None:
    assert table.sql is not None
    assert set(re.findall(r"\{(\w+)\}", sql_text(table.sql))) == set(table.reads)
    before = [*STAGING, *STAR, *MARTS[: MARTS.index(table)]]
    assert set(table.reads) <= {t.name for t in before}


@every_mart
def test_the_refresh_keys_of_a_mart_are_told_by_columns_that_are_there(table: Table) -> None:
    if table.refresh_keys is None:
        return
    assert set(table.refresh_keys.columns) <= set(table.required)
    for source in table.refresh_keys.sources:
        assert len(source.values) == len(table.refresh_keys.columns)
        text = " ".join((*source.values, source.where))
        named = set(re.findall(r"\bs\.(\w+)", text))
        assert named <= set(TABLES[source.table].column_names)
        assert not source.retired or named <= set(RETIRED[source.table].column_names)
        assert source.where or source.table not in RETIRED


@every_mart
def test_only_what_a_mart_reads_decides_its_refresh_keys_or_is_read_for_others(
    table: Table,
) -> None:
    if table.refresh_keys is None:
        return
    alike = [mart for mart in MARTS if mart.refresh_keys is table.refresh_keys]
    read = {name for mart in alike for name in mart.reads}
    told = {source.table for source in table.refresh_keys.sources}
    assert told == read, (
        f"{sorted(told ^ read)}: what marts with refresh keys {table.refresh_keys.name} read, and "
        "nothing else, says which of them it touches (model/marts.py), else they miss its changes"
    )


@every_mart
def test_what_a_mart_adds_up_to_is_told_by_a_table_that_stands_before_it(table: Table) -> None:
    if table.total is None:
        return
    assert table.total.column in table.required
    assert TABLES[table.total.table] in (*STAR, *MARTS[: MARTS.index(table)])


def test_every_statement_that_defines_rows_belongs_to_a_table() -> None:
    folder = PACKAGE / "model" / "sql"
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*.sql")}
    found = {path for path in found if path.startswith(("star/", "mart/"))}
    unchanged = {table.refresh_keys.unchanged for table in TABLES.values() if table.refresh_keys}
    named = ({table.sql for table in TABLES.values()} | unchanged) - {None}
    assert found == named, (
        f"{sorted(found ^ named)}: a file no table of STAR or MARTS names, or one that is missing"
    )


def test_tables_stand_in_the_layer_that_declares_them() -> None:
    assert {t.layer for t in STAGING} == {Layer.STAGING}
    assert {t.layer for t in STAR} == {Layer.STAR}
    assert {t.layer for t in MARTS} == {Layer.MART}
    assert {t.layer for t in (*LEDGER, *MATCHING)} == {Layer.LEDGER}
    assert list(TABLES) == [t.name for t in (*STAGING, *STAR, *MARTS, *LEDGER, *MATCHING)]


@pytest.mark.parametrize("source", [STAGING_EVENTS, STAGING_SONGS], ids=lambda t: t.name)
def test_retired_rows_keep_columns_of_the_table_they_come_from(source: Table) -> None:
    *kept, load = RETIRED[source.name].columns
    assert kept == [source.column(column.name) for column in kept]
    assert load.name == "load_id"


def test_a_column_is_found_by_its_name() -> None:
    assert SONGPLAY.column("level").accepted == ("free", "paid")
    with pytest.raises(KeyError, match="songplay has no column 'LEVEL'"):
        SONGPLAY.column("LEVEL")


def test_a_type_with_a_length_is_written_with_it() -> None:
    assert Column("c", Type.VARCHAR, "A text.", length=7).sql_type == "VARCHAR(7)"
    assert Column("c", Type.DOUBLE, "A double.").sql_type == "DOUBLE PRECISION"


# --------------------------------------------------------------------------------------------------
# The version of the model: asked of copies of the package with something changed
# --------------------------------------------------------------------------------------------------

_ASK = """
import json
from sparkify_dagster.model.catalog import TABLES, model_version
print(json.dumps({name: model_version(name) for name in TABLES}))
"""


def versions(root: Path, file: str = "", old: str = "", new: str = "") -> dict[str, str]:
    """The versions a copy of the model tells in which one text was replaced."""
    shutil.copytree(PACKAGE / "model", root / "sparkify_dagster" / "model")
    shutil.copy(PACKAGE / "__init__.py", root / "sparkify_dagster")
    if file:
        path = root / "sparkify_dagster" / "model" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    asked = subprocess.run(
        [sys.executable, "-c", _ASK], cwd=root, capture_output=True, text=True, check=True
    )
    told: dict[str, str] = json.loads(asked.stdout)
    return told


def test_the_version_is_the_same_in_every_process(tmp_path: Path) -> None:
    assert versions(tmp_path) == {name: model_version(name) for name in TABLES}


@pytest.mark.parametrize(
    ("file", "old", "new", "moved"),
    [
        ("sql/star/user.sql", "s.ts) AS ts", "s.ts) AS  ts", {"user"}),
        ("sql/star/songplay.sql", "choice = 1", "choice = 2", {"songplay", "time", *OF_PLAYS}),
        ("sql/mart/listening_days.sql", "day", "Day", {"listening_days", "listeners_by_day"}),
        ("sql/star/time.sql", "ISO week", "Week", {"time"}),
        (
            "staging.py",
            'Column("year", Type.INTEGER',
            'Column("year", Type.BIGINT',
            {"staging_songs_table", "match_names", "song", "artist", "songplay", "time", *OF_PLAYS},
        ),
        (
            "staging.py",
            '_text("gender"',
            '_text("sex"',
            {"staging_events_table", "match_names", "user", "songplay", "time", *OF_EVENTS},
        ),
        (
            "star.py",
            'key=("artist_id",)',
            'key=("artist_id", "name")',
            {"artist", "unmatched_plays"},
        ),
        (
            "star.py",
            '"Its title.", length=LONG',
            '"Its title.", length=SHORT',
            {"song", "songplay", "time", *OF_PLAYS},
        ),
        ("star.py", '"Latitude of that place, in degrees."', '"Latitude."', set()),
        ("star.py", 'style="ALL", why="Small', 'style="EVEN", why="Small', set()),
    ],
)
def test_the_version_moves_for_what_decides_rows_and_for_nothing_else(
    tmp_path: Path, file: str, old: str, new: str, moved: set[str]
) -> None:
    told = versions(tmp_path, file, old, new)
    differ = {name for name in TABLES if told.get(name) != model_version(name)}
    assert differ == moved, (
        f"{sorted(differ ^ moved)}: a new mart belongs in OF_SONGS, OF_PLAYS or OF_EVENTS, here"
    )


GENERATIONS = {2: "1308595f5474ff9d"}
"""The latest generation of the model, and the digest of the versions of all its tables."""


def test_a_model_that_changed_is_of_another_generation() -> None:
    versions_of_all = " ".join(f"{name} {model_version(name)}" for name in sorted(TABLES))
    digest = hashlib.sha256(versions_of_all.encode()).hexdigest()[:16]
    assert {GENERATION: digest} == GENERATIONS, (
        f"the model changed: raise GENERATION in model/catalog.py; put it and {digest} here"
    )


def test_a_statement_that_is_not_in_the_package_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        sql_text("star/nothing.sql")
