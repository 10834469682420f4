"""The page stands by itself and stays sensible: empty, one day, odd names, no matplotlib."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sparkify_dagster.report.facts import gather
from sparkify_dagster.report.page import render
from sparkify_dagster.report.questions import grain_of
from sparkify_dagster.warehouse.engine import Warehouse, WarehouseMissing
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import TinyLake, bring_up_to_date, event, log_key, warehouse_at
from sparkify_dagster_tests.lakes import song as catalogued
from sparkify_dagster_tests.unit.report.pages import Page, written

NASTY = (
    '<script>alert("x")</script>',
    'Tom & Jerry\'s "Best" <b>',
    "{{ 7 * 7 }} {% raw %}",
    "émoji 🎧 ‮evil‬ مرحبا",
    "x" * 1000,
    "tab\there\u0007bell",
)


def at(day: int, hour: int = 12, **values: object) -> dict[str, object]:
    moment = datetime(2018, 11, day, hour, tzinfo=UTC)
    return event(**{"ts": int(moment.timestamp() * 1000)} | values)


def page_of(lake: TinyLake, folder: Path) -> str:
    warehouse = warehouse_at(folder / "w.duckdb")
    bring_up_to_date(lake.open(), warehouse)
    return written(warehouse, folder / "report.html")


@pytest.fixture
def lake(tmp_path: Path) -> TinyLake:
    return TinyLake(tmp_path / "lake")


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse whose texts are no friends of HTML."""
    folder = tmp_path_factory.mktemp("nasty")
    lake = TinyLake(folder / "lake")
    for number, name in enumerate(NASTY):
        lake.put_log(
            log_key("2018-11-05", f"{number}.json"),
            at(5, song=name, artist=name, location=name, userId=str(number), sessionId=number),
        )
    lake.put_song("A/a.json", catalogued(title=NASTY[0], artist_name="<i>another</i>"))
    lake.put_log(log_key("2018-11-06"), "broken <b>", at(6, ts="<u>soon</u>"), *[at(6)] * 30)
    warehouse = warehouse_at(folder / "w.duckdb")
    bring_up_to_date(lake.open(), warehouse)
    return warehouse


def test_names_of_every_kind_are_texts_and_nothing_else(nasty: Warehouse, tmp_path: Path) -> None:
    text = written(nasty, tmp_path / "r.html")
    page = Page(text)
    assert not {"script", "b", "u"} & {tag for tag, _ in page.tags}
    assert NASTY[0] in page.text
    assert NASTY[1] in page.text
    assert "{{ 7 * 7 }} {% raw %}" in page.text
    assert "🎧" in page.text
    assert "مرحبا" in page.text
    assert "x" * 200 not in text, "what is too long is cut"
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    names = [attributes for tag, attributes in page.tags if tag == "span" and "dir" in attributes]
    assert names
    assert all(attributes["dir"] == "auto" for attributes in names)


def test_the_page_needs_no_network_and_no_script(nasty: Warehouse, tmp_path: Path) -> None:
    page = Page(written(nasty, tmp_path / "r.html"))
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "img", "object")
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    policy = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_every_chart_has_a_title_and_its_numbers_and_no_id_twice(
    nasty: Warehouse, tmp_path: Path
) -> None:
    text = written(nasty, tmp_path / "r.html")
    page = Page(text)
    drawn = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(drawn) >= 5
    assert all(attributes["role"] == "img" for attributes in drawn)
    assert text.count("<svg ") == text.count("<title>") - 1 == text.count("<summary>Numbers")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"#{name}" for name in ids} >= {a["href"] for t, a in page.tags if t == "a"}


def test_the_same_content_is_the_same_page(nasty: Warehouse) -> None:
    facts = nasty.read_only(gather)
    when = datetime(2026, 1, 1)
    assert render(facts, when) == render(nasty.read_only(gather), when)
    assert render(facts, when) != render(facts, when + timedelta(days=1))


def test_tables_without_a_row_give_a_page_that_says_so(tmp_path: Path) -> None:
    warehouse = warehouse_at(tmp_path / "w.duckdb")
    warehouse.transact(create_tables)
    page = Page(written(warehouse, tmp_path / "r.html"))
    assert "There are no plays in the warehouse yet" in page.text
    assert page.cards["Plays"] == "0"
    assert page.cards["Match rate"] == "\N{EN DASH}"
    assert "svg" not in {tag for tag, _ in page.tags}


def test_a_warehouse_without_its_marts_names_the_next_step(tmp_path: Path) -> None:
    warehouse = warehouse_at(tmp_path / "w.duckdb")
    warehouse.transact(create_tables)
    with warehouse.transaction() as session:
        session.execute('DROP TABLE "sparkify"."most_played"')
    with pytest.raises(WarehouseMissing, match=r"most_played is not there yet.*`sparkify etl`"):
        warehouse.read_only(gather)


def test_one_play_on_one_day_and_a_day_that_failed_make_a_page(
    lake: TinyLake, tmp_path: Path
) -> None:
    lake.put_log(log_key("2018-11-05"), at(5))
    lake.put_log(log_key("2018-11-06"), "broken", "broken too")
    text = page_of(lake, tmp_path)
    page = Page(text)
    assert "1 play on 1 day, 1 a day." in page.text
    assert "5 November 2018" in page.text
    assert "nan" not in text.lower()
    assert "1 part failed to load: what they last published is counted" in page.text
    ((_, part, _, why),) = page.tables["Failed loads"][1:]
    assert part == "2018-11-06"
    assert "2 of 2" in why


