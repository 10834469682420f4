"""What `dwh.cfg` and the environment may say, and what is said back when they are wrong."""

import os
import pickle
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from sparkify_dagster.settings import (
    ClusterSettings,
    DaysSettings,
    DuckDBSettings,
    LoadSettings,
    Settings,
    SettingsError,
    describe_settings,
    load_settings,
)

ROOT = Path(__file__).parents[2]
SECRET = "s3cr3t%pass"
REDSHIFT = f"""\
[CLUSTER]
HOST='dwh.abc.eu-west-1.redshift.amazonaws.com'
DB_NAME="dwh"
DB_USER=loader
DB_PASSWORD='{SECRET}'
DB_PORT=5440
[IAM_ROLE]
ARN='arn:aws:iam::123456789012:role/dwhRole'
[S3]
LOG_DATA='s3://udacity-dend/log_data'
LOG_JSONPATH='s3://udacity-dend/log_json_path.json'
SONG_DATA=s3://udacity-dend/song_data
"""
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load settings from a text as ./dwh.cfg, and variables; never from the test's own shell."""

    def load_text(text: str | None = None, **environ: str) -> Settings:
        if text is not None:
            (tmp_path / "dwh.cfg").write_text(text, encoding="utf-8")
        return load_settings(environ=environ, cwd=tmp_path)

    return load_text


def problems(load: Load, text: str | None = None, **environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(text, **environ)
    return caught.value.problems


# --- defaults and sources ---------------------------------------------------------------


def test_without_file_and_variables_the_defaults_work_on_duckdb(load: Load, tmp_path: Path) -> None:
    settings = load()

    assert settings.engine == "duckdb"
    assert settings.source is None
    assert settings.s3.log_data == str(tmp_path / "data/lake/log_data")
    assert settings.s3.log_jsonpath == str(tmp_path / "data/lake/log_json_path.json")
    assert settings.s3.song_data == str(tmp_path / "data/lake/song_data")
    assert settings.duckdb == DuckDBSettings(path=tmp_path / "data/warehouse.duckdb")
    assert settings.days == DaysSettings(first=date(2018, 11, 1), last=None)
    assert settings.load == LoadSettings()
    assert settings.load.schema_name == "sparkify"


def test_a_file_in_the_shape_of_the_original_design_selects_redshift(
    load: Load, tmp_path: Path
) -> None:
    settings = load(REDSHIFT)

    assert settings.engine == "redshift"
    assert settings.source == tmp_path / "dwh.cfg"
    assert settings.cluster.host == "dwh.abc.eu-west-1.redshift.amazonaws.com"
    assert settings.cluster.db_name == "dwh"
    assert settings.cluster.db_user == "loader"
    assert settings.cluster.db_password.get_secret_value() == SECRET
    assert settings.cluster.db_port == 5440
    assert settings.iam_role.arn == "arn:aws:iam::123456789012:role/dwhRole"
    assert settings.s3.song_data == "s3://udacity-dend/song_data"


def test_a_blank_host_selects_duckdb_whatever_else_the_cluster_section_says(load: Load) -> None:
    text = REDSHIFT.replace("dwh.abc.eu-west-1.redshift.amazonaws.com", "")

    assert load(text).engine == "duckdb"


def test_every_value_of_every_section_is_read(load: Load, tmp_path: Path) -> None:
    settings = load(
        "[DUCKDB]\nPATH=w.duckdb\nMEMORY_LIMIT=2GB\nTHREADS=3\nLOCK_WAIT=1.5\n"
        "[DAYS]\nFIRST=2018-11-02\nLAST='2018-11-30'\n"
        "[LOAD]\nSCHEMA=Music\nREJECT_LIMIT=0.25\nBATCH_MB=8\nHISTORY_DAYS=7\nRUN_DAYS=9\n"
    )

    assert settings.duckdb == DuckDBSettings(
        path=tmp_path / "w.duckdb", memory_limit="2GB", threads=3, lock_wait=1.5
    )
    assert settings.days == DaysSettings(first=date(2018, 11, 2), last=date(2018, 11, 30))
    assert settings.load == LoadSettings(
        schema_name="music", reject_limit=0.25, batch_mb=8, history_days=7, run_days=9
    )


def test_a_variable_overrides_the_file(load: Load) -> None:
    settings = load("[DAYS]\nFIRST=2018-11-02\n", SPARKIFY_DAYS__FIRST="2018-11-03")

    assert settings.days.first == date(2018, 11, 3)


def test_a_blank_variable_overrides_the_file_with_the_default(load: Load) -> None:
    assert load(REDSHIFT, SPARKIFY_CLUSTER__HOST="").engine == "duckdb"


@pytest.mark.parametrize("value", ["", "''", '""', "' '"])
def test_a_blank_value_is_the_default(load: Load, value: str) -> None:
    settings = load(f"[DUCKDB]\nTHREADS={value}\n[DAYS]\nFIRST={value}\nLAST={value}\n")

    assert settings.duckdb.threads == 0
    assert settings.days == DaysSettings()


def test_the_named_file_comes_before_the_variable_and_the_variable_before_dwh_cfg(
    tmp_path: Path,
) -> None:
    for name, threads in (("dwh.cfg", 1), ("variable.cfg", 2), ("named.cfg", 3)):
        (tmp_path / name).write_text(f"[DUCKDB]\nTHREADS={threads}\n")
    by_variable = {"SPARKIFY_CONFIG": "variable.cfg"}

    def threads(config: Path | None, environ: dict[str, str]) -> int:
        return load_settings(config, environ, tmp_path).duckdb.threads

    assert threads(None, {}) == 1
    assert threads(None, {"SPARKIFY_CONFIG": ""}) == 1
    assert threads(None, by_variable) == 2
    assert threads(Path("named.cfg"), by_variable) == 3


def test_by_default_the_process_environment_and_folder_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPARKIFY_CONFIG", raising=False)
    monkeypatch.setenv("SPARKIFY_DUCKDB__PATH", "here.duckdb")

    assert load_settings().duckdb.path == tmp_path / "here.duckdb"


def test_relative_paths_start_where_they_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "my.cfg").write_text("[DUCKDB]\nPATH=../w.duckdb\n[S3]\nLOG_DATA='logs'\n")
    settings = load_settings(
        folder / "my.cfg", {"SPARKIFY_S3__SONG_DATA": "songs"}, tmp_path / "elsewhere"
    )

    assert settings.duckdb.path == tmp_path / "w.duckdb"
    assert settings.s3.log_data == str(folder / "logs")
    assert settings.s3.song_data == str(tmp_path / "elsewhere/songs")
    assert settings.s3.log_jsonpath == str(tmp_path / "elsewhere/data/lake/log_json_path.json")


