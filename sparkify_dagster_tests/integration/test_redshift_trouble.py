"""What goes wrong between us and Redshift: the next step is said, nothing is lost, nothing doubled.

The connection is cut and statements are refused by what stands in for Redshift, on the wire; the
platform speaks to it as it would to a cluster.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from sparkify_dagster.analysis.answers import fetch
from sparkify_dagster.analysis.export import export
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.warehouse import RedshiftWarehouse
from sparkify_dagster_tests.lakes import (
    Outcome,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    log_key,
    song,
)
from sparkify_dagster_tests.pairs import SyncedLake, cloud_lake, redshift_at
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration
CONFLICT = (
    "1023: Detail: Serializable isolation violation on table in Redshift, transactions "
    "forming the cycle are: 1, 2 (pid:3)"
)


class Place:
    """A small lake in S3 and a schema of its own to load it into."""

    def __init__(self, double: Double, s3: S3Server, folder: Path) -> None:
        self.double = double
        self.s3 = s3
        self.lake: SyncedLake = cloud_lake(s3, folder / "lake")
        self.schema = f"t{abs(hash(folder)):x}"
        self.waits: list[str] = []
        self.warehouse = self.opened()
        for number in range(3):
            self.lake.put_song(f"{number}.json", song(song_id=f"SO{number}", title=f"T{number}"))
            self.deliver(number)

    def opened(self, **changes: Any) -> RedshiftWarehouse:
        """The warehouse, with other settings where asked for."""
        made = redshift_at(self.double, self.s3, self.lake, self.schema, **changes)
        assert isinstance(made, RedshiftWarehouse)
        made.on_wait = self.waits.append
        return made

    def deliver(self, number: int, *more: object) -> None:
        """A log day of three plays, and what else is given."""
        plays = [event(sessionId=number, itemInSession=n, song=f"T{n}") for n in range(3)]
        self.lake.put_log(log_key(f"2018-11-0{number + 1}"), *plays, *more)

    def load(self, **options: Any) -> Outcome:
        return bring_up_to_date(self.lake.open(), self.warehouse, **options)

    def is_right(self) -> None:
        """Every table is the oracle's, and no file is left in the staging area."""
        assert_equals_oracle(self.warehouse, self.lake.expected())
        assert self.s3.keys(f"{self.lake.base}/_staging") == []

    def doubles(self) -> list[Any]:
        """Loads that stand in the history twice."""
        with self.warehouse.reading() as session:
            return session.query(
                f"SELECT load_id, target, part FROM {self.schema}.load_history "
                "GROUP BY load_id, target, part HAVING COUNT(*) > 1"
            )

    def count(self, table: str) -> int:
        with self.double.behind() as connection, connection.cursor() as cursor:
            cursor.execute(f'SELECT COUNT(*) FROM "{self.schema}"."{table}"')
            return int(cursor.fetchone()[0])


@pytest.fixture
def place(double: Double, s3: S3Server, tmp_path: Path) -> Iterator[Place]:
    yield Place(double, s3, tmp_path)
    double.faults.clear()


# --------------------------------------------------------------------------------------------------
# The connection breaks
# --------------------------------------------------------------------------------------------------

CUTS = {
    "before the first setting": ("cut_before", "^SET statement_timeout"),
    "before the label": ("cut_before", "^SET query_group"),
    "while looking at what is loaded": ("cut_before", "^SELECT COALESCE.*load_history"),
    "before the lock is taken": ("cut_before", "^LOCK"),
    "before COPY": ("cut_before", "^COPY"),
    "in the middle of COPY": ("cut_during", "^COPY"),
    "between COPY and the rows' move": ("cut_after", "^COPY"),
    "before COMMIT is sent": ("cut_before", "^COMMIT"),
    "while COMMIT is done": ("cut_during", "^COMMIT"),
    "after COMMIT was done and before it was told": ("cut_after", "^COMMIT"),
    "in the middle of the star": ("cut_after", 'INSERT INTO "t[0-9a-f]+"."songplay"'),
}


