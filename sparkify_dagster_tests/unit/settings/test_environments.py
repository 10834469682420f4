"""The name of an environment, and the settings that follow from it."""

from __future__ import annotations

import pytest

from sparkify_dagster.settings import SettingsError
from sparkify_dagster_tests.unit.settings.texts import Load

NAME = "SPARKIFY_WAREHOUSE__ENVIRONMENT"
CLUSTER = {
    "SPARKIFY_CLUSTER__HOST": "h",
    "SPARKIFY_CLUSTER__DB_USER": "u",
    "SPARKIFY_CLUSTER__DB_PASSWORD": "p",
    "SPARKIFY_IAM_ROLE__ARN": "default",
    **{
        f"SPARKIFY_S3__{key}": f"s3://bucket/{key}"
        for key in ("LOG_DATA", "SONG_DATA", "LOG_JSONPATH")
    },
}


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ci", "ci"),
        ("Fix/Größe-2", "fix_gr_e_2"),
        ("__dependabot//pip-1.2__", "dependabot_pip_1_2"),
        ("7", "7"),
        ("x" * 50, "x" * 50),
    ],
)
def test_a_branch_gives_the_name_of_a_file_or_a_schema(load: Load, typed: str, name: str) -> None:
    settings = load(**{NAME: typed})
    assert settings.duckdb.path.name == f"warehouse_env_{name}.duckdb"
    assert settings.report.path.name == f"report_env_{name}.html"
    assert settings.load.schema_name == "sparkify"
    settings = load(**{NAME: typed}, **CLUSTER)
    assert settings.load.schema_name == f"sparkify_env_{name}"
    assert settings.production is not None
    assert settings.production.load.schema_name == "sparkify"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("///", "letters or digits"),
        ("Production", "not production"),
        ("sparkify", "than that of production's schema"),
        ("x" * 51, r"\(51 characters\)"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_what_can(
    load: Load, typed: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        load(**{NAME: typed})


def test_a_name_whose_file_the_disk_cannot_have_is_refused(load: Load) -> None:
    path = {"SPARKIFY_DUCKDB__PATH": f"{'ü' * 90}.duckdb"}
    assert load(**{NAME: "x" * 24}, **path).duckdb.path.name.endswith(f"_env_{'x' * 24}.duckdb")
    with pytest.raises(SettingsError, match=r"1 character less, as its file is"):
        load(**{NAME: "x" * 25}, **path)


def test_nothing_starts_by_itself_in_one_and_nobody_is_alerted(load: Load) -> None:
    settings = load(**{NAME: "ci", "SPARKIFY_ALERTS__WEBHOOK": "https://hooks.example/x"})
    assert not settings.sensor.enabled
    assert not settings.alerts.webhook.get_secret_value()
    assert load().production is None
