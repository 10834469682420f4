"""Alerts: what is said and what never is, that it arrives, and that nothing is told twice."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from sparkify_dagster.defs.assets import log_days, table_specs
from sparkify_dagster.defs.metadata import failed_metadata
from sparkify_dagster.defs.sensors import alert_policy as alerts
from sparkify_dagster.defs.sensors import alerts as alert_sensors
from sparkify_dagster.defs.sensors import ended_runs
from sparkify_dagster.defs.sensors.alert_policy import (
    LOAD,
    MOST_KNOWN,
    EndedRun,
    Freshness,
    Known,
    about_stale,
    send,
    staleness,
    transitions,
)
from sparkify_dagster.defs.sensors.lake import REQUEST_TAG
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.table import Layer
from sparkify_dagster.pipeline.events import FailedPart
from sparkify_dagster.settings import (
    AlertsSettings,
    DaysSettings,
    SensorSettings,
    SettingsError,
    load_settings,
)

TOKEN = "T0KEN-s3cr3t"
OFTEN = SensorSettings(interval=5, attempts=3)
HOUR = 3600.0


@dataclass
class Receiver:
    """What a webhook got, and what it answers: each status once, then 200; 0 hangs."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    asked: int = 0


@contextmanager
def receiver(answers: Sequence[int] = ()) -> Iterator[Receiver]:
    """A webhook on this machine."""
    got = Receiver(answers=list(answers))
    free = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.asked += 1
            status = got.answers.pop(0) if got.answers else 200
            if not status:
                free.wait(30)
                return
            if status == 200:
                got.texts.append(json.loads(body)["text"])
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            got.asked += 100

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    got.url = f"http://127.0.0.1:{server.server_address[1]}/services/{TOKEN}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield got
    finally:
        free.set()
        server.shutdown()
        server.server_close()


# --- the setting ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T0/B0/x?y=z", "http://127.0.0.1:8000", "",
        "http://[::1]:8000/hook", "HTTPS://Chat.Example.org/hooks/%20a",
    ],
)  # fmt: skip
def test_a_webhook_is_a_url(url: str) -> None:
    assert AlertsSettings(webhook=SecretStr(url)).webhook.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://h/{TOKEN}", f"file:///etc/{TOKEN}", TOKEN, f"https:///{TOKEN}", f"http://h:x/{TOKEN}",
        f"http://h:99999/{TOKEN}", f"http://h/ {TOKEN}", f"http://user:{TOKEN}@h/", f"http://h/ä{TOKEN}",
        f"http://[::1/{TOKEN}",
    ],
)  # fmt: skip
def test_what_is_no_webhook_is_refused_and_not_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[ALERTS\], key WEBHOOK") as caught:
        load_settings(environ={"SPARKIFY_ALERTS__WEBHOOK": url}, cwd=tmp_path)
    assert TOKEN not in str(caught.value)
    with pytest.raises(ValidationError) as built:
        AlertsSettings(webhook=SecretStr(url))
    assert TOKEN not in str(built.value)


def test_no_text_of_the_settings_shows_the_webhook(tmp_path: Path) -> None:
    url = f"https://h/{TOKEN}"
    settings = load_settings(environ={"SPARKIFY_ALERTS__WEBHOOK": url}, cwd=tmp_path)
    assert settings.alerts.webhook.get_secret_value() == url
    assert TOKEN not in repr(settings) + settings.model_dump_json()


# --- the words --------------------------------------------------------------------------


def texts(run: EndedRun, known: Known | None = None) -> list[str]:
    """What is said of a run."""
    return [message["text"] for message, _ in transitions(known or {}, run)[0]]


def test_failed_days_are_told_with_their_reasons_and_the_next_step() -> None:
    failed = (
        FailedPart("2018-11-04", "2018-11-04 was not published: 3 of 4 records rejected.", 1),
        FailedPart("2018-11-05", "2018-11-05 was not published.", 1),
    )
    (text,) = texts(EndedRun("run-1", "load", failed))
    assert text.splitlines() == [
        "Sparkify: 2018-11-04, 2018-11-05 failed.",
        "• 2018-11-04 was not published: 3 of 4 records rejected.",
        "• 2018-11-05 was not published.",
        "Next: mend or remove the objects of 2018-11-04, 2018-11-05, which then load by "
        "themselves; `sparkify retry 2018-11-04` tries again now, `sparkify status` says how "
        "things stand.",
        "Run: run-1 (job `load`)",
    ]