def test_a_tilde_is_the_home_folder(load: Load) -> None:
    assert load("[DUCKDB]\nPATH=~/w.duckdb\n").duckdb.path == Path.home() / "w.duckdb"


@pytest.mark.parametrize("value", ["a%b%(c)s", "'it''s'", "a#b;c=d:e", "' spaced '", '"\'"', "é✓"])
def test_a_password_is_taken_as_it_is(load: Load, value: str) -> None:
    password = load(f"[CLUSTER]\nDB_PASSWORD={value}\n").cluster.db_password

    quoted = value[0] in "'\"" and value[0] == value[-1]
    assert password.get_secret_value() == (value[1:-1] if quoted else value)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff[DUCKDB]\nTHREADS=2\n",
        "[duckdb]\nthreads : 2\n",
        "[DUCKDB]\r\nTHREADS = '2'\r\n",
        "# words\n[DUCKDB]\n; more\n  THREADS=2\n  LOCK_WAIT=60\n",
    ],
)
def test_usual_variations_of_an_ini_file_are_read(load: Load, text: str) -> None:
    assert load(text).duckdb == load("[DUCKDB]\nTHREADS=2\n").duckdb


def test_other_variables_of_the_prefix_are_left_alone(load: Load) -> None:
    assert load(SPARKIFY_TEST_POSTGRES="x", SPARKIFY="y", HOME="/z") == load()


# --- one typed, frozen object -----------------------------------------------------------


def test_settings_are_frozen_and_equal_by_value(load: Load) -> None:
    settings = load(REDSHIFT)

    with pytest.raises(ValidationError):
        settings.cluster.host = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.days = DaysSettings()  # type: ignore[misc]
    assert settings == load(REDSHIFT)
    assert hash(settings) == hash(load(REDSHIFT))
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_building_settings_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_CLUSTER__HOST", "from-the-shell")
    monkeypatch.setenv("CLUSTER", '{"host": "from-the-shell"}')

    assert Settings().cluster.host == ""
    assert Settings(duckdb=DuckDBSettings(threads=2)).duckdb.threads == 2


