"""What work may cost, in counts: files opened, statements sent, events written, modules imported.

Counts, because they are the same on every machine: seconds are `bench`'s. That looking imports no
Dagster is held in `integration/test_cli_load`; what loads ask of S3 and Redshift in
`integration/test_redshift_double` and `lake/store/test_s3`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.event import listen, remove

from sparkify_dagster import factory
from sparkify_dagster.cli.etl import compare
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.checks import check_specs
from sparkify_dagster.defs.instance import open_instance, run_load
from sparkify_dagster.defs.jobs import LOAD_JOB
from sparkify_dagster.lake.store.folder import Folder
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.settings import Settings, load_settings
from sparkify_dagster.warehouse.duckdb.session import DuckDBSession
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster_tests.lakes import (
    FIRST_DAY,
    SETTLED_AT_ONCE,
    TinyLake,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)

NEW_EVENTS = 5
LAST_DAY = "2018-12-31"
_opened: list[str] = []
_watching = False


def _watch(name: str, arguments: tuple[Any, ...]) -> None:
    if _watching and name == "open" and isinstance(arguments[0], str):
        _opened.append(arguments[0])


sys.addaudithook(_watch)


@contextmanager
def opened() -> Iterator[list[str]]:
    """The paths of all files that Python opens in a block."""
    global _watching
    _opened.clear()
    _watching = True
    try:
        yield _opened
    finally:
        _watching = False


def fill(lake: TinyLake, days: int, events: int) -> None:
    """Puts so many days with so many events each into a lake, and two songs."""
    lake.put_song("a.json", song())
    lake.put_song("b.json", song(song_id="SO2", title="Starlight"))
    for number in range(days):
        put_day(lake, str(FIRST_DAY + timedelta(days=number)), events)


def put_day(lake: TinyLake, day: str, events: int) -> None:
    """Puts a log day into a lake: plays of one session of its own."""
    number = date.fromisoformat(day).toordinal()
    ts = (number - date(1970, 1, 1).toordinal()) * 86_400_000
    plays = (event(ts=ts + n, sessionId=number, itemInSession=n) for n in range(events))
    lake.put_log(log_key(day), *plays)


@dataclass(frozen=True)
class Stored:
    """A lake that is loaded, and where."""

    folder: Path
    lake: TinyLake
    warehouse: DuckDBWarehouse

    def environ(self) -> dict[str, str]:
        """The settings of a process that works on it, as variables."""
        return {
            "SPARKIFY_S3__SONG_DATA": str(self.lake.songs),
            "SPARKIFY_S3__LOG_DATA": str(self.lake.logs),
            "SPARKIFY_S3__LOG_JSONPATH": str(self.lake.document),
            "SPARKIFY_DUCKDB__PATH": self.warehouse.location,
            "SPARKIFY_DAYS__LAST": LAST_DAY,
            "SPARKIFY_REPORT__ENABLED": "no",
        }

    def settings(self) -> Settings:
        """The same, read."""
        return load_settings(environ=self.environ(), cwd=self.folder)

    def statements_of(self, day: str) -> Counter[str]:
        """What is sent to load one more day, by kind; each test takes a day of its own."""
        put_day(self.lake, day, NEW_EVENTS)
        sent: Counter[str] = Counter()

        def counting(name: str) -> Any:
            real = getattr(DuckDBSession, name)

            def counted(session: DuckDBSession, *arguments: Any) -> Any:
                sent[name] += 1
                return real(session, *arguments)

            return counted

        with pytest.MonkeyPatch.context() as patch:
            for name in ("query", "execute", "append"):
                patch.setattr(DuckDBSession, name, counting(name))
            done = bring_up_to_date(self.lake.open(), self.warehouse)
        assert done.star is not None
        assert done.star.mode == "refresh"
        return sent


def stored(folder: Path, days: int, events: int) -> Stored:
    """A lake of so many days with so many events each, loaded."""
    lake = TinyLake(folder / "lake")
    fill(lake, days, events)
    warehouse = warehouse_at(folder / "warehouse.duckdb")
    bring_up_to_date(lake.open(), warehouse)
    return Stored(folder, lake, warehouse)


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A warehouse that holds more days than a run writes events beside its tables' own."""
    return stored(tmp_path_factory.mktemp("much"), days=30, events=20)


def test_finding_out_that_nothing_changed_opens_no_object(
    much: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        factory,
        "Folder",
        lambda root, setting, **more: Folder(root, setting, SETTLED_AT_ONCE, **more),
    )
    with opened() as paths:
        found = compare(much.settings())
    assert found.todo.is_nothing
    # What says which field feeds which column belongs to the state of each day.
    root = str(much.lake.root)
    files = [path for path in paths if path.startswith(root) and os.path.isfile(path)]
    assert files == [str(much.lake.document)]


