"""Loads under a clock that is wrong, and what the commands tell of it and of what is not read.

The commands run in this process, so that a test can set the clock; Dagster keeps its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import typer

from sparkify_dagster import factory
from sparkify_dagster.cli.doctor import run_doctor
from sparkify_dagster.cli.etl import run_etl
from sparkify_dagster.cli.status import run_status
from sparkify_dagster.defs.instance import open_instance
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.settings import Settings, load_settings
from sparkify_dagster.warehouse import ledger
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)

pytestmark = [pytest.mark.integration, pytest.mark.drill]
NOW = ledger.utc_now()
TOMORROW = str(NOW.date() + timedelta(days=1))
Say = Callable[..., tuple[str, str]]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyLake:
    """A lake of two days where the settings look for one by themselves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARKIFY_REPORT__ENABLED", "no")
    monkeypatch.setenv("SPARKIFY_LOAD__HISTORY_DAYS", "1")
    made = TinyLake(tmp_path / "data" / "lake")
    made.put_song("a.json", song())
    made.put_log(log_key("2018-11-01"), event())
    made.put_log(log_key("2018-11-02"), event(sessionId=2))
    return made


@pytest.fixture
def settings(lake: TinyLake) -> Settings:
    return load_settings()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock of all but Dagster."""

    def set_to(now: datetime) -> None:
        monkeypatch.setattr(ledger, "utc_now", lambda: now)
        monkeypatch.setattr(factory, "utc_today", now.date)

    return set_to


@pytest.fixture
def etl(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs `sparkify etl`; gives what it says on stdout and on stderr."""

    def run(**options: Any) -> tuple[str, str]:
        usual = {"full": False, "dry_run": False, "days": None, "as_json": False}
        assert run_etl(settings, **(usual | options)) == 0
        told = capsys.readouterr()
        return told.out, told.err

    return run


def of_json(command: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> Any:
    command()
    return json.loads(capsys.readouterr().out)


def test_a_clock_that_goes_back_takes_nothing_out_and_is_told_by_all_who_look(
    lake: TinyLake,
    settings: Settings,
    at: Callable[[datetime], None],
    etl: Say,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "clock" not in etl()[1]
    at(datetime(2018, 11, 1, 12))
    out, err = etl()
    assert out.startswith("Nothing changed")
    assert "This machine's clock says 2018-11-01 12:00 UTC, and load_history has a load of" in err
    assert "Nothing changed" in etl(dry_run=True)[0]
    status = of_json(lambda: run_status(settings, as_json=True), capsys)
    assert status["up_to_date"] is True
    assert (status["lake"]["last_day"], status["lake"]["unroutable"]) == ("2018-11-02", [])
    assert status["warehouse"]["clock"].startswith("This machine's clock")
    lines = {
        line["check"]: line for line in of_json(lambda: run_doctor(None, as_json=True), capsys)
    }
    assert (lines["loads"]["state"], lines["logs"]["state"]) == ("warning", "ok")
    lake.put_log(log_key("2018-11-02"), event(sessionId=3))
    assert etl()[0].startswith("Loaded.")
    assert_equals_oracle(warehouse_at(settings.duckdb.path), lake.expected())


def test_a_day_beyond_dagsters_own_is_published_and_told_to_it(
    lake: TinyLake, settings: Settings, at: Callable[[datetime], None], etl: Say
) -> None:
    lake.put_log(log_key(TOMORROW), event(sessionId=4))
    _, err = etl()
    assert f"{TOMORROW} has not begun in UTC: it loads by itself when it has" in err
    assert "LAST" not in err
    with pytest.raises(typer.BadParameter, match="They load by themselves when they have come"):
        etl(days=DayRange.parse(TOMORROW, TOMORROW))
    with pytest.raises(typer.BadParameter, match=r"change \[DAYS\] FIRST and LAST"):
        etl(days=DayRange.parse("2018-10-01", "2018-10-02"))
    at(NOW + timedelta(days=1))
    assert etl()[0].startswith("Loaded.")
    at(NOW)
    assert etl()[0].startswith("Nothing changed")
    lake.put_log(log_key(TOMORROW), event(sessionId=5))
    assert etl()[0].startswith("Loaded.")
    assert_equals_oracle(warehouse_at(settings.duckdb.path), lake.expected())
    with open_instance() as instance:
        told = instance.get_materialized_partitions(dg.AssetKey("staging_events_table"))
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS"] * 3
    assert told == {"2018-11-01", "2018-11-02", TOMORROW}


def test_a_clock_that_jumps_ahead_once_prunes_nothing(
    lake: TinyLake, settings: Settings, at: Callable[[datetime], None], etl: Say
) -> None:
    for number in range(2):
        lake.put_log(log_key("2018-11-02"), event(sessionId=number))
        etl()
    with warehouse_at(settings.duckdb.path).reading() as session:
        entries = session.query(f"SELECT COUNT(*) FROM {ledger.relation(session, 'load_history')}")
    at(NOW + timedelta(days=4000))
    lake.put_log(log_key("2018-11-02"), event(sessionId=7))
    etl()
    with warehouse_at(settings.duckdb.path).reading() as session:
        history = ledger.relation(session, "load_history")
        older = session.query(
            f"SELECT COUNT(*) FROM {history} WHERE loaded_at < $now",
            {"now": NOW + timedelta(days=1)},
        )
    assert older == entries


def test_what_is_not_read_is_told_by_all_who_look(
    lake: TinyLake, settings: Settings, etl: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    (lake.logs / "2018-11-06.csv").write_text("ts,page\n")
    (lake.logs / "2018-11-07.json.bz2").write_bytes(b"BZh9")
    lake.put_log("2018-11-03.JSONL", event(sessionId=3))
    lake.put_log("2018-11-04.ndjson.gz", event(sessionId=4))
    said = (
        "Not read in [S3] LOG_DATA: 2 objects that [S3] ENDINGS does not name, such as "
        "2018-11-06.csv."
    )
    assert said in etl(dry_run=True)[1]
    assert said in etl()[1]
    assert_equals_oracle(warehouse_at(settings.duckdb.path), lake.expected())
    run_status(settings, as_json=False)
    assert said in capsys.readouterr().out
    beside = {"setting": "LOG_DATA", "others": 2, "example": "2018-11-06.csv", "links": []}
    assert beside in of_json(lambda: run_status(settings, as_json=True), capsys)["lake"]["not_read"]
    assert beside in json.loads(etl(as_json=True)[0])["not_read"]
    (line,) = (
        line
        for line in of_json(lambda: run_doctor(None, as_json=True), capsys)
        if line["check"] == "logs"
    )
    assert line["state"] == "warning"
    assert said.removesuffix(".") in line["found"]
