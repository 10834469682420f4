"""A clean lake's content: the sample's shape, and behaviour worth asking questions about."""

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.generator import LakeSpec, generate_lake

Record = dict[str, Any]
SPEC = LakeSpec()
LOG_LINE = re.compile(
    r'\{"artist":(null|".*"),"auth":"Logged (In|Out)","firstName":(null|".*"),'
    r'"gender":(null|"F"|"M"),"itemInSession":\d+,"lastName":(null|".*"),'
    r'"length":(null|\d+\.\d{1,5}),"level":"(free|paid)","location":(null|".*"),'
    r'"method":"(PUT|GET)","page":"[A-Z][A-Za-z ]+","registration":(null|\d{13}\.0),'
    r'"sessionId":\d+,"song":(null|".*"),"status":(200|307|404),"ts":\d{13},'
    r'"userAgent":(null|".*"),"userId":"\d*"\}'
)
SONG_OBJECT = re.compile(
    r'\{"num_songs": 1, "artist_id": "AR\w{16}", "artist_latitude": (null|-?\d+\.\d+), '
    r'"artist_longitude": (null|-?\d+\.\d+), "artist_location": ".*", "artist_name": ".+", '
    r'"song_id": "SO\w{16}", "title": ".+", "duration": \d+\.\d{1,5}, "year": (0|\d{4})\}'
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_lake(tmp_path_factory.mktemp("lake"), SPEC).root


@pytest.fixture(scope="module")
def days(root: Path) -> dict[date, list[str]]:
    logs = sorted(root.glob("log_data/*/*/*.json"))
    return {date.fromisoformat(path.name[:10]): path.read_text().splitlines() for path in logs}


@pytest.fixture(scope="module")
def events(days: dict[date, list[str]]) -> list[Record]:
    return [json.loads(line) for lines in days.values() for line in lines]


@pytest.fixture(scope="module")
def plays(events: list[Record]) -> list[Record]:
    return [event for event in events if event["page"] == "NextSong"]


@pytest.fixture(scope="module")
def songs(root: Path) -> list[Record]:
    return [json.loads(path.read_text()) for path in sorted(root.glob("song_data/**/*.json"))]


@pytest.fixture(scope="module")
def by_user(events: list[Record]) -> dict[str, list[Record]]:
    users = defaultdict(list)
    for event in events:
        if event["userId"]:
            users[event["userId"]].append(event)
    return users


def names(songs: list[Record]) -> set[tuple[str, str]]:
    return {(song["title"].strip(" "), song["artist_name"].strip(" ")) for song in songs}


def share(part: int, whole: int) -> float:
    return part / whole


def test_every_log_line_looks_like_the_samples(days: dict[date, list[str]]) -> None:
    for lines in days.values():
        for line in lines:
            assert LOG_LINE.fullmatch(line), line


def test_every_song_object_looks_like_the_samples(root: Path) -> None:
    for path in root.glob("song_data/**/*.json"):
        assert SONG_OBJECT.fullmatch(path.read_text()), path


def test_nulls_stand_where_the_sample_has_them(events: list[Record]) -> None:
    for event in events:
        logged_in = event["auth"] == "Logged In"
        assert logged_in == bool(event["userId"])
        for field in ("firstName", "lastName", "gender", "location", "registration", "userAgent"):
            assert (event[field] is not None) == logged_in
        for field in ("artist", "song", "length"):
            assert (event[field] is not None) == (event["page"] == "NextSong")


def test_there_are_exactly_as_many_events_as_asked(events: list[Record]) -> None:
    assert len(events) == SPEC.events


def test_every_event_lies_in_the_file_of_its_day_in_order(days: dict[date, list[str]]) -> None:
    assert list(days) == [SPEC.start + timedelta(days=number) for number in range(SPEC.days)]
    for day, lines in days.items():
        times = [json.loads(line)["ts"] for line in lines]
        assert times == sorted(times)
        assert {datetime.fromtimestamp(ts / 1000, UTC).date() for ts in times} == {day}


def test_user_session_and_item_identify_an_event(events: list[Record]) -> None:
    keys = {(event["userId"], event["sessionId"], event["itemInSession"]) for event in events}
    assert len(keys) == len(events)


def test_items_count_up_through_a_session_of_one_person(events: list[Record]) -> None:
    items, users = defaultdict(list), defaultdict(set)
    for event in events:
        items[event["sessionId"]].append(event["itemInSession"])
        users[event["sessionId"]].add(event["userId"])
    assert all(found == list(range(len(found))) for found in items.values())
    assert all(len(found - {""}) <= 1 for found in users.values())


def test_some_sessions_cross_midnight(events: list[Record]) -> None:
    days_of = defaultdict(set)
    for event in events:
        days_of[event["sessionId"]].add(event["ts"] // 86_400_000)
    assert any(len(found) == 2 for found in days_of.values())


def test_about_seventy_percent_of_plays_match_a_song(
    plays: list[Record], songs: list[Record]
) -> None:
    known = names(songs)
    matched = sum((play["song"].strip(" "), play["artist"].strip(" ")) in known for play in plays)
    assert share(matched, len(plays)) == pytest.approx(0.70, abs=0.03)


def test_some_matches_need_trimming_and_some_the_length(
    plays: list[Record], songs: list[Record]
) -> None:
    assert any(play["song"] != play["song"].strip(" ") for play in plays)
    recordings = Counter((song["title"], song["artist_name"]) for song in songs)
    assert max(recordings.values()) > 1


def test_few_songs_are_played_much_and_many_little(plays: list[Record]) -> None:
    counts = [n for _, n in Counter((p["song"], p["artist"]) for p in plays).most_common()]
    assert counts[0] > 5 * counts[len(counts) // 4] > 0


def test_other_pages_and_logged_out_events_are_few(events: list[Record]) -> None:
    pages = Counter(event["page"] for event in events)
    outside = sum(event["auth"] == "Logged Out" for event in events)
    assert 0.07 < share(len(events) - pages["NextSong"], len(events)) < 0.10
    assert 0.02 < share(outside, len(events)) < 0.04
    assert set(pages) == {
        "NextSong", "Home", "Login", "Logout", "Settings", "Save Settings", "Help", "About",
        "Error", "Upgrade", "Submit Upgrade", "Downgrade", "Submit Downgrade",
    }  # fmt: skip


def test_a_level_lasts_until_it_is_changed(by_user: dict[str, list[Record]]) -> None:
    changes = Counter[str]()
    for events in by_user.values():
        level = events[0]["level"]
        for event in events:
            assert event["level"] == level
            if event["page"].startswith("Submit"):
                assert (event["page"] == "Submit Upgrade") == (level == "free")
                level = "paid" if level == "free" else "free"
                changes[event["page"]] += 1
    assert min(changes.values()) > 1
    assert len(changes) == 2


def test_a_person_has_one_name_gender_and_place(by_user: dict[str, list[Record]]) -> None:
    fields = ("firstName", "lastName", "gender", "location", "registration")
    for events in by_user.values():
        assert len({tuple(event[field] for field in fields) for event in events}) == 1


def test_a_person_is_in_one_session_at_a_time(by_user: dict[str, list[Record]]) -> None:
    for events in by_user.values():
        sessions = [event["sessionId"] for event in events]
        starts = [
            now for before, now in zip([0, *sessions], sessions, strict=False) if now != before
        ]
        assert len(starts) == len(set(starts))


def test_a_few_people_never_play(by_user: dict[str, list[Record]]) -> None:
    idle = [u for u, found in by_user.items() if all(e["page"] != "NextSong" for e in found)]
    assert 0 < len(idle) < len(by_user) / 5
    assert len(by_user) == pytest.approx(SPEC.events / 80, rel=0.15)


def test_evenings_are_busier_than_nights_and_weekdays_than_weekends(plays: list[Record]) -> None:
    times = [datetime.fromtimestamp(play["ts"] / 1000, UTC) for play in plays]
    hours = Counter(time.hour for time in times)
    weekdays = Counter(time.weekday() for time in times)
    assert sum(hours[h] for h in range(15, 20)) > 2 * sum(hours[h] for h in range(2, 7))
    assert max(weekdays[5], weekdays[6]) < min(weekdays[day] for day in range(5))


def test_milliseconds_differ(events: list[Record]) -> None:
    assert len({event["ts"] % 1000 for event in events}) > 900


def test_user_agents_are_quoted_as_in_the_sample(events: list[Record]) -> None:
    agents = {event["userAgent"] for event in events if event["userAgent"]}
    quoted = {agent for agent in agents if agent.startswith('"') and agent.endswith('"')}
    assert 0 < len(quoted) < len(agents)


def test_songs_are_as_incomplete_as_the_samples(songs: list[Record]) -> None:
    assert len(songs) == len({song["song_id"] for song in songs}) == SPEC.songs
    for gap in (
        sum(song["year"] == 0 for song in songs),
        sum(song["artist_location"] == "" for song in songs),
        sum(song["artist_latitude"] is None for song in songs),
    ):
        assert 0.2 < share(gap, len(songs)) < 0.9


def test_some_artists_go_under_several_names_and_some_names_are_not_ascii(
    songs: list[Record], events: list[Record]
) -> None:
    spellings = defaultdict(set)
    for song in songs:
        spellings[song["artist_id"]].add(song["artist_name"].strip(" "))
    assert any(len(found) > 1 for found in spellings.values())
    assert any(not song["title"].isascii() for song in songs)
    assert any(not event["firstName"].isascii() for event in events if event["firstName"])


def test_a_day_too_short_for_its_events_holds_them_all_the_same(tmp_path: Path) -> None:
    generate_lake(tmp_path, LakeSpec(songs=30, events=5_000, days=1))
    (log,) = tmp_path.glob("log_data/*/*/*.json")
    assert len(log.read_text().splitlines()) == 5_000
