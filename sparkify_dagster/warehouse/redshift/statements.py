"""From the platform's statements to psycopg2's: values by name, one statement at a time.

What belongs here: pure functions of texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import TokenType
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import SqlglotError

_NAME = re.compile(r"\$([a-z_][a-z0-9_]*)")
_READING = {"SELECT", "WITH", "SHOW", "EXPLAIN", "DESCRIBE", "DESC"}


def as_psycopg(sql: str, values: Mapping[str, object] | None) -> str:
    """The statement with `$name` as psycopg2 binds it, `%(name)s`; as it is without values."""
    if not values:
        return sql
    return _NAME.sub(
        lambda found: f"%({found[1]})s" if found[1] in values else found[0], sql.replace("%", "%%")
    )


def only_reading(sql: str) -> str | None:
    """The one statement of a text if it is there to read; None if it is another or several.

    Whether it truly only reads is for the engine's read-only transaction to enforce; this keeps
    a second statement from ending that transaction.
    """
    try:
        tokens = Redshift().tokenize(sql)
    except SqlglotError:
        return None
    ends = [n for n, token in enumerate(tokens) if token.token_type is TokenType.SEMICOLON]
    if ends and ends[0] < len(tokens) - len(ends):
        return None
    if not tokens or tokens[0].text.upper().lstrip("(") not in _READING | {""}:
        return None
    return sql.rstrip().rstrip(";") if ends else sql


def is_select(sql: str) -> bool:
    """Whether a cursor can be declared for it."""
    return Redshift().tokenize(sql)[0].text.upper() in ("SELECT", "WITH", "(")
