"""The benchmark's own parts: that its contenders still run and agree, and that its sums are right.

No time is measured here that any claim rests on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.contenders.lake import EVENT_FIELDS, SONG_FIELDS, STAR
from bench.contenders.sql import MARTS
from bench.figures import goals, lines
from bench.fingerprint import COLUMNS, fingerprint
from bench.lakes import Size, World
from bench.measure import ChildFailed, Taken, run
from bench.session import Case, Record
from sparkify_dagster.generator import LakeSpec, generate_lake
from sparkify_dagster.lake.snapshot import loaded_columns
from sparkify_dagster.model import marts, star
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.staging import STAGING_EVENTS, STAGING_SONGS

pytestmark = pytest.mark.integration
SMALL, LARGE = Size(1_000, 10), Size(1_000_000, 10_000)


def test_the_contenders_know_the_tables_of_the_model() -> None:
    assert set(MARTS) == {table.name for table in marts.MARTS}
    for place, table in enumerate(map(TABLES.get, MARTS)):
        assert table is not None
        assert {name for name in table.reads if name in MARTS} <= set(MARTS[:place])
    assert set(STAR) == {table.name for table in star.STAR}
    sources = [column.source.removeprefix("$.") for column in loaded_columns(STAGING_EVENTS)]
    assert list(EVENT_FIELDS) == sources
    assert list(SONG_FIELDS) == [column.name for column in loaded_columns(STAGING_SONGS)]
    for table in star.STAR:
        compared = [column.split()[0] for column in COLUMNS[table.name].split(", ")]
        # How a song was found only the platform says: the lakes of the benchmark need no repair.
        declared = sorted({column.name for column in table.columns} - {"matched_by"})
        assert sorted(compared) == declared, f"columns of {table.name} in bench/fingerprint.py"


def test_the_floor_and_the_platform_make_the_same_tables_also_after_a_change(
    tmp_path: Path,
) -> None:
    base = tmp_path / "base"
    generate_lake(base, LakeSpec(songs=20, events=300, days=2))
    by_hand, ours = (World(tmp_path / name, base) for name in ("by hand", "ours"))
    made = []
    for world, module in ((by_hand, "floor_marts"), (ours, "engine")):
        world.change_song(1)
        words = [sys.executable, "-m", f"bench.contenders.{module}"]
        taken = run([*words, str(world.lake), str(world.out)], world.out, 120)
        assert 0 < taken.seconds < taken.wall
        made.append(fingerprint(world.out))
    assert made[0] == made[1]
    assert made[0]["song"][0] == "21"


def test_a_child_that_fails_or_takes_too_long_says_so(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="ended with 1: ValueError: what is wrong"):
        run([sys.executable, "-c", "raise ValueError('what is wrong')"], tmp_path, 60)
    with pytest.raises(ChildFailed, match="out of time"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, 0.5)


def record(case: Case, name: str, seconds: float, **told: object) -> Record:
    return Record(case, name, Taken(seconds + 1, seconds, seconds, 100, told))


def test_ratios_are_those_of_medians_within_a_case() -> None:
    case, other = Case("load", SMALL), Case("load", LARGE)
    measured = [record(case, "floor", n) for n in (1, 2, 9)]
    measured += [record(case, "engine", n) for n in (3, 4, 50)]
    measured += [record(other, "engine", 7)]
    floor, engine, alone = lines(measured)
    assert (engine.seconds, engine.least, engine.most, engine.times) == (4, 3, 50, 3)
    assert (floor.ratio, engine.ratio, alone.ratio) == (1, 2, None)


def test_row_by_row_is_extrapolated_from_its_rates_and_marked() -> None:
    small, large = Case("load", SMALL), Case("load", LARGE)
    steps = {"songs": 0.1, "events": 2.0}
    measured = [record(small, "floor", 1), record(large, "floor", 10)]
    measured += [record(small, "row by row", 2.1, steps=steps, songs=10, events=1_000)]
    (estimate,) = (line for line in lines(measured) if line.estimated)
    assert estimate.case == large
    assert estimate.seconds == pytest.approx(10_000 * 0.01 + 1_000_000 * 0.002)


def test_goals_say_which_way_they_are_missed() -> None:
    case = Case("load", LARGE)
    measured = [record(case, "floor+marts", 4), record(case, "engine", 6), record(case, "dbt", 30)]
    floor, dbt = goals(lines(measured))
    assert (floor.reached, floor.good) == (1.5, False)
    assert (dbt.reached, dbt.least, dbt.good) == (5, True, True)
