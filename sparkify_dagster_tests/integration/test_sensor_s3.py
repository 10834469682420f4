"""The real daemon on a bucket whose events go to a queue: `dagster dev`, DuckDB, a lake in S3.

What belongs here: what is done to objects is loaded, by no more runs than there is reason for,
whether a queue tells of it or only the listing at its slow rhythm finds it. The same on a folder
stands in `test_sensor`, single ticks with a queue in `test_queue`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify_dagster_tests.integration.dagster_dev import dagster_dev, project_folder
from sparkify_dagster_tests.integration.test_sensor import SETTINGS, Watched
from sparkify_dagster_tests.lakes import event, log_key, song
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake
from sparkify_dagster_tests.s3_server import Events, S3Server, split

pytestmark = [pytest.mark.integration, pytest.mark.drill]
LIST_EVERY = 30


@pytest.fixture(scope="module")
def lake(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> SyncedLake:
    lake = cloud_lake(s3, tmp_path_factory.mktemp("local"))
    lake.put_song("A/A/A/TR1.json", song())
    for day in ("2018-11-01", "2018-11-02"):
        lake.put_log(log_key(day), event(), event(itemInSession=1))
    lake.sync()
    return lake


@pytest.fixture(scope="module")
def events(s3: S3Server, lake: SyncedLake) -> Events:
    return Events(s3, split(lake.base)[0])


@pytest.fixture(scope="module")
def watched(
    s3: S3Server, lake: SyncedLake, events: Events, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    folder: Path = project_folder(tmp_path_factory.mktemp("project"))
    settings = {
        **SETTINGS,
        **s3.environ(),
        "SPARKIFY_S3__SONG_DATA": f"{lake.base}/song_data",
        "SPARKIFY_S3__LOG_DATA": f"{lake.base}/log_data",
        "SPARKIFY_S3__LOG_JSONPATH": f"{lake.base}/log_json_path.json",
        "SPARKIFY_S3__QUEUE": events.url,
        "SPARKIFY_SENSOR__LIST_EVERY": str(LIST_EVERY),
        "SPARKIFY_AWS__ENDPOINT_URL": s3.endpoint,
    }
    with dagster_dev(folder, settings) as dev:
        yield Watched(lake, folder, dev)


def test_what_happens_to_the_bucket_is_loaded_by_itself_and_by_as_few_runs_as_it_takes(
    watched: Watched, lake: SyncedLake, events: Events
) -> None:
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
    watched.wait_for_ticks()  # the tag is the same, so nothing is to be loaded.
    watched.is_loaded()
    assert len(watched.runs()) == before

    events.stop()  # The bucket tells nobody any more:
    lake.put_log(log_key("2018-11-04"), event(sessionId=4))
    lake.sync()
    watched.wait_for(watched.is_loaded)  # the listing at its slow rhythm finds it.
    assert len(watched.runs()) == before + 1
    watched.wait_for(lambda: _none(events.waiting()), seconds=15)


def _none(waiting: int) -> None:
    assert waiting == 0