def test_what_is_given_up_says_so_and_what_is_well_again_too() -> None:
    over = FailedPart("the song catalogue", "the song catalogue was not published.", 3, True)
    (text,) = texts(EndedRun("run-3", "load", (over,)), {"the song catalogue": "failed"})
    assert text.startswith(
        "Sparkify: the song catalogue is given up: tried 3 times, left alone until the lake "
        "changes or `sparkify retry`.\n• the song catalogue was not published.\nNext: "
    )
    well = frozenset({"2018-11-04", "the marts", LOAD, "check unique_key of song"})
    assert texts(EndedRun("run-4", "load", (), well), dict.fromkeys(well, "given up")) == [
        "Sparkify: 2018-11-04, the marts are loaded again.\nRun: run-4 (job `load`)",
        "Sparkify: check unique_key of song passes again.\nRun: run-4 (job `load`)",
        "Sparkify: the load works again.\nRun: run-4 (job `load`)",
    ]


def test_failed_checks_are_told_by_table_name_and_sentence() -> None:
    sentence = "Check unique_key of songplay: Not so, 3 times: each key stands once."
    check = FailedPart("check unique_key of songplay", sentence)
    (text,) = texts(EndedRun("run-1", "checks", (check,)))
    assert text.startswith(f"Sparkify: check unique_key of songplay failed.\n• {sentence}\n")
    assert "docs/operations.md" in text


DAY = "2018-11-04"
FAILS, GIVEN_UP = FailedPart(DAY, "r", 1), FailedPart(DAY, "r", 3, given_up=True)
TABLE: list[tuple[Known, tuple[FailedPart, ...], set[str], list[str], Known]] = [
    ({}, (), {DAY, LOAD}, [], {}),  # All is well, and was.
    ({}, (FAILS,), set(), ["failed"], {DAY: "failed"}),
    ({DAY: "failed"}, (FAILS,), set(), [], {DAY: "failed"}),  # Its second try.
    ({DAY: "failed"}, (GIVEN_UP,), set(), ["is given up"], {DAY: "given up"}),
    ({}, (GIVEN_UP,), set(), ["is given up"], {DAY: "given up"}),  # The only try there is.
    ({DAY: "given up"}, (GIVEN_UP,), set(), [], {DAY: "given up"}),  # Somebody's `retry`.
    ({DAY: "given up"}, (FAILS,), set(), [], {DAY: "failed"}),  # Other objects, bad ones, too;
    ({DAY: "failed"}, (GIVEN_UP,), set(), ["is given up"], {DAY: "given up"}),  # given up again.
    ({DAY: "given up"}, (), {DAY}, ["is loaded again"], {}),
    ({DAY: "failed"}, (), {"2018-11-05"}, [], {DAY: "failed"}),
    ({DAY: "failed"}, (FAILS,), {DAY}, [], {DAY: "failed"}),  # What fails is not well.
    ({LOAD: "failed"}, (FAILS,), {LOAD}, ["failed", "works again"], {DAY: "failed"}),
]  # fmt: skip


@pytest.mark.parametrize(("known", "failed", "well", "said", "after"), TABLE)
def test_a_part_is_told_when_it_fails_when_it_is_given_up_and_when_it_is_well(
    known: Known, failed: tuple[FailedPart, ...], well: set[str], said: list[str], after: Known
) -> None:
    run = EndedRun("r", "load", failed, frozenset(well))
    news, found = transitions(known, run)
    titles = [message["text"].splitlines()[0] for message, _ in news]
    assert [word in title for word, title in zip(said, titles, strict=True)] == [True] * len(said)
    assert found == after


NAMES = st.sampled_from([DAY, "2018-11-05", "the marts", LOAD, "check c of song"])
PARTS = st.builds(FailedPart, NAMES, st.just("r"), st.integers(1, 3), st.booleans())
RUNS = st.builds(
    EndedRun,
    st.just("r"),
    st.just("load"),
    st.lists(PARTS, max_size=4, unique_by=lambda part: part.name).map(tuple),
    st.frozensets(NAMES),
)
KNOWN = st.dictionaries(NAMES, st.sampled_from(get_args(alerts.State)))


