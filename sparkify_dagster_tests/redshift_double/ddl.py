"""Redshift's words in CREATE TABLE and ALTER TABLE, taken out for PostgreSQL.

What belongs here: what a table statement says beyond names and types. How tables are distributed,
sorted and encoded is remembered for the system views (`designs`); nothing uses it. That a VARCHAR
counts bytes is the business of an event trigger, in `catalog`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sparkify_dagster_tests.redshift_double.wire import SqlError
from sparkify_dagster_tests.redshift_language.tokens import (
    Edits,
    Token,
    closing,
    follows,
    items,
    table_name,
)

_TABLE_CONSTRAINTS = {"CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN"}
_ENCODINGS = {
    "AUTO", "AZ64", "BYTEDICT", "DELTA", "DELTA32K", "LZO", "MOSTLY8", "MOSTLY16", "MOSTLY32",
    "RAW", "RUNLENGTH", "TEXT255", "TEXT32K", "ZSTD",
}  # fmt: skip
_STYLES = {"AUTO", "EVEN", "ALL", "KEY"}
_DEFAULT_TEXT = "VARCHAR(256)"
_LONGEST = 65535
# What PostgreSQL has, and Redshift has not, as the type of a column.
_UNKNOWN_TYPES = {
    "SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL4", "SERIAL8", "JSON", "JSONB", "BYTEA", "UUID",
    "INET", "CIDR", "MONEY", "XML", "TSVECTOR",
}  # fmt: skip
NOT_ON_TABLES = (
    "Specified types or functions (one per INFO message) not supported on Redshift tables."
)
_NOTHING_TO_DO = "SET WITHOUT CLUSTER"
_CLUSTER = ("DISTSTYLE", "DISTKEY", "SORTKEY", "COMPOUND", "INTERLEAVED", "ENCODE")


@dataclass(slots=True)
class Design:
    """What a statement says about a table's place in a cluster.

    Attributes:
        table: Its name as SQL.
        is_new: It says how a table is made, not how one is altered.
        style: `EVEN`, `ALL`, `KEY` or `AUTO`; blank where nothing is said.
        sort: The columns of the sort key; None where nothing is said.
    """

    table: str
    is_new: bool = True
    style: str = ""
    distkey: str = ""
    sort: list[str] | None = None
    interleaved: bool = False
    encodings: dict[str, str] = field(default_factory=dict)

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self.style or self.sort is not None or self.encodings)


def create_table(sql: str, tokens: Sequence[Token]) -> tuple[str, Design | None]:
    """The statement for PostgreSQL, and the table's design; None where it makes no table."""
    at = _after_create_table(tokens)
    if at is None:
        return sql, None
    edits = Edits(sql)
    name, at = table_name(tokens, at)
    design = Design("".join(t.text for t in name))
    if follows(tokens, at, "("):
        end = closing(tokens, at)
        columns = items(tokens[at + 1 : end])
        if not follows(tokens, at + 1, "LIKE") and any(len(c) > 1 for c in columns):
            _columns(edits, columns, design)
        at = end + 1
    _attributes(edits, tokens, at, design)
    return edits.applied(), design


def alter_table(sql: str, tokens: Sequence[Token]) -> tuple[str, Design | None]:
    """The statement for PostgreSQL, in which there is no cluster; and what it says of that."""
    name, at = table_name(tokens, 2)
    table = "".join(t.text for t in name)
    rest, design = tokens[at:], Design(table, is_new=False)
    first, second = [t.key for t in (*rest[:2],)] + [""] * (2 - len(rest[:2]))
    if concerns_cluster(tokens):
        for clause in items(list(rest)):
            _alter(clause, design)
        return f"ALTER TABLE {table} {_NOTHING_TO_DO}", design
    if first == "ADD" and second in _TABLE_CONSTRAINTS:
        return f"ALTER TABLE {table} {_NOTHING_TO_DO}", None
    if first == "ADD":
        edits = Edits(sql)
        _column(edits, list(rest[2 if second == "COLUMN" else 1 :]), design)
        return edits.applied(), design
    return sql, None


def concerns_cluster(tokens: Sequence[Token]) -> bool:
    """Whether an ALTER TABLE changes where rows lie, or how they are encoded."""
    _, at = table_name(tokens, 2)
    first, second = [t.key for t in (*tokens[at : at + 2],)] + [""] * (2 - len(tokens[at : at + 2]))
    words = {t.key for t in tokens[at:]}
    return first == "ALTER" and (second in _CLUSTER or (second == "COLUMN" and "ENCODE" in words))


def _alter(clause: list[Token], design: Design) -> None:
    """What one clause of an ALTER TABLE says."""
    if follows(clause, 1, "COLUMN"):
        _known(clause[4:5], _ENCODINGS)
        design.encodings[clause[2].name] = clause[4].key
    elif follows(clause, 1, "SORTKEY", "NONE"):
        design.sort = []
    elif follows(clause, 1, "DISTKEY"):
        design.style, design.distkey = "KEY", clause[2].name
    elif _attribute(clause, 1, design) == 1:
        raise _syntax_error(clause[1:2])


