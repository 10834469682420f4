"""Every pair of warehouse and lake holds the contract: the same cases, the same rows.

DuckDB over a folder, DuckDB over S3, Redshift over S3 (what stands in for it; a real one with
`pytest -m redshift`), after full loads and after what changed was loaded.
"""

from __future__ import annotations

import gzip
import math
import random
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from sparkify_dagster.generator import LakeSpec
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.checks import checks_of
from sparkify_dagster.pipeline.audit import Stored, examine
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.warehouse import ledger
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import (
    LOG_FIELDS,
    Outcome,
    TinyLake,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    jsonpaths,
    lines,
    log_key,
    put,
    song,
    tables_of,
)
from sparkify_dagster_tests.pairs import Pair
from sparkify_dagster_tests.properties.test_generated_lakes import (
    add,
    delete,
    deliver_again,
    overwrite,
)
from sparkify_dagster_tests.record_cases import (
    EVENT,
    EVENT_CASES,
    SONG,
    SONG_CASES,
    STREAMS,
    AnySpelling,
    RecordCase,
    ndjson,
)

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "sample-lake"
ALL_REJECTS = Limits(rejects=1.0)


def load(pair: Pair, **options: object) -> Outcome:
    """Brings the pair's warehouse up to date with its lake."""
    return bring_up_to_date(pair.lake.open(), pair.warehouse, **options)  # type: ignore[arg-type]


def fill(lake: TinyLake) -> None:
    """A few of everything: plays with and without songs, sessions over two days, packed objects."""
    lake.put_song("A/A/A/TR1.json", song())
    lake.put_song("A/A/B/TR2.json", song(song_id="SO2", title="Hysteria", year=0))
    packed = lines(song(song_id="SO3", artist_id="AR2"), song(song_id="SO4"))
    put(lake.songs / "packed.json.gz", gzip.compress(packed))
    lake.put_log(log_key("2018-11-01"), event(), event(itemInSession=1, song="Hysteria"))
    lake.put_log(log_key("2018-11-02", "a.json"), event(sessionId=2, level="paid"))
    lake.put_log(log_key("2018-11-02", "b.json"), event(sessionId=3, userId="", page="Home"))
    lake.put_log(log_key("2018-11-03", "packed.json.gz"), event(sessionId=4, userId="2"))
    lake.put_log(log_key("2018-11-03"), event(sessionId=4, userId="3", song="Ünbekannt ❤ \\ ' %s"))


def test_a_lake_loads_changes_and_loads_again_to_the_rows_of_the_contract(pair: Pair) -> None:
    lake = pair.lake
    fill(lake)
    assert load(pair).failed == set()
    held = lake.expected()
    assert_equals_oracle(pair.warehouse, held)
    assert load(pair).todo.is_nothing

    lake.put_log(log_key("2018-11-02", "a.json"), event(sessionId=2, firstName="Grace"))
    (lake.logs / log_key("2018-11-01")).unlink()
    lake.put_song("A/A/A/TR1.json", song(title="Uprising ", duration=199))
    lake.put_song("late.json", song(song_id="SO9", title="Ünbekannt ❤ \\ ' %s"))
    (lake.songs / "packed.json.gz").unlink()
    outcome = load(pair, rebuild_from=math.inf)
    assert outcome.star is not None
    assert outcome.star.mode == "refresh"
    held = lake.expected(held)
    assert_equals_oracle(pair.warehouse, held)

    load(pair, everything=True)
    assert_equals_oracle(pair.warehouse, held)


