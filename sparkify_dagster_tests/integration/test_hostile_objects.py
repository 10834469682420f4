"""Objects that were made to fill memory or to take for ever: each ends its own day, by name.

Each load runs in a process of its own, whose peak memory is held against that of a load of good
records: what is wrong must not take more than the same bytes of what is right.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.warehouse.ledger import latest
from sparkify_dagster.warehouse.standing import standing
from sparkify_dagster_tests.lakes import TinyLake, event, log_key, put, warehouse_at

pytestmark = [pytest.mark.integration, pytest.mark.drill]

ROOT = Path(__file__).resolve().parents[2]
BAD, GOOD = "2018-11-01", "2018-11-02"
_LOAD = """
    import json, resource, sys
    from pathlib import Path

    from sparkify_dagster.lake.store.base import Bounds
    from sparkify_dagster.pipeline.loading import (Limits)
    from sparkify_dagster_tests.lakes import TinyLake, bring_up_to_date, warehouse_at

    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    lake = TinyLake(Path(sys.argv[1]))
    said = json.loads(sys.argv[3])
    bounds = Bounds(said.pop("object_bytes", Bounds().object_bytes))
    limits = Limits(**said, bounds=bounds)
    outcome = bring_up_to_date(lake.open(), warehouse_at(Path(sys.argv[2])), limits=limits)
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1000
    print(json.dumps([sorted(outcome.failed), peak]))
"""


def load(folder: Path, **limits: float) -> tuple[list[str], int]:
    """Loads a lake; gives the parts that failed, and the most megabytes that it held."""
    words = [str(folder / "lake"), str(folder / "warehouse.duckdb"), json.dumps(limits)]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_LOAD), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    failed, peak = json.loads(done.stdout.splitlines()[-1])
    return failed, peak


def entries(folder: Path, status: Any = "published") -> Mapping[str, Any]:
    """What the ledger says of each day."""
    with warehouse_at(folder / "warehouse.duckdb").reading() as session:
        return {entry.part: entry for entry in latest(session, status)}


def lake_with(folder: Path, name: str, data: bytes) -> Path:
    """A lake of a day with that object, and of another one that is good."""
    lake = TinyLake(folder / "lake")
    put(lake.logs / name, data)
    lake.put_log(log_key(GOOD), event())
    return folder


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Megabytes that a load of 24 MB of good records holds."""
    folder = tmp_path_factory.mktemp("usual")
    lake_with(folder, f"{BAD}.json", (json.dumps(event()).encode() + b"\n") * 60_000)
    failed, peak = load(folder)
    assert failed == []
    return peak


def test_millions_of_blank_lines_are_nothing(tmp_path: Path, usual: int) -> None:
    blank = gzip.compress(b"\n" * 8_000_000 + b" \t\r\n" * 2_000_000)
    failed, peak = load(lake_with(tmp_path, f"{BAD}.json.gz", blank))
    assert failed == []
    assert entries(tmp_path)[BAD].records == 0
    assert peak < 1.5 * usual


def test_a_gigabyte_of_zeros_in_a_megabyte_ends_its_day_by_name(tmp_path: Path, usual: int) -> None:
    bomb = gzip.compress(bytes(16_000_000)) * 64
    failed, peak = load(lake_with(tmp_path, f"{BAD}.json.gz", bomb))
    assert failed == [BAD]
    assert entries(tmp_path)[GOOD].row_count == 1
    said = entries(tmp_path, "failed")[BAD].message
    assert said.startswith(f"{BAD}.json.gz: holds more than 200 times the")
    assert said.endswith("[LOAD] GZIP_RATIO")
    assert peak < 3 * usual


def test_very_many_objects_of_one_record_take_what_their_bytes_take(
    tmp_path: Path, usual: int
) -> None:
    folder = lake_with(tmp_path, f"{BAD}.json", b"")
    record = json.dumps(event()).encode()
    for number in range(20_000):
        (folder / "lake" / "log_data" / f"{BAD}-{number:05}.json").write_bytes(record)
    failed, peak = load(folder)
    assert failed == []
    assert entries(tmp_path)[BAD].row_count == 20_000
    assert peak < 1.5 * usual


@pytest.mark.parametrize(
    ("raw", "number"), [(b'{"oops":\n', 150_000), (b'{"oops": "' + b"x" * 16_000 + b"\n", 1_500)]
)
def test_very_many_rejects_take_what_their_bytes_take(
    tmp_path: Path, usual: int, raw: bytes, number: int
) -> None:
    failed, peak = load(lake_with(tmp_path, f"{BAD}.json", raw * number), rejects=1.0)
    assert failed == []
    assert entries(tmp_path)[BAD].rejects == number
    assert peak < 1.5 * usual
    with warehouse_at(tmp_path / "warehouse.duckdb").reading() as session:
        told = session.query(
            "SELECT COUNT(*), COUNT(DISTINCT line), MIN(raw_text) FROM sparkify.load_rejects"
        )
    assert told == [(number, number, raw.decode().strip()[:16_000])]


