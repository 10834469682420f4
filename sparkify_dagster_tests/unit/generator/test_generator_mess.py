"""A messy lake: every kind of mess is there, nothing of the clean lake is lost, limits are kept."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sparkify_dagster.generator import GeneratedLake, LakeSpec, generate_lake
from sparkify_dagster.generator.writer import stored_gzip

Record = dict[str, Any]
SIZES = [(200, 20_000, 30), (200, 3_000, 10), (20, 300, 3), (35, 90, 2)]


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> GeneratedLake:
    return generate_lake(tmp_path_factory.mktemp("messy"), LakeSpec(mess=True))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> GeneratedLake:
    return generate_lake(tmp_path_factory.mktemp("clean"), LakeSpec())


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def log_lines(root: Path) -> dict[str, list[bytes]]:
    """The non-blank lines of each day's object, strays left out."""
    return {
        path.name[:10]: [line.strip() for line in content(path).split(b"\n") if line.strip()]
        for path in sorted(root.glob("log_data/*/*/*.json*"))
    }


def song_records(root: Path) -> list[bytes]:
    """One text per record of each song object, strays left out."""
    records: list[bytes] = []
    for path in sorted(root.glob("song_data/?/?/?/*.json")):
        text = path.read_bytes()
        records += [text] if accepts_song(text) else text.splitlines()
    return records


def parsed(text: bytes) -> Record | None:
    try:
        record = json.loads(text.decode())
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def whole(value: object, bits: int = 63) -> bool:
    return type(value) is int and abs(value) < 2**bits


def accepts_event(text: bytes) -> bool:
    """The contract's rules for a log record, as far as the generator's mess goes."""
    event = parsed(text)
    if event is None:
        return False
    numbers = whole(event.get("ts")) and whole(event.get("sessionId"))
    small = whole(event.get("itemInSession"), 31) and whole(event.get("status"), 31)
    doubles = all(type(event[name]) in (float, type(None)) for name in ("length", "registration"))
    present = event.get("page") is not None and event.get("auth") is not None
    user = event["userId"] == "" or event["userId"].isdigit()
    sizes = len(str(event["userAgent"]).encode()) <= 1024 and len(event["level"]) <= 256
    return numbers and small and doubles and present and user and sizes


def accepts_song(text: bytes) -> bool:
    """The contract's rules for a song record, as far as the generator's mess goes."""
    song = parsed(text)
    if song is None:
        return False
    texts = [song.get(name) for name in ("song_id", "artist_id", "title")]
    short = all(isinstance(text, str) and len(text.encode()) <= 1024 for text in texts)
    return short and type(song.get("duration")) is float and whole(song.get("year"), 31)


@pytest.mark.parametrize(("songs", "events", "days"), SIZES)
def test_rejects_stay_well_below_the_limit(
    tmp_path: Path, songs: int, events: int, days: int
) -> None:
    generate_lake(tmp_path, LakeSpec(songs=songs, events=events, days=days, mess=True))
    records = song_records(tmp_path)
    assert sum(not accepts_song(text) for text in records) <= 0.03 * len(records)
    for lines in log_lines(tmp_path).values():
        assert sum(not accepts_event(line) for line in lines) <= 0.05 * len(lines)


def test_no_clean_event_or_song_is_lost(messy: GeneratedLake, clean: GeneratedLake) -> None:
    wanted, found = log_lines(clean.root), log_lines(messy.root)
    assert list(wanted) == list(found)
    for day, lines in wanted.items():
        assert Counter(lines) <= Counter(found[day])
    for path in clean.root.glob("song_data/**/*.json"):
        assert (messy.root / path.relative_to(clean.root)).read_bytes() == path.read_bytes()


def test_the_result_counts_records_with_the_broken_ones(messy: GeneratedLake) -> None:
    lines = log_lines(messy.root)
    assert messy.events == sum(map(len, lines.values()))
    assert messy.log_objects == len(lines)
    assert messy.song_objects == len(list(messy.root.glob("song_data/?/?/?/*.json")))


def test_every_kind_of_broken_line_occurs(messy: GeneratedLake) -> None:
    lines = [line for found in log_lines(messy.root).values() for line in found]
    broken = [line for line in lines if not accepts_event(line)]
    objects = [record for record in map(parsed, broken) if record is not None]
    assert any(line.startswith(b'{"artist"') and parsed(line) is None for line in broken)
    assert b"null" in broken
    assert any("page" not in record for record in objects)
    assert any(record.get("ts") == "yesterday" for record in objects)
    assert any(len(str(record["userAgent"]).encode()) > 1024 for record in objects)
    assert any(b"\xe9" in line for line in broken)


def test_events_come_twice_in_a_day_and_again_the_day_after(
    messy: GeneratedLake, clean: GeneratedLake
) -> None:
    days = list(log_lines(messy.root).values())
    original = list(log_lines(clean.root).values())
    assert all(max(Counter(lines).values()) > 1 for lines in days)
    again = [set(before) & set(day) for before, day in zip(original, days[1:], strict=False)]
    assert all(again)
    assert all(b'"page":"NextSong"' in line for lines in again for line in lines)


def test_some_records_have_a_field_nobody_knows(messy: GeneratedLake) -> None:
    lines = [line for found in log_lines(messy.root).values() for line in found]
    assert any("appVersion" in (parsed(line) or {}) for line in lines)


def test_files_end_their_lines_in_every_way(messy: GeneratedLake) -> None:
    texts = [content(path) for path in messy.root.glob("log_data/*/*/*.json*")]
    assert any(b"\r\n" in text for text in texts)
    assert any(b"\r\n" not in text for text in texts)
    assert any(not text.endswith(b"\n") for text in texts)
    assert any(text.endswith(b"\n") for text in texts)
    assert any(b"\n\n" in text for text in texts)
    assert any(b"\n   \n" in text for text in texts)


def test_some_days_come_as_gzip_of_several_members(messy: GeneratedLake) -> None:
    packed = list(messy.root.glob("log_data/*/*/*.json.gz"))
    assert packed
    assert all(path.read_bytes().count(b"\x1f\x8b\x08\x00") >= 2 for path in packed)


def test_stray_files_lie_among_songs_and_logs(messy: GeneratedLake) -> None:
    for pattern in (
        "song_data/_SUCCESS",
        "song_data/?/?/?/.ipynb_checkpoints/*-checkpoint.json",
        "log_data/_SUCCESS",
        "log_data/notes.json",
        "log_data/*/*/.ipynb_checkpoints/*-checkpoint.json",
    ):
        assert list(messy.root.glob(pattern)), pattern


def test_song_objects_come_broken_repeated_doubled_and_empty(messy: GeneratedLake) -> None:
    texts = [path.read_bytes() for path in messy.root.glob("song_data/?/?/?/*.json")]
    records = [parsed(text) or {} for text in song_records(messy.root)]
    ids = Counter(record.get("song_id") for record in records if record.get("title"))
    assert b"" in texts
    assert any(text.count(b"\n") == 2 for text in texts)
    assert any(parsed(text) is None for text in texts if text)
    assert ids.most_common(1)[0][1] > 1


def test_stored_gzip_is_gzip_whatever_the_size() -> None:
    chunks = [b"", b"x", b"y" * 65_535, b"z" * 200_000]
    assert gzip.decompress(b"".join(stored_gzip(chunks))) == b"".join(chunks)