@given(KNOWN, RUNS, st.integers(0, 5))
def test_a_tick_that_stops_after_any_message_leaves_the_others_to_the_next(
    known: Known, run: EndedRun, sent: int
) -> None:
    news, after = transitions(known, run)
    halfway = news[:sent][-1][1] if news[:sent] else known
    rest, found = transitions(halfway, run)
    assert [message for message, _ in news[sent:]] == [message for message, _ in rest]
    assert found == after
    assert transitions(after, run) == ([], after)


def test_however_many_fail_the_memory_and_the_messages_are_bounded() -> None:
    many = tuple(
        FailedPart(f"{n:04}-01-01", f"{n:04}-01-01: {'x' * 5_000}", 1) for n in range(3_000)
    )
    run = EndedRun("r", "load", many)
    ((message, _),), known = transitions({}, run)
    assert "0000-01-01, " in message["text"]
    assert " and 2,995 more failed." in message["text"]
    assert len(message["text"]) < 4_000
    assert len(known) == MOST_KNOWN
    assert transitions(known, run) == ([], known)


PERSONAL = [
    "Could not convert string 'Ada Byron' to INT32",
    'invalid input syntax for type integer: "Ada Byron"',
    "Failing row contains (7, Ada Byron, F, Reno).",
    "Key (user_id, name)=(7, Ada Byron) already exists.",
    "https://loader:AdaByron@dwh/x",
    "aws_secret_access_key=AdaByron and more",
    "password: AdaByron",
    "X-Amz-Signature=AdaByron",
    "no number: 'Ada Byron" + " of Reno" * 400 + "'",
    'no number: "Ada Byron' + " of Reno" * 400,
    "Failing row contains (7, Ada Byron" + ", Reno" * 400,
]


@pytest.mark.parametrize("reason", PERSONAL)
def test_what_a_driver_quotes_and_what_looks_like_a_secret_is_masked(reason: str) -> None:
    (text,) = texts(EndedRun("run-1", "load", (FailedPart(LOAD, reason),)))
    assert "Ada" not in text
    assert "Byron" not in text


def test_a_key_of_the_lake_cannot_call_the_channel() -> None:
    bad = FailedPart(LOAD, "<!channel> & <https://evil|x>.json is bad")
    (text,) = texts(EndedRun("r", "load", (bad,)))
    assert "&lt;!channel&gt; &amp; &lt;https://evil|x&gt;.json is bad" in text


def test_staleness_says_since_when_and_whether_the_lake_changed() -> None:
    now = 1_700_000_000.0
    waiting = about_stale(Freshness(now - 50 * HOUR, now - 2 * HOUR, 0), now)["text"]
    assert "50 hours ago" in waiting
    assert "The lake has changed since (2023-11-14 20:13 UTC): a load is due." in waiting
    assert "`sparkify status`" in waiting
    quiet = about_stale(Freshness(now - 50 * HOUR, now - 60 * HOUR, 0), now)["text"]
    assert "not seen to change" in quiet
    assert "STALE_HOURS" in quiet
    assert "Nothing was published since" in about_stale(Freshness(None, None, now), now)["text"]


@pytest.mark.parametrize(
    ("published", "since", "told", "hours", "said"),
    [
        (50, 90, 0, 48, "are stale"),  # Stale, and nobody was told.
        (47, 90, 0, 48, ""),
        (50, 90, 1, 48, ""),  # Told, and still stale,
        (97, 99, 48, 48, ""),  # however long.
        (1, 90, 30, 48, "are loaded again"),  # Told, then published,
        (50, 300, 200, 48, "are loaded again"),  # though stale again: that comes after it.
        (None, 47, 0, 48, ""),  # Never published: counted from the first look.
        (None, 49, 0, 48, "are stale"),
        (None, 49, 1, 48, ""),
        (9_999, 9_999, 0, 0, ""),  # Turned off.
        (1, 90, 30, 0, "are loaded again"),
        (-5, 90, 0, 48, ""),  # A clock that goes ahead.
    ],
)
def test_staleness_is_told_once_and_its_end_once(
    published: float | None, since: float, told: float, hours: int, said: str
) -> None:
    now = 1_700_000_000.0
    fresh = Freshness(
        None if published is None else now - published * HOUR, None, now - since * HOUR
    )
    message = staleness(fresh, now - told * HOUR if told else 0, now, hours)
    assert said in message["text"] if message and said else message is None and not said