def test_importing_the_module_reads_no_environment() -> None:
    code = """
        import os
        import pydantic_settings
        asked = []
        class Noted(type(os.environ)):
            def __getitem__(self, name):
                asked.append(name)
                return super().__getitem__(name)
        os.environ.__class__ = Noted
        import sparkify_dagster.settings
        print([name for name in asked if name.startswith("SPARKIFY")])
        os.environ.get("SPARKIFY_CONFIG")
        print(asked[-1])
    """
    environ = {**os.environ, "SPARKIFY_CONFIG": "/no/such/file"}
    words = [sys.executable, "-c", textwrap.dedent(code)]
    told = subprocess.run(words, env=environ, cwd=ROOT, check=True, capture_output=True, text=True)
    assert told.stdout.splitlines() == ["[]", "SPARKIFY_CONFIG"], "what is read would be noted"


def test_a_section_built_by_hand_is_checked_too() -> None:
    with pytest.raises(ValidationError):
        DaysSettings(first=date(2018, 11, 2), last=date(2018, 11, 1))
    with pytest.raises(ValidationError):
        LoadSettings(reject_limit=1.5)


def test_no_text_of_the_settings_shows_the_password(load: Load) -> None:
    settings = load(REDSHIFT)

    shown = (repr(settings), str(settings), settings.model_dump_json(), repr(settings.cluster))
    assert not [text for text in shown if SECRET in text]


# --- problems ---------------------------------------------------------------------------

BAD_VALUES = [
    ("CLUSTER", "HOST", "dwh.redshift.amazonaws.com:5439/dev", "a host name alone"),
    ("CLUSTER", "HOST", "https://dwh", "a host name alone"),
    ("CLUSTER", "DB_PORT", "abc", "from 1 to 65535"),
    ("CLUSTER", "DB_PORT", "0", "from 1 to 65535"),
    ("CLUSTER", "DB_PORT", "65536", "from 1 to 65535"),
    ("IAM_ROLE", "ARN", "dwhRole", "the ARN of a role"),
    ("IAM_ROLE", "ARN", "arn:aws:iam::123456789012:role/x';drop", "the ARN of a role"),
    ("S3", "LOG_DATA", "gs://bucket/logs", "s3://bucket/prefix"),
    ("S3", "LOG_DATA", "s3:/bucket/logs", "s3://bucket/prefix"),
    ("S3", "SONG_DATA", "s3://", "s3://bucket/prefix"),
    ("S3", "LOG_JSONPATH", "s3://bucket", "s3://bucket/key"),
    ("S3", "LOG_JSONPATH", "s3://bucket/folder/", "s3://bucket/key"),
    ("DUCKDB", "PATH", "s3://bucket/w.duckdb", "a local file"),
    ("DUCKDB", "PATH", ":memory:", "in-memory"),
    ("DUCKDB", "MEMORY_LIMIT", "4", "with its unit"),
    ("DUCKDB", "MEMORY_LIMIT", "0GB", "with its unit"),
    ("DUCKDB", "MEMORY_LIMIT", "120%", "with its unit"),
    ("DUCKDB", "THREADS", "-1", "0 or more"),
    ("DUCKDB", "THREADS", "two", "0 or more"),
    ("DUCKDB", "LOCK_WAIT", "inf", "seconds"),
    ("DAYS", "FIRST", "1541030400", "YYYY-MM-DD"),
    ("DAYS", "FIRST", "01.11.2018", "YYYY-MM-DD"),
    ("DAYS", "LAST", "2018-11-31", "YYYY-MM-DD"),
    ("DAYS", "LAST", "2018-10-31", "not before FIRST, 2018-11-01"),
    ("LOAD", "SCHEMA", "my schema", "letters, digits"),
    ("LOAD", "SCHEMA", "1st", "letters, digits"),
    ("LOAD", "SCHEMA", "pg_music", "not pg_"),
    ("LOAD", "REJECT_LIMIT", "10%", "from 0 to 1"),
    ("LOAD", "REJECT_LIMIT", "nan", "from 0 to 1"),
    ("LOAD", "BATCH_MB", "0", "1 or more"),
    ("LOAD", "HISTORY_DAYS", "0", "1 to 36500"),
    ("LOAD", "HISTORY_DAYS", "36501", "1 to 36500"),
    ("LOAD", "SCHEMA", "information_schema", "letters, digits"),
    ("LOAD", "RUN_DAYS", "9.5", "1 to 36500"),
]


