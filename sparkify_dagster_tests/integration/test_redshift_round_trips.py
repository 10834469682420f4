"""How often a load asks Redshift, and what becomes of statements that are sent together.

Counted by what stands in for Redshift: a message of the protocol is a round trip, however many
statements are in it. Each load here opens a warehouse of its own, as each command does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sparkify_dagster.core.meter import CONNECTIONS, ROUND_TRIPS
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseError
from sparkify_dagster_tests.lakes import (
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
DAYS = [f"2018-11-{number:02}" for number in range(1, 31)]
_EVENTS = "staging_events_table"
REFUSED = "42601", "syntax error at or near whatever"


@dataclass
class Place:
    """A lake of 30 days and 10,000 songs, and a schema to load it into."""

    double: Double
    s3: S3Server
    lake: SyncedLake
    schema: str

    def opened(self) -> Warehouse:
        return redshift_at(self.double, self.s3, self.lake, self.schema, reader="readers")

    def load(self) -> Warehouse:
        """A load by a warehouse that has no connection yet; what was sent before is forgotten."""
        warehouse, lake = self.opened(), self.lake.open()
        self.double.forget()
        assert bring_up_to_date(lake, warehouse).failed == set()
        return warehouse

    def sent(self, word: str) -> list[str]:
        return [text for text in self.double.statements() if text.startswith(word)]

    def counted(self) -> tuple[int, int]:
        """Connections and round trips."""
        return self.double.connections(), len(self.double.messages())


def plays(number: int, *, session: int) -> list[dict[str, object]]:
    """Some plays of a log day, by several people."""
    began = 1541030400000 + number * 86_400_000
    return [
        event(sessionId=session + n % 3, itemInSession=n, userId=str(n % 3), song=f"T{n}",
              ts=began + n * 1000)
        for n in range(12)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, double: Double, s3: S3Server
) -> Iterator[Place]:
    lake = cloud_lake(s3, tmp_path_factory.mktemp("trips") / "lake")
    for first in range(0, 10_000, 19):  # More than 500 objects: their rows go by COPY, too.
        songs = (song(song_id=f"SO{n}", title=f"T{n}") for n in range(first, first + 19))
        lake.put_song(f"{first}.json", *songs)
    for number, day in enumerate(DAYS):
        lake.put_log(log_key(day), *plays(number, session=number * 10))
    with double.behind() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE readers")
    yield Place(double, s3, lake, "round_trips")
    double.faults.clear()


@pytest.fixture(scope="module")
def loaded(place: Place) -> tuple[int, int]:
    """The first load: its connections and round trips."""
    warehouse = place.load()
    found = place.counted()
    meter = warehouse.meter.snapshot()
    assert found == (meter[CONNECTIONS], meter[ROUND_TRIPS]), "what the load says of itself"
    return found


def test_a_first_load_of_a_month_takes_at_most_200_round_trips(
    place: Place, loaded: tuple[int, int]
) -> None:
    connections, round_trips = loaded
    assert connections == 1
    assert round_trips <= 100  # Promised are 200; Dagster's previews come on top.
    assert len(place.sent("COPY")) == 32
    assert len(place.sent("COMMENT")) > 150
    assert len(place.sent("GRANT")) > 20


def test_where_nothing_changed_one_connection_and_eight_statements_do(
    place: Place, loaded: tuple[int, int]
) -> None:
    place.load()
    assert place.double.connections() == 1
    assert len(place.double.statements()) <= 8


def test_one_changed_day_takes_at_most_70_round_trips(
    place: Place, loaded: tuple[int, int]
) -> None:
    place.lake.put_log(log_key(DAYS[9]), *plays(9, session=990))
    place.load()
    connections, round_trips = place.counted()
    assert connections == 1
    assert round_trips <= 50  # Promised are 70; Dagster's previews come on top.
    assert place.sent("COMMENT") == []


def test_one_changed_song_takes_at_most_60_round_trips(
    place: Place, loaded: tuple[int, int]
) -> None:
    place.lake.put_song("0.json", song(song_id="SO0", title="T1", year=2011))
    place.load()
    connections, round_trips = place.counted()
    assert connections == 1
    assert round_trips <= 50  # Promised are 60; Dagster's previews come on top.
    assert_equals_oracle(place.opened(), place.lake.expected())


def test_a_comment_that_differs_is_set_again_and_no_other(
    place: Place, loaded: tuple[int, int]
) -> None:
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON COLUMN {place.schema}.songplay.level IS 'of another version'")
        cursor.execute(f"COMMENT ON TABLE {place.schema}.song IS NULL")
    place.lake.put_log(log_key(DAYS[1]), *plays(1, session=980))
    place.load()
    (said,) = place.sent("COMMENT")
    assert said.startswith(f'COMMENT ON COLUMN "{place.schema}"."songplay"."level" IS ')


def test_what_is_refused_among_others_is_tried_alone(place: Place, loaded: tuple[int, int]) -> None:
    place.lake.put_log(log_key(DAYS[2]), *plays(2, session=970))
    place.double.faults.fail('^CREATE TEMP TABLE "fresh_user"', *REFUSED)
    place.load()
    alone = [text for text in place.double.messages() if text.startswith("CREATE TEMP")]
    assert any(text.startswith('CREATE TEMP TABLE "fresh_user"') for text in alone)
    for dropped in place.sent("DROP TABLE"):
        names = dropped.removeprefix("DROP TABLE ").split(", ")
        assert len(names) == len(set(names)), "what was sent alone is dropped once, too"
    assert_equals_oracle(place.opened(), place.lake.expected())


def test_what_is_refused_alone_is_told_and_nothing_of_it_stays(
    place: Place, loaded: tuple[int, int]
) -> None:
    place.lake.put_log(log_key(DAYS[3]), *plays(3, session=960)[:5])
    objects, staged = (f'"round_trips"."{name}"' for name in ("load_objects", _EVENTS))
    plays_of_day = f"SELECT COUNT(*) FROM {staged} WHERE log_date = DATE '{DAYS[3]}'"
    place.double.faults.fail(f"^DELETE FROM {objects}", *REFUSED, times=2)
    with pytest.raises(WarehouseError, match="syntax error at or near whatever"):
        place.load()
    sent = place.double.messages()
    (at,) = [n for n, text in enumerate(sent) if text.startswith(f"DELETE FROM {objects}")]
    assert sent[at + 1] == "ROLLBACK"
    assert place.opened().read_only(lambda session: session.query(plays_of_day)) == [(12,)]


def test_a_connection_that_was_lost_between_two_transactions_costs_another_one(
    place: Place, loaded: tuple[int, int]
) -> None:
    warehouse = place.opened()
    assert warehouse.read_only(lambda session: session.query("SELECT 1")) == [(1,)]
    place.double.forget()
    place.double.faults.cut_before("^BEGIN READ ONLY")
    assert warehouse.read_only(lambda session: session.query("SELECT 1")) == [(1,)]
    assert warehouse.read_only(lambda session: session.query("SELECT 1")) == [(1,)]
    assert place.double.connections() == 1


def test_temporary_tables_do_not_outlive_their_transaction(
    place: Place, loaded: tuple[int, int]
) -> None:
    warehouse = place.load()
    for session in (950, 940):
        place.lake.put_log(log_key(DAYS[4]), *plays(4, session=session))
        bring_up_to_date(place.lake.open(), warehouse)
    assert place.double.connections() == 1
    with place.double.behind() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM pg_class WHERE relpersistence = 't'")
        assert cursor.fetchone() == (0,)
