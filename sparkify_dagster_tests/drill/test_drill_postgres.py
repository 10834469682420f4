"""The failure drill with Dagster's history in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from sparkify_dagster.defs.liveness.heartbeat import BEAT_TAG
from sparkify_dagster_tests.drill.platform import Platform, running
from sparkify_dagster_tests.drill.rounds import ROUNDS, STATES, held_in, play
from sparkify_dagster_tests.redshift_double.postgres import Postgres

pytestmark = [pytest.mark.integration, pytest.mark.drill]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running(tmp_path_factory.mktemp("platform"), "postgres") as made:
        yield made


@pytest.mark.parametrize(("state", "how"), ROUNDS)
def test_whatever_is_killed_all_is_loaded_and_once(
    platform: Platform, state: str, how: str
) -> None:
    play(platform, state, how)


def test_two_daemons_that_launch_the_same_run_load_each_day_once_and_the_log_says_that_they_are_two(
    platform: Platform,
) -> None:
    before = len(platform.runs())
    second = platform.spawn("daemon")
    try:
        day = platform.drop_a_day()
        with platform.held("before-PIPELINE_STARTING", processes=2):
            pass  # Both have seen that it is queued, and will launch it.
        platform.well()
        another = platform.drop_a_day()
        platform.well()
        assert platform.times_loaded(day, another) == [1, 1]
        # Ticks at the same moment may ask for a run each; the later one finds nothing to load.
        assert set(list(platform.runs().values())[before:]) == {"SUCCESS"}
        assert "multiple daemon processes" in (platform.folder / "daemon.log").read_text()
    finally:
        second.kill()
        second.wait()


def test_a_run_that_went_with_its_machine_is_ended_and_loaded_again(
    platform: Platform,
) -> None:
    platform.kill("code")
    on_a_pod = ["unshare", "--uts", "sh", "-c", 'hostname a-pod; exec "$@"', "sh"]
    platform.running["code"] = platform.spawn("code", *on_a_pod)
    platform.start("code")
    day = platform.drop_a_day()
    with held_in(platform, STATES["started"]):
        run = list(platform.runs())[-1]
        platform.until(lambda: _has_told(platform, run))
        platform.kill("code", "worker")
    took = platform.well()
    print(f"evicted: loaded after {took:.0f} s")
    assert platform.times_loaded(day) == [1]
    assert platform.runs()[run] == "FAILURE"
    assert any("no sign of life" in message for message in platform.messages(run))


def test_a_database_that_fails_over_to_a_copy_elsewhere_may_lack_what_came_last(
    platform: Platform,
) -> None:
    platform.well()
    gone = platform.postgres
    assert gone
    copy = Postgres(synchronous_commit="on")
    copy.start(copied=gone)
    forgotten = platform.drop_a_day()
    platform.well()
    platform.postgres = copy
    gone.stop()
    platform.moved(PORT=str(copy.port))
    day = platform.drop_a_day()
    platform.well()
    assert platform.times_loaded(forgotten, day) == [1, 1]


def test_a_history_is_restored_from_a_dump_under_another_user_whose_password_then_changes(
    platform: Platform,
) -> None:
    platform.well()
    server = platform.postgres
    assert server
    server.run("pg_dump", *server.address(), "-Fc", "--no-owner", "-f", "dump", "postgres")
    forgotten = platform.drop_a_day()
    platform.well()
    _ask(server, "CREATE ROLE dagster LOGIN PASSWORD 'first'")
    _ask(server, "CREATE DATABASE restored OWNER dagster")
    into = ("--no-owner", "--role=dagster", "-d", "restored", "dump")
    server.run("pg_restore", *server.address(), *into)
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text("host all dagster all scram-sha-256\n" + rules.read_text())
    _ask(server, "SELECT pg_reload_conf()")
    platform.moved(DB="restored", USER="dagster", PASSWORD="first")
    platform.well()
    _ask(server, "ALTER ROLE dagster PASSWORD 'second'")
    for said in platform.told():
        assert 'password authentication failed for user "dagster"' in said
    day = platform.drop_a_day()
    platform.moved(PASSWORD="second")
    platform.well()
    assert platform.times_loaded(forgotten, day) == [1, 1]


def test_connections_to_the_database_do_not_add_up_over_all_these_ticks(
    platform: Platform,
) -> None:
    ((ticks,),) = platform.rows("SELECT COUNT(*) FROM job_ticks")
    ((connections,),) = platform.rows("SELECT COUNT(*) FROM pg_stat_activity")
    assert ticks > 50
    assert connections < 30


def _has_told(platform: Platform, run: str) -> None:
    query = f"SELECT value FROM run_tags WHERE run_id = '{run}' AND key = '{BEAT_TAG}'"
    assert platform.rows(query)


def _ask(server: Postgres, statement: str) -> None:
    with closing(server.connect("postgres")) as held, held.cursor() as cursor:
        cursor.execute(statement)
