"""The commands and `dagster dev` on a `dwh.cfg` of the original design's shape: Redshift and S3."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sparkify_dagster.generator import LakeSpec
from sparkify_dagster_tests.integration.cli_process import Said, sparkify
from sparkify_dagster_tests.integration.dagster_dev import Dev, dagster_dev, project_folder
from sparkify_dagster_tests.integration.test_dagster_dev import job, launch
from sparkify_dagster_tests.lakes import TinyLake, event, lines, log_key, put, song
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake, redshift_config
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server, split

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Place:
    """A project folder with a `dwh.cfg`, and what stands behind it."""

    folder: Path
    lake: SyncedLake
    double: Double
    s3: S3Server

    def run(self, *words: str, **variables: str) -> Said:
        self.lake.sync()
        return sparkify(self.folder, *words, **self.s3.environ(), **variables)

    def sent(self, word: str) -> list[str]:
        """The statements sent since the last `forget` that begin with a word."""
        return [text for text in self.double.statements() if text.lstrip().startswith(word)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, double: Double, s3: S3Server) -> Place:
    folder = project_folder(tmp_path_factory.mktemp("project"))
    lake = cloud_lake(s3, tmp_path_factory.mktemp("lake"))
    made = tmp_path_factory.mktemp("made") / "lake"
    TinyLake.generated(made, LakeSpec(songs=20, events=300, days=4, seed=3))
    shutil.copytree(made, lake.root, dirs_exist_ok=True)
    (folder / "dwh.cfg").write_text(
        redshift_config(double, s3, lake, "commands", reader="analysts")
        + "[DAYS]\nLAST=2018-11-05\n",
        encoding="utf-8",
    )
    with double.behind() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE analysts")
    return Place(folder, lake, double, s3)


def test_doctor_finds_all_well_before_anything_is_loaded(place: Place) -> None:
    said = place.run("doctor", "--json")
    lines_ = {line["check"]: line for line in said.json}
    assert said.code == 0, said.out
    asked = ("clock", "regions", "songs", "logs", "jsonpaths", "host", "tls", "login", "rights")
    assert {
        check: lines_[check]["state"] for check in (*asked, "staging", "role")
    } == dict.fromkeys((*asked, "staging", "role"), "ok")
    assert place.double.password not in said.out + said.err


@pytest.mark.parametrize(
    ("variable", "value", "check", "step"),
    [
        ("SPARKIFY_CLUSTER__HOST", "no.such.host.invalid", "host", "Check [CLUSTER] HOST"),
        ("SPARKIFY_CLUSTER__DB_PORT", "1", "tls", "Check HOST and DB_PORT"),
        ("SPARKIFY_CLUSTER__SSLROOTCERT", "", "tls", "SSLROOTCERT names the roots"),
        ("SPARKIFY_CLUSTER__DB_PASSWORD", "wrong-word", "login", "Check the login of 'sparkify'"),
        ("SPARKIFY_IAM_ROLE__ARN", "arn:aws:iam::123456789012:role/no", "role", "mend the ARN"),
        ("SPARKIFY_S3__SONG_DATA", "s3://no-such-bucket/x", "songs", "no such bucket"),
        ("SPARKIFY_S3__STAGING", "s3://no-such-bucket/x", "staging", "no such bucket"),
        ("SPARKIFY_S3__LOG_JSONPATH", "s3://no-such-bucket/x", "jsonpaths", "no such bucket"),
    ],
)
def test_doctor_tells_what_is_wrong_with_its_next_step(
    place: Place, variable: str, value: str, check: str, step: str
) -> None:
    said = place.run("doctor", "--json", **{variable: value})
    told = {line["check"]: line for line in said.json}
    assert said.code == 1
    assert told[check]["state"] == "failed"
    assert step in told[check]["found"] + told[check]["next_step"]
    assert "wrong-word" not in said.out + said.err


@pytest.fixture(scope="module")
def loaded(place: Place) -> Said:
    """The first load, into tables made by the command."""
    made = place.run("create-tables")
    assert made.code == 0, made.err
    assert "Made 24 tables" in made.out
    with place.double.table_info_granted():
        said = place.run("etl", "--json")
    assert said.code == 0, said.out + said.err
    return said


def test_the_tables_are_made_once_and_the_reader_may_read_them(place: Place, loaded: Said) -> None:
    assert "All 24 tables are there already" in place.run("create-tables").out
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute("SET ROLE analysts")
        cursor.execute('SELECT COUNT(*) FROM commands."user"')
        assert cursor.fetchone()[0] > 0


def test_a_load_tells_who_read_the_days_and_what_the_tables_take(loaded: Said) -> None:
    told = loaded.json
    assert {day["path"] for day in told["days"]} == {"copy"}
    assert all(len(day["query_ids"]) == 1 for day in told["days"])
    assert told["days"][0]["s3_put_requests"] > 0
    assert 0 < told["days"][0]["s3_dollars_estimated"] < 0.01
    assert told["days"][0]["seconds_copy"] > 0
    assert not {"preview", "plot"} & told["days"][0].keys(), "they are for the UI"
    assert told["tables"]["songplay"]["row_count"] > 0
    assert told["tables"]["songplay"]["size_mb"] > 0


def test_a_load_tells_what_it_took_of_the_cluster_and_what_that_may_cost(loaded: Said) -> None:
    told = loaded.json["tables"]["songplay"]
    # What stands in for Redshift has three queries of 1.5 s in its history, 5.5 s from end to end.
    assert (told["queries"], told["query_seconds"], told["seconds_awake"]) == (3, 4.5, 5.5)
    assert told["cluster_dollars_estimated"] == 0.05, "a minute at 3 dollars an hour"
    assert "$3 an hour" in told["cluster_price"]


@pytest.mark.parametrize(
    "words",
    [("status",), ("rejects",), ("doctor",), ("query", "SELECT COUNT(*) FROM load_history")],
    ids=lambda words: words[0],
)
def test_a_table_made_anew_under_a_reader_is_read_again(
    place: Place, loaded: Said, words: tuple[str, ...]
) -> None:
    asked = "^(SELECT|DECLARE).*load_(history|rejects)"
    place.double.forget()
    place.double.faults.fail(asked, "XX000", "1018", times=2)
    said = place.run(*words)
    sent = [text for text in place.double.statements() if re.search(asked, text, re.DOTALL)]
    assert sent.count(sent[0]) >= 3, "two tries in vain"
    assert said.code == 0, said.err
    assert "cannot be read" not in said.out


def test_a_second_load_costs_a_look(place: Place, loaded: Said) -> None:
    place.double.forget()
    said = place.run("etl", "--json")
    assert said.json["changed"] is False
    assert place.sent("COPY") == []
    # One look: two settings, BEGIN, two questions, and ROLLBACK.
    assert len(place.double.statements()) <= 8
    assert place.double.connections() == 1


def test_a_load_whose_cost_may_not_be_read_goes_well_and_says_nothing_of_it(
    place: Place, loaded: Said
) -> None:
    place.lake.put_log(log_key("2018-11-05"), event(itemInSession=7))
    place.double.faults.fail("sys_query_history", "42501", "permission denied")
    told = place.run("etl", "--json").json
    assert told["warnings"] == []
    assert "queries" not in told["tables"]["songplay"]
    assert told["tables"]["songplay"]["row_count"] > 0


def test_one_changed_day_costs_one_copy(place: Place, loaded: Said) -> None:
    place.lake.put_log(log_key("2018-11-05"), *(event(itemInSession=n) for n in range(5)))
    place.double.forget()
    told = place.run("etl", "--json").json
    assert [day["day"] for day in told["days"]] == ["2018-11-05"]
    assert told["days"][0]["rows_copied"] == 5
    assert len(place.sent("COPY")) == 1
    loaded_by = told["days"][0], told["tables"]["songplay"]
    assert 20 < sum(part["round_trips"] for part in loaded_by) <= 70
    assert place.double.connections() == 2, "one to compare, one to load and to write the report"
    assert len([text for text in place.sent("SELECT") if "sys_query_history" in text]) == 1
    assert place.sent("LOCK")[0] == 'LOCK "commands"."load_lock"'
    assert place.sent("SET query_group")[0].startswith("SET query_group TO 'sparkify")


def test_a_bad_line_is_kept_and_shown_and_status_tells_the_days(place: Place, loaded: Said) -> None:
    good = lines(*(event(itemInSession=n) for n in range(12)))
    put(place.lake.logs / log_key("2018-11-03"), good + b'{"firstName": "Adele\n')
    told = place.run("etl", "--json").json
    assert [(day["path"], day["rejects"]) for day in told["days"]] == [("reader", 1)]
    rejects = place.run("rejects", "--json").json["rejects"]
    assert [(r["object"], r["line"]) for r in rejects] == [(log_key("2018-11-03"), 13)]
    assert "Adele" not in place.run("rejects").out
    status = place.run("status", "--json").json
    assert status["warehouse"]["engine"] == "redshift"
    assert {day["state"] for day in status["days"]} == {"loaded"}


def test_analysts_ask_and_nothing_but_reading_is_done(place: Place, loaded: Said) -> None:
    said = place.run("query", 'SELECT COUNT(*) AS n FROM "user"', "--json")
    assert said.code == 0, said.err
    assert said.json[0]["n"] > 0
    for statement in (
        "SELECT 1; DROP TABLE time",
        "DELETE FROM time",
        "SELECT pg_sleep(0); COMMIT",
    ):
        refused = place.run("query", statement)
        assert refused.code == 1
        assert "only one statement that reads" in refused.err


def test_every_statement_can_be_reviewed_without_a_connection(place: Place) -> None:
    said = place.run("sql", SPARKIFY_CLUSTER__HOST="no.such.host.invalid")
    assert said.code == 0, said.err
    for piece in (
        "COPY \"incoming_events\"", "IAM_ROLE 'arn:aws:iam::123456789012:role/copy'",
        'LOCK "commands"."load_lock"', "ENCODE ZSTD", "DISTKEY", 'TO ROLE "analysts"',
        "COMMENT ON COLUMN", "BEGIN;", "COMMIT;",
    ):  # fmt: skip
        assert piece in said.out
    assert place.double.password not in said.out


def _shown_by_ps(folder: Path) -> str:
    """Arguments and environment of the processes that work in a folder."""
    shown = ""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # It is another's, or has ended.
            if (process / "cwd").resolve() == folder.resolve():
                told = (process / name for name in ("cmdline", "environ"))
                shown += "".join(path.read_bytes().decode(errors="replace") for path in told)
    assert "dagster" in shown or sys.platform != "linux"
    return shown


@pytest.fixture(scope="module")
def dev(place: Place) -> Iterator[Dev]:
    switched_off = {"SPARKIFY_SENSOR__ENABLED": "no"}
    with dagster_dev(place.folder, place.s3.environ() | switched_off) as running:
        yield running


def test_dagster_dev_loads_it_too_and_shows_no_password_anywhere(
    place: Place, loaded: Said, dev: Dev
) -> None:
    put(place.lake.songs / "late.json", lines(song(song_id="SOLATE")))
    place.lake.put_log(log_key("2018-11-04"), event())
    place.lake.sync()
    run_id = launch(dev, **job("load"))
    assert place.double.password not in _shown_by_ps(place.folder)
    assert dev.finished(run_id) == "SUCCESS"
    shown = json.dumps(
        [
            dev.ask(
                """query($id: ID!) { runOrError(runId: $id) { ... on Run { runConfigYaml
                eventConnection { events { ... on MessageEvent { message } } } } } }""",
                id=run_id,
            ),
            dev.ask(
                """{ repositoriesOrError { ... on RepositoryConnection { nodes {
                allTopLevelResourceDetails { name
                configFields { name defaultValueAsJson configType { key } }
                configuredValues { key value type } nestedResources { name } } } } } }"""
            ),
        ]
    )
    assert "verify-full" in shown
    assert place.double.password not in shown
    assert place.double.password not in (place.folder / "dev.log").read_text()


def test_a_person_is_forgotten_by_a_document_in_s3(place: Place, loaded: Said) -> None:
    text = "SELECT MIN(user_id) AS id, COUNT(DISTINCT user_id) AS people FROM songplay"
    ((person, people),) = [
        (row["id"], row["people"]) for row in place.run("query", text, "--json").json
    ]
    document = f"{place.lake.base}/forgotten.txt"
    said = place.run("forget", str(person), "--yes", "--json", SPARKIFY_S3__FORGOTTEN=document)
    assert said.code == 0, said.err
    told = said.json
    assert (
        place.s3.client()
        .get_object(Bucket=split(document)[0], Key=split(document)[1])["Body"]
        .read()
        == f"{person}\n".encode()
    )
    assert told["rows"]["songplay"]["before"] > 0
    assert {rows["after"] for rows in told["rows"].values()} == {0}
    found = [*told["objects_that_hold_them"], *told["objects_that_may_hold_them"]]
    days = {name.rsplit("/", 1)[1][:10] for name in found}
    assert days == set(told["days_published"]) != set()
    assert place.run("query", text, "--json").json[0]["people"] == people - 1
