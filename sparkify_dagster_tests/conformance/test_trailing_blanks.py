"""Where trailing blanks do not count, as on Redshift, loads make the tables that DuckDB makes.

Whole loads run over lakes full of blanks, in SQLite with its collation RTRIM: the defining SELECTs
of star and marts, their refresh, the audits before each commit, and every check afterwards.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.pipeline.audit import Finding, Stored, examine
from sparkify_dagster.warehouse.engine import Warehouse
from sparkify_dagster_tests.lakes import (
    Outcome,
    TinyLake,
    assert_equals_oracle,
    assert_same_tables,
    bring_up_to_date,
    event,
    lines,
    log_key,
    matched_by,
    put,
    song,
    tables_of,
    warehouse_at,
)
from sparkify_dagster_tests.pairs import Pair
from sparkify_dagster_tests.sqlite_warehouse import SqliteWarehouse

DAYS = [f"2018-11-0{day}" for day in (1, 2, 3, 4)]
ENDINGS = ("", "", " ", "  ")


class Blanks:
    """Fills a lake with texts that differ in their blanks more than in anything else.

    Some names are misread, some have aliases; with the second change one person is forgotten.
    """

    def __init__(self, lake: TinyLake, seed: int) -> None:
        self.lake = lake
        self._random = random.Random(seed)
        for number in range(6):
            self.songs_anew(number)
        for day in DAYS[:3]:
            self.day_anew(day)
        self.aliases_anew()
        misread = event(song="Misread ", artist="BjÃ¶rk  ", userId="9")
        lake.put_log(log_key(DAYS[2], "misread.json"), misread)
        lake.put_song("misread.json", song(title="Misread", artist_name="Björk "))

    def songs_anew(self, number: int) -> None:
        self.lake.put_song(f"{number}.json", *(self._song() for _ in range(3)))

    def day_anew(self, day: str) -> None:
        self.lake.put_log(log_key(day), *(self._event(day) for _ in range(12)))

    def change(self, round_: int) -> None:
        """Some objects are others, one is new, one is gone."""
        self.songs_anew(round_)
        (self.lake.songs / f"{round_ + 3}.json").unlink()
        self.day_anew(DAYS[round_])
        self.day_anew(DAYS[-1])
        self.aliases_anew()
        if round_ == 2:
            put(self.lake.forgotten, b"2")

    def aliases_anew(self) -> None:
        """Other aliases, of two names that differ in more than blanks: others are refused."""
        named = [("Hidden", "Muse"), ("Starlight", self._text("Moby"))]
        said = [{"song": s, "artist": a, "song_id": self._text("SO1", "SO2")} for s, a in named]
        put(self.lake.aliases, lines(*said))

    def _text(self, *words: str) -> str:
        return self._random.choice(words) + self._random.choice(ENDINGS)

    def _song(self) -> dict[str, object]:
        return song(
            song_id=self._text("SO1", "SO2"),
            title=self._text("Uprising", " Uprising", "Starlight"),
            artist_id=self._text("AR1", "AR2"),
            artist_name=self._text("Muse", "MUSE", "Moby"),
            artist_location=self._text("Reno", ""),
            duration=self._random.choice([200.5, 100.0]),
            year=self._random.choice([0, 1999]),
        )

    def _event(self, day: str) -> dict[str, object]:
        number = self._random.randrange
        noon = 1541073600000 + 86400000 * (int(day[-1]) - 1)
        return event(
            userId=str(number(1, 4)), sessionId=number(2), itemInSession=number(3),
            ts=noon + 1000 * number(4),
            song=self._text("Uprising", "uprising", "Starlight", "Hidden", ""),
            artist=self._text("Muse", "Moby", ""),
            level=self._text("free", "free", "paid"),
            page=self._text("NextSong", "NextSong", "Home", "Cancellation Confirmation"),
            length=self._random.choice([200.5, 99.0, None]),
            location=self._text("Reno", ""),
            gender=self._text("F", "M"),
            firstName=self._text("Ada", "Bo"), lastName=self._text("Byron"),
            userAgent=self._text("Mozilla", "Opera"),
        )  # fmt: skip


def counted(findings: list[Finding]) -> dict[str, tuple[bool, dict[str, int], int]]:
    return {
        f"{f.check.table}.{f.check.name}": (f.passed, dict(f.numbers), len(f.sample))
        for f in findings
    }


def audited(outcome: Outcome) -> dict[str, tuple[bool, dict[str, int], int]]:
    """What the audits of a load found before it committed."""
    star = outcome.star.findings if outcome.star else {}
    parts = [part.findings for part in (outcome.songs, *outcome.days) if part]
    found = [finding for findings in (*star.values(), *parts) for finding in findings]
    return {
        f"{number} {name}": told
        for number, f in enumerate(found)
        for name, told in counted([f]).items()
    }


def checked(warehouse: Warehouse) -> dict[str, tuple[bool, dict[str, int], int]]:
    return counted(
        warehouse.read_only(lambda session: examine(session, all_checks(), Stored(session.schema)))
    )


@pytest.mark.parametrize("seed", range(2))
def test_loads_refreshes_and_audits_are_the_same_where_trailing_blanks_do_not_count(
    seed: int, tmp_path: Path
) -> None:
    lake = TinyLake(tmp_path / "lake")
    blanks = Blanks(lake, seed)
    lite, duck = SqliteWarehouse(), warehouse_at(tmp_path / "warehouse.duckdb", threads=1)
    ways = set[str]()
    for round_, mode in enumerate(("rebuild", "refresh", "refresh")):
        if round_:
            blanks.change(round_)
        done = [bring_up_to_date(lake.open(), w, rebuild_from=math.inf) for w in (lite, duck)]
        assert [outcome.star.mode for outcome in done if outcome.star] == [mode, mode]
        assert audited(done[0]) == audited(done[1])
        tables = tables_of(lite)
        assert_same_tables(tables, tables_of(duck))
        assert checked(lite) == checked(duck)
        ways |= matched_by(lite).keys()
    expected = lake.expected()
    assert_equals_oracle(lite, expected)
    assert ways == {"exact", "repaired", "alias"}
    assert expected.suppressed.total() > 5
    texts = {repr(row) for rows in tables.values() for row in rows}
    assert sum(" '" in text for text in texts) > 20, "a lake without blanks would show nothing"


def test_a_lake_full_of_blanks_is_loaded_and_refreshed_alike_on_every_pair(pair: Pair) -> None:
    blanks = Blanks(pair.lake, seed=9)
    assert bring_up_to_date(pair.lake.open(), pair.warehouse).failed == set()
    blanks.change(1)
    outcome = bring_up_to_date(pair.lake.open(), pair.warehouse, rebuild_from=math.inf)
    assert outcome.star is not None
    assert outcome.star.mode == "refresh"
    assert_equals_oracle(pair.warehouse, pair.lake.expected())


def test_a_level_with_a_blank_behind_it_is_warned_about_on_every_pair(pair: Pair) -> None:
    levels = ("free", "free ", "paid  ", "paid", None)
    pair.lake.put_song("a.json", song())
    pair.lake.put_log(
        log_key("2018-11-01"),
        *(event(itemInSession=n, level=level) for n, level in enumerate(levels)),
    )
    assert bring_up_to_date(pair.lake.open(), pair.warehouse).failed == set()
    with pair.warehouse.reading() as session:
        found = examine(session, all_checks(), Stored(session.schema))
    warned = {f.check.table: f.verdict for f in found if f.check.name == "level_accepted"}
    for table in ("staging_events_table", "songplay"):
        said = f"2 of 5 rows of {table} have another level than free or paid."
        assert warned[table].startswith(said)
