"""The lake as a whole: which files, deterministic bytes, refusals, progress."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from sparkify_dagster.generator import GeneratedLake, LakeSpec, generate_lake, lines
from sparkify_dagster.generator import lake as lake_module
from sparkify_dagster.generator.lines import LineEncoder
from sparkify_dagster.generator.records import LOG_FIELDS

SMALL = LakeSpec(songs=60, events=600, days=3)


def fingerprint(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("mess", [False, True])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, mess: bool) -> None:
    spec = LakeSpec(songs=60, events=600, days=3, mess=mess)
    generate_lake(tmp_path / "one", spec)
    generate_lake(tmp_path / "two", spec)
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


def test_the_bytes_are_those_of_every_other_machine(tmp_path: Path) -> None:
    # Pinned: a change here changes every lake anyone generated, so it must be meant.
    generate_lake(tmp_path, LakeSpec(songs=60, events=600, days=3, mess=True))
    together = hashlib.sha256(json.dumps(fingerprint(tmp_path)).encode()).hexdigest()
    assert together == "431ffb1eb255288dfcb25f3ab4a30208ed69d7364eac8ad31bf6027e44081463"


def test_another_seed_writes_another_lake_of_the_same_size(tmp_path: Path) -> None:
    one = generate_lake(tmp_path / "one", SMALL)
    two = generate_lake(tmp_path / "two", LakeSpec(songs=60, events=600, days=3, seed=43))
    assert (one.song_objects, one.events) == (two.song_objects, two.events)
    ours, theirs = fingerprint(tmp_path / "one"), fingerprint(tmp_path / "two")
    assert set(ours.values()) & set(theirs.values()) == {ours["log_json_path.json"]}


def test_files_lie_where_the_sample_has_them(tmp_path: Path) -> None:
    lake = generate_lake(tmp_path, LakeSpec(songs=60, events=600, days=3, start=date(2019, 12, 31)))
    names = list(fingerprint(tmp_path))
    songs = [name for name in names if name.startswith("song_data/")]
    logs = [name for name in names if name.startswith("log_data/")]
    assert len(songs) == lake.song_objects == 60
    for name in songs:
        found = re.fullmatch(r"song_data/(.)/(.)/(.)/TR(.{3})[A-Z]{2}128F[0-9A-F]{7}\.json", name)
        assert found
        assert "".join(found.groups()[:3]) == found[4]
    assert logs == [
        "log_data/2019/12/2019-12-31-events.json",
        "log_data/2020/01/2020-01-01-events.json",
        "log_data/2020/01/2020-01-02-events.json",
    ]
    assert lake.log_objects == 3


def test_the_json_paths_name_the_log_fields_in_staging_order(tmp_path: Path) -> None:
    generate_lake(tmp_path, SMALL)
    document = json.loads((tmp_path / "log_json_path.json").read_text())
    fields = [path.removeprefix("$['").removesuffix("']") for path in document["jsonpaths"]]
    first_log = min(tmp_path.glob("log_data/*/*/*.json")).read_text().splitlines()
    assert list(document) == ["jsonpaths"]
    assert fields == list(json.loads(first_log[0]))
    assert len(fields) == 18


def test_a_field_that_the_model_gains_is_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LOG_FIELDS", (*LOG_FIELDS, "mood"))
    with pytest.raises(AssertionError, match=r"reads \{'mood'\}: give them a source"):
        generate_lake(tmp_path, SMALL)


def test_the_result_counts_what_is_on_disk(tmp_path: Path) -> None:
    lake = generate_lake(tmp_path, SMALL)
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert lake == GeneratedLake(tmp_path, 60, 3, 600, written)


@pytest.mark.parametrize(
    ("songs", "events", "days"), [(0, 0, 1), (1, 1, 1), (0, 50, 2), (40, 0, 2), (1, 37, 400)]
)
@pytest.mark.parametrize("mess", [False, True])
def test_tiny_lakes_are_lakes_too(
    tmp_path: Path, songs: int, events: int, days: int, mess: bool
) -> None:
    lake = generate_lake(tmp_path, LakeSpec(songs=songs, events=events, days=days, mess=mess))
    assert lake.song_objects >= songs
    assert lake.events >= events
    assert (tmp_path / "song_data").is_dir()
    assert (tmp_path / "log_data").is_dir()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: LakeSpec(songs=-1), "songs must be from 0 to 1,000,000, not -1"),
        (lambda: LakeSpec(events=20_000_001), "events must be from 0 to 20,000,000"),
        (lambda: LakeSpec(days=0), "days must be from 1 to 3,660, not 0"),
        (lambda: LakeSpec(seed=-5), "seed must be at least 0"),
        (lambda: LakeSpec(songs=2.5), "songs must be a whole number"),  # type: ignore[arg-type]
        (lambda: LakeSpec(start=date(1969, 7, 20)), "start must be from 1971-01-01"),
        (lambda: LakeSpec(start=date(9999, 12, 30)), "start must be from"),
        (lambda: LakeSpec(start=datetime(2018, 11, 1)), "start must be a date"),
        (lambda: LakeSpec(start="2018-11-01"), "start must be a date"),  # type: ignore[arg-type]
    ],
)
def test_a_senseless_spec_is_refused_with_a_sentence(
    build: Callable[[], LakeSpec], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        build()


@pytest.mark.parametrize("used", ["song_data/x.json", "log_data/x.json", "log_json_path.json"])
def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path, used: str) -> None:
    path = tmp_path / used
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="Name another folder, or move this one away"):
        generate_lake(tmp_path, SMALL)
    assert list(fingerprint(tmp_path)) == [used]
    assert path.read_text() == "mine"


def test_empty_folders_and_other_files_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "song_data").mkdir()
    (tmp_path / "README").write_text("mine")
    assert generate_lake(tmp_path, SMALL).song_objects == 60
    assert (tmp_path / "README").read_text() == "mine"


def test_a_file_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("mine")
    with pytest.raises(NotADirectoryError, match="Name a folder"):
        generate_lake(tmp_path / "lake", SMALL)


def test_progress_is_told_for_songs_and_events_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_module, "_SONGS_PER_REPORT", 20)
    monkeypatch.setattr(lake_module, "_LINES_AT_A_TIME", 150)
    told: list[tuple[str, int, int]] = []
    generate_lake(tmp_path, SMALL, on_progress=lambda *step: told.append(step))
    assert told[:3] == [("songs", 20, 60), ("songs", 40, 60), ("songs", 60, 60)]
    assert told[-1] == ("events", 600, 600)
    assert [done for _, done, _ in told[3:]] == sorted({done for _, done, _ in told[3:]})


def test_how_many_lines_are_put_together_at_a_time_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate_lake(tmp_path / "one", SMALL)
    monkeypatch.setattr(lake_module, "_LINES_AT_A_TIME", 7)
    generate_lake(tmp_path / "two", SMALL)
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


def test_a_file_that_cannot_be_finished_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(LineEncoder, "encode", broken)
    with pytest.raises(OSError, match="disk full"):
        generate_lake(tmp_path, SMALL)
    logs = tmp_path / "log_data"
    assert [path for path in logs.rglob("*") if path.is_file()] == []
