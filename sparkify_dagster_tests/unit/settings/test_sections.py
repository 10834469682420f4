"""One typed, frozen object that shows no secret."""

import os
import pickle
import subprocess
import sys
import textwrap
from datetime import date

import pytest
from pydantic import SecretStr, ValidationError

from sparkify_dagster.settings import (
    ClusterSettings,
    DaysSettings,
    DuckDBSettings,
    LoadSettings,
    Settings,
)
from sparkify_dagster_tests.unit.settings.texts import REDSHIFT, ROOT, SECRET, Load


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


def test_a_cluster_built_by_hand_takes_a_plain_password() -> None:
    cluster = ClusterSettings(host="localhost", db_password=SecretStr(SECRET))

    assert Settings(cluster=cluster).engine == "redshift"