def test_events_far_from_their_log_day_are_warned_about_with_their_days_and_load(
    pair: Pair,
) -> None:
    lake = pair.lake
    seconds = [event(itemInSession=n, ts=1541116800 + n) for n in range(3)]
    lake.put_log(log_key("2018-11-01"), event(sessionId=2), *seconds)
    lake.put_log(log_key("2018-11-02"), event(sessionId=3))
    outcome = load(pair)
    assert outcome.failed == set()
    assert_equals_oracle(pair.warehouse, lake.expected())
    (of_load,) = {
        id(finding): finding
        for day in outcome.days
        for finding in day.findings
        if finding.check.name == "times_near_log_day" and not finding.passed
    }.values()
    (check,) = [c for c in checks_of("staging_events_table") if c.name == of_load.check.name]
    stored = pair.warehouse.read_only(lambda s: examine(s, [check], Stored(s.schema)))
    for found in (of_load, *stored):
        assert (found.numbers["offenders"], found.stops) == (3, False)
        assert "3 of 5 events" in found.verdict
        assert [(row["log_day"], row["events"]) for row in found.sample] == [("2018-11-01", "3")]
        assert found.sample[0]["latest"].startswith("1970-01-18")
    lake.put_log(log_key("2018-11-01"), event(sessionId=2))
    assert all(f.passed for day in load(pair).days for f in day.findings if f.check == check)


def test_of_deliveries_that_differ_in_one_field_each_engine_takes_the_same(pair: Pair) -> None:
    # Whether the person was logged in decides nothing: it keeps the order of rows from helping.
    told = {"itemInSession", "sessionId", "userId", "page", "ts", "auth"}
    fields = {name: value for name, value in event().items() if name not in told}
    first, second = [], []
    for place, (name, value) in enumerate(fields.items()):
        other = f"{value}!" if isinstance(value, str) else 1
        for turn, values in enumerate(([value, other], [other, value])):
            kept, again = (event(itemInSession=2 * place + turn) | {name: v} for v in values)
            first.append(kept)
            second.append(again | {"auth": "Logged Out"})
    pair.lake.put_song("a.json", song())
    pair.lake.put_log(log_key("2018-11-01"), *first, *second)
    load(pair)
    assert_equals_oracle(pair.warehouse, pair.lake.expected())


def test_objects_with_any_of_the_endings_load_in_any_case(pair: Pair) -> None:
    lake = pair.lake
    put(lake.songs / "a.NDJSON", lines(song()))
    put(lake.songs / "b.Json.GZ", gzip.compress(lines(song(song_id="SO2"))))
    for day, ending in enumerate((".jsonl", ".ndjson", ".JSON", ".JSONL"), 1):
        put(lake.logs / f"2018-11-{day:02}{ending}", lines(event(sessionId=day)))
        put(lake.logs / f"2018-11-{day:02}{ending}.GZ", gzip.compress(lines(event(sessionId=-day))))
    put(lake.logs / "2018-11-09.json.gzip", b"not ours")
    outcome = load(pair)
    assert outcome.failed == set()
    assert_equals_oracle(pair.warehouse, lake.expected())
    assert outcome.seen.aside["staging_events_table"].others == 1


@pytest.mark.parametrize("page", ["Logout", "NextSong "])
def test_a_play_stays_when_another_event_with_its_key_goes(pair: Pair, page: str) -> None:
    lake = pair.lake
    lake.put_log(log_key("2018-11-01"), *(event(itemInSession=number) for number in range(10)))
    lake.put_log(log_key("2018-11-02"), event(itemInSession=5, page=page), event(sessionId=2))
    load(pair)
    held = lake.expected()
    assert len(held.songplay) == 11
    lake.put_log(log_key("2018-11-02"), event(sessionId=2))
    load(pair, rebuild_from=math.inf)
    held = lake.expected(held)
    assert len(held.songplay) == 11
    assert_equals_oracle(pair.warehouse, held)


