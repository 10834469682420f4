"""The folder of the site: replaced as a whole, and never one that is somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify_dagster.docs_site.writing import MARKER, NotOurs, write_site


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_new_folder_is_made_with_all_above_it(tmp_path: Path) -> None:
    write_site(tmp_path / "a" / "site", {"index.html": "é\n"})
    assert (tmp_path / "a" / "site" / "index.html").read_bytes() == "é\n".encode()
    assert names(tmp_path / "a") == {"site"}


def test_a_site_is_replaced_and_keeps_nothing_of_the_old_one(tmp_path: Path) -> None:
    write_site(tmp_path / "site", {"old.html": "", "index.html": "old"})
    write_site(tmp_path / "site", {"index.html": "new"})
    assert names(tmp_path / "site") == {"index.html", MARKER}
    assert (tmp_path / "site" / "index.html").read_text() == "new"
    assert names(tmp_path) == {"site"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    write_site(tmp_path / "site", {"index.html": ""})
    assert "index.html" in names(tmp_path / "site")


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.txt").write_text("mine")
    with pytest.raises(NotOurs):
        write_site(tmp_path / "site", {"index.html": ""})
    assert names(tmp_path / "site") == {"thesis.txt"}
    assert names(tmp_path) == {"site"}


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")
    with pytest.raises(NotOurs):
        write_site(tmp_path / "site", {"index.html": ""})
    assert (tmp_path / "site").read_text() == "mine"


def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path) -> None:
    write_site(tmp_path / "site", {"index.html": "1"})
    write_site(tmp_path / ".site.new", {"half.html": ""})
    (tmp_path / ".site.old").mkdir()
    write_site(tmp_path / "site", {"index.html": "2"})
    assert names(tmp_path) == {"site"}
    assert names(tmp_path / "site") == {"index.html", MARKER}


def test_a_build_that_fails_leaves_the_old_site(tmp_path: Path) -> None:
    write_site(tmp_path / "site", {"index.html": "old"})
    with pytest.raises(OSError, match="no-such-folder"):
        write_site(tmp_path / "site", {"index.html": "new", "no-such-folder/x.html": ""})
    assert (tmp_path / "site" / "index.html").read_text() == "old"


def test_a_link_to_a_site_stays_a_link(tmp_path: Path) -> None:
    write_site(tmp_path / "real", {"index.html": "old"})
    (tmp_path / "site").symlink_to("real")
    write_site(tmp_path / "site", {"index.html": "new"})
    assert (tmp_path / "site").is_symlink()
    assert (tmp_path / "real" / "index.html").read_text() == "new"
