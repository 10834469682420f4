"""`access.cfg`: who has which role, and what is said of a line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify_dagster.settings import SettingsError
from sparkify_dagster.settings.access import Declared, read_access

ROLES = ("reader", "analyst")


def read(folder: Path, text: str) -> Declared:
    path = folder / "access.cfg"
    path.write_text(text, encoding="utf-8")
    return read_access(path, ROLES)


def test_roles_have_users_and_roles_each_with_its_line(tmp_path: Path) -> None:
    text = """# Reviewed like code.
[Reader]
alice # our own
role bi

"IAMR:sparkify bi"
role "o""neil"  # a "quote"
role
[ analyst ]   # nobody yet
"""
    assert read(tmp_path, text) == {
        "reader": {
            "user alice": "access.cfg, line 3",
            "role bi": "access.cfg, line 4",
            "user IAMR:sparkify bi": "access.cfg, line 6",
            'role o"neil': "access.cfg, line 7",
            "user role": "access.cfg, line 8",
        },
        "analyst": {},
    }


def test_every_wrong_line_is_named_with_what_is_expected(tmp_path: Path) -> None:
    text = 'alice\n[raeder]\nbob\n[reader]\n"half\no"neil\nbob carol\n' + "x" * 128 + "\n"
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    places = [problem.partition(":")[0] for problem in refused.value.problems]
    assert places == [f"access.cfg, line {number}" for number in (1, 2, 5, 6, 7, 8)]
    assert "no role is called 'raeder'\nexpected: reader, analyst" in refused.value.problems[1]


def test_a_file_that_is_not_there_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.cfg: No such file.*\n.*\n.*docs/redshift\.md"):
        read_access(tmp_path / "none.cfg", ROLES)
    (tmp_path / "access.cfg").write_bytes(b"[reader]\n\xff\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_access(tmp_path / "access.cfg", ROLES)


def test_the_example_of_the_docs_is_such_a_file(tmp_path: Path) -> None:
    docs = (Path(__file__).resolve().parents[3] / "docs" / "redshift.md").read_text("utf-8")
    example = docs.partition("```\n[reader]")[2].partition("```")[0]
    assert read(tmp_path, f"[reader]{example}") == {
        "reader": {
            "user alice": "access.cfg, line 2",
            "role bi_tools": "access.cfg, line 3",
            "user IAMR:dashboards": "access.cfg, line 4",
        },
        "analyst": {"user bob": "access.cfg, line 7"},
    }
