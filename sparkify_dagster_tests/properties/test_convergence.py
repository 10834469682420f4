"""Whatever happens to a lake, the next load makes the warehouse what the lake says.

A machine of Hypothesis changes a lake and loads it, in any order, over alphabets so small that
everything collides: users, sessions, titles that differ by a blank, songs of equal length, the
same play in several days. After each load every table must be the oracle's, row for row; and all
the while somebody in another process looks on and must never see a table between two states.

The machine runs here over a DuckDB file and a folder; `test_convergence_redshift` has it run over
Redshift and S3.

The examples are the same in every run. To look further, with other examples and more of them:

    python -m sparkify_dagster_tests.properties.test_convergence 500 [shrink]
"""

from __future__ import annotations

import functools
import gzip
import itertools
import math
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
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

from sparkify_dagster.lake.changes import NOTHING, changed_parts
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.snapshot import Snapshot
from sparkify_dagster.pipeline.events import Ended
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.plan import Loaded, Pending, Request, loaded
from sparkify_dagster.warehouse.engine import Session, Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.schema import create_tables
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
from sparkify_dagster_tests.onlooker import Onlooker
from sparkify_dagster_tests.oracle import EVENTS_TABLE, SONGS_TABLE, Expected
from sparkify_dagster_tests.processes import processes

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

names = st.sampled_from(
    ["Muse", "Muse ", " Muse", "Müse", "MÃ¼se", "MÃƒÂ¼se", "Muse\u00a0", "", None]
)
titles = st.sampled_from(
    ["Uprising", "Uprising", "Uprising ", "uprising!", "Hysteri\u0105", "HysteriÄ…"]
)
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
    page=["NextSong", "NextSong", "NextSong", "Home", "NextSong ", "Cancellation Confirmation"],
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
aliases = st.lists(
    st.fixed_dictionaries(
        {
            "song": titles.filter(bool),
            "artist": names.filter(bool),
            "song_id": st.sampled_from(["SO1", "SO2", "SO4"]),
        }
    ),
    min_size=1,
    max_size=3,
)
swaps = st.sampled_from(
    [
        ("song", "artist"),
        ("firstName", "lastName"),
        ("sessionId", "itemInSession"),
        ("page", "auth"),
    ]
)
numbers = st.integers(0, 20)
steps = st.one_of(st.integers(0, 30), st.integers(0, 200))
"""Steps of a load; a short one has some dozens."""


class Killed(BaseException):
    """Ends a load where it stands: nothing catches it."""


class Stepping:
    """A session that tells of each statement before it is sent."""

    def __init__(self, session: Session, step: Callable[[], None]) -> None:
        self._session = session
        self._step = step

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session, name)
        if name in ("query", "send", "execute", "append", "copy"):
            self._step()
        return found


@contextmanager
def stumbling(warehouse: Warehouse, at: int, stumble: Callable[[], None]) -> Iterator[None]:
    """Has something happen at the n-th step of what is written.

    Steps are the statements in transactions, and the moments just before and after each COMMIT.
    """
    plain, counted = warehouse.transaction, itertools.count()

    def step() -> None:
        if next(counted) == at:
            stumble()

    @contextmanager
    def transaction() -> Iterator[Session]:
        with plain() as session:
            yield Stepping(session, step)  # type: ignore[misc]
            step()
        step()

    warehouse.transaction = transaction  # type: ignore[method-assign]
    try:
        yield
    finally:
        del warehouse.transaction


def load_once(lake: TinyLake, warehouse: Warehouse, **options: Any) -> Outcome:
    """A load as the machine has it: small groups, and few rejects are too many."""
    limits = Limits(rejects=REJECT_LIMIT, batch_bytes=1_000)
    opened = lake.open(last_day=date(2018, 11, 30))
    seen = opened.snapshot()
    if seen.is_empty and loaded(warehouse).is_nothing:
        with pytest.raises(LakeError, match="The lake is empty"):
            bring_up_to_date(opened, warehouse, limits=limits, **options)
        return Outcome(seen, Pending([], [], star=False))
    return bring_up_to_date(opened, warehouse, limits=limits, **options)


def load_a_folder(root: Path, path: Path, rebuild_from: float) -> None:
    """A load in another process."""
    load_once(TinyLake(root), warehouse_at(path), rebuild_from=rebuild_from)


@functools.cache
def _beside() -> ProcessPoolExecutor:
    """A process to load in, beside this one."""
    return ProcessPoolExecutor(1, processes())


