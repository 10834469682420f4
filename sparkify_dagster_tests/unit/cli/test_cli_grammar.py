"""What can be typed, and what is said to what cannot."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sparkify_dagster import __version__
from sparkify_dagster.cli.app import app
from sparkify_dagster.generator import LakeSpec

Run = Callable[..., tuple[int, str]]
COMMANDS = (
    "demo", "generate", "create-tables", "etl", "status", "rejects", "query", "sql", "doctor",
    "docs", "unmatched", "alias", "forget", "access", "person",
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in an empty folder; gives its code and all it says, on one line."""
    monkeypatch.chdir(tmp_path)
    for name in ("SPARKIFY_CONFIG", "SPARKIFY_S3__SONG_DATA"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*words: str) -> tuple[int, str]:
        result = CliRunner(env={"TERMINAL_WIDTH": "300"}).invoke(app, words)
        said = re.sub(r"[\s│]+", " ", result.output)
        return result.exit_code, said

    return invoke


def test_help_names_every_command(run: Run) -> None:
    code, said = run("--help")
    assert code == 0
    assert all(f" {command} " in said for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    code, said = run(command, "--help")
    assert code == 0
    assert f"Usage: sparkify {command}" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "130 stopped"),
        ([], "SPARKIFY_CONFIG"),
        (["demo"], "A dwh.cfg of your own is respected"),
        (["generate"], "Folder for the lake."),
        (["query"], "One statement that reads."),
        (["sql"], "Only this table's statements."),
        (["etl"], "all of them with --full"),
    ],
)
def test_the_help_says_what_newcomers_asked(run: Run, words: list[str], told: str) -> None:
    assert told in run(*words, "--help")[1]


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"sparkify {__version__} ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["etll"], "No such command 'etll'"),
        (["etl", "--fulll"], "No such option"),
        (["etl", "--days", "yesterday"], "'yesterday' is not a day; write it as YYYY-MM-DD."),
        (["etl", "--days", "2018-02-30"], "'2018-02-30' is not a day"),
        (["etl", "--days", "2018-11-02.."], "'' is not a day"),
        (["etl", "--days", "2018-11-05..2018-11-01"], "the range of days is reversed"),
        (["rejects", "--day", "20181101"], "'20181101' is not a day"),
        (["rejects", "--table", "songplay"], "no table 'songplay'"),
        (["sql", "songplays"], "no table 'songplays'. Did you mean songplay?"),
        (["query", " ; "], "nothing to ask"),
        (["query"], "Missing argument 'SQL'"),
        (["query", "SELECT 1", "--limit", "-1"], "-1"),
        (["generate", "--days", "0"], "days must be from 1 to 3,660, not 0."),
        (["generate", "--start", "1950-01-01"], "start must be from 1971-01-01"),
        (["create-tables", "--drop"], "nobody is there to confirm it; add --yes"),
        (["--config", "nowhere.cfg", "status"], "nowhere.cfg: No such file"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(run: Run, words: list[str], told: str) -> None:
    code, said = run(*words)
    assert code == 2, said
    assert told in said
    assert "Traceback" not in said


def test_a_command_that_was_meant_is_named_once(run: Run) -> None:
    _, said = run("staus")
    assert "No such command 'staus'. Did you mean 'status'?" in said
    assert said.count("Did you mean") == 1


def test_wrong_settings_end_with_2_and_name_the_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dwh.cfg").write_text("[DAYS]\nFIRST=soon\n")
    code, said = run("etl")
    assert code == 2
    assert "section [DAYS], key FIRST: 'soon'" in said
    assert "a day as YYYY-MM-DD" in said


@pytest.mark.parametrize("command", ["etl", "status", "create-tables", "doctor"])
def test_redshift_over_a_local_folder_is_refused_by_name(
    run: Run, tmp_path: Path, command: str
) -> None:
    (tmp_path / "dwh.cfg").write_text(
        "[CLUSTER]\nHOST=h\nDB_USER=u\nDB_PASSWORD=hidden\n[IAM_ROLE]\nARN=default\n"
        "[S3]\nLOG_DATA=s3://abc/l\nLOG_JSONPATH=s3://abc/j.json\nSONG_DATA=songs\n"
    )
    code, said = run(command)
    assert code == 2
    assert "section [S3], key SONG_DATA" in said
    assert "Redshift reads no local folder" in said
    assert "hidden" not in said


def test_the_defaults_of_generate_are_those_of_the_generator(run: Run) -> None:
    spec = LakeSpec()
    _, said = run("generate", "--help")
    for name in ("songs", "events", "days", "seed"):
        assert re.search(rf"--{name} INTEGER [^-]*default: {getattr(spec, name)}\b", said), name
    assert f"default: {spec.start}" in said
