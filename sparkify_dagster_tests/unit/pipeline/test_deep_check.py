"""What goes round a statement that a cluster refuses."""

from __future__ import annotations

import pytest

from sparkify_dagster.pipeline.deep_check import remedy
from sparkify_dagster.pipeline.sql_preview import Place, recorded


@pytest.mark.parametrize(
    ("statement", "words", "step", "is_optional"),
    [
        ("SELECT i.size FROM svv_table_info AS i", "denied", "tell no sizes", True),
        ("SELECT 1 FROM sys_load_error_detail AS e", "denied", "they then tell less", True),
        ("SELECT 1 FROM sys_query_history AS q", "denied", "no seconds and dollars", True),
        ('GRANT SELECT ON TABLE "t" TO ROLE "r"', "no such role", "READER blank", False),
        ("COPY t FROM 's3://b'", "User x is not authorized to assume", "staging and role", False),
        ("SELECT 1", "a statement took too long", "STATEMENT_TIMEOUT", False),
        ('CREATE TEMP TABLE "t" AS SELECT 1', "not allowed (denied)", "GRANT TEMPORARY", False),
        ("SELECT 1", "permission denied for schema x", "administrator's SQL", False),
        ("COPY t FROM 's3://b'", "syntax error", "the way round", False),
    ],
)
def test_a_known_refusal_has_its_remedy(
    statement: str, words: str, step: str, is_optional: bool
) -> None:
    found, optional = remedy(statement, words, "the way round")
    assert step in found
    assert optional is is_optional


def test_another_one_goes_to_us() -> None:
    assert remedy("SELECT 1", "CASE is odd", "")[0].startswith("nothing goes round it")


def test_several_statements_that_are_sent_at_once_are_tried_one_by_one() -> None:
    stages = recorded("own", Place("s3://b/staging", "role", ""), "analysts")
    texts = [text for stage in stages for text in stage.statements]
    assert not [text for text in texts if text.rstrip().endswith(";") or ";\n" in text]
    way_round = {stage.name for stage in stages if stage.way_round}
    assert way_round == {"copy", "refresh", "match", "newcomer", "without"}
    assert any(text.startswith("GRANT SELECT") for text in stages[0].statements)