def test_songs_an_older_reader_read_are_read_anew_and_of_others_what_changed(pair: Pair) -> None:
    lake = pair.lake
    for number in range(40):
        lake.put_song(f"{number}.json", song(song_id=f"SO{number}"), *[b"{}"] * (number % 9 == 0))
    load(pair, limits=ALL_REJECTS)
    held = lake.expected(reject_limit=1.0)
    history, objects, staged = (
        f"{pair.warehouse.schema}.{name}"
        for name in ("load_history", "load_objects", "staging_songs_table")
    )
    with pair.warehouse.transaction() as session:
        session.execute(
            f"UPDATE {history} SET reader_version = '0', digest = 'of old' "
            "WHERE target = 'staging_songs_table' AND part < '20'"
        )
        session.execute(
            f"UPDATE {staged} SET title = 'misread' WHERE object IN "
            f"(SELECT o.object FROM {objects} AS o WHERE o.part < '20')"
        )
    for number in range(10):
        (lake.songs / f"{number}.json").unlink()
        lake.put_song(f"{10 + number}.json", song(song_id=f"SO{number}", title="Hysteria"), b"[]")
    outcome = load(pair, limits=ALL_REJECTS)
    assert outcome.songs is not None
    assert 10 < outcome.songs.objects_read < 30
    assert_equals_oracle(pair.warehouse, lake.expected(held, reject_limit=1.0))
    with pair.warehouse.reading() as session:
        songs = [e for e in ledger.latest(session) if e.target == "staging_songs_table"]
        counted = {e.part: (e.records, e.rejects) for e in songs if e.objects}
        assert counted == ledger.loaded_records(session, "staging_songs_table")


def test_objects_are_staged_by_as_many_at_once_as_the_limits_say(pair: Pair) -> None:
    lake = pair.lake
    for number in range(5):
        lake.put_song(f"{number}.json", song(song_id=f"SO{number}"), *[b"{}"] * (number == 3))
        lake.put_log(log_key("2018-11-01", f"{number}.json"), event(sessionId=number), b"[]")
    assert load(pair, limits=Limits(rejects=0.9, objects=2)).failed == set()
    held = lake.expected(reject_limit=0.9)
    assert len(held.rejects) == 6
    assert_equals_oracle(pair.warehouse, held)


def test_rejects_are_kept_with_their_place_and_go_when_they_are_mended(pair: Pair) -> None:
    lake = pair.lake
    good = [event(itemInSession=number) for number in range(20)]
    lake.put_log(log_key("2018-11-01"), *good[:10], b'{"artist": "Mu', *good[10:])
    lake.put_log(log_key("2018-11-02"), b"[]", event(ts=None), event())
    lake.put_song("a.json", *(song(song_id=f"SO{number}") for number in range(12)), b"{}")
    outcome = load(pair)
    assert outcome.failed == {"2018-11-02"}
    held = lake.expected()
    assert len(held.rejects) == 2
    assert_equals_oracle(pair.warehouse, held)

    lake.put_log(log_key("2018-11-01"), *good)
    lake.put_log(log_key("2018-11-02"), event(sessionId=9))
    lake.put_song("a.json", song())
    assert load(pair).failed == set()
    held = lake.expected(held)
    assert held.rejects == []
    assert_equals_oracle(pair.warehouse, held)


def test_the_jsonpaths_document_is_honoured_and_its_change_reloads(pair: Pair) -> None:
    fill(pair.lake)
    load(pair)
    held = pair.lake.expected()
    swapped = {"song": "artist", "artist": "song"}
    names = [swapped.get(name, name) for name in LOG_FIELDS]
    put(pair.lake.document, jsonpaths(names))
    assert len(load(pair).days) == 3
    assert_equals_oracle(pair.warehouse, pair.lake.expected(held))


ODD_KEYS = (
    "with blank-2018-11-01.json",
    "plus+2018-11-02.json",
    "quote'2018-11-03\"x.json",
    "ünïcödé-❤-2018-11-04.json",
    "per%cent%20-2018-11-05.json",
    "hash#question?amp&-2018-11-06.json",
    "back\\slash-2018-11-07.json.gz",
)


def test_keys_with_any_characters_are_loaded(pair: Pair) -> None:
    for number, key in enumerate(ODD_KEYS):
        pair.lake.put_log(f"folder {number}+'/{key}", event(sessionId=number))
        put(pair.lake.songs / f"söng {number}+'/{key}", _song(key, number))
    assert load(pair).failed == set()
    assert_equals_oracle(pair.warehouse, pair.lake.expected())


def _song(key: str, number: int) -> bytes:
    data = lines(song(song_id=f"SO{number}"))
    return gzip.compress(data) if key.endswith(".gz") else data


