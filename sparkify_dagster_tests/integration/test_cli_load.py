"""A lake is loaded from the command line, looked at, changed and loaded again."""

import shlex
import subprocess
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.cli_process import COMMAND, Said, lake, runs, sparkify
from sparkify_dagster_tests.integration.dagster_dev import environment

pytestmark = pytest.mark.integration
REJECTED = '{"firstName":"Ada","lastName":"Byron","ts":"yesterday"}'


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    """A folder whose lake was loaded: 60 events in two days, and one record that is rejected."""
    folder = tmp_path_factory.mktemp("loaded")
    logs = lake(folder) / "log_data"
    (logs / "2018-11-02-late.json").write_text(f"{REJECTED}\n")
    (logs / "notes.json").write_text("{}")
    return folder, sparkify(folder, "etl", SPARKIFY_LOAD__REJECT_LIMIT="0.5")


def test_the_load_ends_with_a_table_of_what_it_did(loaded: tuple[Path, Said]) -> None:
    folder, said = loaded
    assert said.code == 0, said.err
    rows = {line.split()[0]: line.split() for line in said.out.splitlines() if line[:1].islower()}
    assert rows["staging_songs_table"][1:4] == ["5", "objects", "read"]
    assert rows["staging_events_table"][1:7] == ["2", "days:", "3", "objects,", "61", "records"]
    assert "60" in rows["staging_events_table"]
    assert {"song", "artist", "user", "songplay", "time"} <= set(rows)
    assert "data/warehouse.duckdb" in said.out
    assert "not loaded: notes.json" in said.err
    assert "no_rejects: 1 of 61 records for staging_events_table was rejected" in said.err
    assert "Byron" not in said.out + said.err
    assert runs(folder) == 1


def test_a_second_load_finds_nothing_and_makes_no_run(loaded: tuple[Path, Said]) -> None:
    folder, _ = loaded
    said = sparkify(folder, "etl")
    assert said.code == 0
    assert said.out.startswith("Nothing changed: data/warehouse.duckdb holds what the lake holds")
    told = sparkify(folder, "etl", "--json").json
    assert (told["changed"], told["run_id"], told["success"]) == (False, None, True)
    assert "Nothing changed in 2018-11-01" in sparkify(folder, "etl", "--days", "2018-11-01").out
    assert runs(folder) == 1


def test_a_day_that_has_not_failed_is_not_tried_again_and_how_to_load_it_is_said(
    loaded: tuple[Path, Said],
) -> None:
    folder, _ = loaded
    said = sparkify(folder, "retry", "2018-11-01")
    assert said.code == 0
    assert said.out.startswith("2018-11-01 has not failed")
    command = said.out.splitlines()[-1].partition(" -m sparkify_dagster ")[2]
    plan = sparkify(folder, *command.split(), "--dry-run", "--json").json["plan"]
    assert [(day["day"], day["why"]) for day in plan["days"]] == [("2018-11-01", "again")]
    assert sparkify(folder, "retry", "2018-11-01", "--json").json["changed"] is False
    assert runs(folder) == 1


def test_a_dry_run_says_what_would_be_loaded(loaded: tuple[Path, Said]) -> None:
    folder, _ = loaded
    said = sparkify(folder, "etl", "--full", "--dry-run", "--days", "2018-11-02")
    assert said.code == 0
    assert "load 1 log day: 2 objects" in said.out
    assert "1 log day: read again, as asked" in said.out
    words = "plan", "--full", "--days", "2018-11-02", "--exit-code"
    planned = sparkify(folder, *words)
    assert (planned.out, planned.code) == (said.out, 2)
    plan = sparkify(folder, "etl", "--full", "--dry-run", "--json").json["plan"]
    assert plan["songs_to_read"] == 5
    assert [(day["day"], day["why"]) for day in plan["days"]] == [
        ("2018-11-01", "again"),
        ("2018-11-02", "again"),
    ]
    assert runs(folder) == 1