@pytest.mark.parametrize(("section", "key", "value", "expected"), BAD_VALUES)
def test_a_bad_value_in_the_file_is_named_with_its_place_and_what_is_expected(
    load: Load, tmp_path: Path, section: str, key: str, value: str, expected: str
) -> None:
    found = problems(load, f"[{section}]\n{key}={value}\n")

    first, line_expected, line_next = found[0].split("\n")
    assert first.startswith(f"{tmp_path / 'dwh.cfg'}, section [{section}], key {key}: ")
    assert value in first
    assert expected in line_expected
    assert line_next.startswith("next: correct the line")
    assert len(found) == 1 or key == "HOST"


@pytest.mark.parametrize(("section", "key", "value", "expected"), BAD_VALUES)
def test_a_bad_value_in_the_environment_is_named_with_its_variable(
    load: Load, section: str, key: str, value: str, expected: str
) -> None:
    found = problems(load, **{f"SPARKIFY_{section}__{key}": value})

    assert found[0].startswith(f"environment variable SPARKIFY_{section}__{key} (section [")
    assert expected in found[0]
    assert "unset it" in found[0]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("CLUSTER", "HOST", "10.0.0.1"),
        ("CLUSTER", "HOST", "::1"),
        ("IAM_ROLE", "ARN", "default"),
        ("IAM_ROLE", "ARN", "arn:aws-cn:iam::123456789012:role/a/b"),
        ("IAM_ROLE", "ARN", "arn:aws:iam::123456789012:role/a,arn:aws:iam::123456789012:role/b"),
        ("S3", "LOG_DATA", "s3://bucket"),
        ("S3", "LOG_DATA", "s3://bucket/pre fix/"),
        ("DUCKDB", "MEMORY_LIMIT", "512 MiB"),
        ("DUCKDB", "MEMORY_LIMIT", "50%"),
        ("LOAD", "REJECT_LIMIT", "0"),
        ("LOAD", "REJECT_LIMIT", "1"),
        ("DAYS", "LAST", "2018-11-01"),
    ],
)
def test_unusual_but_good_values_are_taken(load: Load, section: str, key: str, value: str) -> None:
    load(REDSHIFT.replace(f"\n{key}=", "\n#"), **{f"SPARKIFY_{section}__{key}": value})


def test_the_scheme_of_an_s3_uri_may_be_in_capitals(load: Load) -> None:
    assert load(SPARKIFY_S3__LOG_DATA="S3://Bucket/Logs").s3.log_data == "s3://Bucket/Logs"


def test_one_message_lists_every_problem(load: Load) -> None:
    text = "[CLUSTER]\nHOTS=x\nDB_PORT=x\n[DYAS]\nFIRST=x\n[LOAD]\nBATCH_MB=x\n"
    with pytest.raises(SettingsError) as caught:
        load(text, SPARKIFY_LOAD__RUN_DAYS="x", SPARKIFY_LOAD__RUNDAYS="x")

    message = str(caught.value)
    assert message.startswith("6 problems with the settings:\n1. ")
    for part in ("HOTS", "DB_PORT", "DYAS", "BATCH_MB", "LOAD__RUN_DAYS", "LOAD__RUNDAYS"):
        assert part in message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[CLUSTER]\nDB_PASSWROD=x\n", "DB_PASSWORD"),
        ("[CLUSTER]\nARN=x\n", "[IAM_ROLE]"),
        ("[CLUSTERS]\nHOST=x\n", "CLUSTER"),
        ("[DAYS]\nfrist=2018-11-01\n", "FIRST"),
    ],
)
def test_an_unknown_name_in_the_file_is_an_error_with_the_name_that_was_meant(
    load: Load, text: str, meant: str
) -> None:
    (found,) = problems(load, text)

    assert "unknown" in found
    assert meant in found.split("next: ")[1]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SPARKIFY_DAYS__FRIST", "SPARKIFY_DAYS__FIRST"),
        ("SPARKIFY_CLUSTER_HOST", "SPARKIFY_CLUSTER__HOST"),
        ("sparkify_cluster__host", "SPARKIFY_CLUSTER__HOST"),
        ("sparkify_config", "SPARKIFY_CONFIG"),
    ],
)
def test_an_unknown_variable_is_an_error_with_the_name_that_was_meant(
    load: Load, name: str, meant: str
) -> None:
    (found,) = problems(load, **{name: SECRET})

    assert f"environment variable {name}: unknown" in found
    assert f"did you mean {meant}?" in found
    assert SECRET not in found


