"""What an analyst may type: pieces of statements that must be refused, put together anew.

What belongs here: the statements, and that none which the gate lets through changes a file, a
setting or the catalog: on a file that is open to be written, so that the gate alone holds it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import strategies as st

from sparkify_dagster.warehouse.duckdb.gate import admitted
from sparkify_dagster.warehouse.engine import WarehouseError
from sparkify_dagster.warehouse.redshift.statements import only_reading
from sparkify_dagster_tests.hostile_statements import ANSWERED, ANSWERED_BY_DUCKDB, REFUSED
from sparkify_dagster_tests.properties.test_query_gate import around, nested

_LONGEST = 2.0
_CHANGING = {
    *("INSERT", "UPDATE", "DELETE", "CREATE", "COPY", "DROP", "ALTER", "ATTACH", "DETACH"),
    *("EXPORT", "LOAD", "SET", "TRANSACTION", "MERGE_INTO", "VACUUM", "EXECUTE", "PREPARE"),
}


class _Place:
    """A warehouse of one table in a folder of its own, which is the current one meanwhile."""

    def __init__(self) -> None:
        self._kept = tempfile.TemporaryDirectory()
        self.folder = Path(self._kept.name)
        os.chdir(self.folder)
        self.connection = duckdb.connect(
            "warehouse.duckdb",
            config={
                "threads": 1, "memory_limit": "200MB", "autoinstall_known_extensions": False,
                "temp_directory": "", "python_enable_replacements": False,
            },
        )  # fmt: skip
        self.connection.execute("CREATE SCHEMA s")
        self.connection.execute("CREATE TABLE s.t (user_id INT, first_name TEXT, level TEXT)")
        self.connection.execute("CREATE SEQUENCE s.q")
        self.connection.execute("INSERT INTO s.t VALUES (1, 'Ada', 'free')")
        self.connection.execute("CHECKPOINT")

    def state(self) -> object:
        """What a statement might change: files, settings, catalog."""
        files = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*")
            if path.is_file()
        }
        return files, *(
            self.connection.execute(sql).fetchall()
            for sql in (
                "SELECT name, value FROM duckdb_settings() ORDER BY name",
                "SELECT database_name, readonly FROM duckdb_databases() ORDER BY ALL",
                "SELECT database_name, table_name FROM duckdb_tables() ORDER BY ALL",
                "SELECT name FROM pg_prepared_statements",
            )
        )

    def run(self, sql: str) -> None:
        """Runs a statement, for a while at most; what DuckDB says of it is no matter."""
        timer = threading.Timer(_LONGEST, self.connection.interrupt)
        timer.start()
        with suppress(duckdb.Error):
            self.connection.execute(sql).fetchmany(100)
        timer.cancel()
        timer.join()


@cache
def _place() -> _Place:
    return _Place()


def nothing_that_duckdb_is_given_changes_anything(sql: str) -> None:
    place = _place()
    try:
        statement = admitted(place.connection, sql, "warehouse.duckdb")
    except (WarehouseError, duckdb.Error):
        return
    if statement:
        before = place.state()
        place.run(statement)
        assert place.state() == before


def nothing_that_redshift_is_given_does_more_than_read(sql: str) -> None:
    """By DuckDB's parse, where it can read the text: the dialects part in little else."""
    statement = only_reading(sql)
    if statement is None:
        return
    with suppress(duckdb.Error):
        found = {each.type.name for each in _place().connection.extract_statements(statement)}
        assert not found & _CHANGING


def _written(statement: str) -> str:
    names = {"FILE": "warehouse.duckdb", "OUT": "out", "T": "s.t", "S": "s"}
    return re.sub(r"\b(FILE|OUT|T|S)\b", lambda found: names[found[1]], statement)


_KNOWN = [_written(each) for each in (*REFUSED, *ANSWERED, *ANSWERED_BY_DUCKDB)]
_TOKEN = re.compile(r"\s+|\w+|'[^']*'|\"[^\"]*\"|--[^\n]*\n?|/\*.*?\*/|.", re.DOTALL)
_known = st.sampled_from(_KNOWN)
_tokens = st.sampled_from(sorted({token for each in _KNOWN for token in _TOKEN.findall(each)}))


@st.composite
def _spliced(draw: st.DrawFn) -> str:
    """A statement with some of its pieces replaced by those of others, or by another whole."""
    pieces = _TOKEN.findall(draw(_known))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(pieces)))
        other = draw(_tokens | _known | _known.map("({})".format))
        pieces[at : at + draw(st.integers(0, 2))] = [other]
    return "".join(pieces)


@st.composite
def _called(draw: st.DrawFn) -> str:
    """Any function that DuckDB has, called in a query."""
    name, kind = draw(st.sampled_from(_functions()))
    value = st.sampled_from(["1", "'out'", "'warehouse.duckdb'", "'s.t'", "'s.q'", "NULL", "[1]"])
    call = f"{name}({', '.join(draw(st.lists(value, max_size=3)))})"
    return f"SELECT * FROM {call}" if "table" in kind else f"SELECT {call}"


@cache
def _functions() -> list[tuple[str, str]]:
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT DISTINCT function_name, function_type FROM duckdb_functions() "
            "WHERE regexp_full_match(function_name, '[a-z_0-9]+') ORDER BY ALL"
        )
        return found.fetchall()


_AROUND = ["SELECT * FROM (Q) AS a", "WITH c AS (Q) SELECT * FROM c", "SELECT (Q)", "FROM (Q)",
           "SELECT 1 UNION ALL (Q)", "SELECT [x FOR x IN [1] IF x IN (Q)]"]  # fmt: skip
_before = st.sampled_from(["", "", "EXPLAIN ", "EXPLAIN ANALYZE ", "EXPLAIN (FORMAT json) "])
_cores = st.one_of(_spliced(), _spliced(), st.deferred(_called), st.text(max_size=20), _known)
_statements = st.builds(
    lambda before, core, outer: before + nested(core, outer), _before, _cores, around(*_AROUND)
)

TARGETS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]] = {
    "statements on DuckDB": (_statements, nothing_that_duckdb_is_given_changes_anything),
    "statements on Redshift": (_statements, nothing_that_redshift_is_given_does_more_than_read),
}
