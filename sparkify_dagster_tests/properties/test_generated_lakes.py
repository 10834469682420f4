"""Generated lakes, thousands of events with and without mess: loaded, changed, loaded again.

After each change the incremental load, a load of the same lake from nothing and the oracle must
agree on every row of every table.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from sparkify_dagster.generator import LakeSpec
from sparkify_dagster.generator.songs import make_catalogue
from sparkify_dagster_tests import oracle
from sparkify_dagster_tests.lakes import (
    TinyLake,
    assert_equals_oracle,
    assert_same_tables,
    bring_up_to_date,
    log_key,
    put,
    tables_of,
    warehouse_at,
)
from sparkify_dagster_tests.oracle import EVENTS_TABLE, SONGS_TABLE

Change = Callable[[TinyLake, random.Random], None]


def overwrite(lake: TinyLake, dice: random.Random) -> None:
    """A day loses half of its lines; songs get another title, length or year."""
    log = lake.logs / dice.choice(_plain(lake, EVENTS_TABLE))
    kept = log.read_bytes().split(b"\n")
    put(log, b"\n".join(kept[: len(kept) // 2]) + b"\n")
    for key in dice.sample(_plain(lake, SONGS_TABLE), 12):
        content = (lake.songs / key).read_bytes()
        try:
            record = json.loads(content)
            record |= {"title": f" {record['title']}", "year": dice.choice([0, 1999, None])}
        except (ValueError, KeyError, TypeError):
            continue
        put(lake.songs / key, json.dumps(record).encode())


def delete(lake: TinyLake, dice: random.Random) -> None:
    """A day and a tenth of the songs vanish."""
    (lake.logs / dice.choice(lake.keys(EVENTS_TABLE))).unlink(missing_ok=True)
    keys = lake.keys(SONGS_TABLE)
    for key in dice.sample(keys, len(keys) // 10):
        (lake.songs / key).unlink()


def add(lake: TinyLake, dice: random.Random) -> None:
    """Songs arrive, some with names that are there already: they may take over plays."""
    more = make_catalogue(30, seed=dice.randrange(1_000))
    for number, key in enumerate(dice.sample(_plain(lake, SONGS_TABLE), 20)):
        content = (lake.songs / key).read_bytes()
        put(lake.songs / f"Z/twin-{number}.json", content.replace(b'"SO', b'"SA'))
        put(lake.songs / f"Z/new-{number}.json", more.record(number))


def deliver_again(lake: TinyLake, dice: random.Random) -> None:
    """Lines of some days arrive once more: in the same, an earlier and a later day."""
    for number, key in enumerate(dice.sample(_plain(lake, EVENTS_TABLE), 3)):
        some = (lake.logs / key).read_bytes().splitlines(keepends=True)[:40]
        day = date(2018, 11, (1, 5, 25)[number])
        put(lake.logs / log_key(day, f"again-{number}.json"), b"".join(some))


def share_keys(lake: TinyLake, dice: random.Random) -> None:
    """Events that are no plays arrive with the keys of plays."""
    plays = (lake.logs / dice.choice(_plain(lake, EVENTS_TABLE))).read_bytes()
    others = plays.replace(b'"NextSong"', b'"Logout"')
    put(lake.logs / log_key("2018-11-25", "others.json"), others)


def take_back(lake: TinyLake, _dice: random.Random) -> None:
    """They go, and the plays stay."""
    (lake.logs / log_key("2018-11-25", "others.json")).unlink()


def _plain(lake: TinyLake, table: str) -> list[str]:
    """Keys of objects that are not packed; those of logs that have a day."""
    keys = [key for key in lake.keys(table) if key.endswith(".json")]
    return [key for key in keys if table == SONGS_TABLE or key != "notes.json"]


CHANGES: tuple[tuple[Change, ...], ...] = (
    (overwrite, add, share_keys),
    (delete, deliver_again, take_back),
)


@pytest.mark.parametrize(("seed", "mess"), [(1, True), (2, True), (4, False)])
def test_a_generated_lake_loads_to_what_the_oracle_says_before_and_after_changes(
    seed: int, mess: bool, tmp_path: Path
) -> None:
    spec = LakeSpec(songs=250, events=3_000, days=9, seed=seed, mess=mess)
    lake = TinyLake.generated(tmp_path / "lake", spec)
    warehouse = warehouse_at(tmp_path / "warehouse.duckdb")
    bring_up_to_date(lake.open(), warehouse)
    held = lake.expected()
    assert bool(held.rejects) == mess
    assert_equals_oracle(warehouse, held)

    dice = random.Random(seed)
    for changes in CHANGES:
        for change in changes:
            change(lake, dice)
        outcome = bring_up_to_date(lake.open(), warehouse, rebuild_from=math.inf)
        assert outcome.star is not None
        assert outcome.star.mode == "refresh"
        held = lake.expected(held)
        assert_equals_oracle(warehouse, held)
    assert oracle.in_order(held.songplay) != []

    anew = warehouse_at(tmp_path / "anew.duckdb")
    bring_up_to_date(lake.open(), anew)
    assert_same_tables(tables_of(warehouse), tables_of(anew))
    bring_up_to_date(lake.open(), warehouse, everything=True)
    assert_equals_oracle(warehouse, held)