# --- sending ----------------------------------------------------------------------------


def test_a_message_is_tried_again_until_the_webhook_takes_it() -> None:
    with receiver([500, 429]) as hook:
        assert send(hook.url, {"text": "Grüße"}, pause=0.01).state == "sent"
    assert (hook.texts, hook.asked) == (["Grüße"], 3)


def test_three_tries_are_enough(caplog: pytest.LogCaptureFixture) -> None:
    with receiver([500] * 9) as hook, caplog.at_level(logging.WARNING):
        found = send(hook.url, {"text": "x"}, pause=0.01)
    assert (found.state, found.why, hook.asked) == ("unreachable", "answered 500", 3)
    assert "answered 500" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
def test_a_refusal_is_not_asked_again_and_no_redirect_is_followed(status: int) -> None:
    with receiver([status]) as hook:
        found = send(hook.url, {"text": "x"}, pause=0.01)
    assert (found.state, found.why, hook.asked) == ("refused", f"answered {status}", 1)


def test_a_webhook_that_hangs_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    with receiver([0, 0, 0]) as hook, caplog.at_level(logging.WARNING):
        found = send(hook.url, {"text": "x"}, timeout=0.2, pause=0.01)
        took = time.monotonic() - began
    assert (found.state, found.why) == ("unreachable", "did not answer within 0.2 s")
    assert took < 3
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/{token}", "http://no.such.host.invalid/{token}", "http://h /{token}"],
)
def test_a_webhook_that_is_not_there_fails_nothing_and_is_not_named(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        there = url.format(port=probe.getsockname()[1], token=TOKEN)
        with caplog.at_level(logging.DEBUG):
            found = send(there, {"text": "x"}, timeout=0.5, pause=0.01)
    assert found.state == "unreachable"
    assert found.why.startswith("could not be reached (")
    assert TOKEN not in caplog.text + found.why


# --- the sensors ------------------------------------------------------------------------


@dg.asset(
    name="songplay",
    check_specs=[dg.AssetCheckSpec(name, asset="songplay") for name in ("error", "warning")],
)
def play(context: dg.AssetExecutionContext) -> Iterator[object]:
    how = context.run.tags.get("how", "")
    if how == "failure":
        day, tried = context.run.tags.get("day", DAY), int(context.run.tags.get("tried", "1"))
        reason = f"{day} was not published: broken."
        parts = [FailedPart(day, reason, tried, given_up=tried >= 3)]
        raise dg.Failure(reason, metadata=failed_metadata(parts))
    if how == "whole":
        raise dg.Failure("The lake cannot be listed.")
    if how == "day":
        yield dg.AssetMaterialization("staging_events_table", partition=DAY)
    if how == "surprise":
        raise ValueError("Ada Byron lives in Reno")
    yield dg.MaterializeResult()
    sample = dg.TableRecord({"name": "Ada"})
    for name, severity in (
        ("error", dg.AssetCheckSeverity.ERROR),
        ("warning", dg.AssetCheckSeverity.WARN),
    ):
        yield dg.AssetCheckResult(
            check_name=name,
            passed=how != name,
            severity=severity,
            description="Not so. For example: `name Ada`.",
            metadata={"sample": dg.MetadataValue.table([sample])},
        )


JOBS = ("load", "__ASSET_JOB", "somebody_elses")
DEFS = dg.Definitions(
    assets=[play],
    jobs=[dg.define_asset_job(name, selection="songplay") for name in JOBS if name[0] != "_"],
)


class Daemon:
    """Ticks the sensors over an instance, as the daemon does, keeping their cursors."""

    def __init__(self, instance: dg.DagsterInstance, url: str, hours: int = 48) -> None:
        settings = AlertsSettings(webhook=SecretStr(url), stale_hours=hours)
        self.runs, self.staleness = alert_sensors.alert_sensors(settings, OFTEN)
        self.instance = instance
        self.cursor: str | None = None

    def run(self, how: str = "", job: str = "load", **tags: str) -> str:
        definition = DEFS.resolve_job_def(job)
        done = definition.execute_in_process(
            instance=self.instance, tags={"how": how, **tags}, raise_on_error=False
        )
        return done.run_id

    def tick(self, sensor: dg.SensorDefinition | None = None) -> str:
        context = dg.build_sensor_context(self.instance, cursor=self.cursor)
        data = (sensor or self.runs).evaluate_tick(context)
        self.cursor = data.cursor
        assert not data.run_requests
        return data.skip_message or ""


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as got:
        yield got


@pytest.fixture
def daemon(hook: Receiver) -> Iterator[Daemon]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance, hook.url)