def test_status_tells_of_each_day(loaded: tuple[Path, Said]) -> None:
    folder, _ = loaded
    found = sparkify(folder, "status", "--json").json
    assert found["up_to_date"] is True
    assert [day["state"] for day in found["days"]] == ["loaded", "loaded"]
    assert sum(day["rows"] for day in found["days"]) == 60
    assert found["days"][1]["rejects"] == 1
    assert found["catalogue"]["rows"] == 5
    assert found["warehouse"]["star"] == "up to date"
    assert found["warehouse"]["tables"]["staging_events_table"] == 60
    assert [item["object"] for item in found["lake"]["unroutable"]] == ["notes.json"]
    assert "Up to date" in sparkify(folder, "status").out


def test_rejects_are_masked_unless_asked_for(loaded: tuple[Path, Said]) -> None:
    folder, _ = loaded
    told = sparkify(folder, "rejects", "--json", "--day", "2018-11-02").json
    assert told["total"] == 1
    (reject,) = told["rejects"]
    assert reject["object"] == "2018-11-02-late.json"
    assert reject["line"] == 1
    assert reject["record"] == '{"firstName":"xxx","lastName":"xxxxx","ts":"xxxxxxxxx"}'
    assert "Byron" not in sparkify(folder, "rejects").out
    assert "Byron" in sparkify(folder, "rejects", "--raw").out
    assert sparkify(folder, "rejects", "--json", "--raw").json["rejects"][0]["record"] == REJECTED
    for day in ("2018-11-01", "2030-01-01"):
        assert sparkify(folder, "rejects", "--day", day).out == f"No rejected records of {day}.\n"


def test_a_query_is_answered_and_changes_nothing(loaded: tuple[Path, Said]) -> None:
    folder, _ = loaded
    asked = 'SELECT COUNT(*) AS people FROM "user" WHERE user_id IS NOT NULL'
    assert sparkify(folder, "query", asked, "--json").json[0]["people"] > 0
    said = sparkify(folder, "query", "SELECT song_id FROM song ORDER BY 1", "--limit", "2")
    assert len(said.out.splitlines()) == 4
    assert "The first 2 rows" in said.err
    said = sparkify(folder, "query", "SELECT * FROM songplays")
    assert said.code == 1
    assert said.err.startswith("Error: Catalog Error: Table with name songplays does not exist!")
    assert len(said.err.splitlines()) == 1
    said = sparkify(folder, "query", "DELETE FROM song")
    assert said.code == 1
    assert "only one statement that reads is possible" in said.err


def test_the_tables_are_those_of_the_model(loaded: tuple[Path, Said]) -> None:
    folder, _ = loaded
    said = sparkify(folder, "doctor", "--json")
    assert said.code == 0
    states = {line["check"]: line["state"] for line in said.json}
    assert states["tables"] == states["loads"] == "ok"
    told = sparkify(folder, "doctor").out
    assert "1 log object not loaded: `sparkify status` says why" in told
    assert "All is well, but for 1 warning." in told
    table = told.partition("\n\n")[0].splitlines()
    assert max(map(len, table)) < 130
    assert "All 24 tables are there already" in sparkify(folder, "create-tables").out


