"""Whatever happens to a lake, the next load makes the warehouse what the lake says.

A machine of Hypothesis changes a lake and loads it, in any order, over alphabets so small that
everything collides: users, sessions, titles that differ by a blank, songs of equal length, the
same play in several days. After each load every table must be the oracle's, row for row.

The examples are the same in every run. To look further, with other examples and more of them:

    python -m sparkify_dagster_tests.properties.test_convergence 500 [shrink]
"""

from __future__ import annotations

import gzip
import math
import shutil
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sparkify_dagster.warehouse.duckdb import DuckDBWarehouse
from sparkify_dagster.warehouse.publish import Limits
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster.warehouse.star import publish_star
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.lakes import (
    LOG_FIELDS,
    STAR_NAMES,
    Outcome,
    TinyLake,
    assert_equals_oracle,
    assert_same_tables,
    bring_up_to_date,
    event,
    jsonpaths,
    lines,
    put,
    song,
    tables_of,
    warehouse_at,
)
from sparkify_dagster_tests.oracle import EVENTS_TABLE, SONGS_TABLE, Expected

REJECT_LIMIT = 0.34
ALWAYS_REFRESH, ALWAYS_REBUILD = math.inf, -1.0

DAYS = ("2018-11-01", "2018-11-02", "2018-11-03", "2018-11-10")
LOG_KEYS = (
    *(f"2018/11/{day}-events.json" for day in DAYS),
    *(f"late/{day}.json.gz" for day in DAYS),
    *(f"{day.replace('-', '/')}/part.json" for day in DAYS),
)
UNROUTABLE_KEYS = ("notes.json", "2018-10-31-events.json", "2018-02-30.json", "2018-12-24.json.gz")
HIDDEN_KEYS = (".ipynb_checkpoints/2018-11-01-checkpoint.json", "_old/2018-11-02.json", "_SUCCESS")
SONG_KEYS = (*(f"A/{letter}/TR{letter}.json" for letter in "ABCDE"), "packed.json.gz")

names = st.sampled_from(["Muse", "Muse", "Muse ", " Muse", "Muse\u00a0", "", None])
titles = st.sampled_from(["Uprising", "Uprising", "Uprising ", "Hysteri\u0105"])
lengths = st.sampled_from([200.0, 200.5, 201, "200.5", 0, -1, None])


def _fields(make, **choices: Iterable[object]) -> st.SearchStrategy[dict[str, object]]:  # type: ignore[no-untyped-def]
    drawn = {
        name: values if isinstance(values, st.SearchStrategy) else st.sampled_from(list(values))
        for name, values in choices.items()
    }
    return st.fixed_dictionaries({}, optional=drawn).map(lambda values: make(**values))


events = _fields(
    event,
    userId=["1", "2", "", 3, None],
    sessionId=[1, 2, "2"],
    itemInSession=[0, 1, 2],
    ts=[1541116800000, 1541116800001, 1541203200000, "1541116800000", 1546214400000],
    song=st.one_of(st.none(), titles),
    artist=names,
    length=lengths,
    level=["free", "paid", None, ""],
    page=["NextSong", "NextSong", "NextSong", "Home", "NextSong "],
    firstName=["Ada", "Ada ", "", None, "Zoë"],
    gender=["F", "M", None],
    location=["Reno, NV", "", None],
    userAgent=["Mozilla/5.0", None],
    extra=[1],
)
songs = _fields(
    song,
    song_id=["SO1", "SO2", "SO3", "SO1 "],
    artist_id=["AR1", "AR2"],
    artist_name=names,
    title=titles,
    duration=[200, 200.5, 201, "199.5", 0, -1],
    year=[0, None, 1999, 2009, -5],
    artist_location=["", " ", None, "Reno", "Åre", " Reno"],
    artist_latitude=[None, 1.5, -3],
    artist_longitude=[None, 0, 1e-3],
)
broken_lines = st.sampled_from(
    [
        b'{"artist": "Mu',
        b"[]",
        b"null",
        b"\xff\xfe{}",
        lines(event(ts=None)).strip(),
        lines(event(itemInSession=1.5)).strip(),
        lines(event(song="x" * 1025)).strip(),
        lines(event(userId="u1")).strip(),
    ]
)
broken_songs = st.sampled_from(
    [b"{", b"[]", lines(song(title=None)), lines(song(year=1.5)), lines(song(duration="long"))]
)
paddings = st.sampled_from([b"", b"\n", b"  \r\n"])
log_contents = st.tuples(
    st.lists(events, min_size=1, max_size=6), st.lists(broken_lines, max_size=1), paddings
).map(lambda parts: lines(*parts[0], *parts[1]) + parts[2])
packed_songs = st.lists(songs, min_size=2, max_size=3).map(lambda records: lines(*records))
song_contents = st.one_of(
    songs.map(lambda record: lines(record)),
    packed_songs,
    packed_songs,
    st.tuples(packed_songs, broken_songs).map(b"".join),
    st.sampled_from([b"", b"{"]),
)
modes = st.sampled_from([*[ALWAYS_REFRESH] * 6, ALWAYS_REBUILD])
swaps = st.sampled_from(
    [
        ("song", "artist"),
        ("firstName", "lastName"),
        ("sessionId", "itemInSession"),
        ("page", "auth"),
    ]
)
numbers = st.integers(0, 20)


