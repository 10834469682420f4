"""The language guard over statements that Redshift is known to refuse, and to take.

The cases stand beside this file; where `/work/shared/redshift-language` is, AWS's lists are read
from there, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify_dagster.cli.tables import run_sql
from sparkify_dagster.model.staging import STAGING_EVENTS
from sparkify_dagster.pipeline.copy_load import doubts
from sparkify_dagster.settings import ClusterSettings, LoadSettings, Settings
from sparkify_dagster_tests.redshift_language import MOST_BYTES, facts, findings

_HERE = Path(__file__).parent
_SHARED = Path("/work/shared/redshift-language")
_WITH_SHARED = pytest.mark.skipif(not _SHARED.is_dir(), reason=f"{_SHARED} is not here")
# As the first word of a column's definition these begin a constraint.
_CONSTRAINTS = {"CHECK", "CONSTRAINT", "FOREIGN", "LIKE", "PRIMARY", "UNIQUE"}


def cases(name: str) -> Iterator[tuple[str, str]]:
    """Each statement of a file with the heading it stands under."""
    heading = ""
    for line in (_HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-- "):
            heading = line[3:]
        elif line:
            yield heading, line


def shared(name: str) -> list[str]:
    return (_SHARED / name).read_text(encoding="utf-8").split()


@pytest.mark.parametrize(("rule", "sql"), list(cases("refused.sql")))
def test_what_redshift_refuses_is_found_by_its_rule(rule: str, sql: str) -> None:
    assert rule in {finding.rule for finding in findings(sql)}


@pytest.mark.parametrize("sql", [sql for _, sql in cases("accepted.sql")])
def test_nothing_is_found_in_what_redshift_takes(sql: str) -> None:
    assert findings(sql) == []


@_WITH_SHARED
def test_each_statement_of_the_list_of_refused_ones_is_found() -> None:
    listed = json.loads((_SHARED / "refused.json").read_text(encoding="utf-8"))
    assert [case["what"] for case in listed if not findings(case["sql"])] == []


@_WITH_SHARED
def test_the_facts_are_those_of_the_shared_lists() -> None:
    assert set(shared("reserved.txt")) == facts.RESERVED
    assert set(shared("leader.txt")) <= facts.LEADER
    keywords = {"APPROXIMATE", "AT", "JSON", "SQL", "ZONE"}
    assert set(shared("functions.txt")) - facts.GRAMMAR - keywords <= facts.FUNCTIONS
    views = json.loads((_SHARED / "views.json").read_text(encoding="utf-8"))
    assert all(set(columns) == facts.VIEWS[name] for name, columns in views.items())


@pytest.mark.parametrize("word", sorted(facts.RESERVED))
def test_a_reserved_word_names_nothing_unless_quoted(word: str) -> None:
    for sql in (f"SELECT a AS {word} FROM t", f"SELECT t.{word} FROM t AS t"):
        assert findings(sql)
    if word not in _CONSTRAINTS:
        assert findings(f"CREATE TABLE t (a INTEGER, {word} INTEGER)")
    if word != "OID":
        quoted = f'SELECT a AS "{word.lower()}", t."{word.lower()}" FROM t AS t'
        assert findings(quoted) == []


def test_every_function_of_the_guide_may_be_called() -> None:
    for name in facts.FUNCTIONS - facts.LEADER:
        assert "function" not in {f.rule for f in findings(f"SELECT {name}(a) FROM t")}


@pytest.mark.parametrize("name", sorted(facts.LEADER))
def test_a_function_of_the_leader_node_is_called_where_no_table_is(name: str) -> None:
    assert "leader node" in {f.rule for f in findings(f"SELECT {name}(a, 1), a FROM s.t")}
    assert "leader node" not in {f.rule for f in findings(f"SELECT {name}(1, 2)")}
    assert "leader node" not in {f.rule for f in findings(f"SELECT {name}(a, 1) FROM pg_class")}


@pytest.mark.parametrize("view", sorted(facts.VIEWS))
def test_each_column_of_a_system_view_is_known_and_no_other(view: str) -> None:
    columns = ", ".join(f'v."{column}"' for column in sorted(facts.VIEWS[view]))
    assert findings(f"SELECT {columns} FROM {view} AS v") == []
    (found,) = findings(f"SELECT v.none_such FROM {view} AS v")
    assert found.sqlstate == "42703"
    assert view in found.error


@pytest.mark.parametrize("letter", ["x", "ü", "日"])
def test_names_are_counted_in_bytes(letter: str) -> None:
    fits = letter * (127 // len(letter.encode()))
    assert findings(f'CREATE TABLE s."{fits}" (a INTEGER)') == []
    (found,) = findings(f'CREATE TABLE s."{fits}{letter}" (a INTEGER)')
    assert found.rule == "name"


def test_a_statement_has_at_most_sixteen_megabytes() -> None:
    fits = "SELECT 1 -- x".ljust(MOST_BYTES, "x")
    assert findings(fits) == []
    assert [f.rule for f in findings(fits + " ")] == ["size"]
    assert [f.rule for f in findings(fits.replace("xx", "ü" * 2, 1))] == ["size"]


def test_many_rows_are_looked_through_to_the_last_one() -> None:
    rows = ", ".join("(1, 'x', NULL)" for _ in range(5000))
    assert findings(f"INSERT INTO t VALUES {rows}, (1, 'x', '1e+39'::double precision)") == []
    assert findings(f"INSERT INTO t VALUES {rows}, (1e+39, 'x', NULL)")
    assert findings(f"INSERT INTO t VALUES {rows}, (1, STRING_AGG('x'), NULL)")


def test_what_is_remembered_of_a_statement_is_nothing_that_its_literals_decide() -> None:
    for good, bad in (
        ("CREATE TABLE t (a VARCHAR(10))", "CREATE TABLE t (a VARCHAR(99999))"),
        ("SELECT DATE_PART('year', a) FROM t", "SELECT DATE_PART('isodow', a) FROM t"),
        ("SELECT a FROM t WHERE a < 1E10", "SELECT a FROM t WHERE a < 1E99"),
        ("SELECT 1", "SELECT 1E308"),
        ("UNLOAD ('SELECT 1') TO 's3://b/'", "UNLOAD ('SELECT EVERY(a) FROM t') TO 's3://b/'"),
        ("SELECT LAG(a, 1) OVER (ORDER BY b) FROM t", "SELECT LAG(a,1,1) OVER (ORDER BY b) FROM t"),
    ):
        for one in (good, f"DECLARE c CURSOR FOR {good}"):
            assert findings(bad)
            assert findings(one.replace(good, bad))
            assert findings(one) == []


def test_what_sqlglot_cannot_follow_is_looked_at_all_the_same() -> None:
    deep = f"SELECT {'(' * 5000}1{')' * 5000}"
    assert findings(deep) == []
    assert findings(f"{deep}, STRING_AGG(a, 'x') FROM t")
    assert findings('SELECT "\ud800" FROM t') == []


def test_a_finding_says_rule_words_and_what_to_write() -> None:
    (found,) = findings("SELECT a FROM t WHERE a < 1.7976931348623157E308")
    assert str(found) == (
        "numeric literal: 1.7976931348623157E308: "
        "write CAST('1.7976931348623157E308' AS DOUBLE PRECISION)"
    )


@pytest.mark.parametrize(("schema", "reader"), [("sparkify", ""), ("user", "analysts")])
def test_nothing_is_found_in_what_sparkify_sql_prints(
    schema: str, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = ClusterSettings(host="h", reader=reader)
    run_sql(Settings(cluster=cluster, load=LoadSettings(schema_name=schema)), None)
    printed = capsys.readouterr().out
    assert "COPY" in printed
    assert findings(printed) == []


def test_nothing_is_found_in_the_sql_of_the_docs() -> None:
    pages = (path.read_text(encoding="utf-8") for path in (_HERE.parents[2] / "docs").glob("*.md"))
    blocks = [sql for page in pages for sql in re.findall(r"```sql\n(.*?)```", page, re.DOTALL)]
    assert len(blocks) >= 3
    assert [found for sql in blocks for found in findings(sql)] == []


def test_the_doubts_about_a_direct_copy_are_asked_without_a_bare_number() -> None:
    assert findings(doubts(STAGING_EVENTS.columns)) == []
