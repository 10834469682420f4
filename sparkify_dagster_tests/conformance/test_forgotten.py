"""Forgotten people: what is loaded without them, and with them again, on every pair."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sparkify_dagster.lake.documents import Forgotten
from sparkify_dagster.lake.errors import LakeError
from sparkify_dagster.lake.store.base import DEFAULT_BOUNDS
from sparkify_dagster.model.checks import checks_of
from sparkify_dagster.pipeline.audit import Stored, examine
from sparkify_dagster.pipeline.events import Ended, Planned
from sparkify_dagster.pipeline.held_of import Held, held_of, sources
from sparkify_dagster.pipeline.load import load
from sparkify_dagster.pipeline.loading import Limits
from sparkify_dagster.pipeline.person import find_person
from sparkify_dagster.pipeline.plan import Request
from sparkify_dagster.pipeline.suppress import Suppression
from sparkify_dagster_tests.lakes import (
    Outcome,
    assert_equals_oracle,
    bring_up_to_date,
    event,
    log_key,
    put,
    song,
)
from sparkify_dagster_tests.oracle import EVENTS_TABLE, Expected
from sparkify_dagster_tests.pairs import Pair

BROKEN = b'{"userId": "7", "ts": '
REJECTED = {"userId": 7, "ts": None, "firstName": "Maria"}


def forget(pair: Pair, *said: object) -> None:
    """Writes the document."""
    put(pair.lake.forgotten, "\n".join(map(str, said)).encode())


def loaded(pair: Pair, held: Expected | None = None) -> tuple[Outcome, Expected]:
    """A load, after which all is as the oracle says, and every record is accounted for."""
    outcome = bring_up_to_date(pair.lake.open(), pair.warehouse, rebuild_from=math.inf)
    expected = pair.lake.expected(held)
    assert_equals_oracle(pair.warehouse, expected)
    checks = [c for c in checks_of(EVENTS_TABLE) if c.name == "records_reconciled"]
    found = pair.warehouse.read_only(lambda s: examine(s, checks, Stored(s.schema)))
    assert [finding.verdict for finding in found if not finding.passed] == []
    assert found[0].numbers["suppressed"] == expected.suppressed.total()
    return outcome, expected


def dump(pair: Pair) -> str:
    """All that stands in the warehouse's tables, and in the blocks of its file, freed ones, too."""
    with pair.warehouse.reading() as session:
        tables = [f'{session.schema}."{name}"' for name in session.tables()]
        held = repr([session.query(f"SELECT * FROM {table}") for table in tables])
    if pair.warehouse.engine == "duckdb":
        held += Path(pair.warehouse.location).read_bytes().decode("latin-1")
    return held


def test_who_is_forgotten_is_in_no_table_and_comes_back_when_taken_off_the_list(pair: Pair) -> None:
    lake = pair.lake
    days = [log_key(f"2018-11-0{n}") for n in range(1, 5)]
    maria = event(userId="7", firstName="Maria", lastName="Gone", sessionId=7, userAgent="Mosaic")
    lake.put_song("A/1.json", song())
    lake.put_log(days[0], event(), maria, event(userId="", page="Home"), event(itemInSession=3))
    lake.put_log(days[1], event(sessionId=2), event(userId="8", sessionId=8))
    rejects, many = [BROKEN, REJECTED], [event(sessionId=n) for n in range(30)]
    lake.put_log(days[2], maria | {"itemInSession": 1}, *rejects, *many)
    lake.put_log(days[3], maria | {"itemInSession": 2}, event(sessionId=4))
    lake.put_log(log_key("2018-11-04", "more.json"), maria | {"itemInSession": 5})
    _, held = loaded(pair)
    assert "Maria" in dump(pair)

    forget(pair, "# asked for it", "7 # Maria", 99, 7)
    outcome, held = loaded(pair, held)
    assert {day.entry.part for day in outcome.days} == {f"2018-11-0{n}" for n in (1, 3, 4)}
    assert outcome.todo.days == [], "nothing is read for it"
    assert held.suppressed.total() == 6
    assert [word for word in ("Maria", "Gone", "Mosaic") if word in dump(pair)] == []
    assert bring_up_to_date(lake.open(), pair.warehouse).todo.is_nothing

    lake.put_log(days[1], maria | {"itemInSession": 6}, BROKEN, *many)
    _, held = loaded(pair, held)
    assert "Maria" not in dump(pair)
    bring_up_to_date(lake.open(), pair.warehouse, everything=True)
    assert_equals_oracle(pair.warehouse, lake.expected(held))
    assert "Maria" not in dump(pair)

    forget(pair, 7, 99, 8)
    outcome, held = loaded(pair, held)
    assert outcome.todo.days == []
    forget(pair, 8)
    outcome, held = loaded(pair, held)
    assert "Maria" in dump(pair)
    lake.forgotten.unlink()
    _, held = loaded(pair, held)
    assert held.suppressed.total() == 0
    assert bring_up_to_date(lake.open(), pair.warehouse).todo.is_nothing


