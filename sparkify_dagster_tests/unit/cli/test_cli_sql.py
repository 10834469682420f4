"""The statements that make the tables, printed without a connection."""

import duckdb
import pytest

from sparkify_dagster.cli.tables import run_sql
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.settings import ClusterSettings, LoadSettings, Settings

REDSHIFT = Settings(cluster=ClusterSettings(host="h"))


@pytest.mark.parametrize("name", [*TABLES, None])
def test_what_is_printed_runs_as_it_stands(
    name: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    run_sql(Settings(load=LoadSettings(schema_name="elsewhere")), None)
    everything = capsys.readouterr().out
    run_sql(Settings(load=LoadSettings(schema_name="elsewhere")), name)
    with duckdb.connect() as connection:
        connection.execute(everything)
        connection.execute(capsys.readouterr().out)


def test_a_star_table_shows_its_columns_their_meaning_and_its_select(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_sql(Settings(), "song")
    said = capsys.readouterr().out
    assert 'CREATE TABLE IF NOT EXISTS "sparkify"."song"' in said
    assert "Year of release; NULL when unknown." in said
    assert 'FROM "sparkify"."staging_songs_table"' in said
    assert "songplay" not in said


def test_the_statements_are_those_of_the_engine(capsys: pytest.CaptureFixture[str]) -> None:
    run_sql(REDSHIFT, "songplay")
    assert 'DISTKEY ("song_id")' in capsys.readouterr().out
    run_sql(Settings(), "songplay")
    assert "DISTKEY" not in capsys.readouterr().out
