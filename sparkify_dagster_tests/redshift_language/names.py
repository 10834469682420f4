"""Names, functions and numbers, seen in the tokens of one statement.

What belongs here: which words may name something, which functions there are, how long a name and
how large a number may be. Where a function may stand is `places`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from sparkify_dagster_tests.redshift_language.facts import (
    FUNCTIONS,
    GRAMMAR,
    RESERVED,
    SYSTEM_COLUMNS,
)
from sparkify_dagster_tests.redshift_language.finding import Finding, syntax
from sparkify_dagster_tests.redshift_language.grammar import defined_columns
from sparkify_dagster_tests.redshift_language.tokens import (
    Token,
    closing,
    follows,
    items,
    table_name,
)

Tokens = Sequence[Token]

MOST_BYTES_OF_NAME = 127
_MOST_DIGITS, _MOST_SCALE = 38, 37
_QUOTE = "put it in double quotes, or name it otherwise"
_CONSTRAINTS = {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "LIKE", "CHECK"}
_QUERIES = {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "(", "DECLARE"}
# After these, a word before a parenthesis is a name.
_NAMED = {"INTO", "TABLE", "VIEW", "REFERENCES", "AS", ")", "WITH", "RECURSIVE"}
_NAMING = {"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE"}
_KEYS = {"KEY", "UNIQUE", "DISTKEY", "SORTKEY"}
_OBJECTS = {"TABLE", "VIEW", "SCHEMA", "FUNCTION", "PROCEDURE"}


def numbers(tokens: Tokens) -> Iterator[Finding]:
    """Literals that no NUMERIC holds: whatever has a fraction or an exponent is one."""
    for token in tokens:
        if token.kind == "number" and len(token.text) > 3 and not _fits(token.text):
            instead = f"write CAST('{token.text}' AS DOUBLE PRECISION)"
            said = f'numeric literal "{token.text}" out of range'
            yield Finding("numeric literal", token.text, instead, "22003", said)


def _fits(text: str) -> bool:
    exponent = int(text.lower().partition("e")[2] or 0)
    if abs(exponent) > 1000:
        return False
    parts = Decimal(text).as_tuple()
    scale = max(0, -int(parts.exponent))
    whole = max(0, len(parts.digits) + int(parts.exponent))
    if not any(parts.digits):
        whole = 0
    return whole + scale <= _MOST_DIGITS and scale <= _MOST_SCALE


def long_names(tokens: Tokens) -> Iterator[Finding]:
    """Names of more bytes than Redshift keeps."""
    for token in tokens:
        if token.is_name and len(token.text) > MOST_BYTES_OF_NAME // 4:
            length = len(token.name.encode("utf-8", "surrogatepass"))
            if length > MOST_BYTES_OF_NAME:
                instead = f"at most {MOST_BYTES_OF_NAME} bytes, this has {length}"
                said = f'identifier "{token.name[:20]}…" is too long'
                yield Finding("name", token.text[:40] + "…", instead, "42622", said)


def _functions(tokens: Tokens) -> Iterator[Finding]:
    if tokens[0].key not in _QUERIES or _defines_code(tokens):
        return
    for index, token in enumerate(tokens):
        called = token.kind == "word" and follows(tokens, index + 1, "(")
        if not called or token.key in FUNCTIONS or token.key in GRAMMAR:
            continue
        if not _is_name_there(tokens, index):
            said = f"function {token.name}() does not exist"
            yield Finding("function", token.text, "use a function of Redshift's", "42883", said)


def _defines_code(tokens: Tokens) -> bool:
    """CREATE FUNCTION and the like, whose bodies have rules of their own."""
    if tokens[0].key != "CREATE":
        return False
    keys = {t.key for t in tokens[1:5]}
    return not keys & {"TABLE", "VIEW"} or "EXTERNAL" in keys


def _is_name_there(tokens: Tokens, index: int) -> bool:
    """Whether the word before a parenthesis names a table, a CTE, an alias, or one's own function.

    AWS asks that functions of one's own begin with `f_`; one of a schema is nobody else's.
    """
    token = tokens[index]
    before = tokens[index - 1] if index else None
    if token.key.startswith(("F_", "ST_", "H3_")):
        return True
    if before is None:
        return False
    if before.key == ".":
        return tokens[index - 2].name not in ("pg_catalog", "information_schema")
    if before.key in _NAMED | {"#"} or before.kind == "quoted":
        return True
    if before.key == "EXISTS":
        return any(t.key in _OBJECTS for t in tokens[max(0, index - 4) : index])
    after = closing(tokens, index + 1)
    if before.key == "," and follows(tokens, after + 1, "AS", "("):
        return True  # one more CTE with its columns
    # `FROM t alias (a, b)`, `a_column A_TYPE(1)`: after a name there is no call.
    return before.kind == "word" and before.key not in RESERVED and before.key not in _BEFORE_CALL


# Words that are not reserved, and may stand before a call.
_BEFORE_CALL = {
    "BY", "SET", "VALUES", "BETWEEN", "RETURN", "QUALIFY", "APPROXIMATE", "UPDATE", "ESCAPE", "TOP",
    "EXPLAIN", "DECLARE", "PRIOR", "OVER", "JOIN", "APPLY",
}  # fmt: skip


def _reserved_after_dots(tokens: Tokens) -> Iterator[Finding]:
    for before, token in pairwise(tokens):
        if before.key == "." and token.kind == "word" and token.key in RESERVED - {"OID"}:
            yield syntax("reserved word", token, token.text, _QUOTE)


def _reserved_objects(tokens: Tokens) -> Iterator[Finding]:
    """Names of tables, views and schemas in statements that sqlglot does not parse."""
    objects = _OBJECTS | ({"ON"} if tokens[0].key in ("GRANT", "REVOKE") else set())
    at = next((i for i, t in enumerate(tokens[:7]) if t.key in _OBJECTS), None)
    if at is None:
        at = next((i for i, t in enumerate(tokens) if t.key in objects), None)
    if tokens[0].key in ("LOCK", "TRUNCATE", "ANALYZE", "VACUUM", "COPY"):
        at = 0 if at is None else at
    elif at is None or tokens[0].key not in _NAMING:
        return
    at += 1
    while at < len(tokens) and tokens[at].key in ("IF", "NOT", "EXISTS"):
        at += 1
    if tokens[0].key in ("ANALYZE", "VACUUM") or at >= len(tokens):
        return
    token = tokens[at]
    if token.kind == "word" and token.key in RESERVED - {"ALL", "AUTHORIZATION", "LANGUAGE"}:
        yield syntax("reserved word", token, token.text, _QUOTE)


def _reserved_columns(tokens: Tokens) -> Iterator[Finding]:
    for column in defined_columns(tokens):
        name = column[0]
        if name.kind == "word" and name.key in RESERVED and name.key not in _CONSTRAINTS:
            yield syntax("reserved word", name, name.text, _QUOTE)
        elif name.is_name and name.name in SYSTEM_COLUMNS and len(column) > 1:
            yield syntax("reserved word", name, name.text, "no column may have this name")
    if follows(tokens, 0, "ALTER", "TABLE"):
        _, at = table_name(tokens, 2)
        new = next((i for i, t in enumerate(tokens) if i >= at and t.key == "TO"), len(tokens)) + 1
        if follows(tokens, at, "RENAME") and new < len(tokens):
            name = tokens[new]
            if name.kind == "word" and name.key in RESERVED | {w.upper() for w in SYSTEM_COLUMNS}:
                yield syntax("reserved word", name, name.text, _QUOTE)


def _reserved_in_lists(tokens: Tokens) -> Iterator[Finding]:
    """Columns by name: of INSERT, COPY and views, of keys, of what ALTER TABLE changes."""
    for index, token in enumerate(tokens):
        named: list[Token] = []
        if follows(tokens, index + 1, "(") and _holds_columns(tokens, index):
            listed = items(tokens[index + 2 : closing(tokens, index + 1)])
            named = [item[0] for item in listed if len(item) == 1]
        elif follows(tokens, 0, "ALTER", "TABLE") and token.key in ("COLUMN", "DISTKEY"):
            named = list(tokens[index + 1 : index + 2])
        for name in named:
            if name.kind == "word" and name.key in RESERVED - {"CHECK"}:
                yield syntax("reserved word", name, name.text, _QUOTE)


def _holds_columns(tokens: Tokens, index: int) -> bool:
    """Whether a list of columns follows the token there."""
    if tokens[0].key in ("CREATE", "ALTER") and tokens[index].key in _KEYS:
        return True
    start = {"COPY": 1, "INSERT": 2}.get(tokens[0].key)
    if tokens[0].key == "CREATE":
        start = next((i + 1 for i, t in enumerate(tokens[:5]) if t.key == "VIEW"), None)
    return start is not None and table_name(tokens, start)[1] == index + 1


RULES: tuple[Callable[[Tokens], Iterator[Finding]], ...] = (
    _functions,
    _reserved_after_dots,
    _reserved_objects,
    _reserved_columns,
    _reserved_in_lists,
)
