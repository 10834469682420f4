"""What a person is told when lake, warehouse or settings are not as they must be."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.cli_process import lake, runs, sparkify

pytestmark = pytest.mark.integration
SHORT_WAIT = {"SPARKIFY_DUCKDB__LOCK_WAIT": "0.2"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lake(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(tmp_path: Path, made: Path) -> Path:
    """A folder with a lake of its own (linked: its files have settled long ago)."""
    root = tmp_path / "data" / "lake"
    root.mkdir(parents=True)
    for name in ("song_data", "log_data"):
        (root / name).symlink_to(made / name)
    shutil.copy(made / "log_json_path.json", root)
    return tmp_path


def test_no_lake(tmp_path: Path) -> None:
    said = sparkify(tmp_path, "etl")
    assert said.code == 1
    told = re.search(r"^Error: No lake here: (.+), (.+) and (.+) are not there\.", said.err, re.M)
    assert told
    assert [Path(place).name for place in told.groups()] == [
        "song_data", "log_data", "log_json_path.json",
    ]  # fmt: skip
    assert "`sparkify demo` makes a sample one in an empty folder" in said.err
    assert runs(tmp_path) == 0


def test_a_lake_without_its_jsonpaths_document(folder: Path) -> None:
    (folder / "data/lake/log_json_path.json").unlink()
    said = sparkify(folder, "etl")
    assert said.code == 1
    assert "data/lake/log_json_path.json: cannot be read" in said.err
    assert "No lake" not in said.err


def test_no_song_folder(folder: Path) -> None:
    (folder / "data/lake/song_data").unlink()
    said = sparkify(folder, "etl")
    assert said.code == 1
    assert "song_data: no such folder ([S3] SONG_DATA)" in said.err
    assert "sparkify generate" in said.err


def test_an_empty_lake(folder: Path) -> None:
    for name in ("song_data", "log_data"):
        (folder / "data/lake" / name).unlink()
        (folder / "data/lake" / name).mkdir()
    (folder / "data/lake/log_data/notes.json").write_text("{}")
    said = sparkify(folder, "etl")
    assert said.code == 1
    assert "The lake is empty" in said.err
    assert "not loaded: notes.json: no day in its name or path" in said.err
    assert runs(folder) == 0
    assert not (folder / "data/warehouse.duckdb").exists()


def test_of_many_keys_without_a_day_the_first_are_told_and_how_many_there_are(folder: Path) -> None:
    (folder / "data/lake/log_data").unlink()
    (folder / "data/lake/log_data").mkdir()
    for number in range(3_000):
        (folder / f"data/lake/log_data/{number}.json").touch()
    for command, more in (
        (("status",), "  and 2,995 more; --json lists them all"),
        (("etl", "--dry-run"), "Warning: and 2,995 more; `sparkify status --json` lists them all"),
    ):
        told = sparkify(folder, *command)
        lines = (told.out + told.err).splitlines()
        assert more in lines
        assert sum("no day in its name or path" in line for line in lines) == 5
    for command in (("status", "--json"), ("etl", "--dry-run", "--json")):
        found = json.loads(sparkify(folder, *command).out)
        assert len(found.get("lake", found)["unroutable"]) == 3_000


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("{", "not valid JSON"),
        (json.dumps({"jsonpaths": ["$['artist']"]}), "1 paths, but staging_events_table has 18"),
        (json.dumps({"jsonpaths": ["$.a.b"] * 18}), "path 1 is '$.a.b': it leads to a field"),
    ],
)
def test_a_jsonpaths_document_that_cannot_be_used(folder: Path, document: str, told: str) -> None:
    (folder / "data/lake/log_json_path.json").write_text(document)
    said = sparkify(folder, "etl", "--dry-run")
    assert said.code == 2
    assert "log_json_path.json" in said.err
    assert told in said.err
    assert said.out == ""


def test_a_range_of_days_that_is_never_loaded(folder: Path) -> None:
    said = sparkify(folder, "etl", "--days", "2017-01-01..2017-01-31")
    assert said.code == 2
    assert "lies outside the log days" in said.err


def test_a_warehouse_that_is_no_duckdb_file(folder: Path) -> None:
    (folder / "data/warehouse.duckdb").write_text("something else " * 1000)
    for words in (["etl"], ["status"], ["query", "SELECT 1"], ["create-tables"]):
        said = sparkify(folder, *words)
        assert said.code == 1, words
        assert "cannot be opened as a DuckDB file" in said.err
    assert (folder / "data/warehouse.duckdb").read_text().startswith("something else")


def test_a_folder_where_the_warehouse_should_be(folder: Path) -> None:
    (folder / "data/warehouse.duckdb").mkdir()
    said = sparkify(folder, "create-tables")
    assert said.code == 1
    assert "data/warehouse.duckdb: cannot be opened" in said.err


def test_a_second_writer_is_told_who_the_first_one_is(folder: Path) -> None:
    sparkify(folder, "create-tables")
    with held(folder / "data/warehouse.duckdb") as holder:
        for words in (["etl"], ["query", "SELECT 1"]):
            said = sparkify(folder, *words, **SHORT_WAIT)
            assert said.code == 1
            assert f"still held by process {holder}" in said.err
            assert "LOCK_WAIT" in said.err
        doctor = {line["check"]: line for line in sparkify(folder, "doctor", "--json").json}
        assert doctor["warehouse"]["state"] == "warning"
        assert doctor["tables"]["state"] == doctor["loads"]["state"] == "not looked at"
    assert runs(folder) == 0


def test_nothing_was_ever_loaded(tmp_path: Path) -> None:
    for words in (["query", "SELECT 1"], ["rejects"]):
        said = sparkify(tmp_path, *words)
        assert said.code == 1
        assert "no warehouse yet. Load one with:\n" in said.err
        assert said.err.endswith(" etl\n")


def test_status_without_lake_and_warehouse_says_so(tmp_path: Path) -> None:
    said = sparkify(tmp_path, "status")
    assert said.code == 0
    assert "No lake here: " in said.out
    assert "data/warehouse.duckdb (duckdb, schema sparkify): nothing loaded yet" in said.out
    found = sparkify(tmp_path, "status", "--json").json
    assert found["up_to_date"] is False
    assert found["warehouse"]["exists"] is False
    assert found["lake"]["problem"]


def test_doctor_names_what_is_missing(tmp_path: Path) -> None:
    said = sparkify(tmp_path, "doctor", "--json")
    assert said.code == 1
    states = {line["check"]: line["state"] for line in said.json}
    assert states["python"] == states["settings"] == states["warehouse"] == "ok"
    assert states["songs"] == states["logs"] == states["jsonpaths"] == "failed"
    assert states["loads"] == "not looked at"
    said = sparkify(tmp_path, "doctor")
    assert "3 checks failed. Not all could be looked at." in said.out
    assert "as the message says" not in said.out
    assert sparkify(tmp_path, "--config", "nowhere.cfg", "doctor").code == 2
    said = sparkify(tmp_path, "doctor", "--json", SPARKIFY_S3__SONG_DATA="ftp://songs")
    assert said.code == 2
    states = {line["check"]: line["state"] for line in said.json}
    assert states.pop("settings") == "failed"
    assert set(list(states.values())[2:]) == {"not looked at"}


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Another process that has the warehouse open for writing; gives its id."""
    code = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()
