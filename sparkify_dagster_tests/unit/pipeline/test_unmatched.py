"""What of the catalogue comes closest to a play without a song."""

from __future__ import annotations

import time
from datetime import date

import pytest

from sparkify_dagster.pipeline.unmatched import Song, Unmatched, ranked

NOBODY = Song(None, None, None)  # type: ignore[arg-type]
HIDDEN = Song("SO1", "Hidden Place", "Bj\u00f6rk")


def missing(title: str, artist: str = "Bj\u00f6rk") -> Unmatched:
    return Unmatched(title, artist, 5, date(2018, 11, 1), "because")


@pytest.mark.parametrize(
    "names", [("Hiden Place", "Bj\u00f6rk"), ("hidden place!", "Bj\u00c3\u00b6rk")]
)
def test_a_song_is_proposed_if_title_and_artist_are_both_alike(names: tuple[str, str]) -> None:
    others = [Song("SO2", "Hidden Place", "Muse"), Song("SO3", "Joga", "Bj\u00f6rk"), NOBODY]
    found = ranked(missing(*names), NOBODY, [*others, HIDDEN])
    assert found.proposed == HIDDEN
    assert found.closest == [HIDDEN]


def test_what_is_known_to_come_closest_is_shown_though_it_is_not_alike() -> None:
    cover = Song("SO2", "Hidden Place", "Someone else altogether")
    found = ranked(missing("Hidden Place"), cover, [Song("SO3", "Joga", "Bj\u00f6rk")])
    assert (found.closest, found.proposed) == ([cover], None)


def test_a_play_that_names_no_song_is_like_none() -> None:
    assert ranked(missing(""), HIDDEN, [HIDDEN]).closest == ()


def test_the_closest_stands_first_and_three_are_shown() -> None:
    songs = [Song(f"SO{n}", "Hidden Place" + "!" * n, "Bj\u00f6rk") for n in range(1, 6)]
    found = ranked(missing("Hidden Place"), NOBODY, reversed(songs))
    assert found.closest == songs[:3]


def test_a_long_catalogue_takes_no_longer_than_is_looked_at() -> None:
    songs = [Song(f"SO{n}", "x" * 1000 + str(n), "y" * 1000) for n in range(20_000)]
    begin = time.process_time()
    ranked(missing("x" * 999, "y" * 999), NOBODY, songs, 50)
    assert time.process_time() - begin < 5
