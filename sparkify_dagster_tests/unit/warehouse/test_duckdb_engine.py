"""The engine that is kept from one transaction to the next, and when it puts tables together."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import weakref
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from sparkify_dagster.analysis.answers import fetch
from sparkify_dagster.warehouse.duckdb import session as engine
from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster_tests.lakes import warehouse_at
from sparkify_dagster_tests.processes import processes


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    """A warehouse with a table of three rows."""
    made = warehouse_at(tmp_path / "warehouse.duckdb")
    with made.transaction() as session:
        session.execute("CREATE SCHEMA sparkify")
        session.execute("CREATE TABLE sparkify.t AS SELECT i FROM range(3) AS r(i)")
    return made


def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each engine that is started from now on."""
    found: list[str] = []
    connect = duckdb.connect

    def noted(database: str, **more: object) -> duckdb.DuckDBPyConnection:
        found.append(database)
        return connect(database, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(duckdb, "connect", noted)
    return found


def test_one_engine_serves_one_transaction_after_the_other(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = started(monkeypatch)
    for _ in range(3):
        with warehouse.transaction() as session:
            session.execute("INSERT INTO sparkify.t VALUES (1)")
        with warehouse.reading() as session:
            session.query("SELECT COUNT(*) FROM sparkify.t")
    assert engines == []


def test_what_tables_take_is_told_in_blocks_and_of_no_table_of_others(
    warehouse: DuckDBWarehouse,
) -> None:
    with warehouse.transaction() as session:
        session.execute("CREATE TABLE sparkify.song AS SELECT i FROM range(1000000) AS r(i)")
        session.execute("CREATE TABLE sparkify.artist (i INTEGER)")
    assert {name: size.megabytes for name, size in warehouse.sizes().items()} == {"song": 1}


def test_two_looks_at_once_have_an_engine_each(warehouse: DuckDBWarehouse) -> None:
    with warehouse.reading() as one, warehouse.reading() as other:
        assert one.query("SELECT COUNT(*) FROM sparkify.t") == [(3,)]
        assert other.query("SELECT COUNT(*) FROM sparkify.t") == [(3,)]


def test_the_file_is_let_go_with_all_that_was_written_while_the_engine_is_kept(
    warehouse: DuckDBWarehouse,
) -> None:
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); "
        "print(c.execute('SELECT COUNT(*) FROM sparkify.t').fetchone()[0])"
    )
    asked = [sys.executable, "-c", program, warehouse.location]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (said.stdout.strip(), said.stderr) == ("3", "")
    assert not Path(warehouse.location + ".wal").exists()


def test_what_was_appended_is_let_go_before_commit(warehouse: DuckDBWarehouse) -> None:
    before = pa.total_allocated_bytes()
    with warehouse.transaction() as session:
        rows = pa.table({"i": pa.array(range(100_000), pa.int64())})
        held = weakref.ref(rows)
        session.append("sparkify.t", ["i"], rows)
        del rows
        assert held() is None
        assert pa.total_allocated_bytes() < before + 800_000
        assert session.query("SELECT COUNT(*) FROM sparkify.t") == [(100_003,)]


def test_temporary_tables_end_with_their_transaction(warehouse: DuckDBWarehouse) -> None:
    for _ in range(2):
        with warehouse.transaction() as session:
            session.execute("CREATE TEMP TABLE scratch AS SELECT 1 AS one")


def test_an_engine_in_which_something_failed_is_not_kept(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WarehouseError), warehouse.transaction() as session:
        session.execute("INSERT INTO sparkify.none VALUES (4)")
    engines = started(monkeypatch)
    with warehouse.reading() as session:
        assert session.query("SELECT COUNT(*) FROM sparkify.t") == [(3,)]
    assert engines == [":memory:"]


def test_an_engine_that_answered_a_person_and_was_locked_for_it_is_not_kept(
    warehouse: DuckDBWarehouse,
) -> None:
    with warehouse.reading() as session:
        fetch(session, "SELECT 1", None)
    with warehouse.transaction() as session:
        session.execute("INSERT INTO sparkify.t VALUES (4)")


def test_a_folder_for_what_finds_no_room_in_memory_is_gone_after_the_transaction(
    tmp_path: Path,
) -> None:
    path = tmp_path / "warehouse.duckdb"
    small = warehouse_at(path, memory_limit="80MB", threads=1)
    with small.transaction() as session:
        session.execute(
            "CREATE TABLE t AS SELECT i, repeat(i::VARCHAR, 20) AS x FROM range(1500000) AS r(i) "
            "ORDER BY hash(i)"
        )
        assert Path(f"{path}.spill").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["warehouse.duckdb"]


