"""Every statement the model makes is Redshift's SQL, in the subset all engines read alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlfluff.core import FluffConfig, Linter

import sparkify_dagster
from sparkify_dagster.model.catalog import TABLES
from sparkify_dagster.model.checks import all_checks
from sparkify_dagster.model.ddl import (
    Names,
    comments,
    create_incoming,
    create_lock,
    create_schema,
    create_table,
    create_view,
    drop_schema,
    drop_table,
    drop_view,
    grants,
    relations,
    same_key,
)
from sparkify_dagster.model.environment import ENVIRONMENT
from sparkify_dagster.model.statements import placeholders, sql_text, statement
from sparkify_dagster.pipeline.audit import Stored, loaded_by
from sparkify_dagster.pipeline.sql_preview import Place, preview

FOLDER = Path(sparkify_dagster.__file__).parent / "model" / "sql"
MADE_UP = {
    "columns": Names(("load_id", "part")),
    "status": Names(("published",)),
    "targets": "'song', 'artist'",
    "only": "AND j.load_id = 7",
    "where": "o.part IN ('1', '2')",
    "table": '"sparkify"."load_objects"',
    "column": "target",
    "replaced": "replaced_objects",
}
"""What statements that no preview sends are given besides tables."""
ASKED = ("ask", "diff", "environment", "ledger")
"""The folders with statements that no load sends, or only one in an environment."""
_SIDES: dict[str, Any] = {
    "here": '"sparkify_env_x"."plays_by_hour"',
    "there": '"sparkify"."plays_by_hour"',
    "same": same_key(TABLES["plays_by_hour"], "h", "t"),
}
OF_FILES: dict[str, dict[str, Any]] = {
    "ask/candidates.sql": {"where": "a.name IN ('1', '2')", "most": 5},
    "ask/unmatched.sql": {"most": 5},
    "diff/counted.sql": _SIDES
    | {
        "key": '"play_date"',
        "differs": "h.plays <> t.plays",
        "measured": ', SUM(h."plays") AS h_plays',
    },
    "diff/examples.sql": _SIDES
    | {"columns": Names(("play_date", "plays")), "where": "h.plays <> t.plays", "most": 3}
    | {"order": 'COALESCE(h."play_date", t."play_date")'},
    "environment/of_days.sql": {
        "rows": '"sparkify"."songplay"',
        "moment": '"start_time"',
        "first": "'2018-11-01'",
        "last": "'2018-11-02'",
    },
    "environment/borrowed.sql": {"of_production": '"sparkify"."load_objects"'},
    "environment/columns.sql": {"shown": '"sparkify"."load_objects"'},
    "environment/take_history.sql": {
        "of_production": '"sparkify"."load_history"',
        "derived": "'song', 'artist'",
    },
    "environment/leave_history.sql": {"derived": "'song', 'artist'"},
    **{
        f"environment/{name}.sql": {"environment": '"sparkify_env_x"."environment"'}
        for name in ("known", "used", "own_staging")
    },
    "ledger/rejects.sql": {"only": "j.load_id = 7", "most": "LIMIT 5"},
    "ledger/rejects_by_reason.sql": {"only": "j.load_id = 7"},
    "ledger/rejects_cut_off.sql": {"most": 5},
}

UNPREVIEWED = ("replace.sql", "resting_aliases.sql")
"""Statements of loads that no preview sends: they need something besides changed objects."""


def _queries() -> Iterator[tuple[str, str]]:
    """Defining statements, and the checks of whole tables and of what one load wrote."""
    for table in TABLES.values():
        if table.sql:
            yield table.sql, statement(table.sql, relations("sparkify"))
    asked = (path for name in ASKED for path in FOLDER.glob(f"{name}/*.sql"))
    for path in [*asked, *(FOLDER / "load" / name for name in UNPREVIEWED)]:
        file = path.relative_to(FOLDER).as_posix()
        given: dict[str, Any] = {
            name: MADE_UP[name] for name in placeholders(file) if name in MADE_UP
        }
        text = statement(file, relations("sparkify"), **(given | OF_FILES.get(file, {})))
        yield file, re.sub(r"\$[a-z_]\w*", "'1'", text)
    written = {"whole": Stored("sparkify"), "load": loaded_by("sparkify", 7, TABLES)}
    for check in all_checks():
        for name, rows in written.items():
            if check.question:
                yield f"{check.table}.{check.name}, {name}", check.question(rows)
            if check.sample:
                yield f"{check.table}.{check.name} sample, {name}", check.sample(rows)


def _ddl() -> Iterator[tuple[str, str]]:
    yield "schema", create_schema("sparkify")
    for table in TABLES.values():
        yield f"create {table.name}", create_table(table, "sparkify", "redshift")
        yield f"drop {table.name}", drop_table(table.name, "sparkify")
        for number, comment in enumerate(comments(table, "sparkify")[:2]):
            yield f"comment {number} on {table.name}", comment
    yield "environment", create_table(ENVIRONMENT, "sparkify_env_x", "redshift")
    view = create_view(
        "load_objects",
        "sparkify_env_x",
        "SELECT b.part FROM sparkify.load_objects AS b",
        "redshift",
    )
    yield from {"view": view, "drop view": drop_view("load_objects", "sparkify_env_x")}.items()
    yield "drop schema", drop_schema("sparkify_env_x")
    yield "lock", create_lock("sparkify")
    for number, grant in enumerate(grants("sparkify", "user", 'analysts "of" Sparkify')):
        yield f"grant {number}", grant
    yield "incoming", create_incoming("incoming", TABLES["staging_events_table"].columns)


def _sent() -> Iterator[tuple[str, str]]:
    """All that loads send to Redshift, as it is sent: values are bound on the way.

    What differs by the number of a load alone is one statement.
    """
    seen = {_numberless(text) for _, text in _queries()}
    place = Place("s3://lake/_staging", "arn:aws:iam::123456789012:role/copy", "us-west-2")
    for stage in preview("sparkify", place):
        for number, text in enumerate(stage.statements, 1):
            bound = re.sub(r"\$[a-z_]\w*|%s", "'1'", text.removesuffix(", …"))
            if _numberless(bound) not in seen:
                seen.add(_numberless(bound))
                yield f"{stage.title}, statement {number}", bound


def _numberless(text: str) -> str:
    return re.sub(r"load_id (=|>) \d+", r"load_id \1 7", text)


QUERIES = dict(_queries())
SENT = dict(_sent())
STATEMENTS = QUERIES | dict(_ddl()) | SENT
_PART = re.compile(r'\(SELECT \* FROM ("sparkify"\."\w+") WHERE load_id [=>] \d+\)')


def _form(text: str) -> str:
    """A statement as a grammar sees it: a part of a table is a table, and any name a name."""
    return re.sub(r"'[^']*'|\b\d+\b", "7", re.sub(r'"[^"]*"', '"x"', _PART.sub(r"\1", text)))


FORMS = {_form(text): name for name, text in STATEMENTS.items()}
FILES = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.sql")}


@pytest.fixture(scope="module")
def linter() -> Linter:
    """The grammar of Redshift, as sqlfluff knows it."""
    return Linter(FluffConfig(overrides={"dialect": "redshift", "templater": "raw"}))


@pytest.mark.parametrize("name", FORMS.values())
def test_redshift_can_parse_it(linter: Linter, name: str) -> None:
    parsed = linter.parse_string(STATEMENTS[name])
    assert parsed.violations == []
    tree = parsed.tree
    assert tree is not None
    assert list(tree.recursive_crawl("unparsable")) == []


@pytest.mark.parametrize("text", ["SELECT * FROM sparkify.user", "SELECT 1 FROM", "CREATE TABEL x"])
def test_the_grammar_does_refuse_what_is_wrong(linter: Linter, text: str) -> None:
    assert linter.parse_string(text).violations


@pytest.mark.parametrize("file", sorted(FILES))
def test_every_file_is_among_the_statements_looked_at_here(file: str) -> None:
    text = re.sub(r"\A-- Expects: .*\n(--.*\n)*", "", sql_text(file))
    parts = re.split(r"\{\w+(?::\w*)?\}|\$\w+", " ".join(text.split()))
    pattern = re.compile(".+".join(map(re.escape, parts)))
    shown = (" ".join(each.split()) for each in STATEMENTS.values())
    assert any(map(pattern.search, shown)), f"nothing sends {file}, or no preview does"


DENIED = {
    "QUALIFY": "needs an alias on Redshift, unknown to PostgreSQL",
    r"DISTINCT\s+ON\b": "not on Redshift",
    r"ON\s+CONFLICT": "not on Redshift",
    r"RETURNING\b": "not on Redshift",
    r"FILTER\s*\(": "not on Redshift",
    "LATERAL": "not on Redshift",
    r"ARRAY\w*": "not on Redshift",
    "STRING_AGG": "not on Redshift",
    "LISTAGG": "not on PostgreSQL",
    r"GETDATE|SYSDATE|NOW\s*\(|CURRENT_(DATE|TIME|TIMESTAMP)": "times come from Python",
    r"IS\s+(NOT\s+)?DISTINCT\s+FROM": "not on Redshift",
    "ILIKE|SIMILAR": "compares by other rules than bytes",
    r"GENERATE_SERIES|UNNEST": "not over tables on Redshift",
    r"IDENTITY|SERIAL|AUTOINCREMENT": "differs by engine",
    "TRUNCATE": "commits on Redshift",
    r"CREATE\s+OR\s+REPLACE\s+TABLE": "not on Redshift",
    r"ADD\s+COLUMN\s+IF": "not on Redshift",
    r"INDEX|CHECK\s*\(|PRIMARY|UNIQUE\s*\(": "not on Redshift, or trusted unchecked",
    r"::": "binds differently; write CAST",
    r"SELECT\s+\*\s+EXCLUDE|BY\s+NAME|GROUP\s+BY\s+ALL|ORDER\s+BY\s+ALL": "DuckDB alone",
    r"TRIM\s*\((?!BOTH ' ' FROM)": "plain TRIM takes more in DuckDB",
    r"AVG\s*\(": "cuts integers on Redshift",
    r"(FROM|JOIN)\s*\(?\s*VALUES\b": "no table on Redshift",
    r"LIMIT\s+ALL|FETCH\s+FIRST": "spelt otherwise elsewhere",
}


def bare(text: str) -> str:
    """A statement without comments, texts and quoted names (TRIM's blank excepted)."""
    text = re.sub(r"--[^\n]*", "", text)
    return re.sub(r"'(?: |[^']*)'", lambda found: found[0] if found[0] == "' '" else "''", text)


def plain(text: str) -> str:
    """The same without quoted names."""
    return re.sub(r'"[^"]*"', '""', bare(text))


@pytest.mark.parametrize("pattern", DENIED)
def test_no_statement_uses_what_some_engine_lacks_or_reads_otherwise(pattern: str) -> None:
    word = re.compile(rf"(?<!\w)(?:{pattern})", re.IGNORECASE)
    assert [name for name, text in STATEMENTS.items() if word.search(plain(text))] == []


@pytest.mark.parametrize("name", QUERIES)
def test_every_ranking_puts_what_is_unknown_where_it_says(name: str) -> None:
    """Engines differ on where NULL stands in descending order, unless the statement says so."""
    descending = re.findall(r"([\w.()*]+) DESC(?! NULLS)", plain(QUERIES[name]))
    never_null = {"COUNT(*)", "h.load_id", "s.session_id", "s.item_in_session", "s.log_date"}
    assert set(descending) <= never_null


@pytest.mark.parametrize("name", QUERIES)
def test_no_statement_divides_but_by_a_number_with_a_point(name: str) -> None:
    """Integers divided are integers on Redshift, doubles in DuckDB unless it is told otherwise."""
    assert not re.search(r" / (?!\d+\.\d)", plain(QUERIES[name]))
