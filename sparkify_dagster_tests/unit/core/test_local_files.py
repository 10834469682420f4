"""Files of this machine: only documents of a sane size are read, and what is made is private."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from sparkify_dagster.cli.home import history
from sparkify_dagster.core import local_files
from sparkify_dagster.core.local_files import LARGEST, made_for, read_bounded
from sparkify_dagster.defs.instance import HistoryError, open_instance
from sparkify_dagster.factory import open_lake
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.report.writing import put
from sparkify_dagster.settings import DuckDBSettings, SettingsError, load_settings
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.lakes import TinyLake


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes_below(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): mode_of(path) for path in sorted(folder.rglob("*"))}


@pytest.fixture(params=[0o000, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    assert os.umask(before) == request.param


@pytest.mark.parametrize("place", ["pipe", "/dev/zero", "/dev/tty", "large", "folder"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_document_that_has_no_end_is_refused_at_once(
    tmp_path: Path, place: str, linked: bool
) -> None:
    path = tmp_path / place if not place.startswith("/") else Path(place)
    if place == "pipe":
        os.mkfifo(path)
    elif place == "large":
        path.write_bytes(b" " * (LARGEST + 1))
    elif place == "folder":
        path.mkdir()
    if linked:
        (tmp_path / "linked").symlink_to(path)
        path = tmp_path / "linked"
    with pytest.raises(SettingsError, match=f"{path}: "):
        load_settings(path, environ={})
    lake = TinyLake(tmp_path / "lake")
    settings = load_settings(
        environ={
            "SPARKIFY_S3__SONG_DATA": str(lake.songs),
            "SPARKIFY_S3__LOG_DATA": str(lake.logs),
            "SPARKIFY_S3__LOG_JSONPATH": str(path),
        },
        cwd=tmp_path,
    )
    with pytest.raises(LakeError, match=f"{path}: cannot be read"):
        open_lake(settings).snapshot()


def test_a_document_may_be_a_link_and_as_large_as_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "document").write_bytes(b"x" * LARGEST)
    (tmp_path / "linked").symlink_to("document")
    assert read_bounded(tmp_path / "linked") == b"x" * LARGEST


def test_the_umask_is_back_when_the_last_of_several_threads_has_left(umask: int) -> None:
    first_in, second_in = threading.Event(), threading.Event()

    def second() -> None:
        first_in.wait()
        with made_for():
            second_in.set()
            left.wait()

    left = threading.Event()
    thread = threading.Thread(target=second)
    thread.start()
    with made_for():
        first_in.set()
        second_in.wait()
    assert os.umask(0o077) == 0o077
    left.set()
    thread.join()
    assert os.umask(umask) == umask


@pytest.mark.parametrize("shared", [False, True])
def test_a_warehouse_and_all_that_is_made_beside_it_are_its_owners_alone(
    tmp_path: Path, umask: int, shared: bool
) -> None:
    path = tmp_path / "some" / "where" / "w.duckdb"
    settings = DuckDBSettings(path=path, shared=shared, memory_limit="40MB", threads=1)
    warehouse = DuckDBWarehouse(settings, "s")
    with warehouse.transaction() as session:
        session.execute("CREATE SCHEMA s")
        session.execute("CREATE TABLE s.t AS SELECT range AS a, range::VARCHAR AS b FROM range(9)")
        session.execute("COMMIT")  # Its log is there now, until the file is let go of.
        session.execute("BEGIN")
        session.execute(
            "CREATE TEMPORARY TABLE u AS SELECT hash(range)::VARCHAR AS b FROM range(3000000)"
        )
        found = modes_below(tmp_path)
    kept = {name for name in found if not name.startswith("some/where/w.duckdb.spill/")}
    assert kept == {
        "some", "some/where", "some/where/w.duckdb", "some/where/w.duckdb.wal",
        "some/where/w.duckdb.spill",
    }  # fmt: skip
    if not shared:
        assert not any(mode & 0o077 for mode in found.values()), found
    assert mode_of(path) == 0o666 & (~umask if shared else 0o700)
    with warehouse.reading() as session:
        assert session.query("SELECT COUNT(*) FROM s.t") == [(9,)]


@pytest.mark.parametrize("shared", [False, True])
def test_a_report_is_its_owners_alone(tmp_path: Path, umask: int, shared: bool) -> None:
    path = tmp_path / "some" / "report.html"
    put(path, b"page", shared=shared)
    allowed = ~umask if shared else 0o700
    assert modes_below(tmp_path) == {"some": 0o777 & allowed, "some/report.html": 0o666 & allowed}


def test_a_report_that_somebody_opened_for_others_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    put(path, b"page")
    path.chmod(0o644)
    put(path, b"another")
    assert (mode_of(path), path.read_bytes()) == (0o644, b"another")


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a file another user's; who is not root, and cannot, becomes another user instead."""

    def give(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, 65_534, -1, follow_symlinks=False)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: 65_534)
            monkeypatch.setattr(local_files, "__file__", "/")

    return give


