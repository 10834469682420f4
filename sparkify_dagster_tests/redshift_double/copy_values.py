"""JSON values as values of columns, the way COPY turns one into the other.

What belongs here: one converter per type, made for one column. Pure. Where Redshift's behaviour
is not documented (`1.0` or blanks in an integer) it is an error here, so nothing can rely on it.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from sparkify_dagster_tests.redshift_double.copy_statement import CopyStatement
from sparkify_dagster_tests.redshift_double.json_records import BadRecord, Number, json_text

Convert = Callable[[Any], str | None]


@dataclass(frozen=True)
class Column:
    """A column that is to be filled.

    Attributes:
        kind: Its type without length, as PostgreSQL writes it.
        length: Of a character type, in bytes.
        scale: Of a NUMERIC, whose precision is `length`.
    """

    name: str
    kind: str
    not_null: bool
    length: int = 0
    scale: int = 0


class Misfit(Exception):
    """A value that does not go into its column.

    Attributes:
        code: Redshift's code for it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def column_of(name: str, declared: str, not_null: bool) -> Column:
    """A column from its type as `format_type` writes it."""
    kind, _, rest = declared.partition("(")
    numbers, _, after = rest.partition(")")
    sizes = [int(n) for n in numbers.split(",") if n.strip().isdigit()] + [0, 0]
    return Column(name, kind + after, not_null, sizes[0], sizes[1])


class RowMaker:
    """Makes the text of a row for PostgreSQL's own COPY."""

    def __init__(self, columns: Sequence[Column], copy: CopyStatement) -> None:
        self._columns = list(columns)
        self._converts = [converter(column, copy) for column in columns]

    def row(self, values: Sequence[Any]) -> str:
        """One line of text format.

        Raises:
            BadRecord: A value does not go into its column; says which.
        """
        cells = []
        for column, convert, value in zip(self._columns, self._converts, values, strict=True):
            try:
                cell = None if value is None else convert(value)
                if cell is not None:
                    cells.append(_escaped(cell))
                    continue
            except Misfit as error:
                raise BadRecord(error.code, str(error), column.name, _shown(value)) from None
            if column.not_null:
                raise BadRecord(1213, "Missing data for not-null field", column.name)
            cells.append("\\N")
        return "\t".join(cells) + "\n"


_SPECIAL = re.compile("[\\\\\t\n\r\0\ud800-\udfff]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def _escaped(cell: str) -> str:
    return _SPECIAL.sub(_escape, cell) if _SPECIAL.search(cell) else cell


def _escape(found: re.Match[str]) -> str:
    try:
        return _ESCAPES[found.group()]
    except KeyError:
        raise Misfit(1220, "String contains invalid or unsupported UTF8 codepoints") from None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


# --------------------------------------------------------------------------------------------------
# By type
# --------------------------------------------------------------------------------------------------


def converter(column: Column, copy: CopyStatement) -> Convert:
    """How values go into a column.

    Raises:
        KeyError: The double knows no such type.
    """
    if column.kind in ("character varying", "character"):
        return _characters(column, copy)
    if column.kind in _INTEGERS:
        return _integers(column.kind)
    if column.kind in ("double precision", "real"):
        return _floats(column.kind)
    if column.kind == "numeric":
        return _decimals(column)
    if column.kind == "timestamp without time zone":
        return {"epochsecs": _epoch(1), "epochmillisecs": _epoch(1000)}.get(
            copy.time_format or "", _timestamps(auto=copy.time_format == "auto")
        )
    return {"boolean": _boolean, "date": _date}[column.kind]


def _characters(column: Column, copy: CopyStatement) -> Convert:
    most = column.length or 65535
    single = column.kind == "character"

    def convert(value: Any) -> str | None:
        text = _text(value)
        if copy.empty_as_null and not text:
            return None
        if copy.blanks_as_null and text and text.isspace():
            return None
        if single and not text.isascii():
            raise Misfit(1220, "CHAR holds single-byte characters only")
        if len(text) * 4 > most:
            return _within(text, most, cut=copy.truncate)
        return text

    return convert


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, Number):
        return str(value)
    return json_text(value)


