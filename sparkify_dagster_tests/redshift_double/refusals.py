"""What Redshift refuses, and PostgreSQL would take.

What belongs here: which of the language guard's findings end a statement, where some statements may
stand, and what the double itself cannot do.
"""

from __future__ import annotations

from collections.abc import Sequence

from sparkify_dagster_tests.redshift_double.ddl import concerns_cluster
from sparkify_dagster_tests.redshift_double.wire import SqlError
from sparkify_dagster_tests.redshift_language import MOST_BYTES, of_statement
from sparkify_dagster_tests.redshift_language.tokens import Token, follows, table_name

Tokens = Sequence[Token]

# No function of Redshift's; tests call it to have a statement that takes a while.
_OF_TESTS = {"pg_sleep"}
MOST_FETCHED = 1000


def refuse_size(text: str) -> None:
    """Looks at all that a client sent at once.

    Raises:
        SqlError: It is longer than Redshift reads.
    """
    if len(text) > MOST_BYTES or len(text.encode()) > MOST_BYTES:
        raise SqlError("54000", f"Statement is too large. Statement Size: {len(text.encode())}")


def refuse(tokens: Tokens) -> None:
    """Looks at one statement.

    Raises:
        SqlError: Redshift would refuse it, or the double cannot do it.
    """
    _not_in_the_double(tokens)
    _refuse_fetch(tokens)
    for finding in of_statement(tokens):
        if finding.words not in _OF_TESTS:
            raise SqlError(finding.sqlstate, finding.error)


def refuse_in_block(tokens: Tokens) -> None:
    """Looks at one statement that comes within a transaction block.

    Raises:
        SqlError: It may not stand there.
    """
    if tokens[0].key == "VACUUM":
        raise SqlError("25001", "VACUUM cannot run inside a transaction block")
    if _is_append(tokens):
        raise SqlError("25001", "ALTER TABLE APPEND cannot run inside a transaction block")
    if follows(tokens, 0, "ALTER", "TABLE") and _alone(tokens):
        raise SqlError("25001", "ALTER TABLE ALTER COLUMN cannot run inside a transaction block")


def refuse_outside_block(tokens: Tokens) -> None:
    """Looks at one statement that comes in no transaction block.

    Raises:
        SqlError: It may stand nowhere else, or the double cannot do it.
    """
    if _is_append(tokens):
        raise SqlError("0A000", "the double of Redshift cannot do ALTER TABLE APPEND")
    if tokens[0].key == "LOCK":
        raise SqlError("25P01", "LOCK TABLE can only be used in transaction blocks")


def _refuse_fetch(tokens: Tokens) -> None:
    """A cursor of a cluster of one node gives so many rows at once and no more."""
    asked = next((t.key for t in tokens[1:3] if t.kind == "number" or t.key == "ALL"), "1")
    if tokens[0].key == "FETCH" and (asked == "ALL" or int(asked) > MOST_FETCHED):
        raise SqlError(
            "XX000",
            f"Fetch size {asked} exceeds the limit of {MOST_FETCHED} for a single node "
            "configuration. Reduce the client fetch/cache size or upgrade to a multi node "
            "installation.",
        )


def _alone(tokens: Tokens) -> bool:
    """Whether an ALTER TABLE must stand by itself.

    Of a column's type that is documented; of encodings, distribution and sort keys AWS says nothing
    of it, and the double is strict.
    """
    _, after = table_name(tokens, 2)
    return concerns_cluster(tokens) or follows(tokens, after, "ALTER", "COLUMN")


def _is_append(tokens: Tokens) -> bool:
    _, after = table_name(tokens, 2)
    return follows(tokens, 0, "ALTER", "TABLE") and follows(tokens, after, "APPEND")


def _not_in_the_double(tokens: Tokens) -> None:
    """What Redshift has, and the double has not: never to be taken for Redshift's own answer."""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.key == "QUALIFY" and (before is None or before.key != "."):
            raise SqlError("0A000", "the double of Redshift cannot do QUALIFY")