def _after_create_table(tokens: Sequence[Token]) -> int | None:
    """The index of the name in a CREATE TABLE."""
    at = 1
    while at < len(tokens) and tokens[at].key in ("LOCAL", "TEMP", "TEMPORARY"):
        at += 1
    if not (follows(tokens, 0, "CREATE") and follows(tokens, at, "TABLE")):
        return None
    return at + 4 if follows(tokens, at + 1, "IF", "NOT", "EXISTS") else at + 1


def _columns(edits: Edits, columns: list[list[Token]], design: Design) -> None:
    """Columns stay, constraints of the whole table go with the comma before them."""
    for before, column in zip([[], *columns], columns, strict=False):
        if not column or column[0].key not in _TABLE_CONSTRAINTS:
            _column(edits, column, design)
        elif before:
            edits.replace(_comma(before[-1]), column[-1], "")
        else:
            raise SqlError("0A000", "the double wants columns before the constraints of a table")


def _comma(after: Token) -> Token:
    """A token of no width right after another one: where the comma begins."""
    return Token("symbol", "", after.end, "")


def _column(edits: Edits, column: list[Token], design: Design) -> None:
    if len(column) < 2:
        return
    _type(edits, column)
    at = 2
    while at < len(column):
        at = _column_attribute(edits, column, at, design)


def _type(edits: Edits, column: list[Token]) -> None:
    kind = column[1]
    if kind.key in _UNKNOWN_TYPES or follows(column, 2, "["):
        raise SqlError("0A000", NOT_ON_TABLES, f'Column "{column[0].name}" is {kind.text}.')
    if kind.key in ("TEXT", "VARCHAR", "NVARCHAR") and not follows(column, 2, "("):
        edits.replace(kind, kind, _DEFAULT_TEXT)
    elif kind.key in ("VARCHAR", "NVARCHAR") and len(column) > 4:
        length = column[3]
        if length.key == "MAX":
            edits.replace(length, length, str(_LONGEST))
        elif not length.text.isdigit() or not 0 < int(length.text) <= _LONGEST:
            raise SqlError(
                "22023",
                f"length for type varchar cannot exceed {_LONGEST}",
            )


def _column_attribute(edits: Edits, column: list[Token], at: int, design: Design) -> int:
    """Takes out one attribute that is Redshift's; gives the index to go on at."""
    word = column[at]
    end = at + 1
    if word.key == "ENCODE":
        end = at + 2
        _known(column[at + 1 : end], _ENCODINGS)
        design.encodings[column[0].name] = column[at + 1].key
        edits.remove(column[at:end])
    elif word.key == "DISTKEY":
        design.style, design.distkey = "KEY", column[0].name
        edits.remove([word])
    elif word.key == "SORTKEY":
        design.sort = [column[0].name]
        edits.remove([word])
    elif word.key == "UNIQUE":
        edits.remove([word])
    elif follows(column, at, "PRIMARY", "KEY"):
        end = at + 2
        edits.replace(word, column[at + 1], "NOT NULL")
    elif word.key == "REFERENCES":
        _, end = table_name(column, at + 1)
        if follows(column, end, "("):
            end = closing(column, end) + 1
        edits.remove(column[at:end])
    elif word.key == "(":
        end = closing(column, at) + 1
    return end


def _attributes(edits: Edits, tokens: Sequence[Token], at: int, design: Design) -> None:
    """The attributes of the whole table, after its columns; up to the AS of a query."""
    while at < len(tokens) and tokens[at].key != "AS":
        end = _attribute(tokens, at, design)
        if end == at:
            return
        edits.remove(tokens[at:end])
        at = end


def _attribute(tokens: Sequence[Token], at: int, design: Design) -> int:
    """The index after an attribute of Redshift; the same index where there is none."""
    word = tokens[at].key
    if word == "DISTSTYLE":
        _known(tokens[at + 1 : at + 2], _STYLES)
        design.style = tokens[at + 1].key
        return at + 2
    if word == "DISTKEY":
        design.style, design.distkey = "KEY", tokens[at + 2].name
        return closing(tokens, at + 1) + 1
    if word in ("COMPOUND", "INTERLEAVED"):
        design.interleaved = word == "INTERLEAVED"
        return _sort_key(tokens, at + 1, design)
    if word == "SORTKEY":
        return _sort_key(tokens, at, design)
    if word == "ENCODE":
        _known(tokens[at + 1 : at + 2], {"AUTO"})
        return at + 2
    if word == "BACKUP":
        _known(tokens[at + 1 : at + 2], {"YES", "NO"})
        return at + 2
    return at


def _sort_key(tokens: Sequence[Token], at: int, design: Design) -> int:
    if not follows(tokens, at, "SORTKEY"):
        raise _syntax_error(tokens[at : at + 1])
    if follows(tokens, at + 1, "AUTO"):
        return at + 2
    if not follows(tokens, at + 1, "("):
        raise _syntax_error(tokens[at + 1 : at + 2])
    end = closing(tokens, at + 1)
    design.sort = [t.name for t in tokens[at + 2 : end] if t.key != ","]
    return end + 1


def _known(tokens: Sequence[Token], words: set[str]) -> None:
    if not tokens or tokens[0].key not in words:
        raise _syntax_error(tokens)


def _syntax_error(tokens: Sequence[Token]) -> SqlError:
    where = f'at or near "{tokens[0].text}"' if tokens else "at end of input"
    return SqlError("42601", f"syntax error {where}")