THEIRS = """python_logs:
  dagster_handler_config:
    handlers:
      theirs: {class: subprocess.Popen, args: [touch, RAN]}
"""


@pytest.mark.parametrize("place", ["dagster.yaml", ".dagster", ".dagster/dagster.yaml"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_another_user_planted_for_dagster_is_neither_read_nor_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    give_away: Callable[[Path], None],
    place: str,
    linked: bool,
) -> None:
    here = tmp_path / "here"
    path = here / place
    path.parent.mkdir(parents=True)
    mine = tmp_path / "mine"
    if place == ".dagster":
        mine.mkdir()
    else:
        mine.write_text(THEIRS.replace("RAN", str(tmp_path / "ran")))
    mine.rename(path) if not linked else path.symlink_to(mine)
    give_away(path)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(here)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(HistoryError, match="belongs to another user"), open_instance():
        pass
    with pytest.raises(SettingsError, match="belongs to another user"):
        history()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("linked", [False, True])
def test_settings_that_another_user_planted_are_taken_only_if_they_are_named(
    tmp_path: Path, give_away: Callable[[Path], None], linked: bool
) -> None:
    planted = tmp_path / "dwh.cfg"
    (tmp_path / "mine").write_text("[REPORT]\nENABLED=no\n")
    planted.symlink_to("mine") if linked else (tmp_path / "mine").rename(planted)
    give_away(planted)
    with pytest.raises(SettingsError, match=r"dwh\.cfg: belongs to another user"):
        load_settings(environ={}, cwd=tmp_path)
    assert load_settings(planted, environ={}, cwd=tmp_path).report.enabled is False
    assert load_settings(environ={"SPARKIFY_CONFIG": "dwh.cfg"}, cwd=tmp_path).source == planted


@pytest.mark.parametrize("ending", ["", ".spill"])
def test_nothing_is_loaded_into_a_file_that_another_user_planted(
    tmp_path: Path, give_away: Callable[[Path], None], ending: str
) -> None:
    path = tmp_path / "w.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA s")
    planted = Path(f"{path}{ending}")
    if ending:
        planted.mkdir()
    give_away(planted)
    with (
        pytest.raises(WarehouseError, match="belongs to another user"),
        DuckDBWarehouse(DuckDBSettings(path=path), "s").transaction() as session,
    ):
        session.execute("CREATE TABLE s.people AS SELECT 'Ada'")
    settings = DuckDBSettings(path=path, shared=True)
    with DuckDBWarehouse(settings, "s").transaction() as session:
        assert session.tables() == {}


@pytest.mark.parametrize("linked", [False, True])
def test_nobody_else_says_who_may_read_a_report(
    tmp_path: Path, give_away: Callable[[Path], None], linked: bool
) -> None:
    path, mine = tmp_path / "report.html", tmp_path / "mine"
    mine.touch()
    mine.chmod(0o666)
    path.symlink_to(mine) if linked else mine.rename(path)
    give_away(path)
    put(path, b"page")
    assert (mode_of(path), path.is_symlink()) == (0o600, False)