@pytest.mark.parametrize("where", CUTS)
def test_a_connection_that_is_cut_costs_another_try_and_nothing_else(
    place: Place, where: str
) -> None:
    cut, pattern = CUTS[where]
    getattr(place.double.faults, cut)(pattern)
    outcome = place.load()
    assert outcome.failed == set()
    assert len(place.waits) == 1
    assert "the connection was lost" in place.waits[0] or "ended the connection" in place.waits[0]
    place.is_right()
    assert [report.entry.part for report in outcome.days] == [
        "2018-11-01",
        "2018-11-02",
        "2018-11-03",
    ]
    assert place.doubles() == []
    assert place.load().todo.is_nothing


def test_a_commit_nobody_heard_of_is_found_in_the_history_and_not_done_again(place: Place) -> None:
    place.load()
    place.deliver(0, event(sessionId=9))
    place.double.forget()
    place.double.faults.cut_after("^COMMIT")
    outcome = place.load()
    copies = [text for text in place.double.statements() if text.startswith("COPY")]
    assert len(copies) == 1
    assert [report.path for report in outcome.days] == ["copy"]
    with place.warehouse.reading() as session:
        history = session.query(
            f"SELECT COUNT(*) FROM {place.schema}.load_history WHERE part = '2018-11-01'"
        )
    assert history == [(2,)]
    place.is_right()


def test_a_connection_that_breaks_each_time_ends_the_load_with_the_old_rows_in_place(
    place: Place,
) -> None:
    place.load()
    held = place.count("staging_events_table")
    place.deliver(0, event(sessionId=9))
    place.double.faults.cut_during("^COPY", times=99)
    with pytest.raises(WarehouseError, match=r"Tried 4 times"):
        place.load()
    assert place.count("staging_events_table") == held
    place.double.faults.clear()
    assert place.load().failed == set()
    place.is_right()


def test_a_serialization_conflict_is_tried_again(place: Place) -> None:
    place.double.faults.fail("^INSERT INTO .*songplay", "XX000", CONFLICT)
    place.load()
    assert "another load wrote at the same time" in place.waits[0]
    place.is_right()


def test_two_loads_at_once_take_turns(place: Place) -> None:
    other = place.opened()
    lake = place.lake.open()
    failures: list[BaseException] = []

    def load(warehouse: RedshiftWarehouse) -> None:
        try:
            bring_up_to_date(lake, warehouse)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=load, args=[w]) for w in (place.warehouse, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    place.load()
    place.is_right()
    assert place.doubles() == []


def test_a_load_waits_until_the_one_before_it_has_committed(place: Place) -> None:
    place.load()
    place.deliver(0, event(sessionId=9))
    seen = place.lake.open()
    place.double.forget()
    place.double.faults.delay("^COPY", 1.5)
    first = threading.Thread(target=bring_up_to_date, args=[seen, place.warehouse])
    first.start()
    deadline = time.monotonic() + 60
    while not any(text.startswith("COPY") for text in place.double.statements()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with place.opened().transaction() as session:
        found = session.query(f"SELECT MAX(load_id) FROM {place.schema}.load_history")
    first.join(timeout=60)
    with place.warehouse.reading() as session:
        last = session.query(
            f"SELECT MAX(load_id) FROM {place.schema}.load_history WHERE part = '2018-11-01'"
        )
    assert found[0][0] >= last[0][0]
    place.is_right()


def test_an_object_whose_name_looks_like_an_error_fails_alone(place: Place) -> None:
    key = log_key("2018-11-04", "1023-could not serialize access.json")
    place.lake.put_log(key, event(sessionId=8))
    place.double.deny_object(f"{place.lake.base}/log_data/{key}")
    outcome = place.load()
    assert [report.path for report in outcome.days] == ["copy", "copy", "copy", "reader"]
    place.is_right()


def test_a_password_that_a_server_repeats_is_cut_out(place: Place) -> None:
    place.double.faults.fail("^SELECT 1", "XX000", f"your password {place.double.password} is old")
    with pytest.raises(WarehouseError) as told, place.warehouse.reading() as session:
        session.query("SELECT 1")
    assert "your password *** is old" in str(told.value)


def test_a_copy_of_our_own_that_is_refused_is_told_with_the_next_step(place: Place) -> None:
    place.lake.put_song("many.json", *(song(song_id=f"SX{n}") for n in range(600)))
    place.double.faults.fail(
        "^COPY .*staging_songs_table", "XX000", "S3ServiceException:Access Denied,Status 403"
    )
    with pytest.raises(WarehouseError, match="sparkify doctor") as told:
        place.load()
    assert place.double.role in str(told.value)
    assert "_staging" in str(told.value)


def test_more_rows_than_a_single_node_gives_at_once_are_fetched_in_steps(place: Place) -> None:
    place.deliver(0, *(event(sessionId=50, itemInSession=n) for n in range(2_500)))
    place.load()
    with place.warehouse.reading() as session:
        rows = fetch(session, f"SELECT * FROM {place.schema}.songplay", 2_100)
    assert len(rows) == 2_100
    with place.warehouse.reading() as session:
        assert len(fetch(session, f"SELECT * FROM {place.schema}.songplay", 9_000)) > 2_400


def test_a_statement_that_takes_too_long_is_stopped_and_says_which_setting(place: Place) -> None:
    place.load()
    place.deliver(0, event(sessionId=9))
    place.double.faults.delay("^COPY", 30)
    slow = place.opened(statement_timeout=1)
    with pytest.raises(WarehouseError, match="STATEMENT_TIMEOUT says how long one may take"):
        bring_up_to_date(place.lake.open(), slow)
    place.double.faults.clear()
    place.load()
    place.is_right()


def test_ctrl_c_ends_a_statement_that_runs(place: Place) -> None:
    place.load()
    place.double.faults.delay("^SELECT 'slow'", 60)
    interrupt = threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT])
    began = time.monotonic()
    interrupt.start()
    with pytest.raises(KeyboardInterrupt), place.warehouse.reading() as session:
        session.query("SELECT 'slow'")
    assert time.monotonic() - began < 20