def test_rejects_are_told_by_cause_and_what_is_cut_is_counted(
    lake: TinyLake, tmp_path: Path
) -> None:
    broken = [b'{"page": ' + b" " * n + b"}" for n in range(9)]
    texts = ("artist", "song", "location", "level", "gender", "userAgent", "firstName", "auth")
    wrong = [at(6, **{name: "x" * 2000}) for name in texts]
    lake.put_log(log_key("2018-11-06"), *broken, *wrong, at(6, ts=None), *[at(6)] * 600)
    page = Page(page_of(lake, tmp_path))
    (first, *others) = page.tables["Rejected records, by reason"][1:]
    assert first == ["not valid JSON: Expecting valuestaging_events_table", "9"]
    assert len(others) == 7
    assert {records for _, records in others} == {"1"}
    assert "… and 2 more reasons, 2 records" in page.text


def test_checks_that_warn_say_what_is_the_case(lake: TinyLake, tmp_path: Path) -> None:
    for day in (5, 6, 7):
        strange = {"appVersion": "1"} if day < 7 else {}
        lake.put_log(log_key(f"2018-11-0{day}"), at(day, ts=None), *[at(day) | strange] * 20)
    rows = Page(page_of(lake, tmp_path)).tables["Checks that only warn"][1:]
    told = [said for said, well in rows if well == "no"]
    assert [said.partition(".")[0] for said in told] == [
        "3 of 63 records for staging_events_table were rejected",
        "2 of 3 days carry a field no column takes: appVersion",
    ]
    assert "See them with sparkify rejects" in told[0]
    assert all("Not so" not in said for said, _ in rows)


def test_lists_say_how_many_they_leave_out(lake: TinyLake, tmp_path: Path) -> None:
    plays = [
        at(5, song=f"Song {n:02}", artist=f"Artist {n % 5}", location=f"Place {n % 11}",
           sessionId=n)
        for n in range(25)
    ]  # fmt: skip
    lake.put_log(log_key("2018-11-05"), *plays)
    page = Page(page_of(lake, tmp_path))
    assert len(page.tables["Places"][1:]) == 8
    assert "… and 3 more places" in page.text
    assert "… and 15 more in the table unmatched_plays" in page.text
    assert page.text.count("in the table most_played") == 1, "of songs; all artists are there"
    assert "… and 15 more in the table most_played" in page.text


def test_all_parts_that_failed_are_counted_and_the_first_shown(
    lake: TinyLake, tmp_path: Path
) -> None:
    lake.put_log(log_key("2018-11-01"), at(1))
    for day in range(2, 25):
        lake.put_log(log_key(f"2018-11-{day:02}"), "broken", "broken too")
    page = Page(page_of(lake, tmp_path))
    assert len(page.tables["Failed loads"][1:]) == 20
    assert "… and 3 more parts" in page.text
    assert "23 parts failed to load: what they last published is counted" in page.text


def test_the_page_has_its_charts_where_there_is_no_matplotlib(
    nasty: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Page(written(nasty, tmp_path / "r.html"))
    assert [tag for tag, _ in page.tags].count("svg") >= 5
    assert page.tables["Plays by day"][1:]


def test_plays_of_many_years_are_shown_by_periods_that_stay_readable(
    lake: TinyLake, tmp_path: Path
) -> None:
    first = datetime(1975, 1, 6, tzinfo=UTC)
    plays = [
        event(ts=int((first + timedelta(days=97 * at)).timestamp() * 1000), itemInSession=at)
        for at in range(160)
    ]
    lake.put_log(log_key("2018-11-05"), *plays, event(ts=-62135596800000, itemInSession=999))
    page = Page(page_of(lake, tmp_path))
    rows = page.tables["Plays by year"][1:]
    assert rows[0][0] == "1"
    assert sum(int(row[1]) for row in rows) == 161


@pytest.mark.parametrize(
    ("days", "grain"),
    [(1, "day"), (92, "day"), (93, "week"), (732, "week"), (733, "month"), (7321, "year")],
)
def test_the_longer_the_span_the_coarser_it_is_shown(days: int, grain: str) -> None:
    first = date(2018, 11, 1)
    assert grain_of(first, first + timedelta(days=days - 1)) == grain
    assert grain_of(None, None) == "day"


def test_figures_of_marts_that_lag_behind_are_not_shown_as_if_they_were_whole(
    lake: TinyLake, tmp_path: Path
) -> None:
    lake.put_log(log_key("2018-11-05"), at(5))
    warehouse = warehouse_at(tmp_path / "w.duckdb")
    bring_up_to_date(lake.open(), warehouse)
    assert not warehouse.read_only(gather).lags
    with warehouse.transaction() as session:
        session.execute(
            'UPDATE "sparkify"."load_history" SET position = position - 1 '
            "WHERE target = 'most_played'"
        )
    facts = warehouse.read_only(gather)
    assert facts.lags
    assert "These figures lag behind" in render(facts, datetime(2026, 1, 1))
