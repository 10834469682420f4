"""Which values are good ones, and what is said of others."""

from pathlib import Path

import pytest

from sparkify_dagster.settings import SettingsError, load_settings
from sparkify_dagster_tests.unit.settings.texts import REDSHIFT, Load, problems

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