def test_more_rejects_than_may_be_held_end_their_day_and_the_first_are_told(
    tmp_path: Path, usual: int
) -> None:
    folder = lake_with(tmp_path, f"{BAD}.json", b"x\n" * 4_000_000)
    failed, peak = load(folder, rejects=1.0, most_rejects=5_000)
    assert failed == [BAD]
    entry = entries(tmp_path, "failed")[BAD]
    assert entry.message == (
        f"{BAD}.json: more than 5,000 records are rejected; mend the objects, or raise "
        "[LOAD] MOST_REJECTS"
    )
    assert peak < 3 * usual
    with warehouse_at(tmp_path / "warehouse.duckdb").reading() as session:
        assert session.query("SELECT COUNT(*), MAX(line) FROM sparkify.load_rejects") == [
            (1_000, 1_000)
        ]


def test_objects_with_more_rejects_together_than_may_be_held_end_their_day_and_the_first_are_told(
    tmp_path: Path,
) -> None:
    folder = lake_with(tmp_path, f"{BAD}-1.json", b"x\n" * 400)
    for number in (2, 3):
        put(folder / "lake" / "log_data" / f"{BAD}-{number}.json", b"y\n" * 400)
    failed, _ = load(folder, rejects=1.0, most_rejects=1_000)
    assert failed == [BAD]
    assert entries(tmp_path, "failed")[BAD].message == (
        f"{BAD}: more than 1,000 records are rejected; mend the objects, or raise "
        "[LOAD] MOST_REJECTS"
    )
    assert entries(tmp_path)[GOOD].row_count == 1
    with warehouse_at(tmp_path / "warehouse.duckdb").reading() as session:
        told = session.query(
            "SELECT object, COUNT(*), MAX(line), MIN(reason) FROM sparkify.load_rejects "
            "WHERE NOT published GROUP BY object ORDER BY object"
        )
    why = "not valid JSON: Expecting value at character 1"
    assert told == [
        (f"{BAD}-1.json", 400, 400, why),
        (f"{BAD}-2.json", 400, 400, why),
        (f"{BAD}-3.json", 200, 200, why),
    ]


def test_very_many_unknown_fields_are_counted_and_the_most_frequent_told(
    tmp_path: Path, usual: int
) -> None:
    records = [event(often=1, **{f"field_{number:05}{'x' * 400}": 1}) for number in range(20_000)]
    data = "\n".join(map(json.dumps, records)).encode()
    failed, peak = load(lake_with(tmp_path, f"{BAD}.json", data))
    assert failed == []
    told = entries(tmp_path)[BAD].unknown_fields
    assert told["often"] == 20_000
    assert told["…"] + len(told) - 1 == 20_001
    assert len(json.dumps(told)) < 5_000
    assert peak < 1.5 * usual


def test_an_object_for_which_there_is_no_memory_ends_its_day_by_name(tmp_path: Path) -> None:
    folder = lake_with(tmp_path, f"{BAD}.json", b"")
    os.truncate(folder / "lake" / "log_data" / f"{BAD}.json", 40 << 30)  # It takes no disk.
    for tries in (1, 2):
        failed, _ = load(folder, object_bytes=1 << 50)
        assert failed == [BAD]
        with warehouse_at(tmp_path / "warehouse.duckdb").reading() as session:
            assert standing(session).failures(STAGING_EVENTS.name)[BAD].attempts == tries
    said = entries(tmp_path, "failed")[BAD].message
    assert said.startswith(f"{BAD}.json: there is not enough memory to read it")
    assert entries(tmp_path)[GOOD].row_count == 1
    assert load(folder)[0] == [BAD]
    said = entries(tmp_path, "failed")[BAD].message
    assert said.startswith(f"{BAD}.json: holds more than 1,024 MB")


def test_a_day_whose_records_take_too_much_ends_alone(tmp_path: Path) -> None:
    data = (json.dumps(event()).encode() + b"\n") * 60_000
    failed, _ = load(lake_with(tmp_path, f"{BAD}.json", data), held_bytes=4_000_000)
    assert failed == [BAD]
    assert entries(tmp_path, "failed")[BAD].message == (
        f"{BAD}: its records take more than 4 MB of memory; see what its objects hold, or raise "
        "[LOAD] HELD_MB"
    )
    assert entries(tmp_path)[GOOD].row_count == 1
