"""Nothing personal where it does not belong, and no byte of who was forgotten, whatever happens."""

from __future__ import annotations

import gzip
import random
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from sparkify_dagster.defs.instance import MODULE
from sparkify_dagster_tests.drill.platform import running
from sparkify_dagster_tests.drill.rounds import STATES, held_in
from sparkify_dagster_tests.integration.cli_process import Said, sparkify
from sparkify_dagster_tests.integration.dagster_dev import BIN, environment
from sparkify_dagster_tests.lakes import TinyLake, event, lines, log_key, put, song
from sparkify_dagster_tests.marks import (
    PERSON,
    broken,
    files_in,
    leaks,
    marked,
    rows_in,
)
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake, redshift_config
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server
from sparkify_dagster_tests.unit.defs.sensors.test_alerts import receiver

pytestmark = [pytest.mark.integration, pytest.mark.drill]
LOOKS = (
    ["status"], ["rejects", "--limit", "0"], ["unmatched"], ["doctor"], ["report"],
    ["alias", "list"], ["etl", "--dry-run"],
)  # fmt: skip


class Project:
    """A folder with a lake and a `dwh.cfg`, and all that its commands have said."""

    def __init__(self, folder: Path, lake: TinyLake, config: str, **variables: str) -> None:
        self.folder, self.lake, self.said = folder, lake, list[tuple[str, bytes]]()
        self.double: Double | None = None
        (folder / "dwh.cfg").write_text(config)
        (folder / "tmp").mkdir()
        self.variables = {
            "TMPDIR": str(folder / "tmp"),
            "SPARKIFY_REPORT__ENABLED": "yes",
            "SPARKIFY_DAYS__LAST": "2018-11-30",
            **variables,
        }

    def run(self, *words: str, keep: bool = True) -> Said:
        """Runs a command; what it says is kept, if nothing personal may be in it."""
        if isinstance(self.lake, SyncedLake):
            self.lake.sync()
        said = sparkify(self.folder, *words, **self.variables)
        if keep:
            self.said.append((" ".join(words), (said.out + said.err).encode()))
        return said

    def look(self) -> None:
        """Runs every command that shows something, for people and for programs."""
        for words in LOOKS:
            self.run(*words)
            self.run(*words, "--json")

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Every byte that was written outside the tables, and whatever was said."""
        yield from self.said
        yield from files_in(self.folder, "data/", "lake/", "dwh.cfg")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    lake = TinyLake(tmp_path / "data" / "lake")
    lake.forgotten.write_text("# nobody\n")
    lake.aliases.write_text("")
    config = f"[S3]\nFORGOTTEN = {lake.forgotten}\nALIASES = {lake.aliases}\n"
    return Project(tmp_path, lake, config)


def test_no_mark_of_what_is_personal_is_anywhere_outside_the_tables(project: Project) -> None:
    lake, many = project.lake, [event(sessionId=n) for n in range(300)]
    lake.put_song("A/1.json", song())
    project.run("etl")
    lake.put_log(log_key("2018-11-01"), marked(), marked(itemInSession=1), *broken(), *many)
    lake.put_log(log_key("2018-11-02"), marked(sessionId=880_053_171), *many)
    project.run("etl", "--json")
    project.look()

    lake.put_log(log_key("2018-11-03"), marked(), *broken())
    put(lake.logs / log_key("2018-11-04", "x.json.gz"), gzip.compress(lines(*broken()))[:-30])
    put(lake.logs / log_key("2018-11-05"), lines(marked()).decode().encode("utf-16"))
    put(lake.logs / log_key("2018-11-06"), b"<html>" + lines(marked()))
    put(lake.logs / log_key("2018-11-07"), b"[" + lines(marked()) + b"]")
    put(lake.logs / log_key("2018-11-08"), gzip.compress(lines(marked())))
    put(lake.logs / log_key("2018-11-09"), lines(marked()).replace(b"\n", b""))
    put(lake.logs / "no-day.json", lines(marked()))
    assert project.run("etl").code == 1
    project.look()

    _tamper(project.folder / "data" / "warehouse.duckdb")
    checked = _checks(project)
    assert checked.count("did not pass") > 2, "samples of keys are shown"
    lake.put_log(log_key("2018-11-02"), marked(itemInSession=3), *many)
    for words in (["etl"], ["etl", "--full"], ["retry"], ["docs", "site"], ["lineage", "user"]):
        project.run(*words)
    lake.document.write_bytes(b'{"jsonpaths": 7}')
    assert project.run("etl").code == 2
    assert leaks(project.written()) == []
    assert sum(len(data) for _, data in project.written()) > 1_000_000, "there is a history"


def test_alerts_and_a_history_in_postgresql_hold_no_mark_either(tmp_path: Path) -> None:
    many = [event(sessionId=n) for n in range(300)]
    with receiver() as hook:
        settings = {"SPARKIFY_ALERTS__WEBHOOK": hook.url, "SPARKIFY_REPORT__ENABLED": "yes"}
        with running(tmp_path, "postgres", **settings) as platform:
            lake = platform.lake
            lake.put_log(log_key("2018-11-02"), marked(), *broken(), *many)
            lake.put_log(log_key("2018-11-03"), marked(), *broken())
            platform.until(lambda: _expect(len(hook.texts) > 0))
            with held_in(platform, STATES["started"]):
                platform.kill("worker")
            lake.put_log(log_key("2018-11-03"), marked(), *many)
            platform.well()
            assert platform.postgres
            with closing(platform.postgres.connect("postgres")) as connection:
                found = [*rows_in(connection, "public")]
    assert leaks(found) == []
    assert leaks([("alert", text.encode()) for text in hook.texts]) == []
    assert leaks(files_in(tmp_path, "data/")) == []
    shown = b"".join(data for _, data in found)
    assert b"xxxx, xx" in shown, "rows are shown, and masked"


@pytest.mark.parametrize("engine", ["duckdb", "redshift"])
def test_whatever_happens_around_it_no_byte_is_left_of_who_is_forgotten(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made = _of_redshift(request, tmp_path) if engine == "redshift" else _of_duckdb(tmp_path)
    rng = random.Random(7)
    _happens(made, rng)
    asked = made.run("person", str(PERSON), "--json", keep=False).json
    assert asked["rows"]["staging_events_table"]
    assert asked["lake"]
    assert leaks(_held(made)) != []
    assert leaks(made.written()) == [], "masked from the first"

    certificate = made.run("forget", str(PERSON), "--yes", "--json", keep=False).json
    assert certificate["nothing_is_left"]
    assert certificate["file_made_anew"] is (engine == "duckdb")
    assert leaks(_held(made)) == []
    _happens(made, rng)
    made.run("etl", "--full")
    made.look()
    assert leaks(_held(made)) == []
    assert leaks(made.written()) == []
    assert f"{PERSON} is forgotten" in made.run("person", str(PERSON), keep=False).out


def _happens(made: Project, rng: random.Random) -> None:
    """A random history: days come, change, break and go, each with the marked person in it."""
    for _ in range(4):
        for day in rng.sample(range(1, 9), 3):
            key, many = log_key(f"2018-11-0{day}"), [event(sessionId=n) for n in range(40)]
            mine = [marked(itemInSession=n) for n in range(rng.randint(1, 3))]
            wrong = [marked(ts=None), marked(status="x")]
            match rng.choice(["good", "good", "bad", "broken", "gone"]):
                case "good":
                    made.lake.put_log(key, *mine, *many, *wrong)
                case "bad":
                    made.lake.put_log(key, *mine, *wrong)
                case "broken":
                    put(made.lake.logs / f"{key}.gz", gzip.compress(lines(*mine))[:-9])
                case "gone":
                    (made.lake.logs / key).unlink(missing_ok=True)
                    (made.lake.logs / f"{key}.gz").unlink(missing_ok=True)
        made.run("etl", *rng.choice([[], [], ["--full"]]))
    for broken_ in made.lake.logs.rglob("*.gz"):
        broken_.unlink()
    made.lake.put_log(log_key("2018-11-09"), marked(), *[event(sessionId=n) for n in range(40)])
    made.run("etl")
    made.look()


def _of_duckdb(folder: Path) -> Project:
    lake = TinyLake(folder / "data" / "lake")
    lake.forgotten.write_text("# nobody\n")
    return Project(folder, lake, f"[S3]\nFORGOTTEN = {lake.forgotten}\n")


def _of_redshift(request: pytest.FixtureRequest, folder: Path) -> Project:
    double: Double = request.getfixturevalue("double")
    s3: S3Server = request.getfixturevalue("s3")
    lake = cloud_lake(s3, folder / "lake")
    lake.forgotten.write_text("# nobody\n")
    config = redshift_config(double, s3, lake, "people", forgotten=lake.forgotten.name)
    made = Project(folder, lake, config, **s3.environ())
    made.double = double
    return made


def _held(made: Project) -> list[tuple[str, bytes]]:
    """All that the warehouse holds: its file with all blocks, or all rows of all tables."""
    if made.double:
        with closing(made.double.behind()) as connection:
            return [*rows_in(connection, "people")]
    return [*files_in(made.folder / "data", "lake/")]


def _tamper(path: Path) -> None:
    """Makes rows of the marked person that break what the checks claim."""
    with duckdb.connect(str(path)) as held:
        for table in ("staging_events_table", "songplay", '"user"', "sessions"):
            held.execute(
                f"INSERT INTO sparkify.{table} SELECT * FROM sparkify.{table} "
                f"WHERE user_id = {PERSON}"
            )


def _checks(project: Project) -> str:
    """Runs the job that makes all checks; gives what the history then says of them."""
    command = [str(BIN / "dagster"), "job", "execute", "-m", MODULE, "-j", "checks"]
    home = {"DAGSTER_HOME": str(project.folder / ".dagster"), **project.variables}
    ended = subprocess.run(
        command, cwd=project.folder, env=environment(home), capture_output=True, check=False
    )
    project.said.append(("checks", ended.stdout + ended.stderr))
    return (ended.stdout + ended.stderr).decode()


def _expect(holds: bool) -> None:
    assert holds
