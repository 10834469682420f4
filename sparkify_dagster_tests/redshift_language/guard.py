"""The guard: one text in, its findings out.

What belongs here: cutting a text into statements, what of a statement sqlglot is given, and
remembering what was found, as a suite sends few shapes of statements many times.

What the guard cannot see: types (an untyped literal that a CASE or a function hides, a comparison
of text with numbers), columns that do not name their table (a correlated subquery by one of them),
what views and functions of one's own hold, columns of views that `facts/views.json` does not list,
plans, locks and rights.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from itertools import chain

from sqlglot import ErrorLevel, exp, parse_one
from sqlglot.errors import SqlglotError

from sparkify_dagster_tests.redshift_language import grammar, names, places, queries
from sparkify_dagster_tests.redshift_language.blocks import Tree
from sparkify_dagster_tests.redshift_language.facts import NO_DATE_PARTS
from sparkify_dagster_tests.redshift_language.finding import Finding
from sparkify_dagster_tests.redshift_language.tokens import Token, follows, statements_of

MOST_BYTES = 16 * 1024 * 1024
_PARSED = {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "("}
_IN_ROWS = {
    "(", ")", ",", "-", "::", "NULL", "TRUE", "FALSE", "TIMESTAMP", "DATE", "DOUBLE", "PRECISION",
}  # fmt: skip
_found: dict[str, tuple[Finding, ...]] = {}
_LIST = re.compile(r"(?<![\w.])('x'|1)(?:, ?\1){5,}(?![\w.])")
# Names made of a digest differ from test to test, and mean nothing.
_DIGEST = re.compile(r"(?=[a-f]*\d)[0-9a-f]{8,}")

Tokens = Sequence[Token]

# sqlglot says by its log that it takes a statement as it is; that is no news here.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def findings(text: str) -> list[Finding]:
    """What Redshift would refuse of a text of one or several statements."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        instead = f"at most {MOST_BYTES} bytes, this has {size}"
        return [Finding("size", f"{text[:40]}…", instead, "54000", "Statement is too large.")]
    return list(chain.from_iterable(of_statement(tokens) for _, tokens in statements_of(text)))


def of_statement(tokens: Tokens) -> list[Finding]:
    """What Redshift would refuse of one statement, each finding once."""
    short = _without_rows(tokens)
    found = [*names.numbers(tokens), *names.long_names(short), *grammar.sizes(short)]
    text = _shape(short)
    key = _DIGEST.sub("0", text)
    if key not in _found:
        _found[key] = tuple(dict.fromkeys(_look(short, text)))
    return [*found, *_found[key]]


def _look(tokens: Tokens, text: str) -> Iterator[Finding]:
    for rule in (*grammar.RULES, *names.RULES):
        try:
            yield from rule(tokens)
        except IndexError:
            yield Finding("grammar", tokens[-1].text, "the statement ends too early", "42601")
    if inner := _inner(tokens):
        yield from _look(inner, _shape(inner))
        return
    if follows(tokens, 0, "UNLOAD", "(") and [t.kind for t in tokens[2:3]] == ["string"]:
        yield from chain.from_iterable(of_statement(t) for _, t in statements_of(tokens[2].value))
        return
    parsed = _parsed(tokens, text)
    if isinstance(parsed, Finding):
        yield parsed
    elif parsed is not None:
        tree = Tree(parsed)
        yield from chain.from_iterable(rule(tree) for rule in (*queries.RULES, *places.RULES))
        yield from places.leader_functions(tree, tokens)


def _inner(tokens: Tokens) -> Tokens:
    """The statement that another one is about."""
    if follows(tokens, 0, "EXPLAIN") and not follows(tokens, 1, "("):
        return tokens[2:] if follows(tokens, 1, "VERBOSE") else tokens[1:]
    if tokens[0].key == "DECLARE":
        return _after(tokens, "FOR")
    return _after(tokens, "AS") if tokens[0].key == "PREPARE" else ()


def _after(tokens: Tokens, word: str) -> Tokens:
    return tokens[next((i + 1 for i, t in enumerate(tokens) if t.key == word), len(tokens)) :]


def _parsed(tokens: Tokens, text: str) -> exp.Expr | Finding | None:
    """The tree of a query or of what changes rows; None of what is left to the other rules."""
    if tokens[0].key == "CREATE":
        text = _create_as(tokens)
    elif tokens[0].key not in _PARSED:
        return None
    if text.upper().endswith(" REMOVE DUPLICATES"):
        text = text[: -len(" REMOVE DUPLICATES")] + " WHEN MATCHED THEN DELETE"
    if not text:
        return None
    try:
        return parse_one(text, dialect="redshift")
    except RecursionError:
        return None  # Parentheses a thousand deep: the rules on tokens have seen them.
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        if "argument" in str(details[0].get("description")):  # sqlglot counts other dialects' too
            return parse_one(text, dialect="redshift", error_level=ErrorLevel.IGNORE)
        near = str(details[0].get("highlight") or tokens[-1].text)
        said = f'syntax error at or near "{near}"'
        return Finding("syntax", near, "what stands there cannot be read", "42601", said)


def _create_as(tokens: Tokens) -> str:
    """A CTAS or a view as sqlglot reads it: without what it says of the cluster; or nothing."""
    kind = next((t.key for t in tokens[1:6] if t.key in ("TABLE", "VIEW")), "")
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.key, 0)
        query = index + 1 < len(tokens) and tokens[index + 1].key in ("SELECT", "WITH", "(")
        if kind and depth == 0 and token.key == "AS" and query:
            rest = list(tokens[index + 1 :])
            if [t.key for t in rest[-4:]] == ["WITH", "NO", "SCHEMA", "BINDING"]:
                rest = rest[:-4]
            return f'CREATE {kind} "made" AS {_shape(rest)}'
    return ""


def _without_rows(tokens: Tokens) -> Tokens:
    """An INSERT of many rows of literals as one of the first row."""
    if tokens[0].key != "INSERT":
        return tokens
    at = next((i for i, t in enumerate(tokens) if t.key == "VALUES"), len(tokens))
    end = next((i for i in range(at, len(tokens)) if tokens[i].key == ")"), len(tokens))
    if not _is_plain(tokens[end + 1 :]):
        return tokens
    if _is_plain(tokens[at + 1 : end + 1]) and end < len(tokens):
        return [*tokens[: at + 2], Token("word", "NULL", tokens[at + 2].start, "NULL"), tokens[end]]
    return tokens[: end + 1]


def _is_plain(tokens: Tokens) -> bool:
    """Whether there are but literals."""
    return all(t.kind in ("string", "number") or t.key in _IN_ROWS for t in tokens)


def _shape(tokens: Tokens) -> str:
    """The text of tokens without what literals hold, but for what rules look for in them."""
    keys = [t.key for t in tokens]
    keep_numbers = "GROUP" in keys  # maybe by position
    keep_strings = "UNLOAD" in keys
    parts: list[str] = []
    end = tokens[0].start if tokens else 0
    for token in tokens:
        if token.start != end:
            parts.append(" ")
        if token.kind == "number":
            parts.append(token.text if keep_numbers and len(token.text) <= 2 else "1")
        elif token.kind == "string" and not keep_strings:
            parts.append(token.text if token.value.upper() in NO_DATE_PARTS else "'x'")
        else:
            parts.append(token.text)
        end = token.end
    return _LIST.sub(r"\1, \1", "".join(parts))