# --------------------------------------------------------------------------------------------------
# COPY cannot read
# --------------------------------------------------------------------------------------------------


def test_a_day_with_one_bad_line_takes_the_careful_path_and_the_others_do_not(
    place: Place,
) -> None:
    place.deliver(1, b'{"artist": "Mu', *(event(sessionId=5, itemInSession=n) for n in range(9)))
    outcome = place.load()
    assert [report.path for report in outcome.days] == ["copy", "reader", "copy"]
    assert "line 4" in outcome.days[1].copy_refusal
    assert "2018-11-02-events.json" in outcome.days[1].copy_refusal
    assert outcome.days[1].entry.rejects == 1
    place.is_right()


def test_what_copy_noted_is_waited_for_where_it_is_seen_late(place: Place) -> None:
    place.deliver(1, b'{"artist": "Mu')
    place.double.show_errors_late(0.4)
    try:
        outcome = place.load()
    finally:
        place.double.show_errors_late(0)
    assert [report.path for report in outcome.days] == ["copy", "reader", "copy"]
    assert "line 4" in outcome.days[1].copy_refusal
    place.is_right()


def test_a_day_with_too_many_bad_lines_fails_alone_and_keeps_its_rows(place: Place) -> None:
    place.load()
    held = place.lake.expected()
    place.deliver(1, b"[]", b"{}", event(ts="soon"))
    place.deliver(2, event(sessionId=9))
    assert place.load().failed == {"2018-11-02"}
    assert_equals_oracle(place.warehouse, place.lake.expected(held))


def test_a_role_that_copy_cannot_assume_is_named_with_what_to_do(place: Place) -> None:
    place.warehouse.role = "arn:aws:iam::123456789012:role/other"
    with pytest.raises(WarehouseError, match="role/other"):
        place.load()
    assert place.count("staging_events_table") == 0


def test_an_object_that_copy_may_not_read_is_read_by_us(place: Place) -> None:
    key = log_key("2018-11-02")
    place.double.deny_object(f"{place.lake.base}/log_data/{key}")
    outcome = place.load()
    assert [report.path for report in outcome.days] == ["copy", "reader", "copy"]
    assert key in outcome.days[1].copy_refusal
    place.is_right()


