"""A few rows of a table: real ones, safe to show, at the same cost whatever the table holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.defs.previews import LONGEST, look_at, look_at_staged, shown
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Table
from sparkify_dagster.warehouse.engine import Row, Session, Values
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import warehouse_at

SONG, USER, EVENTS = (TABLES[name] for name in ("song", "user", "staging_events_table"))
NASTY = [
    "<script>alert(1)</script>",
    "a | b\n|---|\n`c`",
    "\"quoted\" 'twice' \\ ![x](http://spy.example/x.png)",
    "😀 夜 שלום \u202egnp.exe",
    "tab\there\x00nul",
]


class Heard:
    """A session that notes what it is asked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.asked: list[str] = []

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        self.asked.append(sql)
        return self._session.query(sql, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Heard]:
    """Every table, empty."""
    with warehouse_at(tmp_path / "warehouse.duckdb").transaction() as opened:
        create_tables(opened)
        yield Heard(opened)


def preview(session: Heard, table: Table, most: int) -> Any:
    return look_at(session, [table], most).rows.get(table.name)


def songs(session: Heard, *titles: str) -> None:
    for number, title in enumerate(titles):
        session.execute(
            "INSERT INTO sparkify.song VALUES ($id, $title, 'AR1', NULL, 200.5)",
            {"id": f"SO{number}", "title": title},
        )


def test_rows_are_shown_as_they_are_and_no_value_is_markup(session: Heard) -> None:
    songs(session, *NASTY)
    told = preview(session, SONG, 5)
    assert told is not None
    assert sorted(str(record.data["title"]) for record in told.records) == sorted(NASTY)
    assert {record.data["year"] for record in told.records} == {None}
    assert [column.name for column in told.schema.columns] == list(SONG.column_names)
    assert [column.type for column in told.schema.columns][-1] == "DOUBLE PRECISION"


def test_what_is_personal_is_masked_whatever_its_type_and_nothing_else_is(session: Heard) -> None:
    session.execute("INSERT INTO sparkify.\"user\" VALUES (26, 'Ada', 'King-Noel 2', 'F', NULL)")
    told = preview(session, USER, 5)
    assert told is not None
    assert told.records[0].data == {
        "user_id": "xx", "first_name": "xxx", "last_name": "xxxx-xxxx 9", "gender": "x",
        "level": None,
    }  # fmt: skip
    registration = EVENTS.column("registration")
    assert shown(registration, 1540918273645.0) == "xxxxxxxxxxxxx.x"
    assert shown(EVENTS.column("length"), 200.5) == 200.5


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (12, 12),
        (2**53, str(2**53)),
        (-(2**63), str(-(2**63))),
        (0.1, 0.1),
        (date(2018, 11, 1), "2018-11-01"),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * 2000, "x" * (LONGEST - 1) + "…"),
    ],
)
def test_values_are_short_and_exact(value: object, told: object) -> None:
    assert shown(SONG.columns[0], value) == told


def test_a_few_rows_are_asked_for_and_none_are_sorted(session: Heard) -> None:
    session.execute(
        "INSERT INTO sparkify.song SELECT 'SO' || i, 'T', 'AR1', 2000, 1.5 "
        "FROM range(10000) AS r (i)"
    )
    session.asked.clear()
    told = preview(session, SONG, 3)
    assert told is not None
    assert len(told.records) == 3
    (asked,) = session.asked
    assert asked.count("LIMIT 3") == 1
    assert "ORDER BY" not in asked


def test_a_table_without_rows_and_previews_turned_off_show_nothing(session: Heard) -> None:
    assert preview(session, SONG, 5) is None
    songs(session, "Uprising")
    session.asked.clear()
    assert look_at(session, [SONG, USER], 0).rows == {}
    assert session.asked == []
    assert set(look_at(session, [SONG, USER], 2).rows) == {"song"}


def test_of_a_staging_table_just_what_a_load_wrote_is_shown(session: Heard) -> None:
    for load_id, day in ((1, "2018-11-01"), (2, "2018-11-02")):
        session.execute(
            "INSERT INTO sparkify.staging_events_table BY NAME SELECT 'Logged In' AS auth, 1 AS "
            "item_in_session, 'Home' AS page, 1 AS session_id, TIMESTAMP '2018-11-01' AS ts, "
            f"DATE '{day}' AS log_date, {load_id} AS load_id"
        )
        for reason in ("ts is missing", "ts is missing", "page is missing"):
            session.execute(
                "INSERT INTO sparkify.load_rejects BY NAME SELECT 'staging_events_table' AS "
                f"target_table, 'x.json' AS object, 1 AS line, '{reason}' AS reason, 'raw' AS "
                f"raw_text, DATE '{day}' AS log_date, true AS published, {load_id} AS load_id, "
                "'r' AS run_id, TIMESTAMP '2018-11-01' AS rejected_at"
            )
    told = look_at_staged(session, EVENTS, 2, 5)
    assert [row.data["log_date"] for row in told.rows[EVENTS.name].records] == ["2018-11-02"]
    assert told.reasons == {"2018-11-02": {"ts is missing": 2, "page is missing": 1}}
    assert told.counts == {EVENTS.name: 2}
    everything = look_at_staged(session, EVENTS, None, 5)
    assert len(everything.rows[EVENTS.name].records) == 2
    assert set(everything.reasons) == {"2018-11-01", "2018-11-02"}


def test_plays_by_day_come_from_the_small_mart_and_only_with_it(session: Heard) -> None:
    for day, hour in (("2018-11-01", 8), ("2018-11-01", 9), ("2018-11-03", 8)):
        session.execute(
            f"INSERT INTO sparkify.plays_by_hour VALUES (DATE '{day}', {hour}, 10, 2, 4)"
        )
    assert look_at(session, [TABLES["songplay"]], 5).plays == {}
    told = look_at(session, [TABLES["songplay"], TABLES["plays_by_hour"]], 5).plays
    assert told == {
        "with a song of the catalogue": {date(2018, 11, 1): 8, date(2018, 11, 3): 4},
        "without a song": {date(2018, 11, 1): 12, date(2018, 11, 3): 6},
    }
