"""What a load notes of checks and settings, and what a plan makes of it."""

from __future__ import annotations

from datetime import datetime

from sparkify_dagster.model.ledger import CHECKS
from sparkify_dagster.pipeline.conditions import changed_checks, changed_settings, to_note
from sparkify_dagster.settings import Settings, deciding
from sparkify_dagster.warehouse.ledger import Entry
from sparkify_dagster.warehouse.standing import Load, Standing

TODAY = deciding(Settings())


def standing(entries: list[Entry]) -> Standing:
    moment = datetime(2018, 11, 1)
    return Standing(
        [
            Load(
                e.target,
                e.part,
                e.status,
                e.digest,
                1,
                None,
                "",
                "",
                moment,
                0,
                0,
                e.message,
                moment,
            )
            for e in entries
        ]
    )


def test_what_a_load_went_by_is_noted_once_and_has_room() -> None:
    entries = to_note(standing([]), TODAY)
    assert max(len((e.message or "").encode()) for e in entries) < 4096
    assert to_note(standing(entries), TODAY) == []
    (only,) = to_note(standing(entries), TODAY | {"[S3] ENDINGS": ".json"})
    assert (only.part, only.message) == ("[S3] ENDINGS", ".json")


def test_a_setting_that_changed_is_named_for_the_tables_it_decides_about() -> None:
    known = standing(to_note(standing([]), TODAY))
    assert changed_settings(known, TODAY) == {}
    told = changed_settings(known, TODAY | {"[S3] ALIASES": "a", "[LOAD] REJECT_LIMIT": "0.2"})
    limit = ["[LOAD] REJECT_LIMIT is 0.2, was 0.1"]
    assert told == {
        "songplay": ["[S3] ALIASES is a, was blank"],
        "staging_songs_table": limit,
        "staging_events_table": limit,
    }


def test_checks_that_are_new_gone_or_ask_otherwise_are_named() -> None:
    entries = to_note(standing([]), {})
    noted = {"time": '{"unique_key": "12345678", "old": "1"}'}
    others = [e for e in entries if (e.target, e.part) != (CHECKS, "time")]
    then = standing([*others, Entry(CHECKS, "time", "published", "", message=noted["time"])])
    told = {name: said for name, said in changed_checks(then).items() if said}
    assert list(told) == ["time"]
    assert "check unique_key asks otherwise" in told["time"]
    assert "check required_columns is new" in told["time"]
    assert told["time"][-1] == "check old is gone"
