"""From the platform's statements to psycopg2's: values by name, one statement at a time.

What belongs here: pure functions of texts, and the question which tables there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from psycopg2.extensions import AsIs
from sqlglot import Dialect, Token, TokenType
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import SqlglotError

from sparkify_dagster.warehouse.engine import NOTHING_TO_ASK, WarehouseError

TABLES_QUERY = (
    "SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length, "
    "c.is_nullable, r.relkind, d.description, t.description FROM information_schema.columns AS c "
    "JOIN pg_catalog.pg_namespace AS n ON n.nspname = c.table_schema "
    "JOIN pg_catalog.pg_class AS r ON r.relnamespace = n.oid AND r.relname = c.table_name "
    "LEFT JOIN pg_catalog.pg_description AS d "
    "ON d.objoid = r.oid AND d.objsubid = c.ordinal_position "
    "LEFT JOIN pg_catalog.pg_description AS t ON t.objoid = r.oid AND t.objsubid = 0 "
    "WHERE c.table_schema = $schema ORDER BY c.table_name, c.ordinal_position"
)
_NAME = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*)|\$([A-Za-z_]\w*)""")
"""A text, a quoted name or a comment, in which nothing is bound; or the name of a value."""
_EXPLAIN = re.compile(r"(?:\s|--[^\n]*\n)*EXPLAIN\s+(?:(?:ANALYZE|VERBOSE)\s+)*", re.IGNORECASE)
_SELECTING, _SHOWING = ("SELECT", "WITH"), ("SHOW", "DESCRIBE", "DESC")
_CHANGING = {"INSERT", "UPDATE", "DELETE", "MERGE"}
_PURE = r"get_|last_|has_|size_|typeof|backend_pid|client_encoding|\w+_(?:size|is_visible)"
_CHANGING_FUNCTION = re.compile(
    rf"pg_(?!{_PURE})|set_config|setseed|(?:next|curr|set)val|lo_|lo(?:read|write)|dblink|"
    r"ts_stat|ts_rewrite|crosstab|connectby|xpath_table|\w+_to_xml",
    re.IGNORECASE,
)
"""Those that end sessions, read the server's files, change settings, or run a text as SQL."""


def as_psycopg(sql: str, values: Mapping[str, object] | None) -> str:
    """The statement with `$name` as psycopg2 binds it, `%(name)s`; as it is without values."""
    if not values:
        return sql
    return _NAME.sub(
        lambda found: f"%({found[2]})s" if found[2] in values else found[0], sql.replace("%", "%%")
    )


def typed(value: object) -> object:
    """A value for psycopg2, which writes floats bare: Redshift would read them as NUMERIC."""
    if isinstance(value, float) and isfinite(value):
        return AsIs(f"'{float(value)!r}'::double precision")
    return value


def only_reading(sql: str) -> str | None:
    """The one statement of a text if it only reads; None if it is another or several.

    A second wall is the engine's read-only transaction; this keeps a second statement from ending
    it, and out what such a transaction allows: UNLOAD, temporary tables, functions that change
    something. Read both ways that servers may read a backslash in a string.
    """
    try:
        if not all(_reads(sql, dialect) for dialect in (Redshift(), Postgres())):
            return None
    except SqlglotError:
        return None
    return sql.rstrip().removesuffix(";")


def admitted(sql: str) -> str:
    """The one statement of a text that a person asks, if it only reads.

    Raises:
        WarehouseError: It does something else, or there are several or none.
    """
    statement = only_reading(sql)
    if statement is None:
        raise WarehouseError(
            "only one statement that reads is possible here (SELECT, SHOW, EXPLAIN); "
            "nothing was done"
        )
    if not statement.strip():
        raise WarehouseError(NOTHING_TO_ASK)
    return statement


def _reads(sql: str, dialect: Dialect) -> bool:
    explained = _EXPLAIN.match(sql)
    tokens = dialect.tokenize(sql[explained.end() :] if explained else sql)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    words = [_word(token) for token in tokens]
    first = next((word for word in words if word != "("), "")
    if first in _SHOWING and not explained:
        return ";" not in words
    if first not in _SELECTING:
        return not words and not explained
    changing = (
        word in (";", "INTO")
        or words[at : at + 2] == ["U", "&"]  # A name spelt in escapes may be any.
        or (word in _CHANGING and words[at - 1] in "()" and words[at + 1 : at + 2] != [")"])
        or (words[at + 1 : at + 2] == ["("] and _CHANGING_FUNCTION.match(tokens[at].text))
        for at, word in enumerate(words)
    )
    return not any(changing)


def _word(token: Token) -> str:
    """A keyword or a sign in capitals; `'` for strings and quoted names."""
    kind = token.token_type
    quoted = kind is TokenType.IDENTIFIER or kind.name.endswith("STRING")
    return "'" if quoted else token.text.upper()


def is_select(sql: str) -> bool:
    """Whether a cursor can be declared for it."""
    return Redshift().tokenize(sql)[0].text.upper() in (*_SELECTING, "(")
