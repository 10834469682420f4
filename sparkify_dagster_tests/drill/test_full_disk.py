"""Where the disk of Dagster's PostgreSQL is full, that is said, and made good once it has room.

On a small disk of its own, which takes root to mount.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from sparkify_dagster_tests.integration.cli_process import lake, sparkify
from sparkify_dagster_tests.integration.dagster_dev import ROOT
from sparkify_dagster_tests.redshift_double.postgres import Postgres

pytestmark = [pytest.mark.integration, pytest.mark.drill]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    disk = Path(tempfile.mkdtemp(prefix="small-disk-", dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=500m,mode=777", "none", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        disk.rmdir()
        pytest.skip("needs the right to mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        disk.rmdir()


@pytest.fixture
def server(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postgres]:
    with monkeypatch.context() as there:
        there.setattr(tempfile, "tempdir", str(disk))
        server = Postgres(max_wal_size="64MB")
    server.start()
    yield server
    server.stop()


def test_nothing_is_loaded_on_a_full_disk_and_all_once_there_is_room(
    tmp_path: Path, disk: Path, server: Postgres
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = yaml.safe_load((ROOT / "deploy/dagster/dagster.yaml").read_text())
    settings.pop("compute_logs")  # In S3.
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    where = {"HOST": "127.0.0.1", "PORT": str(server.port), "DB": "postgres"}
    where |= {"USER": "postgres", "PASSWORD": "none"}
    given = {f"DAGSTER_PG_{name}": value for name, value in where.items()}
    given["DAGSTER_HOME"] = str(home)
    lake(tmp_path)
    assert sparkify(tmp_path, "etl", **given).code == 0
    with suppress(OSError), (disk / "big").open("wb", buffering=0) as big:
        while big.write(bytes(65_536)):
            pass
    said = sparkify(tmp_path, "etl", "--full", **given)
    assert said.code == 1
    assert "No space left on device); nothing was loaded" in said.flat
    assert "make room there" in said.flat
    assert "Traceback" not in said.err
    status = sparkify(tmp_path, "status", "--json", **given).json
    assert status["up_to_date"]
    # A record of the run was written, or there was no room for that either.
    assert all("is NOT_STARTED since" in note for note in status["run_notes"])
    (disk / "big").unlink()
    assert sparkify(tmp_path, "etl", "--full", **given).code == 0