def test_a_day_that_cannot_be_loaded_loses_who_is_forgotten_all_the_same(pair: Pair) -> None:
    lake, day = pair.lake, log_key("2018-11-01")
    good = [event(itemInSession=n) for n in range(30)]
    lake.put_log(day, event(userId="7", firstName="Maria"), REJECTED, *good)
    _, held = loaded(pair)
    lake.put_log(day, *[BROKEN, REJECTED] * 9, b"{", *[b"x"] * 9)
    outcome, held = loaded(pair, held)
    assert outcome.failed == {"2018-11-01"}
    forget(pair, 7)
    outcome, held = loaded(pair, held)
    assert outcome.failed == {"2018-11-01"}
    assert "Maria" not in dump(pair)
    lake.put_log(day, *good)
    loaded(pair, held)


@pytest.mark.parametrize("line", ["x7", "1.5", "7 8", "9223372036854775808", "'7'"])
def test_a_line_that_is_no_id_is_named_and_nothing_is_loaded(pair: Pair, line: str) -> None:
    pair.lake.put_log(log_key("2018-11-01"), event())
    forget(pair, "# people", 1, line)
    with pytest.raises(LakeError, match=r"forgotten\.txt.*line 3: .* no user id"):
        bring_up_to_date(pair.lake.open(), pair.warehouse)


def test_what_is_held_of_a_person_and_where_it_comes_from_is_told(pair: Pair) -> None:
    lake, days = pair.lake, [log_key(f"2018-11-0{n}") for n in range(1, 5)]
    maria, many = event(userId="7"), [event(sessionId=n) for n in range(30)]
    lake.put_log(days[0], maria, event())
    lake.put_log(days[1], event(), event(userId="8", itemInSession=1))
    lake.put_log(days[2], REJECTED, *many)
    people = Suppression(Forgotten((7,)))

    def held() -> Held:
        return pair.warehouse.read_only(lambda session: held_of(session, people))

    def found(known: bool) -> tuple[list[str], list[str]]:
        return pair.warehouse.read_only(lambda s: sources(s, before, held(), known=known))

    bring_up_to_date(lake.open(), pair.warehouse)
    before = held()
    counted = {"staging_events_table": 1, "user": 1, "songplay": 1, "load_rejects": 1}
    assert {name: before.rows[name] for name in counted} == counted
    assert min(before.rows.values()) == before.rows["retired_events"] == 0
    assert not before.anybody
    asked = find_person(pair.warehouse, lake.open(), DEFAULT_BOUNDS, 7)
    assert asked.lines == {days[0]: [1], days[2]: [1]}, "of a day that COPY read, too"
    assert {name: len(rows) for name, rows in asked.rows.items()} == before.rows
    assert find_person(pair.warehouse, lake.open(), DEFAULT_BOUNDS, 99).is_nothing

    forget(pair, 7)
    lake.put_log(days[3], maria, event())
    bring_up_to_date(lake.open(), pair.warehouse)
    after = held()
    assert after.rows == dict.fromkeys(before.rows, 0)
    assert after.anybody
    sure, doubtful = found(known=False)
    assert {*sure, *doubtful} == {days[0], days[2], days[3]}
    assert days[2] in sure, "whose record was read here"
    assert days[3] in doubtful, "which was never loaded with it"
    if pair.warehouse.engine == "duckdb":
        assert sure == [days[0], days[2]]
    asked = find_person(pair.warehouse, lake.open(), DEFAULT_BOUNDS, 7)
    assert asked.is_forgotten
    assert (asked.lines, any(asked.rows.values())) == (
        {days[0]: [1], days[2]: [1], days[3]: [1]},
        False,
    )
    before = after
    assert found(known=False) == ([], [])
    assert set(found(known=True)[1]) == {days[0], days[2], days[3]}


@pytest.mark.parametrize("first", [(), (8,)])
def test_a_load_that_looked_before_somebody_was_forgotten_publishes_nothing_of_them(
    pair: Pair, first: tuple[int, ...]
) -> None:
    lake, maria = pair.lake, event(userId="7", firstName="Maria")
    lake.put_log(log_key("2018-11-01"), maria, event(userId="8"), event())
    bring_up_to_date(lake.open(), pair.warehouse)
    if first:
        forget(pair, *first)
    lake.put_log(log_key("2018-11-02"), maria, event(itemInSession=2), BROKEN)
    late = load(Request(), pair.warehouse, lake.open(), Limits(rejects=0.9))
    assert any(isinstance(happened, Planned) for happened in late), "it has looked at the lake"

    forget(pair, *first, 7)
    bring_up_to_date(lake.open(), pair.warehouse)
    *_, end = late
    assert isinstance(end, Ended)
    assert "another document of forgotten people" in str(end.error)
    assert "Maria" not in dump(pair)
    loaded(pair)