def test_an_object_that_vanishes_before_copy_fails_its_day_alone(place: Place) -> None:
    lake = place.lake.open()
    key = log_key("2018-11-02")
    seen = lake.snapshot()
    place.s3.delete(f"{place.lake.base}/log_data/{key}")
    outcome = bring_up_to_date(Listed(lake, seen), place.warehouse)  # type: ignore[arg-type]
    assert outcome.failed == {"2018-11-02"}
    message = next(r.entry.message for r in outcome.days if not r.published)
    assert message is not None
    assert key in message
    assert "vanished after it was listed" in message
    (place.lake.logs / key).unlink()
    assert place.load().failed == set()
    place.is_right()


def test_an_object_overwritten_while_copy_reads_it_is_not_taken_for_what_was_listed(
    place: Place,
) -> None:
    lake = place.lake.open()
    seen = lake.snapshot()
    place.deliver(1, event(sessionId=77))
    place.lake.sync()
    outcome = bring_up_to_date(Listed(lake, seen), place.warehouse)  # type: ignore[arg-type]
    assert outcome.failed == {"2018-11-02"}
    assert place.load().failed == set()
    place.is_right()


class Listed:
    """A lake as it was listed a moment ago."""

    def __init__(self, lake: Any, seen: Any) -> None:
        self._lake = lake
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lake, name)

    def snapshot(self) -> Any:
        return self._seen


def test_buckets_in_two_regions_are_told_apart(double: Double, s3: S3Server, place: Place) -> None:
    s3.make_bucket("elsewhere-far-away", region="eu-west-1")
    place.warehouse.staging = redshift_at(
        double, s3, _based(place.lake, "s3://elsewhere-far-away/lake")
    ).staging  # type: ignore[attr-defined]
    outcome = place.load()
    assert {report.path for report in outcome.days} == {"reader"}
    assert "region" in outcome.days[0].copy_refusal
    place.is_right()


def _based(lake: SyncedLake, base: str) -> SyncedLake:
    other = object.__new__(SyncedLake)
    other.__dict__ = {**lake.__dict__, "base": base}
    return other


def test_an_export_unloads_and_leaves_nothing_behind_wherever_its_connection_breaks(
    place: Place, tmp_path: Path
) -> None:
    place.load()
    place.double.forget()
    place.double.faults.cut_before("^UNLOAD.*songplay")
    place.double.faults.cut_after("^UNLOAD.*staging_events")
    done = export(place.warehouse, tmp_path / "out")
    assert len(place.waits) == 2
    assert done.rows
    assert not any("DECLARE" in said for said in place.double.statements())
    left = place.s3.keys(f"{place.lake.base}/_staging")
    assert len(left) == 3, "what nobody heard of any more: two files and their manifest"
    assert place.warehouse.staging.sweep(timedelta(0)) == 3


def test_an_export_whose_role_may_not_write_says_which_right_is_missing(
    place: Place, tmp_path: Path
) -> None:
    place.load()
    staging = f"{place.lake.base}/_staging"
    place.double.deny_object(staging)
    with pytest.raises(WarehouseError, match=r"UNLOAD cannot write.*Access Denied.*s3:PutObject"):
        export(place.warehouse, tmp_path / "out")
    place.double.allow_object(staging)
    assert not (tmp_path / "out" / "current").exists()


def test_a_staging_area_that_cannot_be_written_is_named(
    double: Double, s3: S3Server, place: Place
) -> None:
    place.warehouse.staging = redshift_at(
        double, s3, _based(place.lake, "s3://no-such-bucket-at-all/x")
    ).staging  # type: ignore[attr-defined]
    with pytest.raises(LakeError, match=r"no-such-bucket-at-all.*STAGING"):
        place.load()


# --------------------------------------------------------------------------------------------------
# Getting in
# --------------------------------------------------------------------------------------------------


def refused(warehouse: RedshiftWarehouse) -> str:
    """What is said when a look is refused."""
    with pytest.raises(WarehouseError) as told, warehouse.reading():
        pass
    return str(told.value)


def test_a_wrong_host_port_database_or_password_is_told_with_the_setting(place: Place) -> None:
    assert "Check [CLUSTER] HOST: no such name" in refused(
        place.opened(host="no.such.host.invalid")
    )
    assert "Nobody listens there" in refused(place.opened(db_port=1))
    assert "Check [CLUSTER] DB_NAME" in refused(place.opened(db_name="nowhere"))
    said = refused(place.opened(db_user="stranger"))
    assert "Check the login of 'stranger'" in said
    assert place.double.password not in said