class Convergence(RuleBasedStateMachine):
    """A lake, a warehouse, and what the warehouse must hold since its last load."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="convergence-"))
        self.lake = self.new_lake()
        self.warehouse = self.new_warehouse()
        self.fields = list(LOG_FIELDS)
        self.held = Expected()
        self.loads = 0
        self.is_torn = False  # A load was broken off: the star may be behind what is staged.
        self.onlooker = Onlooker(self.looked_at())

    def teardown(self) -> None:
        seen = self.onlooker.stop()
        self.clean_up()
        assert seen.wrong == []
        assert seen.looks or not self.loads

    # Where it happens

    def new_lake(self) -> TinyLake:
        return TinyLake(self.folder / "lake")

    def new_warehouse(self, name: str = "warehouse") -> Warehouse:
        """The warehouse of that name, opened once more."""
        return warehouse_at(self.folder / f"{name}.duckdb")

    def looked_at(self) -> Callable[[], Any]:
        """The warehouse as somebody in another process sees it."""
        return functools.partial(warehouse_at, self.folder / "warehouse.duckdb", lock_wait=0)

    def drop_warehouse(self, name: str) -> None:
        (self.folder / f"{name}.duckdb").unlink()

    def begin_a_load_beside(self, rebuild_from: float) -> Future[None]:
        """In another process, as DuckDB's lock is a process's."""
        return _beside().submit(
            load_a_folder, self.folder / "lake", self.folder / "warehouse.duckdb", rebuild_from
        )

    def calm(self) -> None:
        """Nothing happens any more to who reads or writes."""

    def clean_up(self) -> None:
        """Nothing of it stays."""
        shutil.rmtree(self.folder)

    def left_behind(self) -> set[str]:
        """What a load has left outside the tables."""
        return {path.name for path in self.folder.iterdir()} - {"lake", "warehouse.duckdb"}

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

    @rule(said=aliases)
    def name_songs(self, said: list[dict[str, str]]) -> None:
        put(self.lake.aliases, lines(*said))

    @rule(ids=st.lists(st.sampled_from([1, 2, 3, 7]), max_size=2))
    def forget(self, ids: list[int]) -> None:
        put(self.lake.forgotten, "".join(f"{number} # gone\n" for number in ids).encode())

    @rule()
    def name_no_songs(self) -> None:
        self.lake.aliases.unlink(missing_ok=True)

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

    @rule(number=steps, rebuild_from=modes)
    def load_and_be_killed(self, number: int, rebuild_from: float) -> None:
        self._stumble_at(number, self._die, rebuild_from)

    @rule(rebuild_from=modes)
    def load_twice_at_once(self, rebuild_from: float) -> None:
        """Both see the lake as it is, so whichever is last leaves what one load leaves."""
        beside = self.begin_a_load_beside(rebuild_from)
        self._load(rebuild_from=rebuild_from)
        beside.result()
        self._holds(self._expected())

    @rule()
    def make_the_tables(self) -> None:
        with self.warehouse.transaction() as session:
            create_tables(session)

    @precondition(lambda self: self.loads and not self.is_torn)
    @rule()
    def rebuild_the_star(self) -> None:
        found = tables_of(self.warehouse, STAR_NAMES)
        opened = self.lake.open(last_day=date(2018, 11, 30))
        star = Request("asked", tables=frozenset(STAR_NAMES))
        *_, ended = load(star, self.warehouse, opened, Limits())
        assert isinstance(ended, Ended)
        assert not ended.failed
        assert_same_tables(found, tables_of(self.warehouse, STAR_NAMES))

    @invariant()
    def no_file_is_left_behind(self) -> None:
        assert not self.left_behind()

    def _one(self, table: str, number: int) -> Path:
        keys = self.lake.keys(table)
        root = self.lake.logs if table == EVENTS_TABLE else self.lake.songs
        return root / keys[number % len(keys)]

    def _expected(self) -> Expected:
        return self.lake.expected(self.held, reject_limit=REJECT_LIMIT, last_day=date(2018, 11, 30))

    def _load(self, warehouse: Warehouse | None = None, **options: Any) -> Outcome:
        return load_once(self.lake, warehouse or self.warehouse, **options)

    def _loaded(self, outcome: Outcome) -> None:
        expected = self._expected()
        failed = {str(day) for day in expected.failed_days}
        assert outcome.failed == failed | ({"songs"} if expected.songs_failed else set())
        assert {item.key for item in outcome.seen.unroutable} == set(expected.unroutable)
        self._holds(expected)

    def _holds(self, expected: Expected) -> None:
        self.held = expected
        self.is_torn = False
        if self._has_tables():
            self.loads += 1
            assert_equals_oracle(self.warehouse, expected)
            self._assert_the_history_agrees()

    def _has_tables(self) -> bool:
        try:
            with self.warehouse.reading() as session:
                return "time" in session.tables()
        except WarehouseMissing:
            return False

    def _die(self) -> None:
        raise Killed

    def _stumble_at(
        self,
        number: int,
        stumble: Callable[[], None],
        rebuild_from: float,
        ends: type[BaseException] = Killed,
    ) -> None:
        """A load to which something happens; what it published before that, if it ends it, stays.

        Args:
            ends: How that ends it, if it does.
        """
        seen = self.lake.open(last_day=date(2018, 11, 30)).snapshot()
        with stumbling(self.warehouse, number, stumble):
            try:
                outcome = self._load(rebuild_from=rebuild_from)
            except ends:
                outcome = None
        self.calm()
        if outcome is not None:
            self._loaded(outcome)
            return
        held = loaded(self.warehouse, seen)
        songs, days = _dealt_with(seen, held)
        gone = not held.forget
        self.held = _with_days(self.held, self._expected(), days, songs=songs, forgotten=gone)
        self.is_torn = True

    def _assert_the_history_agrees(self) -> None:
        """What was last published of each part says how many rows and rejects are there."""
        schema = self.warehouse.schema
        latest = (
            f"SELECT h.target, h.part, h.row_count, h.rejects FROM {schema}.load_history AS h "
            "WHERE h.status = 'published' AND h.position IS NULL AND NOT EXISTS (SELECT 1 FROM "
            f"{schema}.load_history AS l WHERE l.target = h.target AND l.part = h.part "
            "AND l.status = 'published' AND l.load_id > h.load_id)"
        )
        with self.warehouse.reading() as session:
            parts = session.query(latest)
            doubled = session.query(
                f"SELECT h.load_id, h.target, h.part FROM {schema}.load_history AS h "
                "GROUP BY h.load_id, h.target, h.part HAVING COUNT(*) > 1"
            )
        assert not doubled
        rows = {
            (EVENTS_TABLE, str(day)): 0 for day in {row[18] for row in self.held.staging_events}
        }
        for row in self.held.staging_events:
            rows[EVENTS_TABLE, str(row[18])] += 1
        found = {(target, part): n for target, part, n, _ in parts if target == EVENTS_TABLE and n}
        assert found == rows
        songs = [(n, rejects) for target, _, n, rejects in parts if target == SONGS_TABLE]
        assert sum(n for n, _ in songs) == len(self.held.staging_songs)
        assert sum(rejects for _, rejects in songs) == len(
            [reject for reject in self.held.rejects if reject[0] == SONGS_TABLE]
        )

    def _assert_a_new_warehouse_holds_the_same(self) -> None:
        """All that is in the lake, loaded into another one; not so after a failed load."""
        if self.held.failed_days or self.held.songs_failed or not self.loads:
            return
        fresh = self.new_warehouse("other")
        if not self._load(fresh).todo.is_nothing:
            assert_same_tables(tables_of(self.warehouse), tables_of(fresh))
            self.drop_warehouse("other")


def _dealt_with(seen: Snapshot, held: Loaded) -> tuple[bool, set[date]]:
    """Whether the catalogue was published, or failed, as the lake has it; and which days were."""
    songs = all(
        part.name in held.failed_songs and held.failed_songs[part.name].digest == part.digest
        for part in changed_parts(seen.songs, held.songs)
    )
    days = set()
    for name in DAYS:
        now = seen.days[name].digest if name in seen.days else NOTHING
        failure = held.failed_days.get(name)
        if held.days.get(name, NOTHING) == now or (failure and failure.digest == now):
            days.add(date.fromisoformat(name))
    return songs, days


def _with_days(
    before: Expected,
    now: Expected,
    days: set[date],
    *,
    songs: bool = False,
    forgotten: bool = True,
) -> Expected:
    """What is held when only some days were loaded: the rest is as it was before.

    Args:
        songs: The catalogue was loaded, too.
        forgotten: Who is forgotten now was taken out of what is held.
    """
    before = oracle.without(before, now.forgotten) if forgotten else before

    def chosen(reject: oracle.Reject) -> bool:
        if reject[0] == SONGS_TABLE:
            return songs
        return oracle.log_day(reject[1]) in days

    def mixed(name: str, is_chosen) -> list:  # type: ignore[no-untyped-def, type-arg]
        kept = [row for row in getattr(before, name) if not is_chosen(row)]
        return oracle.in_order(kept + [row for row in getattr(now, name) if is_chosen(row)])

    expected = Expected(
        staging_events=mixed("staging_events", lambda row: row[18] in days),
        staging_songs=(now if songs else before).staging_songs,
        rejects=mixed("rejects", chosen),
        failed_rejects=mixed("failed_rejects", chosen),
        reasons=before.reasons | {r: why for r, why in now.reasons.items() if chosen(r)},
        failed_days=(before.failed_days - days) | (now.failed_days & days),
        songs_failed=(now if songs else before).songs_failed,
        aliases=now.aliases,
        suppressed=Counter(
            {
                name: records
                for held, chosen in ((before, False), (now, True))
                for name, records in held.suppressed.items()
                if (oracle.log_day(name[1]) in days) is chosen
            }
        ),
        people=before.people | now.people,
    )
    oracle.fill_star(expected)
    return expected


def run(
    examples: int,
    *,
    same_every_time: bool,
    shrink: bool = False,
    machine: Callable[[], Convergence] = Convergence,
    steps_each: int = 20,
) -> None:
    """Shrinking takes minutes, as each step is a load: it is for whoever hunts a known failure."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps_each,
            deadline=None,
            derandomize=same_every_time,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_after_any_history_the_tables_are_those_of_the_lake() -> None:
    run(4, same_every_time=True)


if __name__ == "__main__":
    run(int(sys.argv[1]), same_every_time=False, shrink="shrink" in sys.argv)
