"""The onlooker of the convergence tests sees what it is there to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify_dagster_tests.lakes import (
    SCHEMA,
    TinyLake,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.onlooker import CLAIMS, wrong_in

TORN = {
    "a day holds other rows than its last load says": "DELETE FROM {s}.staging_events_table "
    "WHERE page = 'Home' AND log_date = DATE '2018-11-02'",
    "the songs are not those of their loads": "DELETE FROM {s}.staging_songs_table",
    "the tables of the star are of different loads": "UPDATE {s}.load_history "
    "SET position = 0 WHERE target = 'song'",
    "a play refers to what is not there": "DELETE FROM {s}.artist",
    "time has not the moments of the plays": 'INSERT INTO {s}."time" '
    "VALUES (TIMESTAMP '2020-01-01', 0, 1, 1, 1, 2020, 3)",
    "the star says that it is up to date, and is not": "DELETE FROM {s}.songplay "
    "WHERE session_id = 2",
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_does_not_agree_is_seen(tmp_path: Path, claim: str) -> None:
    lake = TinyLake(tmp_path / "lake")
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-01"), event())
    lake.put_log(log_key("2018-11-02"), event(sessionId=2), event(page="Home"))
    warehouse = warehouse_at(tmp_path / "w.duckdb")
    bring_up_to_date(lake.open(), warehouse)
    with warehouse.reading() as session:
        assert wrong_in(session) == []
    with warehouse.transaction() as session:
        session.execute(TORN[claim].format(s=SCHEMA))
    with warehouse.reading() as session:
        assert [line.partition(":")[0] for line in wrong_in(session)] == [claim]