@pytest.mark.parametrize(
    ("missing", "key"),
    [("DB_USER=loader", "DB_USER"), (f"DB_PASSWORD='{SECRET}'", "DB_PASSWORD"), ("ARN=", "ARN")],
)
def test_half_a_cluster_is_an_error(load: Load, tmp_path: Path, missing: str, key: str) -> None:
    (found,) = problems(load, REDSHIFT.replace(missing, "#"))

    assert found.startswith(f"{tmp_path / 'dwh.cfg'}, section [")
    assert f"key {key}: blank" in found
    assert f"__{key}" in found
    assert "leave HOST blank" in found


def test_a_host_alone_asks_for_a_login_a_role_and_a_lake_on_s3(load: Load) -> None:
    found = problems(load, SPARKIFY_CLUSTER__HOST="dwh")

    keys = [re.search(r"key (\w+)", text) for text in found]
    assert [key and key[1] for key in keys] == [
        *("DB_USER", "DB_PASSWORD", "ARN"),
        *("LOG_DATA", "LOG_JSONPATH", "SONG_DATA"),
    ]


def test_a_cluster_cannot_read_a_local_lake(load: Load) -> None:
    (found,) = problems(load, REDSHIFT, SPARKIFY_S3__LOG_DATA="logs")

    assert "an s3:// URI" in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("HOST=x\n", "line 1 stands before any [SECTION]"),
        (f"[CLUSTER]\nHOST=\n{SECRET}\n", "line 3 has no = sign"),
        ("[DAYS]\nFIRST=2018-11-01\nfirst=2018-11-02\n", "line 3: a second FIRST in [DAYS]"),
        ("[DAYS]\n[LOAD]\n[DAYS]\n", "line 3: a second section [DAYS]"),
        ("[DAYS]\nLAST=\n[days]\nLAST=\n", "another spelling of the section"),
        (f"[CLUSTER]\nDB_PASSWORD='{SECRET}\n", "opens with ' and does not end with it"),
        (f"[CLUSTER]\nDB_USER=x\n DB_PASSWORD={SECRET}\n", "goes on in the next line"),
    ],
)
def test_a_malformed_file_is_an_error_that_points_and_shows_no_secret(
    load: Load, tmp_path: Path, text: str, said: str
) -> None:
    (found,) = problems(load, text)

    assert found.startswith(str(tmp_path / "dwh.cfg"))
    assert said in found
    assert SECRET not in found


def test_a_broken_password_is_one_problem_and_not_also_a_missing_one(load: Load) -> None:
    (found,) = problems(load, REDSHIFT.replace(f"'{SECRET}'", f"'{SECRET}"))

    assert "DB_PASSWORD: opens with '" in found


def test_a_login_in_a_value_is_not_shown(load: Load) -> None:
    found = problems(load, f"[CLUSTER]\nHOST=loader:{SECRET}@dwh:5439\n")

    assert "'***@dwh:5439'" in found[0]
    assert SECRET not in "".join(found)


def test_a_named_file_must_be_there_and_be_a_file_and_be_text(tmp_path: Path) -> None:
    binary = tmp_path / "binary.cfg"
    binary.write_bytes(b"[CLUSTER]\nDB_PASSWORD=\xff\xfe\n")

    for config, said in ((tmp_path / "no.cfg", "No such file"), (tmp_path, "directory")):
        with pytest.raises(SettingsError, match=said) as caught:
            load_settings(config, {}, tmp_path)
        assert "dwh.cfg.example" in str(caught.value)
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(binary, {}, tmp_path)
    with pytest.raises(SettingsError, match=re.escape("no.cfg")):
        load_settings(None, {"SPARKIFY_CONFIG": "no.cfg"}, tmp_path)


def test_a_dangling_dwh_cfg_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dwh.cfg").symlink_to("gone.cfg")

    with pytest.raises(SettingsError, match="No such file"):
        load_settings(None, {}, tmp_path)


# --- the docs say what the code does ----------------------------------------------------


def test_every_setting_says_what_it_means_and_what_it_expects() -> None:
    described = describe_settings()

    assert all(info.meaning.endswith(".") and info.expected for info in described)
    assert len({info.env for info in described}) == len(described)
    assert [info.key for info in described if info.secret] == ["DB_PASSWORD", "WEBHOOK"]


