"""A client's text as statements for PostgreSQL.

What belongs here: which statements need more than being passed on, and the small changes of text
that make Redshift's words PostgreSQL's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from sparkify_dagster_tests.redshift_double.ddl import Design, alter_table, create_table
from sparkify_dagster_tests.redshift_double.masking import masking_policy
from sparkify_dagster_tests.redshift_double.refusals import refuse, refuse_size
from sparkify_dagster_tests.redshift_double.wire import SqlError
from sparkify_dagster_tests.redshift_language.tokens import (
    Edits,
    Token,
    follows,
    statements_of,
    table_name,
    tokens_of,
)

# Settings PostgreSQL has not. With a prefix it takes any.
_OWN_SETTINGS = {
    "query_group", "wlm_query_slot_count", "enable_result_cache_for_session",
    "enable_case_sensitive_identifier", "describe_field_name_in_uppercase",
    "error_on_nondeterministic_update", "spectrum_query_maxerror", "auto_mv",
}  # fmt: skip


class Kind(Enum):
    """How a statement is to be run."""

    PLAIN = "passed on"
    COPY = "a COPY from S3"
    UNLOAD = "an UNLOAD to S3"
    TRUNCATE = "commits"


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        sql: What PostgreSQL is to be told.
        tokens: The client's own.
        as_written: Whether `sql` is the client's own text.
        design: What it says of a table's place in the cluster.
    """

    sql: str
    kind: Kind
    tokens: Sequence[Token] = field(repr=False)
    as_written: bool = True
    design: Design | None = None

    @property
    def asks_for_copies(self) -> bool:
        """Whether it calls one of the functions that tell about the session's last COPY."""
        return any(t.key.startswith("PG_LAST_") for t in self.tokens)


def translate(text: str) -> list[Statement]:
    """The statements of a text.

    Raises:
        SqlError: Redshift would refuse one of them.
    """
    refuse_size(text)
    try:
        return [_translated(sql, tokens) for sql, tokens in statements_of(text)]
    except IndexError as error:
        raise SqlError("42601", "syntax error at end of input") from error


def _translated(sql: str, tokens: list[Token]) -> Statement:
    refuse(tokens)
    first = tokens[0].key
    kind = Kind[first] if first in ("COPY", "UNLOAD", "TRUNCATE") else Kind.PLAIN
    if kind in (Kind.COPY, Kind.UNLOAD):
        return Statement(sql, kind, tokens)
    changed, design = sql, None
    if about_masks := masking_policy(sql, tokens):
        return Statement(about_masks, kind, tokens, as_written=False)
    if first == "CREATE":
        changed, design = create_table(_bound_early(sql, tokens), tokens)
    elif follows(tokens, 0, "ALTER", "TABLE"):
        changed, design = alter_table(sql, tokens)
    elif change := _CHANGES.get(first):
        changed = change(sql, tokens)
    changed = _folded(changed)
    return Statement(changed, kind, tokens, changed == sql, design)


def _folded(sql: str) -> str:
    """Quoted names in lower case, as Redshift has them by default."""
    if '"' not in sql:
        return sql
    edits = Edits(sql)
    for token in tokens_of(sql):
        if token.kind == "quoted" and token.text != token.text.lower():
            edits.replace(token, token, token.text.lower())
    return edits.applied()


def _bound_early(sql: str, tokens: list[Token]) -> str:
    """Without the words that make a view late: PostgreSQL has no such view, and no such columns.

    So here what a view reads cannot be dropped under it; in Redshift it can.
    """
    late = follows(tokens, len(tokens) - 4, "WITH", "NO", "SCHEMA", "BINDING")
    return sql[: tokens[-4].start] if late else sql


def _begin(sql: str, tokens: list[Token]) -> str:
    """Whatever level is asked for, it is Redshift's SNAPSHOT: PostgreSQL's REPEATABLE READ."""
    words = [t.key for t in tokens]
    if words[0] == "START" and words[1:2] != ["TRANSACTION"]:
        return sql
    known = {"BEGIN", "START", "WORK", "TRANSACTION", "ISOLATION", "LEVEL", "READ", "COMMITTED"}
    known |= {"UNCOMMITTED", "REPEATABLE", "SERIALIZABLE", "SNAPSHOT", "WRITE", "ONLY", ","}
    if set(words) - known:
        return sql
    only = " READ ONLY" if "ONLY" in words else ""
    return f"BEGIN ISOLATION LEVEL REPEATABLE READ{only}"


def _setting(sql: str, tokens: list[Token]) -> str:
    edits = Edits(sql)
    for token in tokens[1:3]:
        if token.key.lower() in _OWN_SETTINGS:
            edits.replace(token, token, f"double.{token.name}")
    return edits.applied()


def _grant(sql: str, tokens: list[Token]) -> str:
    """PostgreSQL knows roles without the word."""
    edits = Edits(sql)
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.key == "ROLE" and after.is_name and before.key in ("TO", "FROM", ",", *_GRANTS):
            edits.remove([token])
    return edits.applied()


def _vacuum(sql: str, tokens: list[Token]) -> str:
    """Its options concern blocks and sort order, which are not here."""
    at = 1
    while at < len(tokens) and tokens[at].key in {
        "FULL", "SORT", "DELETE", "ONLY", "REINDEX", "RECLUSTER",
    }:  # fmt: skip
        at += 1
    name, _ = table_name(tokens, at)
    return f"VACUUM {''.join(t.text for t in name)}"


def _analyze(sql: str, tokens: list[Token]) -> str:
    return sql[: tokens[-2].start] if follows(tokens[-2:], 0, "PREDICATE", "COLUMNS") else sql


_GRANTS = ("GRANT", "REVOKE")
_CHANGES = {
    "BEGIN": _begin,
    "START": _begin,
    "SET": _setting,
    "RESET": _setting,
    "SHOW": _setting,
    "GRANT": _grant,
    "REVOKE": _grant,
    "VACUUM": _vacuum,
    "ANALYZE": _analyze,
}
