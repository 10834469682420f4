"""Which file is read, and what is said of one that cannot be."""

import re
from pathlib import Path

import pytest

from sparkify_dagster.settings import SettingsError, load_settings
from sparkify_dagster_tests.unit.settings.texts import SECRET, Load, problems


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("HOST=x\n", "line 1 stands before any [SECTION]"),
        (f"[CLUSTER]\nHOST=\n{SECRET}\n", "line 3 has no = sign"),
        ("[DAYS]\nFIRST=2018-11-01\nfirst=2018-11-02\n", "line 3: a second FIRST in [DAYS]"),
        ("[DAYS]\n[LOAD]\n[DAYS]\n", "line 3: a second section [DAYS]"),
        ("[DAYS]\nLAST=\n[days]\nLAST=\n", "another spelling of the section"),
        (f"[CLUSTER]\nDB_PASSWORD='{SECRET}\n", "opens with ' and does not end with it"),
        (f"[CLUSTER]\nDB_USER=x\n DB_PASSWORD={SECRET}\n", "goes on in the next line"),
    ],
)
def test_a_malformed_file_is_an_error_that_points_and_shows_no_secret(
    load: Load, tmp_path: Path, text: str, said: str
) -> None:
    (found,) = problems(load, text)

    assert found.startswith(str(tmp_path / "dwh.cfg"))
    assert said in found
    assert SECRET not in found


def test_a_named_file_must_be_there_and_be_a_file_and_be_text(tmp_path: Path) -> None:
    binary = tmp_path / "binary.cfg"
    binary.write_bytes(b"[CLUSTER]\nDB_PASSWORD=\xff\xfe\n")

    for config, said in ((tmp_path / "no.cfg", "No such file"), (tmp_path, "directory")):
        with pytest.raises(SettingsError, match=said) as caught:
            load_settings(config, {}, tmp_path)
        assert "dwh.cfg.example" in str(caught.value)
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(binary, {}, tmp_path)
    with pytest.raises(SettingsError, match=re.escape("no.cfg")):
        load_settings(None, {"SPARKIFY_CONFIG": "no.cfg"}, tmp_path)


def test_a_dangling_dwh_cfg_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dwh.cfg").symlink_to("gone.cfg")

    with pytest.raises(SettingsError, match="No such file"):
        load_settings(None, {}, tmp_path)