def test_the_example_file_names_every_setting_with_its_default(tmp_path: Path) -> None:
    text = (ROOT / "dwh.cfg.example").read_text(encoding="utf-8")
    written = []
    section = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.fullmatch(r"(\w+)=(.*)", line):
            written.append((section, found[1], found[2].strip("'")))

    assert written == [(info.section, info.key, info.default) for info in describe_settings()]
    (tmp_path / "dwh.cfg").write_text(text, encoding="utf-8")
    loaded = load_settings(environ={}, cwd=tmp_path)
    (tmp_path / "dwh.cfg").unlink()
    assert loaded.model_copy(update={"source": None}) == load_settings(environ={}, cwd=tmp_path)


def test_the_table_in_the_docs_is_the_settings() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `[")]

    assert rows == [
        f"| `[{info.section}]` | `{info.key}` | `{info.env}` |"
        f" {f'`{info.default}`' if info.default else '(blank)'} |"
        f" {info.meaning} | {info.expected} |"
        for info in describe_settings()
    ]


def test_a_cluster_built_by_hand_takes_a_plain_password() -> None:
    cluster = ClusterSettings(host="localhost", db_password=SecretStr(SECRET))

    assert Settings(cluster=cluster).engine == "redshift"


@pytest.mark.parametrize(
    ("area", "found"),
    [
        ("s3://b-1/lake", "LOG_DATA lies in it"),
        ("s3://b-1/lake/log_data", "LOG_DATA lies in it"),
        ("s3://b-1/lake/song_data/", "SONG_DATA lies in it"),
        ("s3://b-1/lake/log_data/staging", "it lies in LOG_DATA"),
        ("s3://b-1/lake/paths.json", "LOG_JSONPATH lies in it"),
        ("s3://b-1/lake/log_data/_staging/ours", None),
        ("s3://b-1/lake/log_data2", None),
        ("s3://b-2/lake", None),
        ("", None),
    ],
)
def test_a_staging_area_where_data_lies_is_refused(
    area: str, found: str | None, tmp_path: Path
) -> None:
    given = {
        "SPARKIFY_CLUSTER__HOST": "h", "SPARKIFY_CLUSTER__DB_USER": "u",
        "SPARKIFY_CLUSTER__DB_PASSWORD": "p", "SPARKIFY_IAM_ROLE__ARN": "default",
        "SPARKIFY_S3__LOG_DATA": "s3://b-1/lake/log_data",
        "SPARKIFY_S3__SONG_DATA": "s3://b-1/lake/song_data",
        "SPARKIFY_S3__LOG_JSONPATH": "s3://b-1/lake/paths.json",
        "SPARKIFY_S3__STAGING": area,
    }  # fmt: skip
    if found is None:
        assert load_settings(environ=given, cwd=tmp_path).s3.staging_prefix
    else:
        with pytest.raises(SettingsError, match=f"key STAGING.*{found}|STAGING: {found}"):
            load_settings(environ=given, cwd=tmp_path)


def test_one_way_to_log_in_is_enough_and_two_are_too_many(tmp_path: Path) -> None:
    given = {
        "SPARKIFY_CLUSTER__HOST": "h", "SPARKIFY_IAM_ROLE__ARN": "default",
        "SPARKIFY_S3__LOG_DATA": "s3://b-1/l", "SPARKIFY_S3__SONG_DATA": "s3://b-1/s",
        "SPARKIFY_S3__LOG_JSONPATH": "s3://b-1/j.json", "SPARKIFY_CLUSTER__WORKGROUP": "dwh",
    }  # fmt: skip
    assert load_settings(environ=given, cwd=tmp_path).cluster.workgroup == "dwh"
    with pytest.raises(SettingsError, match="CLUSTER_ID and WORKGROUP are both set"):
        load_settings(environ=given | {"SPARKIFY_CLUSTER__CLUSTER_ID": "c"}, cwd=tmp_path)


def test_a_role_to_assume_has_an_arn(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the ARN of a role"):
        load_settings(environ={"SPARKIFY_AWS__ROLE_ARN": "default"}, cwd=tmp_path)


@pytest.mark.parametrize("value", ["*", ".json", ".json .log", ".json,.log", ".JSON , .tar.gz"])
def test_endings_are_a_list_or_any(tmp_path: Path, value: str) -> None:
    environ = {"SPARKIFY_S3__ENDINGS": value}
    assert load_settings(environ=environ, cwd=tmp_path).s3.endings == value


@pytest.mark.parametrize("value", ["json", "* .json", ".", ".a/b", "*.json", ".json;.log x"])
def test_what_is_no_list_of_endings_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="endings that begin with a dot"):
        load_settings(environ={"SPARKIFY_S3__ENDINGS": value}, cwd=tmp_path)
