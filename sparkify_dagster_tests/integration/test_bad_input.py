"""Bad input below the command line: objects that cannot be read, disks that are full, tables that
somebody altered or dropped. Nothing is lost, half-written or reported as good.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.jobs import DAYS_JOB, LOAD_JOB
from sparkify_dagster.defs.load_op import LOAD_OP
from sparkify_dagster.defs.metadata import failed_parts
from sparkify_dagster.lake.changes import catalogue_parts
from sparkify_dagster.lake.errors import ObjectError
from sparkify_dagster.lake.objects import LakeObject, Objects
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS, Bounds
from sparkify_dagster.model.marts import MARTS
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS
from sparkify_dagster.model.star import STAR
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.settings import load_settings
from sparkify_dagster.warehouse.engine import WarehouseBusy, WarehouseError
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    lines,
    log_key,
    put,
    rows_of,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.oracle import Expected

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.integration

ONE, TWO, THREE = "2018-11-01", "2018-11-02", "2018-11-03"


class Place:
    """A lake of three days and two songs, and a warehouse that holds it."""

    def __init__(self, folder: Path) -> None:
        self.lake = TinyLake(folder / "lake")
        for number, day in enumerate((ONE, TWO, THREE)):
            self.lake.put_log(log_key(day), *plays(number))
        self.lake.put_song("A/one.json", song())
        self.lake.put_song("A/two.json", song(song_id="SO2", title="Hysteria"))
        self.path = folder / "warehouse.duckdb"
        self.warehouse = warehouse_at(self.path)
        self.held = Expected()
        self.load()

    def load(self, **options: object) -> set[str]:
        """Loads, holds the tables against the oracle, and gives the parts that failed."""
        expected = self.lake.expected(self.held)
        outcome = bring_up_to_date(self.lake.open(), self.warehouse, **options)  # type: ignore[arg-type]
        self.held = expected
        assert_equals_oracle(self.warehouse, expected)
        return outcome.failed

    def definitions(self) -> dg.Definitions:
        """What Dagster is shown of this place."""
        environ = {
            "SPARKIFY_DUCKDB__PATH": str(self.path),
            "SPARKIFY_S3__SONG_DATA": str(self.lake.songs),
            "SPARKIFY_S3__LOG_DATA": str(self.lake.logs),
            "SPARKIFY_S3__LOG_JSONPATH": str(self.lake.document),
            "SPARKIFY_DAYS__LAST": "2018-11-30",
        }
        settings = load_settings(environ=environ, cwd=self.path.parent)
        return build_definitions(settings, {"lake": self.lake.resource()}, with_lineage=False)

    def run(self, *statements: str) -> None:
        """What somebody does to the file by hand."""
        with duckdb.connect(str(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)


def plays(session: int, count: int = 20) -> list[dict[str, object]]:
    """The events of one session."""
    return [
        event(sessionId=session, itemInSession=item, userId=str(item % 3)) for item in range(count)
    ]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# --------------------------------------------------------------------------------------------------
# Objects that cannot be read whole, and days with too many rejects
# --------------------------------------------------------------------------------------------------


class Meddler:
    """A store whose objects are meddled with after they were listed, before they are read."""

    def __init__(self, lake: TinyLake, meddle: Callable[[], None]) -> None:
        self._folder = lake.open().logs
        self._meddle = meddle
        self.location = self._folder.location

    def list_objects(self) -> Objects:
        return self._folder.list_objects()

    def read(
        self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
    ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
        self._meddle()
        yield from self._folder.read(objects, bounds)


def test_a_truncated_gz_fails_its_day_alone_and_loads_once_it_is_whole(place: Place) -> None:
    whole = gzip.compress(b'{"broken"\n' + b"\n" * 9)
    late = log_key(TWO, "late.json.gz")
    put(place.lake.logs / late, whole[:-3])
    place.lake.put_log(log_key(THREE), *plays(33))
    assert place.load() == {TWO}
    assert place.held.unreadable.keys() == {("staging_events_table", late)}
    place.lake.put_log(late, *plays(22))
    assert place.load() == set()


def test_a_truncated_gz_among_the_songs_fails_the_song_load_and_keeps_what_was_there(
    place: Place,
) -> None:
    put(place.lake.songs / "B/late.json.gz", gzip.compress(b"{}")[:-1])
    (place.lake.songs / "A/two.json").unlink()
    place.lake.put_log(log_key(THREE), *plays(33))
    assert place.load() == {"songs"}
    (place.lake.songs / "B/late.json.gz").unlink()
    assert place.load() == set()


@pytest.mark.parametrize("how", ["vanishes", "is replaced", "grows"])
def test_an_object_that_changes_between_listing_and_reading_fails_its_day_alone(
    how: str, place: Place
) -> None:
    changed = place.lake.logs / log_key(TWO)

    def meddle() -> None:
        if how == "vanishes":
            changed.unlink()
        elif how == "is replaced":
            put(changed, changed.read_bytes())
        else:
            with changed.open("ab") as file:
                file.write(b"{}\n")

    before = rows_of(place.warehouse, "staging_events_table")
    place.lake.put_log(log_key(TWO), *plays(22))
    place.lake.put_log(log_key(THREE), *plays(33))
    outcome = bring_up_to_date(place.lake.open(logs=Meddler(place.lake, meddle)), place.warehouse)
    assert outcome.failed == {TWO}
    (message,) = [r.entry.message for r in outcome.days if not r.published]
    assert message is not None
    assert log_key(TWO) in message
    assert ("vanished" if how == "vanishes" else "changed while it was read") in message
    after = rows_of(place.warehouse, "staging_events_table")
    assert [r for r in after if str(r[18]) == TWO] == [r for r in before if str(r[18]) == TWO]
    assert [r for r in after if str(r[18]) == THREE] != [r for r in before if str(r[18]) == THREE]
    if how == "grows":
        place.lake.put_log(log_key(TWO), *plays(2))
    assert place.load() == set()


def test_a_day_with_too_many_rejects_fails_alone_and_keeps_its_last_rows(place: Place) -> None:
    place.lake.put_log(log_key(TWO), *plays(22), b"{", b"[]", b"null")
    place.lake.put_log(log_key(THREE), *plays(33), b"{", b"[]")
    assert place.load() == {TWO}
    assert len(place.held.failed_rejects) == 3
    assert len(place.held.rejects) == 2
    (place.lake.logs / log_key(TWO)).unlink()
    assert place.load() == set()
    assert place.held.failed_rejects == []


PACKED = gzip.compress(lines(*plays(22)), mtime=0)
ARRAY = json.dumps(plays(22), indent=2).encode()
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@pytest.mark.parametrize(
    ("key", "data", "what"),
    [
        (log_key(TWO), PACKED, "is gzip: add .gz to its name"),
        (
            log_key(TWO, "twice.json.gz"),
            gzip.compress(PACKED, mtime=0),
            "is gzip: add .gz to its name",
        ),
        (log_key(TWO), ARRAY, "is one JSON array: write its objects one after the other"),
        (log_key(TWO), lines(*plays(22)).decode().encode("utf-16"), "is UTF-16: save it as UTF-8"),
        (log_key(TWO), b"<!DOCTYPE html>\n<html>\n</html>\n", "is HTML: "),
        (log_key(TWO), POINTER, "is a Git LFS pointer: fetch the file itself"),
    ],
)
def test_a_day_that_fails_for_what_is_no_log_names_that_once(
    key: str, data: bytes, what: str, place: Place
) -> None:
    put(place.lake.logs / key, data)
    outcome = bring_up_to_date(place.lake.open(), place.warehouse)
    (message,) = [r.entry.message for r in outcome.days if not r.published]
    assert message is not None
    assert message.startswith(f"{key} {what}")
    assert message.count(what) == 1
    with place.warehouse.reading() as session:
        told = session.query("SELECT message FROM sparkify.load_history WHERE status = 'failed'")
    assert told == [(message,)]


def test_a_song_load_that_fails_for_what_is_no_song_names_a_few_of_them(place: Place) -> None:
    for number in range(5):
        put(place.lake.songs / f"B/{number}.json", gzip.compress(b"{}"))
    outcome = bring_up_to_date(place.lake.open(), place.warehouse)
    assert outcome.songs is not None
    message = outcome.songs.entry.message
    assert message is not None
    assert message.startswith("B/0.json is gzip: add .gz to its name")
    assert "B/2.json is gzip" in message
    assert "B/3.json" not in message
    assert "2 more objects of the like. 5 of 7 records of the song catalogue" in message


def test_a_day_whose_records_are_broken_is_called_nothing_else(place: Place) -> None:
    place.lake.put_log(log_key(TWO), *plays(22), b"{", b"[]", b"null")
    outcome = bring_up_to_date(place.lake.open(), place.warehouse)
    (message,) = [r.entry.message for r in outcome.days if not r.published]
    assert message is not None
    assert message.startswith("3 of 23 records")


def test_of_a_load_that_fails_the_first_thousand_rejects_of_an_object_are_kept(
    place: Place,
) -> None:
    broken = b"".join(b"oops %d\n" % number for number in range(1500))
    put(place.lake.logs / log_key(TWO), broken)
    put(place.lake.logs / log_key(TWO, "more.json"), b"oops\n" * 20)
    put(place.lake.songs / "B/many.json", b"{}\n" + broken)
    outcome = bring_up_to_date(place.lake.open(), place.warehouse)
    assert outcome.failed == {TWO, "songs"}
    (day,) = [r.entry for r in outcome.days if not r.published]
    assert outcome.songs is not None
    songs = outcome.songs.entry
    assert (day.rejects, songs.rejects) == (1520, 1501)
    for entry in (day, songs):
        assert entry.message is not None
        note = f"Of its {entry.rejects:,} rejects, the first 1,000 an object are kept."
        assert entry.message.endswith(note)
    with place.warehouse.reading() as session:
        kept = session.query(
            "SELECT object, COUNT(*), MIN(line), MAX(line) FROM sparkify.load_rejects "
            "WHERE NOT published GROUP BY object ORDER BY object"
        )
        told = session.query(
            "SELECT target, rejects FROM sparkify.load_history WHERE status = 'failed' "
            "AND rejects > 0 ORDER BY target"
        )
    assert sorted(kept) == sorted(
        [
            (log_key(TWO), 1000, 1, 1000),
            (log_key(TWO, "more.json"), 20, 1, 20),
            ("B/many.json", 1000, 1, 1000),
        ]
    )
    assert told == [("staging_events_table", 1520), ("staging_songs_table", 1501)]


def test_all_rejects_of_a_load_that_is_published_are_kept(place: Place) -> None:
    put(place.lake.logs / log_key(TWO), b"oops\n" * 1500)
    bring_up_to_date(place.lake.open(), place.warehouse, limits=Limits(rejects=1.0))
    place.held = place.lake.expected(place.held, reject_limit=1.0)
    assert len(place.held.rejects) == 1500
    assert_equals_oracle(place.warehouse, place.held)


def test_rejects_of_a_failed_song_load_go_when_the_broken_object_is_removed(place: Place) -> None:
    put(place.lake.songs / "B/broken.json", b"{")
    assert place.load() == {"songs"}
    (place.lake.songs / "B/broken.json").unlink()
    assert place.load() == set()


def test_a_run_with_a_failed_day_fails_shows_that_day_and_refreshes_the_star(place: Place) -> None:
    place.lake.put_log(log_key(TWO), *plays(22), b"{", b"[]", b"null")
    place.lake.put_log(log_key(THREE), *plays(33))
    definitions = place.definitions()
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def(LOAD_JOB)
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        events = dg.AssetKey(STAGING_EVENTS.name)
        done = instance.get_materialized_partitions(events)
        planned = {
            entry.dagster_event.partition
            for entry in instance.all_logs(
                result.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
            )
            if entry.dagster_event and entry.dagster_event.asset_key == events
        }
        star = instance.get_latest_materialization_event(dg.AssetKey("songplay"))
    assert not result.success
    failure = result.failure_data_for_node(LOAD_OP)
    assert failure is not None
    assert f"{TWO} was not published: 3 of 23 records" in str(failure.user_failure_data)
    assert planned == {TWO, THREE}
    assert done == {THREE}
    assert star is not None
    place.held = place.lake.expected(place.held)
    assert_equals_oracle(place.warehouse, place.held)


def test_tables_that_are_up_to_date_are_not_shown_as_failed_with_a_day(place: Place) -> None:
    place.lake.put_log(log_key(TWO), b"{")
    with dg.DagsterInstance.ephemeral() as instance:
        job = place.definitions().resolve_job_def(LOAD_JOB)
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        assert not result.success
        told = {
            made.asset_key.to_user_string(): made
            for made in result.get_asset_materialization_events()
        }
    assert {STAGING_SONGS.name, *(table.name for table in (*STAR, *MARTS))} <= told.keys()
    made = told["songplay"].materialization.metadata
    assert (made["how"].value, made["dagster/row_count"].value) == ("nothing", 60)
    assert made["preview"].records


def test_a_star_that_cannot_be_published_hides_no_failed_day(place: Place) -> None:
    place.lake.put_log(log_key(TWO), *plays(22), b"{", b"[]", b"null")
    place.lake.put_log(log_key(THREE), event(ts=1541289600000))
    place.run('CREATE UNIQUE INDEX one_a_year ON sparkify."time" ("year")')
    with dg.DagsterInstance.ephemeral() as instance:
        job = place.definitions().resolve_job_def(LOAD_JOB)
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    failure = result.failure_data_for_node(LOAD_OP)
    assert failure is not None
    told = failure.user_failure_data
    assert told is not None
    assert told.description is not None
    day, star = told.description.splitlines()
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == {STAGING_SONGS.name, STAGING_EVENTS.name}
    assert day.startswith(f"{TWO} was not published: 3 of 23 records")
    assert "Constraint Error" in star
    assert [part.name for part in failed_parts(told.metadata)] == [TWO, "the star"]


# --------------------------------------------------------------------------------------------------
# The file
# --------------------------------------------------------------------------------------------------

LOAD_IN_LITTLE_SPACE = """
    import resource, signal, sys
    from pathlib import Path
    from sparkify_dagster.warehouse.engine import WarehouseError
    from sparkify_dagster_tests.lakes import TinyLake, bring_up_to_date, warehouse_at

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    most = int(sys.argv[3])
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        bring_up_to_date(TinyLake(Path(sys.argv[1])).open(), warehouse_at(Path(sys.argv[2])))
    except WarehouseError as error:
        print(error)
        sys.exit(7)
