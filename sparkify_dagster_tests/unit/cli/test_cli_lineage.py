"""What `sparkify lineage` says of a column, a field, a table, and of what is none of these."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from sparkify_dagster.cli.app import app

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run() -> Run:
    """Runs `sparkify lineage`; gives its code and all it says."""

    def invoke(*words: str) -> tuple[int, str]:
        result = CliRunner(env={"TERMINAL_WIDTH": "300"}).invoke(app, ["lineage", *words])
        return result.exit_code, result.output

    return invoke


def told(run: Run, *words: str) -> Any:
    """What it says as JSON."""
    code, said = run(*words, "--json")
    assert code == 0, said
    return json.loads(said)


def test_a_column_is_followed_up_to_the_fields_of_the_lake(run: Run) -> None:
    code, said = run("time.hour")
    assert code == 0
    lines = [re.sub(r"^[│├└─\s]+", "", line) for line in said.splitlines()]
    assert lines[:4] == [
        "time.hour",
        "songplay.start_time",
        "staging_events_table.ts",
        "log_data.ts",
    ]
    assert "Hour, 0 to 23." in lines
    assert "Its value comes from: log_data.ts" in lines
    assert "Decided by: log_data: itemInSession, page, sessionId, userId" in lines


@pytest.mark.parametrize("name", ["log_data.song", "staging_events_table.song"])
def test_a_field_and_a_column_are_followed_down(run: Run, name: str) -> None:
    code, said = run(name, "--downstream")
    assert code == 0
    assert "── plays_by_song.title" in said
    assert "songplay: level, song_id, artist_id, location, user_agent" in said
    assert "most_played: every column" in said
    assert "It has a say in: songplay:" in said


def test_a_field_goes_down_by_itself(run: Run) -> None:
    assert run("song_data.title") == run("song_data.title", "--downstream")


def test_what_is_only_counted_and_what_is_no_field_say_so(run: Run) -> None:
    assert "no column: rows counted, or always the same" in run("listening_days.plays")[1]
    assert "└── the object's name or path" in run("staging_events_table.log_date")[1]


@pytest.mark.parametrize("name", ["user", '"user"'])
def test_a_table_shows_all_its_columns(run: Run, name: str) -> None:
    code, said = run(name)
    assert code == 0
    assert "Which rows there are is decided by staging_events_table: ts, user_id." in said
    assert re.search(
        r"first_name +staging_events_table\.first_name +staging_events_table: item", said
    )


def test_a_table_shows_where_its_columns_go(run: Run) -> None:
    code, said = run("songplay", "--downstream")
    assert code == 0
    assert re.search(r"start_time +time: start_time, hour, day", said)


def test_a_column_as_json(run: Run) -> None:
    found = told(run, '"user".level')
    assert found["column"] == "user.level"
    assert found["direction"] == "up"
    assert found["values"] == ["staging_events_table.level"]
    assert found["all_values"] == ["log_data.level", "staging_events_table.level"]
    assert "staging_events_table.ts" in found["decides"]
    assert "log_data.ts" in found["all_decides"]


def test_a_table_and_a_way_down_as_json(run: Run) -> None:
    assert [each["column"] for each in told(run, "time")][:2] == ["time.start_time", "time.hour"]
    (found,) = (each for each in told(run, "log_data") if each["column"] == "log_data.ts")
    assert found["direction"] == "down"
    assert found["values"] == ["staging_events_table.ts"]
    assert "time.hour" in found["all_values"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("songplays", "no table 'songplays'. Did you mean songplay"),
        ("songplay.songid", "songplay has no column 'songid'. Did you mean song_id"),
        ("log_data.first_name", "log_data has no column 'first_name'. Did you mean firstName"),
        ("song_id", "Did you mean song_data.song_id or staging_songs_table.song_id"),
        ("load_history", "load_history is written by the loads themselves"),
        ("", "no table ''"),
    ],
)
def test_what_is_not_there_ends_with_2_and_names_what_is_near(
    run: Run, name: str, said: str
) -> None:
    code, output = run(name)
    assert code == 2
    assert said in re.sub(r"[\s│]+", " ", output)