def test_a_generated_lake_in_a_mess_loads_before_and_after_changes(
    pair: Pair, tmp_path: Path
) -> None:
    made = TinyLake.generated(
        tmp_path / "made", LakeSpec(songs=60, events=900, days=6, seed=5, mess=True)
    )
    shutil.copytree(made.root, pair.lake.root, dirs_exist_ok=True)
    load(pair)
    held = pair.lake.expected()
    assert_equals_oracle(pair.warehouse, held)
    dice = random.Random(5)
    for change in (overwrite, add, delete, deliver_again):
        change(pair.lake, dice)
    load(pair, rebuild_from=math.inf)
    assert_equals_oracle(pair.warehouse, pair.lake.expected(held))


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample lake is not here")
def test_the_sample_lake_loads_to_the_rows_of_the_contract(pair: Pair) -> None:
    for name in ("log_data", "song_data", "log_json_path.json"):
        source, target = SAMPLE / name, pair.lake.root / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    assert load(pair).failed == set()
    assert_equals_oracle(pair.warehouse, pair.lake.expected())
    assert len(tables_of(pair.warehouse, ["songplay"])["songplay"]) == 1594


def test_rows_too_many_for_statements_are_loaded_in_bulk(pair: Pair) -> None:
    for number in range(3):
        records = [song(song_id=f"SO{number}-{n}", duration=n + 0.1) for n in range(400)]
        pair.lake.put_song(f"{number}.json", *records)
    plays = [event(itemInSession=n, song="\\ \"'\t\n %", length=n + 0.1) for n in range(1200)]
    pair.lake.put_log(log_key("2018-11-01"), *plays)
    load(pair, direct=False)
    assert_equals_oracle(pair.warehouse, pair.lake.expected())


def test_every_case_of_a_record_among_all_others_is_read_as_it_must_be(pair: Pair) -> None:
    put(pair.lake.logs / log_key("2018-11-01"), ndjson(_spelt_plainly(EVENT_CASES)))
    songs = _spelt_plainly(SONG_CASES)
    put(pair.lake.songs / "packed.json", ndjson(songs))
    for number, case in enumerate(songs):
        put(pair.lake.songs / f"alone/{number}.json", case.raw)
    load(pair, limits=ALL_REJECTS)
    assert_equals_oracle(pair.warehouse, pair.lake.expected(reject_limit=1.0))


def test_streams_of_records_are_read_as_they_must_be(pair: Pair) -> None:
    for number, case in enumerate(STREAMS):
        day = f"2018-11-{number % 20 + 1:02}"
        for folder, key, record in (
            (pair.lake.logs, log_key(day, f"{number}.json"), EVENT.line(sessionId=str(number))),
            (pair.lake.songs, f"{number}.json", SONG.line()),
        ):
            put(folder / key, case.of(record))
            put(folder / f"{key}.gz", gzip.compress(case.of(record)))
    assert load(pair, limits=ALL_REJECTS).failed == set()
    assert_equals_oracle(pair.warehouse, pair.lake.expected(reject_limit=1.0))
    assert load(pair).todo.is_nothing


def test_logs_as_firehose_delivers_them_are_taken_whole(pair: Pair) -> None:
    one = [event(sessionId=n) for n in range(50)]
    two = [event(sessionId=n, itemInSession=2) for n in range(32)]
    put(pair.lake.logs / log_key("2018-11-01"), lines(*one).replace(b"\n", b""))
    put(pair.lake.logs / log_key("2018-11-02"), lines(*two).replace(b"}\n{", b"}{", 1))
    pair.lake.put_song("a.json", song())
    outcome = load(pair)
    assert {r.entry.part: (r.entry.row_count, r.entry.rejects) for r in outcome.days} == {
        "2018-11-01": (50, 0),
        "2018-11-02": (32, 0),
    }
    assert_equals_oracle(pair.warehouse, pair.lake.expected())


def _spelt_plainly(cases: Iterable[RecordCase]) -> list[RecordCase]:
    """The cases without those whose numbers an engine may spell in another way."""
    return [case for case in cases if not any(isinstance(v, AnySpelling) for v in case.row)]