"""


def load_in_little_space(lake: TinyLake, path: Path, most: int = 0) -> str:
    """Loads in a process whose files can grow just so far; gives the message it ends with."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LOAD_IN_LITTLE_SPACE), lake.root, path, str(most)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 7, done.stderr
    return done.stdout


def fill(lake: TinyLake) -> None:
    """More data than fits."""
    for day in (ONE, TWO):
        many = [
            event(sessionId=99, itemInSession=n, userId=str(n), userAgent=os.urandom(99).hex())
            for n in range(9_000)
        ]
        lake.put_log(log_key(day, "more.json"), *many)


@pytest.mark.parametrize("room", [0, 60_000, 400_000])
def test_a_file_that_cannot_grow_is_said_plainly_and_nothing_is_half_loaded(
    room: int, place: Place
) -> None:
    fill(place.lake)
    said = load_in_little_space(place.lake, place.path, place.path.stat().st_size + room)
    assert str(place.path) in said
    assert "disk" in said
    assert place.load() == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_said_plainly_and_nothing_is_half_loaded(
    place: Place, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this system lets nobody mount a disk")
    try:
        place.path = disk / "warehouse.duckdb"
        place.warehouse = warehouse_at(place.path)
        place.load()
        held = {name: rows_of(place.warehouse, name) for name in ("songplay", "user")}
        fill(place.lake)
        said = load_in_little_space(place.lake, place.path)
        assert "disk" in said
        assert held == {name: rows_of(place.warehouse, name) for name in held}
        for day in (ONE, TWO):
            (place.lake.logs / log_key(day, "more.json")).unlink()
        place.lake.put_log(log_key(THREE), *plays(33))
        assert place.load() == set()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_read_only_file_is_said_plainly_and_can_still_be_read() -> None:
    script = """
        import os, sys
        from pathlib import Path
        from sparkify_dagster.settings import DuckDBSettings
        from sparkify_dagster.warehouse.duckdb.warehouse import DuckDBWarehouse
        from sparkify_dagster.warehouse.engine import WarehouseError
        from sparkify_dagster.warehouse.schema import create_tables
        warehouse = DuckDBWarehouse(DuckDBSettings(path=Path(sys.argv[1])), "sparkify")
        with warehouse.transaction() as session:
            create_tables(session)
        os.chmod(sys.argv[1], 0o444)
        if os.getuid() == 0:
            os.setuid(65_534)  # root may write whatever the mode says
        try:
            with warehouse.transaction():
                print("written")
        except WarehouseError as error:
            print(error)
        with warehouse.reading() as session:
            print(session.query("SELECT COUNT(*) FROM sparkify.songplay"))
    """
    # Not below tmp_path: another account cannot enter pytest's folders.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        file = str(Path(folder) / "warehouse.duckdb")
        words = [sys.executable, "-c", textwrap.dedent(script), file]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.splitlines() == [
        f"{file}: cannot be opened for writing. Let this account write the file and its folder, "
        "or point [DUCKDB] PATH elsewhere.",
        "[(0,)]",
    ], done.stderr


def test_a_file_that_is_no_warehouse_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("Remember the milk.\n" * 1_000)
    lake = TinyLake(tmp_path / "lake")
    lake.put_log(log_key(ONE), event())
    with pytest.raises(WarehouseError, match=r"notes\.duckdb: cannot be opened as a DuckDB file"):
        bring_up_to_date(lake.open(), warehouse_at(path))
    assert path.read_text() == "Remember the milk.\n" * 1_000


def test_a_copy_put_before_the_log_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    path, copy = tmp_path / "warehouse.duckdb", tmp_path / "yesterday.duckdb"
    lake = TinyLake(tmp_path / "lake")
    lake.put_log(log_key(ONE), event())
    bring_up_to_date(lake.open(), warehouse_at(path))
    shutil.copyfile(path, copy)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE kept (x INT)")
        connection.execute("CHECKPOINT")
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("INSERT INTO kept VALUES (1)")
    shutil.copyfile(copy, path)
    with pytest.raises(
        WarehouseError, match=r"its log .*warehouse\.duckdb\.wal belongs to another"
    ):
        bring_up_to_date(lake.open(), warehouse_at(path))
    Path(f"{path}.wal").unlink()
    assert bring_up_to_date(lake.open(), warehouse_at(path)).todo.is_nothing


HOLD = """
    import duckdb, sys, time
    connection = duckdb.connect(sys.argv[1])
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
    connection.close()
"""


def hold(path: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that has the file open for so long."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), path, str(seconds)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_writer_waits_its_turn_and_says_for_whom(place: Place) -> None:
    said: list[str] = []
    place.warehouse = warehouse_at(place.path, on_wait=said.append)
    place.lake.put_log(log_key(TWO), *plays(22))
    with hold(place.path, 2.5) as holder:
        assert place.load() == set()
    assert len(said) == 1
    assert f"waiting for process {holder.pid}" in said[0]


def test_a_second_writer_that_waited_in_vain_names_the_holder_and_changes_nothing(
    place: Place,
) -> None:
    place.lake.put_log(log_key(TWO), *plays(22))
    hasty = warehouse_at(place.path, lock_wait=0.2)
    with hold(place.path, 60) as holder:
        try:
            with pytest.raises(WarehouseBusy, match=rf"process {holder.pid} .*after 0\.2 s"):
                bring_up_to_date(place.lake.open(), hasty)
        finally:
            holder.kill()
    assert place.load() == set()


# --------------------------------------------------------------------------------------------------
# Tables that are not what they were
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["staging_events_table", "songplay", "load_objects"])
def test_a_table_that_somebody_altered_stops_the_load_with_what_differs(
    table: str, place: Place
) -> None:
    place.run(f"ALTER TABLE sparkify.{table} ADD COLUMN mood VARCHAR")
    place.lake.put_log(log_key(TWO), *plays(22))
    with pytest.raises(
        WarehouseError, match=rf"{table} .* column mood is not in the model.*--drop"
    ):
        bring_up_to_date(place.lake.open(), place.warehouse)
    place.run(f"ALTER TABLE sparkify.{table} DROP COLUMN mood")
    assert place.load() == set()


@pytest.mark.parametrize(
    "table",
    [
        "staging_events_table",
        "staging_songs_table",
        "load_history",
        "load_objects",
        "load_rejects",
        "retired_events",
        "songplay",
        "time",
    ],
)
def test_a_dropped_table_comes_back_even_if_the_lake_changed_meanwhile(
    table: str, place: Place
) -> None:
    place.run(f'DROP TABLE sparkify."{table}"')
    (place.lake.logs / log_key(THREE)).unlink()
    (place.lake.songs / "A/two.json").unlink()
    place.lake.put_log(log_key(TWO), *plays(22), b"{")
    assert place.load(rebuild_from=9.0) == set()


def test_a_dropped_star_table_comes_back_though_the_lake_is_as_it_was(place: Place) -> None:
    place.run('DROP TABLE sparkify."time"')
    assert place.load() == set()


@pytest.mark.parametrize("table", [STAGING_SONGS.name, STAGING_EVENTS.name])
def test_what_an_older_reader_read_is_read_anew(table: str, place: Place) -> None:
    column = "title" if table == STAGING_SONGS.name else "song"
    place.run(
        f"UPDATE sparkify.{table} SET {column} = 'misread'",
        "UPDATE sparkify.load_history SET reader_version = '0', digest = 'of old' "
        f"WHERE target = '{table}'",
    )
    assert place.load() == set()


@pytest.mark.parametrize("table", [STAGING_SONGS.name, STAGING_EVENTS.name, "songplay"])
def test_a_table_of_an_older_model_is_made_anew(table: str, place: Place) -> None:
    place.run(
        f"ALTER TABLE sparkify.{table} ADD COLUMN mood VARCHAR",
        "UPDATE sparkify.load_history SET model_version = '0', digest = 'of old' "
        f"WHERE target = '{table}'",
    )
    assert place.load() == set()


# --------------------------------------------------------------------------------------------------
# Two loads at once
# --------------------------------------------------------------------------------------------------


def test_a_song_load_that_was_overtaken_by_another_leaves_nothing_stale(place: Place) -> None:
    place.lake.put_song("A/one.json", song(title="Starlight"))
    lake = place.lake.open()
    (part,) = catalogue_parts([LakeObject("A/one.json", 0, "")])
    late = next(
        key
        for key in (f"B/{number}.json" for number in range(10_000))
        if list(catalogue_parts([LakeObject(key, 0, "")])) == [part]
    )

    class Slow:
        """While it reads, another load lists and loads one object more."""

        location = "a slow store"

        def list_objects(self) -> Objects:
            return lake.songs.list_objects()

        def read(
            self, objects: Iterable[LakeObject], bounds: Bounds = DEFAULT_BOUNDS
        ) -> Iterator[tuple[LakeObject, bytes | ObjectError]]:
            if late not in place.lake.keys(STAGING_SONGS.name):
                place.lake.put_song(late, song(song_id="SO9"))
                place.load()
            yield from lake.songs.read(objects, bounds)

    bring_up_to_date(replace(lake, songs=Slow()), place.warehouse)
    (place.lake.songs / late).unlink()
    assert place.load() == set()


def test_days_must_be_chosen_when_the_partitioned_table_is_asked_for(place: Place) -> None:
    definitions = place.definitions()
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_job_def(DAYS_JOB)
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    (failure,) = result.filter_events(lambda e: e.is_step_failure)
    assert "no log day was chosen" in str(failure.step_failure_data.user_failure_data)
