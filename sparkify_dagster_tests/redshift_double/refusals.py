"""What PostgreSQL takes and Redshift refuses.

What belongs here: one short function per refusal, on the tokens of one statement. They are the
ones somebody who knows PostgreSQL would write; Redshift refuses far more.
https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-and-postgres-sql.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sparkify_dagster_tests.redshift_double.ddl import NOT_ON_TABLES
from sparkify_dagster_tests.redshift_double.tokens import Token, follows, table_name
from sparkify_dagster_tests.redshift_double.wire import SqlError

Tokens = Sequence[Token]

# Reserved in Redshift. PostgreSQL takes most of them as names, at least after a dot.
_RESERVED = """
    AES128 AES256 ALL ALLOWOVERWRITE ANALYSE ANALYZE AND ANY ARRAY AS ASC AUTHORIZATION AZ64
    BACKUP BETWEEN BINARY BLANKSASNULL BOTH BYTEDICT BZIP2 CASE CAST CHECK COLLATE COLUMN
    CONSTRAINT CREATE CREDENTIALS CROSS CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
    CURRENT_USER_ID DEFAULT DEFERRABLE DEFLATE DEFRAG DELTA DELTA32K DESC DISABLE DISTINCT DO ELSE
    EMPTYASNULL ENABLE ENCODE ENCRYPT ENCRYPTION END EXCEPT EXPLICIT FALSE FOR FOREIGN FREEZE FROM
    FULL GLOBALDICT256 GLOBALDICT64K GRANT GROUP GZIP HAVING IDENTITY IGNORE ILIKE IN INITIALLY
    INNER INTERSECT INTERVAL INTO IS ISNULL JOIN LEADING LEFT LIKE LIMIT LOCALTIME LOCALTIMESTAMP
    LUN LUNS LZO LZOP MINUS MOSTLY16 MOSTLY32 MOSTLY8 NATURAL NEW NOT NOTNULL NULL NULLS OFF
    OFFLINE OFFSET OLD ON ONLY OPEN OR ORDER OUTER OVERLAPS PARALLEL PARTITION PERCENT
    PERMISSIONS PIVOT PLACING PRIMARY RAW READRATIO RECOVER REFERENCES REJECTLOG RESORT RESPECT
    RESTORE RIGHT SELECT SESSION_USER SIMILAR SNAPSHOT SOME SYSDATE SYSTEM TABLE TAG TDES TEXT255
    TEXT32K THEN TIMESTAMP TO TOP TRAILING TRUE TRUNCATECOLUMNS UNION UNIQUE UNNEST UNPIVOT USER
    USING VERBOSE WALLET WHEN WHERE WITH WITHOUT
