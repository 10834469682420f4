"""The real daemon on a bucket: `dagster dev` with DuckDB over a lake in S3, which it lists.

What belongs here: what is done to objects is loaded, by no more runs than there is reason for. The
same on a folder stands in `test_sensor`, events in a queue in `test_queue`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.dagster_dev import dagster_dev, project_folder
from sparkify_dagster_tests.integration.test_sensor import SETTINGS, Watched
from sparkify_dagster_tests.lakes import event, log_key, song
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def watched(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder: Path = project_folder(tmp_path_factory.mktemp("project"))
    lake = cloud_lake(s3, folder / "local")
    lake.put_song("A/A/A/TR1.json", song())
    for day in ("2018-11-01", "2018-11-02"):
        lake.put_log(log_key(day), event(), event(itemInSession=1))
    lake.sync()
    settings = {
        **SETTINGS,
        **s3.environ(),
        "SPARKIFY_S3__SONG_DATA": f"{lake.base}/song_data",
        "SPARKIFY_S3__LOG_DATA": f"{lake.base}/log_data",
        "SPARKIFY_S3__LOG_JSONPATH": f"{lake.base}/log_json_path.json",
        "SPARKIFY_AWS__ENDPOINT_URL": s3.endpoint,
    }
    with dagster_dev(folder, settings) as dev:
        yield Watched(lake, folder, dev)


def test_what_happens_to_the_bucket_is_loaded_by_itself_and_by_as_few_runs_as_it_takes(
    watched: Watched,
) -> None:
    lake = watched.lake
    assert isinstance(lake, SyncedLake)
    watched.wait_for(watched.is_loaded)
    assert watched.runs() == ["SUCCESS"]

    lake.put_log(log_key("2018-11-03"), event(sessionId=3))  # A new object,
    lake.put_log(log_key("2018-11-01"), event(level="paid"))  # one overwritten,
    (lake.logs / log_key("2018-11-02")).unlink()  # one deleted,
    lake.put_song("late.json", song(song_id="SO0"))  # and a song for plays that are there.
    lake.sync()
    watched.wait_for(watched.is_loaded)
    assert len(watched.runs()) <= 3  # Two, if a tick came between the objects.

    before = len(watched.runs())
    lake.put_log(log_key("2018-11-01"), event(level="paid"))  # The same bytes once more:
    lake.sync()
    time.sleep(9)  # the tag is the same, so nothing is to be loaded.
    watched.is_loaded()
    assert len(watched.runs()) == before
