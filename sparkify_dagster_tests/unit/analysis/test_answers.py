"""Which columns of an answer are personal, and how they are hidden."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkify_dagster.analysis.answers import columns_read, masked
from sparkify_dagster.core.masking import mask_value

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@settings(deadline=None)
@given(st.lists(st.none() | TEXTS, max_size=20))
def test_texts_are_masked_all_at_once_as_one_by_one(texts: list[str | None]) -> None:
    wanted = [text if text is None else mask_value(text) for text in texts]
    assert masked(pa.array(texts, pa.string())).to_pylist() == wanted


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_numbers_are_masked_all_at_once_as_one_by_one(numbers: list[int | None]) -> None:
    wanted = [number if number is None else mask_value(number) for number in numbers]
    assert masked(pa.array(numbers, pa.int64())).to_pylist() == wanted


def test_lists_and_structs_are_masked_as_a_whole() -> None:
    assert masked(pa.array([["Ada", "B2"], None])).to_pylist() == ["['xxx', 'xx']", None]


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT u FROM "user" AS u',
        'SELECT #2 FROM "user"',
        'SELECT TO_JSON(u) FROM "user" AS u',
        'SELECT MAX(u) FROM "user" AS u',
        'SELECT COLUMNS(*) FROM "user"',
        "SELECT COLUMNS('f.*') FROM \"user\"",
        'SELECT STRUCT_PACK(*COLUMNS(*)) FROM "user"',
        "SELECT p.level.length() FROM songplay AS p",
        "SELECT song_id FROM songplay UNPIVOT (song_id FOR x IN (user_agent, location))",
        "SELECT song_id FROM song UNION ALL BY NAME SELECT location AS song_id FROM songplay",
        'SELECT (SELECT u FROM (SELECT first_name) AS u) FROM "user"',
        "SELECT s.title FROM song AS s, LATERAL (SELECT 1) AS x",
        'FROM (SUMMARIZE "user")',
        'SUMMARIZE "user"',
        "SELECT most_common_vals FROM pg_stats",
    ],
)
def test_what_reads_columns_without_naming_them_is_not_judged(sql: str) -> None:
    why = columns_read(sql, "duckdb", 1)
    assert isinstance(why, str)
    assert " " in why, "it is said in words"


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ('SELECT * EXCLUDE (user_id, gender, "level") FROM "user"', ["first_name", "last_name"]),
        ("FROM song SELECT title, 1", ["title", ""]),
        ("WITH song AS (SELECT location AS title FROM songplay) FROM song", ["location"]),
        ("SELECT a FROM (SELECT {a: title} AS t FROM song) SELECT t['a']", None),
        ("SELECT COUNT(DISTINCT p.user_id), COUNT(*) OVER () FROM songplay AS p", ["", ""]),
        ("SELECT title FROM song GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY COUNT(*)", ["title"]),
        ("SELECT title AS t, year FROM song ORDER BY t, year LIMIT 5", ["title", "year"]),
        ("EXPLAIN SELECT 1", ["", ""]),
        ("/* all */ DESCRIBE song", [""]),
    ],
)
def test_each_column_is_traced_to_those_of_the_model(sql: str, names: list[str] | None) -> None:
    found = columns_read(sql, "duckdb", len(names or ()))
    if names is None:
        assert isinstance(found, str)
    else:
        assert [" ".join(c.name for c in columns) for columns in found] == names