@pytest.mark.parametrize(
    "words", [["--help"], ["etl"], ["status"], ["rejects"], ["query", "SELECT 1"], ["doctor"]]
)
def test_to_look_costs_no_dagster(loaded: tuple[Path, Said], words: list[str]) -> None:
    folder, _ = loaded
    watch = (
        "import sys\n"
        "from sparkify_dagster.cli import main\n"
        "heavy = {'dagster', 'pandas', 'boto3', 'sqlglot'}\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run(
        [COMMAND[0], "-c", watch, *words],
        cwd=folder,
        env=environment({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr.splitlines()[-1] == "[]"


def test_a_load_goes_on_when_nobody_reads_any_more_what_it_says(tmp_path: Path) -> None:
    lake(tmp_path)
    pipe = "set -o pipefail; " + shlex.join([*COMMAND, "etl"]) + " 2>&1 | true"
    subprocess.run(["bash", "-c", pipe], cwd=tmp_path, env=environment({}), check=True)
    assert sparkify(tmp_path, "status", "--json").json["up_to_date"] is True


def test_a_bad_day_fails_alone_and_dropped_tables_are_to_be_loaded_again(tmp_path: Path) -> None:
    logs = lake(tmp_path) / "log_data"
    (logs / "2018-11-03.json").write_text("broken\n")
    said = sparkify(tmp_path, "etl", "--json")
    assert said.code == 1
    assert said.json["failed_days"] == ["2018-11-03"]
    assert [day["day"] for day in said.json["days"]] == ["2018-11-01", "2018-11-02"]
    assert said.json["tables"]["songplay"]["row_count"] > 0
    found = sparkify(tmp_path, "status", "--json").json
    assert [day["state"] for day in found["days"]] == ["loaded", "loaded", "failed"]
    assert "1 of 1 records" in found["days"][2]["message"]

    assert runs(tmp_path) == 1
    assert "1 part failed: mend its objects as said above" in sparkify(tmp_path, "status").out
    doctor = sparkify(tmp_path, "doctor")
    assert doctor.code == 1
    assert "1 day failed: 2018-11-03" in doctor.out

    (logs / "2018-11-03.json").write_text("broken\nagain\n")
    said = sparkify(tmp_path, "etl")
    assert said.code == 1
    assert said.out.startswith("The load failed; what could be published is published.")
    assert said.err.count("Error: ") == 1
    assert said.err.count("looking at the lake") == 1
    assert "no_failed_loads" not in said.err
    (logs / "2018-11-02-late.json").write_text("\n".join(["{}"] * 2))
    elsewhere = {"SPARKIFY_LOAD__REJECT_LIMIT": "0.5"}
    said = sparkify(tmp_path, "etl", "--days", "2018-11-02", **elsewhere)
    assert said.code == 0, said.err
    assert "Warning: still failed, outside --days: 2018-11-03" in said.err
    assert "no_failed_loads" not in said.err
    assert "2 of loads that failed, 2 published." in sparkify(tmp_path, "rejects").out
    assert "2 of loads" in sparkify(tmp_path, "rejects", "--limit", "1").out

    (logs / "2018-11-03.json").write_text('broken\n{"a": bad\n{"ab" bad\n')
    assert sparkify(tmp_path, "etl").code == 1
    told = sparkify(tmp_path, "rejects", "--day", "2018-11-03", "--limit", "1")
    reasons = [line.rsplit(maxsplit=1) for line in told.out.split("\n\n")[0].splitlines()[2:]]
    assert [number for _, number in reasons] == ["2", "1"], "the place in the record is no reason"
    assert told.out.index(reasons[1][0]) < told.out.index("of loads that failed")
    assert "1 of 3; --limit 0 shows all." in told.err

    (logs / "2018-11-03.json").write_text("[\n" + "{1},\n" * 1500)
    said = sparkify(tmp_path, "etl")
    assert said.code == 1
    for told in (said, sparkify(tmp_path, "status")):
        words = " ".join((told.out + told.err).split())
        assert words.count("2018-11-03.json is one JSON array: write its objects one after") == 1
        assert "Of its 1,501 rejects, the first 1,000 an object are kept." in words
    told = sparkify(tmp_path, "rejects", "--day", "2018-11-03", "--limit", "1")
    assert "Of an object whose load failed, the first 1,000 are kept." in told.out
    assert sparkify(tmp_path, "rejects", "--json", "--limit", "1").json["all_kept"] is False

    (logs / "2018-11-03.json").unlink()
    assert sparkify(tmp_path, "etl", **elsewhere).code == 0
    plan = sparkify(tmp_path, "etl", "--full", "--dry-run", "--json").json["plan"]
    assert [day["day"] for day in plan["days"]] == ["2018-11-01", "2018-11-02"]
    logs.rename(tmp_path / "away")
    blind = sparkify(tmp_path, "status", "--json").json
    assert {day["state"] for day in blind["days"]} == {"not known"}
    assert {day["objects"] for day in blind["days"]} == {None}
    assert "not known" in sparkify(tmp_path, "status").out
    (tmp_path / "away").rename(logs)

    dropped = sparkify(tmp_path, "create-tables", "--drop", "--yes")
    assert "Dropped and made 24 tables" in dropped.out
    plan = sparkify(tmp_path, "etl", "--days", "2018-11-01..2018-11-02", "--dry-run", "--json").json
    assert [(day["day"], day["why"]) for day in plan["plan"]["days"]] == [
        ("2018-11-01", "new"),
        ("2018-11-02", "new"),
    ]