"""
RESERVED = frozenset(_RESERVED.split())
# Of these none has a part in the statements below, so each is somebody's name for something.
_NAMES_ONLY = {"TAG", "DELTA", "OPEN", "SNAPSHOT", "SYSTEM", "NEW", "OLD", "PERCENT", "WALLET"}
_QUERIES = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "CREATE", "("}
_NO_SUCH_FUNCTION = {"STRING_AGG", "ARRAY_AGG", "JSONB_AGG", "JSON_AGG", "UNNEST", "TO_JSONB"}
_NO_SUCH_TYPE = {"JSONB", "SERIAL", "BIGSERIAL", "SMALLSERIAL"}


def refuse(tokens: Tokens) -> None:
    """Looks at one statement.

    Raises:
        SqlError: Redshift would refuse it.
    """
    for rule in _RULES:
        rule(tokens)


def refuse_in_block(tokens: Tokens) -> None:
    """Looks at one statement that comes within a transaction block.

    Raises:
        SqlError: It may not stand there.
    """
    if tokens[0].key == "VACUUM":
        raise SqlError("25001", "VACUUM cannot run inside a transaction block")
    if _is_append(tokens):
        raise SqlError("25001", "ALTER TABLE APPEND cannot run inside a transaction block")


def refuse_outside_block(tokens: Tokens) -> None:
    """Looks at one statement that comes in no transaction block.

    Raises:
        SqlError: It may stand nowhere else, or the double cannot do it.
    """
    if _is_append(tokens):
        raise SqlError("0A000", "the double of Redshift cannot do ALTER TABLE APPEND")
    if tokens[0].key == "LOCK":
        raise SqlError("25P01", "LOCK TABLE can only be used in transaction blocks")


def syntax_error(token: Token) -> SqlError:
    """The error for a token nothing begins with there."""
    return SqlError("42601", f'syntax error at or near "{token.text}"')


def _is_append(tokens: Tokens) -> bool:
    _, after = table_name(tokens, 2)
    return follows(tokens, 0, "ALTER", "TABLE") and follows(tokens, after, "APPEND")


def _no_savepoints(tokens: Tokens) -> None:
    words = [t.key for t in tokens[:3]]
    if words[0] in ("SAVEPOINT", "RELEASE"):
        raise SqlError("0A000", 'SQL command "SAVEPOINT" not supported.')
    if words[0] == "ROLLBACK" and "TO" in words:
        raise syntax_error(tokens[words.index("TO")])


def _not_in_the_double(tokens: Tokens) -> None:
    """What Redshift has, and the double has not: never to be taken for Redshift's own answer."""
    if tokens[0].key == "UNLOAD":
        raise SqlError("0A000", "the double of Redshift cannot do UNLOAD")
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.key == "QUALIFY" and not _is_label(before):
            raise SqlError("0A000", "the double of Redshift cannot do QUALIFY")


def _no_copy_with_clients(tokens: Tokens) -> None:
    """PostgreSQL's COPY from and to the client, and to files of the server."""
    is_copy = tokens[0].key == "COPY"
    if is_copy and not any(t.kind == "string" and t.value.startswith("s3://") for t in tokens):
        raise SqlError("0A000", "COPY from this source is not supported")


def _no_sequences_of_words(tokens: Tokens) -> None:
    for index, token in enumerate(tokens):
        for words in _SEQUENCES.get(token.key, ()):
            if follows(tokens, index, *words) and not _is_label(_before(tokens, index)):
                raise syntax_error(tokens[index + len(words) - 1])


# By their first words.
_SEQUENCES: dict[str, list[tuple[str, ...]]] = {
    "ON": [("ON", "CONFLICT")],
    "DISTINCT": [("DISTINCT", "ON", "(")],
    "FILTER": [("FILTER", "(", "WHERE")],
    "ARRAY": [("ARRAY", "["), ("ARRAY", "(", "SELECT")],
    "IS": [("IS", "DISTINCT", "FROM"), ("IS", "NOT", "DISTINCT", "FROM")],
    "(": [("(", "VALUES")],
    "[": [("[", "]")],
    "ADD": [("ADD", "COLUMN", "IF"), ("ADD", "IF", "NOT")],
    "DO": [("DO", "NOTHING")],
    "REPLACE": [("REPLACE", "TABLE"), ("REPLACE", "TEMP"), ("REPLACE", "TEMPORARY")],
}


def _no_such_words(tokens: Tokens) -> None:
    changes = tokens[0].key in ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH")
    for index, token in enumerate(tokens):
        if _is_label(_before(tokens, index)):
            continue
        if token.key == "LATERAL" or (changes and token.key == "RETURNING"):
            raise syntax_error(token)
        if token.key in _NO_SUCH_TYPE:
            raise SqlError("42704", f'type "{token.name}" does not exist')
        if token.key in _NO_SUCH_FUNCTION and follows(tokens, index + 1, "("):
            raise SqlError("42883", f"function {token.name}() does not exist")


def _values_are_no_table(tokens: Tokens) -> None:
    if tokens[0].key == "VALUES":
        raise syntax_error(tokens[0])


