"""Redshift's COPY as it is written.

What belongs here: parsing the statement. Options stand in any order; one we do not know is an
error, never passed over.
https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sparkify_dagster_tests.redshift_double.wire import SqlError
from sparkify_dagster_tests.redshift_language.tokens import Token, closing, follows, table_name

_MOST_ERRORS = 100_000
_NOT_WITH_JSON = {
    "CSV", "DELIMITER", "ESCAPE", "FILLRECORD", "FIXEDWIDTH", "IGNOREBLANKLINES", "NULL",
    "READRATIO", "REMOVEQUOTES",
}  # fmt: skip
_TIME_FORMATS = {"auto", "epochsecs", "epochmillisecs"}


@dataclass
class CopyStatement:
    """What a COPY says.

    Attributes:
        table: The table's name, as SQL.
        columns: The column list; empty where there is none.
        source: Where the data, or the manifest, is.
        roles: The roles of IAM_ROLE, in the order of their chain.
        json: `auto`, `auto ignorecase` or the place of a JSONPaths document.
        region: The region of the data; None is the cluster's own.
        max_errors: With so many bad rows the load fails.
    """

    table: str
    columns: list[str]
    source: str
    roles: list[str] = field(default_factory=list)
    json: str | None = None
    manifest: bool = False
    gzip: bool = False
    region: str | None = None
    time_format: str | None = None
    date_format: str | None = None
    max_errors: int = 0
    truncate: bool = False
    blanks_as_null: bool = False
    empty_as_null: bool = False

    @property
    def table_name(self) -> str:
        """The table's name without its schema, as messages have it."""
        return self.table.rpartition(".")[2].strip('"').lower()


def parse_copy(tokens: Sequence[Token]) -> CopyStatement:
    """Reads the tokens of a COPY.

    Raises:
        SqlError: It is not one Redshift (or the double) takes.
    """
    reader = OptionReader(tokens)
    statement = reader.head()
    seen: set[str] = set()
    while not reader.at_end:
        word = reader.option()
        if word in seen:
            raise SqlError("42601", f"conflicting or redundant options: {word}")
        seen.add(word)
        if word in _NOT_WITH_JSON:
            raise SqlError("0A000", f"{word} is not supported with JSON")
        if word not in _OPTIONS:
            raise reader.error(-1)
        _OPTIONS[word](reader, statement)
    if not statement.roles:
        raise SqlError("42601", "COPY needs IAM_ROLE")
    if statement.json is None:
        raise SqlError("0A000", "the double of Redshift copies JSON only")
    return statement


class OptionReader:
    """Goes through the tokens of a COPY or an UNLOAD from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 1

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def head(self) -> CopyStatement:
        """Table, columns and source."""
        name, self._at = table_name(self._tokens, 1)
        if not name:
            raise self.error()
        columns: list[str] = []
        if follows(self._tokens, self._at, "("):
            end = closing(self._tokens, self._at)
            columns = [t.name for t in self._tokens[self._at + 1 : end] if t.key != ","]
            self._at = end + 1
        self.word("FROM")
        table = "".join(t.text.lower() for t in name)
        return CopyStatement(table, columns, self.string())

    def option(self) -> str:
        """The word an option begins with; FORMAT AS may come before JSON."""
        word = self.next()
        if word.key == "FORMAT":
            self.maybe("AS")
            word = self.next()
        return word.key

    def next(self) -> Token:
        if self.at_end:
            raise self.error()
        self._at += 1
        return self._tokens[self._at - 1]

    def maybe(self, *words: str) -> str | None:
        """One of the words if it comes next."""
        if not self.at_end and self._tokens[self._at].key in words:
            return self.next().key
        return None

    def word(self, *words: str) -> str:
        """One of the words, which must come next."""
        found = self.maybe(*words)
        if found is None:
            raise self.error()
        return found

    def string(self) -> str:
        """A string, which must come next."""
        if self.at_end or self._tokens[self._at].kind != "string":
            raise self.error()
        return self.next().value

    def number(self) -> int:
        """A whole number, which must come next."""
        if self.at_end or not self._tokens[self._at].text.isdigit():
            raise self.error()
        return int(self.next().text)

    def error(self, by: int = 0) -> SqlError:
        """The error about the next token, or one a few before it."""
        at = self._at + by
        if at >= len(self._tokens):
            return SqlError("42601", "syntax error at end of input")
        return SqlError("42601", f'syntax error at or near "{self._tokens[at].text}"')


def _role(reader: OptionReader, statement: CopyStatement) -> None:
    if reader.maybe("DEFAULT"):
        statement.roles = ["default"]
    else:
        statement.roles = reader.string().split(",")


def _json(reader: OptionReader, statement: CopyStatement) -> None:
    reader.maybe("AS")
    statement.json = reader.string()
    if statement.json == "noshred":
        raise SqlError("0A000", "the double of Redshift has no SUPER")
    if statement.json not in ("auto", "auto ignorecase") and not statement.json.startswith("s3://"):
        raise SqlError("XX000", f"The specified jsonpaths file {statement.json!r} is no S3 path")


def _region(reader: OptionReader, statement: CopyStatement) -> None:
    reader.maybe("AS")
    statement.region = reader.string()


def _time_format(reader: OptionReader, statement: CopyStatement) -> None:
    reader.maybe("AS")
    statement.time_format = reader.string()
    if statement.time_format not in _TIME_FORMATS:
        raise SqlError("0A000", f"the double has no TIMEFORMAT {statement.time_format!r}")


def _date_format(reader: OptionReader, statement: CopyStatement) -> None:
    reader.maybe("AS")
    statement.date_format = reader.string()
    if statement.date_format != "auto":
        raise SqlError("0A000", f"the double has no DATEFORMAT {statement.date_format!r}")


def _max_errors(reader: OptionReader, statement: CopyStatement) -> None:
    reader.maybe("AS")
    statement.max_errors = reader.number()
    if statement.max_errors > _MOST_ERRORS:
        raise SqlError("22023", f"MAXERROR must be between 0 and {_MOST_ERRORS}")


def _flag(name: str) -> Callable[[OptionReader, CopyStatement], None]:
    return lambda reader, statement: setattr(statement, name, True)


def _no_matter(*words: str) -> Callable[[OptionReader, CopyStatement], None]:
    """An option that changes nothing a test could see; its word may be left out."""

    def read(reader: OptionReader, statement: CopyStatement) -> None:
        reader.maybe(*words)

    return read


_OPTIONS: dict[str, Callable[[OptionReader, CopyStatement], None]] = {
    "IAM_ROLE": _role,
    "JSON": _json,
    "MANIFEST": _flag("manifest"),
    "GZIP": _flag("gzip"),
    "REGION": _region,
    "TIMEFORMAT": _time_format,
    "DATEFORMAT": _date_format,
    "MAXERROR": _max_errors,
    "TRUNCATECOLUMNS": _flag("truncate"),
    "BLANKSASNULL": _flag("blanks_as_null"),
    "EMPTYASNULL": _flag("empty_as_null"),
    "COMPUPDATE": _no_matter("ON", "OFF", "PRESET", "TRUE", "FALSE"),
    "STATUPDATE": _no_matter("ON", "OFF", "TRUE", "FALSE"),
}