@pytest.fixture
def daemon_on_files(hook: Receiver, tmp_path: Path) -> Iterator[Daemon]:
    """The same over SQLite files, which hold the events of each run apart."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield Daemon(instance, hook.url)


@pytest.mark.parametrize("job", ["load", "__ASSET_JOB"])
def test_a_failed_run_is_told_once_with_reason_day_and_next_step(
    daemon_on_files: Daemon, hook: Receiver, job: str
) -> None:
    daemon = daemon_on_files
    run = daemon.run("failure", job)
    assert daemon.tick() == "sent 1 message"
    (text,) = hook.texts
    for part in (run, f"`{job}`", "2018-11-04 was not published: broken.", "sparkify retry"):
        assert part in text
    assert daemon.tick() == "nothing to tell"
    daemon.cursor = "garbage"  # As after a tick that died.
    daemon.tick()
    assert len(hook.texts) == 1
    daemon.run("failure", tried="2")
    daemon.tick()
    assert len(hook.texts) == 1, "what was told is remembered from the runs that were told"


def titles(hook: Receiver) -> list[str]:
    return [text.splitlines()[0].removeprefix("Sparkify: ") for text in hook.texts]


def test_a_day_is_told_when_it_fails_is_given_up_and_loads_again_whoever_loads_it(
    daemon_on_files: Daemon, hook: Receiver
) -> None:
    daemon = daemon_on_files
    for tried in "1234":
        daemon.run("failure", "__ASSET_JOB" if tried == "2" else "load", tried=tried)
        daemon.tick()
    daemon.run("failure", day="2018-11-05")
    daemon.run("day")
    daemon.run("day")
    daemon.run("failure")
    daemon.tick()
    assert titles(hook) == [
        f"{DAY} failed.",
        f"{DAY} is given up: tried 3 times, left alone until the lake changes or `sparkify retry`.",
        "2018-11-05 failed.",
        f"{DAY} is loaded again.",
        f"{DAY} failed.",
    ]


def test_a_day_that_loaded_in_a_run_somebody_ended_is_told_and_the_run_is_not(
    daemon_on_files: Daemon, hook: Receiver
) -> None:
    daemon = daemon_on_files
    daemon.run("failure")
    instance = daemon.instance
    run = instance.create_run_for_job(DEFS.resolve_job_def("load"))
    day = dg.AssetMaterialization("staging_events_table", partition=DAY)
    told = DagsterEvent(
        DagsterEventType.ASSET_MATERIALIZATION.value, "load",
        event_specific_data=StepMaterializationData(day),
    )  # fmt: skip
    instance.report_dagster_event(told, run.run_id)
    instance.report_run_canceled(run)
    daemon.tick()
    assert titles(hook) == [f"{DAY} failed.", f"{DAY} is loaded again."]


def test_a_run_without_an_error_of_its_own_is_told_by_what_ended_it_until_a_load_works(
    daemon: Daemon, hook: Receiver
) -> None:
    for _ in range(2):
        run = daemon.instance.create_run_for_job(DEFS.resolve_job_def("load"))
        daemon.instance.report_run_failed(run, "its process is gone since 12:00 UTC")
    daemon.tick()
    assert titles(hook) == ["the load failed."]
    assert "• its process is gone since 12:00 UTC" in hook.texts[0]
    daemon.run()
    daemon.tick()
    assert titles(hook)[1:] == ["the load works again."]


def test_the_last_run_the_sensor_asks_for_says_that_it_gives_up(
    daemon: Daemon, hook: Receiver
) -> None:
    for number in (1, 2, 3):
        daemon.run("whole", **{REQUEST_TAG: "abc", "dagster/run_key": f"abc#{number}"})
    daemon.tick()
    assert titles(hook) == [
        "the load failed.",
        "the load is given up: tried 3 times, left alone until the lake changes or "
        "`sparkify retry`.",
    ]


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5_000, "-1", "\u0663", ""])
def test_whatever_a_launch_says_in_its_tags_its_failure_is_told(
    daemon: Daemon, hook: Receiver, number: str
) -> None:
    daemon.run("whole", **{REQUEST_TAG: "abc", "dagster/run_key": f"abc#{number}"})
    daemon.run("failure", day="2018-11-05")
    daemon.tick()
    assert titles(hook)[0].startswith(("the load failed", "the load is given up"))
    assert "2018-11-05 failed." in titles(hook)


@pytest.mark.parametrize(
    "cursor",
    [
        "[" * 100_000,
        '{"version": 2, "known": {"a": []}}',
        '{"version": 2, "known": ["a"]}',
        '{"version": 2, "failures": 0.5}',
        '{"version": 2, "failures": 1e300}',
        '{"version": 2, "wait_until": 1e999}',
        '{"version": [], "since": {}}',
    ],
    ids=lambda cursor: cursor[:40],
)
def test_whatever_a_page_makes_of_a_cursor_what_failed_is_told(
    daemon: Daemon, hook: Receiver, cursor: str
) -> None:
    daemon.run("failure")
    daemon.cursor = cursor
    daemon.tick()
    assert titles(hook) == [f"{DAY} failed."]


def test_the_cursor_of_the_version_before_is_taken_over(daemon: Daemon, hook: Receiver) -> None:
    daemon.run("failure")
    daemon.tick()
    held = json.loads(daemon.cursor or "")
    old = {name: held[name] for name in ("failures", "successes", "wait_until")}
    daemon.cursor = json.dumps({"version": 1, **old})
    assert daemon.tick() == "nothing to tell"
    assert json.loads(daemon.cursor)["version"] == 2
    daemon.run("failure", day="2018-11-05")
    daemon.tick()
    assert titles(hook) == [f"{DAY} failed.", "2018-11-05 failed."]


def test_an_error_nobody_foresaw_is_told_by_its_name_only(daemon: Daemon, hook: Receiver) -> None:
    daemon.run("surprise")
    daemon.tick()
    assert "It ended with ValueError" in hook.texts[0]
    assert "Ada" not in hook.texts[0]


def test_a_failed_check_is_told_of_a_run_that_succeeded_and_a_warning_is_not(
    daemon: Daemon, hook: Receiver
) -> None:
    daemon.run("warning")
    daemon.run("")
    daemon.run("error")
    daemon.run("error")
    daemon.run("")
    daemon.tick()
    assert titles(hook) == [
        "check error of songplay failed.", "check error of songplay passes again."
    ]  # fmt: skip
    assert "Check error of songplay: Not so." in hook.texts[0]
    assert "Ada" not in hook.texts[0]


def evaluation(table: str, name: str, *, passed: bool, blocking: bool = False) -> Any:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(table), check_name=name, passed=passed, metadata={},
        severity=dg.AssetCheckSeverity.ERROR, description="Not so.", blocking=blocking,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("check", "parts", "known", "told"),
    [
        (("song", "unique_key", True), (), {}, True),  # Of what is stored, by the job of checks.
        (("song", "unique_key", True), (FAILS,), {}, False),  # Why a part failed: told with it.
        (("song", "schema_matches_model", False), (FAILS,), {}, True),
        (("staging_events_table", "no_failed_loads", False), (), {}, True),
        (("staging_events_table", "no_failed_loads", False), (FAILS,), {}, False),
        (("staging_events_table", "no_failed_loads", False), (), {DAY: "given up"}, False),
        (("staging_songs_table", "no_failed_loads", False), (), {DAY: "given up"}, True),
    ],
)
def test_a_failed_check_is_told_where_it_says_more_than_the_parts_that_failed(
    check: tuple[str, str, bool], parts: tuple[FailedPart, ...], known: Known, told: bool
) -> None:
    failed = evaluation(check[0], check[1], passed=False, blocking=check[2])
    found = list(ended_runs._failed_checks([failed], parts, known))
    assert [part.name for part in found] == [f"check {check[1]} of {check[0]}"] * told


def test_when_no_load_of_a_table_has_failed_all_its_parts_are_well(daemon: Daemon) -> None:
    passed = evaluation("staging_events_table", "no_failed_loads", passed=True)
    known: Known = {DAY: "failed", "the song catalogue": "failed", "the star": "failed"}
    well = ended_runs._well(daemon.instance, daemon.run("whole"), [passed], known)
    assert well == {DAY, "check no_failed_loads of staging_events_table"}


def test_runs_that_are_not_ours_are_not_told(daemon: Daemon, hook: Receiver) -> None:
    daemon.run("failure", "somebody_elses")
    daemon.tick()
    assert hook.texts == []


def test_a_run_that_is_launched_again_is_told_though_it_inherits_the_tag(
    daemon: Daemon, hook: Receiver
) -> None:
    first = daemon.run("failure")
    daemon.tick()
    run = daemon.instance.get_run_by_id(first)
    assert run is not None
    tag = {alert_sensors.TOLD_TAG: run.tags[alert_sensors.TOLD_TAG]}
    second = daemon.run("failure", day="2018-11-05", **tag)
    daemon.tick()
    assert second in hook.texts[1]


def test_what_a_webhook_did_not_take_is_told_later_once_and_what_it_refuses_is_not(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts.time, "sleep", lambda _: None)
    hook.answers = [500, 500, 500]
    first = daemon.run("failure")
    second = daemon.run("failure", day="2018-11-05")
    assert "answered 500; tried again later" in daemon.tick()
    assert "could not be reached" in daemon.tick()  # It is left alone for a while.
    assert hook.asked == 3
    monkeypatch.setattr(alert_sensors, "_SILENCE", 0)
    hook.answers = [404]
    assert daemon.tick() == "sent 1 message"
    assert [first in text or second in text for text in hook.texts] == [True]
    assert second in hook.texts[0]


def test_a_webhook_that_breaks_between_two_messages_of_a_run_gets_the_other_one_later(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts.time, "sleep", lambda _: None)
    monkeypatch.setattr(alert_sensors, "_SILENCE", 0)
    daemon.run("whole")
    daemon.tick()
    daemon.run("failure")
    hook.answers = [200, 500, 500, 500]
    daemon.tick()
    assert titles(hook)[1:] == [f"{DAY} failed."]
    daemon.tick()
    daemon.tick()
    assert titles(hook)[1:] == [f"{DAY} failed.", "the load works again."]


def test_a_tick_does_a_bounded_number_and_the_next_one_goes_on_in_the_order_of_the_runs(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_sensors, "_AT_ONCE", 2)
    for day in (DAY, "2018-11-05", "2018-11-06"):
        daemon.run("failure", day=day)
    daemon.run("day")
    daemon.run("failure")
    assert [daemon.tick() for _ in range(4)] == [
        "sent 2 messages", "sent 2 messages", "sent 1 message", "nothing to tell",
    ]  # fmt: skip
    assert titles(hook) == [
        f"{DAY} failed.", "2018-11-05 failed.", "2018-11-06 failed.",
        f"{DAY} is loaded again.", f"{DAY} failed.",
    ]  # fmt: skip


def test_a_tick_that_takes_long_leaves_the_rest_to_the_next(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.run("failure")
    daemon.run("failure", day="2018-11-05")
    kept = alert_sensors._TICK_SECONDS
    monkeypatch.setattr(alert_sensors, "_TICK_SECONDS", -1.0)
    assert daemon.tick() == "nothing to tell"
    monkeypatch.setattr(alert_sensors, "_TICK_SECONDS", kept)
    assert daemon.tick() == "sent 2 messages"


def test_runs_of_long_ago_are_not_told_when_alerts_are_turned_on(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.run("failure")
    monkeypatch.setattr(alert_sensors, "_LOOK_BACK", -60.0)
    daemon.tick()
    assert hook.texts == []
    daemon.run("failure")
    daemon.tick()
    assert len(hook.texts) == 1


def test_when_all_runs_were_deleted_the_next_failure_is_told(
    daemon_on_files: Daemon, hook: Receiver
) -> None:
    daemon = daemon_on_files
    for _ in range(3):
        daemon.run("failure")
    daemon.tick()
    daemon.instance.wipe()
    assert daemon.tick() == "nothing to tell"
    daemon.run("failure", day="2018-11-05")
    daemon.run("day")
    daemon.tick()
    assert titles(hook) == [f"{DAY} failed.", "2018-11-05 failed.", f"{DAY} is loaded again."]


def test_staleness_and_its_end_are_told_from_the_records_alone(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.run()
    assert daemon.tick(daemon.staleness) == "nothing to tell"
    now = time.time()
    monkeypatch.setattr(alert_sensors.time, "time", lambda: now + 49 * HOUR)
    hook.answers = [403]
    assert "answered 403" in daemon.tick(daemon.staleness)
    assert daemon.tick(daemon.staleness) == "sent 1 message"
    assert "49 hours ago" in hook.texts[0]
    monkeypatch.setattr(alert_sensors.time, "time", lambda: now + 98 * HOUR)
    assert daemon.tick(daemon.staleness) == "nothing to tell"
    monkeypatch.setattr(alert_sensors, "_published", lambda _: now + 98 * HOUR)
    assert daemon.tick(daemon.staleness) == "sent 1 message"
    assert daemon.tick(daemon.staleness) == "nothing to tell"
    assert titles(hook) == ["the tables are stale.", "the tables are loaded again."]


@pytest.mark.parametrize("told", [-99 * HOUR, HOUR])
def test_what_the_version_before_told_of_staleness_is_not_told_again(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch, told: float
) -> None:
    daemon.run()
    now = time.time()
    monkeypatch.setattr(alert_sensors.time, "time", lambda: now + 2 * HOUR)
    sensor = alert_sensors.alert_sensors(
        AlertsSettings(webhook=SecretStr(hook.url), stale_hours=1 if told > 0 else 48), OFTEN
    )[1]
    daemon.cursor = json.dumps({"version": 1, "since": now - 999 * HOUR, "told": now + told})
    daemon.tick(sensor)
    assert hook.texts == []


def test_a_daemon_that_never_saw_a_load_tells_after_as_long(
    daemon: Daemon, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.tick(daemon.staleness)
    now = time.time()
    monkeypatch.setattr(alert_sensors.time, "time", lambda: now + 49 * HOUR)
    daemon.tick(daemon.staleness)
    assert "Nothing was published" in hook.texts[0]


def test_the_sensors_are_on_only_with_a_webhook(daemon: Daemon) -> None:
    off = alert_sensors.alert_sensors(AlertsSettings(), OFTEN)
    on = dg.DefaultSensorStatus.RUNNING
    assert {sensor.default_status for sensor in (daemon.runs, daemon.staleness)} == {on}
    assert on not in {sensor.default_status for sensor in off}
    assert all("no webhook" in daemon.tick(sensor) for sensor in off)  # Started by hand.


# --- freshness --------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [0, 1, 48, 87_600])
def test_every_table_has_a_freshness_policy_unless_it_is_turned_off(hours: int) -> None:
    days = log_days(DaysSettings().first, None)
    specs = table_specs("duckdb", "sparkify", "w.duckdb", days, stale_hours=hours)
    windows = {
        spec.key.to_user_string(): spec.freshness_policy and _hours(spec.freshness_policy)
        for spec in specs
    }
    assert set(windows) == {t.name for t in TABLES.values() if t.layer is not Layer.LEDGER}
    assert windows["songplay"] == ((hours, hours / 2) if hours else None)
    assert windows["staging_songs_table"] == ((hours * 15, hours * 7.5) if hours else None)


def _hours(policy: dg.FreshnessPolicy) -> tuple[float, float]:
    windows = (policy.fail_window, policy.warn_window)  # type: ignore[attr-defined]
    fail, warn = (window.to_timedelta().total_seconds() / HOUR for window in windows)
    return fail, warn
