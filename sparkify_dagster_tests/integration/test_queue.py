"""Events of a bucket in a queue: the sensor looks when told to and forgets nothing.

S3 and SQS are moto's, over HTTP; the bucket's notifications are its own. Ticks are evaluated one by
one, and the runs they ask for are run at once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sparkify_dagster.cli.watch import Watch
from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.defs.build import build_definitions
from sparkify_dagster.defs.sensors.lake import SENSOR
from sparkify_dagster.defs.sensors.triggers import remembered
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.queue import EventQueue
from sparkify_dagster.settings import Settings, load_settings
from sparkify_dagster_tests.integration.test_cli_bad_input import held
from sparkify_dagster_tests.lakes import (
    assert_equals_oracle,
    event,
    log_key,
    song,
    warehouse_at,
)
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake
from sparkify_dagster_tests.s3_server import Events, S3Server, split
from sparkify_dagster_tests.unit.lake.test_notifications import POISON

pytestmark = pytest.mark.integration


class Place:
    """A lake in a bucket that tells a queue what happens in it, and a sensor that listens."""

    def __init__(self, s3: S3Server, folder: Path, instance: dg.DagsterInstance) -> None:
        self.s3 = s3
        self.folder = folder
        self.instance = instance
        self.lake: SyncedLake = cloud_lake(s3, folder / "lake")
        self.events = Events(s3, split(self.lake.base)[0])
        self.url = self.events.url
        self.cursor = ""
        self.lake.put_song("a.json", song())
        self.lake.put_log(log_key("2018-11-01"), event())
        self.lake.sync()

    def settings(self, **more: str) -> Settings:
        given = {
            "SPARKIFY_S3__SONG_DATA": f"{self.lake.base}/song_data",
            "SPARKIFY_S3__LOG_DATA": f"{self.lake.base}/log_data",
            "SPARKIFY_S3__LOG_JSONPATH": f"{self.lake.base}/log_json_path.json",
            "SPARKIFY_S3__QUEUE": self.url,
            "SPARKIFY_AWS__ENDPOINT_URL": self.s3.endpoint,
            "SPARKIFY_DUCKDB__PATH": str(self.folder / "w.duckdb"),
            "SPARKIFY_DAYS__LAST": "2018-11-30",
            "SPARKIFY_REPORT__ENABLED": "no",
        }
        return load_settings(environ=given | more, cwd=self.folder)

    def tick(self, *, forget: bool = False, **settings: str) -> tuple[int, str]:
        """One tick: how many runs it asked for (they are run), and what it said.

        Args:
            forget: The tick dies before its cursor is saved.
        """
        definitions = build_definitions(self.settings(**settings), with_lineage=False)
        repository = definitions.get_repository_def()
        sensor = repository.get_sensor_def(SENSOR)
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor or None,
            repository_def=repository,
            resources=dict(definitions.resources or {}),
        ) as context:
            told = sensor.evaluate_tick(context)
        if forget:
            return 0, "forgotten"
        self.cursor = told.cursor or ""
        for request in told.run_requests or ():
            definitions.resolve_job_def("load").execute_in_process(
                run_config=request.run_config, instance=self.instance, tags=request.tags,
                raise_on_error=False,
            )  # fmt: skip
        return len(told.run_requests or ()), told.skip_message or ""

    def is_loaded(self) -> None:
        warehouse = warehouse_at(self.folder / "w.duckdb")
        assert_equals_oracle(warehouse, self.lake.expected())


@pytest.fixture
def place(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name, value in s3.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)  # Where `watch` keeps its runs.
    with dg.DagsterInstance.ephemeral() as instance:
        yield Place(s3, tmp_path, instance)


def test_an_event_is_a_look_and_no_event_is_none(place: Place) -> None:
    assert place.tick()[0] == 1
    place.is_loaded()
    # What the runs of the first look found needs no other: the events were told before it.
    assert place.tick() == (0, "no events of the lake")
    assert place.events.waiting() == 0

    place.lake.put_log(log_key("2018-11-02", "a b+ü.json"), event(sessionId=2))
    (place.lake.logs / log_key("2018-11-01")).unlink()
    place.lake.sync()
    assert place.tick()[0] == 1
    place.is_loaded()
    assert place.tick() == (0, "no events of the lake")
    assert place.events.waiting() == 0


@pytest.mark.drill
def test_a_tick_that_dies_loses_no_event(place: Place) -> None:
    place.tick()
    place.tick()
    place.lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    place.lake.sync()
    place.tick(forget=True)
    assert place.events.waiting() > 0  # Not deleted: nobody remembers what came of it.
    place.events.sqs.purge_queue(QueueUrl=place.url)  # Even if the message never came again,
    assert place.tick()[0] == 0
    cursor = json.loads(place.cursor)
    place.cursor = json.dumps(cursor | {"listed": cursor["listed"] - 1000})
    assert place.tick()[0] == 1  # the listing at its slow rhythm finds the change.
    place.is_loaded()


@pytest.mark.drill
def test_a_warehouse_that_is_held_is_not_now_and_the_change_is_not_forgotten(place: Place) -> None:
    place.tick()
    place.tick()
    place.lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    place.lake.sync()
    with held(place.folder / "w.duckdb"):
        asked, said = place.tick()
        assert asked == 0
        assert "not now" in said
    assert remembered(place.cursor).dirty
    assert place.tick()[0] == 1
    place.is_loaded()


def test_foreign_messages_are_left_alone_and_counted(place: Place) -> None:
    place.tick()
    place.tick()
    place.events.sqs.send_message(QueueUrl=place.url, MessageBody="hello")
    place.events.sqs.send_message(QueueUrl=place.url, MessageBody='{"Event": "s3:TestEvent"}')
    assert place.tick()[1] == "no events of the lake; 1 messages in the queue are not about it"
    place.tick()
    assert place.events.waiting() == 1


@pytest.mark.drill
def test_poisoned_messages_are_counted_and_events_and_the_slow_listing_go_on(place: Place) -> None:
    place.tick()
    place.tick()
    for body in filter(None, POISON):
        place.events.sqs.send_message(QueueUrl=place.url, MessageBody=body)
    said = f"no events of the lake; {len(POISON) - 1} messages in the queue are not about it"
    assert place.tick() == (0, said)
    place.lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    place.lake.sync()
    assert place.tick()[0] == 1
    place.is_loaded()
    place.lake.put_log(log_key("2018-11-03"), event(sessionId=3))
    place.lake.sync()
    place.events.sqs.purge_queue(QueueUrl=place.url)
    assert place.tick()[0] == 0
    cursor = json.loads(place.cursor)
    place.cursor = json.dumps(cursor | {"listed": cursor["listed"] - 1000})
    assert place.tick()[0] == 1
    place.is_loaded()


@pytest.mark.drill
def test_watch_lists_the_lake_when_an_event_tells_it_to_or_the_slow_rhythm_does(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = 1_000.0
    watch = Watch(place.settings(), lambda: clock)

    def look() -> str:
        watch.check()
        said = capsys.readouterr()
        assert said.err.count("rror") == 0, said.err
        return said.out

    assert "loading what changed" in look()
    place.is_loaded()
    assert "no events of the lake" in look()
    assert place.events.waiting() == 0
    place.lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    place.lake.sync()
    assert "loading what changed" in look()
    place.is_loaded()
    look()
    place.lake.put_log(log_key("2018-11-03"), event(sessionId=3))
    place.lake.sync()
    place.events.sqs.purge_queue(QueueUrl=place.url)  # The event is lost.
    assert look() == ""
    clock += 100_000
    assert "loading what changed" in look()
    place.is_loaded()


@pytest.mark.parametrize(
    ("queue", "told"),
    [("nothing", "no such queue"), ("123456789012/nothing", "no such queue")],
)
def test_a_queue_that_is_not_there_fails_the_tick_and_is_named(
    place: Place, queue: str, told: str
) -> None:
    place.url = f"{place.s3.endpoint}/{queue}"
    before = place.cursor
    with pytest.raises(Exception, match=told) as raised:
        place.tick()
    chain: list[Any] = [raised.value, raised.value.__cause__]
    assert any(isinstance(error, LakeError) for error in chain)
    assert place.cursor == before


class _Denies(BaseHTTPRequestHandler):
    """Answers as SQS does to somebody who may not."""

    def do_POST(self) -> None:
        said = b'{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"}'
        self.send_response(403)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_queue_that_may_not_be_read_fails_the_look_and_names_the_right(place: Place) -> None:
    with HTTPServer(("127.0.0.1", 0), _Denies) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        queue = EventQueue(f"{url}/1/q", AwsAccess(region="us-west-2", endpoint_url=url))
        with pytest.raises(LakeError, match=r"access denied\. Let this account sqs:ReceiveMessage"):
            queue.receive()
        with pytest.raises(LakeError, match=r"access denied\. Let this account sqs:DeleteMessage"):
            queue.delete(["r"])
        server.shutdown()


def test_a_queue_for_a_lake_in_folders_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no part of the lake is in S3"):
        load_settings(environ={"SPARKIFY_S3__QUEUE": "https://sqs.x/1/q"}, cwd=tmp_path)