def _series_on_the_leader_only(tokens: Tokens) -> None:
    keys = [t.key for t in tokens]
    alone = keys[0] == "SELECT" and "FROM" not in keys
    if "GENERATE_SERIES" in keys and keys[0] in _QUERIES and not alone:
        raise SqlError("0A000", NOT_ON_TABLES, 'Function "generate_series" not supported.')


def _no_indexes(tokens: Tokens) -> None:
    if follows(tokens, 0, "CREATE", "INDEX") or follows(tokens, 0, "CREATE", "UNIQUE", "INDEX"):
        raise SqlError("0A000", 'SQL command "CREATE INDEX" not supported on Redshift tables.')


def _no_checks(tokens: Tokens) -> None:
    if tokens[0].key not in ("CREATE", "ALTER") or "TABLE" not in [t.key for t in tokens[:4]]:
        return
    for index, token in enumerate(tokens):
        if token.key == "AS" and index:
            return
        if token.key == "CHECK" and follows(tokens, index + 1, "("):
            raise SqlError("0A000", "CHECK constraints are not supported on Redshift tables.")


def _no_cautious_ctas(tokens: Tokens) -> None:
    keys = [t.key for t in tokens]
    if keys[0] != "CREATE" or "TABLE" not in keys[:4]:
        return
    at = keys.index("TABLE") + 1
    if not follows(tokens, at, "IF", "NOT", "EXISTS"):
        return
    depth = 0
    for token in tokens[at:]:
        depth += {"(": 1, ")": -1}.get(token.key, 0)
        if token.key == "AS" and depth == 0:
            raise syntax_error(token)


def _one_column_at_a_time(tokens: Tokens) -> None:
    depth = 0
    for token in tokens if follows(tokens, 0, "ALTER", "TABLE") else ():
        depth += {"(": 1, ")": -1}.get(token.key, 0)
        if token.key == "," and depth == 0:
            raise syntax_error(token)


def _no_reserved_names(tokens: Tokens) -> None:
    if tokens[0].key not in _QUERIES | {"ALTER", "DROP", "TRUNCATE", "LOCK", "COMMENT", "COPY"}:
        return
    for index, token in enumerate(tokens):
        before = _before(tokens, index)
        if token.kind != "word" or before is None:
            continue
        if before.key == "." and token.key in RESERVED:
            raise syntax_error(token)
        if token.key in _NAMES_ONLY and before.key not in ("AS", "ENCODE"):
            raise syntax_error(token)


def _merge_as_redshift_has_it(tokens: Tokens) -> None:
    """The target has no alias, the source is a table, both branches are there."""
    if tokens[0].key != "MERGE":
        return
    _, after = table_name(tokens, 2)
    if not follows(tokens, after, "USING"):
        raise syntax_error(tokens[min(after, len(tokens) - 1)])
    if follows(tokens, after + 1, "("):
        raise syntax_error(tokens[after + 1])
    keys = [t.key for t in tokens]
    branches = [keys[i + 1 : i + 4] for i, key in enumerate(keys) if key == "WHEN"]
    wanted = [["MATCHED", "THEN"], ["NOT", "MATCHED", "THEN"]]
    found = [b[: b.index("THEN") + 1] if "THEN" in b else b for b in branches if "MATCHED" in b]
    if sorted(found) != wanted:
        raise SqlError("42601", "MERGE needs one WHEN MATCHED and one WHEN NOT MATCHED clause")


def _before(tokens: Tokens, index: int) -> Token | None:
    return tokens[index - 1] if index else None


def _is_label(before: Token | None) -> bool:
    """Whether a word after this one is just a name: `x.word`, `AS word`."""
    return before is not None and before.key == "."


_RULES: tuple[Callable[[Tokens], None], ...] = (
    _no_savepoints,
    _not_in_the_double,
    _no_copy_with_clients,
    _no_sequences_of_words,
    _no_such_words,
    _values_are_no_table,
    _series_on_the_leader_only,
    _no_indexes,
    _no_checks,
    _no_cautious_ctas,
    _one_column_at_a_time,
    _no_reserved_names,
    _merge_as_redshift_has_it,
)