def test_one_more_day_costs_its_own_object_and_as_many_statements_whatever_is_stored(
    much: Stored, tmp_path: Path
) -> None:
    little = stored(tmp_path, days=2, events=20).statements_of("2018-12-24")
    with opened() as paths:
        sent = much.statements_of("2018-12-24")
    assert sent == little
    assert sent["append"] >= 1
    assert sent["query"] + sent["execute"] <= 105
    read = {path for path in paths if path.startswith(str(much.lake.root))}
    assert {str(much.lake.logs / log_key("2018-12-24"))} == {
        path for path in read if path.endswith("-events.json")
    }


def test_a_run_that_loads_one_day_writes_few_events_whatever_is_stored(much: Stored) -> None:
    put_day(much.lake, "2018-12-25", NEW_EVENTS)
    replaced = {"lake": much.lake.resource(LAST_DAY)}
    definitions = build_definitions(much.settings(), replaced, with_lineage=False)
    config = {
        "ops": {"load_tables": {"config": {"what": "changes"}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def(LOAD_JOB)
        result = job.execute_in_process(instance=instance, run_config=config)
        told = [e.dagster_event for e in instance.all_logs(result.run_id)]
    written = Counter(event.event_type_value if event else "log" for event in told)
    checked = {
        event.asset_check_evaluation_data.asset_key.to_user_string()
        for event in told
        if event and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    }
    # Every event is a row in Dagster's history, and some milliseconds. What a reader of the UI
    # needs: for each table and the report that it was planned, came out and was published; for each
    # check that looked at anything what it found; and how the run and its one step began and ended.
    shown = len(TABLES) + 1
    of_touched = [c for c in check_specs() if c.asset_key.to_user_string() in checked]
    assert checked.isdisjoint({"song", "artist", "staging_songs_table"})
    assert written["ASSET_CHECK_EVALUATION"] <= len(of_touched) < len(list(check_specs()))
    for kind in ("ASSET_MATERIALIZATION_PLANNED", "ASSET_MATERIALIZATION", "STEP_OUTPUT"):
        assert 0 < written[kind] <= shown
    of_assets = ("ASSET_", "STEP_OUTPUT")
    others = {kind: n for kind, n in written.items() if not kind.startswith(of_assets)}
    assert sum(others.values()) <= 12, others
    assert written["ASSET_OBSERVATION"] <= 1


def test_a_run_that_loads_one_day_is_told_in_few_commits(much: Stored, tmp_path: Path) -> None:
    put_day(much.lake, "2018-12-26", NEW_EVENTS)
    settings, home = much.settings(), tmp_path / "home"
    home.mkdir()
    with open_instance(home):
        pass  # Its files are made once.
    commits: Counter[str] = Counter()

    def committed(connection: Connection) -> None:
        commits[Path(str(connection.engine.url.database)).parent.name] += 1

    listen(Engine, "commit", committed)
    try:
        assert run_load(settings, home=home).success
    finally:
        remove(Engine, "commit", committed)
    # Each waits for the disk. Of a hundred events: those of the run's start, of each step of the
    # load and of its end, once in the file of the run and once in that of all runs.
    assert 0 < commits["runs"] <= 40, commits


NEVER = {
    "pandas", "grpc", "sqlglot", "boto3", "botocore", "obstore", "psycopg2", "matplotlib",
    "dagster_webserver", "dagster_graphql", "dagster_aws",
}  # fmt: skip
_TOLD = """
import json, os, sys
from sparkify_dagster.cli import main
ended = os._exit
def told(code):
    print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
    ended(code)
os._exit = told
main()
"""


def imported(settings: Mapping[str, str], folder: Path, *command: str) -> list[str]:
    """The modules that a command has imported when it ends."""
    words = [sys.executable, "-c", _TOLD, *command]
    done = subprocess.run(words, cwd=folder, env=os.environ | settings, capture_output=True)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return [*modules]


def test_commands_import_no_more_than_they_need(much: Stored, tmp_path: Path) -> None:
    put_day(much.lake, "2018-12-27", NEW_EVENTS)
    environ = much.environ()
    most = {
        ("--help",): 420,
        ("query", "SELECT 1"): 640,
        ("status",): 680,
        ("etl",): 1_860,  # A load: some 1,200 of them are Dagster's and what it takes.
    }
    for command, modules in most.items():
        found = imported(environ, tmp_path, *command)
        assert NEVER.isdisjoint(found), command
        assert ("dagster" in found) == (command == ("etl",))
        assert len(found) <= modules, command


def test_a_code_servers_worker_follows_no_column(much: Stored, tmp_path: Path) -> None:
    code = (
        "import sys; from sparkify_dagster.defs.internals import ReconstructableRepository as R; "
        "repository = R.for_module('sparkify_dagster.definitions', 'defs').get_definition(); "
        "assert repository.has_job('load') and 'sqlglot' not in sys.modules"
    )
    words = [sys.executable, "-c", code]
    subprocess.run(words, cwd=tmp_path, env=os.environ | much.environ(), check=True)