def test_numbers_and_times_at_the_ends_of_their_types_stop_nothing(pair: Pair) -> None:
    most, first, last = sys.float_info.max, -62_135_596_800_000, 253_402_300_799_999
    pair.lake.put_song(
        "most.json",
        song(duration=most, artist_latitude=most, artist_longitude=-most, year=2**31 - 1),
        song(song_id="SO0", duration=-most, year=-(2**31)),
        song(song_id="SO2", duration=1.0),
        song(song_id="SO3", duration=5e-324, num_songs=2**31 - 1),
    )
    lengths = (-most, most, most / 2, -5e-324, 0.0, None, 1e17)
    pair.lake.put_log(
        log_key("2018-11-01"),
        *(event(itemInSession=at, length=length) for at, length in enumerate(lengths)),
        event(itemInSession=50, ts=first),
        event(itemInSession=51, ts=last, level="paid", page="Upgrade"),
        event(itemInSession=-(2**31), sessionId=-(2**63), userId=-(2**63), ts=last),
        event(itemInSession=2**31 - 1, sessionId=2**63 - 1, userId=2**63 - 1, ts=first),
    )
    pair.lake.put_log(log_key("2018-11-02"), event(itemInSession=60))
    for everything in (False, True):
        done = bring_up_to_date(pair.lake.open(), pair.warehouse, everything=everything)
        assert not done.failed
        assert_equals_oracle(pair.warehouse, pair.lake.expected())


def test_a_broken_object_fails_its_day_alone_and_keeps_what_was_published(pair: Pair) -> None:
    lake = pair.lake
    fill(lake)
    load(pair)
    held = lake.expected()
    packed = log_key("2018-11-03", "packed.json.gz")
    put(lake.logs / packed, (lake.logs / packed).read_bytes()[:-5])
    lake.put_log(log_key("2018-11-01"), event(sessionId=77))
    assert load(pair).failed == {"2018-11-03"}
    held = lake.expected(held)
    assert_equals_oracle(pair.warehouse, held)
    lake.put_log(packed, event(sessionId=5))
    assert load(pair).failed == set()
    assert_equals_oracle(pair.warehouse, lake.expected(held))


def test_a_key_spelt_like_a_refusal_of_the_warehouse_fails_its_day_alone(pair: Pair) -> None:
    lake, warehouse = pair.lake, pair.warehouse
    lake.put_log(log_key("2018-11-02"), event())
    for at, words in enumerate(
        (
            "deadlock detected",
            "1023 could not serialize access",
            "User x is not authorized to assume IAM Role",
            "server closed the connection",
            "S3ServiceException:User x not authorized to assume, deadlock detected",
        )
    ):
        put(lake.logs / log_key("2018-11-01", f"{at} {words}.json.gz"), b"\x1f\x8b no gzip")
    done = bring_up_to_date(lake.open(), warehouse)
    assert done.failed == {"2018-11-01"}
    assert len(tables_of(warehouse)["songplay"]) == 1


def test_the_tables_can_be_made_twice_and_made_anew(pair: Pair) -> None:
    fill(pair.lake)
    load(pair)
    assert pair.warehouse.transact(create_tables) == []
    made = pair.warehouse.transact(lambda session: create_tables(session, drop=True))
    assert made == list(TABLES)
    load(pair)
    assert_equals_oracle(pair.warehouse, pair.lake.expected())


def test_a_day_of_empty_objects_is_loaded_and_has_no_rows(pair: Pair) -> None:
    put(pair.lake.logs / log_key("2018-11-01"), b"")
    put(pair.lake.logs / log_key("2018-11-02"), b" \n\r\n")
    pair.lake.put_log(log_key("2018-11-03"), event())
    put(pair.lake.logs / log_key("2018-11-03", "nothing.json"), lines())
    assert load(pair).failed == set()
    assert_equals_oracle(pair.warehouse, pair.lake.expected())
    assert load(pair).todo.is_nothing
