"""What people keep by hand, from the command line: aliases, and who is forgotten."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.cli_process import Said, sparkify
from sparkify_dagster_tests.lakes import (
    TinyLake,
    bring_up_to_date,
    event,
    log_key,
    song,
    warehouse_at,
)

pytestmark = pytest.mark.integration
DAY = log_key("2018-11-01")


class Project:
    """A folder with a tiny lake, whose documents are named and not there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = TinyLake(folder / "data" / "lake")

    def load(self) -> None:
        """Brings the warehouse up to date, without Dagster."""
        with_documents = self.lake.open()
        bring_up_to_date(with_documents, warehouse_at(self.folder / "data" / "warehouse.duckdb"))

    def run(self, *words: str, **settings: str) -> Said:
        named = {
            "SPARKIFY_S3__ALIASES": str(self.lake.aliases),
            "SPARKIFY_S3__FORGOTTEN": str(self.lake.forgotten) if words[0] == "forget" else "",
        }
        return sparkify(self.folder, *words, **(named | settings))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_play_without_a_song_is_listed_and_finds_it_by_the_alias_that_is_offered(
    project: Project,
) -> None:
    lake = project.lake
    lake.put_song("A/1.json", song(title="Hidden Place", artist_name="Bj\u00f6rk"))
    lake.put_log(
        DAY,
        event(song="Hiden Place", artist="Bj\u00f6rk"),
        event(song="-", artist="x", itemInSession=1),
    )
    project.load()
    told = project.run("unmatched", "--json").json
    assert [(each["title"], each["plays"]) for each in told["unmatched"]] == [
        ("-", 1),
        ("Hiden Place", 1),
    ]
    said = project.run("unmatched")
    assert "the catalogue has the artist with other titles" in said.flat
    (command,) = [line for line in said.out.splitlines() if "alias add" in line]
    words = shlex.split(command.partition(" alias ")[2])
    assert words == ["add", "SO1", "Hiden Place", "Bj\u00f6rk"]

    assert "[S3] ALIASES is blank" in project.run("alias", *words, SPARKIFY_S3__ALIASES="").err
    said = project.run("alias", *words)
    assert said.code == 0, said.err
    assert json.loads(lake.aliases.read_text()) == told["unmatched"][1]["alias"]
    again = project.run("alias", *words)
    assert (again.code, "says so already" in again.out) == (0, True)
    project.load()
    assert [each["title"] for each in project.run("unmatched", "--json").json["unmatched"]] == ["-"]

    for wrong, why in (("SO9", "no song SO9"), ("SO1", "has this title and artist itself")):
        said = project.run("alias", "add", wrong, "Hidden Place", "Bj\u00c3\u00b6rk")
        assert (said.code, why in said.err) == (2, True), said.err
    assert project.run("alias", "add", "--force", "SO9", "-", "x").code == 0
    project.load()
    assert (
        "alias of - by x to SO9: its song is not in the catalogue" in project.run("unmatched").err
    )
    lake.put_song("A/2.json", song(song_id="SO2", title="Hiden Place", artist_name="Bj\u00f6rk"))
    project.load()
    found = {
        row["song_id"]: row["does_not_help"]
        for row in project.run("alias", "list", "--json").json["aliases"]
    }
    assert found == {
        "SO1": "the catalogue has another song of this title now",
        "SO9": "its song is not in the catalogue",
    }

    lake.aliases.unlink()
    said = project.run("alias", *words)
    assert (said.code, "of which 2 aliases were loaded. Put it back" in said.err) == (1, True)
