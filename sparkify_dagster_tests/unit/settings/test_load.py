"""What the file and the environment say together: defaults, precedence, blanks, paths."""

from datetime import date
from pathlib import Path

import pytest

from sparkify_dagster.settings import DaysSettings, DuckDBSettings, LoadSettings, load_settings
from sparkify_dagster_tests.unit.settings.texts import REDSHIFT, SECRET, Load


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
