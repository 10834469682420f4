"""What is said when names are unknown, or settings do not go together."""

import re
from pathlib import Path

import pytest

from sparkify_dagster.settings import SettingsError, load_settings
from sparkify_dagster_tests.unit.settings.texts import REDSHIFT, SECRET, Load, problems


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


def test_a_broken_password_is_one_problem_and_not_also_a_missing_one(load: Load) -> None:
    (found,) = problems(load, REDSHIFT.replace(f"'{SECRET}'", f"'{SECRET}"))

    assert "DB_PASSWORD: opens with '" in found


def test_a_login_in_a_value_is_not_shown(load: Load) -> None:
    found = problems(load, f"[CLUSTER]\nHOST=loader:{SECRET}@dwh:5439\n")

    assert "'***@dwh:5439'" in found[0]
    assert SECRET not in "".join(found)


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