def test_a_certificate_nobody_vouches_for_is_refused_before_any_password_is_sent(
    place: Place,
) -> None:
    said = refused(place.opened(sslrootcert=None))
    assert "certificate" in said
    assert "HOST name the cluster's own endpoint" in said


def test_no_password_stands_in_what_is_shown_of_a_warehouse(place: Place) -> None:
    assert place.double.password not in repr(place.warehouse)
    assert place.double.password not in repr(place.warehouse.login.credentials())


def test_a_table_altered_by_hand_is_reported_with_the_difference(place: Place) -> None:
    place.load()
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE {place.schema}."user" ADD COLUMN nickname varchar(10)')
    with pytest.raises(WarehouseError, match="column nickname is not in the model"):
        place.load(everything=True)


def test_a_schema_without_rights_is_told(double: Double, place: Place) -> None:
    with double.behind() as connection, connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{place.schema}" AUTHORIZATION postgres')
    with pytest.raises(WarehouseError, match="own the schema"):
        place.load()


# --------------------------------------------------------------------------------------------------
# IAM and Secrets Manager
# --------------------------------------------------------------------------------------------------


def test_a_secret_is_asked_for_once_and_again_when_its_password_is_refused(
    place: Place, s3: S3Server
) -> None:
    client, user = s3.client("secretsmanager"), f"u{place.schema}"
    held = {"username": user, "password": "first-password"}
    place.double.allow_login(user, "first-password")
    made = client.create_secret(Name=place.schema, SecretString=json.dumps(held))

    def hold(text: str) -> None:
        client.put_secret_value(SecretId=made["ARN"], SecretString=text)

    def look() -> None:
        with place.opened(secret_arn=made["ARN"], db_user="").reading() as session:
            assert session.query("SELECT 1") == [(1,)]

    look()
    hold(json.dumps(held | {"password": "second-password"}))
    look()  # With what is kept, which is good still.
    place.double.allow_login(user, "second-password")
    look()
    hold(json.dumps(held | {"password": "wrong-as-can-be"}))
    place.double.allow_login(user, "third-password")
    said = refused(place.opened(secret_arn=made["ARN"], db_user=""))
    assert "Check the login" in said
    assert "wrong-as-can-be" not in said
    hold("no json: tell-nobody")
    said = refused(place.opened(secret_arn=made["ARN"], db_user=""))
    assert "no JSON object with username and password" in said
    assert "tell-nobody" not in said


def test_a_secret_that_is_not_there_is_named_with_the_permission(place: Place) -> None:
    arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:nothing"
    said = refused(place.opened(secret_arn=arn))
    assert arn in said
    assert "secretsmanager:GetSecretValue" in said


def test_iam_gives_a_password_for_a_provisioned_cluster(place: Place, s3: S3Server) -> None:
    client = s3.client("redshift")
    name = f"c{place.schema}"
    client.create_cluster(
        ClusterIdentifier=name, NodeType="ra3.large", MasterUsername="admin",
        MasterUserPassword="Admin-password-1", NumberOfNodes=1,
    )  # fmt: skip
    warehouse = place.opened(cluster_id=name)
    given = warehouse.login.credentials()
    assert given.user.startswith("IAM")
    assert given.password not in repr(given)
    assert re.search("Check the login", refused(warehouse))  # The double does not know it yet.
    said = refused(place.opened(cluster_id="no-such-cluster"))
    assert "redshift:GetClusterCredentials" in said


def test_expired_credentials_are_told_apart_from_a_wrong_password(
    place: Place, double: Double
) -> None:
    double.allow_login("IAMA:sparkify", "short-lived", seconds=0.0)
    warehouse = place.opened(db_user="IAMA:sparkify")
    with pytest.raises(psycopg2.Error):
        psycopg2.connect(
            host=double.host, port=double.port, user="IAMA:sparkify", password="short-lived",
            dbname=double.database, sslmode="verify-full", sslrootcert=str(double.ca_file),
        )  # fmt: skip
    assert "Check the login of 'IAMA:sparkify'" in refused(warehouse)
