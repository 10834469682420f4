"""`sparkify env` and `sparkify diff` on a laptop: what they leave, and what they say."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import typer
from typer.testing import CliRunner

from sparkify_dagster.cli import env
from sparkify_dagster.cli.app import app
from sparkify_dagster.cli.diff import run_diff
from sparkify_dagster.cli.etl import compare
from sparkify_dagster.cli.forget import run_forget
from sparkify_dagster.cli.home import home_for
from sparkify_dagster.cli.tables import run_create_tables
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.liveness.locks import FOLDER, holding
from sparkify_dagster.factory import open_lake, open_warehouse
from sparkify_dagster.lake.objects import DayRange
from sparkify_dagster.lake.store.base import Bounds
from sparkify_dagster.pipeline.person import find_person
from sparkify_dagster.settings import Settings, load_settings
from sparkify_dagster.warehouse import environments
from sparkify_dagster.warehouse.engine import WarehouseBusy, WarehouseError, WarehouseMissing
from sparkify_dagster_tests.changed_model import altered, changed_model
from sparkify_dagster_tests.lakes import (
    LOG_FIELDS,
    TinyLake,
    bring_up_to_date,
    event,
    jsonpaths,
    log_key,
    song,
    warehouse_at,
)

DAYS = DayRange(date(2018, 11, 2), date(2018, 11, 2))


@pytest.fixture
def production(tmp_path: Path) -> Settings:
    """Settings of a warehouse in which a lake of two days is loaded."""
    lake = TinyLake(tmp_path / "data" / "lake")
    lake.put_song("a.json", song())
    lake.put_log(log_key("2018-11-02"), event(), event(itemInSession=1))
    lake.put_log(log_key("2018-11-03"), event(sessionId=2, ts=1541203200000, userId="2"))
    settings = load_settings(environ={}, cwd=tmp_path)
    bring_up_to_date(lake.open(), warehouse_at(settings.duckdb.path))
    return settings


def files(settings: Settings) -> dict[str, bytes]:
    """The files beside production's, and production's."""
    folder = settings.duckdb.path.parent
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_comparison_leaves_nothing_behind_and_says_that_nothing_differs(
    production: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, page = files(production), tmp_path / "diff.html"
    assert not run_diff(production, None, [page, tmp_path / "diff.md"], as_json=False)
    assert "No difference in 15 tables." in capsys.readouterr().out
    assert "No difference in 15 tables." in page.read_text(encoding="utf-8")
    assert (tmp_path / "diff.md").read_text().startswith("**No difference in 15 tables.** (all")
    assert not run_diff(production, DAYS, (), as_json=True)
    told = {table["name"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert (told["songplay"]["rows_here"], told["songplay"]["rows_there"]) == (2, 2)
    assert told["user"]["note"].endswith("not compared on a sample")
    assert files(production) == before


def test_what_this_code_reads_otherwise_is_read_from_the_lake_and_compared(
    production: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(production)
    swapped = {"firstName": "lastName", "lastName": "firstName"}
    document = jsonpaths([swapped.get(name, name) for name in LOG_FIELDS])
    Path(production.s3.log_jsonpath).write_bytes(document)
    assert run_diff(production, None, (), as_json=True)
    told = {table["name"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert told["user"]["columns"] == {"first_name": 2, "last_name": 2}
    assert told["user"]["examples"][0]["values"]["first_name"] == ["xxxxx", "xxx"]
    assert [name for name, table in told.items() if not table["is_same"]] == ["user"]
    assert not run_diff(production, DAYS, (), as_json=False), "no user is of one day alone"
    assert files(production) == before


def test_days_without_plays_are_no_agreement(
    production: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    days = DayRange(date(2018, 12, 1), date(2018, 12, 2))
    assert run_diff(production, days, (), as_json=False)
    assert "Nothing of these days was compared" in capsys.readouterr().out


def test_tables_that_are_gone_or_new_are_differences(
    production: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_warehouse(production).transaction() as session:
        at = session.schema
        session.execute(f"ALTER TABLE {at}.sessions RENAME TO visits")
        session.execute(f"CREATE TABLE {at}.of_ada (a INTEGER)")
        session.execute(f"UPDATE {at}.load_history SET target = 'visits' WHERE target = 'sessions'")
    assert run_diff(production, None, [tmp_path / "diff.md"], as_json=True)
    told = {table["name"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert [name for name, table in told.items() if not table["is_same"]] == ["sessions", "visits"]
    assert (told["sessions"]["rows_here"], told["visits"]["rows_there"]) == (2, 2)
    comment = (tmp_path / "diff.md").read_text()
    assert "| sessions | 2 |  |  |  |  | new: not published yet |" in comment
    assert "| visits |  | 2 |  |  |  | gone: published, none of this code's, and" in comment


def test_days_that_this_code_cannot_load_are_named_and_their_rows_compared(
    production: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrower = altered("staging_events_table", "method", length=2)
    with changed_model(narrower):
        assert run_diff(production, None, [tmp_path / "diff.html"], as_json=True)
    told = json.loads(capsys.readouterr().out)
    plays = next(table for table in told["tables"] if table["name"] == "songplay")
    assert (plays["rows_here"], plays["only_there"]) == (0, 3)
    assert told["causes"] == [
        "This code cannot load 2018-11-02, 2018-11-03: none of their rows is here.",
        "Records rejected here: 3, in production: 0: "
        "method is 3 bytes long, the longest allowed is 2.",
    ]
    assert "Records rejected here: 3" in (tmp_path / "diff.html").read_text()


def test_an_environment_is_made_named_used_and_dropped(
    production: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(production)
    env.run_list(production, as_json=False)
    assert "There is no environment." in capsys.readouterr().out
    inside = production.in_environment("ci")
    with pytest.raises(WarehouseMissing, match="no such environment"):
        compare(inside)
    env.run_create(inside)
    env.run_create(inside)
    said = capsys.readouterr().out
    assert "Made environment ci" in said
    assert "There is already an environment ci" in said
    assert compare(inside).todo.star
    env.run_list(inside, as_json=True)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], told["staging"], told["unused_days"]) == ("ci", "production's", 0)
    with pytest.raises(typer.BadParameter, match="--yes"):
        env.run_drop(inside, "ci", None, yes=False)
    env.run_drop(production, "", 1, yes=True)
    assert "No environment was unused for 1 day." in capsys.readouterr().out
    inside.report.path.write_text("what a load leaves")
    env.run_drop(production, "", 0, yes=True)
    assert "Dropped environment ci" in capsys.readouterr().out
    assert files(production) == before


def test_environments_that_nobody_used_lately_are_offered_for_removal_and_go_alone(
    production: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("old", "young"):
        env.run_create(production.in_environment(name))
    old = open_warehouse(production.in_environment("old"))
    with old.transaction() as session:
        session.execute(
            f"UPDATE {session.schema}.environment SET used_at = used_at - INTERVAL 31 DAY"
        )
    env.run_list(production, as_json=False)
    said = capsys.readouterr().out
    assert "Not used for 30 days or more: old." in said
    assert "env drop --unused 30" in said
    env.run_drop(production, "", 30, yes=True)
    assert environments.names_of(open_warehouse(production)) == ["young"]


def test_an_environment_that_a_run_loads_is_not_dropped(
    production: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inside = production.in_environment("ci")
    env.run_create(inside)
    before = files(production)
    home = home_for(inside)
    assert home is not None
    with holding(home / FOLDER, "1234"), pytest.raises(WarehouseBusy, match=r"ci is in use: run 1"):
        env.run_drop(inside, "ci", None, yes=True)
    assert files(production) == before
    env.run_drop(inside, "ci", None, yes=True)


def test_runs_in_an_environment_are_known_by_its_name_also_from_the_ui(
    production: Settings,
) -> None:
    inside = production.in_environment("ci")
    env.run_create(inside)
    job = build_definitions(inside, with_lineage=False).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey("sessions")], raise_on_error=False
        ).success
        (run,) = instance.get_runs()
    assert run.tags["sparkify/environment"] == "ci"


def test_what_cannot_be_loaded_in_an_environment_says_how_it_is_made_anew(
    production: Settings,
) -> None:
    inside = production.in_environment("ci")
    env.run_create(inside)
    warehouse = open_warehouse(inside)
    bring_up_to_date(open_lake(inside), warehouse)
    with warehouse.transaction() as session:
        session.execute(f"ALTER TABLE {session.schema}.sessions ADD COLUMN of_ada INTEGER")
    anew = "`sparkify env drop ci`, `sparkify env create ci` and `sparkify etl`"
    with pytest.raises(WarehouseError, match=f"differs from the model.*{anew}"):
        bring_up_to_date(open_lake(inside), warehouse, everything=True)
    with warehouse.transaction() as session:
        session.execute(f"ALTER TABLE {session.schema}.sessions DROP COLUMN of_ada")
        newer = "target = 'model', row_count = 10000, message = '[]'"
        session.execute(f"UPDATE {session.schema}.load_history SET {newer}")
    with pytest.raises(WarehouseError, match=f"newer code.*{anew}"):
        bring_up_to_date(open_lake(inside), warehouse)


def test_a_plan_changes_nothing_in_an_environment(production: Settings) -> None:
    inside = production.in_environment("ci")
    env.run_create(inside)
    bring_up_to_date(open_lake(inside), open_warehouse(inside))
    assert compare(inside).todo.is_nothing
    swapped = jsonpaths([{"song": "artist", "artist": "song"}.get(n, n) for n in LOG_FIELDS])
    Path(production.s3.log_jsonpath).write_bytes(swapped)
    assert len(compare(inside).todo.days) == 2, "it would read the lake by itself"
    found = environments.look(open_warehouse(inside))
    assert found.shares_staging
    with open_warehouse(inside).reading() as session:
        assert session.query(f"SELECT COUNT(*) FROM {session.schema}.songplay") == [(3,)]


def test_what_a_new_environment_will_read_is_said_when_it_is_made(
    production: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    env.run_create(production.in_environment("ci"))
    assert "It reads production's staging" in capsys.readouterr().out
    swapped = jsonpaths([{"song": "artist", "artist": "song"}.get(n, n) for n in LOG_FIELDS])
    Path(production.s3.log_jsonpath).write_bytes(swapped)
    env.run_create(production.in_environment("other"))
    assert "will make a staging of its own" in capsys.readouterr().out


def test_lines_of_people_are_told_alike_before_an_environment_is_loaded(
    production: Settings,
) -> None:
    (Path(production.s3.log_data) / log_key("2018-11-03")).unlink()
    inside, lake = production.in_environment("ci"), open_lake(production)
    env.run_create(inside)
    told = [
        [find_person(open_warehouse(settings), lake, Bounds(), who).lines for who in (1, 2)]
        for settings in (production, inside)
    ]
    assert told[0] == told[1] == [{log_key("2018-11-02"): [1, 2]}, {}]


def test_what_only_production_can_do_is_refused_in_an_environment(production: Settings) -> None:
    inside = production.in_environment("ci")
    with pytest.raises(typer.BadParameter, match="reads production's staging"):
        run_create_tables(inside, drop=True, yes=True)
    with pytest.raises(typer.BadParameter, match="forgotten in production"):
        run_forget(inside, ["1"], yes=True, as_json=False)


def test_a_disk_with_less_room_than_production_takes_is_warned_of(
    production: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = env.shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(env.shutil, "disk_usage", lambda _: full)
    env.run_create(production.in_environment("ci"))
    assert "1.0 kB are free" in capsys.readouterr().err


def test_commands_that_are_named_in_an_environment_stay_in_it(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(production.duckdb.path.parents[1])
    run = CliRunner().invoke
    assert run(app, ["env", "create", "ci"]).exit_code == 0
    said = run(app, ["--env", "ci", "status"]).output
    assert " --env ci etl" in said
    Path("other.cfg").write_text("[DUCKDB]\nPATH=data/other.duckdb\n")
    told = run(app, ["--config", "other.cfg", "--env", "ci", "status"]).output
    assert " --config other.cfg --env ci etl" in told, told
    assert " --env ci env list" not in run(app, ["--env", "ai", "status"]).output
    for words in (["--env", "", "etl"], ["env", "create", ""]):
        refused = run(app, words)
        assert refused.exit_code == 2
        assert "name " in refused.output
