"""What people keep by hand, from the command line: aliases, and who is forgotten."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.cli_process import Said, on_terminal, sparkify
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
        key, path = (
            ("FORGOTTEN", self.lake.forgotten)
            if words[0] in ("forget", "person")
            else ("ALIASES", self.lake.aliases)
        )
        return sparkify(self.folder, *words, **({f"SPARKIFY_S3__{key}": str(path)} | settings))


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


def test_a_person_is_forgotten_and_a_certificate_says_what_is_left_where(project: Project) -> None:
    lake, many = project.lake, [event(sessionId=n) for n in range(30)]
    maria = event(userId="7", firstName="Maria", lastName="Gone")
    lake.put_log(DAY, maria, maria | {"ts": None}, *many)
    lake.put_log(log_key("2018-11-02"), event(userId="8"))
    project.load()

    said = project.run("forget", "7", "x", "1.5", "--yes")
    assert (said.code, said.err.count("is no user id")) == (2, 2)
    assert "add --yes" in project.run("forget", "7").err
    blank = project.run("forget", "7", "--yes", SPARKIFY_S3__FORGOTTEN="")
    assert (blank.code, "[S3] FORGOTTEN is blank" in blank.err) == (2, True)
    assert not lake.forgotten.exists()

    lake.put_log(log_key("2018-11-03"), maria, event(userId="9"))
    said = project.run("forget", "7", "99", "7", "--yes", "--json")
    assert said.code == 0, said.err
    assert lake.forgotten.read_text() == "7\n99\n"
    told = said.json
    assert told["rows"]["staging_events_table"] == {"before": 1, "after": 0}
    assert told["rows"]["load_rejects"] == {"before": 1, "after": 0}
    assert {rows["after"] for rows in told["rows"].values()} == {0}
    assert told["days_published"] == ["2018-11-01", "2018-11-03"]
    assert told["objects_that_hold_them"] == [str(lake.logs / DAY)]
    assert told["objects_that_may_hold_them"] == [str(lake.logs / log_key("2018-11-03"))]
    assert (told["nothing_is_left"], told["load"]["success"]) == (True, True)
    assert "Maria" not in said.out + said.err

    again = project.run("forget", "7", "--yes")
    assert again.code == 0
    assert "Forgotten before: 7. No table held anything of them" in again.flat
    assert "Log days published anew: none." in again.out
    assert lake.forgotten.read_text() == "7\n99\n"
    lake.forgotten.unlink()
    gone = project.run("forget", "8", "--yes")
    assert (gone.code, "they would come back" in gone.err) == (1, True)
    assert not lake.forgotten.exists()


def test_what_is_asked_before_forgetting_names_the_rows_and_no_changes_nothing(
    project: Project,
) -> None:
    project.lake.put_log(DAY, event(userId="7"), event())
    project.load()
    document = str(project.lake.forgotten)
    code, shown = on_terminal(
        project.folder, "forget", "7", keys=b"n\n", SPARKIFY_S3__FORGOTTEN=document
    )
    assert code == 1, shown
    assert "Forget 7?" in shown
    assert "rows of theirs" in " ".join(shown.split())
    assert "Nothing was changed." in shown
    assert not project.lake.forgotten.exists()


def test_who_asks_what_is_held_gets_all_rows_and_lines_as_one_file(project: Project) -> None:
    lake, many = project.lake, [event(sessionId=n) for n in range(30)]
    maria = event(userId="7", firstName="<b>Mar\u00eda</b>", lastName="\u05d2\u05d5\u05df")
    lake.put_log(DAY, event(), maria, maria | {"ts": None}, *many)
    lake.forgotten.write_text("# nobody\n")
    project.load()
    lake.put_log(log_key("2018-11-02"), *many, maria)
    lake.put_log("elsewhere.json", maria)

    for word, why in (("x7", "is no user id"), ("1.5", "is no user id")):
        said = project.run("person", word)
        assert (said.code, why in said.err) == (2, True)
    assert "Nothing is held about user 99." in project.run("person", "99").out
    said = project.run("person", "7")
    assert (said.code, "staging_events_table" in said.out) == (0, True), said.err
    assert "Mar" not in said.out + said.err, "only a file shows values"

    told = project.run("person", "7", "--json").json
    counted = {name: len(rows) for name, rows in told["rows"].items() if rows}
    assert counted == {
        **dict.fromkeys(("staging_events_table", "user", "songplay", "load_rejects"), 1),
        **dict.fromkeys(("listening_days", "user_level_history", "sessions"), 1),
    }
    assert told["rows"]["user"][0]["first_name"] == "<b>Mar\u00eda</b>"
    assert told["rows"]["load_rejects"][0]["line"] == 3
    assert told["lake"] == [
        {"object": str(lake.logs / DAY), "lines": [2, 3]},
        {"object": str(lake.logs / log_key("2018-11-02")), "lines": [31]},
    ]
    assert told["not_searched"] == [str(lake.logs / "elsewhere.json")]

    assert "ending says how" in project.run("person", "7", "--output", "maria.txt").err
    for name in ("maria.json", "maria.html"):
        assert project.run("person", "7", "--output", name).code == 0
        assert "is there already" in project.run("person", "7", "--output", name).err
        assert stat.S_IMODE((project.folder / name).stat().st_mode) == 0o600
    written = json.loads((project.folder / "maria.json").read_text())
    assert (written["rows"], written["lake"]) == (told["rows"], told["lake"])
    page = (project.folder / "maria.html").read_text()
    assert "&lt;b&gt;Mar\u00eda&lt;/b&gt;" in page
    assert page.count(str(lake.logs)) == 3

    assert project.run("forget", "7", "--yes").code == 0
    said = project.run("person", "7")
    assert "user 7 is forgotten: no table may hold anything" in said.out
    assert f"{lake.logs / DAY}: 2 lines, 2, 3" in said.out, "the lake holds them still"
