"""The report says the same of the same lake on every pair of warehouse and lake."""

from __future__ import annotations

import re
from datetime import date, datetime

from sparkify_dagster.report.facts import gather
from sparkify_dagster.report.page import render
from sparkify_dagster_tests.lakes import bring_up_to_date, event, lines, log_key, put, song
from sparkify_dagster_tests.pairs import Pair

NOON = 1_541_419_200_000
"""5 November 2018, 12:00 UTC, a Monday, in milliseconds."""
DAY = 86_400_000


def fill(pair: Pair) -> None:
    """Two people; one plays three songs on two days and changes to paid, the other one song."""
    lake = pair.lake
    lake.put_song("A/a.json", song(title="Uprising", artist_name="Muse"))
    mine = {"sessionId": 1, "userId": "1", "artist": "Muse"}
    lake.put_log(
        log_key("2018-11-05"),
        event(**mine, ts=NOON, song="Uprising", itemInSession=0),
        event(**mine, ts=NOON + 90_000, song="uprising!", itemInSession=1),
        event(ts=NOON, userId="2", sessionId=2, song="Nowhere", artist="Nobody"),
    )
    lake.put_log(
        log_key("2018-11-06"),
        event(**mine, ts=NOON + DAY, song="Uprising", itemInSession=2, level="paid"),
    )


def test_the_report_says_the_same_on_every_pair(pair: Pair) -> None:
    fill(pair)
    put(pair.lake.aliases, lines({"song": "Gone", "artist": "<b>", "song_id": "SO9"}))
    bring_up_to_date(pair.lake.open(), pair.warehouse)
    facts = pair.warehouse.read_only(gather)
    figures = facts.figures()
    told = {name: figures[name] for name in ("plays", "matched", "listeners", "people", "sessions")}
    assert told == {"plays": 4, "matched": 2, "listeners": 2, "people": 2, "sessions": 2}
    assert figures["data_until"] == "2018-11-06T12:00:00"
    days = [(row["period"], row["plays"], row["matched"]) for row in facts.answers["plays"]]
    assert days == [(date(2018, 11, 5), 3, 1), (date(2018, 11, 6), 1, 1)]
    assert [tuple(row.values()) for row in facts.answers["week"]] == [(1, 12, 3), (2, 12, 1)]
    assert [tuple(row.values()) for row in facts.answers["listeners"]] == [
        (date(2018, 11, 5), 2.0, 2, 0.0, 1),
        (date(2018, 11, 6), 1.0, 0, 1.0, 1),
    ]
    levels = [(row["free"], row["paid"], row["upgrades"]) for row in facts.answers["subscriptions"]]
    assert levels == [(2, 0, 0), (1, 1, 1)]
    (close,) = facts.answers["unmatched_close"]
    assert (close["title"], close["closest_title"]) == ("uprising!", "Uprising")
    assert close["reason"] == "title and artist differ only in spelling"
    assert close["alias"] == '{"song": "uprising!", "artist": "Muse", "song_id": "SO1"}'
    page = render(facts, datetime(2026, 1, 1))
    assert close["alias"].replace('"', "&#34;") in page, "ready to be copied"
    (idle,) = re.findall(r"<tr>.*SO9.*</tr>", page, re.DOTALL)
    assert "&lt;b&gt;" in idle
    assert "its song is not in the catalogue" in idle
    assert "2 plays of 4, 50.0 %, name no song of the catalogue" in page
