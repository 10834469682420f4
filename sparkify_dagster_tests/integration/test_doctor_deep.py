"""`sparkify doctor --deep` tries every statement of a load on the cluster; nothing of it stays."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sparkify_dagster.pipeline import deep_check
from sparkify_dagster.pipeline.deep_check import check_deeply
from sparkify_dagster.warehouse.engine import Transient
from sparkify_dagster_tests.integration.cli_process import COMMAND, sparkify, until
from sparkify_dagster_tests.integration.dagster_dev import environment
from sparkify_dagster_tests.integration.test_redshift_trouble import Place
from sparkify_dagster_tests.lakes import event, lines, log_key, put, song
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import S3Server

pytestmark = pytest.mark.integration

_OWN = re.compile(r'"t[0-9a-f]+"\."(?:tried_by_doctor_[0-9a-f]{8}_)?')
_LITERAL = re.compile(
    r"'(?:[^']|'')*'(?:::\w[\w ]*)?|\b(?:NULL|true|false)\b|(?<![\w\"])-?\d+(?:\.\d+)?\b"
)
_LIST = re.compile(r"\?(?:, ?\?)+")
_NOTES = re.compile(r"\A(?:EXPLAIN )?(?:--[^\n]*\n)*")
# Questions that are asked together: which ones are depends on what a load touched.
_TOGETHER = re.compile(r" UNION ALL (?=SELECT \? AS (?:number|name),)")
_OF_TRANSACTIONS = re.compile(r"BEGIN|COMMIT|ROLLBACK|SET |DROP TABLE [^.]+$")


@pytest.fixture
def place(double: Double, s3: S3Server, tmp_path: Path) -> Iterator[Place]:
    yield Place(double, s3, tmp_path)
    double.faults.clear()


def shape(statement: str) -> str:
    """A statement without what differs from load to load: names of tables, and literals."""
    text = _OWN.sub('"s"."', _NOTES.sub("", statement)).replace("GZIP\n", "")
    text = _LIST.sub("?", _LITERAL.sub("?", text))
    return re.sub(r"\(\?\)(?:, ?\(\?\))+", "(?)", " ".join(text.split()))


def shapes(double: Double) -> dict[str, str]:
    """The shapes of what was sent since the last `forget`, each with a statement of it."""
    sent = (text for text in double.statements() if not _OF_TRANSACTIONS.match(text))
    return {part: text for text in sent for part in _TOGETHER.split(shape(text))}


@pytest.mark.drill
def test_every_statement_of_real_loads_was_tried_before(place: Place) -> None:
    place.double.forget()
    with place.double.table_info_granted():
        stages = check_deeply(place.warehouse, "").stages
    assert [tried for tried in stages if tried.refused] == []
    assert left(place) == place.s3.keys(f"{place.lake.base}/_staging") == []
    tried = shapes(place.double)
    place.double.forget()
    changes: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: place.deliver(1, event(sessionId=9)),
        lambda: place.lake.put_song("0.json", song(song_id="SO0", title="T2")),
        lambda: put(place.lake.logs / log_key("2018-11-03"), lines(event()) * 12 + b"{"),
        lambda: put(place.lake.aliases, lines({"song": "S", "artist": "A", "song_id": "SO0"})),
        lambda: put(place.lake.forgotten, b"1"),
        lambda: place.deliver(2, event(userId="1", sessionId=7), event(userId="2", sessionId=8)),
        place.lake.forgotten.unlink,
    )
    for change in changes:
        change()
        place.load()
    sent = shapes(place.double)
    missed = sorted(text for found, text in sent.items() if found not in tried)
    assert not missed, "\n\n".join(missed)
    assert len(sent) > 200


@pytest.mark.drill
def test_what_is_refused_is_named_with_its_remedy_and_the_rest_is_tried_all_the_same(
    place: Place, tmp_path: Path
) -> None:
    fail = place.double.faults.fail
    fail("OCTET_LENGTH", "0A000", "function octet_length() is odd", times=9)
    fail('TABLE "touched_user" AS', "0A000", "CASE is odd", times=9)
    fail('songplay" .*ENCODE', "0A000", "ENCODE is odd", times=9)
    fail("svv_table_info", "42501", "permission denied for relation svv_table_info", times=9)
    leave(place, "tried_by_doctor_0123abcd_song", "tried_by_doctor_by_hand")
    said = sparkify(tmp_path, "doctor", "--deep", "--json", **variables(place))
    found = {line["check"]: line for line in said.json if line["check"].startswith("deep")}
    bad = {check: line for check, line in found.items() if line["state"] != "ok"}
    stages = ("deep tables", "deep copy", "deep refresh", "deep views")
    songplay, doubts, touched, view = (
        next(line for check, line in bad.items() if check.startswith(f"{stage} "))
        for stage in stages
    )
    assert len(bad) == 2 * len(stages), "plain tables stand in for those that are refused"
    assert said.code == 1
    assert songplay["statement"].startswith(f'CREATE TABLE IF NOT EXISTS "{place.schema}"."songpl')
    assert songplay["next_step"].startswith("nothing goes round it")
    assert 'SELECT COUNT(*) FROM (SELECT * FROM "' in doubts["found"]
    assert "function octet_length() is odd" in doubts["found"]
    assert doubts["next_step"].startswith("[LOAD] DIRECT_COPY=no")
    assert "CASE is odd" in touched["found"]
    assert "etl --full" in touched["next_step"]
    assert (view["state"], bad["deep views"]["state"]) == ("warning", "warning")
    assert "GRANT SELECT ON svv_table_info" in view["next_step"]
    assert "4 refused" in found["deep"]["found"]
    assert "dropped 1 table of a check that died" in found["deep"]["found"]
    assert left(place) == ["tried_by_doctor_by_hand"], "of another name, so another's"


def leave(place: Place, *names: str) -> None:
    """Makes tables as if somebody had left them."""
    connection = place.double.behind()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {place.schema} AUTHORIZATION sparkify")
        for name in names:
            cursor.execute(f"CREATE TABLE {place.schema}.{name} (number BIGINT)")
            cursor.execute(f"ALTER TABLE {place.schema}.{name} OWNER TO sparkify")
    connection.close()


def left(place: Place) -> list[str]:
    """What stands in the schema."""
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace IN "
            "(SELECT oid FROM pg_namespace WHERE nspname = %s)",
            [place.schema],
        )
        return [row[0] for row in cursor.fetchall()]


def variables(place: Place) -> dict[str, str]:
    """The settings as variables of the environment."""
    double, base = place.double, place.lake.base
    return place.s3.environ() | {
        "SPARKIFY_CLUSTER__HOST": double.host,
        "SPARKIFY_CLUSTER__DB_PORT": str(double.port),
        "SPARKIFY_CLUSTER__DB_NAME": double.database,
        "SPARKIFY_CLUSTER__DB_USER": double.user,
        "SPARKIFY_CLUSTER__DB_PASSWORD": double.password,
        "SPARKIFY_CLUSTER__SSLROOTCERT": str(double.ca_file),
        "SPARKIFY_IAM_ROLE__ARN": double.role,
        "SPARKIFY_S3__LOG_DATA": f"{base}/log_data",
        "SPARKIFY_S3__LOG_JSONPATH": f"{base}/log_json_path.json",
        "SPARKIFY_S3__SONG_DATA": f"{base}/song_data",
        "SPARKIFY_S3__STAGING": f"{base}/_staging",
        "SPARKIFY_AWS__REGION": place.s3.region,
        "SPARKIFY_AWS__ENDPOINT_URL": place.s3.endpoint,
        "SPARKIFY_LOAD__SCHEMA": place.schema,
    }


@pytest.mark.drill
def test_it_ends_where_very_much_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_check, "MOST_REFUSALS", 3)
    place.double.faults.fail("^COMMENT", "0A000", "no comment", times=99)
    found = check_deeply(place.warehouse, "")
    assert sum(len(tried.refused) for tried in found.stages) == 3
    assert sum(tried.skipped for tried in found.stages) > 300


def test_a_lost_connection_is_no_refusal(place: Place) -> None:
    place.double.faults.cut_during("CREATE TABLE")
    with pytest.raises(Transient, match="connection was lost"):
        check_deeply(place.warehouse, "")
    assert place.s3.keys(f"{place.lake.base}/_staging") == []


@pytest.mark.drill
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_it_is_stopped(
    place: Place, tmp_path: Path, how: signal.Signals
) -> None:
    place.double.faults.delay("fresh_songplay", 6)
    place.lake.sync()
    place.double.forget()
    command = [*COMMAND, "doctor", "--deep"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(variables(place))) as process:
        until(lambda: any("fresh_songplay" in text for text in place.double.statements()))
        process.send_signal(how)
        process.wait(20)
    until(lambda: sessions(place) == 0)
    assert left(place) == []
    if how is signal.SIGKILL:  # A load sweeps it up, a day later.
        assert len(place.s3.keys(f"{place.lake.base}/_staging")) > 0
        place.warehouse.staging.sweep(timedelta(0))
    assert place.s3.keys(f"{place.lake.base}/_staging") == []


def sessions(place: Place) -> int:
    """How many the platform has open."""
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'sparkify'")
        return int(cursor.fetchone()[0])