def _within(text: str, most: int, *, cut: bool) -> str:
    """At most so many bytes of UTF-8. Trailing blanks count, too."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= most:
        return text
    if not cut:
        raise Misfit(1204, "String length exceeds DDL length")
    return data[:most].decode(errors="ignore")


_INTEGERS = {"smallint": 16, "integer": 32, "bigint": 64}
_INTEGER = re.compile(r"-?[0-9]+\Z")
_FLOAT = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:nan|-?inf(?:inity)?)\Z", re.IGNORECASE)


def _scalar(value: Any, code: int, kind: str) -> str:
    """The text of a number or a string.

    Raises:
        Misfit: It is a boolean, an array or an object.
    """
    if isinstance(value, str):
        return value
    raise Misfit(code, f"Invalid value {json_text(value)[:40]}, Type: {kind}")


def _integers(kind: str) -> Convert:
    bound = 2 ** (_INTEGERS[kind] - 1)
    title = {"smallint": "Short", "integer": "Integer", "bigint": "Long"}[kind]

    def convert(value: Any) -> str | None:
        text = _scalar(value, 1207, title)
        if not text:
            return None
        if not _INTEGER.match(text):
            raise Misfit(1207, f"Invalid digit, Value '{text[:40]}', Type: {title}")
        if len(text) > 20 or not -bound <= int(text) < bound:
            raise Misfit(1204, f"Overflow, Value '{text[:40]}', Type: {title}")
        return text

    return convert


def _floats(kind: str) -> Convert:
    def convert(value: Any) -> str | None:
        text = _scalar(value, 1208, "Float")
        if not text:
            return None
        if type(value) is str and _NOT_FINITE.match(text):
            return text
        if not _FLOAT.match(text):
            raise Misfit(1208, f"Invalid digit, Value '{text[:40]}', Type: Float")
        if not _representable(text, kind):
            raise Misfit(1204, f"Overflow, Value '{text[:40]}', Type: Float")
        return text

    return convert


def _representable(text: str, kind: str) -> bool:
    """Whether it neither overflows nor vanishes."""
    number = float(text)
    if kind == "real":
        try:
            (number,) = struct.unpack("f", struct.pack("f", number))
        except OverflowError:
            return False
    vanished = number == 0 and any(c in "123456789" for c in re.split("[eE]", text)[0])
    return math.isfinite(number) and not vanished


def _decimals(column: Column) -> Convert:
    def convert(value: Any) -> str | None:
        text = _scalar(value, 1209, "Decimal")
        if not text:
            return None
        if not _FLOAT.match(text) or len(text) > 200:
            raise Misfit(1209, f"Invalid digit, Value '{text[:40]}', Type: Decimal")
        if abs(Decimal(text).adjusted()) > 60:
            raise Misfit(1204, f"Overflow, Value '{text[:40]}', Type: Decimal")
        # COPY cuts where SQL rounds.
        cut = Decimal(text).quantize(Decimal(1).scaleb(-column.scale), ROUND_DOWN)
        if cut and cut.adjusted() >= column.length - column.scale:
            raise Misfit(1204, f"Overflow, Value '{text[:40]}', Type: Decimal")
        return format(cut, "f")

    return convert


def _boolean(value: Any) -> str | None:
    if isinstance(value, bool):
        return "t" if value else "f"
    if value == "":
        return None
    if type(value) is str and value.lower() in {"t", "true", "y", "yes", "1"}:
        return "t"
    if type(value) is str and value.lower() in {"f", "false", "n", "no", "0"}:
        return "f"
    raise Misfit(1210, f"Invalid boolean value {_shown(value)[:40]}")


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def _date(value: Any) -> str | None:
    if value == "":
        return None
    if type(value) is str and _DATE.match(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise Misfit(1205, "Invalid Date Format - length must be 10 or more")


_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:([ T])([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?))?\Z"
)


def _timestamps(*, auto: bool) -> Convert:
    """ISO forms without a zone; the T between date and time is `auto`'s."""

    def convert(value: Any) -> str | None:
        if value == "":
            return None
        found = _TIMESTAMP.match(value) if type(value) is str else None
        if found and (auto or found.group(2) == " "):
            try:
                when = datetime.fromisoformat(f"{found.group(1)} {found.group(3) or '00:00:00'}")
                return when.isoformat(sep=" ")
            except ValueError:
                pass
        raise Misfit(1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]")

    return convert


_EPOCH = datetime(1970, 1, 1)


def _epoch(per_second: int) -> Convert:
    """Whole seconds or milliseconds since 1970, of the years 1 to 9999."""
    unit = timedelta(seconds=1) / per_second

    def convert(value: Any) -> str | None:
        text = _scalar(value, 1206, "Timestamp")
        if not text:
            return None
        try:
            if not _INTEGER.match(text) or len(text) > 20:
                raise ValueError(text)
            return (_EPOCH + int(text) * unit).isoformat(sep=" ")
        except (ValueError, OverflowError):
            raise Misfit(1206, f"Invalid epoch, Value '{text[:40]}'") from None

    return convert
