"""What a finding says, and the check that asks of columns instead of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlglot import exp, parse_one

from sparkify_dagster.model.catalog import MARTS, STAGING, STAR
from sparkify_dagster.model.checks import SCHEMA_MATCHES, all_checks, audits_of, checks_of
from sparkify_dagster.model.star import SONGPLAY
from sparkify_dagster.model.table import Table
from sparkify_dagster.pipeline.audit import MOST_TABLES, Finding, Stored, examine, examine_at_once
from sparkify_dagster.warehouse.engine import Row, Session, Values
from sparkify_dagster.warehouse.schema import create_tables
from sparkify_dagster_tests.lakes import warehouse_at


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Every table, empty."""
    with warehouse_at(tmp_path / "warehouse.duckdb").transaction() as opened:
        create_tables(opened)
        yield opened


def found(session: Session, table: str, check: str = SCHEMA_MATCHES) -> Finding:
    wanted = [one for one in checks_of(table) if one.name == check]
    (finding,) = examine(session, wanted, Stored(session.schema))
    return finding


def test_tables_as_they_were_made_match_the_model(session: Session) -> None:
    finding = found(session, "song")
    assert finding.passed
    assert finding.sentence == (
        "The columns of song are the model's, in name, type and order "
        "(columns found: 5, declared: 5)."
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ADD COLUMN mood VARCHAR", "column mood is not in the model"),
        ("DROP COLUMN year", "column year is missing"),
        ("ALTER COLUMN year TYPE VARCHAR", "column year is VARCHAR, the model says INTEGER"),
    ],
)
def test_an_altered_table_is_told_column_by_column(
    session: Session, change: str, told: str
) -> None:
    session.execute(f"ALTER TABLE {session.schema}.song {change}")
    finding = found(session, "song")
    assert not finding.passed
    assert not finding.stops, "loads refuse it by themselves"
    assert finding.sample == ({"difference": told},)
    assert f"For example: `{told}`." in finding.sentence
    assert found(session, "artist").passed


def test_a_table_that_is_gone_has_none_of_the_columns(session: Session) -> None:
    session.execute(f"DROP TABLE {session.schema}.song")
    finding = found(session, "song")
    assert finding.numbers == {"offenders": 1, "found": 0, "declared": 5}
    assert "`the table is not there`" in finding.sentence


def test_a_failed_check_tells_numbers_what_to_do_and_names_no_person(session: Session) -> None:
    session.execute(
        f'INSERT INTO {session.schema}."user" (user_id) VALUES '
        "(8), (8), (9), (9), (10), (11), (11), (12), (12), (12)"
    )
    finding = found(session, "user", "unique_key")
    assert finding.verdict == (
        "4 values of user_id stand in more than one of 10 rows of user. "
        "Rebuild the table with `sparkify etl --full`; if it stays, its SQL is wrong."
    )
    assert finding.sentence == (
        f"{finding.verdict} For example: `user_id x, copies 2`; `user_id x, copies 2`; "
        "`user_id xx, copies 2`."
    )


def test_what_a_load_touched_is_told_as_that(session: Session) -> None:
    checks = {check.name: check for check in checks_of("songplay")}
    touched = Stored(session.schema, {"songplay": f"(SELECT * FROM {session.schema}.songplay)"})
    part, rate = examine(session, [checks["song_id_in_song"], checks["match_rate"]], touched)
    assert part.sentence.endswith("(values looked up: 0, of the rows of this load).")
    assert "of this load" not in rate.sentence, "it looks at all rows in any case"
    (whole,) = examine(session, [checks["song_id_in_song"]], Stored(session.schema))
    assert whole.sentence.endswith("(values looked up: 0).")


def test_keys_from_the_lake_are_no_markup_where_markdown_is_read() -> None:
    key = "a`![x](https://spy.example/x.png)\n\n# big`.json"
    (check, *_) = checks_of("song")
    numbers = {"offenders": 1, "row_count": 1, "source_rows": 1}
    finding = Finding(check, False, numbers, ({"object": key, "line": "1"},))
    _, _, example = finding.sentence.partition(" For example: ")
    assert example == "`object a'![x](https://spy.example/x.png) # big'.json, line 1`."


@pytest.mark.parametrize("layer", [STAGING, STAR, MARTS], ids=["staging", "star", "marts"])
def test_audits_are_asked_in_few_statements_of_one_shape_and_few_tables(
    session: Session, layer: tuple[Table, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Stored(session.schema)
    checks = [(check, rows) for table in layer for check in audits_of(table.name)]
    sent: list[str] = []
    query = session.query

    def seen(sql: str, values: Values | None = None) -> list[Row]:
        sent.append(sql)
        return query(sql, values)

    monkeypatch.setattr(session, "query", seen)
    assert len([f for fs in examine_at_once(session, checks).values() for f in fs]) == len(checks)
    read = [len(list(parse_one(sql, dialect="redshift").find_all(exp.Table))) for sql in sent]
    assert max(read) <= MOST_TABLES
    assert len(sent) == -(-sum(read) // MOST_TABLES), "as full as may be"
    shapes = {tuple(parse_one(sql, dialect="redshift").named_selects) for sql in sent}
    assert shapes == {("number", "offenders", "n1", "n2", "n3", "n4")}
    assert "CROSS JOIN" not in "".join(sent).replace("CROSS JOIN (SELECT 2 AS place", "")


def test_where_a_refresh_touched_no_row_the_answers_are_those_of_no_rows(session: Session) -> None:
    session.execute(f"INSERT INTO {session.schema}.artist (artist_id) VALUES ('AR1'), ('AR1')")
    for table in [table for table in STAR if table is not SONGPLAY]:
        assert table.grain is not None
        none = {n: f"(SELECT * FROM {session.schema}.\"{n}\" WHERE 1 = 0)"
                for n in (table.name, table.grain.source)}  # fmt: skip
        asked = Stored(session.schema, none)
        checks = audits_of(table.name)
        assert examine_at_once(session, [(check, None) for check in checks]) == examine_at_once(
            session, [(check, asked) for check in checks]
        )


def test_every_number_a_check_shows_is_in_its_answer_and_there_are_few(session: Session) -> None:
    for check in all_checks():
        if check.question is not None:
            names = session.query(check.question(Stored(session.schema))).names
            assert set(names) == set(check.numbers)
            assert len(names) <= 5
