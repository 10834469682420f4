"""Which checks guard a table, and what they find in a real DuckDB."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sparkify_dagster.model.catalog import STAGING, TABLES
from sparkify_dagster.model.check import Check
from sparkify_dagster.model.checks import (
    NO_FAILED_LOADS,
    SCHEMA_MATCHES,
    all_checks,
    audits_of,
    checks_of,
)
from sparkify_dagster.model.ddl import create_schema, create_table
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.audit import Stored

ALL = Stored("s")
CHECKS = {f"{check.table}.{check.name}": check for check in all_checks()}
BLOCKING = {
    "staging_songs_table": ["not_empty", "required_columns", "records_reconciled"],
    "staging_events_table": ["not_empty", "required_columns", "records_reconciled"],
    "song": ["not_empty", "unique_key", "required_columns", "row_count", "artist_id_in_artist"],
    "artist": ["not_empty", "unique_key", "required_columns", "row_count"],
    "user": ["not_empty", "unique_key", "required_columns", "row_count"],
    "songplay": [
        "not_empty",
        "unique_key",
        "required_columns",
        "row_count",
        "user_id_in_user",
        "song_id_in_song",
        "artist_id_in_artist",
        "start_time_in_time",
    ],
    "time": ["not_empty", "unique_key", "required_columns", "row_count"],
    "plays_by_hour": ["unique_key", "required_columns", "adds_up"],
    "plays_by_song": ["unique_key", "required_columns", "adds_up"],
    "most_played": ["unique_key", "required_columns"],
    "listening_days": ["unique_key", "required_columns", "adds_up"],
    "listeners_by_day": ["unique_key", "required_columns", "adds_up"],
    "user_level_history": ["unique_key", "required_columns"],
    "subscriptions_by_day": ["unique_key", "required_columns", "adds_up"],
    "sessions": ["unique_key", "required_columns", "adds_up"],
    "plays_by_place": ["unique_key", "required_columns", "adds_up"],
    "unmatched_plays": ["unique_key", "required_columns"],
}
OTHERS = {
    "staging_songs_table": [NO_FAILED_LOADS, "no_rejects", "no_unknown_fields"],
    "staging_events_table": [
        NO_FAILED_LOADS,
        "no_rejects",
        "no_unknown_fields",
        "times_near_log_day",
        "gender_accepted",
        "level_accepted",
    ],
    "song": [],
    "artist": [],
    "user": ["gender_accepted", "level_accepted"],
    "songplay": ["level_accepted", "match_rate"],
    "time": [],
    **{table.name: [] for table in MARTS},
}
every_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
IN_SQL = {name: check for name, check in CHECKS.items() if check.question}
every_question = pytest.mark.parametrize("check", IN_SQL.values(), ids=IN_SQL)


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with every table, empty."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(create_schema("s"))
        for table in TABLES.values():
            connection.execute(create_table(table, "s", "duckdb"))
        yield connection


def fill(engine: duckdb.DuckDBPyConnection, table: str, *rows: dict[str, Any]) -> None:
    """Insert rows; required columns that are not given get a value of no meaning."""
    for row in rows:
        values = {c.name: FILLING[c.type.name] for c in TABLES[table].columns if c.required} | row
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" for _ in values)
        engine.execute(f'INSERT INTO s."{table}" ({names}) VALUES ({marks})', list(values.values()))


FILLING = {
    "VARCHAR": "x",
    "INTEGER": 1,
    "BIGINT": 1,
    "DOUBLE": 1.5,
    "TIMESTAMP": "2018-11-01 12:00:00",
    "DATE": "2018-11-01",
    "BOOLEAN": True,
}


def ask(engine: duckdb.DuckDBPyConnection, check: str, rows: Stored = ALL) -> dict[str, Any]:
    """The numbers a check gives."""
    question = CHECKS[check].question
    assert question is not None
    answer = engine.sql(question(rows))
    (numbers,) = answer.fetchall()
    return dict(zip(answer.columns, numbers, strict=True))


def sample(engine: duckdb.DuckDBPyConnection, check: str) -> list[tuple[Any, ...]]:
    """The offenders a check names."""
    shown = CHECKS[check].sample
    assert shown is not None
    return engine.sql(shown(ALL)).fetchall()


@pytest.mark.parametrize("name", [table.name for table in (*STAGING, *STAR, *MARTS)])
def test_a_table_has_these_checks_blocking_ones_first(name: str) -> None:
    checks, blocking = checks_of(name), BLOCKING.get(name, [])
    listed = f"list the checks of {name} in BLOCKING or OTHERS, here, as checks_of gives them"
    assert [check.name for check in checks if check.blocking] == blocking, listed
    assert [check.name for check in checks] == [*blocking, *OTHERS[name], SCHEMA_MATCHES], listed
    assert {check.table for check in checks} == {name}


def test_all_checks_are_those_of_staging_star_and_marts_and_no_two_have_one_name() -> None:
    tables = {table.name for table in (*STAGING, *STAR, *MARTS)}
    assert {check.table for check in all_checks()} == tables
    assert len(CHECKS) == len(all_checks())


@pytest.mark.parametrize("name", BLOCKING)
def test_a_load_asks_all_but_what_is_known_before_or_only_after_it(name: str) -> None:
    left_out = set(checks_of(name)) - set(audits_of(name))
    assert {check.name for check in left_out} == {NO_FAILED_LOADS, SCHEMA_MATCHES} & {
        *OTHERS[name],
        SCHEMA_MATCHES,
    }


def test_every_kind_of_check_is_tried_on_rows() -> None:
    tests = ast.parse(Path(__file__).read_text(encoding="utf-8")).body
    functions = [each for each in tests if isinstance(each, ast.FunctionDef)]
    constants = [node for each in functions for node in ast.walk(each)]
    texts = [str(node.value) for node in constants if isinstance(node, ast.Constant)]
    tried = {kind(text.partition(".")[2]) for text in texts if text in CHECKS} | {NO_FAILED_LOADS}
    untried = {kind(check.name) for check in IN_SQL.values()} - tried
    assert not untried, f"a test here with rows that break it, and rows that do not: {untried}"


def kind(name: str) -> str:
    """What a check is called for any column: `gender_accepted` is one of `…_accepted`."""
    return re.sub(r"^\w+(_in_|_accepted$)\w*", r"…\1", name)


@every_check
def test_a_check_says_what_holds_and_what_to_do_in_sentences(check: Check) -> None:
    assert check.claim.endswith(".")
    assert check.remedy, f"{check.table}.{check.name} has no remedy: what to do when it fails?"
    assert check.remedy[-1] in ".?;"
    assert check.table in check.claim or check.name in ("records_reconciled", "match_rate")
    assert not (check.blocking and check.warning)


@every_question
def test_every_check_passes_on_empty_tables_and_gives_one_row_of_whole_numbers(
    engine: duckdb.DuckDBPyConnection, check: Check
) -> None:
    numbers = ask(engine, f"{check.table}.{check.name}")
    assert next(iter(numbers)) == "offenders"
    assert [int(number) for number in numbers.values()] == [0] * len(numbers)
    assert check.compared.format_map(numbers) != check.compared, "says what was compared"
    if check.sample:
        assert engine.sql(check.sample(ALL)).fetchall() == []


def test_two_rows_of_one_key_are_one_offender(engine: duckdb.DuckDBPyConnection) -> None:
    fill(engine, "user", {"user_id": 8}, {"user_id": 8}, {"user_id": 8}, {"user_id": 9})
    assert ask(engine, "user.unique_key") == {"offenders": 1, "row_count": 4}
    assert sample(engine, "user.unique_key") == [(8, 3)]


def test_a_missing_required_value_is_found_where_the_engine_lets_it_in() -> None:
    with duckdb.connect(":memory:") as engine:
        engine.execute(create_schema("s"))
        engine.execute(create_table(TABLES["song"], "s", "duckdb").replace(" NOT NULL", ""))
        engine.execute("INSERT INTO s.song BY NAME SELECT 'SO1' AS song_id, 'Uno' AS title")
        assert ask(engine, "song.required_columns") == {"offenders": 1, "row_count": 1}
        assert sample(engine, "song.required_columns") == [("SO1",)]


def test_a_star_table_must_have_a_row_for_each_key_of_its_source(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    play = {"page": "NextSong", "user_id": 8, "session_id": 1}
    fill(
        engine,
        "staging_events_table",
        play | {"item_in_session": 1},
        play | {"item_in_session": 1},
        play | {"item_in_session": 2},
        play | {"item_in_session": 3, "page": "Home"},
        play | {"item_in_session": 4, "user_id": None},
        play | {"item_in_session": 5, "page": "NextSong "},
    )
    fill(engine, "songplay", {"user_id": 8, "session_id": 1, "item_in_session": 1})
    assert ask(engine, "songplay.row_count") == {"offenders": 1, "row_count": 1, "expected": 2}
    assert ask(engine, "user.row_count") == {"offenders": 1, "row_count": 0, "expected": 1}
    assert ask(engine, "user.not_empty")["offenders"] == 1
    assert ask(engine, "songplay.not_empty")["offenders"] == 0


def test_a_mart_adds_up_to_what_the_star_holds(engine: duckdb.DuckDBPyConnection) -> None:
    fill(engine, "songplay", {"item_in_session": 1}, {"item_in_session": 2})
    fill(engine, "plays_by_hour", {"hour": 1, "plays": 1}, {"hour": 2, "plays": 2})
    assert ask(engine, "plays_by_hour.adds_up") == {"offenders": 1, "total": 3, "expected": 2}
    fill(engine, "sessions", {"songs": 2})
    assert ask(engine, "sessions.adds_up") == {"offenders": 0, "total": 2, "expected": 2}
    fill(engine, "listening_days", {"user_id": 1}, {"user_id": 1}, {"user_id": 2})
    fill(engine, "listeners_by_day", {"new_listeners": 1})
    assert ask(engine, "listeners_by_day.adds_up") == {"offenders": 1, "total": 1, "expected": 2}


def test_trailing_blanks_make_another_key_of_a_mart(engine: duckdb.DuckDBPyConnection) -> None:
    fill(engine, "plays_by_place", {"location": "Reno"}, {"location": "Reno "})
    assert ask(engine, "plays_by_place.unique_key")["offenders"] == 0
    assert "CHR(1)" in str(CHECKS["plays_by_place.unique_key"].question(ALL))  # type: ignore[misc]


def test_a_staging_table_without_rows_offends_when_its_objects_gave_some(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    fill(engine, "load_objects", {"target": "staging_songs_table", "row_count": 3})
    assert ask(engine, "staging_songs_table.not_empty") == {
        "offenders": 1,
        "row_count": 0,
        "source_rows": 3,
    }
    assert ask(engine, "staging_events_table.not_empty")["offenders"] == 0


def test_orphans_of_a_reference_are_counted_and_unknown_ones_are_none(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    fill(engine, "song", {"song_id": "SO1"})
    fill(engine, "songplay", {"song_id": "SO1"}, {"song_id": None}, {"song_id": "SO2"})
    fill(engine, "songplay", {"song_id": "SO2"})
    assert ask(engine, "songplay.song_id_in_song") == {"offenders": 2, "looked_up": 3}
    assert sample(engine, "songplay.song_id_in_song") == [("SO2",)]


def test_staged_and_rejected_rows_must_be_the_records_of_each_object(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    target = {"target": "staging_songs_table"}
    fill(
        engine,
        "load_objects",
        target | {"object": "good.json", "records": 3},
        target | {"object": "short.json", "records": 2},
        target | {"object": "blank.json", "records": 0},
        {"target": "staging_events_table", "object": "good.json", "records": 9},
    )
    staged = [{"object": "good.json"}, {"object": "good.json"}, {"object": "short.json"}]
    fill(engine, "staging_songs_table", *staged)
    reject = {"target_table": "staging_songs_table", "object": "good.json", "published": True}
    fill(engine, "load_rejects", reject, reject | {"object": "short.json", "published": False})
    assert ask(engine, "staging_songs_table.records_reconciled") == {
        "offenders": 1,
        "records": 5,
        "staged": 3,
        "rejected": 1,
        "suppressed": 0,
    }
    assert sample(engine, "staging_songs_table.records_reconciled") == [("short.json",)]


def test_a_failed_load_offends_until_the_part_is_published(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    load = {"target": "staging_events_table", "part": "2018-11-01"}
    fill(engine, "load_history", load | {"load_id": 1, "status": "published"})
    fill(engine, "load_history", load | {"load_id": 2, "status": "failed"})
    name = f"staging_events_table.{NO_FAILED_LOADS}"
    assert ask(engine, name) == {"offenders": 1, "parts": 1}
    assert sample(engine, name) == [("2018-11-01",)]
    assert ask(engine, f"staging_songs_table.{NO_FAILED_LOADS}") == {"offenders": 0, "parts": 0}
    fill(engine, "load_history", load | {"load_id": 3, "status": "published"})
    assert ask(engine, name) == {"offenders": 0, "parts": 1}


def test_rejects_are_counted_against_records_and_told_by_reason(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    loaded = {"target": "staging_events_table", "records": 10, "rejects": 2}
    fill(engine, "load_objects", loaded, loaded | {"rejects": 0})
    reject = {"target_table": "staging_events_table", "published": True}
    fill(engine, "load_rejects", reject | {"reason": "b"}, reject | {"reason": "a"})
    fill(engine, "load_rejects", reject | {"reason": "b"}, reject | {"published": False})
    assert ask(engine, "staging_events_table.no_rejects") == {"offenders": 2, "records": 20}
    assert sample(engine, "staging_events_table.no_rejects") == [("b", 2), ("a", 1)]


def test_unknown_fields_are_those_of_the_last_published_load_of_a_part(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    load = {"target": "staging_songs_table", "part": "0a", "status": "published"}
    fill(engine, "load_history", load | {"load_id": 1, "unknown_fields": '{"x": 1}'})
    clean = {"load_id": 1, "part": "0b"}
    fill(engine, "load_history", load | clean)
    assert ask(engine, "staging_songs_table.no_unknown_fields") == {"offenders": 1, "parts": 2}
    assert sample(engine, "staging_songs_table.no_unknown_fields") == [("x",)]
    failed = {"load_id": 3, "status": "failed", "unknown_fields": '{"y": 1}'}
    fill(engine, "load_history", load | {"load_id": 2}, load | failed)
    assert ask(engine, "staging_songs_table.no_unknown_fields") == {"offenders": 0, "parts": 2}


def test_an_unknown_field_is_named_once_however_many_days_have_it(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    load = {"target": "staging_events_table", "status": "published"}
    for day, fields in ((1, '{"b": 9, "a": 7}'), (2, '{"a": 1}'), (3, '{"a": 2, "c": 1}')):
        part = {"load_id": day, "part": f"2018-11-0{day}", "unknown_fields": fields}
        fill(engine, "load_history", load | part)
    fill(engine, "load_history", load | {"load_id": 4, "part": "2018-11-04"})
    assert sample(engine, "staging_events_table.no_unknown_fields") == [("a",), ("b",), ("c",)]
    long = {"load_id": 5, "part": "2018-11-05", "unknown_fields": f'{{"{"z" * 500}": 1}}'}
    fill(engine, "load_history", load | long)
    assert ("z" * 100,) in sample(engine, "staging_events_table.no_unknown_fields")


@pytest.mark.parametrize(
    ("ts", "offenders"),
    [
        ("2018-10-30 23:59:59.999", 1),
        ("2018-10-31 00:00:00", 0),
        ("2018-11-02 23:59:59.999", 0),
        ("2018-11-03 00:00:00", 1),
        ("1970-01-18 20:25:16.8", 1),
        ("0001-01-01 00:00:00", 1),
        ("9999-12-31 23:59:59.999", 1),
    ],
)
def test_an_event_may_lie_a_day_off_its_log_day_and_no_more(
    engine: duckdb.DuckDBPyConnection, ts: str, offenders: int
) -> None:
    fill(engine, "staging_events_table", {"log_date": "2018-11-01", "ts": ts})
    name = "staging_events_table.times_near_log_day"
    assert ask(engine, name) == {"offenders": offenders, "row_count": 1}
    assert len(sample(engine, name)) == offenders


FAILURES = [
    ("staging_events_table.no_rejects", {"offenders": 386, "records": 20_897},
     "386 of 20,897 records for staging_events_table were rejected."),
    ("staging_events_table.no_rejects", {"offenders": 1, "records": 9},
     "1 of 9 records for staging_events_table was rejected."),
    ("staging_events_table.no_unknown_fields", {"offenders": 26, "parts": 30},
     "26 of 30 days carry a field no column takes."),
    ("staging_songs_table.no_unknown_fields", {"offenders": 1, "parts": 1},
     "1 of 1 loads of staging_songs_table carries a field no column takes."),
    ("staging_events_table.no_failed_loads", {"offenders": 2, "parts": 30},
     "2 of 30 parts of staging_events_table did not load the last time."),
    ("staging_events_table.times_near_log_day", {"offenders": 20, "row_count": 1_020},
     "20 of 1,020 events of staging_events_table lie more than a day off the log day of their "
     "object."),
    ("user.unique_key", {"offenders": 1, "row_count": 10},
     "1 value of user_id stands in more than one of 10 rows of user."),
    ("user.gender_accepted", {"offenders": 2, "row_count": 1_004},
     "2 of 1,004 rows of user have another gender than F or M."),
    ("songplay.row_count", {"offenders": 2, "row_count": 8, "expected": 10},
     "songplay has 8 rows, and staging_events_table has 10 distinct user_id, session_id and "
     "item_in_session."),
    ("songplay.song_id_in_song", {"offenders": 2, "looked_up": 3},
     "2 of 3 values of song_id in songplay are not in song."),
    ("songplay.match_rate", {"offenders": 1, "plays": 2_000, "matched": 0},
     "Of 2,000 plays none finds its song in the catalogue."),
    ("sessions.adds_up", {"offenders": 1, "total": 1, "expected": 2},
     "songs of sessions add up to 1, and the plays in songplay are 2."),
]  # fmt: skip


@pytest.mark.parametrize(("check", "numbers", "said"), FAILURES)
def test_a_failure_is_told_as_what_is_the_case(
    check: str, numbers: dict[str, int], said: str
) -> None:
    assert CHECKS[check].failure(numbers) == said


@every_question
def test_every_failure_is_a_sentence_of_the_numbers_the_check_gives(
    engine: duckdb.DuckDBPyConnection, check: Check
) -> None:
    numbers = ask(engine, f"{check.table}.{check.name}")
    told = {name: 11 + at for at, name in enumerate(numbers)}
    said = check.failure(told)
    assert said.endswith(".")
    assert any(str(number) in said for number in told.values())


def test_values_nobody_expects_are_counted_and_missing_ones_are_not(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    fill(engine, "user", {"gender": "F"}, {"gender": None}, {"gender": "f"}, {"gender": ""})
    assert ask(engine, "user.gender_accepted") == {"offenders": 2, "row_count": 4}


def test_a_star_in_which_no_play_finds_a_song_is_worth_a_look(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    fill(engine, "songplay", {"song_id": None}, {"song_id": None})
    assert ask(engine, "songplay.match_rate") == {"offenders": 0, "plays": 2, "matched": 0}
    fill(engine, "staging_songs_table", {})
    assert ask(engine, "songplay.match_rate") == {"offenders": 1, "plays": 2, "matched": 0}
    fill(engine, "songplay", {"song_id": "SO1"})
    assert ask(engine, "songplay.match_rate") == {"offenders": 0, "plays": 3, "matched": 1}


def test_a_check_of_a_part_reads_the_part_and_refers_to_the_whole(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    fill(engine, "songplay", {"song_id": "SO1"}, {"song_id": "SO2"})
    part = Stored("s", {"songplay": "(SELECT * FROM s.songplay WHERE song_id = 'SO2')"})
    assert ask(engine, "songplay.song_id_in_song", part) == {"offenders": 1, "looked_up": 1}
    fill(engine, "song", {"song_id": "SO2"})
    assert ask(engine, "songplay.song_id_in_song", part) == {"offenders": 0, "looked_up": 1}
    assert ask(engine, "songplay.song_id_in_song") == {"offenders": 1, "looked_up": 2}