def test_a_statement_that_is_refused_is_told_with_the_file(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(WarehouseError) as written, warehouse.transaction() as session:
        session.execute("INSERT INTO sparkify.t VALUES (CAST('x' AS INT))")
    assert str(written.value).startswith(f"{warehouse.location}: a statement was refused (Conv")
    assert str(written.value).endswith(" Nothing half-done was kept.")
    with pytest.raises(WarehouseError, match="no_such_column") as read, warehouse.reading() as look:
        look.query("SELECT no_such_column FROM sparkify.t")
    assert "kept" not in str(read.value)


def groups(warehouse: DuckDBWarehouse) -> int:
    """Rows of the table that take room, removed ones included."""
    with warehouse.reading() as session:
        ((rows,),) = session.query(
            "SELECT estimated_size FROM duckdb_tables() WHERE table_name = 't'"
        )
    return int(rows)


def test_tables_are_put_together_when_more_rows_were_removed_than_are_left(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_HOLLOW_FROM", 1_000)
    with warehouse.transaction() as session:
        session.execute("INSERT INTO sparkify.t SELECT i FROM range(9997) AS r(i)")
    for left, room in ((8_000, 10_000), (6_000, 10_000), (4_000, 4_000)):
        with warehouse.transaction() as session:
            session.execute(f"DELETE FROM sparkify.t WHERE i % 10 >= {left // 1000}")
        with warehouse.transaction() as session:
            session.execute("INSERT INTO sparkify.t SELECT 1 WHERE false")
        assert groups(warehouse) == pytest.approx(room, abs=10)


def test_a_process_that_ends_with_an_engine_in_hand_ends_without_a_word(tmp_path: Path) -> None:
    program = (
        "import sys, threading; from pathlib import Path\n"
        "from sparkify_dagster.settings import DuckDBSettings\n"
        "from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse\n"
        "held = DuckDBWarehouse(DuckDBSettings(path=Path(sys.argv[1])), 'sparkify')\n"
        "with held.transaction() as session: session.execute('CREATE TABLE t (i INT)')\n"
        "del session\n"
        "pause = threading.Event()\n"
        "threading.Thread(target=lambda kept: pause.wait(), args=[held], daemon=True).start()\n"
    )
    asked = [sys.executable, "-c", program, str(tmp_path / "warehouse.duckdb")]
    ended = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def _write(path: str, stop: Path) -> None:
    """Adds rows, one a transaction, and reads them back; the last row says how many there are."""
    warehouse, written = warehouse_at(Path(path)), 0
    while not stop.exists():
        with warehouse.transaction() as session:
            session.execute("INSERT INTO sparkify.t VALUES (-1)")
        written += 1
        with warehouse.reading() as session:
            session.query("SELECT COUNT(*) FROM sparkify.t")
    (stop.parent / f"written.{os.getpid()}").write_text(str(written))


def test_a_file_that_is_made_anew_loses_deleted_bytes_and_nothing_that_others_write_meanwhile(
    warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    file, stop = Path(warehouse.location), tmp_path / "stop"
    with warehouse.transaction() as session:
        session.execute("CREATE TABLE sparkify.named (name VARCHAR NOT NULL)")
        session.execute("COMMENT ON COLUMN sparkify.named.name IS 'of a person'")
        session.execute("INSERT INTO sparkify.named SELECT 'Maria' || i FROM range(9999) AS r(i)")
    with warehouse.transaction() as session:
        session.execute("DELETE FROM sparkify.named")
    assert b"Maria" in file.read_bytes(), "freed blocks keep what was deleted"
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 0, 65534)
    owner = file.stat().st_gid

    others = [
        processes().Process(target=_write, args=(str(file), stop), daemon=True) for _ in range(2)
    ]
    for other in others:
        other.start()
    for _ in range(10):
        warehouse.rewrite()
    stop.touch()
    for other in others:
        other.join(60)
        assert other.exitcode == 0
    written = sum(int(path.read_text()) for path in tmp_path.glob("written.*"))
    with warehouse.reading() as session:
        assert session.query("SELECT COUNT(*) FROM sparkify.t") == [(3 + written,)]
        assert session.tables()["named"].comments == {"name": "of a person"}
    assert b"Maria" not in file.read_bytes()
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_gid) == (0o640, owner)
    assert [path.name for path in tmp_path.glob(f"{file.name}*")] == [file.name]


def test_what_a_killed_process_could_not_keep_in_memory_is_removed_and_nothing_of_others(
    tmp_path: Path,
) -> None:
    warehouse = warehouse_at(tmp_path / "w[1].duckdb")
    with warehouse.transaction() as session:
        session.execute("CREATE SCHEMA sparkify")
    assert warehouse.clean_up() == ""
    for name in ("w[1].duckdb.spill", "w[1].duckdb.spill-7f", "w1.duckdb.spill"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "duckdb_temp_9_0_storage_S32K-0.tmp").write_bytes(b"Maria")
    assert warehouse.clean_up() == ""
    assert {path.name for path in tmp_path.iterdir()} == {"w[1].duckdb", "w1.duckdb.spill"}


def test_a_file_that_cannot_be_made_anew_stays_as_it_is(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    before = Path(warehouse.location).read_bytes()
    with pytest.raises(WarehouseError, match=r"warehouse\.duckdb: could not be made anew"):
        warehouse.rewrite()
    assert Path(warehouse.location).read_bytes() == before
    assert not Path(f"{warehouse.location}.copy").exists()