class Convergence(RuleBasedStateMachine):
    """A lake, a warehouse, and what the warehouse must hold since its last load."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="convergence-"))
        self.lake = TinyLake(self.folder / "lake")
        self.warehouse = warehouse_at(self.folder / "warehouse.duckdb")
        self.fields = list(LOG_FIELDS)
        self.held = Expected()
        self.loads = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    # What happens to a lake

    @initialize(
        logs=st.dictionaries(st.sampled_from(LOG_KEYS), log_contents, max_size=5),
        catalogue=st.dictionaries(st.sampled_from(SONG_KEYS), song_contents, max_size=4),
    )
    def begin(self, logs: dict[str, bytes], catalogue: dict[str, bytes]) -> None:
        for key, content in logs.items():
            self.deliver(key, content)
        for key, content in catalogue.items():
            self.release(key, content)
        self.load(ALWAYS_REFRESH)

    @rule(key=st.sampled_from(LOG_KEYS), content=log_contents)
    def deliver(self, key: str, content: bytes) -> None:
        put(self.lake.logs / key, gzip.compress(content) if key.endswith(".gz") else content)

    @rule(key=st.sampled_from(LOG_KEYS[:4]), bad=st.lists(broken_lines, min_size=1, max_size=3))
    def deliver_mostly_broken(self, key: str, bad: list[bytes]) -> None:
        put(self.lake.logs / key, lines(*bad, event(userId="2")))

    @rule(key=st.sampled_from(LOG_KEYS[4:8]), content=log_contents, cut=st.integers(1, 12))
    def deliver_truncated(self, key: str, content: bytes, cut: int) -> None:
        put(self.lake.logs / key, gzip.compress(content)[:-cut])

    @rule(key=st.sampled_from(UNROUTABLE_KEYS + HIDDEN_KEYS), content=log_contents)
    def deliver_where_nothing_is_loaded(self, key: str, content: bytes) -> None:
        put(self.lake.logs / key, content)

    @precondition(lambda self: self.lake.keys(EVENTS_TABLE))
    @rule(number=numbers, key=st.sampled_from(LOG_KEYS), move=st.booleans())
    def deliver_again(self, number: int, key: str, move: bool) -> None:
        source = self._one(EVENTS_TABLE, number)
        content = source.read_bytes()
        if move:
            source.unlink()
        put(self.lake.logs / key, content)

    @precondition(lambda self: self.lake.keys(EVENTS_TABLE))
    @rule(number=numbers)
    def delete_log(self, number: int) -> None:
        self._one(EVENTS_TABLE, number).unlink()

    @rule(key=st.sampled_from(SONG_KEYS), content=song_contents)
    def release(self, key: str, content: bytes) -> None:
        put(self.lake.songs / key, gzip.compress(content) if key.endswith(".gz") else content)

    @precondition(lambda self: self.lake.keys(SONGS_TABLE))
    @rule(number=numbers)
    def delete_song(self, number: int) -> None:
        self._one(SONGS_TABLE, number).unlink()

    @rule(swap=swaps)
    def change_the_jsonpaths(self, swap: tuple[str, str]) -> None:
        left, right = (self.fields.index(name) for name in swap)
        self.fields[left], self.fields[right] = self.fields[right], self.fields[left]
        put(self.lake.document, jsonpaths(self.fields))

    # What happens to a lake, and is loaded at once

    @rule(key=st.sampled_from(LOG_KEYS[:4]), content=log_contents)
    def deliver_and_load(self, key: str, content: bytes) -> None:
        self.deliver(key, content)
        self.load(ALWAYS_REFRESH)

    @rule(key=st.sampled_from(SONG_KEYS[:3]), content=song_contents)
    def release_and_load(self, key: str, content: bytes) -> None:
        self.release(key, content)
        self.load(ALWAYS_REFRESH)

    @precondition(lambda self: self.lake.keys(EVENTS_TABLE) and self.lake.keys(SONGS_TABLE))
    @rule(number=numbers, a_song=st.booleans())
    def delete_and_load(self, number: int, a_song: bool) -> None:
        self._one(SONGS_TABLE if a_song else EVENTS_TABLE, number).unlink()
        self.load(ALWAYS_REFRESH)

    # What happens to a warehouse

    @rule(rebuild_from=modes)
    def load(self, rebuild_from: float) -> None:
        self._loaded(self._load(rebuild_from=rebuild_from))

    @rule(rebuild_from=modes)
    def load_twice(self, rebuild_from: float) -> None:
        self._loaded(self._load(rebuild_from=rebuild_from))
        again = self._load(rebuild_from=rebuild_from)
        assert {part.name for part in again.todo.days} <= again.failed
        assert not again.todo.songs or "songs" in again.failed
        assert not again.todo.star
        self._loaded(again)

    @rule()
    def load_everything(self) -> None:
        self._loaded(self._load(everything=True))
        self._assert_a_new_warehouse_holds_the_same()

    @rule(days=st.sets(st.sampled_from(DAYS), min_size=1, max_size=2), rebuild_from=modes)
    def load_chosen_days(self, days: set[str], rebuild_from: float) -> None:
        chosen = {date.fromisoformat(day) for day in days}
        expected = _with_days(self.held, self._expected(), chosen)
        outcome = self._load(days=sorted(days), rebuild_from=rebuild_from)
        assert outcome.failed == {str(day) for day in expected.failed_days & chosen}
        self._holds(expected)

    @rule()
    def make_the_tables(self) -> None:
        with self.warehouse.transaction() as session:
            create_tables(session)

    @precondition(lambda self: self.loads)
    @rule()
    def rebuild_a_copy(self) -> None:
        copy = self.folder / "copy.duckdb"
        shutil.copyfile(self.folder / "warehouse.duckdb", copy)
        rebuilt = warehouse_at(copy)
        publish_star(rebuilt, "a rebuild", rebuild=True)
        found, wanted = tables_of(self.warehouse, STAR_NAMES), tables_of(rebuilt, STAR_NAMES)
        copy.unlink()
        assert_same_tables(found, wanted)

    @invariant()
    def no_file_is_left_behind(self) -> None:
        left = {path.name for path in self.folder.iterdir()} - {"lake", "warehouse.duckdb"}
        assert not left

    def _one(self, table: str, number: int) -> Path:
        keys = self.lake.keys(table)
        root = self.lake.logs if table == EVENTS_TABLE else self.lake.songs
        return root / keys[number % len(keys)]

    def _expected(self) -> Expected:
        return self.lake.expected(self.held, reject_limit=REJECT_LIMIT, last_day=date(2018, 11, 30))

    def _load(self, warehouse: DuckDBWarehouse | None = None, **options: Any) -> Outcome:
        lake = self.lake.open(last_day=date(2018, 11, 30))
        limits = Limits(rejects=REJECT_LIMIT, batch_bytes=1_000)
        return bring_up_to_date(lake, warehouse or self.warehouse, limits=limits, **options)

    def _loaded(self, outcome: Outcome) -> None:
        expected = self._expected()
        failed = {str(day) for day in expected.failed_days}
        assert outcome.failed == failed | ({"songs"} if expected.songs_failed else set())
        assert {item.key for item in outcome.seen.unroutable} == set(expected.unroutable)
        self._holds(expected)

    def _holds(self, expected: Expected) -> None:
        self.held = expected
        if (self.folder / "warehouse.duckdb").exists():
            self.loads += 1
            assert_equals_oracle(self.warehouse, expected)

    def _assert_a_new_warehouse_holds_the_same(self) -> None:
        """All that is in the lake, loaded into another file; not so after a failed load."""
        if self.held.failed_days or self.held.songs_failed or not self.loads:
            return
        other = self.folder / "other.duckdb"
        fresh = warehouse_at(other)
        if not self._load(fresh).todo.is_nothing:
            assert_same_tables(tables_of(self.warehouse), tables_of(fresh))
            other.unlink()


def _with_days(before: Expected, now: Expected, days: set[date]) -> Expected:
    """What is held when only some days were loaded: the rest is as it was before."""

    def chosen(reject: oracle.Reject) -> bool:
        return reject[0] == EVENTS_TABLE and oracle.log_day(reject[1]) in days

    def mixed(name: str, is_chosen) -> list:  # type: ignore[no-untyped-def, type-arg]
        kept = [row for row in getattr(before, name) if not is_chosen(row)]
        return oracle.in_order(kept + [row for row in getattr(now, name) if is_chosen(row)])

    expected = Expected(
        staging_events=mixed("staging_events", lambda row: row[18] in days),
        staging_songs=before.staging_songs,
        rejects=mixed("rejects", chosen),
        failed_rejects=mixed("failed_rejects", chosen),
        reasons=before.reasons | {r: why for r, why in now.reasons.items() if chosen(r)},
        failed_days=(before.failed_days - days) | (now.failed_days & days),
        songs_failed=before.songs_failed,
    )
    heard = [oracle.Event(*row[:19]) for row in expected.staging_events]
    catalogue = [oracle.Song(*row[:10]) for row in expected.staging_songs]
    expected.songplay = oracle.in_order(oracle.songplay_rows(heard, catalogue))
    expected.user = oracle.in_order(oracle.user_rows(heard))
    expected.song = oracle.in_order(oracle.song_rows(catalogue))
    expected.artist = oracle.in_order(oracle.artist_rows(catalogue))
    expected.time = oracle.in_order(oracle.time_rows(row[1] for row in expected.songplay))
    return expected


def _run(examples: int, *, same_every_time: bool, shrink: bool = False) -> None:
    """Shrinking takes minutes, as each step is a load: it is for whoever hunts a known failure."""
    run_state_machine_as_test(
        Convergence,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            derandomize=same_every_time,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_after_any_history_the_tables_are_those_of_the_lake() -> None:
    _run(7, same_every_time=True)


if __name__ == "__main__":
    _run(int(sys.argv[1]), same_every_time=False, shrink="shrink" in sys.argv)
