"""Which song a play finds where the names alone do not say it, on every pair."""

# ruff: noqa: RUF001

from __future__ import annotations

import math

from sparkify_dagster_tests.lakes import (
    assert_equals_oracle,
    bring_up_to_date,
    event,
    log_key,
    matched_by,
    song,
)
from sparkify_dagster_tests.pairs import Pair

TWICE = "BjÃƒÂ¶rk"
NAMES = ("Björk", "BjÃ¶rk", TWICE, " BjÃ¶rk ", "BjÃ¶rk Ж", "Bjork", "Donâ€™t", "Don’t", "çŒ«", "猫")


def test_plays_find_songs_by_repaired_names_and_tables_keep_the_text_as_delivered(
    pair: Pair,
) -> None:
    lake, day = pair.lake, log_key("2018-11-01")
    plays = [event(itemInSession=n, artist=name, song="Hidden") for n, name in enumerate(NAMES)]
    lake.put_song("A/1.json", song(song_id="SO1", title="Hidden", artist_name="Björk"))
    lake.put_song("A/2.json", song(song_id="SO2", title="Hidden", artist_name="Donâ€™t"))
    lake.put_log(day, *plays, event(itemInSession=90, song=TWICE, artist=TWICE, length=1))
    assert bring_up_to_date(lake.open(), pair.warehouse).failed == set()
    assert_equals_oracle(pair.warehouse, lake.expected())
    assert matched_by(pair.warehouse) == {"exact": 1, "repaired": 5}

    # A late song with each name misread, and one of two songs that share their repaired names.
    lake.put_song("A/3.json", song(song_id="SO3", title="BjÃ¶rk", artist_name="BjÃ¶rk"))
    lake.put_song("A/4.json", song(song_id="SO0", title="Hidden", artist_name=TWICE, duration=9))
    lake.put_song("A/5.json", song(song_id="SO5", title="Hidden", artist_name="çŒ«"))
    outcome = bring_up_to_date(lake.open(), pair.warehouse, rebuild_from=math.inf)
    assert outcome.star is not None
    assert outcome.star.mode == "refresh"
    held = lake.expected()
    assert_equals_oracle(pair.warehouse, held)
    assert outcome.star.matched_by == held.matched_by == {"exact": 1, "repaired": 8}

    (lake.songs / "A/1.json").unlink()
    lake.put_log(day, *plays[:4])
    bring_up_to_date(lake.open(), pair.warehouse, rebuild_from=math.inf)
    assert_equals_oracle(pair.warehouse, lake.expected())
    bring_up_to_date(lake.open(), pair.warehouse, everything=True)
    assert_equals_oracle(pair.warehouse, lake.expected())


def test_a_lost_table_of_match_names_is_made_again_with_the_plays(pair: Pair) -> None:
    lake = pair.lake
    lake.put_song("A/1.json", song(artist_name="Björk"))
    lake.put_log(log_key("2018-11-01"), event(artist="BjÃ¶rk"))
    bring_up_to_date(lake.open(), pair.warehouse)
    with pair.warehouse.transaction() as session:
        session.execute(f"DROP TABLE {session.schema}.match_names")
    outcome = bring_up_to_date(lake.open(), pair.warehouse)
    assert (outcome.songs, outcome.days) == (None, []), "nothing is read again"
    assert_equals_oracle(pair.warehouse, lake.expected())
    assert matched_by(pair.warehouse) == {"repaired": 1}
    assert bring_up_to_date(lake.open(), pair.warehouse).todo.is_nothing
